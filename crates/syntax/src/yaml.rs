//! Reads YAML into trees, a document at a time.
//!
//! The parser is granit's; what is here is bounds, and going on behind a document that is no YAML.

use std::borrow::Cow;

use granit_parser::{Event, Options, Parser, ScalarStyle, Span, StrInput, Tag};

use crate::Note;
use crate::tree::{Id, Node, Style, Tree, Value};

/// Nodes of one document. More is no manifest.
const MAX_NODES: usize = 2_000_000;
/// Documents that cannot be read, after which the file is left alone.
const MAX_BROKEN_DOCUMENTS: usize = 16;
/// Deeper nesting is somebody's joke.
const MAX_DEPTH: usize = 100;

/// The documents of a text, and what could not be read.
pub fn read(text: &str) -> (Vec<Tree<'_>>, Vec<Note>) {
    let (mut trees, mut notes) = (Vec::new(), Vec::new());
    let mut parser = Parser::new_from_str_with_options(text, options());
    let mut broken = 0;
    loop {
        match read_document(&mut parser) {
            Ok(Some(tree)) => trees.push(tree),
            Ok(None) => break,
            Err(note) => {
                notes.push(note);
                broken += 1;
                if broken == MAX_BROKEN_DOCUMENTS
                    || !parser.proceed_next_document().unwrap_or(false)
                {
                    break;
                }
            }
        }
    }
    (trees, notes)
}

fn options() -> Options {
    let mut options = Options::default();
    options.emit_comments = false;
    options.flow_nesting_limit = MAX_DEPTH;
    options.block_nesting_limit = MAX_DEPTH;
    options
}

type Source<'t> = Parser<'t, StrInput<'t>>;

/// The next document; `None` at the end.
fn read_document<'t>(parser: &mut Source<'t>) -> Result<Option<Tree<'t>>, Note> {
    let mut building = Building::default();
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| Note {
            at: error.marker().byte_offset(),
            text: format!("not YAML: {}", error.info()),
            is_advice: false,
        })?;
        match event {
            Event::StreamEnd => return Ok(None),
            Event::DocumentEnd => return Ok(Some(Tree::new(building.nodes, building.root))),
            event => building.take(event, span)?,
        }
    }
    Ok(None)
}

/// A tree that grows by events.
#[derive(Default)]
struct Building<'t> {
    nodes: Vec<Node<'t>>,
    root: Id,
    open: Vec<Open>,
    /// The node of each anchor, by the parser's number.
    anchors: std::collections::HashMap<usize, Id>,
}

/// A collection that is not at its end.
struct Open {
    id: Id,
    key: Option<Id>,
}

impl<'t> Building<'t> {
    fn take(&mut self, event: Event<'t>, span: Span) -> Result<(), Note> {
        let range = span.byte_range().unwrap_or(0..0);
        if self.nodes.len() == MAX_NODES {
            return Err(Note::at(range.start, "too many nodes for a manifest"));
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = Value::Scalar(text, style_of(style));
                let id = self.add(value, tag, &span, anchor);
                self.attach(id);
            }
            Event::Alias(anchor) => {
                let target = self.anchors.get(&anchor).copied().unwrap_or(usize::MAX);
                let id = self.add(Value::Alias(target), None, &span, 0);
                self.attach(id);
            }
            Event::SequenceStart(_, anchor, tag) => {
                let id = self.add(Value::List(Vec::new()), tag, &span, anchor);
                self.open.push(Open { id, key: None });
            }
            Event::MappingStart(_, anchor, tag) => {
                let id = self.add(Value::Map(Vec::new()), tag, &span, anchor);
                self.open.push(Open { id, key: None });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    // A block collection ends where the next token is, comments later; its values end before.
                    if !range.is_empty() {
                        self.nodes[open.id].span.end = range.end;
                    }
                    self.attach(open.id);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn add(
        &mut self,
        value: Value<'t>,
        tag: Option<Cow<'t, Tag>>,
        span: &Span,
        anchor: usize,
    ) -> Id {
        let id = self.nodes.len();
        let range = span.byte_range().unwrap_or(0..0);
        let tag_start = span.tag_start().and_then(|mark| mark.byte_offset());
        self.nodes.push(Node {
            tag: tag.map(|tag| {
                (
                    tag.suffix().trim_start_matches('!').to_owned(),
                    tag_start.unwrap_or(range.start),
                )
            }),
            span: range,
            value,
        });
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        id
    }

    /// Gives a whole node to the collection that it is in.
    fn attach(&mut self, id: Id) {
        let end = self.nodes[id].span.end;
        let Some(open) = self.open.last_mut() else {
            self.root = id;
            return;
        };
        let parent = &mut self.nodes[open.id];
        parent.span.end = parent.span.end.max(end);
        match &mut parent.value {
            Value::List(items) => items.push(id),
            Value::Map(entries) => match open.key.take() {
                Some(key) => entries.push((key, id)),
                None => open.key = Some(id),
            },
            Value::Scalar(..) | Value::Alias(_) => {}
        }
    }
}

fn style_of(style: ScalarStyle) -> Style {
    match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
        ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
    }
}

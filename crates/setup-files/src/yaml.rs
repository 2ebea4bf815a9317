//! YAML as a tree that knows where each thing stands in the text, so that it can be changed in place.

use std::collections::HashSet;
use std::iter::Peekable;
use std::ops::Range;

use granit_parser::{Event, Parser, Span, StrInput, StructureStyle};

use crate::error::SetupError;

/// The deepest nesting that is read; deeper is no configuration.
const MAX_DEPTH: usize = 100;

/// Something in a YAML text.
#[derive(Debug)]
pub struct Node {
    /// Its bytes; a block's begin at its first child and end at its last.
    pub span: Range<usize>,
    /// Whether other places of the file may stand for it, by an alias.
    pub is_anchored: bool,
    /// Whether it is no plain text but one that a tag such as `!Ref` makes into something else.
    pub is_tagged: bool,
    /// What it is.
    pub kind: Kind,
}

/// What it is.
#[derive(Debug)]
pub enum Kind {
    /// A text, a number, a truth, or nothing: as it reads.
    Scalar(String),
    /// A list.
    List {
        /// What is in it.
        items: Vec<Node>,
        /// Whether it is written in brackets.
        is_flow: bool,
    },
    /// A map.
    Map {
        /// Keys and values.
        entries: Vec<(Node, Node)>,
        /// Whether it is written in braces.
        is_flow: bool,
    },
    /// What stands elsewhere.
    Alias,
}

/// A YAML file with one document.
pub struct Yaml<'a> {
    /// Where it is, for what is told of it.
    pub path: &'a str,
    /// All of it.
    pub text: &'a str,
    /// What the document holds; an empty scalar if it is empty.
    pub root: Node,
}

type Events<'a> = Peekable<Parser<'a, StrInput<'a>>>;

impl<'a> Yaml<'a> {
    /// Reads the first document of a text.
    pub fn parse(path: &'a str, text: &'a str) -> Result<Self, SetupError> {
        let broken = |why: String| SetupError::broken(path, "YAML", why);
        let mut events: Events<'a> = Parser::new_from_str(text).peekable();
        let mut root = None;
        while let Some(event) = events.next() {
            let (event, span) = event.map_err(|error| broken(error.to_string()))?;
            match event {
                Event::StreamStart
                | Event::StreamEnd
                | Event::Comment(..)
                | Event::DocumentStart(..)
                | Event::DocumentEnd => {}
                event if root.is_none() => {
                    root = Some(node(event, span, &mut events, 0).map_err(broken)?);
                }
                _ => return Err(broken("it holds more than one document".to_owned())),
            }
        }
        let root = root.unwrap_or(Node {
            span: 0..0,
            is_anchored: false,
            is_tagged: false,
            kind: Kind::Scalar(String::new()),
        });
        Ok(Self { path, text, root })
    }

    /// Where the line of this byte begins.
    pub fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |end| end + 1)
    }

    /// Where the line after this byte's begins, or the end of the text.
    pub fn next_line(&self, at: usize) -> usize {
        self.text[at..]
            .find('\n')
            .map_or(self.text.len(), |end| at + end + 1)
    }

    /// How far the line of this byte is indented before it: `- ` counts.
    pub fn column(&self, at: usize) -> usize {
        self.text[self.line_start(at)..at].chars().count()
    }

    /// Where a list item begins: its dash, which a block of text has on a line above.
    pub fn dash(&self, item: &Node) -> usize {
        let mut end = item.span.start;
        loop {
            let start = self.line_start(end);
            if let Some(dash) = self.text[start..end].rfind('-') {
                let is_first = self.text[start..start + dash].trim().is_empty();
                if is_first || end == item.span.start {
                    return start + dash;
                }
            }
            if start == 0 {
                return item.span.start;
            }
            // The line above, all of it: the dash stands first there.
            end = start - 1;
            let above = self.line_start(end);
            let line = &self.text[above..end];
            if line.trim_start().starts_with('-') {
                return above + line.len() - line.trim_start().len();
            }
        }
    }

    /// Lines to put after what ends at `end`, which may be the end of a text without a last line end.
    pub fn lines_after(&self, end: usize, lines: &str) -> (usize, String) {
        let at = self.next_line(end);
        if at == self.text.len() && !self.text.is_empty() && !self.text.ends_with('\n') {
            return (at, format!("\n{}", lines.trim_end_matches('\n')));
        }
        (at, lines.to_owned())
    }

    /// It is to be changed by hand: what stands there, and what can be done.
    pub fn refuse(&self, what: &str, hint: &str) -> SetupError {
        SetupError::unmergeable(self.path, what, hint)
    }
}

impl Node {
    /// The value of a key.
    pub fn find(&self, key: &str) -> Option<&Self> {
        self.find_entry(key).map(|(_, value)| value)
    }

    /// A key and its value.
    pub fn find_entry(&self, key: &str) -> Option<&(Self, Self)> {
        self.entries()
            .iter()
            .find(|(name, _)| name.text() == Some(key))
    }

    /// The entries of a map; none of anything else.
    pub fn entries(&self) -> &[(Self, Self)] {
        match &self.kind {
            Kind::Map { entries, .. } => entries,
            _ => &[],
        }
    }

    /// The items of a list; none of anything else.
    pub fn items(&self) -> &[Self] {
        match &self.kind {
            Kind::List { items, .. } => items,
            _ => &[],
        }
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// Whether what it holds also stands, or is taken from, elsewhere in the file: by an anchor, an alias or a merge key.
    pub fn is_shared(&self) -> bool {
        self.is_anchored || matches!(self.kind, Kind::Alias) || self.find("<<").is_some()
    }

    /// Whether nothing stands there.
    pub fn is_empty(&self) -> bool {
        self.span.is_empty() || matches!(self.text(), Some("null" | "~"))
    }

    fn anchored(self, is_anchored: bool) -> Self {
        Self {
            is_anchored,
            ..self
        }
    }

    /// Whether it is written in brackets or braces.
    pub fn is_flow(&self) -> bool {
        matches!(
            self.kind,
            Kind::List { is_flow: true, .. } | Kind::Map { is_flow: true, .. }
        )
    }
}

fn node<'a>(
    event: Event<'a>,
    span: Span,
    events: &mut Events<'a>,
    depth: usize,
) -> Result<Node, String> {
    if depth > MAX_DEPTH {
        return Err(format!("it is nested more than {MAX_DEPTH} deep"));
    }
    let own = span.byte_range().unwrap_or_default();
    match event {
        Event::Scalar(text, _, anchor, tag) => Ok(Node {
            span: own,
            is_anchored: anchor != 0,
            is_tagged: tag.is_some(),
            kind: Kind::Scalar(text.into_owned()),
        }),
        Event::SequenceStart(style, anchor, _) => {
            let list = list(own, is_flow(style), events, depth)?;
            Ok(list.anchored(anchor != 0))
        }
        Event::MappingStart(style, anchor, _) => {
            let map = map(own, is_flow(style), events, depth)?;
            Ok(map.anchored(anchor != 0))
        }
        _ => Ok(Node {
            span: own,
            is_anchored: false,
            is_tagged: false,
            kind: Kind::Alias,
        }),
    }
}

fn is_flow(style: StructureStyle) -> bool {
    matches!(style, StructureStyle::Flow)
}

fn list(
    own: Range<usize>,
    is_flow: bool,
    events: &mut Events<'_>,
    depth: usize,
) -> Result<Node, String> {
    let mut items: Vec<Node> = Vec::new();
    loop {
        let (event, span) = next(events)?;
        if event == Event::SequenceEnd {
            let inside = items
                .first()
                .map(|first| first.span.start)
                .zip(items.last());
            let span = whole(
                own,
                is_flow,
                &span,
                inside.map(|(from, last)| from..last.span.end),
            );
            let kind = Kind::List { items, is_flow };
            return Ok(Node {
                span,
                is_anchored: false,
                is_tagged: false,
                kind,
            });
        }
        items.push(node(event, span, events, depth + 1)?);
    }
}

fn map(
    own: Range<usize>,
    is_flow: bool,
    events: &mut Events<'_>,
    depth: usize,
) -> Result<Node, String> {
    let mut entries: Vec<(Node, Node)> = Vec::new();
    let mut keys = HashSet::new();
    loop {
        let (event, span) = next(events)?;
        if event == Event::MappingEnd {
            let inside = entries
                .first()
                .map(|first| first.0.span.start)
                .zip(entries.last());
            let inside = inside.map(|(from, (key, value))| from..value.span.end.max(key.span.end));
            let span = whole(own, is_flow, &span, inside);
            let kind = Kind::Map { entries, is_flow };
            return Ok(Node {
                span,
                is_anchored: false,
                is_tagged: false,
                kind,
            });
        }
        let key = node(event, span, events, depth + 1)?;
        // Which one a client takes, another may not. Merges may stand there again.
        let text = key.text().filter(|key| *key != "<<");
        if let Some(text) = text.filter(|text| !keys.insert((*text).to_owned())) {
            return Err(format!("{text} stands there twice"));
        }
        let (event, span) = next(events)?;
        entries.push((key, node(event, span, events, depth + 1)?));
    }
}

/// Brackets end where they are closed. A block ends with its last child: its own end is told only after comments.
fn whole(
    own: Range<usize>,
    is_flow: bool,
    end: &Span,
    inside: Option<Range<usize>>,
) -> Range<usize> {
    match inside {
        Some(inside) if !is_flow => inside,
        _ => own.start..end.byte_range().map_or(own.end, |end| end.end),
    }
}

/// The next event that is no comment.
fn next<'a>(events: &mut Events<'a>) -> Result<(Event<'a>, Span), String> {
    loop {
        match events.next() {
            Some(Ok((Event::Comment(..), _))) => {}
            Some(Ok(found)) => return Ok(found),
            Some(Err(error)) => return Err(error.to_string()),
            None => return Err("it ends too early".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_know_where_they_stand() {
        let text = "# c\na:\n  - x # d\n  - {y: 1}\nb: |\n  one\n  two\n\n# end\n";
        let yaml = Yaml::parse("f", text).expect("YAML");
        let a = yaml.root.find("a").expect("a");
        assert_eq!(a.items().len(), 2);
        assert_eq!(&text[a.items()[0].span.clone()], "x");
        assert_eq!(&text[a.items()[1].span.clone()], "{y: 1}");
        assert_eq!(yaml.column(yaml.dash(&a.items()[0])), 2);
        let b = yaml.root.find("b").expect("b");
        assert_eq!(b.text(), Some("one\ntwo\n"));
        assert_eq!(
            text[..b.span.end].trim_end().len(),
            text.find("\n\n# end").expect("it")
        );
    }

    #[test]
    fn what_is_no_yaml_is_refused() {
        for text in [
            "a: [",
            "a: b: c",
            "a: 1\n---\nb: 2\n",
            "a: 1\nb: {c: 1, 'c': 2}\n",
        ] {
            assert!(Yaml::parse("f", text).is_err(), "{text}");
        }
        let merges = "a: &a {x: 1}\nb:\n  <<: *a\n  <<: *a\n";
        assert!(Yaml::parse("f", merges).is_ok());
        assert!(
            Yaml::parse("f", "# only a comment\n")
                .expect("YAML")
                .root
                .is_empty()
        );
    }
}

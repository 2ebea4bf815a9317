//! What the words of a script come to, by its assignments, loops, defaults, and what is set.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::Range;

use super::assignments::{Assignment, assignments, defaults, fields, loop_of, split};
use super::lexer::{Command, Part, Segment, Word};
use forebay_references::{Encoding, Joint, Owner, Piece, Place, Setter, Settings, Why, Writing};

/// How deeply values are looked up in values.
const MAX_DEPTH: usize = 8;

/// How many parts of words are looked at in all: values of values may multiply without end.
const MAX_STEPS: u32 = 1_000_000;

/// The longest text that a word may come to, in bytes.
const MAX_TEXT_BYTES: usize = 64 << 10;

/// Endings of variables that hold options.
const OPTIONS: [&str; 5] = ["OPTS", "ARGS", "FLAGS", "OPTIONS", "OPT"];

/// What the variables of a script hold.
pub(super) struct Values<'a> {
    settings: &'a Settings,
    assigned: BTreeMap<String, Vec<Value>>,
    /// What `${X:=y}` gives those that have no value.
    defaulted: BTreeMap<String, Vec<Value>>,
    /// Variables that are being looked up: in `X=${X:-y}` the inner one comes from outside.
    busy: RefCell<Vec<String>>,
    /// What is left of [`MAX_STEPS`].
    steps: Cell<u32>,
}

enum Value {
    One(Word),
    /// An array, or the list of a loop.
    Each(Vec<Word>),
    /// What is put behind the value that there is: `NAME+=value`.
    More,
}

impl<'a> Values<'a> {
    pub(super) fn of(commands: &[Command], settings: &'a Settings) -> Self {
        let mut assigned: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        let mut defaulted: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for command in commands {
            for (name, value) in defaults(command) {
                let values = defaulted.entry(name.to_owned()).or_default();
                values.push(Value::One(value));
            }
            for word in assignments(command) {
                let Some(assignment) = split(word) else {
                    continue;
                };
                let is_piece = assignment.is_piece();
                let Assignment { name, value, .. } = assignment;
                let value = match value.items.is_empty() {
                    _ if is_piece => Value::More,
                    true => Value::One(value),
                    false => Value::Each(value.items),
                };
                assigned.entry(name).or_default().push(value);
            }
            if let Some((name, items)) = loop_of(command) {
                let items = Value::Each(items.to_vec());
                assigned.entry(name).or_default().push(items);
            }
        }
        Self {
            settings,
            assigned,
            defaulted,
            busy: RefCell::default(),
            steps: Cell::new(MAX_STEPS),
        }
    }

    /// What each word of a command comes to. A variable that holds options is one.
    pub(super) fn texts(&self, command: &Command) -> Vec<Option<String>> {
        let texts = command.words.iter().map(|word| {
            self.text(&word.segments, 0)
                .ok()
                .map(|known| known.text)
                .or_else(|| {
                    let (name, _) = whole_variable(word)?;
                    let name = name.to_ascii_uppercase();
                    let is_options = OPTIONS.iter().any(|ending| name.ends_with(ending));
                    is_options.then(|| "--unknown=".to_owned())
                })
        });
        texts.collect()
    }

    /// The words that a variable is bound to, each item of a list by itself.
    pub(super) fn words(&self, name: &str) -> Vec<Word> {
        let sources = [&self.assigned, &self.defaulted];
        let values = sources.iter().filter_map(|source| source.get(name));
        let mut words = Vec::new();
        for value in values.flatten() {
            match value {
                Value::One(word) => words.push(word.clone()),
                Value::Each(items) => words.extend(items.iter().flat_map(|item| self.listed(item))),
                Value::More => return Vec::new(),
            }
        }
        words
    }

    /// The words that an item of a list is: `for image in $IMAGES` takes each of a text.
    fn listed(&self, item: &Word) -> Vec<Word> {
        let is_bare = item.segments.iter().all(|segment| !segment.is_quoted);
        let name = whole_variable(item)
            .filter(|_| is_bare)
            .map(|(name, _)| name);
        let name = name.filter(|name| !self.settings.set.contains_key(*name));
        let values = name.and_then(|name| self.assigned.get(name));
        let words = values.into_iter().flatten().map(|value| match value {
            Value::One(word) => fields(word),
            Value::Each(_) | Value::More => Vec::new(),
        });
        let words: Vec<Vec<Word>> = words.collect();
        // A value that is one word is followed as any other.
        if words.is_empty() || words.iter().any(|words| words.len() < 2) {
            return vec![item.clone()];
        }
        words.into_iter().flatten().collect()
    }

    /// What a word's segments come to.
    fn text(&self, segments: &[Segment], depth: usize) -> Result<Known, Why> {
        let mut known = Known::default();
        for part in segments.iter().flat_map(|segment| &segment.parts) {
            let part = self.part(part, depth)?;
            known.text.push_str(&part.text);
            known.open = known.open.max(part.open);
            if known.text.len() > MAX_TEXT_BYTES {
                return Err(Why::Computed);
            }
        }
        Ok(known)
    }

    fn part(&self, part: &Part, depth: usize) -> Result<Known, Why> {
        self.steps.set(self.steps.get().saturating_sub(1));
        if self.steps.get() == 0 {
            return Err(Why::Computed);
        }
        match part {
            Part::Text { text, .. } => Ok(Known::closed(text)),
            Part::Computed { .. } => Err(Why::Computed),
            Part::Variable { name, default, .. } => self.variable(name, default.as_ref(), depth),
        }
    }

    fn variable(
        &self,
        name: &str,
        default: Option<&Vec<Segment>>,
        depth: usize,
    ) -> Result<Known, Why> {
        if let Some(set) = self.settings.set.get(name) {
            return Ok(Known::closed(set));
        }
        let unset = || Why::Unset(name.to_owned());
        if depth >= MAX_DEPTH {
            return Err(unset());
        }
        let assigned = self.assigned(name, depth)?;
        match (assigned, default) {
            (Some(known), _) => Ok(known),
            (None, Some(default)) => Ok(self.text(default, depth + 1)?.opened(setter(name))),
            (None, None) => Err(unset()),
        }
    }

    /// What the script gives a variable, if it gives it anything.
    fn assigned(&self, name: &str, depth: usize) -> Result<Option<Known>, Why> {
        if self.busy.borrow().iter().any(|busy| busy == name) {
            return Ok(None);
        }
        self.busy.borrow_mut().push(name.to_owned());
        let known = match (self.assigned.get(name), self.defaulted.get(name)) {
            (Some(values), _) => self.same(values, name, depth),
            (None, Some(values)) => self.same(values, name, depth).map(|known| {
                let known = known?;
                Some(known.opened(setter(name)))
            }),
            (None, None) => Ok(None),
        };
        self.busy.borrow_mut().pop();
        known
    }

    /// What all of these come to.
    fn same(&self, values: &[Value], name: &str, depth: usize) -> Result<Option<Known>, Why> {
        let unset = || Why::Unset(name.to_owned());
        let mut all: Option<Known> = None;
        for value in values {
            let Value::One(word) = value else {
                return Err(unset());
            };
            let known = match self.text(&word.segments, depth + 1) {
                Ok(known) => known,
                // `X=$(…)` is better known by its name, which can be set.
                Err(Why::Computed) => return Err(unset()),
                Err(why) => return Err(why),
            };
            let open = match &all {
                Some(all) if all.text != known.text => {
                    return Err(Why::Several(name.to_owned()));
                }
                Some(all) => all.open,
                None => None,
            };
            all = Some(Known {
                open: known.open.max(open),
                ..known
            });
        }
        Ok(all)
    }
}

/// What a part of a word comes to.
#[derive(Default)]
struct Known {
    text: String,
    /// Who may set it to something else, if it is a default.
    open: Option<Setter>,
}

impl Known {
    fn closed(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            open: None,
        }
    }

    fn opened(self, by: Setter) -> Self {
        Self {
            open: self.open.max(Some(by)),
            ..self
        }
    }
}

/// Who sets a variable that the script has only a default for.
fn setter(name: &str) -> Setter {
    if name.starts_with(|first: char| first.is_ascii_digit()) {
        Setter::Caller
    } else {
        Setter::Surroundings
    }
}

/// A word without its first bytes, if these are literal text.
pub(super) fn cut(word: &Word, prefix: usize) -> Option<Word> {
    if prefix == 0 {
        return Some(word.clone());
    }
    let mut word = word.clone();
    let first = word.segments.first_mut()?;
    let Some(Part::Text { span, text }) = first.parts.first_mut() else {
        return None;
    };
    let rest = text.get(prefix..)?.to_owned();
    if span.len() != text.len() {
        return None;
    }
    span.start += prefix;
    *text = rest;
    let is_empty = text.is_empty();
    let start = span.start;
    if is_empty {
        first.parts.remove(0);
    }
    if first.is_quoted {
        // What was cut is inside the quotes: the rest is no longer a segment with quotes of its own.
        let end = first.parts.last().map_or(start, |last| last.span().end);
        let is_only = word.segments.len() == 1;
        is_only.then_some(())?;
        word.segments[0].span = start..end;
        word.span = start..end;
    } else {
        first.span.start = start;
        word.span.start = start;
        if first.parts.is_empty() {
            word.segments.remove(0);
        }
    }
    Some(word)
}

/// The variable that a word is, with its default.
pub(super) fn whole_variable(word: &Word) -> Option<(&str, Option<&Vec<Segment>>)> {
    match word.segments.as_slice() {
        [Segment { parts, .. }] => match parts.as_slice() {
            [Part::Variable { name, default, .. }] => Some((name, default.as_ref())),
            _ => None,
        },
        _ => None,
    }
}

/// Segments as a word.
pub(super) fn from_segments(segments: &[Segment]) -> Word {
    let start = segments.first().map_or(0, |first| first.span.start);
    let end = segments.last().map_or(0, |last| last.span.end);
    Word {
        span: start..end,
        segments: segments.to_vec(),
        items: Vec::new(),
    }
}

/// The image that a word is, and how it is rewritten.
pub(super) fn place_of(word: &Word, values: &Values<'_>, owner: &Owner) -> Result<Place, Why> {
    let piece = |span: Range<usize>, known: Known, variable: bool| Piece {
        span,
        text: known.text,
        variable,
        open: known.open,
    };
    let (span, writing, image) = if let [segment] = word.segments.as_slice() {
        let mut pieces = Vec::new();
        for part in &segment.parts {
            let is_variable = !matches!(part, Part::Text { .. });
            pieces.push(piece(part.span(), values.part(part, 0)?, is_variable));
        }
        let image: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
        let start = pieces
            .first()
            .map_or(segment.span.start, |piece| piece.span.start);
        let end = pieces
            .last()
            .map_or(segment.span.end, |piece| piece.span.end);
        if pieces.iter().all(|piece| !piece.variable) {
            pieces.clear();
        }
        let encoding = Encoding::AsIs;
        (start..end, Writing::Whole { encoding, pieces }, image)
    } else {
        let mut pieces = Vec::new();
        for segment in &word.segments {
            let known = values.text(std::slice::from_ref(segment), 0)?;
            let is_text = |part: &Part| matches!(part, Part::Text { .. });
            let is_variable = !segment.parts.iter().all(is_text);
            pieces.push(piece(segment.span.clone(), known, is_variable));
        }
        let image: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
        // References need no quotes.
        let writing = Writing::Joined {
            encoding: Encoding::AsIs,
            joint: Joint::Operator(""),
            pieces,
        };
        (word.span.clone(), writing, image)
    };
    Ok(Place {
        span,
        image,
        writing,
        owner: owner.clone(),
    })
}

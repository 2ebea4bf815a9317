//! What a command gives variables: by an assignment, a default, a loop; and the words of a list.

use super::lexer::{Command, Part, Segment, Word};
use super::values::{cut, from_segments};

/// Commands whose arguments are assignments.
const DECLARING: [&str; 5] = ["export", "local", "readonly", "declare", "typeset"];

/// `NAME=value`, `NAME+=(values)`.
pub(super) struct Assignment {
    pub(super) name: String,
    pub(super) value: Word,
    /// It is put behind what there is.
    is_more: bool,
}

impl Assignment {
    /// Whether the value is only a piece of what the variable holds then.
    pub(super) fn is_piece(&self) -> bool {
        self.is_more && self.value.items.is_empty()
    }
}

/// The words of a command that assign.
pub(super) fn assignments(command: &Command) -> impl Iterator<Item = &Word> {
    let first = command.words.first().map(Word::literal);
    let is_declaring = first.is_some_and(|word| DECLARING.contains(&word.as_str()));
    let skip = usize::from(is_declaring);
    let words = command.words.iter().skip(skip);
    words.take_while(move |word| {
        split(word).is_some() || is_declaring && word.literal().starts_with('-')
    })
}

/// What a command assigns in passing: `: "${NAME:=value}"`.
pub(super) fn defaults(command: &Command) -> Vec<(&str, Word)> {
    let words = command.words.iter();
    let segments = words.flat_map(|word| &word.segments);
    segments
        .flat_map(|segment| &segment.parts)
        .filter_map(|part| match part {
            Part::Variable {
                name,
                default: Some(value),
                assigns: true,
                ..
            } => Some((name.as_str(), from_segments(value))),
            _ => None,
        })
        .collect()
}

/// The assignment that a word is.
pub(super) fn split(word: &Word) -> Option<Assignment> {
    let first = word.segments.first().filter(|first| !first.is_quoted)?;
    let Some(Part::Text { text, .. }) = first.parts.first() else {
        return None;
    };
    let (written, _) = text.split_once('=')?;
    let name = written.strip_suffix('+').unwrap_or(written);
    let starts = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let is_name = starts && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_name {
        return None;
    }
    Some(Assignment {
        value: cut(word, written.len() + 1)?,
        is_more: name.len() < written.len(),
        name: name.to_owned(),
    })
}

/// The words that a text in quotes becomes where it is a list: `IMAGES="a b"`.
pub(super) fn fields(word: &Word) -> Vec<Word> {
    let [segment] = word.segments.as_slice() else {
        return Vec::new();
    };
    let mut fields: Vec<Word> = Vec::new();
    let mut is_open = false;
    for part in &segment.parts {
        let Part::Text { span, text } = part else {
            add_part(&mut fields, part.clone(), &mut is_open);
            continue;
        };
        // With escapes in it, its bytes are not its text.
        if span.len() != text.len() {
            return Vec::new();
        }
        for piece in text.split_inclusive(char::is_whitespace) {
            let at = span.start + (piece.as_ptr().addr() - text.as_ptr().addr());
            let bare = piece.trim_end();
            if !bare.is_empty() {
                let part = Part::Text {
                    span: at..at + bare.len(),
                    text: bare.to_owned(),
                };
                add_part(&mut fields, part, &mut is_open);
            }
            is_open &= bare.len() == piece.len();
        }
    }
    fields
}

/// Puts a part behind the last word, if that is not done, or begins one with it.
fn add_part(fields: &mut Vec<Word>, part: Part, is_open: &mut bool) {
    let span = part.span();
    match fields.last_mut().filter(|_| *is_open) {
        Some(word) => {
            word.span.end = span.end;
            word.segments[0].span.end = span.end;
            word.segments[0].parts.push(part);
        }
        None => fields.push(from_segments(&[Segment {
            span,
            is_quoted: false,
            parts: vec![part],
        }])),
    }
    *is_open = true;
}

/// `for NAME in items`.
pub(super) fn loop_of(command: &Command) -> Option<(String, &[Word])> {
    match command.words.as_slice() {
        [word, name, within, items @ ..]
            if word.literal() == "for" && within.literal() == "in" && !items.is_empty() =>
        {
            Some((name.literal(), items))
        }
        _ => None,
    }
}

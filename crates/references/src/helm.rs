//! Helm templates: `image:` lines, with what the values beside the template say.
//!
//! A template is no YAML before it is filled in, so this is a lexer of lines: a key, a value of literal text and actions,
//! perhaps a comment. What comes from the values alone is no place of the template's: it is found in the values.

mod actions;
mod dots;
mod printed;

use std::collections::BTreeMap;
use std::ops::Range;

use crate::sink::{Sink, Site, is_image, is_null};
use crate::tree::At;
use crate::variables::Resolved;
use crate::{Encoding, Found, Owner, Piece, Setter, Settings, Why, Writing};
use actions::{Values, only_value, values_in};
use dots::Dots;
pub(crate) use printed::{Printed, WrittenIn};

/// Actions that are named where they decide an image.
const MAX_NAMED: usize = 3;

/// What templates call a value that is an image.
const KEYS: [&str; 1] = ["image"];

/// Finds the images of a template.
pub(crate) fn find(path: &str, text: &str, settings: &Settings) -> Found {
    let trees = values_near(settings);
    let values = Values {
        set: &settings.set,
        trees: trees
            .iter()
            .map(|(name, tree)| (*name, At::root(tree)))
            .collect(),
    };
    let mut reading = Reading {
        sink: Sink::new(text, path, settings),
        places: places_near(settings, &values),
        values,
        owner: Owner::of_kind("Helm template"),
        dots: Dots::default(),
    };
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        reading.line(line, at);
        reading.dots.pass(line);
        at += line.len();
    }
    reading.sink.found
}

/// What stands in the action that a text is, if it is one and nothing else.
fn only_action(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("{{")?.strip_suffix("}}")?;
    (!inner.contains("}}")).then_some(inner)
}

/// The values and the chart's own file, of those near.
fn values_near(settings: &Settings) -> Vec<(&str, crate::tree::Tree<'_>)> {
    let mut trees = Vec::new();
    let by_distance: BTreeMap<usize, (&String, &String)> = settings
        .near
        .iter()
        .filter(|(name, _)| {
            name.rsplit_once('.')
                .is_some_and(|(_, ending)| ending == "yaml")
        })
        .enumerate()
        .collect();
    for (name, text) in by_distance.into_values() {
        let (read, _) = crate::structured::read_yaml(text);
        trees.extend(read.into_iter().take(1).map(|tree| (name.as_str(), tree)));
    }
    trees
}

struct Reading<'a> {
    sink: Sink<'a>,
    values: Values<'a>,
    /// Where the values have images, by file.
    places: Vec<(String, Vec<Range<usize>>)>,
    /// What the lines before say of the object that we are in.
    owner: Owner,
    /// What the dot is.
    dots: Dots,
}

/// A value in a line.
struct Value<'t> {
    text: &'t str,
    start: usize,
    quoted: bool,
}

impl Reading<'_> {
    fn line(&mut self, line: &str, at: usize) {
        let line = line.trim_end_matches(['\n', '\r']);
        if line.starts_with("---") {
            self.owner = Owner::of_kind("Helm template");
        }
        for (key, value) in pairs(line, at) {
            self.pair(key, &value, line);
        }
    }

    fn pair(&mut self, key: &str, value: &Value<'_>, line: &str) {
        match key {
            "kind" if line.starts_with("kind:") && !value.text.contains("{{") => {
                value.text.clone_into(&mut self.owner.kind);
                self.owner.per_node = value.text == "DaemonSet";
            }
            "replicas" => {
                let count = self.pieces(value).ok();
                self.owner.replicas = count.and_then(|(text, _)| text.trim().parse().ok());
                self.owner.is_count_unknown = self.owner.replicas.is_none();
            }
            "schedule" if self.owner.kind == "CronJob" => {
                // One that is not known is no timetable, and so starts whoever knows how often.
                let text = self
                    .pieces(value)
                    .map_or_else(|_| value.text.to_owned(), |(text, _)| text);
                self.owner.schedule = Some(text);
            }
            "name" => {
                self.owner.container =
                    Some(value.text.to_owned()).filter(|text| !text.contains("{{"));
            }
            _ if KEYS.contains(&key) => self.image(value),
            _ => {}
        }
    }

    fn image(&mut self, value: &Value<'_>) {
        let span = value.start..value.start + value.text.len();
        let owner = self.owner.clone();
        if value.text.is_empty()
            || value.text.starts_with(['&', '*', '|', '>', '{', '['])
                && !value.text.starts_with("{{")
        {
            return;
        }
        let (text, pieces) = match self.pieces(value) {
            Ok(resolved) => resolved,
            Err(why) => return self.sink.ambiguous(span, why, owner),
        };
        // Made of values and separators only: the values are where it is written.
        let is_from_values = pieces.iter().any(|piece| piece.variable)
            && pieces
                .iter()
                .all(|piece| piece.variable || piece.text.chars().all(|c| ":/@".contains(c)));
        if is_from_values && is_image(&text) {
            if !self.is_found_in_values(&self.dots.clone().pass(value.text)) {
                let why = decided_by(value.text);
                self.sink.ambiguous(span, why, owner);
            }
            return;
        }
        let site = site(value, span);
        let pieces = if pieces.iter().any(|piece| piece.variable) {
            pieces
        } else {
            Vec::new()
        };
        let resolved = Resolved {
            text,
            pieces,
            home: None,
        };
        self.sink.put(site.span, site.encoding, resolved, owner);
    }

    /// Whether the finder of values takes what this line is made of for an image, so that it is named and written there.
    fn is_found_in_values(&self, text: &str) -> bool {
        if let Some((_, at)) = only_action(text)
            .and_then(only_value)
            .and_then(|path| self.values.home(path))
        {
            return is_written(at) && !at.is_alias();
        }
        let mut homes = text
            .split("{{")
            .filter_map(|rest| Some(rest.split_once("}}")?.0))
            .flat_map(values_in)
            .filter_map(|path| self.values.home(path))
            .filter(|(_, at)| is_written(*at))
            .peekable();
        homes.peek().is_some() && homes.all(|(file, at)| self.is_place(file, at))
    }

    /// Whether a value is a part of an image that the finder of values knows.
    fn is_place(&self, file: &str, at: At<'_>) -> bool {
        let spans = self.places.iter().find(|(name, _)| name == file);
        let inner = at.span();
        spans.is_some_and(|(_, spans)| {
            spans
                .iter()
                .any(|outer| outer.start <= inner.start && inner.end <= outer.end)
        })
    }

    /// The literal text and the actions of a value.
    fn pieces(&self, value: &Value<'_>) -> Result<(String, Vec<Piece>), Why> {
        let (mut out, mut pieces) = (String::new(), Vec::new());
        let (mut rest, mut at) = (value.text, value.start);
        let mut add = |text: String, span: Range<usize>, action: Option<&str>| {
            out.push_str(&text);
            let default = action.filter(|action| action.contains("| default "));
            pieces.push(Piece {
                span,
                text,
                variable: action.is_some(),
                open: default.map(|_| Setter::Surroundings),
            });
        };
        while let Some(open) = rest.find("{{") {
            if open > 0 {
                add(rest[..open].to_owned(), at..at + open, None);
            }
            let end = rest[open..].find("}}").ok_or(Why::Template)? + open + 2;
            let action = &rest[open + 2..end - 2];
            let text = self.values.evaluate(&self.dots.whole(action));
            let text = text.ok_or_else(|| decided_by(&rest[open..end]))?;
            add(text, at + open..at + end, Some(action));
            rest = &rest[end..];
            at += end;
        }
        if !rest.is_empty() {
            add(rest.to_owned(), at..at + rest.len(), None);
        }
        Ok((out, pieces))
    }
}

/// Why what stands in actions is not known, and what to do: they are named.
fn decided_by(text: &str) -> Why {
    let actions = text.split("{{").skip(1);
    let actions = actions.filter_map(|rest| Some(rest.split_once("}}")?.0));
    let named: Vec<String> = actions
        .map(|action| format!("`{}`", action.trim_matches(['-', ' ', '\t'])))
        .take(MAX_NAMED)
        .collect();
    Why::Chart(format!(
        "{} decides it: change the values that it prints, or write the image here",
        named.join(" and ")
    ))
}

/// Whether a value says anything.
fn is_written(at: At<'_>) -> bool {
    !is_null(at) && at.text().is_some_and(|text| !text.is_empty())
}

/// The bytes of all images that are found in values files near.
fn places_near(settings: &Settings, values: &Values<'_>) -> Vec<(String, Vec<Range<usize>>)> {
    let mut places = Vec::new();
    for (name, root) in &values.trees {
        let Some(text) = settings.near.get(*name) else {
            continue;
        };
        let mut sink = Sink::new(text, name, settings);
        crate::structured::find_values(*root, &mut sink);
        // A scalar in quotes has them, too.
        let quoted = |span: Range<usize>| span.start.saturating_sub(1)..span.end + 1;
        let spans = sink
            .found
            .places
            .into_iter()
            .flat_map(|place| match place.writing {
                Writing::Split(parts) => parts.into_iter().map(|part| quoted(part.span)).collect(),
                _ => vec![quoted(place.span)],
            });
        places.push(((*name).to_owned(), spans.collect()));
    }
    places
}

fn site(value: &Value<'_>, span: Range<usize>) -> Site {
    Site {
        span,
        encoding: if value.quoted {
            Encoding::AsIs
        } else {
            Encoding::YamlPlain
        },
        verbatim: true,
    }
}

/// The keys of a line and their values: one, and those of maps in braces.
fn pairs(line: &str, at: usize) -> Vec<(&str, Value<'_>)> {
    let trimmed = line.trim_start();
    let trimmed = trimmed.strip_prefix("- ").map_or(trimmed, str::trim_start);
    let is_flow = |text: &str| text.starts_with(['{', '[']) && !text.starts_with("{{");
    let first = key_and_value(line, at);
    let start = match &first {
        Some((_, value)) if is_flow(value.text) && !value.quoted => value.start - at,
        None if is_flow(trimmed) => line.len() - trimmed.len(),
        _ => return first.into_iter().collect(),
    };
    let inner = &line[start..];
    let items = flow_items(inner).into_iter();
    items
        .filter_map(|item| key_and_value(&inner[item.clone()], at + start + item.start))
        .collect()
}

/// What stands between the braces, brackets and commas of a text, outside of quotes and actions.
fn flow_items(text: &str) -> Vec<Range<usize>> {
    let (mut items, mut start, mut at) = (Vec::new(), 0, 0);
    let bytes = text.as_bytes();
    while at < bytes.len() {
        let rest = &text[at..];
        let quoted = match bytes[at] {
            b'{' if rest.starts_with("{{") => rest.find("}}").map(|end| end + 2),
            // A quote within a word is none.
            quote @ (b'"' | b'\'') if text[..at].ends_with([' ', ':', ',', '{', '[']) => {
                closing_quote(&rest[1..], char::from(quote)).map(|end| end + 2)
            }
            b'{' | b'}' | b'[' | b']' | b',' => {
                items.push(start..at);
                start = at + 1;
                None
            }
            _ => None,
        };
        at += quoted.unwrap_or_else(|| rest.chars().next().map_or(1, char::len_utf8));
    }
    items.push(start..text.len());
    items
}

/// The key of a line and its value, without quotes and comment.
fn key_and_value(line: &str, at: usize) -> Option<(&str, Value<'_>)> {
    let trimmed = line.trim_start();
    let trimmed = trimmed.strip_prefix("- ").map_or(trimmed, str::trim_start);
    if trimmed.starts_with(['#', '{']) {
        return None;
    }
    let (key, rest) = trimmed.split_once(':')?;
    let key = key.trim_matches(['"', '\'']);
    let is_key = !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    if !is_key || !(rest.is_empty() || rest.starts_with([' ', '\t'])) {
        return None;
    }
    let value = rest.trim_start();
    let offset = at + (line.len() - value.len());
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote) {
            let end = closing_quote(inner, quote)?;
            return Some((
                key,
                Value {
                    text: &inner[..end],
                    start: offset + 1,
                    quoted: true,
                },
            ));
        }
    }
    Some((
        key,
        Value {
            text: without_comment(value),
            start: offset,
            quoted: false,
        },
    ))
}

/// Where a quote closes: not within an action.
fn closing_quote(text: &str, quote: char) -> Option<usize> {
    let mut from = 0;
    loop {
        let close = from + text[from..].find(quote)?;
        match text[from..close].find("{{") {
            Some(open) => from = from + open + text[from + open..].find("}}")? + 2,
            None => return Some(close),
        }
    }
}

/// A plain value up to its comment: a `#` behind a blank, and in no action.
fn without_comment(value: &str) -> &str {
    let mut from = 0;
    loop {
        let comment = value[from..].find(" #").map(|found| from + found);
        let action = value[from..].find("{{").map(|found| from + found);
        match (comment, action) {
            (Some(comment), Some(action)) if action < comment => match value[action..].find("}}") {
                Some(end) => from = action + end + 2,
                None => return value.trim_end(),
            },
            (Some(comment), _) => return value[..comment].trim_end(),
            (None, _) => return value.trim_end(),
        }
    }
}

#[cfg(test)]
mod tests;

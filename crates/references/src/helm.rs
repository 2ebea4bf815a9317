//! Helm templates: `image:` lines, with what the values beside the template say.
//!
//! What comes from the values alone is no place of the template's: it is found in the values.

use std::collections::BTreeMap;
use std::ops::Range;

use forebay_syntax::helm::{Dots, KEYS, Value, Values, only_action, only_value, pairs, values_in};
use forebay_syntax::{At, Tree, read_yaml};

use crate::sink::{Sink, Site, is_image};
use crate::variables::Resolved;
use crate::{Encoding, Found, Owner, Piece, Setter, Settings, Why, Writing};

/// Actions that are named where they decide an image.
const MAX_NAMED: usize = 3;

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

/// The values and the chart's own file, of those near.
fn values_near(settings: &Settings) -> Vec<(&str, Tree<'_>)> {
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
        let (read, _) = read_yaml(text);
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
    !at.is_null() && at.text().is_some_and(|text| !text.is_empty())
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

#[cfg(test)]
mod tests;

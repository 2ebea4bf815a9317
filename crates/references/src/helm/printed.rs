//! What a chart's templates print of its values: which are images by themselves, and which stand behind a text.
//!
//! An image is written in one place: a value that a template prints behind a registry of its own is no image by itself.

use std::collections::{BTreeMap, BTreeSet};

use super::actions::{only_value, values_in};
use super::{KEYS, key_and_value, only_action};

/// Values by their paths: `image.repository`.
#[derive(Debug, Default)]
pub(crate) struct Printed {
    /// Printed as whole images.
    images: BTreeSet<String>,
    /// Printed in an image's line that has a text of its own, each with a template that does.
    behind_text: BTreeMap<String, String>,
    /// Printed in an image's line that is made of values alone.
    bare: BTreeSet<String>,
    /// Put into a text by `printf`: no place is known for that.
    formatted: BTreeSet<String>,
}

/// Where an image is written of which a value is a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WrittenIn<'a> {
    /// In the values.
    Values,
    /// In the template of this name, with a text of its own.
    Template(&'a str),
    /// A change of the value would be wrong in one of the places that print it.
    Several,
}

impl Printed {
    /// What the templates near a values file print.
    pub(crate) fn of(near: &BTreeMap<String, String>) -> Self {
        let mut printed = Self::default();
        let is_template = |name: &str| name.starts_with(crate::Format::CHART_TEMPLATES);
        for (name, text) in near.iter().filter(|(name, _)| is_template(name)) {
            for line in text.lines() {
                printed.line(line, name);
            }
        }
        printed
    }

    /// Whether a template prints the value of this path as a whole image.
    pub(crate) fn is_image(&self, path: &str) -> bool {
        self.images.contains(path)
    }

    /// Where an image is written that takes its name from the value of this path.
    pub(crate) fn written_in(&self, path: &str) -> WrittenIn<'_> {
        if self.formatted.contains(path) {
            return WrittenIn::Several;
        }
        match self.behind_text.get(path) {
            Some(_) if self.bare.contains(path) => WrittenIn::Several,
            Some(template) => WrittenIn::Template(template),
            None => WrittenIn::Values,
        }
    }

    fn line(&mut self, line: &str, template: &str) {
        for action in actions(line) {
            if format_of(action).is_some_and(says_more) {
                self.formatted.extend(values_in(action).map(str::to_owned));
            }
        }
        let Some((_, value)) = key_and_value(line, 0).filter(|(key, _)| KEYS.contains(key)) else {
            return;
        };
        let path = only_action(value.text).and_then(only_value);
        self.images.extend(path.map(str::to_owned));
        let own = value.text.split("{{");
        let mut own = own.map(|part| part.split_once("}}").map_or(part, |(_, behind)| behind));
        let has_text = own.any(says_more);
        for path in actions(value.text).flat_map(values_in).map(str::to_owned) {
            if has_text {
                self.behind_text.insert(path, template.to_owned());
            } else {
                self.bare.insert(path);
            }
        }
    }
}

/// What stands in the actions of a line.
fn actions(line: &str) -> impl Iterator<Item = &str> {
    let behind = line.split("{{").skip(1);
    behind.filter_map(|rest| Some(rest.split_once("}}")?.0))
}

/// The text of a `printf`, with what is filled in taken for a separator.
fn format_of(action: &str) -> Option<&str> {
    let (_, rest) = action.split_once("printf \"")?;
    Some(rest.split_once('"')?.0)
}

/// Whether a text says more than what separates the parts of an image.
fn says_more(text: &str) -> bool {
    let rest = text.replace("%s", "").replace("%v", "");
    rest.chars().any(|c| !":/@".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_written_where_its_text_begins() {
        for (lines, written_in) in [
            (
                "image: \"{{ .Values.repo }}:{{ .Values.tag }}\"",
                WrittenIn::Values,
            ),
            (
                "image: docker.io/{{ .Values.repo }}",
                WrittenIn::Template("templates/a"),
            ),
            (
                "image: \"{{ .Values.repo }}:{{ .Values.tag }}-alpine\"",
                WrittenIn::Template("templates/a"),
            ),
            (
                "image: docker.io/{{ .Values.repo }}\nimage: {{ $.Values.repo | quote }}",
                WrittenIn::Several,
            ),
            (
                "{{- printf \"docker.io/%s:%s\" .Values.repo .Values.tag -}}",
                WrittenIn::Several,
            ),
            (
                "{{- printf \"%s:%s\" .Values.repo .Values.tag -}}",
                WrittenIn::Values,
            ),
            ("image: nginx:{{ .Values.tag }}", WrittenIn::Values),
            ("name: x-{{ .Values.repo }}", WrittenIn::Values),
        ] {
            let near = [("templates/a".to_owned(), lines.to_owned())];
            let printed = Printed::of(&near.into());
            assert_eq!(printed.written_in("repo"), written_in, "{lines}");
        }
    }
}

//! What a chart's templates print of its values: which are images by themselves, and which stand behind a text.
//!
//! An image is written in one place: a value that a template prints behind a registry of its own is no image by itself.

use std::collections::{BTreeMap, BTreeSet};

use super::actions::{only_value, values_in};
use super::{KEYS, key_and_value, only_action};

/// Actions in one line that are held against each other; an image has a handful.
const MAX_ACTIONS: usize = 16;

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
    /// What is printed before them in the same image, each of which is of these values, or of what is empty here.
    before: BTreeMap<String, BTreeSet<Operand>>,
}

/// The values that an action may print; an empty path is what no values say.
type Operand = BTreeSet<String>;

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
            let mut variables = BTreeMap::new();
            for line in text.lines() {
                variables.extend(actions(line).filter_map(assigned));
                printed.line(line, name, &variables);
            }
        }
        printed
    }

    /// Whether a template prints the value of this path as a whole image.
    pub(crate) fn is_image(&self, path: &str) -> bool {
        self.images.contains(path)
    }

    /// Where an image is written that takes its name from the value of this path. What is printed before it is part of the
    /// name, unless `is_nothing` knows that an operand of these values prints nothing that is not written beside it.
    pub(crate) fn written_in(
        &self,
        path: &str,
        is_nothing: &dyn Fn(&BTreeSet<String>) -> bool,
    ) -> WrittenIn<'_> {
        let mut before = self.before.get(path).into_iter().flatten();
        if self.formatted.contains(path) || before.any(|operand| !is_nothing(operand)) {
            return WrittenIn::Several;
        }
        match self.behind_text.get(path) {
            Some(_) if self.bare.contains(path) => WrittenIn::Several,
            Some(template) => WrittenIn::Template(template),
            None => WrittenIn::Values,
        }
    }

    fn line(&mut self, line: &str, template: &str, variables: &BTreeMap<String, Operand>) {
        for action in actions(line) {
            let Some((format, arguments)) = format_of(action) else {
                continue;
            };
            if says_more(format) {
                self.formatted.extend(values_in(action).map(str::to_owned));
            }
            let words = arguments.split_whitespace();
            self.in_order(words.map(|word| operand(word, variables)));
        }
        let Some((_, value)) = key_and_value(line, 0).filter(|(key, _)| KEYS.contains(key)) else {
            return;
        };
        let path = only_action(value.text).and_then(only_value);
        self.images.extend(path.map(str::to_owned));
        let own = value.text.split("{{");
        let mut own = own.map(|part| part.split_once("}}").map_or(part, |(_, behind)| behind));
        let has_text = own.any(says_more);
        let printing = actions(value.text).filter(|action| prints(action));
        self.in_order(printing.map(|action| operand(action, variables)));
        for path in actions(value.text).flat_map(values_in).map(str::to_owned) {
            if has_text {
                self.behind_text.insert(path, template.to_owned());
            } else {
                self.bare.insert(path);
            }
        }
    }

    /// Notes what is printed before what.
    fn in_order(&mut self, operands: impl Iterator<Item = Operand>) {
        let operands: Vec<Operand> = operands.take(MAX_ACTIONS).collect();
        for (index, operand) in operands.iter().enumerate().skip(1) {
            for path in operand.iter().filter(|path| !path.is_empty()) {
                let before = self.before.entry(path.clone()).or_default();
                before.extend(operands[..index].iter().cloned());
            }
        }
    }
}

/// What an action, or an argument in one, may print.
fn operand(text: &str, variables: &BTreeMap<String, Operand>) -> Operand {
    let variable = text.trim_matches(['-', ' ', '(', ')']);
    if let Some(known) = variables.get(variable) {
        return known.clone();
    }
    let mut operand: Operand = values_in(text).map(str::to_owned).collect();
    if operand.is_empty() || text.contains('"') {
        operand.insert(String::new());
    }
    operand
}

/// What an action sets a variable to: `$r := .Values.registry | default "docker.io"`.
fn assigned(action: &str) -> Option<(String, Operand)> {
    let (name, value) = action.split_once(":=")?;
    let name = name.trim_matches(['-', ' ']);
    let is_name = name.starts_with('$') && !name.contains(' ');
    is_name.then(|| (name.to_owned(), operand(value, &BTreeMap::new())))
}

/// Whether an action prints something of its own: neither a condition, nor what it was about.
fn prints(action: &str) -> bool {
    let action = action.trim_matches(['-', ' ']);
    let word = action.split_whitespace().next().unwrap_or_default();
    !matches!(word, "if" | "else" | "end" | "with" | "." | "/*") && !action.contains(":=")
}

/// What stands in the actions of a line.
fn actions(line: &str) -> impl Iterator<Item = &str> {
    let behind = line.split("{{").skip(1);
    behind.filter_map(|rest| Some(rest.split_once("}}")?.0))
}

/// The text of a `printf`, and its arguments.
fn format_of(action: &str) -> Option<(&str, &str)> {
    let (_, rest) = action.split_once("printf \"")?;
    rest.split_once('"')
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
            (
                "image: {{ .Values.global.hub }}/{{ .Values.repo }}",
                WrittenIn::Several,
            ),
            (
                "image: \"{{ .Values.own }}/{{ .Values.repo }}:{{ .Values.tag }}\"",
                WrittenIn::Values,
            ),
            (
                "image: {{ if .Values.own }}{{ .Values.own }}/{{ end }}{{ .Values.repo }}",
                WrittenIn::Values,
            ),
            (
                "image: {{ include \"hub\" . }}/{{ .Values.repo }}",
                WrittenIn::Several,
            ),
            (
                "{{- $r := .Values.none | default \"docker.io\" }}\n{{ printf \"%s/%s\" $r .Values.repo }}",
                WrittenIn::Several,
            ),
        ] {
            let near = [("templates/a".to_owned(), lines.to_owned())];
            let printed = Printed::of(&near.into());
            let is_nothing = |operand: &Operand| operand.contains("own");
            let found = printed.written_in("repo", &is_nothing);
            assert_eq!(found, written_in, "{lines}");
        }
    }
}

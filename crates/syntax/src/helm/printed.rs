//! What a chart's templates print of its values: which are images by themselves, and which stand behind a text.
//!
//! An image is written in one place: a value that a template prints behind a registry of its own is no image by itself.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::actions::{only_action, only_value, values_in};
use super::dots::Dots;
use super::pairs::{key_and_value, pairs};

/// What templates call a value that is an image.
pub const KEYS: [&str; 1] = ["image"];

/// Actions in one line that are held against each other; an image has a handful.
const MAX_ACTIONS: usize = 16;

/// Values by their paths: `image.repository`.
#[derive(Debug, Default)]
pub struct Printed {
    /// Printed as whole images.
    images: BTreeSet<String>,
    /// Printed in an image's line that has a text of its own, each with a template that does.
    behind_text: BTreeMap<String, String>,
    /// Printed in an image's line that is made of values alone.
    bare: BTreeSet<String>,
    /// Put into a text by `printf`, each with a template that does: no place is known for that.
    formatted: BTreeMap<String, String>,
    /// Printed under a key that holds no image, each with a template that does and the key.
    named: BTreeMap<String, (String, String)>,
    /// What is printed before them in the same image, each of which is of these values, or of what is empty here; and by
    /// which template.
    before: BTreeMap<String, BTreeSet<(Operand, String)>>,
}

/// The values that an action may print; an empty path is what no values say.
type Operand = BTreeSet<String>;

/// Where an image is written of which a value is a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WrittenIn<'a> {
    /// In the values.
    Values,
    /// In the template of this name, with a text of its own.
    Template(&'a str),
    /// A change of the value would be wrong in one of the places that print it: which, and what to do.
    Several(String),
}

impl Printed {
    /// What the templates near a values file print that are in this folder of its chart: `templates/`.
    pub fn of(near: &BTreeMap<String, String>, folder: &str) -> Self {
        let mut printed = Self::default();
        for (name, text) in near.iter().filter(|(name, _)| name.starts_with(folder)) {
            let (mut variables, mut dots) = (BTreeMap::new(), Dots::default());
            for line in text.lines() {
                let line = dots.pass(line);
                variables.extend(actions(&line).filter_map(assigned));
                printed.line(&line, name, &variables);
            }
        }
        printed
    }

    /// Whether a template prints the value of this path as a whole image.
    pub fn is_image(&self, path: &str) -> bool {
        self.images.contains(&*of_each(path))
    }

    /// Where an image is written that takes its name from the value of this path. What is printed before it is part of the
    /// name, unless `is_nothing` knows that an operand of these values prints nothing that is not written beside it.
    pub fn written_in(
        &self,
        path: &str,
        is_nothing: &dyn Fn(&BTreeSet<String>) -> bool,
    ) -> WrittenIn<'_> {
        let path = &*of_each(path);
        if let Some(template) = self.formatted.get(path) {
            return WrittenIn::Several(format!(
                "{template} puts more text to it by `printf`: change both by hand"
            ));
        }
        if let Some((template, key)) = self.named.get(path) {
            return WrittenIn::Several(format!(
                "{template} prints it as `{key}` too, which is no image: write the image there, or change both by hand"
            ));
        }
        let mut before = self.before.get(path).into_iter().flatten();
        if let Some((operand, template)) = before.find(|(operand, _)| !is_nothing(operand)) {
            return WrittenIn::Several(stands_before(operand, template));
        }
        match self.behind_text.get(path) {
            Some(template) if self.bare.contains(path) => WrittenIn::Several(format!(
                "{template} prints it behind more text, and another line does not: change both by hand"
            )),
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
                let values = values_in(action);
                self.formatted
                    .extend(values.map(|path| (path.to_owned(), template.to_owned())));
            }
            let words = arguments.split_whitespace();
            self.in_order(words.map(|word| operand(word, variables)), template);
        }
        for (key, value) in pairs(line, 0).iter().filter(|(key, _)| is_name(key)) {
            for path in actions(value.text)
                .filter(|action| prints(action))
                .flat_map(values_in)
            {
                let named = (template.to_owned(), (*key).to_owned());
                self.named.insert(path.to_owned(), named);
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
        let printing = actions(value.text).filter(|action| prints(action));
        self.in_order(printing.map(|action| operand(action, variables)), template);
        for path in actions(value.text).flat_map(values_in).map(str::to_owned) {
            if has_text {
                self.behind_text.insert(path, template.to_owned());
            } else {
                self.bare.insert(path);
            }
        }
    }

    /// Notes what is printed before what.
    fn in_order(&mut self, operands: impl Iterator<Item = Operand>, template: &str) {
        let operands: Vec<Operand> = operands.take(MAX_ACTIONS).collect();
        for (index, operand) in operands.iter().enumerate().skip(1) {
            for path in operand.iter().filter(|path| !path.is_empty()) {
                let before = self.before.entry(path.clone()).or_default();
                let operands = operands[..index].iter().cloned();
                before.extend(operands.map(|operand| (operand, template.to_owned())));
            }
        }
    }
}

/// Whether what stands under a key is no image, nor a part of one, nor what a program is told of one by its environment.
fn is_name(key: &str) -> bool {
    let is_image = key.to_ascii_lowercase().contains("image");
    !is_image && !matches!(key, "value" | "repository" | "repo")
}

/// What a template prints before a value, and what to do about it.
fn stands_before(operand: &Operand, template: &str) -> String {
    let values = operand.iter().filter(|path| !path.is_empty());
    let values: Vec<String> = values.map(|path| format!("`{path}`")).collect();
    if values.is_empty() {
        return format!(
            "{template} prints more before it, which no value tells: change both by hand"
        );
    }
    let values = values.join(" or ");
    format!("{template} prints {values} before it: give that the new registry, and this the rest")
}

/// The path with `[]` for each item of a list, as a `range` over it has it.
fn of_each(path: &str) -> Cow<'_, str> {
    if !path.contains('[') {
        return Cow::Borrowed(path);
    }
    let mut parts = path.split('[');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("[]");
        out.push_str(part.split_once(']').map_or("", |(_, rest)| rest));
    }
    Cow::Owned(out)
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
                Some(WrittenIn::Values),
            ),
            (
                "image: docker.io/{{ .Values.repo }}",
                Some(WrittenIn::Template("templates/a")),
            ),
            (
                "image: \"{{ .Values.repo }}:{{ .Values.tag }}-alpine\"",
                Some(WrittenIn::Template("templates/a")),
            ),
            (
                "image: docker.io/{{ .Values.repo }}\nimage: {{ $.Values.repo | quote }}",
                None,
            ),
            (
                "{{- printf \"docker.io/%s:%s\" .Values.repo .Values.tag -}}",
                None,
            ),
            (
                "{{- printf \"%s:%s\" .Values.repo .Values.tag -}}",
                Some(WrittenIn::Values),
            ),
            ("image: nginx:{{ .Values.tag }}", Some(WrittenIn::Values)),
            ("value: {{ .Values.repo }}", Some(WrittenIn::Values)),
            ("name: x-{{ .Values.repo }}", None),
            ("labels: {app: {{ .Values.repo | quote }}}", None),
            (
                "{{ if .Values.repo }}\nname: {{ .Values.repository }}{{ end }}",
                Some(WrittenIn::Values),
            ),
            ("image: {{ .Values.global.hub }}/{{ .Values.repo }}", None),
            (
                "image: \"{{ .Values.own }}/{{ .Values.repo }}:{{ .Values.tag }}\"",
                Some(WrittenIn::Values),
            ),
            (
                "image: {{ if .Values.own }}{{ .Values.own }}/{{ end }}{{ .Values.repo }}",
                Some(WrittenIn::Values),
            ),
            ("image: {{ include \"hub\" . }}/{{ .Values.repo }}", None),
            (
                "{{- with .Values }}{{ end }}{{ range .Values.list }}{{ end }}{{ with $.Values }}{{ end }}\nimage: x/{{ .Values.repo }}",
                Some(WrittenIn::Template("templates/a")),
            ),
            (
                "{{- $r := .Values.none | default \"docker.io\" }}\n{{ printf \"%s/%s\" $r .Values.repo }}",
                None,
            ),
        ] {
            let near = [("templates/a".to_owned(), lines.to_owned())];
            let printed = Printed::of(&near.into(), "templates/");
            let is_nothing = |operand: &Operand| operand.contains("own");
            let found = printed.written_in("repo", &is_nothing);
            let found = Some(found).filter(|found| !matches!(found, WrittenIn::Several(_)));
            assert_eq!(found, written_in, "{lines}");
        }
    }
}

//! The few actions that image lines are made of: values, a default, quotes.
//!
//! Whatever else a template does is not evaluated here, and so ambiguous.

use std::collections::BTreeMap;

use crate::At;

/// How templates ask for a value.
pub(super) const VALUES: &str = ".Values.";

/// What actions can ask for.
pub struct Values<'a> {
    /// `--set image.tag=1`.
    pub set: &'a BTreeMap<String, String>,
    /// Files by name: values, and `Chart.yaml`.
    pub trees: Vec<(&'a str, At<'a>)>,
}

impl Values<'_> {
    /// What stands between `{{` and `}}`, if it is understood.
    pub fn evaluate(&self, action: &str) -> Option<String> {
        let action = action.trim_matches('-').trim();
        let mut stages = action.split('|').map(str::trim);
        let mut value = self.first(stages.next()?);
        for stage in stages {
            let words = words(stage)?;
            match words.as_slice() {
                ["quote" | "squote" | "toString" | "trim" | "toYaml"] | ["required", ..] => {}
                ["default", fallback] => {
                    value = value
                        .filter(|text| !text.is_empty())
                        .or_else(|| self.operand(fallback));
                }
                ["trimPrefix", prefix] => {
                    let prefix = self.operand(prefix)?;
                    value = value.map(|text| text.trim_start_matches(&prefix).to_owned());
                }
                _ => return None,
            }
        }
        value
    }

    /// The first stage: an operand, or a function of some.
    fn first(&self, stage: &str) -> Option<String> {
        let words = words(stage)?;
        match words.as_slice() {
            [operand] => self.operand(operand),
            ["default", fallback, value] => self
                .operand(value)
                .filter(|text| !text.is_empty())
                .or_else(|| self.operand(fallback)),
            ["quote" | "toString" | "trim", value] | ["required", _, value] => self.operand(value),
            ["printf", pattern, values @ ..] => {
                let mut out = self.operand(pattern)?;
                for value in values {
                    let at = out.find("%s").or_else(|| out.find("%v"))?;
                    out.replace_range(at..at + 2, &self.operand(value)?);
                }
                (!out.contains('%')).then_some(out)
            }
            _ => None,
        }
    }

    /// `.Values.a.b`, `$.Values.a`, `.Chart.AppVersion`, `"text"`.
    fn operand(&self, word: &str) -> Option<String> {
        if let Some(literal) = word
            .strip_prefix('"')
            .and_then(|word| word.strip_suffix('"'))
        {
            return (!literal.contains('\\')).then(|| literal.to_owned());
        }
        if word.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(word.to_owned());
        }
        let path = word.trim_start_matches('$');
        if let Some(path) = path.strip_prefix(VALUES) {
            let set = self.set.get(path).cloned();
            return set.or_else(|| self.look("values.yaml", &path.split('.').collect::<Vec<_>>()));
        }
        match path.strip_prefix(".Chart.")? {
            "AppVersion" => self.look("Chart.yaml", &["appVersion"]),
            "Version" => self.look("Chart.yaml", &["version"]),
            "Name" => self.look("Chart.yaml", &["name"]),
            _ => None,
        }
    }

    /// Where a value is written: the file, and its scalar. `None` where `--set` says it, or nobody.
    pub fn home(&self, path: &str) -> Option<(&'_ str, At<'_>)> {
        let keys: Vec<&str> = path.split('.').collect();
        let is_set = self.set.contains_key(path);
        self.trees
            .iter()
            .filter(|(name, _)| !is_set && name.rsplit('/').next() == Some("values.yaml"))
            .find_map(|(name, root)| {
                Some((*name, root.path(&keys).filter(|at| at.text().is_some())?))
            })
    }

    /// A value of a near file. One that is there and says nothing is an empty text, for which a default stands.
    fn look(&self, file: &str, path: &[&str]) -> Option<String> {
        self.trees
            .iter()
            .filter(|(name, _)| name.rsplit('/').next() == Some(file))
            .find_map(|(_, root)| {
                let at = root.path(path)?;
                let text = at.text()?;
                Some(if at.is_null() {
                    String::new()
                } else {
                    text.to_owned()
                })
            })
    }
}

/// What stands in the action that a text is, if it is one and nothing else.
pub fn only_action(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("{{")?.strip_suffix("}}")?;
    (!inner.contains("}}")).then_some(inner)
}

/// The one value that an action prints, with a default and quotes at most: `.Values.a.b | quote`.
pub fn only_value(action: &str) -> Option<&str> {
    let action = action.trim_matches('-').trim();
    let mut stages = action.split('|').map(str::trim);
    let first = words(stages.next()?)?;
    let ([operand]
    | ["quote" | "squote" | "toString" | "trim", operand]
    | ["default" | "required", _, operand]) = first.as_slice()
    else {
        return None;
    };
    for stage in stages {
        match words(stage)?.as_slice() {
            ["quote" | "squote" | "toString" | "trim" | "toYaml"]
            | ["default", _]
            | ["required", ..] => {}
            _ => return None,
        }
    }
    operand.trim_start_matches('$').strip_prefix(VALUES)
}

/// The paths of all values that an action asks for.
pub fn values_in(action: &str) -> impl Iterator<Item = &str> {
    let words = action.split([' ', '\t', '|', '(', ')']);
    words.filter_map(|word| word.trim_start_matches('$').strip_prefix(VALUES))
}

/// The words of a stage; quotes keep blanks together. `None` for what has parentheses or variables of its own.
fn words(stage: &str) -> Option<Vec<&str>> {
    let mut words = Vec::new();
    let mut rest = stage.trim();
    while !rest.is_empty() {
        let end = if let Some(inner) = rest.strip_prefix('"') {
            inner.find('"')? + 2
        } else {
            rest.find([' ', '\t']).unwrap_or(rest.len())
        };
        let word = &rest[..end];
        if !word.starts_with('"') && word.contains(['(', ')', '=', '`']) {
            return None;
        }
        words.push(word);
        rest = rest[end..].trim_start();
    }
    (!words.is_empty()).then_some(words)
}

//! The file of rules, as it is written: TOML, one `[[rule]]` each.

use std::str::FromStr;

use serde::Deserialize;

use super::error::RulesError;
use super::pattern::Pattern;
use super::rule::{Action, Rule, Rules};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    rule: Vec<Written>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    registry: Patterns,
    #[serde(default)]
    namespace: Patterns,
    #[serde(default)]
    name: Patterns,
    #[serde(default)]
    repository: Patterns,
    #[serde(default)]
    tag: Patterns,
    version: Option<String>,
    to: Option<String>,
    #[serde(default)]
    keep: bool,
    mirror: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a pattern or a list of patterns")]
enum Patterns {
    One(String),
    Several(Vec<String>),
}

impl Default for Patterns {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

impl From<Patterns> for Vec<Pattern> {
    fn from(patterns: Patterns) -> Self {
        match patterns {
            Patterns::One(one) => vec![Pattern::new(one)],
            Patterns::Several(several) => several.into_iter().map(Pattern::new).collect(),
        }
    }
}

impl FromStr for Rules {
    type Err = RulesError;

    fn from_str(text: &str) -> Result<Self, RulesError> {
        let file: File = toml::from_str(text).map_err(RulesError::File)?;
        let rules = file.rule.into_iter().enumerate();
        let rules = rules.map(|(index, rule)| rule.meaning(index + 1));
        Self::new(rules.collect::<Result<_, _>>()?)
    }
}

impl Written {
    fn meaning(self, number: usize) -> Result<Rule, RulesError> {
        let action = match (self.to, self.keep) {
            (None, true) => Action::Keep,
            (Some(text), false) => match text.parse() {
                Ok(template) => Action::To(template),
                Err(source) => {
                    return Err(RulesError::Template {
                        number,
                        text,
                        source,
                    });
                }
            },
            _ => return Err(RulesError::Action(number)),
        };
        let version = self.version.as_deref().map(str::parse).transpose();
        Ok(Rule {
            registry: self.registry.into(),
            namespace: self.namespace.into(),
            name: self.name.into(),
            repository: self.repository.into(),
            tag: self.tag.into(),
            version: version.map_err(|source| RulesError::Range { number, source })?,
            action,
            is_mirror: self.mirror,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_file_is_told_with_the_rule() {
        for (text, told) in [
            ("", "there is no rule"),
            (
                "[[rule]]\nto = \"h.example\\n/{name}\"",
                "rule 1: \"h.example\\n/{name}\" is no template",
            ),
            (
                "[[rule]]\nto = \"h/{x}\"",
                "rule 1: \"h/{x}\" is no template",
            ),
            ("[[rule]]\nname = \"a\"", "rule 1 says neither"),
            ("[[rule]]\nto = \"h/a\"\nkeep = true", "rule 1 says neither"),
            (
                "[[rule]]\nkeep = true\nversion = \"new\"",
                "rule 1: the version",
            ),
            ("[[rule]]\nfrom = \"a\"", "the rules cannot be read"),
            ("[[rule]]\nname = 1", "the rules cannot be read"),
        ] {
            let error = text.parse::<Rules>().unwrap_err().to_string();
            assert!(error.starts_with(told), "{error}");
        }
    }
}

//! A lifecycle rule on its way from a command: the keys of a table `[[lifecycle]]`, periods in seconds.

use std::time::Duration;

use forebay_lifecycle_rules::{Expiry, MAX_RULES, Policy, Rule, Selection, TagPattern, Written};
use forebay_oci::RepositoryPattern;
use serde::{Deserialize, Serialize};

use super::RepositoryOrderError;

/// A rule as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuleText {
    /// What it is called where it is told of.
    pub name: String,
    /// Patterns of repositories.
    pub repositories: Vec<String>,
    /// Which rules go first.
    pub priority: Option<u32>,
    /// Patterns of tags, of which one is needed.
    pub tags: Vec<String>,
    /// Patterns of tags, which are needed all.
    pub all_tags: Vec<String>,
    /// Whether it is about manifests without a tag.
    pub untagged: bool,
    /// How many stay.
    pub keep_newest: Option<u32>,
    /// Those pushed so many seconds ago go.
    pub pushed_for_seconds: Option<u64>,
    /// Those without a tag that were pushed so many seconds ago go.
    pub untagged_after_seconds: Option<u64>,
    /// Those not pulled for so many seconds go.
    pub not_pulled_for_seconds: Option<u64>,
}

impl RuleText {
    /// The rule as it is sent.
    pub fn of(rule: &Rule) -> Self {
        let texts = |patterns: &[TagPattern]| patterns.iter().map(ToString::to_string).collect();
        let mut text = Self {
            name: rule.name.clone(),
            repositories: rule.repositories.iter().map(ToString::to_string).collect(),
            priority: Some(rule.priority),
            ..Self::default()
        };
        match &rule.selection {
            Selection::Everything => {}
            Selection::Untagged => text.untagged = true,
            Selection::Tagged(tagged) if tagged.patterns.is_empty() => {
                text.tags = vec!["*".to_owned()];
            }
            Selection::Tagged(tagged) if tagged.needs_every => {
                text.all_tags = texts(&tagged.patterns);
            }
            Selection::Tagged(tagged) => text.tags = texts(&tagged.patterns),
        }
        match rule.expiry {
            Expiry::KeepNewest(kept) => text.keep_newest = Some(kept),
            Expiry::PushedFor(period) => text.pushed_for_seconds = Some(period.as_secs()),
            Expiry::NotPulledFor(period) => text.not_pulled_for_seconds = Some(period.as_secs()),
        }
        text
    }

    /// Says what is wrong with it, if it makes no rule.
    ///
    /// # Errors
    /// A pattern is none, or its keys contradict one another.
    pub fn check(&self) -> Result<(), RepositoryOrderError> {
        self.clone().read(1).map(drop)
    }

    fn read(self, number: u32) -> Result<Rule, RepositoryOrderError> {
        let span = |seconds: Option<u64>| seconds.map(Duration::from_secs);
        let written = Written {
            repositories: patterns(&self.repositories)?,
            priority: self.priority,
            tags: tag_patterns(&self.tags)?,
            all_tags: tag_patterns(&self.all_tags)?,
            untagged: self.untagged,
            keep_newest: self.keep_newest,
            pushed_for: span(self.pushed_for_seconds),
            untagged_after: span(self.untagged_after_seconds),
            not_pulled_for: span(self.not_pulled_for_seconds),
        };
        let name = self.name;
        match written.read(number) {
            Ok(rule) if name.is_empty() => Ok(rule),
            Ok(rule) => Ok(Rule { name, ..rule }),
            Err(why) => Err(RepositoryOrderError::Rule { name, why }),
        }
    }
}

/// The policy of these rules.
pub(super) fn read_policy(texts: Vec<RuleText>) -> Result<Policy, RepositoryOrderError> {
    if texts.len() > MAX_RULES {
        return Err(RepositoryOrderError::Rules(texts.len()));
    }
    let rules = (1..).zip(texts).map(|(number, text)| text.read(number));
    Ok(Policy::new(rules.collect::<Result<_, _>>()?))
}

/// The pattern of repositories that a text is.
pub(super) fn pattern(text: &str) -> Result<RepositoryPattern, RepositoryOrderError> {
    text.parse()
        .map_err(|why| RepositoryOrderError::Pattern(text.to_owned(), why))
}

fn patterns(texts: &[String]) -> Result<Vec<RepositoryPattern>, RepositoryOrderError> {
    texts.iter().map(|text| pattern(text)).collect()
}

fn tag_patterns(texts: &[String]) -> Result<Vec<TagPattern>, RepositoryOrderError> {
    let read = |text: &String| {
        text.parse()
            .map_err(|why| RepositoryOrderError::TagPattern(text.clone(), why))
    };
    texts.iter().map(read).collect()
}

//! What an operator says of the lives of manifests.

use std::fmt;
use std::time::Duration;

use forebay_oci::{RepositoryName, RepositoryPattern, Tag};

use super::age::Age;
use super::tag_pattern::TagPattern;

/// The most rules that are taken together, about whatever repositories: those of some hundred repositories with a few of their own.
pub const MAX_RULES: usize = 1_000;

/// The most manifests that a rule keeps: so many are remembered while a repository is looked through.
pub const MAX_KEPT: u32 = 100_000;

/// The longest period of a rule: a hundred years.
pub const MAX_PERIOD: Duration = Duration::from_hours(100 * 365 * 24);

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What it is called where it is told of, such as `lifecycle rule 2`.
    pub name: String,
    /// Rules with lower numbers come first; of equal ones, in the order in which they were given.
    pub priority: u32,
    /// The repositories that it is about.
    pub repositories: Vec<RepositoryPattern>,
    /// The manifests that it is about.
    pub selection: Selection,
    /// Which of them go.
    pub expiry: Expiry,
}

/// Which manifests a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// All.
    Everything,
    /// Those that no tag points at.
    Untagged,
    /// Those with such tags.
    Tagged(Tagged),
}

/// Which tags a manifest has for a rule to be about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagged {
    /// The patterns. None: any tag will do.
    pub patterns: Vec<TagPattern>,
    /// Whether every pattern must stand for one of its tags, and not only some pattern.
    pub needs_every: bool,
    /// Whether the manifest is spared while it has a tag beside that no pattern stands for: its tags would go with it.
    pub spares_other_tags: bool,
}

/// Which of the manifests that a rule is about go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// All but so many that were pushed last.
    KeepNewest(u32),
    /// Those pushed longer ago.
    PushedFor(Duration),
    /// Those neither pulled nor pushed for longer.
    NotPulledFor(Duration),
}

/// Rules in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    rules: Vec<Rule>,
}

// === impl Policy ===

impl Policy {
    /// These rules by their priorities.
    pub fn new(mut rules: Vec<Rule>) -> Self {
        rules.sort_by_key(|rule| rule.priority);
        Self { rules }
    }

    /// The rules that are about this repository, in their order.
    #[must_use]
    pub fn of(&self, repository: &RepositoryName) -> Self {
        let is_about = |rule: &&Rule| {
            let mut patterns = rule.repositories.iter();
            patterns.any(|pattern| pattern.matches(repository))
        };
        Self {
            rules: self.rules.iter().filter(is_about).cloned().collect(),
        }
    }

    /// The rules, in their order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

// === impl Selection ===

impl Selection {
    /// True if the rule is about a manifest that has these tags.
    pub fn selects(&self, tags: &[Tag]) -> bool {
        match self {
            Self::Everything => true,
            Self::Untagged => tags.is_empty(),
            Self::Tagged(tagged) => tagged.selects(tags),
        }
    }

    /// Of the tags of a manifest that is selected, one for whose sake it is spared.
    pub fn spared_tag<'a>(&self, tags: &'a [Tag]) -> Option<&'a Tag> {
        match self {
            Self::Tagged(tagged) if tagged.spares_other_tags && !tagged.patterns.is_empty() => {
                tags.iter().find(|tag| !tagged.names(tag))
            }
            _ => None,
        }
    }
}

impl Tagged {
    fn selects(&self, tags: &[Tag]) -> bool {
        let has = |pattern: &TagPattern| tags.iter().any(|tag| pattern.matches(tag));
        if self.patterns.is_empty() {
            return !tags.is_empty();
        }
        if self.needs_every {
            self.patterns.iter().all(has)
        } else {
            self.patterns.iter().any(has)
        }
    }

    fn names(&self, tag: &Tag) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(tag))
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("all"),
            Self::Untagged => f.write_str("untagged"),
            Self::Tagged(tagged) if tagged.patterns.is_empty() => f.write_str("tagged"),
            Self::Tagged(tagged) => {
                let joint = if tagged.needs_every { " and " } else { " or " };
                let patterns: Vec<&str> = tagged.patterns.iter().map(TagPattern::as_str).collect();
                write!(f, "tagged {}", patterns.join(joint))
            }
        }
    }
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeepNewest(kept) => write!(f, "keep the newest {kept}"),
            Self::PushedFor(period) => write!(f, "pushed longer than {} ago", Age(*period)),
            Self::NotPulledFor(period) => write!(f, "not pulled for {}", Age(*period)),
        }
    }
}

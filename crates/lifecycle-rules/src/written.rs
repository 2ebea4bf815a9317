//! Rules in the configuration's words: what its keys mean together, and how a rule is written in them.

use std::fmt;
use std::time::Duration;

use forebay_oci::RepositoryPattern;

use super::rule::{Expiry, MAX_KEPT, MAX_PERIOD, Rule, Selection, Tagged};
use super::tag_pattern::TagPattern;

/// A day, the unit in which periods are written where it fits.
const DAY: Duration = Duration::from_hours(24);

/// A table `[[lifecycle]]`, key by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Which repositories it is about.
    pub repositories: Vec<RepositoryPattern>,
    /// Which rules go first; without, the order in which they are written.
    pub priority: Option<u32>,
    /// It is about manifests with a tag that one of these patterns names, and with no other tag.
    pub tags: Vec<TagPattern>,
    /// It is about manifests with a tag for each of these patterns, whatever other tags they have: as ECR's rules are.
    pub all_tags: Vec<TagPattern>,
    /// It is about manifests without a tag.
    pub untagged: bool,
    /// All but so many that were pushed last go.
    pub keep_newest: Option<u32>,
    /// Those pushed longer ago go.
    pub pushed_for: Option<Duration>,
    /// Those without a tag that were pushed longer ago go.
    pub untagged_after: Option<Duration>,
    /// Those neither pulled nor pushed for longer go.
    pub not_pulled_for: Option<Duration>,
}

/// Why keys make no rule: a clause that goes on after the rule's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRule {
    /// It is about no repository.
    #[error("has no `repositories`: write [\"**\"] for all")]
    NoRepositories,
    /// It says in more than one way which manifests it is about.
    #[error(
        "has more than one of `tags`, `all_tags`, `untagged` and `untagged_after`: each says which manifests it is about"
    )]
    Selections,
    /// It says in no way, or in more than one, which of them go.
    #[error(
        "needs one of `keep_newest`, `pushed_for`, `untagged_after` and `not_pulled_for`, and has {0}"
    )]
    Expiries(usize),
    /// It keeps too many.
    #[error("has `keep_newest` = {0}, at most {MAX_KEPT} are taken")]
    Kept(u32),
    /// Its period is too long, or none.
    #[error("has a period below an hour or beyond 100 years")]
    Period(Duration),
}

impl Written {
    /// The rule that these keys are; `number` is its place among those written, counted from 1.
    ///
    /// # Errors
    /// They contradict one another, or are out of bounds.
    pub fn read(self, number: u32) -> Result<Rule, InvalidRule> {
        if self.repositories.is_empty() {
            return Err(InvalidRule::NoRepositories);
        }
        let expiry = self.expiry()?;
        let is_untagged = self.untagged || self.untagged_after.is_some();
        let selection = match (self.tags.is_empty(), self.all_tags.is_empty(), is_untagged) {
            (true, true, false) => Selection::Everything,
            (true, true, true) => Selection::Untagged,
            (false, true, false) => tagged(self.tags, false),
            (true, false, false) => tagged(self.all_tags, true),
            _ => return Err(InvalidRule::Selections),
        };
        Ok(Rule {
            name: format!("lifecycle rule {number}"),
            priority: self.priority.unwrap_or(number),
            repositories: self.repositories,
            selection,
            expiry,
        })
    }

    fn expiry(&self) -> Result<Expiry, InvalidRule> {
        let expiries = [
            self.keep_newest.map(Expiry::KeepNewest),
            self.pushed_for.map(Expiry::PushedFor),
            self.untagged_after.map(Expiry::PushedFor),
            self.not_pulled_for.map(Expiry::NotPulledFor),
        ];
        let written: Vec<Expiry> = expiries.into_iter().flatten().collect();
        match *written.as_slice() {
            [Expiry::KeepNewest(kept)] if kept > MAX_KEPT => Err(InvalidRule::Kept(kept)),
            [Expiry::PushedFor(period) | Expiry::NotPulledFor(period)]
                if !(Duration::from_hours(1)..=MAX_PERIOD).contains(&period) =>
            {
                Err(InvalidRule::Period(period))
            }
            [expiry] => Ok(expiry),
            _ => Err(InvalidRule::Expiries(written.len())),
        }
    }
}

fn tagged(patterns: Vec<TagPattern>, is_like_ecr: bool) -> Selection {
    Selection::Tagged(Tagged {
        patterns,
        needs_every: is_like_ecr,
        spares_other_tags: !is_like_ecr,
    })
}

/// The rule as a table `[[lifecycle]]` that reads as the same rule, so far as the configuration's keys can say it.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "[[lifecycle]]")?;
        writeln!(f, "repositories = {}", list(&self.repositories))?;
        writeln!(f, "priority = {}", self.priority)?;
        match &self.selection {
            Selection::Everything => {}
            Selection::Untagged if matches!(self.expiry, Expiry::PushedFor(_)) => {}
            Selection::Untagged => writeln!(f, "untagged = true")?,
            Selection::Tagged(tagged) => {
                let key = if tagged.needs_every {
                    "all_tags"
                } else {
                    "tags"
                };
                writeln!(f, "{key} = {}", list(&tagged.patterns))?;
            }
        }
        match (self.expiry, &self.selection) {
            (Expiry::KeepNewest(kept), _) => writeln!(f, "keep_newest = {kept}"),
            (Expiry::PushedFor(period), Selection::Untagged) => {
                writeln!(f, "untagged_after = \"{}\"", span(period))
            }
            (Expiry::PushedFor(period), _) => writeln!(f, "pushed_for = \"{}\"", span(period)),
            (Expiry::NotPulledFor(period), _) => {
                writeln!(f, "not_pulled_for = \"{}\"", span(period))
            }
        }
    }
}

/// Patterns have no character that TOML would need to escape.
fn list(items: &[impl fmt::Display]) -> String {
    let items: Vec<String> = items.iter().map(|item| format!("\"{item}\"")).collect();
    format!("[{}]", items.join(", "))
}

/// In days where they are whole, else in seconds.
fn span(period: Duration) -> String {
    let seconds = period.as_secs();
    if seconds.is_multiple_of(DAY.as_secs()) {
        format!("{}d", seconds / DAY.as_secs())
    } else {
        format!("{seconds}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> Written {
        Written {
            repositories: vec!["team/*".parse().unwrap()],
            ..Written::default()
        }
    }

    fn pattern() -> Vec<TagPattern> {
        vec!["v*".parse().unwrap()]
    }

    #[test]
    fn keys_become_a_rule_and_a_rule_the_same_keys() {
        let newest = Written {
            tags: pattern(),
            keep_newest: Some(10),
            ..written()
        };
        let untagged = Written {
            untagged_after: Some(DAY * 14),
            ..written()
        };
        let unused = Written {
            not_pulled_for: Some(DAY * 90),
            priority: Some(7),
            ..written()
        };
        let like_ecr = Written {
            all_tags: pattern(),
            pushed_for: Some(DAY / 2),
            ..written()
        };
        let few = Written {
            untagged: true,
            keep_newest: Some(1),
            ..written()
        };
        for (keys, text) in [
            (newest, "priority = 1\ntags = [\"v*\"]\nkeep_newest = 10\n"),
            (untagged, "priority = 1\nuntagged_after = \"14d\"\n"),
            (unused, "priority = 7\nnot_pulled_for = \"90d\"\n"),
            (
                like_ecr,
                "priority = 1\nall_tags = [\"v*\"]\npushed_for = \"43200s\"\n",
            ),
            (few, "priority = 1\nuntagged = true\nkeep_newest = 1\n"),
        ] {
            let rule = keys.read(1).unwrap();
            let expected = format!("[[lifecycle]]\nrepositories = [\"team/*\"]\n{text}");
            assert_eq!(rule.to_string(), expected);
        }
    }

    #[test]
    fn keys_that_contradict_one_another_or_say_too_little_are_refused() {
        let days = Some(DAY * 14);
        for (keys, why) in [
            (Written::default(), InvalidRule::NoRepositories),
            (written(), InvalidRule::Expiries(0)),
            (
                Written {
                    keep_newest: Some(1),
                    not_pulled_for: days,
                    ..written()
                },
                InvalidRule::Expiries(2),
            ),
            (
                Written {
                    tags: pattern(),
                    untagged_after: days,
                    ..written()
                },
                InvalidRule::Selections,
            ),
            (
                Written {
                    tags: pattern(),
                    all_tags: pattern(),
                    keep_newest: Some(1),
                    ..written()
                },
                InvalidRule::Selections,
            ),
            (
                Written {
                    keep_newest: Some(MAX_KEPT + 1),
                    ..written()
                },
                InvalidRule::Kept(MAX_KEPT + 1),
            ),
            (
                Written {
                    pushed_for: Some(Duration::ZERO),
                    ..written()
                },
                InvalidRule::Period(Duration::ZERO),
            ),
        ] {
            assert_eq!(keys.read(1), Err(why));
        }
    }
}

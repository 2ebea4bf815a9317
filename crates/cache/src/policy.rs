//! What the operator wants of a cache: how long tags are fresh, and what to do when they are gone.

use std::time::Duration;

use forebay_oci::Tag;
use globset::{Glob, GlobMatcher};

/// The rules of one upstream's cache.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Time to live of tags by pattern; the first that matches counts.
    pub ttl_rules: Vec<TtlRule>,
    /// Time to live of tags that read like versions.
    pub version_ttl: Duration,
    /// Time to live of all other tags.
    pub tag_ttl: Duration,
    /// What a kept tag does when the upstream no longer has it.
    pub on_gone: OnGone,
    /// How long a client waits for a check of a kept tag before it is given the stale copy.
    pub revalidate_budget: Duration,
    /// How long an absence or a denial is remembered.
    pub negative_ttl: Duration,
    /// What of a budget is left to clients by what nobody waits for, in per cent, 0 to 100.
    pub reserve_percent: u8,
}

/// A time to live for the tags that a pattern matches.
#[derive(Clone, Debug)]
pub struct TtlRule {
    pattern: GlobMatcher,
    ttl: Duration,
}

/// What a kept tag does when the upstream no longer has it, or no longer lets us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnGone {
    /// The kept copy is served, marked as stale.
    Serve,
    /// It is refused as the upstream refuses it.
    Refuse,
}

impl Policy {
    /// How long `tag` is fresh after a check.
    #[must_use]
    pub fn ttl(&self, tag: &Tag) -> Duration {
        let rule = self
            .ttl_rules
            .iter()
            .find(|rule| rule.pattern.is_match(tag.as_str()));
        match rule {
            Some(rule) => rule.ttl,
            None if tag.is_version_like() => self.version_ttl,
            None => self.tag_ttl,
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            ttl_rules: Vec::new(),
            version_ttl: Duration::from_hours(6),
            tag_ttl: Duration::from_mins(5),
            on_gone: OnGone::Serve,
            revalidate_budget: Duration::from_secs(1),
            negative_ttl: Duration::from_mins(1),
            reserve_percent: 20,
        }
    }
}

impl TtlRule {
    /// A rule for the tags that `pattern` matches.
    #[must_use]
    pub fn new(pattern: &Glob, ttl: Duration) -> Self {
        Self {
            pattern: pattern.compile_matcher(),
            ttl,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_matching_pattern_counts_then_the_version_then_the_rest() {
        let rule = |pattern, seconds| {
            TtlRule::new(&Glob::new(pattern).unwrap(), Duration::from_secs(seconds))
        };
        let policy = Policy {
            ttl_rules: vec![rule("1.27*", 1), rule("1.*", 2), rule("nightly-*", 3)],
            ..Policy::default()
        };
        for (tag, seconds) in [
            ("1.27.1", 1),
            ("1.26", 2),
            ("nightly-7", 3),
            ("2.0", 21_600),
            ("v3", 21_600),
            ("latest", 300),
        ] {
            assert_eq!(
                policy.ttl(&tag.parse().unwrap()),
                Duration::from_secs(seconds),
                "{tag}"
            );
        }
    }
}

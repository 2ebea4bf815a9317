//! Lifecycle rules that do nothing, or take more than they seem to.

use std::collections::BTreeMap;

use forebay_lifecycle_rules::{Expiry, Rule, Selection, Tagged};

use super::glob::{Pattern, may_meet};
use super::{first_part, may_be_local, upstream_of};
use crate::resolved::Config;

/// What there is to say of the rules, in their order.
pub(super) fn notes(config: &Config) -> Vec<String> {
    let rules = config.lifecycle.rules();
    let mut notes: Vec<String> = rules
        .iter()
        .flat_map(|rule| of_rule(config, rule))
        .collect();
    notes.extend(of_shadows(rules));
    notes.extend(of_priorities(rules));
    notes
}

/// What is odd about one rule.
fn of_rule(config: &Config, rule: &Rule) -> Vec<String> {
    let name = &rule.name;
    let mut notes = Vec::new();
    if rule.expiry == Expiry::KeepNewest(0) {
        notes.push(format!(
            "{name} keeps none: all that it is about goes when rules are applied next (`keep_newest` = 0)"
        ));
    }
    for pattern in &rule.repositories {
        let first = first_part(pattern);
        if let Some(meant) = upstream_of(config, first) {
            notes.push(format!(
                "{name} does nothing for {pattern}: rules are about local repositories, and names that begin with {first} are {meant}'s"
            ));
        } else if !may_be_local(config, pattern) {
            notes.push(format!(
                "{name} does nothing for {pattern}: `local` reserves no such names, so no repository has one"
            ));
        }
    }
    if let Selection::Tagged(tagged) = &rule.selection {
        let never = tagged.patterns.iter();
        // A tag begins with a letter, a digit or '_' (distribution-spec, "Pulling manifests").
        let never = never.filter(|pattern| pattern.as_str().starts_with(['.', '-']));
        notes.extend(never.map(|pattern| {
            format!("{name} names tags {pattern}, and no tag begins with '.' or '-'")
        }));
    }
    notes
}

/// A rule, and what it is about as it is compared with others.
struct Compared<'r> {
    rule: &'r Rule,
    repositories: Vec<Pattern<'r>>,
    tags: Vec<Pattern<'r>>,
}

/// Rules that never decide of anything, as one before them is about all that they are about.
fn of_shadows(rules: &[Rule]) -> Vec<String> {
    let mut notes = Vec::new();
    let rules: Vec<Compared<'_>> = rules.iter().map(Compared::of).collect();
    for (place, Compared { rule, .. }) in rules.iter().enumerate() {
        let mut before = rules[..place].iter();
        if let Some(first) = before.find(|first| first.is_about_all_of(&rules[place])) {
            notes.push(format!(
                "{} does nothing: {} comes before it, is about the same manifests, and so decides of them all; to have it decide of some, give it a lower `priority`",
                rule.name, first.rule.name
            ));
        }
    }
    notes
}

impl<'r> Compared<'r> {
    fn of(rule: &'r Rule) -> Self {
        let repositories = rule.repositories.iter();
        let tags = match &rule.selection {
            Selection::Tagged(tagged) => tagged.patterns.as_slice(),
            Selection::Everything | Selection::Untagged => &[],
        };
        Self {
            rule,
            repositories: repositories
                .map(|name| Pattern::of(name.as_str()))
                .collect(),
            tags: tags.iter().map(|tag| Pattern::of(tag.as_str())).collect(),
        }
    }

    /// Whether a rule is about all manifests that another one is about, as far as their patterns tell.
    fn is_about_all_of(&self, other: &Self) -> bool {
        let mut names = other.repositories.iter();
        names.all(|name| is_covered(name, &self.repositories)) && self.selects_all_of(other)
    }

    fn selects_all_of(&self, other: &Self) -> bool {
        match (&self.rule.selection, &other.rule.selection) {
            (Selection::Everything, _) | (Selection::Untagged, Selection::Untagged) => true,
            (Selection::Tagged(first), Selection::Tagged(tagged)) => {
                self.covers_tags((first, tagged), &other.tags)
            }
            _ => false,
        }
    }

    fn covers_tags(&self, (first, other): (&Tagged, &Tagged), tags: &[Pattern<'_>]) -> bool {
        if self.tags.is_empty() {
            return true;
        }
        if first.needs_every || tags.is_empty() {
            return first == other;
        }
        let mut tags = tags.iter();
        if other.needs_every {
            tags.any(|tag| is_covered(tag, &self.tags))
        } else {
            tags.all(|tag| is_covered(tag, &self.tags))
        }
    }
}

fn is_covered(pattern: &Pattern<'_>, by: &[Pattern<'_>]) -> bool {
    by.iter().any(|first| first.covers(pattern))
}

/// Rules about the same manifests between which only their place in the file decides.
fn of_priorities(rules: &[Rule]) -> Vec<String> {
    let mut by_priority: BTreeMap<u32, Vec<&Rule>> = BTreeMap::new();
    for rule in rules {
        by_priority.entry(rule.priority).or_default().push(rule);
    }
    let mut notes = Vec::new();
    for (priority, alike) in by_priority {
        let meets = |rule: &&&Rule| {
            let mut others = alike.iter().filter(|other| other.name != rule.name);
            others.any(|other| may_be_about_one(rule, other))
        };
        let met: Vec<&str> = alike
            .iter()
            .filter(meets)
            .map(|rule| rule.name.as_str())
            .collect();
        if !met.is_empty() {
            notes.push(format!(
                "{} have the same priority, {priority}: the one that is written first goes first",
                met.join(", ")
            ));
        }
    }
    notes
}

/// Whether two rules may be about the same manifest.
fn may_be_about_one(one: &Rule, other: &Rule) -> bool {
    let meet = one.repositories.iter().any(|pattern| {
        let mut others = other.repositories.iter();
        others.any(|other| may_meet(pattern.as_str(), other.as_str()))
    });
    meet && !matches!(
        (&one.selection, &other.selection),
        (Selection::Untagged, Selection::Tagged(_)) | (Selection::Tagged(_), Selection::Untagged)
    )
}

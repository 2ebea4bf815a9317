//! Lifecycle rules that do nothing, or take more than they seem to.

use std::collections::BTreeMap;

use forebay_registry::lifecycle::{Expiry, Rule, Selection, Tagged};

use super::glob::{covers, may_meet};
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

/// Rules that never decide of anything, as one before them is about all that they are about.
fn of_shadows(rules: &[Rule]) -> Vec<String> {
    let mut notes = Vec::new();
    for (place, rule) in rules.iter().enumerate() {
        let mut before = rules[..place].iter();
        if let Some(first) = before.find(|first| is_about_all_of(first, rule)) {
            notes.push(format!(
                "{} does nothing: {} comes before it, is about the same manifests, and so decides of them all; to have it decide of some, give it a lower `priority`",
                rule.name, first.name
            ));
        }
    }
    notes
}

/// Whether a rule is about all manifests that another one is about, as far as their patterns tell.
fn is_about_all_of(first: &Rule, other: &Rule) -> bool {
    let covers_one = |name: &str| {
        let mut patterns = first.repositories.iter();
        patterns.any(|pattern| covers(pattern.as_str(), name))
    };
    let mut names = other.repositories.iter();
    let covers_names = names.all(|pattern| covers_one(pattern.as_str()));
    covers_names && selects_all_of(&first.selection, &other.selection)
}

fn selects_all_of(first: &Selection, other: &Selection) -> bool {
    match (first, other) {
        (Selection::Everything, _) | (Selection::Untagged, Selection::Untagged) => true,
        (Selection::Tagged(first), Selection::Tagged(other)) => tags_cover(first, other),
        _ => false,
    }
}

fn tags_cover(first: &Tagged, other: &Tagged) -> bool {
    let has = |text: &str| {
        let mut patterns = first.patterns.iter();
        patterns.any(|pattern| covers(pattern.as_str(), text))
    };
    if first.patterns.is_empty() {
        return true;
    }
    if first.needs_every || other.patterns.is_empty() {
        return first == other;
    }
    let mut others = other.patterns.iter();
    if other.needs_every {
        others.any(|pattern| has(pattern.as_str()))
    } else {
        others.all(|pattern| has(pattern.as_str()))
    }
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

//! What of a right configuration does nothing, or more than whoever wrote it may think: sentences for `config check`.
//!
//! Nothing of it is wrong, so nothing of it keeps a server from its start.

use std::collections::BTreeMap;
use std::time::Duration;

use forebay_oci::RepositoryPattern;
use forebay_registry::lifecycle::{Expiry, Rule, Selection};

use crate::resolve::unheld_equivalents;
use crate::resolved::{Authorize, Config};

/// How long a right lasts where nothing is written: `config show` writes it, so as such it says nothing.
const DEFAULT_AUTHORIZE_FOR: Duration = Duration::from_mins(5);

/// All that there is to say of it.
pub fn notes(config: &Config) -> Vec<String> {
    let mut notes = unheld_equivalents(config);
    notes.extend(
        config
            .local
            .iter()
            .filter_map(|pattern| of_local(config, pattern)),
    );
    let rules = config.lifecycle.rules();
    for rule in rules {
        notes.extend(of_rule(config, rule));
    }
    notes.extend(of_priorities(rules));
    notes.extend(of_rights(config));
    notes
}

/// A pattern of `local` that reserves nothing.
fn of_local(config: &Config, pattern: &RepositoryPattern) -> Option<String> {
    let (first, _) = parts(pattern);
    let meant = upstream_of(config, first)?;
    Some(format!(
        "`local` holds {pattern}, which reserves nothing: names that begin with {first} are {meant}'s"
    ))
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
        let (first, _) = parts(pattern);
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

/// Rules between which only their place in the file decides.
fn of_priorities(rules: &[Rule]) -> Vec<String> {
    let mut by_priority: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
    for rule in rules {
        by_priority
            .entry(rule.priority)
            .or_default()
            .push(&rule.name);
    }
    let alike = by_priority.iter().filter(|(_, names)| names.len() > 1);
    let told = alike.map(|(priority, names)| {
        format!(
            "{} have the same priority, {priority}: the one that is written first goes first",
            names.join(", ")
        )
    });
    told.collect()
}

/// Keys about rights that hold only beside others.
fn of_rights(config: &Config) -> Vec<String> {
    let mut notes = Vec::new();
    if config.access.is_some() && config.clients.loopback_push {
        notes.push(
            "`clients.loopback_push` does nothing beside `[access]`, whose rules say who may push"
                .to_owned(),
        );
    }
    for (name, upstream) in &config.upstreams {
        let is_asked = upstream.authorize == Authorize::Client;
        if !is_asked && upstream.authorize_for != DEFAULT_AUTHORIZE_FOR {
            notes.push(format!(
                "`upstreams.\"{name}\".authorize_for` does nothing without authorize = \"client\" there"
            ));
        }
    }
    notes
}

/// A pattern's first part, and what is behind it.
fn parts(pattern: &RepositoryPattern) -> (&str, Option<&str>) {
    match pattern.as_str().split_once('/') {
        Some((first, rest)) => (first, Some(rest)),
        None => (pattern.as_str(), None),
    }
}

/// True if it stands for itself alone.
fn is_plain(part: &str) -> bool {
    !part.contains(['*', '?', '[', ']', '{', '}', ',', '!', '^'])
}

/// Whose names begin with this: an upstream's by its name or its prefix.
fn upstream_of<'c>(config: &'c Config, first: &str) -> Option<&'c str> {
    let mut upstreams = config.upstreams.values();
    let found = upstreams
        .find(|upstream| upstream.name == first || upstream.prefix.as_deref() == Some(first))?;
    Some(&found.name)
}

/// Whether a local repository may have a name that the pattern stands for, as far as the first part tells: what `local` reserves
/// begins with a namespace in full.
fn may_be_local(config: &Config, pattern: &RepositoryPattern) -> bool {
    let (first, rest) = parts(pattern);
    let is_open = rest.is_none() || !is_plain(first);
    is_open || config.local.iter().any(|local| parts(local).0 == first)
}

#[cfg(test)]
mod tests;

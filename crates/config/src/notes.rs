//! What of a right configuration does nothing, or more than whoever wrote it may think: sentences for `config check`.
//!
//! Nothing of it is wrong, so nothing of it keeps a server from its start.

mod access;
mod glob;
mod lifecycle;

use std::time::Duration;

use forebay_oci::RepositoryPattern;

pub use self::access::notes_of_token;
use self::glob::may_meet;
use crate::own_hosts::find_given_away;
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
    notes.extend(of_own_hosts(config));
    notes.extend(lifecycle::notes(config));
    if let Some(access) = &config.access {
        notes.extend(access::notes(config, access));
    }
    notes.extend(of_rights(config));
    notes
}

/// A pattern of `local` that reserves nothing.
fn of_local(config: &Config, pattern: &RepositoryPattern) -> Option<String> {
    let first = first_part(pattern);
    let meant = upstream_of(config, first)?;
    Some(format!(
        "`local` holds {pattern}, which reserves nothing: names that begin with {first} are {meant}'s"
    ))
}

/// A host by which clients reach us, and which is an upstream's: with names reserved in `local` it would be no right configuration.
fn of_own_hosts(config: &Config) -> Option<String> {
    let given_away = find_given_away(config, &config.listen)?;
    let (host, upstream) = (given_away.host, given_away.upstream);
    Some(format!(
        "clients reach Forebay at {host}, which `upstreams.\"{upstream}\".hosts` gives to {upstream}: no local repository is reached there, and as soon as there is one, no start is possible"
    ))
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

/// A pattern's first part.
fn first_part(pattern: &RepositoryPattern) -> &str {
    pattern.as_str().split('/').next().unwrap_or_default()
}

/// Whose names begin with this: an upstream's by its name or its prefix.
fn upstream_of<'c>(config: &'c Config, first: &str) -> Option<&'c str> {
    let mut upstreams = config.upstreams.values();
    let found = upstreams
        .find(|upstream| upstream.name == first || upstream.prefix.as_deref() == Some(first))?;
    Some(&found.name)
}

/// Whether a local repository may have a name that the pattern stands for: one of one part, or one that `local` reserves.
fn may_be_local(config: &Config, pattern: &RepositoryPattern) -> bool {
    let mut local = config.local.iter();
    let is_reserved = local.any(|local| may_meet(local.as_str(), pattern.as_str()));
    is_reserved || may_meet("*", pattern.as_str())
}

#[cfg(test)]
mod tests;

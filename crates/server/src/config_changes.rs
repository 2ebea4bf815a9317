//! What is another in a configuration than in the one before it, by its sections: for the audit log, so never a value that may be secret.

use std::collections::{BTreeMap, BTreeSet};

use forebay_config::{Config, UpstreamConfig};
use forebay_oci::RepositoryPattern;

/// What is said where nothing is another.
const NOTHING: &str = "no section";

/// The sections that differ, upstreams and reserved names one by one.
pub(crate) fn told(before: &Config, after: &Config) -> Vec<String> {
    // Taken apart, so that a section cannot be forgotten here.
    let Config {
        listen: _,
        data: _,
        data_must_exist: _,
        root,
        local,
        lifecycle,
        upstreams,
        equivalents,
        reserve_percent,
        clients,
        cache,
        ledger,
        alerts,
        log: _,
        server: _,
        tls,
        access,
        proxies: _,
    } = after;
    let mut told = names(&before.local, local);
    told.extend(of_upstreams(&before.upstreams, upstreams));
    let sections = [
        ("access", before.access != *access),
        ("alerts", before.alerts != *alerts),
        ("budget", before.reserve_percent != *reserve_percent),
        ("cache", before.cache != *cache),
        ("clients", before.clients != *clients),
        ("equivalents", before.equivalents != *equivalents),
        ("ledger", before.ledger != *ledger),
        ("lifecycle", before.lifecycle != *lifecycle),
        ("root", before.root != *root),
        ("tls", before.tls != *tls),
    ];
    let changed = sections.into_iter().filter(|(_, is_another)| *is_another);
    told.extend(changed.map(|(section, _)| section.to_owned()));
    let waiting = of_starts(before, after);
    told.extend(waiting.map(|key| format!("{key} (with the next start)")));
    told
}

/// These as the audit log has them.
pub(crate) fn listed(changes: impl IntoIterator<Item = String>) -> String {
    let changes: Vec<String> = changes.into_iter().collect();
    if changes.is_empty() {
        return NOTHING.to_owned();
    }
    changes.join(", ")
}

/// The keys and sections that differ and that only a start takes over.
pub(crate) fn of_starts(before: &Config, after: &Config) -> impl Iterator<Item = &'static str> {
    let keys = [
        ("data", before.data != after.data),
        (
            "data_must_exist",
            before.data_must_exist != after.data_must_exist,
        ),
        ("listen", before.listen != after.listen),
        ("log", before.log != after.log),
        ("server", before.server != after.server),
    ];
    let changed = keys.into_iter().filter(|(_, is_another)| *is_another);
    changed.map(|(key, _)| key)
}

/// Names that are reserved, with a sign before each: whether they are now, or no longer.
fn names(before: &[RepositoryPattern], after: &[RepositoryPattern]) -> Vec<String> {
    let written = |patterns: &[RepositoryPattern]| -> BTreeSet<String> {
        patterns.iter().map(ToString::to_string).collect()
    };
    let (before, after) = (written(before), written(after));
    let new = after.difference(&before).map(|name| format!("+{name}"));
    let gone = before.difference(&after).map(|name| format!("-{name}"));
    let signed: Vec<String> = new.chain(gone).collect();
    (!signed.is_empty())
        .then(|| format!("local {}", signed.join(" ")))
        .into_iter()
        .collect()
}

fn of_upstreams(
    before: &BTreeMap<String, UpstreamConfig>,
    after: &BTreeMap<String, UpstreamConfig>,
) -> Vec<String> {
    let all: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let changed = all
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name));
    changed.map(|name| format!("upstreams.{name}")).collect()
}

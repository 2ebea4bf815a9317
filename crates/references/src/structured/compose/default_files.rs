//! The files that Compose takes without being told: of a folder the first base file, and the first that goes over it.
//!
//! As compose-go has them (`DefaultFileNames`, `DefaultOverrideFileNames`); the others of a folder are read with `-f` only.

use crate::Settings;

/// The base files, the preferred first.
const BASES: [&str; 4] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
];

/// Those that go over it, the preferred first.
const OVERRIDES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// What Compose merges over the file of this name where it lies beside it: the first of these.
pub fn overrides(name: &str) -> &'static [&'static str] {
    if BASES.contains(&name) {
        &OVERRIDES
    } else {
        &[]
    }
}

/// All names of such files.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    BASES.iter().chain(&OVERRIDES).copied()
}

/// The texts of the files beside one of this name that Compose merges with it, each with whether it goes over it: the first of the
/// base files, unless it is one itself, and the first of those that go over that.
pub(super) fn merged<'a>(
    own: &str,
    settings: &'a Settings,
) -> impl Iterator<Item = (&'a str, bool)> {
    let kinds = [(&BASES, false), (&OVERRIDES, !overrides(own).is_empty())];
    let own = own.to_owned();
    let kinds = kinds
        .into_iter()
        .filter(move |(names, _)| !names.contains(&own.as_str()));
    kinds.filter_map(|(names, is_over)| {
        let text = names.iter().find_map(|name| settings.near.get(*name))?;
        Some((text.as_str(), is_over))
    })
}

/// Whether Compose takes another file of its folder in the place of the one of this name, unless `-f` names it.
pub(super) fn is_passed_over(own: &str, settings: &Settings) -> bool {
    let is_there = |name: &&str| settings.near.contains_key(*name);
    let is_behind = |names: &[&str; 4]| {
        let before = names.iter().take_while(|name| **name != own);
        names.contains(&own) && before.copied().any(|name| is_there(&name))
    };
    !settings.is_named && (is_behind(&BASES) || is_behind(&OVERRIDES))
}

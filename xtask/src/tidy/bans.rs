//! What the program is built from: nothing banned, nothing below its floor, nothing twice.
//!
//! Judged by the resolved graph, so that a crate counts however deep it lies.

use std::collections::{BTreeMap, BTreeSet};

use super::ban_table::{BANS, Ban, DUPLICATES, FLOORS, Floor};
use crate::finding::Finding;
use crate::graph::{Follow, reached_from};
use crate::metadata::{Metadata, Package};
use crate::version;

/// The package that is the program.
const PROGRAM: &str = "forebay";

/// Where all of these are mended.
const LOCK: &str = "Cargo.lock";

/// Checks the graph of every package of ours, and the program's for duplicates.
pub(crate) fn check(metadata: &Metadata) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in metadata.members() {
        let everything = reached_from(metadata, member, Follow::All);
        let built: BTreeSet<&str> = reached_from(metadata, member, Follow::NormalAndBuild)
            .iter()
            .map(|(package, _)| package.id.as_str())
            .collect();
        for (package, parent) in everything {
            let is_built = built.contains(package.id.as_str()) && member.name == PROGRAM;
            findings.extend(check_ban(package, parent, is_built));
            findings.extend(check_floor(package));
        }
    }
    if let Some(program) = metadata.members().find(|member| member.name == PROGRAM) {
        findings.extend(check_duplicates(metadata, program));
    }
    findings
}

fn check_ban(package: &Package, parent: &Package, is_in_program: bool) -> Option<Finding> {
    let Ban { reason, .. } = BANS
        .iter()
        .find(|ban| ban.name == package.name && (is_in_program || !ban.is_fine_in_tests))?;
    let what = format!("{} comes in through {}", package.name, parent.name);
    let advice = format!("drop the feature or crate that brings it: {reason}");
    Some(Finding::failure(LOCK, 0, what, advice))
}

fn check_floor(package: &Package) -> Option<Finding> {
    let Floor { least, .. } = FLOORS.iter().find(|floor| floor.name == package.name)?;
    // A version that cannot be read is not known to be good.
    if version::parse(&package.version).is_some_and(|version| version >= *least) {
        return None;
    }
    let (major, minor, patch) = least;
    let what = format!("{} {} has a known hole", package.name, package.version);
    let advice = format!("update it to {major}.{minor}.{patch} or later");
    Some(Finding::failure(LOCK, 0, what, advice))
}

fn check_duplicates(metadata: &Metadata, program: &Package) -> Vec<Finding> {
    let mut versions: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (package, parent) in reached_from(metadata, program, Follow::Normal) {
        let use_of = format!("{} (by {})", package.version, parent.name);
        versions.entry(&package.name).or_default().push(use_of);
    }
    let mut findings = Vec::new();
    for (name, versions) in versions {
        let borne = DUPLICATES.iter().find(|duplicate| duplicate.name == name);
        match (versions.len() > 1, borne) {
            (true, None) => {
                let what = format!(
                    "{name} is there {} times: {}",
                    versions.len(),
                    versions.join(", ")
                );
                let advice = "move to one version, or say in ban_table.rs whom we wait for";
                findings.push(Finding::failure(LOCK, 0, what, advice));
            }
            (false, Some(duplicate)) => {
                let what = format!(
                    "{name} is there once, yet is borne twice ({})",
                    duplicate.reason
                );
                let advice = "remove it from DUPLICATES in ban_table.rs";
                findings.push(Finding::flag(LOCK, 0, what, advice));
            }
            _ => {}
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::sample::graph;

    fn faults(packages: &[(&str, &[&str])]) -> Vec<String> {
        check(&graph(packages, 1))
            .into_iter()
            .map(|finding| finding.what)
            .collect()
    }

    #[test]
    fn a_banned_crate_is_found_however_deep_it_lies() {
        let found = faults(&[("forebay", &["a"]), ("a", &["b"]), ("b", &["ring"])]);
        assert_eq!(found, ["ring comes in through b"]);
        let found = faults(&[("forebay-oci", &["dev:openssl-sys"])]);
        assert_eq!(found, ["openssl-sys comes in through forebay-oci"]);
    }

    #[test]
    fn what_is_banned_from_the_program_alone_may_be_in_tests() {
        assert_eq!(
            faults(&[("forebay", &["a"]), ("a", &["miniz_oxide"])]),
            ["miniz_oxide comes in through a"]
        );
        let in_tests = faults(&[("forebay", &["dev:a"]), ("a", &["miniz_oxide"])]);
        assert_eq!(in_tests, Vec::<String>::new());
    }

    #[test]
    fn a_version_below_its_floor_is_found() {
        for (name, below, least) in [
            ("h2", "0.4.15", "0.4.16"),
            ("sqlx", "0.8.0", "0.8.1"),
            ("bytes", "1.11.0", "1.11.1"),
            ("rustls", "0.23.17", "0.23.18"),
            ("rustls-webpki", "0.103.12", "0.103.13"),
            ("aws-lc-sys", "0.38.9", "0.39.0"),
        ] {
            let with = |version: &str| faults(&[("forebay", &[&*format!("{name}@{version}")])]);
            assert_eq!(with(below), [format!("{name} {below} has a known hole")]);
            assert_eq!(with(least), Vec::<String>::new());
        }
    }

    #[test]
    fn two_versions_in_the_program_are_found() {
        let found = faults(&[
            ("forebay", &["a@1.0.0", "b@1.0.0"]),
            ("b@1.0.0", &["a@2.0.0"]),
        ]);
        assert_eq!(
            found,
            ["a is there 2 times: 1.0.0 (by forebay), 2.0.0 (by b)"]
        );
    }

    #[test]
    fn two_versions_in_tests_are_nobodys_business() {
        let found = faults(&[("forebay", &["a@1.0.0", "dev:a@2.0.0"])]);
        assert_eq!(found, Vec::<String>::new());
    }
}

//! Which package may depend on which: rules 1 to 5 of the architecture.
//!
//! Judged by what each manifest declares, tests' needs aside; of words, by all that they reach.

use super::layer_table::{
    HEAVY, Layer, NOT_IN_FEATURES, NOT_IN_WORDS, PACKAGES, TASK_OWNER, TOOLS,
};
use crate::finding::Finding;
use crate::graph::{Follow, reached_from};
use crate::metadata::{Dependency, Kind, Metadata, Package};

/// Checks every package of ours.
pub(crate) fn check(metadata: &Metadata) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in metadata.members() {
        let manifest = metadata.manifest_of(package);
        let Some(layer) = find_layer(&package.name) else {
            let what = format!("{} lies in no layer", package.name);
            let advice = "add it to xtask/src/tidy/layer_table.rs";
            findings.push(Finding::failure(manifest, 0, what, advice));
            continue;
        };
        let mut faults = faults_within(package, layer);
        if matches!(layer, Layer::Word | Layer::Text) {
            faults.extend(faults_of_reach(metadata, package));
        }
        findings.extend(
            faults
                .into_iter()
                .map(|(what, advice)| Finding::failure(manifest.clone(), 0, what, advice)),
        );
    }
    findings.extend(check_heavy(metadata));
    findings
}

fn find_layer(name: &str) -> Option<Layer> {
    if TOOLS.contains(&name) {
        return Some(Layer::Tool);
    }
    PACKAGES
        .iter()
        .find(|(package, _)| *package == name)
        .map(|&(_, layer)| layer)
}

/// Whether one package stands before another in the table.
fn stands_before(name: &str, other: &str) -> bool {
    let place_of = |name| PACKAGES.iter().position(|(package, _)| *package == name);
    place_of(name) < place_of(other)
}

/// What is wrong with a package's own declarations, each with advice.
fn faults_within(package: &Package, layer: Layer) -> Vec<(String, String)> {
    let mut faults = Vec::new();
    for dependency in needed(package) {
        let name = dependency.name.as_str();
        let is_task_owner = layer == Layer::Toolkit && name == TASK_OWNER;
        match find_layer(name) {
            Some(seen) if !layer.may_see().contains(&seen) && !is_task_owner => {
                let what = format!("{} depends on {name}", package.name);
                faults.push((what, layer.rule().to_owned()));
            }
            Some(Layer::Binary)
                if layer == Layer::Binary && !stands_before(name, &package.name) =>
            {
                let what = format!("{} depends on {name}", package.name);
                let advice = "within the binary, each sees those before it in layer_table.rs";
                faults.push((what, advice.to_owned()));
            }
            None if layer == Layer::Feature && NOT_IN_FEATURES.contains(&name) => {
                let what = format!("the feature {} names {name}", package.name);
                let advice = "reach it through a seam that an adapter or an edge implements";
                faults.push((what, advice.to_owned()));
            }
            _ => {}
        }
    }
    faults
}

/// What is wrong with all that a word pulls in.
fn faults_of_reach(metadata: &Metadata, package: &Package) -> Vec<(String, String)> {
    reached_from(metadata, package, Follow::Normal)
        .into_iter()
        .filter(|(reached, _)| NOT_IN_WORDS.contains(&reached.name.as_str()))
        .map(|(reached, parent)| {
            let what = format!(
                "{} reaches {} through {}",
                package.name, reached.name, parent.name
            );
            let advice =
                "L0 is pure: no runtime, HTTP or database crate, not even by way of another";
            (what, advice.to_owned())
        })
        .collect()
}

/// A heavy crate is named in one manifest: it can be exchanged in one place.
fn check_heavy(metadata: &Metadata) -> Vec<Finding> {
    let mut findings = Vec::new();
    for heavy in HEAVY {
        let mut owners: Vec<&Package> = metadata
            .members()
            .filter(|package| needed(package).any(|dependency| dependency.name == heavy))
            .collect();
        // The adapter owns it, if one does.
        owners.sort_by_key(|package| {
            let is_adapter = find_layer(&package.name) == Some(Layer::Adapter);
            (!is_adapter, &package.name)
        });
        for other in owners.iter().skip(1) {
            let what = format!(
                "{} names {heavy}, which {} owns",
                other.name, owners[0].name
            );
            let advice = "one manifest names a heavy crate; use what its owner offers";
            findings.push(Finding::failure(
                metadata.manifest_of(other),
                0,
                what,
                advice,
            ));
        }
    }
    findings
}

fn needed(package: &Package) -> impl Iterator<Item = &Dependency> {
    package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind != Some(Kind::Dev))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::sample::{graph, workspace};

    fn faults(members: &[(&str, &[&str])]) -> Vec<String> {
        check(&workspace(members))
            .into_iter()
            .map(|finding| finding.what)
            .collect()
    }

    #[test]
    fn the_architecture_as_drawn_is_clean() {
        let found = faults(&[
            ("forebay-oci", &["serde"]),
            ("forebay-jobs", &["tokio"]),
            ("forebay-content", &["forebay-oci", "tokio"]),
            ("forebay-http-kit", &["forebay-jobs", "hyper"]),
            (
                "forebay-upstream",
                &["forebay-http-kit", "forebay-content", "dev:hub-sim"],
            ),
            ("forebay-cache", &["forebay-content", "forebay-jobs"]),
            (
                "forebay-api-registry",
                &["forebay-content", "forebay-http-kit"],
            ),
            ("hub-sim", &["hyper", "clap"]),
            (
                "forebay",
                &[
                    "forebay-cache",
                    "forebay-upstream",
                    "forebay-server",
                    "clap",
                    "dev:hub-sim",
                ],
            ),
            (
                "forebay-server",
                &["forebay-config", "forebay-terminal", "forebay-ledger"],
            ),
            ("xtask", &["serde"]),
        ]);
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn each_direction_that_is_forbidden_is_found() {
        let table: [(&str, &str); 16] = [
            ("forebay-oci", "forebay-limits"),
            ("forebay-oci", "build:forebay-limits"),
            ("forebay-http-kit", "forebay-content"),
            ("forebay-content", "forebay-http-kit"),
            ("forebay-cache", "forebay-upstream"),
            ("forebay-cache", "forebay-http-kit"),
            ("forebay-cache", "forebay-ledger"),
            ("forebay-upstream", "forebay-cache"),
            ("forebay-upstream", "forebay-blobs-fs"),
            ("forebay-upstream", "forebay-api-admin"),
            ("forebay-api-registry", "forebay-catalog-sql"),
            ("forebay", "hub-sim"),
            ("forebay-terminal", "forebay-server"),
            ("forebay-server", "forebay-doctor-command"),
            ("forebay-doctor-command", "forebay"),
            ("xtask", "forebay-oci"),
        ];
        for (package, dependency) in table {
            let found = faults(&[(package, &[dependency])]);
            assert!(
                found.iter().any(|what| what.starts_with(package)),
                "{package} {dependency}: {found:?}"
            );
        }
    }

    #[test]
    fn a_feature_names_no_command_line_and_no_web_framework() {
        for name in ["clap", "axum", "hyper"] {
            let found = faults(&[("forebay-cache", &[name])]);
            assert_eq!(found, [format!("the feature forebay-cache names {name}")]);
        }
    }

    #[test]
    fn a_word_may_not_reach_a_runtime_through_another_crate() {
        let metadata = graph(&[("forebay-oci", &["x"]), ("x", &["tokio"])], 1);
        let found = check(&metadata);
        assert_eq!(found[0].what, "forebay-oci reaches tokio through x");
    }

    #[test]
    fn a_package_that_the_table_forgot_is_found() {
        assert_eq!(
            faults(&[("forebay-new", &[])]),
            ["forebay-new lies in no layer"]
        );
    }

    #[test]
    fn a_heavy_crate_has_one_owner() {
        let found = faults(&[("forebay-catalog-sql", &["sqlx"]), ("forebay", &["sqlx"])]);
        assert_eq!(
            found,
            ["forebay names sqlx, which forebay-catalog-sql owns"]
        );
    }
}

//! Walks the resolved graph: what a package truly pulls in.

use std::collections::{BTreeMap, BTreeSet};

use crate::metadata::{Dependency, Edge, Kind, Metadata, Node, Package};

/// Which dependencies a walk follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follow {
    /// What ends up in the program.
    Normal,
    /// That, and what build scripts need.
    NormalAndBuild,
    /// All of the first package, tests' too; of the others what they need to be built.
    All,
}

/// Every package that can be reached from `root`, itself not among them, with the package that it was first reached from.
pub(crate) fn reached_from<'a>(
    metadata: &'a Metadata,
    root: &'a Package,
    follow: Follow,
) -> Vec<(&'a Package, &'a Package)> {
    let packages: BTreeMap<&str, &Package> = metadata
        .packages
        .iter()
        .map(|package| (package.id.as_str(), package))
        .collect();
    let nodes: BTreeMap<&str, &Node> = metadata
        .resolve
        .nodes
        .iter()
        .map(|node| (node.id.as_str(), node))
        .collect();
    let mut seen = BTreeSet::from([root.id.as_str()]);
    let mut queue = vec![root];
    let mut reached = Vec::new();
    while let Some(parent) = queue.pop() {
        let is_root = parent.id == root.id;
        let Some(node) = nodes.get(parent.id.as_str()) else {
            continue;
        };
        for edge in &node.deps {
            let Some(&package) = packages.get(edge.pkg.as_str()) else {
                continue;
            };
            let is_on = is_followed(edge, follow, is_root) && is_turned_on(parent, node, package);
            if is_on && seen.insert(&package.id) {
                reached.push((package, parent));
                queue.push(package);
            }
        }
    }
    reached.sort_by_key(|(package, _)| (&package.name, &package.version));
    reached
}

fn is_followed(edge: &Edge, follow: Follow, is_root: bool) -> bool {
    edge.dep_kinds.iter().any(|edge| match edge.kind {
        None => true,
        Some(Kind::Build) => follow != Follow::Normal,
        Some(Kind::Dev) => follow == Follow::All && is_root,
    })
}

/// Whether `package` is more to `parent` than an option that is off.
///
/// Cargo's metadata lists these too, as soon as the lock file knows them: `ring?/alloc` suffices for that.
fn is_turned_on(parent: &Package, node: &Node, package: &Package) -> bool {
    let mut declared = parent
        .dependencies
        .iter()
        .filter(|dependency| dependency.name == package.name);
    declared.any(|dependency| !dependency.optional || has_feature_for(parent, node, dependency))
}

fn has_feature_for(parent: &Package, node: &Node, dependency: &Dependency) -> bool {
    let name = dependency.rename.as_ref().unwrap_or(&dependency.name);
    let plain = format!("dep:{name}");
    let with_feature = format!("{name}/");
    node.features
        .iter()
        .filter_map(|feature| parent.features.get(feature))
        .flatten()
        .any(|effect| *effect == plain || effect.starts_with(&with_feature))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::sample::workspace;

    fn names(metadata: &Metadata, follow: Follow) -> Vec<String> {
        reached_from(metadata, &metadata.packages[0], follow)
            .iter()
            .map(|(package, parent)| format!("{}<{}", package.name, parent.name))
            .collect()
    }

    #[test]
    fn a_walk_follows_the_kinds_that_it_is_told_to() {
        let metadata = workspace(&[
            ("a", &["b", "dev:t", "build:cc"]),
            ("b", &["c", "dev:u"]),
            ("c", &["a"]),
        ]);
        assert_eq!(names(&metadata, Follow::Normal), ["b<a", "c<b"]);
        assert_eq!(
            names(&metadata, Follow::NormalAndBuild),
            ["b<a", "c<b", "cc<a"]
        );
        assert_eq!(names(&metadata, Follow::All), ["b<a", "c<b", "cc<a", "t<a"]);
    }

    #[test]
    fn an_option_counts_only_when_a_feature_turns_it_on() {
        let mut metadata = workspace(&[("a", &["ring"])]);
        let package = &mut metadata.packages[0];
        package.dependencies[0].optional = true;
        let effects = [
            ("weak", "ring?/alloc"),
            ("plain", "dep:ring"),
            ("strong", "ring/alloc"),
        ];
        for (feature, effect) in effects {
            let effects = vec![effect.to_owned()];
            package.features.insert(feature.to_owned(), effects);
        }
        for (feature, expected) in [("none", 0), ("weak", 0), ("plain", 1), ("strong", 1)] {
            metadata.resolve.nodes[0].features = vec![feature.to_owned()];
            assert_eq!(
                names(&metadata, Follow::Normal).len(),
                expected,
                "{feature}"
            );
        }
    }
}

//! Walks the resolved graph: what a package truly pulls in.

use std::collections::{BTreeMap, BTreeSet};

use crate::metadata::{Edge, Kind, Metadata, Package};

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
    let edges: BTreeMap<&str, &[Edge]> = metadata
        .resolve
        .nodes
        .iter()
        .map(|node| (node.id.as_str(), node.deps.as_slice()))
        .collect();
    let mut seen = BTreeSet::from([root.id.as_str()]);
    let mut queue = vec![root];
    let mut reached = Vec::new();
    while let Some(parent) = queue.pop() {
        let is_root = parent.id == root.id;
        for edge in edges.get(parent.id.as_str()).copied().unwrap_or_default() {
            let Some(&package) = packages.get(edge.pkg.as_str()) else {
                continue;
            };
            if is_followed(edge, follow, is_root) && seen.insert(&package.id) {
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
}

//! What cargo knows of the workspace: `cargo metadata`, as far as we ask.
//!
//! For one platform, the one that we ship for: crates of others need not even be downloaded.

use std::collections::BTreeMap;
use std::process::Command;

use serde::Deserialize;

use crate::error::Error;

/// The platform whose dependencies are judged.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// The packages and how they were resolved.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    /// Every package of the graph, ours among them.
    pub(crate) packages: Vec<Package>,
    /// The ids of ours.
    pub(crate) workspace_members: Vec<String>,
    /// Who depends on whom.
    pub(crate) resolve: Resolve,
    /// The root of the repository.
    pub(crate) workspace_root: String,
}

/// A package.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// Its id, unique in the graph.
    pub(crate) id: String,
    /// Its licence as an SPDX expression.
    pub(crate) license: Option<String>,
    /// Where its manifest lies.
    pub(crate) manifest_path: String,
    /// What it declares to depend on.
    pub(crate) dependencies: Vec<Dependency>,
    /// Its features, each with what it turns on.
    pub(crate) features: BTreeMap<String, Vec<String>>,
}

/// A declared dependency.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Dependency {
    /// The package's name.
    pub(crate) name: String,
    /// What it is needed for.
    pub(crate) kind: Option<Kind>,
    /// The name that the package knows it by, if that is another.
    pub(crate) rename: Option<String>,
    /// Whether a feature must turn it on.
    pub(crate) optional: bool,
}

/// What a dependency is needed for; `None` where cargo says so means the normal kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Tests, benches and examples.
    Dev,
    /// The build script.
    Build,
}

/// The resolved graph.
#[derive(Debug, Deserialize)]
pub(crate) struct Resolve {
    /// One for every package.
    pub(crate) nodes: Vec<Node>,
}

/// A package of the resolved graph.
#[derive(Debug, Deserialize)]
pub(crate) struct Node {
    /// The package's id.
    pub(crate) id: String,
    /// What it depends on; also what only a feature that is off would bring, if the lock file knows it.
    pub(crate) deps: Vec<Edge>,
    /// The features that are on.
    pub(crate) features: Vec<String>,
}

/// A resolved dependency.
#[derive(Debug, Deserialize)]
pub(crate) struct Edge {
    /// The package's id.
    pub(crate) pkg: String,
    /// What it is needed for, once for each kind and platform.
    pub(crate) dep_kinds: Vec<EdgeKind>,
}

/// One use of a resolved dependency.
#[derive(Debug, Deserialize)]
pub(crate) struct EdgeKind {
    /// What it is needed for.
    pub(crate) kind: Option<Kind>,
}

impl Metadata {
    /// Asks cargo, without network and without touching the lock file.
    pub(crate) fn read() -> Result<Self, Error> {
        let arguments = ["metadata", "--format-version", "1", "--locked", "--offline"];
        let output = Command::new("cargo")
            .args(arguments)
            .args(["--filter-platform", PLATFORM])
            .output()
            .map_err(|source| Error::Run {
                program: "cargo metadata",
                source,
            })?;
        if !output.status.success() {
            return Err(Error::Failed {
                program: "cargo metadata",
                message: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            });
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Our own packages.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages
            .iter()
            .filter(|package| self.workspace_members.contains(&package.id))
    }

    /// A package's manifest, from the root of the repository.
    pub(crate) fn manifest_of(&self, package: &Package) -> String {
        let path = package.manifest_path.as_str();
        path.strip_prefix(self.workspace_root.as_str())
            .unwrap_or(path)
            .trim_start_matches('/')
            .to_owned()
    }
}

#[cfg(test)]
pub(crate) mod sample {
    //! Small graphs for tests.

    use std::collections::BTreeMap;

    use super::{Dependency, Edge, EdgeKind, Kind, Metadata, Node, Package, Resolve};

    /// A workspace whose members are the given packages, each with what it depends on; whatever is
    /// named only as a dependency is somebody else's. `dev:` and `build:` before a name give the kind, `name@version` the version.
    pub(crate) fn workspace(members: &[(&str, &[&str])]) -> Metadata {
        graph(members, members.len())
    }

    /// The same, where only the first `member_count` packages are ours.
    pub(crate) fn graph(packages: &[(&str, &[&str])], member_count: usize) -> Metadata {
        let mut metadata = Metadata {
            packages: Vec::new(),
            workspace_members: Vec::new(),
            resolve: Resolve { nodes: Vec::new() },
            workspace_root: "/r".to_owned(),
        };
        for (id, dependencies) in packages {
            metadata.packages.push(package(id, dependencies));
            metadata.resolve.nodes.push(node(id, dependencies));
        }
        metadata.workspace_members = packages[..member_count]
            .iter()
            .map(|(id, _)| (*id).to_owned())
            .collect();
        for id in packages.iter().flat_map(|(_, dependencies)| *dependencies) {
            let (id, _) = split_kind(id);
            if !metadata.packages.iter().any(|package| package.id == id) {
                metadata.packages.push(package(id, &[]));
            }
        }
        metadata
    }

    fn package(id: &str, dependencies: &[&str]) -> Package {
        let (name, version) = id.split_once('@').unwrap_or((id, "1.0.0"));
        let dependencies = dependencies.iter().map(|text| {
            let (id, kind) = split_kind(text);
            let name = id.split('@').next().unwrap_or(id).to_owned();
            Dependency {
                name,
                kind,
                rename: None,
                optional: false,
            }
        });
        Package {
            name: name.to_owned(),
            version: version.to_owned(),
            id: id.to_owned(),
            license: Some("MIT".to_owned()),
            manifest_path: format!("/r/crates/{name}/Cargo.toml"),
            dependencies: dependencies.collect(),
            features: BTreeMap::new(),
        }
    }

    fn node(id: &str, dependencies: &[&str]) -> Node {
        let deps = dependencies.iter().map(|text| {
            let (id, kind) = split_kind(text);
            Edge {
                pkg: id.to_owned(),
                dep_kinds: vec![EdgeKind { kind }],
            }
        });
        Node {
            id: id.to_owned(),
            deps: deps.collect(),
            features: Vec::new(),
        }
    }

    fn split_kind(text: &str) -> (&str, Option<Kind>) {
        match text.split_once(':') {
            Some(("dev", id)) => (id, Some(Kind::Dev)),
            Some(("build", id)) => (id, Some(Kind::Build)),
            _ => (text, None),
        }
    }
}

//! The machines that a deploy runs on, as far as the operator says.

use serde::{Deserialize, Serialize};

/// The nodes, and what pulls on them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fleet {
    /// How many there are; `None` if nobody said.
    pub nodes: Option<u64>,
    /// How many run of what does not say it itself; `None` if nobody said.
    pub replicas: Option<u64>,
    /// What pulls.
    pub runtime: Runtime,
    /// How they reach registries.
    pub egress: Egress,
}

/// How nodes reach registries, which count pulls without an account by address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Egress {
    /// All through one address: they share its budget.
    #[default]
    Shared,
    /// Each with an address, and so with a budget, of its own.
    PerNode,
}

/// What pulls images on a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runtime {
    /// containerd: a HEAD tells it whether what it has is current.
    #[default]
    Containerd,
    /// CRI-O and podman: containers/image always GETs a tag's manifest (its maintainers refused the HEAD: skopeo #1587, #1801).
    CriO,
    /// Docker from 20.10 on: a HEAD, as containerd.
    Docker,
}

impl Runtime {
    /// Whether asking after an image that the node has is counted as a pull.
    pub const fn checks_by_get(self) -> bool {
        matches!(self, Self::CriO)
    }
}

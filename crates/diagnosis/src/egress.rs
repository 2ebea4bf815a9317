//! How the machines reach registries: together through one address, or each with its own.
//!
//! Given by the caller where it is known; else the evidence is asked.

use serde::Serialize;

/// How the machines reach registries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Egress {
    /// Nobody has said, and nothing shows it.
    #[default]
    Unknown,
    /// Through one address: a NAT gateway, a proxy.
    Shared,
    /// Each node with an address of its own.
    PerNode,
}

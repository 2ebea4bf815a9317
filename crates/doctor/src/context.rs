//! What the evidence cannot say of itself: when it was gathered, in which zone, and how the machines go out.
//!
//! Given by the caller, so that the same evidence always reads the same.

use serde::Serialize;

use crate::Moment;

/// In which light evidence is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// When the evidence was gathered: ages count back from it.
    pub now: Moment,
    /// The zone of times that name none, in seconds east of UTC.
    pub utc_offset_seconds: i32,
}

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

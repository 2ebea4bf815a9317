//! What an operator was told, at rest, so that a restart does not tell it again.

use async_trait::async_trait;

use crate::{AlertKind, CatalogError, Timestamp};

/// The most that an implementation keeps; those told longest ago go.
pub const MAX_TOLD: usize = 4_096;

/// Rows of what an operator was told.
#[async_trait]
pub trait ToldRows: Send + Sync {
    /// All that is kept, in no order.
    async fn told(&self) -> Result<Vec<KeptTold>, CatalogError>;

    /// Records what was told, in the place of what was told before of the same kind and subject. One transaction.
    async fn keep_told(&self, told: &[KeptTold]) -> Result<(), CatalogError>;
}

/// An alert that reached somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptTold {
    /// Its kind.
    pub kind: AlertKind,
    /// What it was about.
    pub subject: String,
    /// When, by the wall clock.
    pub at: Timestamp,
    /// Whether its end is still to be told.
    pub is_open: bool,
}

//! What a client asked of an upstream's content, and what came of it: for whoever counts, when the response has ended.

use std::sync::Arc;

use forebay_content::{Caller, Provenance};
use forebay_oci::{Reference, Target};

/// In the extensions of each response to a question about an upstream's content.
#[derive(Clone, Debug)]
pub struct Answered {
    /// Who asked.
    pub caller: Arc<Caller>,
    /// From which upstream and repository.
    pub target: Target,
    /// What for.
    pub what: What,
    /// What came of it.
    pub outcome: Outcome,
}

/// What a client asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A manifest.
    Manifest {
        /// By which tag or digest.
        reference: Reference,
        /// Whether only for its head.
        is_head: bool,
    },
    /// A blob, or its head.
    Blob,
    /// Tags or referrers.
    List,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Content.
    Served(Provenance),
    /// A blob's head, which says nothing of where the blob would come from.
    Known,
    /// An error, by its word for logs and metrics, such as `not_found`.
    Failed(&'static str),
}

/// Why a login was refused, in a word of a short list; in the extensions of each response that refuses one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusedLogin(pub &'static str);

/// The word of a request that was refused because its client asks too often.
pub const CLIENT_LIMITED: &str = "client_limited";

impl Outcome {
    /// The word for logs, metrics and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Served(provenance) => provenance.as_str(),
            Self::Known => "known",
            Self::Failed(word) => word,
        }
    }
}

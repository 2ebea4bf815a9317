//! What the ledger is told: a client's request at its end, a request of ours and its answer.

use std::time::Duration;

use forebay_content::{Client, Provenance, UpstreamCall};
use forebay_limits::{Limiter, Reading};
use forebay_oci::{Reference, RepositoryName, Target, UpstreamName};

use crate::pull::Asked;

/// A client's request, when it has ended.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// Who asked.
    pub client: &'a Client,
    /// From which upstream and repository.
    pub target: &'a Target,
    /// What for.
    pub what: What<'a>,
    /// What came of it.
    pub outcome: Outcome,
    /// Bytes of content sent.
    pub bytes: u64,
}

/// What a client asked for.
#[derive(Clone, Copy, Debug)]
pub enum What<'a> {
    /// A manifest, or its head.
    Manifest(Asked<'a>),
    /// A blob, tags, referrers.
    Other,
}

/// What came of a client's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Content.
    Served(Provenance),
    /// An error, by its word for logs and metrics, such as `not_found`.
    Failed(&'static str),
}

/// A request of ours that is being sent.
#[derive(Clone, Copy, Debug)]
pub struct AskedUpstream<'a> {
    /// To which upstream.
    pub upstream: &'a UpstreamName,
    /// With which account of ours; `None` for anonymous.
    pub account: Option<&'a str>,
    /// What is asked.
    pub call: UpstreamCall,
}

/// A request of ours with what came of it.
#[derive(Clone, Copy, Debug)]
pub struct AnsweredByUpstream<'a> {
    /// What was asked of whom.
    pub asked: AskedUpstream<'a>,
    /// For which client; `None` if for none of them.
    pub client: Option<&'a Client>,
    /// Of which repository; `None` where there is none to name.
    pub repository: Option<&'a RepositoryName>,
    /// Which manifest.
    pub reference: Option<&'a Reference>,
    /// The status; `None` if there was no answer.
    pub status: Option<u16>,
    /// What it said of its limits.
    pub reading: Option<&'a Reading>,
    /// How long it took.
    pub took: Duration,
}

/// A refusal by a limiter of an upstream.
#[derive(Clone, Copy, Debug)]
pub struct Refused<'a> {
    /// Which upstream.
    pub upstream: &'a UpstreamName,
    /// What rests now, in the upstream's own words.
    pub scope: &'a str,
    /// Which limiter spoke.
    pub limiter: Limiter,
    /// For how long it rests.
    pub wait: Duration,
}

impl Outcome {
    /// The word for logs, metrics and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Served(provenance) => provenance.as_str(),
            Self::Failed(word) => word,
        }
    }
}

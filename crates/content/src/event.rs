//! What happened, told to whoever counts: metrics now, the ledger as well.

use std::time::Duration;

use forebay_limits::{Limited, Reading};
use forebay_oci::{Digest, Reference, Target, UpstreamName};

use crate::{Missing, Provenance, Request};

/// Takes note of events. Called on hot paths: it must neither wait nor fail.
pub trait Observe: Send + Sync {
    /// Something happened.
    fn observe(&self, event: &Event<'_>);
}

/// Takes note of nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ignore;

impl Observe for Ignore {
    fn observe(&self, _: &Event<'_>) {}
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// A client's question was answered with content.
    Served {
        /// From which upstream and repository.
        target: &'a Target,
        /// Of what kind.
        kind: Missing,
        /// From where.
        provenance: Provenance,
    },
    /// A fill from the upstream began.
    FillBegan {
        /// From which upstream.
        upstream: &'a UpstreamName,
    },
    /// Somebody joined a fill that was under way.
    FillJoined {
        /// From which upstream.
        upstream: &'a UpstreamName,
    },
    /// A fill ended.
    FillEnded {
        /// From which upstream.
        upstream: &'a UpstreamName,
        /// How.
        end: FillEnd,
        /// Bytes received from the upstream.
        bytes: u64,
    },
    /// A request of ours to an upstream is being sent.
    UpstreamAsked {
        /// Which upstream.
        upstream: &'a UpstreamName,
        /// The account of ours there; `None` for anonymous.
        account: Option<&'a str>,
        /// What is asked.
        call: UpstreamCall,
    },
    /// An upstream answered a request of ours, or did not.
    Upstream(UpstreamAnswer<'a>),
    /// An upstream's limiter refused a request of ours; what it counts rests now.
    Limited {
        /// Which upstream.
        upstream: &'a UpstreamName,
        /// The account of ours there; `None` for anonymous.
        account: Option<&'a str>,
        /// What rests, in the upstream's own words: kept, they are given back to it after a restart.
        scope: &'a str,
        /// What the limiter said.
        limited: &'a Limited,
        /// For how long.
        wait: Duration,
    },
    /// A registry refused our login, without a word on limits; we show it to nobody for a while, lest it is locked out.
    LoginRefused {
        /// Which upstream.
        upstream: &'a UpstreamName,
        /// The account of ours there; `None` where it has no name yet.
        account: Option<&'a str>,
        /// For how long it is not shown.
        rest: Duration,
    },
    /// A manifest was fetched, and checked.
    ManifestFetched {
        /// From which upstream and repository.
        target: &'a Target,
        /// Its digest.
        digest: &'a Digest,
        /// The manifests that it names, if it is an index.
        children: &'a [Digest],
    },
    /// A manifest came from another registry that has the same images: the budget was empty.
    PulledElsewhere {
        /// From which upstream and repository it was asked for.
        target: &'a Target,
        /// The other registry.
        from: &'a UpstreamName,
    },
    /// A lifecycle rule let a manifest of a local repository go.
    Expired,
    /// The circuit breaker of an upstream opened or closed.
    Breaker {
        /// Whose.
        upstream: &'a UpstreamName,
        /// True if it is open now: nothing is asked.
        open: bool,
    },
    /// Another upstream has this name from now on, or none: how it was says nothing any more.
    UpstreamReplaced {
        /// Which name.
        upstream: &'a UpstreamName,
    },
    /// Content left the cache to make room.
    Evicted {
        /// Objects.
        objects: u64,
        /// Their bytes.
        bytes: u64,
    },
    /// Content at rest was found damaged, and dropped.
    Corrupt,
}

/// How a fill ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FillEnd {
    /// Checked and kept.
    Kept,
    /// Checked, given to those who waited, and not kept: the disk would not.
    PassedOn,
    /// Given to those who waited, and not kept: it is larger than all that may be kept.
    TooLarge,
    /// The bytes were not those of the digest.
    WrongBytes,
    /// The upstream's answer could not be right before that: more bytes than it has, another size than before.
    Invalid,
    /// The upstream failed and did not come back.
    Failed,
    /// Nobody waited for it any more, and others for its place.
    GaveWay,
}

/// A request to an upstream and what came of it.
#[derive(Clone, Debug)]
pub struct UpstreamAnswer<'a> {
    /// Which upstream.
    pub upstream: &'a UpstreamName,
    /// The account of ours there; `None` for anonymous.
    pub account: Option<&'a str>,
    /// For which request; `None` for what serves many, such as a token.
    pub request: Option<&'a Request>,
    /// The manifest that was asked for, if it was one.
    pub reference: Option<&'a Reference>,
    /// What was asked.
    pub call: UpstreamCall,
    /// The status, or `None` if there was no answer.
    pub status: Option<u16>,
    /// What it said of its limits.
    pub reading: Option<&'a Reading>,
    /// From asking to the head of the answer.
    pub took: Duration,
}

/// What is asked of an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UpstreamCall {
    /// A manifest's head.
    HeadManifest,
    /// A manifest: what limits count.
    GetManifest,
    /// A blob's head.
    HeadBlob,
    /// A blob.
    GetBlob,
    /// A token.
    Token,
    /// Tags or referrers.
    List,
}

impl UpstreamCall {
    /// The word for logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HeadManifest => "head_manifest",
            Self::GetManifest => "get_manifest",
            Self::HeadBlob => "head_blob",
            Self::GetBlob => "get_blob",
            Self::Token => "token",
            Self::List => "list",
        }
    }
}

impl FillEnd {
    /// The word for logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::PassedOn => "passed",
            Self::TooLarge => "too_large",
            Self::WrongBytes => "wrong_bytes",
            Self::Invalid => "invalid",
            Self::Failed => "failed",
            Self::GaveWay => "gave_way",
        }
    }
}

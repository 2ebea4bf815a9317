//! Who pulled what, at rest: rows by period, client and image, added to and never rewritten.
//!
//! An hour's row is rolled up into its day's after a while, and forgotten after a longer one. What is too much is merged
//! into a row of others, so that the sums of an upstream stay true.

use std::cmp::Ordering;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use forebay_limits::one_client;
use forebay_oci::{RepositoryName, Target, UpstreamName};
use serde::{Deserialize, Serialize};

use crate::limit_rows::LimitRows;
use crate::told_rows::ToldRows;
use crate::{CatalogError, Timestamp};

/// The most rows that an implementation keeps, those of others aside: about 20 MiB in a file.
pub const MAX_PULL_ROWS: usize = 100_000;

/// How many rows are merged into those of others at once where there are too many.
pub const MERGE_PULL_ROWS: usize = 1_000;

/// Where a counter of a row stops, 2^46 (64 TiB): the sum over all rows of a full ledger is below 2^63.
pub const MAX_PULL_COUNT: u64 = 1 << 46;

/// All that the ledger keeps.
pub trait LedgerRows: PullRows + LimitRows + ToldRows {}

impl<T: PullRows + LimitRows + ToldRows> LedgerRows for T {}

/// Rows of what clients pulled.
#[async_trait]
pub trait PullRows: Send + Sync {
    /// Adds to the rows of the same period and spender, making those that are not there. One transaction.
    ///
    /// Beyond [`MAX_PULL_ROWS`], rows are merged into their period's row of others: what was not metered before all that was,
    /// the oldest first, of one period those metered least, then those that asked least.
    async fn add_pulls(&self, rows: &[PullRow]) -> Result<(), CatalogError>;

    /// The rows whose period lies in the range or overlaps it, the oldest first, those after `after`, at most `limit`.
    async fn pulls(
        &self,
        range: TimeRange,
        after: Option<PullCursor>,
        limit: u32,
    ) -> Result<PullPage, CatalogError>;

    /// The sums of the same rows by spender, in the order asked for, as [`PullOrder::compare`] has it; only whose every amount is
    /// the same may be on another page than their names say.
    async fn top_pulls(
        &self,
        range: TimeRange,
        order: PullOrder,
        page: TopPage,
    ) -> Result<Vec<Spent>, CatalogError>;

    /// Adds the rows of hours that begin before `before` to those of their days, and forgets them. One transaction.
    async fn roll_up(&self, before: Timestamp) -> Result<(), CatalogError>;

    /// Forgets all rows whose period begins before `before`. One transaction.
    async fn forget_pulls(&self, before: Timestamp) -> Result<(), CatalogError>;
}

/// One who asks, as far as clients are told apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Client {
    /// Its address; `None` for our own work.
    pub address: Option<IpAddr>,
    /// The user that it logged in as here; never empty.
    pub user: Option<Arc<str>>,
    /// The family of its user agent, such as `containerd`.
    pub agent: Arc<str>,
    /// The pod or service that it says it works for; never empty.
    pub workload: Option<Arc<str>>,
}

impl Client {
    /// The address that all addresses of this client count as, where clients are to get equal shares; `None` for our own work.
    pub fn network(&self) -> Option<IpAddr> {
        self.address.map(one_client)
    }
}

/// Whose row it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Spender {
    /// A client's, of one image.
    Client {
        /// Who.
        client: Arc<Client>,
        /// Which image.
        image: Target,
    },
    /// An address's: what it asked for beyond what is told apart of one.
    Address {
        /// Which; of IPv6 the first of its /64.
        address: IpAddr,
        /// At which upstream.
        upstream: UpstreamName,
    },
    /// Of all at one upstream whose rows were merged.
    Others {
        /// The upstream.
        upstream: UpstreamName,
    },
}

/// The length of a row's period; days are those of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// An hour.
    Hour,
    /// A day.
    Day,
}

/// What was done in one period by one spender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRow {
    /// The period's length.
    pub period: Period,
    /// When it begins: a multiple of its length since the UNIX epoch.
    pub start: Timestamp,
    /// Who did what.
    pub spent: Spent,
}

/// What a spender did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    /// Who.
    pub spender: Spender,
    /// How much.
    pub counts: PullCounts,
    /// When it asked first.
    pub first_at: Timestamp,
    /// When it asked last.
    pub last_at: Timestamp,
    /// The tag or digest that it asked for last, if it asked for one; never empty.
    pub reference: Option<Arc<str>>,
}

/// What is counted; each at most [`MAX_PULL_COUNT`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PullCounts {
    /// Requests answered, of all kinds.
    pub requests: u64,
    /// Images pulled.
    pub pulls: u64,
    /// Manifests that the upstream metered: it charged at most as many pulls to us.
    pub metered: u64,
    /// Those of them that were a platform's, right after its index: it may have charged nothing for them.
    pub after_index: u64,
    /// Bytes sent from what is kept.
    pub bytes_cache: u64,
    /// Bytes sent from the upstream.
    pub bytes_upstream: u64,
    /// Answers that were out of date because the upstream could not be asked.
    pub stale: u64,
    /// Answers that were errors.
    pub errors: u64,
}

/// From when until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    /// From this time.
    pub since: Timestamp,
    /// Up to this time, which does not belong to it.
    pub until: Timestamp,
}

/// A part of the rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullPage {
    /// The rows.
    pub rows: Vec<PullRow>,
    /// After which to go on; `None` if these were the last.
    pub next: Option<PullCursor>,
}

/// A place between rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PullCursor {
    /// When the period of the row before it begins.
    #[serde(rename = "start_unix_ms")]
    pub start: Timestamp,
    /// The length of that period.
    pub period: Period,
    /// That row's spender, by the number that the implementation gave it.
    pub spender: i64,
}

/// What the sums are ordered by; the largest first, then by the spender's number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PullOrder {
    /// Pulls that the upstream charged, at most.
    #[default]
    Charged,
    /// Images pulled.
    Pulls,
    /// Requests.
    Requests,
    /// Bytes sent, from wherever.
    Bytes,
    /// Answers that were out of date.
    Stale,
    /// Errors.
    Errors,
}

/// A part of the sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopPage {
    /// How many to leave out first.
    pub skip: u32,
    /// How many at most.
    pub limit: u32,
}

// === impl Spender ===

impl Spender {
    /// At which upstream.
    pub fn upstream(&self) -> &UpstreamName {
        match self {
            Self::Client { image, .. } => &image.upstream,
            Self::Address { upstream, .. } | Self::Others { upstream } => upstream,
        }
    }

    /// Which repository; `None` where images are not told apart.
    pub fn repository(&self) -> Option<&RepositoryName> {
        match self {
            Self::Client { image, .. } => Some(&image.repository),
            Self::Address { .. } | Self::Others { .. } => None,
        }
    }

    /// Who; `None` where clients are not told apart.
    pub fn client(&self) -> Option<&Arc<Client>> {
        match self {
            Self::Client { client, .. } => Some(client),
            Self::Address { .. } | Self::Others { .. } => None,
        }
    }

    /// What it is called, to be compared: those of an image stand together.
    fn name(&self) -> (&str, Option<&str>, Option<IpAddr>, Option<&Client>) {
        let repository = self.repository().map(RepositoryName::as_str);
        let client = self.client().map(|client| &**client);
        (self.upstream(), repository, self.address(), client)
    }

    /// At which address; `None` for our own work and for others.
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Client { client, .. } => client.address,
            Self::Address { address, .. } => Some(*address),
            Self::Others { .. } => None,
        }
    }

    /// Those of others at the same upstream.
    #[must_use]
    pub fn others(&self) -> Self {
        Self::Others {
            upstream: self.upstream().clone(),
        }
    }
}

// === impl Period ===

impl Period {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// Its length.
    pub const fn length(self) -> Duration {
        match self {
            Self::Hour => Duration::from_hours(1),
            Self::Day => Duration::from_hours(24),
        }
    }

    /// When the period that holds `at` begins; never before the UNIX epoch.
    pub fn start_of(self, at: Timestamp) -> Timestamp {
        let length = self.milliseconds();
        Timestamp(at.0.max(0) / length * length)
    }

    /// Its length in milliseconds.
    pub const fn milliseconds(self) -> i64 {
        match self {
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
        }
    }
}

// === impl Spent ===

impl Spent {
    /// Adds what the same spender did at another time. The later reference stays, the newer one if they are of one time.
    pub fn add(&mut self, more: &Self) {
        self.counts.add(more.counts);
        if more.reference.is_some() && (more.last_at >= self.last_at || self.reference.is_none()) {
            self.reference.clone_from(&more.reference);
        }
        self.first_at = self.first_at.min(more.first_at);
        self.last_at = self.last_at.max(more.last_at);
    }

    /// The same as a deed of others: no reference is theirs.
    #[must_use]
    pub fn of_others(&self) -> Self {
        Self {
            spender: self.spender.others(),
            reference: None,
            ..self.clone()
        }
    }
}

// === impl PullCounts ===

impl PullCounts {
    /// Adds to each, up to [`MAX_PULL_COUNT`].
    pub fn add(&mut self, more: Self) {
        let Self {
            requests,
            pulls,
            metered,
            after_index,
            bytes_cache,
            bytes_upstream,
            stale,
            errors,
        } = more;
        for (count, more) in [
            (&mut self.requests, requests),
            (&mut self.pulls, pulls),
            (&mut self.metered, metered),
            (&mut self.after_index, after_index),
            (&mut self.bytes_cache, bytes_cache),
            (&mut self.bytes_upstream, bytes_upstream),
            (&mut self.stale, stale),
            (&mut self.errors, errors),
        ] {
            *count = count.saturating_add(more).min(MAX_PULL_COUNT);
        }
    }

    /// Bytes sent, from wherever.
    pub fn bytes(self) -> u64 {
        self.bytes_cache.saturating_add(self.bytes_upstream)
    }

    /// Whether nothing was counted.
    pub fn is_zero(self) -> bool {
        self == Self::default()
    }
}

// === impl PullOrder ===

impl PullOrder {
    /// What is compared, the largest first.
    pub fn of(self, spent: &Spent) -> i64 {
        let counts = spent.counts;
        let count = match self {
            Self::Charged => counts.metered,
            Self::Pulls => counts.pulls,
            Self::Requests => counts.requests,
            Self::Bytes => counts.bytes(),
            Self::Stale => counts.stale,
            Self::Errors => counts.errors,
        };
        i64::try_from(count).unwrap_or(i64::MAX)
    }

    /// Who comes first: by what is compared, then by pulls, bytes, and what they are called. Of two whose order was told once it is
    /// always the same.
    pub fn compare(self, one: &Spent, other: &Spent) -> Ordering {
        let amounts = |spent: &Spent| {
            let counts = spent.counts;
            (self.of(spent), counts.pulls, counts.bytes())
        };
        let larger = amounts(other).cmp(&amounts(one));
        larger.then_with(|| one.spender.name().cmp(&other.spender.name()))
    }
}

// === impl TimeRange ===

impl TimeRange {
    /// All times.
    pub const ALL: Self = Self {
        since: Timestamp(i64::MIN),
        until: Timestamp(i64::MAX),
    };

    /// Whether a period that begins at `start` lies in it or overlaps it.
    pub fn overlaps(self, period: Period, start: Timestamp) -> bool {
        start < self.until && start > self.since_start(period)
    }

    /// After which start the periods of this length begin that reach into the range.
    pub fn since_start(self, period: Period) -> Timestamp {
        Timestamp(self.since.0.saturating_sub(period.milliseconds()))
    }
}

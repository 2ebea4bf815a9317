//! What all connections share: settings, the store, counters, faults and the log.
//!
//! One mutex over what changes, held for the making of one answer and never across an await.

use crate::accounts::{Accounts, account_id};
use crate::clock::{SimClock, minutes};
use crate::grants::Grants;
use crate::limits::{Limit, Standing, Window, source_of};
use crate::log::Log;
use crate::pace::Pace;
use crate::refusal::{PullLimitText, RetryAfter};
use crate::rules::Rules;
use crate::store::Store;
use crate::tls::Tls;
use crate::tokens::TokenKeys;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// So many paid indexes are remembered; the oldest goes.
const MAX_PAID_INDEXES: usize = 10_000;

/// All that connections share.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) clock: SimClock,
    pub(crate) settings: Settings,
    pub(crate) addresses: Addresses,
    pub(crate) log: Log,
    pub(crate) rules: Rules,
    pub(crate) total_pace: Option<Pace>,
    inner: Mutex<Inner>,
}

/// What is fixed at the start.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a mode of its own that a story switches on"
)]
pub(crate) struct Settings {
    pub(crate) token_ttl: Option<Duration>,
    pub(crate) token_keys: TokenKeys,
    pub(crate) signed_url_ttl: Duration,
    pub(crate) blobs_inline: bool,
    pub(crate) referrers_api: bool,
    pub(crate) missing_is_404: bool,
    pub(crate) open: bool,
    pub(crate) index_is_free: bool,
    pub(crate) child_is_free: bool,
    pub(crate) denied_pulls_count: bool,
    pub(crate) pull_limit_text: PullLimitText,
    pub(crate) pull_retry_after: Option<RetryAfter>,
    pub(crate) abuse_retry_after: Option<RetryAfter>,
    pub(crate) abuse_malformed: bool,
    pub(crate) abuse_counts_blobs: bool,
    /// Bytes a second on each connection.
    pub(crate) rate: Option<u64>,
    /// Bytes a second over all connections.
    pub(crate) total_rate: Option<u64>,
    pub(crate) tls: Option<Tls>,
}

/// Where the hosts listen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    pub(crate) registry: SocketAddr,
    pub(crate) token: SocketAddr,
    pub(crate) blob: SocketAddr,
    pub(crate) trap: SocketAddr,
}

/// What changes while it runs.
#[derive(Debug, Default)]
pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) accounts: Accounts,
    pub(crate) grants: Grants,
    pub(crate) pulls: Window,
    pub(crate) requests: Window,
    pub(crate) anonymous_limit: Option<Limit>,
    pub(crate) abuse_limit: Option<Limit>,
    /// Who has paid for an index, by source, and the manifests of which one comes free with it.
    pub(crate) paid_indexes: VecDeque<(String, Vec<String>)>,
    /// Every client is taken to come from here.
    pub(crate) seen_as: Option<IpAddr>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            token_ttl: Some(minutes(5)),
            token_keys: TokenKeys::Both,
            signed_url_ttl: minutes(20),
            blobs_inline: false,
            referrers_api: true,
            missing_is_404: false,
            open: false,
            index_is_free: false,
            child_is_free: false,
            denied_pulls_count: false,
            pull_limit_text: PullLimitText::Current,
            pull_retry_after: None,
            abuse_retry_after: Some(RetryAfter::Seconds(60)),
            abuse_malformed: false,
            abuse_counts_blobs: false,
            rate: None,
            total_rate: None,
            tls: None,
        }
    }
}

impl State {
    pub(crate) fn new(
        clock: SimClock,
        settings: Settings,
        addresses: Addresses,
        inner: Inner,
    ) -> Self {
        Self {
            clock,
            total_pace: settings.total_rate.map(Pace::new),
            settings,
            addresses,
            log: Log::default(),
            rules: Rules::default(),
            inner: Mutex::new(inner),
        }
    }

    pub(crate) fn inner(&self) -> MutexGuard<'_, Inner> {
        // A test that panicked while holding it has failed already; the others may go on.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn scheme(&self) -> &'static str {
        if self.settings.tls.is_some() {
            "https"
        } else {
            "http"
        }
    }

    /// `scheme://address:port` of the token service.
    pub(crate) fn token_url(&self) -> String {
        format!("{}://{}", self.scheme(), self.addresses.token)
    }

    /// `scheme://address:port` of the blob host.
    pub(crate) fn blob_url(&self) -> String {
        format!("{}://{}", self.scheme(), self.addresses.blob)
    }
}

// === impl Inner ===

impl Inner {
    pub(crate) fn address_of(&self, peer: IpAddr) -> IpAddr {
        self.seen_as.unwrap_or(peer)
    }

    /// The pull limit of whoever asks; none is unlimited.
    pub(crate) fn limit_of(&self, account: Option<&str>) -> Option<Limit> {
        account.map_or(self.anonymous_limit, |user| self.accounts.find_limit(user))
    }

    /// What `docker-ratelimit-source` shows for whoever asks.
    pub(crate) fn source_of(&self, account: Option<&str>, peer: IpAddr) -> String {
        account.map_or_else(|| source_of(self.address_of(peer)), account_id)
    }

    /// How whoever asks stands with the pull limit, if there is one.
    pub(crate) fn standing(
        &mut self,
        account: Option<&str>,
        peer: IpAddr,
        now: Duration,
    ) -> Option<Standing> {
        let limit = self.limit_of(account)?;
        let source = self.source_of(account, peer);
        Some(self.pulls.standing(&source, limit, now))
    }

    /// `source` has paid for an index of these manifests.
    pub(crate) fn note_index(&mut self, source: &str, children: &[String]) {
        if self.paid_indexes.len() >= MAX_PAID_INDEXES {
            self.paid_indexes.pop_front();
        }
        self.paid_indexes
            .push_back((source.to_owned(), children.to_vec()));
    }

    /// Whether this manifest comes with an index that `source` has paid for; uses that up.
    pub(crate) fn take_child(&mut self, source: &str, digest: &str) -> bool {
        let place = self.paid_indexes.iter().position(|(payer, children)| {
            payer == source && children.iter().any(|child| child == digest)
        });
        place.is_some_and(|place| self.paid_indexes.remove(place).is_some())
    }

    /// Counts a request for the abuse limit; true when there were too many.
    pub(crate) fn is_abuse(&mut self, peer: IpAddr, now: Duration) -> bool {
        let Some(limit) = self.abuse_limit else {
            return false;
        };
        let source = source_of(self.address_of(peer));
        self.requests.is_over(&source, limit, now)
    }
}

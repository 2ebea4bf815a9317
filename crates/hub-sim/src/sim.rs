//! The story's beginning: what the hub holds, whom it knows, how it limits, where it listens.

use crate::clock::SimClock;
use crate::hub::Hub;
use crate::image::Image;
use crate::limits::Limit;
use crate::refusal::{PullLimitText, RetryAfter};
use crate::registry::add_preview;
use crate::state::{Inner, Settings};
use crate::tls::Tls;
use crate::tokens::TokenKeys;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime};

/// A Docker Hub that has not been started yet.
#[derive(Debug)]
pub struct HubSim {
    pub(crate) settings: Settings,
    pub(crate) clock: SimClock,
    pub(crate) inner: Inner,
    pub(crate) listen: Listen,
}

/// Where the hosts shall listen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listen {
    pub(crate) registry: SocketAddr,
    pub(crate) token: SocketAddr,
    pub(crate) blob: SocketAddr,
    pub(crate) trap: SocketAddr,
    /// The registry's host answers token requests too, and names itself as the realm.
    pub(crate) token_at_registry: bool,
}

impl Default for HubSim {
    fn default() -> Self {
        Self::new()
    }
}

impl HubSim {
    /// An empty hub without limits on 127.0.0.1, its blobs on 127.0.0.9, its trap on 127.0.0.66, all on free ports.
    /// Its clock stands still at the machine's present time.
    pub fn new() -> Self {
        let on = |last| SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)), 0);
        let mut inner = Inner::default();
        add_preview(&mut inner);
        Self {
            settings: Settings::default(),
            clock: SimClock::standing(),
            inner,
            listen: Listen {
                registry: on(1),
                token: on(1),
                blob: on(9),
                trap: on(66),
                token_at_registry: false,
            },
        }
    }

    /// Starts it.
    ///
    /// # Panics
    /// When an address cannot be listened on: no test can go on without its hub.
    #[expect(
        clippy::expect_used,
        reason = "a test whose hub cannot start has failed"
    )]
    pub async fn start(self) -> Hub {
        let started = self.try_start().await;
        started.expect("the hub's addresses can be listened on")
    }

    /// Starts it, or says that an address cannot be listened on.
    #[expect(
        clippy::unused_async,
        reason = "listening needs a runtime, and a caller that awaits has one"
    )]
    pub async fn try_start(self) -> io::Result<Hub> {
        Hub::start(self)
    }
}

/// What it holds.
impl HubSim {
    /// Holds an image under `name:tag`.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a story hands its images over"
    )]
    pub fn image(mut self, reference: &str, image: Image) -> Self {
        self.inner.store.push(reference, &image);
        self
    }

    /// Holds an artifact that refers to an image pushed before.
    ///
    /// # Panics
    /// When there is no such image: the story is told in the wrong order.
    #[must_use]
    pub fn referrer(mut self, reference: &str, artifact: Image) -> Self {
        let attached = self.inner.store.attach(reference, artifact);
        assert!(
            attached.is_some(),
            "{reference} must be pushed before what refers to it"
        );
        self
    }

    /// Lets only these accounts read a repository.
    #[must_use]
    pub fn private(mut self, repository: &str, readers: &[&str]) -> Self {
        let readers = readers.iter().map(|&name| name.to_owned()).collect();
        self.inner.store.entry(repository).readers = Some(readers);
        self
    }

    /// Neither counts nor limits a repository's pulls, and sends no limit headers for it.
    #[must_use]
    pub fn unmetered(mut self, repository: &str) -> Self {
        self.inner.store.entry(repository).unmetered = true;
        self
    }

    /// Has no referrers API: 404. Referrers pushed after this get the fallback tag `sha256-…`.
    #[must_use]
    pub fn without_referrers_api(mut self) -> Self {
        self.settings.referrers_api = false;
        self.inner.store.fallback_tags = true;
        self
    }

    /// Answers 404 for a repository that is not there, as most registries do, instead of Docker Hub's 401.
    #[must_use]
    pub fn missing_repositories_are_404(mut self) -> Self {
        self.settings.missing_is_404 = true;
        self
    }
}

/// Whom it knows.
impl HubSim {
    /// Knows an account; `limit` is (pulls, window), none is unlimited.
    #[must_use]
    pub fn account(mut self, user: &str, password: &str, limit: Option<(u64, Duration)>) -> Self {
        let limit = limit.map(|(count, window)| Limit { count, window });
        self.inner.accounts.add(user, password, limit);
        self
    }

    /// Locks a name out for `lock` after `failures` wrong passwords. Otherwise ten, for ten minutes.
    #[must_use]
    pub fn lockout(mut self, failures: u32, lock: Duration) -> Self {
        self.inner.accounts.lock_after = failures;
        self.inner.accounts.lock_for = lock;
        self
    }

    /// Tokens last this long instead of 300 seconds; `None` leaves `expires_in` out, which means 60.
    #[must_use]
    pub fn token_ttl(mut self, ttl: Option<Duration>) -> Self {
        self.settings.token_ttl = ttl;
        self
    }

    /// Which names the token goes by in a token answer.
    #[must_use]
    pub fn token_keys(mut self, keys: TokenKeys) -> Self {
        self.settings.token_keys = keys;
        self
    }

    /// Asks nobody for a token.
    #[must_use]
    pub fn open(mut self) -> Self {
        self.settings.open = true;
        self
    }
}

/// How it limits.
impl HubSim {
    /// At most so many anonymous pulls from one address (or IPv6 /64) in any such window.
    #[must_use]
    pub fn anonymous_limit(mut self, pulls: u64, window: Duration) -> Self {
        let count = pulls;
        self.inner.anonymous_limit = Some(Limit { count, window });
        self
    }

    /// At most so many requests of any kind, but for blobs' bytes, from one address in any such window.
    #[must_use]
    pub fn abuse_limit(mut self, requests: u64, window: Duration) -> Self {
        let count = requests;
        self.inner.abuse_limit = Some(Limit { count, window });
        self
    }

    /// The abuse limit counts requests to the blob host too, and answers there as everywhere.
    #[must_use]
    pub fn abuse_limit_counts_blobs(mut self) -> Self {
        self.settings.abuse_counts_blobs = true;
        self
    }

    /// The abuse limit answers as in 2020: bytes that are no valid HTTP.
    #[must_use]
    pub fn malformed_abuse_answers(mut self) -> Self {
        self.settings.abuse_malformed = true;
        self
    }

    /// The pull limit's 429 says when to come back. Otherwise it does not.
    #[must_use]
    pub fn retry_after(mut self, shape: RetryAfter) -> Self {
        self.settings.pull_retry_after = Some(shape);
        self
    }

    /// What the abuse limit's 429 says of when to come back. Otherwise 60 seconds.
    #[must_use]
    pub fn abuse_retry_after(mut self, shape: Option<RetryAfter>) -> Self {
        self.settings.abuse_retry_after = shape;
        self
    }

    /// The wording of the pull limit.
    #[must_use]
    pub fn pull_limit_text(mut self, text: PullLimitText) -> Self {
        self.settings.pull_limit_text = text;
        self
    }

    /// A multi-platform pull costs one and not two: the index is free.
    #[must_use]
    pub fn indexes_are_free(mut self) -> Self {
        self.settings.index_is_free = true;
        self
    }

    /// A multi-platform pull costs one and not two: after an index, one manifest of its platforms is free for the same source.
    #[must_use]
    pub fn children_are_free(mut self) -> Self {
        self.settings.child_is_free = true;
        self
    }

    /// Denied pulls count too, so that hammering prolongs the block, as in January 2022.
    #[must_use]
    pub fn denied_pulls_count(mut self) -> Self {
        self.settings.denied_pulls_count = true;
        self
    }

    /// Takes every client to come from this address.
    #[must_use]
    pub fn see_clients_as(mut self, address: IpAddr) -> Self {
        self.inner.seen_as = Some(address);
        self
    }
}

/// Where and how it serves.
impl HubSim {
    /// The registry's address.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen.registry = address;
        self
    }

    /// The token service's address.
    #[must_use]
    pub fn token_listen(mut self, address: SocketAddr) -> Self {
        self.listen.token = address;
        self
    }

    /// The blob host's address.
    #[must_use]
    pub fn blob_listen(mut self, address: SocketAddr) -> Self {
        self.listen.blob = address;
        self
    }

    /// The trap's address: 127.0.0.1:0 makes it another port of the registry's own host.
    #[must_use]
    pub fn trap_listen(mut self, address: SocketAddr) -> Self {
        self.listen.trap = address;
        self
    }

    /// The registry's own host gives out tokens.
    #[must_use]
    pub fn tokens_at_registry(mut self) -> Self {
        self.listen.token_at_registry = true;
        self
    }

    /// The registry serves blobs itself, without a redirect.
    #[must_use]
    pub fn blobs_inline(mut self) -> Self {
        self.settings.blobs_inline = true;
        self
    }

    /// Signed blob addresses last this long instead of 20 minutes.
    #[must_use]
    pub fn signed_url_ttl(mut self, ttl: Duration) -> Self {
        self.settings.signed_url_ttl = ttl;
        self
    }

    /// All hosts speak TLS with such a certificate.
    #[must_use]
    pub fn tls(mut self, kind: Tls) -> Self {
        self.settings.tls = Some(kind);
        self
    }

    /// Bodies go out at so many bytes a second on each connection.
    #[must_use]
    pub fn rate(mut self, bytes_per_second: u64) -> Self {
        self.settings.rate = Some(bytes_per_second);
        self
    }

    /// Bodies go out at so many bytes a second over all connections.
    #[must_use]
    pub fn total_rate(mut self, bytes_per_second: u64) -> Self {
        self.settings.total_rate = Some(bytes_per_second);
        self
    }

    /// Time passes by itself.
    #[must_use]
    pub fn real_time(self) -> Self {
        self.clock.run();
        self
    }

    /// The clock stands at this moment at the start.
    #[must_use]
    pub fn starting_at(self, moment: SystemTime) -> Self {
        self.clock.set(moment);
        self
    }
}

//! A hub, an upstream that speaks to it, and a clock that both follow.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use forebay_content::{
    Blob, Budget, Caller, Client, Clock, ContentSource, Event, KeptCoolDown, ManualClock, Observe,
    Request, SourceError, Timestamp, UpstreamCall, collect,
};
use forebay_http_kit::{ClientPolicy, Resolve, Resolver, Timeouts};
use forebay_jobs::Supervisor;
use forebay_limits::{DEFAULT_BURST, DEFAULT_PER_MINUTE, Limiter, Priority, Purse, Reading};
use forebay_oci::{Digest, Reference, Tag};
use forebay_upstream::{
    CredentialSource, Pacers, Secret, Upstream, UpstreamConfig, UpstreamRights, UpstreamSeams,
};
use http::HeaderValue;
use hub_sim::{Hub, HubSim, Image, On, Record};
use url::Url;

pub(crate) const MAX_BLOB_BYTES: usize = 64 * 1024 * 1024;

/// An upstream with everything around it that a test looks at.
pub(crate) struct Rig {
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) clock: ManualClock,
    pub(crate) seen: Arc<Seen>,
}

/// How the upstream is to be made.
pub(crate) struct Setup {
    pub(crate) config: UpstreamConfig,
    pub(crate) policy: ClientPolicy,
    pacers: Pacers,
    clock: ManualClock,
    leaps: bool,
}

/// A clock that stands still, but for whoever sleeps: then it moves on at once.
#[derive(Clone, Debug)]
struct LeapingClock(ManualClock);

/// What was told to the observer.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    answers: Mutex<Vec<Answered>>,
    breaker: Mutex<Vec<bool>>,
    limits: Mutex<Vec<Limit>>,
    login_rests: Mutex<Vec<(Option<String>, Duration)>>,
}

/// What rests, because of which limiter, for how long; and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) scope: String,
    pub(crate) limiter: Limiter,
    pub(crate) wait: Duration,
    pub(crate) account: Option<String>,
}

/// What was asked, the status, and what it said of limits.
type Answered = (UpstreamCall, Option<u16>, Option<Reading>);

/// Resolves every name to the scripted addresses in turn, the last one for ever.
pub(crate) struct Script {
    answers: Mutex<VecDeque<IpAddr>>,
}

/// A hub to be, with one small image.
pub(crate) fn nginx() -> HubSim {
    HubSim::new().image("library/nginx:1", Image::small())
}

/// A hub with one small image that anybody may pull without a token.
pub(crate) async fn open_hub() -> Hub {
    nginx().open().start().await
}

impl Setup {
    /// An anonymous upstream called docker.io, that may go wherever the hub's parts are.
    pub(crate) fn of(hub: &Hub) -> Self {
        let config = UpstreamConfig {
            name: "docker.io".into(),
            url: Url::parse(&hub.url()).unwrap(),
            token_hosts: vec![hub.token_host().parse().unwrap()],
            blob_hosts: vec![hub.blob_host().parse().unwrap()],
            private: false,
            insecure: false,
            credentials: CredentialSource::Anonymous,
            requests_per_minute: DEFAULT_PER_MINUTE,
            burst: DEFAULT_BURST,
        };
        let mut policy = ClientPolicy::new(HeaderValue::from_static("forebay-test"));
        policy.trust.extra_roots_pem = hub.ca_pem().map(String::into_bytes);
        Self {
            config,
            policy,
            pacers: Pacers::default(),
            clock: ManualClock::default(),
            leaps: true,
        }
    }

    pub(crate) fn login(mut self, username: &str, password: &str) -> Self {
        self.config.credentials = CredentialSource::Password {
            username: username.to_owned(),
            secret: Secret::new(password),
        };
        self
    }

    pub(crate) fn change(mut self, change: impl FnOnce(&mut UpstreamConfig)) -> Self {
        change(&mut self.config);
        self
    }

    /// Gives up on a silent peer so soon that a test can wait for it.
    pub(crate) fn hasty(mut self) -> Self {
        let silence = Duration::from_millis(200);
        self.policy.timeouts = Timeouts {
            header: silence,
            idle: silence,
            ..Timeouts::default()
        };
        self
    }

    pub(crate) fn resolving_to(mut self, addresses: &[IpAddr]) -> Self {
        self.policy.resolver = Resolver::new(Script {
            answers: Mutex::new(addresses.iter().copied().collect()),
        });
        self
    }

    /// At the pace of all others with these.
    pub(crate) fn pacers(mut self, pacers: &Pacers) -> Self {
        self.pacers = pacers.clone();
        self
    }

    /// With this clock, which a hub or another upstream may go by too.
    pub(crate) fn clock(mut self, clock: &ManualClock) -> Self {
        self.clock = clock.clone();
        self
    }

    /// So that whoever waits does wait, until the test moves the clock.
    pub(crate) fn standing_still(mut self) -> Self {
        self.leaps = false;
        self
    }

    /// The same upstream, asked as its clients.
    pub(crate) fn rights(self) -> (UpstreamRights, Arc<Seen>) {
        let mut policy = self.policy;
        policy.addresses = self.config.addresses();
        let client = forebay_http_kit::Client::new(policy).unwrap();
        let seen = Arc::new(Seen::default());
        let seams = UpstreamSeams {
            clock: Arc::new(LeapingClock(self.clock)),
            observe: Arc::clone(&seen) as Arc<dyn Observe>,
            supervisor: Supervisor::new(),
            pacers: self.pacers,
        };
        (UpstreamRights::new(self.config, client, seams), seen)
    }

    pub(crate) fn start(self) -> Rig {
        let Self {
            config,
            mut policy,
            pacers,
            clock,
            leaps,
        } = self;
        policy.addresses = config.addresses();
        let seen = Arc::new(Seen::default());
        let upstream = Upstream::new(
            config,
            forebay_http_kit::Client::new(policy).unwrap(),
            UpstreamSeams {
                clock: if leaps {
                    Arc::new(LeapingClock(clock.clone()))
                } else {
                    Arc::new(clock.clone())
                },
                observe: Arc::clone(&seen) as Arc<dyn Observe>,
                supervisor: Supervisor::new(),
                pacers,
            },
        );
        Rig {
            upstream: Arc::new(upstream),
            clock,
            seen,
        }
    }
}

impl Rig {
    pub(crate) fn of(hub: &Hub) -> Self {
        Setup::of(hub).start()
    }

    /// The limits that were met, as they would be written down if all were met now.
    pub(crate) fn kept(&self) -> Vec<KeptCoolDown> {
        let now = self.clock.now();
        let limits = self.seen.limits().into_iter();
        let kept = limits.map(|limit| KeptCoolDown {
            upstream: "docker.io".into(),
            scope: limit.scope.into(),
            limiter: limit.limiter,
            until: now.after(limit.wait),
            noted_at: now,
        });
        kept.collect()
    }

    /// What may be spent on the image that most tests pull.
    pub(crate) fn purse(&self) -> Purse {
        self.purse_for("library/nginx")
    }

    /// What may be spent on manifests of a repository.
    pub(crate) fn purse_for(&self, repository: &str) -> Purse {
        self.upstream.purse(&repository.parse().unwrap())
    }

    /// HEADs a tag.
    pub(crate) async fn resolve(&self, image: &str) -> Result<Digest, SourceError> {
        let (request, reference) = split(image);
        let resolved = self.upstream.resolve(&request, &reference).await?;
        Ok(resolved.digest)
    }

    /// GETs a manifest by tag or digest.
    pub(crate) async fn manifest(&self, image: &str) -> Result<Bytes, SourceError> {
        let (request, reference) = split(image);
        let content = self.upstream.manifest(&request, &reference).await?;
        Ok(content.bytes)
    }

    pub(crate) async fn open_blob(
        &self,
        repository: &str,
        digest: &str,
    ) -> Result<Blob, SourceError> {
        let request = request(repository);
        let digest = digest.parse().unwrap();
        self.upstream.blob(&request, &digest, None).await
    }

    /// GETs a blob to its end.
    pub(crate) async fn blob(&self, repository: &str, digest: &str) -> Result<Bytes, SourceError> {
        collect(
            self.open_blob(repository, digest).await?.body,
            MAX_BLOB_BYTES,
        )
        .await
    }
}

impl Seen {
    /// Every answer: what was asked, and the status.
    pub(crate) fn statuses(&self) -> Vec<(UpstreamCall, Option<u16>)> {
        let answers = self.answers.lock().unwrap();
        answers
            .iter()
            .map(|(call, status, _)| (*call, *status))
            .collect()
    }

    /// What the last answer said of limits.
    pub(crate) fn last_reading(&self) -> Option<Reading> {
        self.answers.lock().unwrap().last()?.2.clone()
    }

    /// Every limit that was met.
    pub(crate) fn limits(&self) -> Vec<Limit> {
        self.limits.lock().unwrap().clone()
    }

    /// For each time that our login was refused: whose it is, and for how long it rests.
    pub(crate) fn login_rests(&self) -> Vec<(Option<String>, Duration)> {
        self.login_rests.lock().unwrap().clone()
    }

    /// True for each time that the breaker opened, false for each that it closed.
    pub(crate) fn breaker(&self) -> Vec<bool> {
        self.breaker.lock().unwrap().clone()
    }
}

impl Observe for Seen {
    fn observe(&self, event: &Event<'_>) {
        match event {
            Event::Upstream(answer) => self.answers.lock().unwrap().push((
                answer.call,
                answer.status,
                answer.reading.cloned(),
            )),
            Event::Limited {
                account,
                scope,
                limited,
                wait,
                ..
            } => self.limits.lock().unwrap().push(Limit {
                scope: (*scope).to_owned(),
                limiter: limited.limiter,
                wait: *wait,
                account: account.map(str::to_owned),
            }),
            Event::LoginRefused { account, rest, .. } => {
                let account = account.map(str::to_owned);
                self.login_rests.lock().unwrap().push((account, *rest));
            }
            Event::Breaker { open, .. } => self.breaker.lock().unwrap().push(*open),
            _ => {}
        }
    }
}

impl Clock for LeapingClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }

    fn sleep(&self, wait: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.0.advance(wait);
        Box::pin(std::future::ready(()))
    }
}

#[async_trait]
impl Resolve for Script {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        let mut answers = self.answers.lock().unwrap();
        let next = if answers.len() > 1 {
            answers.pop_front()
        } else {
            answers.front().copied()
        };
        next.map(|address| vec![address])
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

pub(crate) fn request(repository: &str) -> Request {
    Request {
        repository: repository.parse().unwrap(),
        caller: Caller::ourselves(),
        priority: Priority::Interactive,
        patience: Duration::from_secs(20),
    }
}

/// The same, asked by a client at this address.
pub(crate) fn asked_by(address: &str, request: Request) -> Request {
    let client = Client {
        address: Some(address.parse().unwrap()),
        ..Client::default()
    };
    let caller = Arc::new(Caller {
        client: Arc::new(client),
        ..Caller::clone(&request.caller)
    });
    Request { caller, ..request }
}

/// `name:tag` or `name@digest`.
pub(crate) fn split(image: &str) -> (Request, Reference) {
    if let Some((name, digest)) = image.split_once('@') {
        return (request(name), digest.parse::<Digest>().unwrap().into());
    }
    let (name, tag) = image.rsplit_once(':').unwrap();
    (request(name), tag.parse::<Tag>().unwrap().into())
}

pub(crate) fn is_token(record: &Record) -> bool {
    record.is(On::Token)
}

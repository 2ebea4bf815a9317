//! Gets leave from an upstream: answers its challenges, fetches tokens, and renews what was refused.
//!
//! Nothing is assumed before the first challenge; afterwards it is remembered, so that a new repository costs one token
//! request and no refused one. One token request serves all who wait for the same token, and outlives whoever began it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use forebay_content::{Clock, SourceError, UpstreamCall};
use forebay_http_kit::{Credentials, Origin, Outgoing, Redirects};
use forebay_jobs::Supervisor;
use forebay_oci::{RepositoryName, UpstreamName};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use http::{HeaderMap, Method, StatusCode, header};
use tokio::sync::oneshot;
use tracing::warn;
use url::Url;

use crate::broker::Broker;
use crate::challenge::{self, Challenge};
use crate::failure;
use crate::login::{Fingerprint, Login};
use crate::realm::TokenHosts;
use crate::token::{MAX_DOCUMENT_BYTES, Token};
use crate::token_cache::{Held, MAX_TOKENS, TokenCache, TokenKey};
use crate::wire::{Granted, Heard, Question, Refusal, Wire};

/// A login that the token service refused (401) is not shown to it again for this long: failed logins are counted, and
/// too many lock the account (Docker Hub's third limiter).
const REFUSED_LOGIN_REST: Duration = Duration::from_mins(1);

/// Who we are at one upstream, and what it has given us leave for.
pub(crate) struct Authority {
    name: UpstreamName,
    wire: Arc<Wire>,
    registry: Option<Origin>,
    hosts: TokenHosts,
    broker: Broker,
    clock: Arc<dyn Clock>,
    supervisor: Supervisor,
    known: Mutex<Option<Known>>,
    tokens: Mutex<TokenCache>,
    // As many as there are requests that wait for them at most.
    flights: Mutex<HashMap<TokenKey, Flight>>,
    resting: Mutex<Option<(Fingerprint, Duration)>>,
}

/// What an [`Authority`] is made of.
pub(crate) struct AuthorityParts {
    pub(crate) name: UpstreamName,
    pub(crate) wire: Arc<Wire>,
    pub(crate) registry: Option<Origin>,
    pub(crate) hosts: TokenHosts,
    pub(crate) broker: Broker,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) supervisor: Supervisor,
}

/// Leave to ask for a repository's content, as far as we have it.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    /// Bound to the registry's origin.
    pub(crate) credentials: Option<Credentials>,
    basis: Basis,
}

/// What a grant rests on.
#[derive(Clone, Debug)]
enum Basis {
    /// Nobody has asked us for anything yet.
    Unchallenged,
    /// Name and password.
    Login(Fingerprint),
    /// A token; `is_new` if it came after this request had asked for it.
    Token {
        key: TokenKey,
        number: u64,
        is_new: bool,
    },
}

/// The registry's last challenge, checked.
#[derive(Clone, PartialEq, Eq)]
enum Known {
    Basic,
    Bearer {
        realm: Url,
        service: Option<Arc<str>>,
    },
}

/// A token request that is under way.
type Flight = Shared<BoxFuture<'static, Result<Held, SourceError>>>;

impl Authority {
    /// Asks nobody yet.
    pub(crate) fn new(parts: AuthorityParts) -> Self {
        let AuthorityParts {
            name,
            wire,
            registry,
            hosts,
            broker,
            clock,
            supervisor,
        } = parts;
        Self {
            name,
            wire,
            registry,
            hosts,
            broker,
            clock,
            supervisor,
            known: Mutex::default(),
            tokens: Mutex::new(TokenCache::new(MAX_TOKENS)),
            flights: Mutex::default(),
            resting: Mutex::default(),
        }
    }

    /// The leave to begin with.
    pub(crate) async fn grant(
        self: &Arc<Self>,
        repository: &RepositoryName,
    ) -> Result<Grant, SourceError> {
        let known = lock(&self.known).clone();
        match known {
            Some(known) => self.grant_for(known, repository).await,
            None => Ok(Grant {
                credentials: None,
                basis: Basis::Unchallenged,
            }),
        }
    }

    /// Another leave after `refused` was answered with 401 (or, by a registry that takes logins, 403); `None` if there is none.
    pub(crate) async fn grant_after(
        self: &Arc<Self>,
        refused: Grant,
        headers: &HeaderMap,
        repository: &RepositoryName,
    ) -> Result<Option<Grant>, SourceError> {
        let values = headers.get_all(header::WWW_AUTHENTICATE);
        let challenge = challenge::choose(values.iter().map(http::HeaderValue::as_bytes));
        if let Some(known) = challenge
            .map(|challenge| self.check(challenge))
            .transpose()?
        {
            let is_news = lock(&self.known).replace(known.clone()).as_ref() != Some(&known);
            if is_news || matches!(refused.basis, Basis::Unchallenged) {
                return self.grant_for(known, repository).await.map(Some);
            }
        }
        match refused.basis {
            Basis::Unchallenged | Basis::Token { is_new: true, .. } => Ok(None),
            Basis::Token { key, number, .. } => {
                lock(&self.tokens).drop_refused(&key, number);
                self.grant(repository).await.map(Some)
            }
            Basis::Login(fingerprint) => self.renew_login(&fingerprint).await,
        }
    }

    /// True if a 403 may be a login that has run out: ECR answers so.
    pub(crate) fn may_have_expired(&self, grant: &Grant) -> bool {
        matches!(grant.basis, Basis::Login(_)) && self.broker.can_renew()
    }

    fn check(&self, challenge: Challenge) -> Result<Known, SourceError> {
        match challenge {
            Challenge::Basic => Ok(Known::Basic),
            Challenge::Bearer { realm, service } => match self.hosts.admit(&realm) {
                Ok(realm) => Ok(Known::Bearer {
                    realm,
                    service: service.map(Arc::from),
                }),
                Err(refusal) => {
                    warn!(upstream = %self.name, %refusal, "the upstream's token service is not asked");
                    Err(SourceError::Invalid {
                        why: refusal.to_string(),
                    })
                }
            },
        }
    }

    async fn grant_for(
        self: &Arc<Self>,
        known: Known,
        repository: &RepositoryName,
    ) -> Result<Grant, SourceError> {
        let login = self.broker.current().await?;
        match known {
            Known::Basic => login
                .map(|login| self.login_grant(&login))
                .ok_or(SourceError::Unauthorized),
            Known::Bearer { realm, service } => {
                let key = TokenKey {
                    login: login.as_ref().map(|login| login.fingerprint.clone()),
                    realm: realm.as_str().into(),
                    service,
                    scope: format!("repository:{repository}:pull"),
                };
                let kept = lock(&self.tokens).find(&key, self.clock.monotonic());
                let is_new = kept.is_none();
                let held = match kept {
                    Some(held) => held,
                    None => self.join_flight(&key, realm, login).await?,
                };
                Ok(self.token_grant(key, held, is_new))
            }
        }
    }

    async fn renew_login(&self, refused: &Fingerprint) -> Result<Option<Grant>, SourceError> {
        let newer = self.broker.renew(refused).await?;
        if newer.is_none() {
            warn!(upstream = %self.name, "the upstream refuses our credentials");
        }
        Ok(newer.map(|login| self.login_grant(&login)))
    }

    fn login_grant(&self, login: &Login) -> Grant {
        Grant {
            credentials: self.bind(login.basic.clone()),
            basis: Basis::Login(login.fingerprint.clone()),
        }
    }

    fn token_grant(&self, key: TokenKey, held: Held, is_new: bool) -> Grant {
        Grant {
            credentials: self.bind(held.header),
            basis: Basis::Token {
                key,
                number: held.number,
                is_new,
            },
        }
    }

    fn bind(&self, value: http::HeaderValue) -> Option<Credentials> {
        self.registry
            .clone()
            .map(|origin| Credentials::new(value, origin))
    }
}

/// Token requests.
impl Authority {
    /// Waits for the token request that is under way, or begins it.
    async fn join_flight(
        self: &Arc<Self>,
        key: &TokenKey,
        realm: Url,
        login: Option<Arc<Login>>,
    ) -> Result<Held, SourceError> {
        let flight = {
            let mut flights = lock(&self.flights);
            // Looked up again under the lock: the flight that was missed may have landed in between.
            if let Some(held) = lock(&self.tokens).find(key, self.clock.monotonic()) {
                return Ok(held);
            }
            let flight = flights
                .entry(key.clone())
                .or_insert_with(|| self.begin_flight(key, realm, login));
            flight.clone()
        };
        flight.await
    }

    fn begin_flight(
        self: &Arc<Self>,
        key: &TokenKey,
        realm: Url,
        login: Option<Arc<Login>>,
    ) -> Flight {
        let (landed, landing) = oneshot::channel();
        let mut flying = Flying {
            authority: Arc::clone(self),
            key: key.clone(),
            landed: Some(landed),
        };
        self.supervisor.spawn("token", async move {
            let authority = Arc::clone(&flying.authority);
            let answer = authority.fetch(flying.key.clone(), realm, login).await;
            flying.land(answer);
        });
        landing
            .map(|answer| answer.unwrap_or_else(|lost| Err(SourceError::internal(lost))))
            .boxed()
            .shared()
    }

    async fn fetch(
        &self,
        key: TokenKey,
        realm: Url,
        login: Option<Arc<Login>>,
    ) -> Result<Held, SourceError> {
        let heard = self.ask_for_token(&key, &realm, login.as_deref()).await?;
        let refusal = match heard {
            Heard::Reply(granted) => return self.keep(key, *granted).await,
            Heard::Refusal(refusal) => refusal,
        };
        let is_refusal = matches!(
            refusal.status,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        );
        let Some(login) = login.filter(|_| is_refusal) else {
            return Err(of_token_refusal(&refusal));
        };
        // Only a login that was fetched can have become another one.
        if let Some(newer) = self.broker.renew(&login.fingerprint).await? {
            let key = TokenKey {
                login: Some(newer.fingerprint.clone()),
                ..key
            };
            match self.ask_for_token(&key, &realm, Some(&newer)).await? {
                Heard::Reply(granted) => return self.keep(key, *granted).await,
                Heard::Refusal(refusal) => self.note_refused(&newer, &refusal),
            }
        } else {
            self.note_refused(&login, &refusal);
        }
        Err(of_token_refusal(&refusal))
    }

    async fn ask_for_token(
        &self,
        key: &TokenKey,
        realm: &Url,
        login: Option<&Login>,
    ) -> Result<Heard, SourceError> {
        if login.is_some_and(|login| self.is_resting(&login.fingerprint)) {
            return Err(SourceError::Unauthorized);
        }
        let mut url = realm.clone();
        if let Some(service) = &key.service {
            url.query_pairs_mut().append_pair("service", service);
        }
        url.query_pairs_mut().append_pair("scope", &key.scope);
        let mut outgoing = Outgoing::new(Method::GET, url);
        // A token service that sends us elsewhere has no business with what it would get there.
        outgoing.redirects = Redirects::Refuse;
        outgoing.credentials = login
            .zip(Origin::of(realm))
            .map(|(login, origin)| Credentials::new(login.basic.clone(), origin));
        self.wire
            .ask(&Question {
                call: UpstreamCall::Token,
                outgoing,
                login: login.map(|login| login.fingerprint.clone()),
            })
            .await
    }

    async fn keep(&self, key: TokenKey, granted: Granted) -> Result<Held, SourceError> {
        let host = granted.reply.url.host_str().unwrap_or_default().to_owned();
        let read = granted.reply.body.read_capped(MAX_DOCUMENT_BYTES).await;
        let document = read.map_err(|error| failure::of_body(&error, &host))?;
        let unusable = || SourceError::Unavailable {
            why: format!("the token service at {host} gave no token"),
            retry_after: None,
        };
        let token = Token::parse(&document).map_err(|_| unusable())?;
        lock(&self.tokens)
            .keep(key, &token, self.clock.monotonic())
            .ok_or_else(unusable)
    }

    /// Lets a refused login rest, and says so aloud: as often as it is shown again, which is seldom.
    fn note_refused(&self, login: &Login, refusal: &Refusal) {
        let status = refusal.status.as_u16();
        warn!(upstream = %self.name, status, "the token service refuses our credentials");
        // 403 is about the repository (GHCR, GitLab); 401 is about us.
        if refusal.status == StatusCode::UNAUTHORIZED {
            let until = self.clock.monotonic() + REFUSED_LOGIN_REST;
            *lock(&self.resting) = Some((login.fingerprint.clone(), until));
        }
    }

    fn is_resting(&self, login: &Fingerprint) -> bool {
        let now = self.clock.monotonic();
        lock(&self.resting)
            .as_ref()
            .is_some_and(|(resting, until)| resting == login && now < *until)
    }
}

/// A token request's side of a flight; however it ends, the next who asks begins a new one.
struct Flying {
    authority: Arc<Authority>,
    key: TokenKey,
    landed: Option<oneshot::Sender<Result<Held, SourceError>>>,
}

impl Flying {
    fn land(&mut self, answer: Result<Held, SourceError>) {
        lock(&self.authority.flights).remove(&self.key);
        if let Some(landed) = self.landed.take() {
            // Nobody may be waiting any more; the token is kept all the same.
            let _ = landed.send(answer);
        }
    }
}

impl Drop for Flying {
    fn drop(&mut self) {
        if self.landed.is_some() {
            lock(&self.authority.flights).remove(&self.key);
        }
    }
}

/// A token service's refusal: of us, or trouble of its own. Never an absence, whatever its status.
fn of_token_refusal(refusal: &Refusal) -> SourceError {
    match refusal.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => SourceError::Unauthorized,
        status => SourceError::Unavailable {
            why: format!(
                "of its token service: {}",
                failure::answered(status, &refusal.body)
            ),
            retry_after: None,
        },
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What these locks guard is whole between any two statements that can panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

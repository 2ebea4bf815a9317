//! Gets leave from an upstream: answers its challenges, fetches tokens, and renews what was refused.
//!
//! Nothing is assumed before the first challenge, which the first request fetches for all; afterwards it is remembered, so
//! that a new repository costs one token request and no refused one.

mod flight;
mod logins;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use forebay_content::{Clock, SourceError, lock};
use forebay_http_kit::{Credentials, Origin};
use forebay_jobs::Supervisor;
use forebay_oci::{RepositoryName, UpstreamName};
use http::{HeaderMap, StatusCode};
use tokio::sync::OwnedMutexGuard;

use crate::broker::Broker;
use crate::exchange::Urgency;
use crate::leave::Known;
use crate::login::{Fingerprint, Login};
use crate::news;
use crate::realm::TokenHosts;
use crate::token_cache::{Held, MAX_TOKENS, TokenCache, TokenKey, pull_scope};
use crate::wire::Wire;
use flight::Flight;
use logins::Logins;

/// How long a request waits for the very first one to come back, which may bring a challenge for all.
const FIRST_WAIT: Duration = Duration::from_secs(1);

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
    was_asked: AtomicBool,
    first: Arc<tokio::sync::Mutex<()>>,
    tokens: Mutex<TokenCache>,
    // As many as there are requests that wait for them at most.
    flights: Mutex<HashMap<TokenKey, Flight>>,
    logins: Mutex<Logins>,
    /// Held while a login is shown that was not taken yet: if it is wrong, it fails once and not as often as there are scopes.
    proof: Arc<tokio::sync::Mutex<()>>,
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
#[derive(Debug)]
pub(crate) struct Grant {
    /// Bound to the registry's origin.
    pub(crate) credentials: Option<Credentials>,
    basis: Basis,
}

/// What a grant rests on.
#[derive(Debug)]
enum Basis {
    /// Nobody has asked us for anything yet. Who holds a turn is the first to ask, and the others wait for it.
    Unchallenged { _turn: Option<OwnedMutexGuard<()>> },
    /// Name and password. Who holds the proof is the first to show them, and the others wait for what comes of it.
    Login {
        login: Fingerprint,
        _proof: Option<OwnedMutexGuard<()>>,
    },
    /// A token; `is_new` if it came after this request had asked for it.
    Token {
        key: TokenKey,
        number: u64,
        is_new: bool,
    },
}

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
            was_asked: AtomicBool::new(false),
            first: Arc::default(),
            tokens: Mutex::new(TokenCache::new(MAX_TOKENS)),
            flights: Mutex::default(),
            logins: Mutex::default(),
            proof: Arc::default(),
        }
    }

    /// Lets a login rest that was refused to `before`, for the same registry.
    pub(crate) fn inherit(&self, before: &Self) {
        let logins = lock(&before.logins).clone();
        *lock(&self.logins) = logins;
    }

    /// Our login, if it never becomes another.
    pub(crate) fn only_login(&self) -> Option<Fingerprint> {
        match &self.broker {
            Broker::Fixed(login) => Some(login.fingerprint.clone()),
            Broker::Nobody | Broker::Fetched(_) => None,
        }
    }

    /// The leave to begin with.
    pub(crate) async fn grant(
        self: &Arc<Self>,
        repository: &RepositoryName,
        urgency: Urgency,
    ) -> Result<Grant, SourceError> {
        let turn = self.wait_for_the_first().await;
        let known = lock(&self.known).clone();
        match known {
            Some(known) => self.grant_for(known, repository, urgency).await,
            None => Ok(Grant {
                credentials: None,
                basis: Basis::Unchallenged { _turn: turn },
            }),
        }
    }

    /// Takes note that a request came back, whatever it brought: from now on nobody waits for another's.
    pub(crate) fn note_asked(&self) {
        self.was_asked.store(true, Ordering::Relaxed);
    }

    /// Takes note that this leave was enough.
    pub(crate) fn note_granted(&self, grant: &Grant, repository: &RepositoryName) {
        if let Basis::Login { login, .. } = &grant.basis {
            let repository = Some(repository.as_str());
            lock(&self.logins).note_accepted(login, repository);
        }
    }

    /// Lets one request go first and the others wait for what it finds, a little; `Some` for the one.
    async fn wait_for_the_first(&self) -> Option<OwnedMutexGuard<()>> {
        if self.was_asked.load(Ordering::Relaxed) {
            return None;
        }
        let turn = tokio::select! {
            biased;
            turn = Arc::clone(&self.first).lock_owned() => turn,
            () = async { self.clock.sleep(FIRST_WAIT).await } => return None,
        };
        (!self.was_asked.load(Ordering::Relaxed)).then_some(turn)
    }

    /// Another leave after `refused` was answered with 401 (or, by a registry that takes logins, 403); `None` if there is none.
    pub(crate) async fn grant_after(
        self: &Arc<Self>,
        (refused, headers): (Grant, &HeaderMap),
        repository: &RepositoryName,
        urgency: Urgency,
    ) -> Result<Option<Grant>, SourceError> {
        if let Some(known) = Known::of(headers, &self.hosts, &self.name)? {
            let is_news = lock(&self.known).replace(known.clone()).as_ref() != Some(&known);
            if is_news || matches!(refused.basis, Basis::Unchallenged { .. }) {
                // Before the token is fetched: who waits for the challenge need not wait for that.
                drop(refused);
                let grant = self.grant_for(known, repository, urgency).await;
                return grant.map(Some);
            }
        }
        match refused.basis {
            Basis::Unchallenged { .. } => Ok(None),
            Basis::Token {
                key,
                number,
                is_new,
            } => {
                // A new one too: whoever asks next would show it in vain, and need another.
                lock(&self.tokens).drop_refused(&key, number);
                if is_new {
                    return Ok(None);
                }
                self.grant(repository, urgency).await.map(Some)
            }
            Basis::Login { ref login, .. } => self.renew_login(login, repository).await,
        }
    }

    /// True if a 403 may be a login that has run out: ECR answers so.
    pub(crate) fn may_have_expired(&self, grant: &Grant) -> bool {
        matches!(grant.basis, Basis::Login { .. }) && self.broker.can_renew()
    }

    async fn grant_for(
        self: &Arc<Self>,
        known: Known,
        repository: &RepositoryName,
        urgency: Urgency,
    ) -> Result<Grant, SourceError> {
        let login = self.broker.current().await?;
        match known {
            Known::Basic => match login {
                Some(login) => self.show_login(&login, repository).await,
                None => Err(SourceError::Unauthorized),
            },
            Known::Bearer { realm, service } => {
                let key = TokenKey {
                    login: login.as_ref().map(|login| login.fingerprint.clone()),
                    realm: realm.as_str().into(),
                    service,
                    scope: pull_scope(repository),
                };
                let kept = lock(&self.tokens).find(&key, self.clock.monotonic());
                let is_new = kept.is_none();
                let held = match kept {
                    Some(held) => held,
                    None => self.join_flight(&key, &(realm, urgency), login).await?,
                };
                Ok(self.token_grant(key, held, is_new))
            }
        }
    }

    /// Leave by name and password, or by newer ones in the place of some that were refused.
    async fn show_login(
        &self,
        login: &Login,
        repository: &RepositoryName,
    ) -> Result<Grant, SourceError> {
        let proof = self.wait_for_proof(login).await;
        // After the wait, in which another may have found out.
        if self.is_resting(login, Some(repository)) {
            let newer = self.newer_login(&login.fingerprint).await?;
            let newer = newer.ok_or(SourceError::Unauthorized)?;
            return Ok(self.login_grant(&newer, proof));
        }
        Ok(self.login_grant(login, proof))
    }

    /// Waits while another shows a login that was not taken yet; `None` for one that was.
    async fn wait_for_proof(&self, login: &Login) -> Option<OwnedMutexGuard<()>> {
        let is_accepted = || lock(&self.logins).is_accepted(&login.fingerprint);
        if is_accepted() {
            return None;
        }
        let proof = Arc::clone(&self.proof).lock_owned().await;
        (!is_accepted()).then_some(proof)
    }

    async fn renew_login(
        &self,
        refused: &Fingerprint,
        repository: &RepositoryName,
    ) -> Result<Option<Grant>, SourceError> {
        if let Some(newer) = self.newer_login(refused).await? {
            return Ok(Some(self.login_grant(&newer, None)));
        }
        self.note_refused_login(refused, Some(repository));
        Ok(None)
    }

    /// A login other than this one that may be shown.
    async fn newer_login(&self, than: &Fingerprint) -> Result<Option<Arc<Login>>, SourceError> {
        let newer = self.broker.renew(than).await?;
        Ok(newer.filter(|newer| !self.is_resting(newer, None)))
    }

    /// Lets a refused login rest, and says so aloud: as often as it is shown again, which is seldom.
    /// `repository` is for which one, or `None` for a token.
    fn note_refused_login(&self, login: &Fingerprint, repository: Option<&RepositoryName>) {
        let (now, status) = (self.clock.monotonic(), StatusCode::UNAUTHORIZED.as_u16());
        let at = repository.map_or("token service", |_| "registry");
        let repository = repository.map(RepositoryName::as_str);
        let refused = lock(&self.logins).note_refused(login, repository, now);
        if let Some((times, rest)) = refused {
            news::login_refused(&self.name, (at, status), (times, rest));
            self.wire.tell_refused_login(rest);
        }
    }

    fn is_resting(&self, login: &Login, repository: Option<&RepositoryName>) -> bool {
        let now = self.clock.monotonic();
        let repository = repository.map(RepositoryName::as_str);
        lock(&self.logins).is_resting(&login.fingerprint, repository, now)
    }

    fn login_grant(&self, login: &Login, proof: Option<OwnedMutexGuard<()>>) -> Grant {
        Grant {
            credentials: self.bind(login.basic.clone()),
            basis: Basis::Login {
                login: login.fingerprint.clone(),
                _proof: proof,
            },
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

#[cfg(test)]
mod tests;

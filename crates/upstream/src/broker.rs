//! Knows who we are at an upstream, and finds out anew when that is no longer true.
//!
//! A login from a config file never changes; one from AWS is fetched when it is first needed, by one for all who wait, and
//! again when it is old or was refused.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use forebay_content::{Clock, SourceError};
use tokio::sync::Mutex;
use tracing::warn;

use crate::aws::{EcrLogin, SecretLogin};
use crate::config::CredentialSource;
use crate::login::{Fingerprint, Login};

/// A fetched login is fetched again after this at the latest: secrets are rotated.
const MAX_AGE: Duration = Duration::from_hours(1);
/// A fetched login is used at least so long, also where its expiry is past already.
const MIN_AGE: Duration = Duration::from_mins(1);
/// A refused login is fetched again at most so often.
const RENEWAL_PAUSE: Duration = Duration::from_mins(1);
/// After a failed fetch nobody fetches for this long.
const FAILURE_PAUSE: Duration = Duration::from_secs(10);

/// Fetches a login from where it is kept.
#[async_trait]
pub(crate) trait FetchLogin: Send + Sync {
    /// The login, and for how long it is good if that is known.
    async fn fetch(&self) -> Result<(Login, Option<Duration>), SourceError>;
}

/// Who we are.
pub(crate) enum Broker {
    /// Nobody.
    Nobody,
    /// Always the same.
    Fixed(Arc<Login>),
    /// Whoever the fetched login says.
    Fetched(Box<Fetched>),
}

/// A login that is fetched.
pub(crate) struct Fetched {
    fetch: Box<dyn FetchLogin>,
    clock: Arc<dyn Clock>,
    // A lock across the fetch: whoever comes meanwhile waits for its outcome; if the fetcher leaves, the next one fetches.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: Option<Known>,
    failure: Option<(SourceError, Duration)>,
}

#[derive(Clone)]
struct Known {
    login: Arc<Login>,
    since: Duration,
    until: Duration,
}

impl Broker {
    /// Whoever the configuration says that we are.
    pub(crate) fn of(credentials: CredentialSource, clock: &Arc<dyn Clock>) -> Self {
        match credentials {
            CredentialSource::Anonymous => Self::Nobody,
            CredentialSource::Password { username, secret } => {
                Self::Fixed(Arc::new(Login::new(&username, &secret)))
            }
            CredentialSource::AwsSecret {
                id,
                region,
                endpoint,
                access,
            } => {
                let login = SecretLogin::new((id, &region), endpoint.as_ref(), &access);
                Self::Fetched(Box::new(Fetched::new(Box::new(login), Arc::clone(clock))))
            }
            CredentialSource::Ecr {
                account,
                region,
                endpoint,
                access,
            } => {
                let of = (account, region.as_str());
                let login = EcrLogin::new(of, endpoint.as_ref(), &access, Arc::clone(clock));
                Self::Fetched(Box::new(Fetched::new(Box::new(login), Arc::clone(clock))))
            }
        }
    }

    /// The login to use now; `None` for nobody's.
    pub(crate) async fn current(&self) -> Result<Option<Arc<Login>>, SourceError> {
        match self {
            Self::Nobody => Ok(None),
            Self::Fixed(login) => Ok(Some(Arc::clone(login))),
            Self::Fetched(fetched) => fetched.current().await.map(Some),
        }
    }

    /// A login other than the one that was refused, if there is one.
    pub(crate) async fn renew(
        &self,
        refused: &Fingerprint,
    ) -> Result<Option<Arc<Login>>, SourceError> {
        match self {
            Self::Nobody | Self::Fixed(_) => Ok(None),
            Self::Fetched(fetched) => fetched.renew(refused).await,
        }
    }

    /// True if a refused login may be followed by another.
    pub(crate) fn can_renew(&self) -> bool {
        matches!(self, Self::Fetched(_))
    }
}

impl Fetched {
    /// Nothing is fetched before it is needed.
    pub(crate) fn new(fetch: Box<dyn FetchLogin>, clock: Arc<dyn Clock>) -> Self {
        Self {
            fetch,
            clock,
            state: Mutex::default(),
        }
    }

    async fn current(&self) -> Result<Arc<Login>, SourceError> {
        let mut state = self.state.lock().await;
        let now = self.clock.monotonic();
        if let Some(known) = state.known.as_ref().filter(|known| now < known.until) {
            return Ok(Arc::clone(&known.login));
        }
        match (self.fetch_into(&mut state).await, &state.known) {
            (Ok(login), _) => Ok(login),
            // What is old is likely to be good still; if it is not, the registry will say so.
            (Err(_), Some(known)) => Ok(Arc::clone(&known.login)),
            (Err(error), None) => Err(error),
        }
    }

    async fn renew(&self, refused: &Fingerprint) -> Result<Option<Arc<Login>>, SourceError> {
        let mut state = self.state.lock().await;
        let now = self.clock.monotonic();
        if let Some(known) = &state.known {
            if known.login.fingerprint != *refused {
                return Ok(Some(Arc::clone(&known.login)));
            }
            if now < known.since + RENEWAL_PAUSE {
                return Ok(None);
            }
        }
        let login = self.fetch_into(&mut state).await?;
        Ok(Some(login).filter(|login| login.fingerprint != *refused))
    }

    async fn fetch_into(&self, state: &mut State) -> Result<Arc<Login>, SourceError> {
        let now = self.clock.monotonic();
        if let Some((error, until)) = &state.failure
            && now < *until
        {
            return Err(error.clone());
        }
        match self.fetch.fetch().await {
            Ok((login, good_for)) => {
                let login = Arc::new(login);
                let age = good_for.unwrap_or(MAX_AGE).clamp(MIN_AGE, MAX_AGE);
                *state = State {
                    known: Some(Known {
                        login: Arc::clone(&login),
                        since: now,
                        until: now + age,
                    }),
                    failure: None,
                };
                Ok(login)
            }
            Err(error) => {
                warn!(%error, "the upstream's credentials cannot be fetched");
                state.failure = Some((error.clone(), now + FAILURE_PAUSE));
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests;

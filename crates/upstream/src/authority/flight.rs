//! Token requests: one for all who wait for the same token.
//!
//! It is a task of its own, so that whoever began it may leave.

use std::sync::Arc;
use std::time::Duration;

use forebay_content::{SourceError, UpstreamCall};
use forebay_http_kit::{Credentials, Origin, Outgoing, Redirects};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use http::{Method, StatusCode};
use tokio::sync::oneshot;
use tracing::warn;
use url::Url;

use super::{Authority, lock};
use crate::exchange::{Granted, Heard, Question, Refusal};
use crate::failure;
use crate::login::{Fingerprint, Login};
use crate::token::{MAX_DOCUMENT_BYTES, Token};
use crate::token_cache::{Held, TokenKey};

/// A login that the token service refused (401) is not shown to it again for this long: failed logins are counted, and
/// too many lock the account (Docker Hub's third limiter).
const REFUSED_LOGIN_REST: Duration = Duration::from_mins(1);

/// A token request that is under way.
pub(super) type Flight = Shared<BoxFuture<'static, Result<Held, SourceError>>>;

impl Authority {
    /// Waits for the token request that is under way, or begins it.
    pub(super) async fn join_flight(
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
            let fetch = authority.fetch(flying.key.clone(), realm, login);
            tokio::select! {
                answer = fetch => flying.land(answer),
                () = flying.unwanted() => {}
            }
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
                repository: key.scope.as_str().into(),
                about: None,
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
    /// Resolves when the program is stopping and nobody waits any more: a token service that hangs must not keep a successor
    /// from serving what is warm.
    async fn unwanted(&mut self) {
        self.authority.supervisor.stopping().await;
        lock(&self.authority.flights).remove(&self.key);
        match &mut self.landed {
            Some(landed) => landed.closed().await,
            None => std::future::pending().await,
        }
    }

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

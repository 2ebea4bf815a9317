//! Token requests: one for all who wait for the same token.
//!
//! It is a task of its own, so that whoever began it may leave.

use std::sync::Arc;

use forebay_content::SourceError;
use forebay_limits::Priority;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use http::StatusCode;
use tokio::sync::oneshot;
use tracing::warn;
use url::Url;

use super::{Authority, lock};
use crate::exchange::{Granted, Heard, Refusal, Urgency};
use crate::leave::{host_of, no_token, of_token_refusal, read_token, token_question};
use crate::login::Login;
use crate::token_cache::{Held, TokenKey};

/// How often one who waits for a token begins anew, or joins another who does, after the pace had no turn for one that could wait
/// less.
const MAX_FLIGHTS: usize = 3;

/// The token, and the question that it is for.
const TOKEN_AND_QUESTION: usize = 2;

/// Where a token is asked for, and how urgently: as the question that it is for.
pub(super) type Errand = (Url, Urgency);

/// A token request that is under way.
#[derive(Clone)]
pub(super) struct Flight {
    urgency: Urgency,
    landing: Shared<BoxFuture<'static, Result<Held, SourceError>>>,
    /// Which it is: another may begin under its key.
    mark: Arc<()>,
}

/// How one comes by a token.
enum Way {
    Here(Held),
    Flight(Flight),
}

impl Authority {
    /// Waits for the token request that is under way, or begins it.
    pub(super) async fn join_flight(
        self: &Arc<Self>,
        key: &TokenKey,
        errand: &Errand,
        login: Option<Arc<Login>>,
    ) -> Result<Held, SourceError> {
        for _ in 1..MAX_FLIGHTS {
            let flight = match self.find_way(key, errand, login.as_ref())? {
                Way::Here(held) => return Ok(held),
                Way::Flight(flight) => flight,
            };
            match flight.landing.await {
                Err(SourceError::Paced { .. }) if errand.1.is_greater_than(&flight.urgency) => {}
                landed => return landed,
            }
        }
        match self.find_way(key, errand, login.as_ref())? {
            Way::Here(held) => Ok(held),
            Way::Flight(flight) => flight.landing.await,
        }
    }

    /// Where the token is, or who brings it.
    fn find_way(
        self: &Arc<Self>,
        key: &TokenKey,
        errand: &Errand,
        login: Option<&Arc<Login>>,
    ) -> Result<Way, SourceError> {
        let mut flights = lock(&self.flights);
        // Looked up again under the lock: the flight that was missed may have landed in between.
        if let Some(held) = lock(&self.tokens).find(key, self.clock.monotonic()) {
            return Ok(Way::Here(held));
        }
        if let Some(flight) = flights.get(key) {
            return Ok(Way::Flight(flight.clone()));
        }
        // A client's token is of no use without a turn for its question. What nobody waits for comes again, and finds it.
        if errand.1.priority == Priority::Interactive {
            self.wire.find_room(TOKEN_AND_QUESTION, errand.1)?;
        }
        let flight = self.begin_flight(key, errand.clone(), login.cloned());
        flights.insert(key.clone(), flight.clone());
        Ok(Way::Flight(flight))
    }

    fn begin_flight(
        self: &Arc<Self>,
        key: &TokenKey,
        errand: Errand,
        login: Option<Arc<Login>>,
    ) -> Flight {
        let (landed, landing) = oneshot::channel();
        let mut flying = Flying {
            authority: Arc::clone(self),
            key: key.clone(),
            mark: Arc::default(),
            landed: Some(landed),
        };
        let (mark, urgency) = (Arc::clone(&flying.mark), errand.1);
        self.supervisor.spawn("token", async move {
            let authority = Arc::clone(&flying.authority);
            let fetch = authority.fetch(flying.key.clone(), errand, login);
            tokio::select! {
                answer = fetch => flying.land(answer),
                () = flying.unwanted() => {}
            }
        });
        let landing = landing
            .map(|answer| answer.unwrap_or_else(|lost| Err(SourceError::internal(lost))))
            .boxed()
            .shared();
        Flight {
            urgency,
            landing,
            mark,
        }
    }

    async fn fetch(
        &self,
        key: TokenKey,
        errand: Errand,
        login: Option<Arc<Login>>,
    ) -> Result<Held, SourceError> {
        let (key, login) = self.unless_resting(key, login).await?;
        let heard = self.ask_for_token(&key, &errand, login.as_deref()).await?;
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
            let key = with_login(key, &newer);
            if let Heard::Reply(granted) = self.ask_for_token(&key, &errand, Some(&newer)).await? {
                return self.keep(key, *granted).await;
            }
        }
        Err(of_token_refusal(&refusal))
    }

    /// The login to show: the one that was found, or a newer one in the place of one that was refused.
    async fn unless_resting(
        &self,
        key: TokenKey,
        login: Option<Arc<Login>>,
    ) -> Result<(TokenKey, Option<Arc<Login>>), SourceError> {
        let Some(resting) = login.as_ref().filter(|login| self.is_resting(login, None)) else {
            return Ok((key, login));
        };
        let newer = self.newer_login(&resting.fingerprint).await?;
        let newer = newer.ok_or(SourceError::Unauthorized)?;
        Ok((with_login(key, &newer), Some(newer)))
    }

    /// Asks, and takes note of what the answer says of the login.
    async fn ask_for_token(
        &self,
        key: &TokenKey,
        errand: &Errand,
        login: Option<&Login>,
    ) -> Result<Heard, SourceError> {
        let Some(login) = login else {
            return self.send_for_token(key, errand, None).await;
        };
        let _proof = self.wait_for_proof(login).await;
        // After the wait, in which another may have found out.
        if self.is_resting(login, None) {
            return Err(SourceError::Unauthorized);
        }
        let heard = self.send_for_token(key, errand, Some(login)).await?;
        match &heard {
            Heard::Reply(_) => lock(&self.logins).note_accepted(&login.fingerprint, None),
            Heard::Refusal(refusal) => self.note_refusal(login, refusal),
        }
        Ok(heard)
    }

    async fn send_for_token(
        &self,
        key: &TokenKey,
        (realm, urgency): &Errand,
        login: Option<&Login>,
    ) -> Result<Heard, SourceError> {
        let service = (realm, key.service.as_deref());
        let question = token_question(service, Some(&key.scope), login, *urgency);
        self.wire.ask(&question).await
    }

    async fn keep(&self, key: TokenKey, granted: Granted) -> Result<Held, SourceError> {
        let host = host_of(&granted);
        let token = read_token(granted).await?;
        lock(&self.tokens)
            .keep(key, &token, self.clock.monotonic())
            .ok_or_else(|| no_token(&host))
    }

    fn note_refusal(&self, login: &Login, refusal: &Refusal) {
        match refusal.status {
            StatusCode::UNAUTHORIZED => {
                self.note_refused_login(&login.fingerprint, None);
            }
            // About the repository (GHCR, GitLab), not about us.
            StatusCode::FORBIDDEN => {
                warn!(upstream = %self.name, status = 403, "the token service refuses us a repository");
            }
            _ => {}
        }
    }
}

fn with_login(key: TokenKey, login: &Login) -> TokenKey {
    TokenKey {
        login: Some(login.fingerprint.clone()),
        ..key
    }
}

/// A token request's side of a flight; however it ends, the next who asks begins a new one.
struct Flying {
    authority: Arc<Authority>,
    key: TokenKey,
    mark: Arc<()>,
    landed: Option<oneshot::Sender<Result<Held, SourceError>>>,
}

impl Flying {
    /// Resolves when the program is stopping and nobody waits any more: a token service that hangs must not keep a successor
    /// from serving what is warm.
    async fn unwanted(&mut self) {
        self.authority.supervisor.stopping().await;
        self.remove();
        match &mut self.landed {
            Some(landed) => landed.closed().await,
            None => std::future::pending().await,
        }
    }

    fn land(&mut self, answer: Result<Held, SourceError>) {
        self.remove();
        if let Some(landed) = self.landed.take() {
            // Nobody may be waiting any more; the token is kept all the same.
            let _ = landed.send(answer);
        }
    }

    fn remove(&self) {
        let mut flights = lock(&self.authority.flights);
        let flight = flights.get(&self.key);
        if flight.is_some_and(|flight| Arc::ptr_eq(&flight.mark, &self.mark)) {
            flights.remove(&self.key);
        }
    }
}

impl Drop for Flying {
    fn drop(&mut self) {
        if self.landed.is_some() {
            self.remove();
        }
    }
}

//! Clients' own rights at an upstream, remembered for a while, so that a pull of an image costs one question and not twenty.
//!
//! Only the upstream's own word gives a right, and only until its time is over; while the upstream cannot be asked nothing new is
//! given. Questions of one client about one repository at the same time are one question.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use forebay_content::{
    ClientLogin, ClientRight, ClientRights, ClientVisit, Clock, Request, Sought, SourceError,
};
use forebay_limits::{Limited, Limiter};
use forebay_oci::RepositoryName;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use tokio::sync::Semaphore;

use crate::attempts::Attempts;
use crate::random::{NoRandomness, Random};
use crate::verdicts::{Handle, Verdicts};

/// How many logins that were never seen to work are shown at once: what comes of these counts before the next.
const MAX_UNPROVEN: usize = 4;

/// How often one who waited with others for an answer about something else asks anew.
const MAX_FLIGHTS: usize = 8;

/// Flights that nobody waits for any more are cleared away when there are so many.
const MAX_LANDED: usize = 1_024;

/// What a source of rights has said, remembered.
pub struct RememberedRights {
    state: Arc<State>,
    flights: Mutex<HashMap<FlightKey, WeakShared<Flight>>>,
}

struct State {
    asked: Arc<dyn ClientRights>,
    clock: Arc<dyn Clock>,
    verdicts: Verdicts,
    attempts: Mutex<Attempts>,
    unproven: Semaphore,
}

/// Whose question about which repository, or about the login itself.
type FlightKey = (Handle, Option<RepositoryName>);

/// A question that is under way; it goes on as long as somebody waits for it, and so long its credential is in memory.
type Flight = BoxFuture<'static, Landed>;

/// What came of it, and what was sought.
#[derive(Clone)]
struct Landed {
    sought: Option<Sought>,
    answer: Result<ClientRight, SourceError>,
}

/// A question.
#[derive(Clone)]
enum Question {
    Login(ClientVisit, ClientLogin),
    Right(Box<Request>, Option<ClientLogin>, Sought),
}

impl RememberedRights {
    /// Remembers rights that `asked` says are given for `given_for`, and what it refuses for half a minute at
    /// most.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn new(
        asked: Arc<dyn ClientRights>,
        given_for: Duration,
        clock: Arc<dyn Clock>,
        random: &dyn Random,
    ) -> Result<Self, NoRandomness> {
        Ok(Self {
            state: Arc::new(State {
                asked,
                clock,
                verdicts: Verdicts::new(given_for, random)?,
                attempts: Mutex::default(),
                unproven: Semaphore::new(MAX_UNPROVEN),
            }),
            flights: Mutex::default(),
        })
    }

    /// Waits for the question that is under way, or puts it.
    async fn join(&self, key: FlightKey, question: Question) -> Landed {
        let flight = self.find_flight(key, question);
        flight.await
    }

    fn find_flight(&self, key: FlightKey, question: Question) -> Shared<Flight> {
        let mut flights = lock(&self.flights);
        let under_way = flights.get(&key).and_then(WeakShared::upgrade);
        if let Some(flight) = under_way.filter(|flight| flight.peek().is_none()) {
            return flight;
        }
        if flights.len() >= MAX_LANDED {
            flights.retain(|_, flight| flight.upgrade().is_some());
        }
        let state = Arc::clone(&self.state);
        let who = key.0;
        let flight = async move { state.put(who, question).await };
        let flight = flight.boxed().shared();
        flights.extend(flight.downgrade().map(|weak| (key, weak)));
        flight
    }
}

#[async_trait]
impl ClientRights for RememberedRights {
    async fn check_login(
        &self,
        visit: &ClientVisit,
        login: &ClientLogin,
    ) -> Result<ClientRight, SourceError> {
        let State {
            verdicts, clock, ..
        } = &*self.state;
        let who = verdicts.whose(Some(login));
        if let Some(right) = verdicts.find_login(who, clock.monotonic()) {
            return Ok(right);
        }
        let question = Question::Login(visit.clone(), login.clone());
        self.join((who, None), question).await.answer
    }

    async fn check_right(
        &self,
        request: &Request,
        login: Option<&ClientLogin>,
        sought: &Sought,
    ) -> Result<ClientRight, SourceError> {
        let State {
            verdicts, clock, ..
        } = &*self.state;
        let who = verdicts.whose(login);
        let repository = &request.repository;
        for _ in 0..MAX_FLIGHTS {
            let known = verdicts.find_right(who, (repository, sought), clock.monotonic());
            if let Some(right) = known {
                return Ok(right);
            }
            let question =
                Question::Right(Box::new(request.clone()), login.cloned(), sought.clone());
            let key = (who, Some(repository.clone()));
            let landed = self.join(key, question).await;
            match landed.answer {
                // Of something else that was sought: it says nothing of this.
                Ok(ClientRight::Absent(_)) if landed.sought.as_ref() != Some(sought) => {}
                answer => return answer,
            }
        }
        Err(SourceError::Busy)
    }
}

impl State {
    /// Puts a question, unless others' have answered it or too many logins have failed, and takes note of what came of it.
    async fn put(&self, who: Handle, question: Question) -> Landed {
        let sought = match &question {
            Question::Login(..) => None,
            Question::Right(_, _, sought) => Some(sought.clone()),
        };
        let name = question.login().map(|login| self.verdicts.name_of(login));
        let unproven = name.filter(|_| !self.verdicts.is_proven(who));
        let _turn = match unproven {
            Some(_) => self.unproven.acquire().await.ok(),
            None => None,
        };
        if let Some(name) = unproven
            && let Some(answer) = self.find_answer(who, name, &question)
        {
            return Landed { sought, answer };
        }
        let began = self.clock.monotonic();
        let answer = self.ask(&question).await;
        if let Some(name) = name.filter(|_| is_failed_login(&answer)) {
            lock(&self.attempts).note_failed(name, self.clock.monotonic());
        }
        if let Ok(right) = answer {
            match &question {
                Question::Login(..) => self.verdicts.keep_login(who, right, began),
                Question::Right(request, _, sought) => {
                    let about = (&request.repository, sought);
                    self.verdicts.keep_right(who, about, right, began);
                }
            }
        }
        Landed { sought, answer }
    }

    /// The answer to a question with a login that was never seen to work, if it has one without being put: after the wait for a
    /// turn, in which another may have found out.
    fn find_answer(
        &self,
        who: Handle,
        name: Handle,
        question: &Question,
    ) -> Option<Result<ClientRight, SourceError>> {
        let now = self.clock.monotonic();
        let known = match question {
            Question::Login(..) => self.verdicts.find_login(who, now),
            Question::Right(request, _, sought) => {
                let about = (&request.repository, sought);
                self.verdicts.find_right(who, about, now)
            }
        };
        if let Some(right) = known {
            return Some(Ok(right));
        }
        let retry_after = lock(&self.attempts).wait_for(name, now)?;
        // It is likely to be wrong still, which tells whoever sent it more than that it is early.
        if self.verdicts.was_wrong(who) {
            return Some(Ok(ClientRight::WrongLogin));
        }
        // As the upstream would say a little later, to everybody of that name.
        let limited = Limited::by(Limiter::LoginLockout);
        Some(Err(SourceError::Limited {
            limited,
            retry_after,
        }))
    }

    async fn ask(&self, question: &Question) -> Result<ClientRight, SourceError> {
        match question {
            Question::Login(visit, login) => self.asked.check_login(visit, login).await,
            Question::Right(request, login, sought) => {
                self.asked
                    .check_right(request, login.as_ref(), sought)
                    .await
            }
        }
    }
}

impl Question {
    fn login(&self) -> Option<&ClientLogin> {
        match self {
            Self::Login(_, login) => Some(login),
            Self::Right(_, login, _) => login.as_ref(),
        }
    }
}

/// True if a registry may have counted it as a failed login.
fn is_failed_login(answer: &Result<ClientRight, SourceError>) -> bool {
    match answer {
        Ok(ClientRight::Refused { is_login_good }) => !is_login_good,
        Ok(right) => *right == ClientRight::WrongLogin,
        Err(SourceError::Limited { limited, .. }) => limited.limiter == Limiter::LoginLockout,
        Err(_) => false,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What these locks guard is whole between any two statements that can panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for RememberedRights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RememberedRights").finish_non_exhaustive()
    }
}

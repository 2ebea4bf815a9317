//! Clients' own rights at an upstream, remembered for a while, so that a pull of an image costs one question and not twenty.
//!
//! Only the upstream's own word gives a right, and only until its time is over; while the upstream cannot be asked nothing new is
//! given. Questions of one client about one repository at the same time are one question.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use forebay_content::{
    Caller, ClientLogin, ClientRight, ClientRights, ClientVisit, Clock, Request, Sought,
    SourceError, Standing, lock,
};
use forebay_oci::RepositoryName;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};

use crate::client_logins::{ClientLogins, Shown};
use crate::handle::Handle;
use crate::held_table::HeldTable;
use crate::verdicts::Verdicts;

/// How often one who waited with others for an answer about something else asks anew.
const MAX_FLIGHTS: usize = 8;

/// What a source of rights has said, remembered.
pub struct RememberedRights {
    state: Arc<State>,
    flights: Mutex<HeldTable<FlightKey, WeakShared<Flight>>>,
}

struct State {
    asked: Arc<dyn ClientRights>,
    clock: Arc<dyn Clock>,
    logins: Arc<ClientLogins>,
    verdicts: Verdicts,
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
    /// Remembers rights that `asked` says are given for `given_for`, and what it refuses for half a minute at most; `logins` are
    /// those that are known there.
    pub fn new(
        asked: Arc<dyn ClientRights>,
        given_for: Duration,
        clock: Arc<dyn Clock>,
        logins: Arc<ClientLogins>,
    ) -> Self {
        Self {
            state: Arc::new(State {
                asked,
                clock,
                logins,
                verdicts: Verdicts::new(given_for),
            }),
            flights: Mutex::new(HeldTable::new()),
        }
    }

    /// What is known of logins there, for whatever asks the same upstream after this.
    pub fn logins(&self) -> &Arc<ClientLogins> {
        &self.state.logins
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
        let state = Arc::clone(&self.state);
        let who = key.0;
        let flight = async move { state.put(who, question).await };
        let flight = flight.boxed().shared();
        if let Some(weak) = flight.downgrade() {
            flights.insert(key, weak, |flight| flight.upgrade().is_some());
        }
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
        let who = self.state.logins.handles.whose(Some(login));
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
        let who = self.state.logins.handles.whose(login);
        let repository = &request.repository;
        for _ in 0..MAX_FLIGHTS {
            let known = verdicts.find_right(who, (repository, sought), clock.monotonic());
            if let Some(right) = known {
                return Ok(self.state.as_proven(who, right));
            }
            let question =
                Question::Right(Box::new(request.clone()), login.cloned(), sought.clone());
            let key = (who, Some(repository.clone()));
            let landed = self.join(key, question).await;
            match landed.answer {
                // Of something else that was sought: it says nothing of this.
                Ok(ClientRight::Absent(_)) if landed.sought.as_ref() != Some(sought) => {}
                answer => return answer.map(|right| self.state.as_proven(who, right)),
            }
        }
        Err(SourceError::Busy)
    }
}

impl State {
    /// What is given to a login that has worked is given to whom it says, though this answer alone does not show that: everybody may
    /// pull a public image.
    fn as_proven(&self, who: Handle, right: ClientRight) -> ClientRight {
        let standing = || self.logins.standing(who, self.clock.monotonic());
        match right {
            ClientRight::Given {
                is_login_proven: false,
            } if standing() != Standing::Unproven => ClientRight::Given {
                is_login_proven: true,
            },
            right => right,
        }
    }

    async fn put(&self, who: Handle, question: Question) -> Landed {
        let sought = match &question {
            Question::Login(..) => None,
            Question::Right(_, _, sought) => Some(sought.clone()),
        };
        let answer = match question.login() {
            None => self.put_as_nobody(&question).await,
            Some(login) => {
                let shown = Shown {
                    who,
                    name: self.logins.handles.name_of(login),
                    from: question.caller().client.network(),
                };
                self.put_with_login(&shown, &question).await
            }
        };
        Landed { sought, answer }
    }

    async fn put_as_nobody(&self, question: &Question) -> Result<ClientRight, SourceError> {
        let began = self.clock.monotonic();
        let answer = self.ask(question, Standing::default()).await;
        self.keep(Handle::NOBODY, question, (&answer, began));
        answer
    }

    /// Puts a question when it is its login's turn, unless others' have answered it or too many logins have failed; takes note of
    /// what came of it.
    async fn put_with_login(
        &self,
        shown: &Shown,
        question: &Question,
    ) -> Result<ClientRight, SourceError> {
        let _turn = self.logins.turn(shown, &*self.clock).await;
        // After the wait, in which another may have found out.
        if let Some(right) = self.find(shown.who, question) {
            return Ok(right);
        }
        let trial = match self.logins.begin(shown, &*self.clock).await {
            Ok(trial) => trial,
            Err(retry_after) => return self.too_many_failed(shown, retry_after),
        };
        let began = self.clock.monotonic();
        let standing = self.logins.standing(shown.who, began);
        let answer = self.ask(question, standing).await;
        self.logins.note(trial, &answer);
        self.keep(shown.who, question, (&answer, began));
        answer
    }

    /// What a login is told that is not shown now.
    fn too_many_failed(
        &self,
        shown: &Shown,
        retry_after: Duration,
    ) -> Result<ClientRight, SourceError> {
        // It is likely to be wrong still, which tells whoever sent it more than that it is early.
        if self.verdicts.was_wrong(shown.who) {
            return Ok(ClientRight::WrongLogin);
        }
        Err(SourceError::LoginsFailed { retry_after })
    }

    fn find(&self, who: Handle, question: &Question) -> Option<ClientRight> {
        let now = self.clock.monotonic();
        match question {
            Question::Login(..) => self.verdicts.find_login(who, now),
            Question::Right(request, _, sought) => {
                let about = (&request.repository, sought);
                self.verdicts.find_right(who, about, now)
            }
        }
    }

    fn keep(
        &self,
        who: Handle,
        question: &Question,
        (answer, began): (&Result<ClientRight, SourceError>, Duration),
    ) {
        let Ok(right) = *answer else {
            return;
        };
        match question {
            Question::Login(..) => self.verdicts.keep_login(who, right, began),
            Question::Right(request, _, sought) => {
                let about = (&request.repository, sought);
                self.verdicts.keep_right(who, about, right, began);
            }
        }
    }

    async fn ask(
        &self,
        question: &Question,
        standing: Standing,
    ) -> Result<ClientRight, SourceError> {
        let known = |login: &ClientLogin| ClientLogin {
            standing,
            ..login.clone()
        };
        match question {
            Question::Login(visit, login) => self.asked.check_login(visit, &known(login)).await,
            Question::Right(request, login, sought) => {
                let login = login.as_ref().map(known);
                let right = self.asked.check_right(request, login.as_ref(), sought);
                right.await
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

    fn caller(&self) -> &Caller {
        match self {
            Self::Login(visit, _) => &visit.caller,
            Self::Right(request, ..) => &request.caller,
        }
    }
}

impl std::fmt::Debug for RememberedRights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RememberedRights").finish_non_exhaustive()
    }
}

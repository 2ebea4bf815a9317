//! One request to an upstream or its token service, with everything that is the same for all of them.
//!
//! The order is the rule: a turn at the registry's pace, a place in the lane, then the gate, then the request, then what its
//! answer says of limits and health, then perhaps another try. Who we are is `authority`'s business, what the answer holds the caller's.

mod admission;
mod budget;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use forebay_content::{
    Clock, Event, KeptBudget, KeptCoolDown, Observe, SourceError, UpstreamAnswer, UpstreamCall,
};
use forebay_http_kit::{Client, Origin, Reply, SendError};
use forebay_limits::{
    Answer, Dialect, Identity, Limited, Limiter, Reading, TooFast, classify,
    classify_malformed_head,
};
use forebay_oci::{DOCKER_HUB, UpstreamName};
use http::StatusCode;
use tracing::debug;

use crate::exchange::{
    Granted, Heard, Question, Refusal, host_kind, is_blob, method_of, read, read_start,
};
use crate::failure::Failure;
use crate::gate::{Caller, Gate, Outcome, Part, Rest, Scope, Subject, hash_of};
use crate::kept;
use crate::lanes::{Crowded, Lanes, Place};
use crate::login::Fingerprint;
use crate::news;
use crate::pacers::{Share, Turn};
use crate::patience::{Dice, wait_after};
use crate::recent::Recent;

use admission::Admission;

/// Docker Hub's own host, whatever the operator calls it.
const DOCKER_HUB_HOST: &str = "registry-1.docker.io";

/// The way to one upstream.
pub(crate) struct Wire {
    name: UpstreamName,
    /// Who we are there, in the words of reports.
    account: Option<Arc<str>>,
    origin: Option<Origin>,
    client: Client,
    clock: Arc<dyn Clock>,
    observe: Arc<dyn Observe>,
    gate: Mutex<Gate>,
    /// How many requests were sent about a repository, or for a scope of tokens.
    asked: Mutex<Recent<u64>>,
    share: Share,
    lanes: Lanes,
    dice: Dice,
    /// Whether we have said that the registry charges an address although we have an account.
    is_login_unused: AtomicBool,
    /// Whether we have said that pulls are limited, and not yet that they no longer are.
    is_pull_limit_told: AtomicBool,
}

/// What a way to an upstream is made of.
pub(crate) struct WireParts {
    pub(crate) name: UpstreamName,
    /// Who we are there, in the words of reports.
    pub(crate) account: Option<Arc<str>>,
    pub(crate) origin: Option<Origin>,
    pub(crate) client: Client,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observe: Arc<dyn Observe>,
    pub(crate) share: Share,
}

impl Wire {
    /// Asks nothing yet.
    pub(crate) fn new(parts: WireParts) -> Self {
        let WireParts {
            name,
            account,
            origin,
            client,
            clock,
            observe,
            share,
        } = parts;
        // Two upstreams, and two starts, wait differently.
        let seed = name
            .bytes()
            .fold(clock.now().0.unsigned_abs(), |seed, byte| {
                seed.wrapping_mul(31).wrapping_add(u64::from(byte))
            });
        Self {
            name,
            account,
            origin,
            client,
            clock,
            observe,
            gate: Mutex::new(Gate::new()),
            asked: Mutex::default(),
            share,
            lanes: Lanes::new(),
            dice: Dice::seeded(seed),
            is_login_unused: AtomicBool::new(false),
            is_pull_limit_told: AtomicBool::new(false),
        }
    }

    /// Keeps to the limits that another way to the same registry has heard; `is_same_account` if we are who we were there.
    pub(crate) fn inherit(&self, before: &Self, is_same_account: bool) {
        let inherited = Gate::after(&before.gate(), is_same_account);
        *self.gate() = inherited;
    }

    /// Keeps to what was noted before this process began, as far as it is about this upstream and who we are there; `login` is
    /// the only one that we have.
    pub(crate) fn restore(
        &self,
        cool_downs: &[KeptCoolDown],
        budgets: &[KeptBudget],
        login: Option<&Fingerprint>,
    ) {
        let (wall, now) = (self.clock.now(), self.clock.monotonic());
        let account = self.account.as_deref();
        for kept in cool_downs.iter().filter(|kept| kept.upstream == self.name) {
            let scope = Scope::parse(&kept.scope, account);
            let (Some(scope), Some(left)) = (scope, kept::time_left(kept, wall)) else {
                continue;
            };
            let limited = Limited::by(kept.limiter);
            if scope == Scope::Everything {
                self.share.note_limit(&limited, (now, left));
            } else {
                let until = now + left;
                self.gate()
                    .restore_rest(scope, login, Rest { limited, until });
            }
        }
        let own = budgets.iter().filter(|kept| {
            kept.key.upstream == self.name && kept.key.account.as_deref() == account
        });
        for kept in own {
            let age = kept.seen_at.age_at(wall).unwrap_or_default();
            self.gate().restore_budget(kept, age, now);
        }
    }

    /// When a request that comes now and may wait so long has waited long enough, by the monotonic clock.
    pub(crate) fn deadline(&self, patience: Duration) -> Duration {
        self.clock.monotonic().saturating_add(patience)
    }

    /// Sends a request, again where that may help.
    pub(crate) async fn ask(&self, question: &Question) -> Result<Heard, SourceError> {
        let mut tries = 0;
        loop {
            let failure = match self.try_once(question).await {
                Ok(heard) => return Ok(heard),
                Err(failure) => failure,
            };
            tries += 1;
            match wait_after(tries, self.dice.roll()) {
                Some(wait) if failure.may_retry => self.clock.sleep(wait).await,
                _ => return Err(failure.error),
            }
        }
    }

    async fn try_once(&self, question: &Question) -> Result<Heard, Failure> {
        // Before the wait for a turn: what would not be sent takes none.
        self.check(question).map_err(Failure::settled)?;
        let turn = self.wait_for_turn(question).await;
        let turn = turn.map_err(Failure::settled)?;
        let place = self.lanes.enter(question.call, &question.repository);
        let place = place
            .await
            .map_err(|Crowded| Failure::settled(SourceError::Busy))?;
        // After the waits, during which the gate may have closed.
        let admission = self.admit(question).map_err(Failure::settled)?;
        turn.spend();
        self.count(&question.repository);
        self.observe.observe(&Event::UpstreamAsked {
            upstream: &self.name,
            account: self.account.as_deref(),
            call: question.call,
        });
        let began = self.clock.monotonic();
        let sent = self.client.send(question.outgoing.clone()).await;
        let took = self.clock.monotonic().saturating_sub(began);
        match sent {
            Ok(reply) => {
                let reading = read(&reply.headers);
                self.note_reading(question, reply.status, &reading);
                self.tell(question, Ok((reply.status, &reading)), took);
                self.hear(question, reply, reading, (admission, place))
                    .await
            }
            Err(error) => {
                self.tell(question, Err(&error), took);
                Err(self.fail(question, error, admission))
            }
        }
    }

    /// Sorts an answer by what it means to the gate.
    async fn hear(
        &self,
        question: &Question,
        reply: Reply,
        reading: Reading,
        (admission, place): (Admission<'_>, Place),
    ) -> Result<Heard, Failure> {
        let part = self.part_of(question.call, &reply.url);
        let is_own = Origin::of(&reply.url) == self.origin;
        if reply.status.is_success() {
            admission.settle(Outcome::Answered(part));
            self.note_leave(question, part, &reading);
            let is_direct = reply.url == question.outgoing.url;
            return Ok(Heard::Reply(Box::new(Granted {
                reply,
                place,
                is_direct,
            })));
        }
        let Reply {
            status,
            headers,
            body,
            ..
        } = reply;
        let body = read_start(body).await;
        let limited = classify(&Answer {
            status: status.as_u16(),
            content_type: headers
                .get(http::header::CONTENT_TYPE)
                .and_then(|value| value.to_str().ok()),
            body_prefix: &body,
            reading: &reading,
            host_kind: host_kind(part),
            method: method_of(&question.outgoing.method),
            is_docker_hub: self.is_docker_hub(),
        });
        if let Some(limited) = limited {
            admission.settle(Outcome::Answered(part));
            return Err(self.limit(question, limited, part));
        }
        if status.is_server_error() {
            let wait = reading
                .retry_after
                .map(|advice| advice.wait(self.clock.now().system_time()));
            let failure = Failure::of_server_error(status, &body, wait);
            admission.settle_trouble(Outcome::Failed(part), part, &failure);
            return Err(failure);
        }
        admission.settle(Outcome::Answered(part));
        Ok(Heard::Refusal(Refusal {
            status,
            headers,
            body,
            part,
            is_own,
        }))
    }

    /// Sorts a request that got no answer by what it means to the gate.
    fn fail(&self, question: &Question, error: SendError, admission: Admission<'_>) -> Failure {
        let part = self.part_at(question.call, error.host());
        if let SendError::Malformed { head, .. } = &error
            && let Some(limited) = classify_malformed_head(head)
        {
            admission.settle(Outcome::Answered(part));
            return self.limit(question, limited, part);
        }
        let failure = Failure::of_send(error);
        if failure.is_trouble {
            admission.settle_trouble(Outcome::Silent(part), part, &failure);
        } else {
            admission.settle(Outcome::Nothing);
        }
        failure
    }

    fn limit(&self, question: &Question, limited: Limited, part: Part) -> Failure {
        let wait = limited.cool_down(self.clock.now().system_time());
        let times = (self.clock.monotonic(), wait);
        let scope = Scope::of(limited.limiter, part, question.login.is_some());
        let login = question.login.as_ref();
        let is_news = match scope {
            Scope::Everything => self.share.note_limit(&limited, times),
            _ => self.gate().note_limit(&limited, part, login, times),
        };
        if scope == Scope::Pulls {
            let repository = hash_of(&question.repository);
            self.gate().note_counted(repository, true);
        }
        let is_told =
            scope == Scope::Pulls && self.is_pull_limit_told.swap(true, Ordering::Relaxed);
        if is_news && !is_told {
            let at = (part, self.share.per_minute());
            news::limit_began(&self.name, &limited, at, wait);
        }
        self.tell_limit(scope, &limited, wait);
        Failure::settled(SourceError::Limited {
            limited,
            retry_after: wait,
        })
    }

    /// A login of ours was refused, and is not shown for `rest`. No limiter has spoken: after a restart it may be another.
    pub(crate) fn tell_refused_login(&self, rest: Duration) {
        self.observe.observe(&Event::LoginRefused {
            upstream: &self.name,
            account: self.account.as_deref(),
            rest,
        });
    }

    fn tell_limit(&self, scope: Scope, limited: &Limited, wait: Duration) {
        self.observe.observe(&Event::Limited {
            upstream: &self.name,
            account: self.account.as_deref(),
            scope: &scope.words(self.account.as_deref()),
            limited,
            wait,
        });
    }

    /// Takes note of what an answer says of budgets: before the request is settled, so that nobody spends in between what it has
    /// cost.
    fn note_reading(&self, question: &Question, status: StatusCode, reading: &Reading) {
        // A refusal before a token was sent speaks of an address, whoever we are.
        let is_about_us = status.is_success() || status == StatusCode::TOO_MANY_REQUESTS;
        if !is_about_us || question.about.is_none() {
            return;
        }
        self.gate().note_reading(reading, self.clock.monotonic());
        self.tell_remainder(reading);
        let (Some(_), Some(source)) = (&self.account, &reading.source) else {
            return;
        };
        let is_unused = source.is_anonymous();
        if self.is_login_unused.swap(is_unused, Ordering::Relaxed) != is_unused && is_unused {
            news::login_unused(&self.name, source);
        }
    }

    fn note_leave(&self, question: &Question, part: Part, reading: &Reading) {
        let now = self.clock.monotonic();
        let over = self.gate().note_leave(caller(question), part, reading, now);
        for limited in over.iter().chain(&self.share.take_over(now)) {
            if limited.limiter == Limiter::PullLimit {
                self.tell_pulls_again();
            } else {
                news::limit_ended(&self.name, limited);
            }
        }
    }

    /// Says once that nothing is left of a budget, and once that there is something again.
    fn tell_remainder(&self, reading: &Reading) {
        let allowance = reading.allowance;
        let pulls = allowance.filter(|allowance| allowance.dialect == Dialect::RateLimit);
        let Some(remaining) = pulls.and_then(|pulls| pulls.remaining) else {
            return;
        };
        if remaining > 0 {
            self.tell_pulls_again();
        } else if !self.is_pull_limit_told.swap(true, Ordering::Relaxed) {
            let identity = reading
                .source
                .as_ref()
                .map(|source| match source.address() {
                    Some(address) => Identity::Address(Some(address)),
                    None => Identity::Account(None),
                });
            let limited = Limited {
                identity,
                ..Limited::by(Limiter::PullLimit)
            };
            news::nothing_left(&self.name, &limited);
        }
    }

    fn tell_pulls_again(&self) {
        if self.is_pull_limit_told.swap(false, Ordering::Relaxed) {
            news::limit_ended(&self.name, &Limited::by(Limiter::PullLimit));
        }
    }

    async fn wait_for_turn(&self, question: &Question) -> Result<Turn, SourceError> {
        let turn = self.share.wait(&*self.clock, question.urgency).await;
        turn.map_err(|TooFast { after }| {
            debug!(upstream = %self.name, wait_ms = after.as_millis(), "our own pace leaves no turn in time");
            SourceError::Paced { retry_after: after }
        })
    }

    /// Tells the observer and the log; never a query, which may hold a secret.
    fn tell(
        &self,
        question: &Question,
        answer: Result<(StatusCode, &Reading), &SendError>,
        took: Duration,
    ) {
        let outgoing = &question.outgoing;
        let status = answer.ok().map(|(status, _)| status.as_u16());
        debug!(
            upstream = %self.name,
            call = question.call.as_str(),
            method = %outgoing.method,
            host = outgoing.url.host_str(),
            path = outgoing.url.path(),
            status,
            error = answer.err().map(tracing::field::display),
            took_ms = took.as_millis(),
            "asked an upstream"
        );
        self.observe.observe(&Event::Upstream(UpstreamAnswer {
            upstream: &self.name,
            account: self.account.as_deref(),
            request: question.about.as_ref().map(|about| &about.request),
            reference: question
                .about
                .as_ref()
                .and_then(|about| about.reference.as_ref()),
            call: question.call,
            status,
            reading: answer.ok().map(|(_, reading)| reading),
            took,
        }));
    }

    /// The part that answered at `url`: for blobs, another origin than the registry's is another part.
    fn part_of(&self, call: UpstreamCall, url: &url::Url) -> Part {
        if is_blob(call) && Origin::of(url) != self.origin {
            Part::Blob
        } else {
            Part::of(call)
        }
    }

    fn part_at(&self, call: UpstreamCall, host: &str) -> Part {
        let own = self.origin.as_ref().map(Origin::host);
        if is_blob(call) && own != Some(host) {
            Part::Blob
        } else {
            Part::of(call)
        }
    }

    fn is_docker_hub(&self) -> bool {
        let host = self.origin.as_ref().map(Origin::host);
        *self.name == *DOCKER_HUB || host == Some(DOCKER_HUB_HOST)
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        // The gate is whole between any two statements that can panic.
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn caller(question: &Question) -> Caller<'_> {
    let url = &question.outgoing.url;
    let path = &url[url::Position::BeforePath..];
    Caller {
        call: question.call,
        subject: Subject::of(question.call, &question.repository, path),
        login: question.login.as_ref(),
    }
}

//! One request to an upstream or its token service, with everything that is the same for all of them.
//!
//! The order is the rule: of strangers, that they have one left; a turn at the registry's pace, a place in the lane, then the gate, then
//! the request, then what its answer says of limits and health, then perhaps another try. Who we are is `authority`'s business, what the answer holds the caller's.

mod admission;
mod budget;
mod hearing;
mod reserved;
mod telling;
mod told;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use forebay_content::{Clock, Event, KeptBudget, KeptCoolDown, Observe, SourceError, UpstreamCall};
use forebay_http_kit::{Client, Origin};
use forebay_limits::{Limited, Reading, TooFast};
use forebay_oci::{DOCKER_HUB, UpstreamName};
use tracing::debug;

use crate::exchange::{Asker, Askers, Heard, Question, Urgency, is_blob, read};
use crate::failure::Failure;
use crate::gate::{Caller, Gate, Part, Rest, Scope, Subject};
use crate::kept;
use crate::lanes::{Crowded, Lanes};
use crate::login::Fingerprint;
use crate::pacers::{Share, Turn};
use crate::patience::{Dice, wait_after};
use crate::recent::Recent;
pub(crate) use reserved::Reserved;
use telling::Telling;

/// Docker Hub's own host, whatever the operator calls it.
const DOCKER_HUB_HOST: &str = "registry-1.docker.io";

/// The way to one upstream.
pub(crate) struct Wire {
    pub(crate) name: UpstreamName,
    /// Who we are there, in the words of reports.
    account: Option<Arc<str>>,
    askers: Askers,
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
    telling: Telling,
}

/// What a way to an upstream is made of.
pub(crate) struct WireParts {
    pub(crate) name: UpstreamName,
    /// Who we are there, in the words of reports.
    pub(crate) account: Option<Arc<str>>,
    /// Whose questions go by it.
    pub(crate) askers: Askers,
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
            askers,
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
            askers,
            origin,
            client,
            clock,
            observe,
            gate: Mutex::new(Gate::new()),
            asked: Mutex::default(),
            share,
            lanes: Lanes::new(),
            dice: Dice::seeded(seed),
            telling: Telling::default(),
        }
    }

    /// Keeps to the limits that another way to the same registry has heard; `is_same_account` if we are who we were there.
    pub(crate) fn inherit(&self, before: &Self, is_same_account: bool) {
        let inherited = Gate::after(&before.gate(), is_same_account);
        *self.gate() = inherited;
        if is_same_account {
            self.telling.inherit(&before.telling);
        }
    }

    /// Keeps to what was noted before this process began, as far as it is about this upstream and who we are there; `login` is
    /// the only one that we have. Tells the cool-downs that it keeps to.
    pub(crate) fn restore(
        &self,
        cool_downs: &[KeptCoolDown],
        budgets: &[KeptBudget],
        login: Option<&Fingerprint>,
    ) -> Vec<KeptCoolDown> {
        let (wall, now) = (self.clock.now(), self.clock.monotonic());
        let account = self.account.as_deref();
        let mut resting = Vec::new();
        for kept in cool_downs.iter().filter(|kept| kept.upstream == self.name) {
            let scope = Scope::parse(&kept.scope, account);
            if let (Some(scope), Some(left)) = (scope, kept::time_left(kept, wall)) {
                self.restore_rest(scope, &Limited::by(kept.limiter), login, (now, left));
                resting.push(kept.clone());
            }
        }
        let own = budgets.iter().filter(|kept| {
            kept.key.upstream == self.name && kept.key.account.as_deref() == account
        });
        for kept in own {
            let age = kept.seen_at.age_at(wall).unwrap_or_default();
            self.gate().restore_budget(kept, age, now);
            if kept.remaining <= kept.spent_since && age < kept.window {
                let source = kept.key.source.as_ref();
                self.telling.restore_pull_limit(source, now);
            }
        }
        resting
    }

    fn restore_rest(
        &self,
        scope: Scope,
        limited: &Limited,
        login: Option<&Fingerprint>,
        (now, left): (Duration, Duration),
    ) {
        if scope == Scope::Everything {
            self.share.note_limit(limited, (now, left));
            return;
        }
        if scope == Scope::Pulls {
            self.telling.restore_pull_limit(None, now);
        }
        let rest = Rest {
            limited: limited.clone(),
            until: now + left,
        };
        self.gate().restore_rest(scope, login, rest);
    }

    /// When a request that comes now and may wait so long has waited long enough, by the monotonic clock.
    pub(crate) fn deadline(&self, patience: Duration) -> Duration {
        self.clock.monotonic().saturating_add(patience)
    }

    /// Sends a request, again where that may help.
    pub(crate) async fn ask(&self, question: &Question) -> Result<Heard, SourceError> {
        let mut reserved = self.reserve(1, question.urgency)?;
        self.ask_reserved(question, &mut reserved).await
    }

    /// The same, which has been counted; each time that it is sent again is counted as well.
    pub(crate) async fn ask_reserved(
        &self,
        question: &Question,
        reserved: &mut Reserved<'_>,
    ) -> Result<Heard, SourceError> {
        let mut tries = 0;
        loop {
            let failure = match self.try_once(question, reserved).await {
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

    async fn try_once(
        &self,
        question: &Question,
        reserved: &mut Reserved<'_>,
    ) -> Result<Heard, Failure> {
        // Before the wait for a turn: what would not be sent takes none.
        self.check(question).map_err(Failure::settled)?;
        reserved.ensure().map_err(Failure::settled)?;
        let turn = self.wait_for_turn(question).await;
        let turn = turn.map_err(Failure::settled)?;
        let whose = (&*question.repository, question.urgency.client);
        let place = self.lanes.enter(&*self.clock, question.call, whose);
        let place = place
            .await
            .map_err(|Crowded| Failure::settled(SourceError::Busy))?;
        // After the waits, during which the gate may have closed.
        let admission = self.admit(question).map_err(Failure::settled)?;
        turn.spend();
        reserved.spend();
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
                let said = self.said_by_registry(question.call, &reply.url, &reading);
                self.note_reading(question, reply.status, said, began);
                self.tell(question, Ok((reply.status, said)), took);
                self.hear(question, reply, reading, (admission, place))
                    .await
            }
            Err(error) => {
                self.tell(question, Err(&error), took);
                Err(self.fail(question, error, admission))
            }
        }
    }

    async fn wait_for_turn(&self, question: &Question) -> Result<Turn, SourceError> {
        let turn = self.share.wait(&*self.clock, question.urgency).await;
        turn.map_err(|too_fast| self.paced(too_fast))
    }

    /// Whether our own pace leaves so many turns, one after the other, to what is asked so urgently.
    pub(crate) fn find_room(&self, requests: usize, urgency: Urgency) -> Result<(), SourceError> {
        let now = self.clock.monotonic();
        let room = self.share.find_room(requests, urgency, now);
        room.map_err(|too_fast| self.paced(too_fast))
    }

    fn paced(&self, TooFast { after }: TooFast) -> SourceError {
        debug!(upstream = %self.name, wait_ms = after.as_millis(), "our own pace leaves no turn in time");
        SourceError::Paced { retry_after: after }
    }

    /// What of a reading speaks of the registry's own budgets: nothing that its token service or another host said, to which it
    /// redirected. Those count something else, or lie.
    fn said_by_registry<'a>(
        &self,
        call: UpstreamCall,
        url: &url::Url,
        reading: &'a Reading,
    ) -> &'a Reading {
        if call != UpstreamCall::Token && Origin::of(url) == self.origin {
            reading
        } else {
            &Reading::NOTHING
        }
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
    let subject = Subject::of(question.call, &question.repository, path);
    let Urgency { asker, client, .. } = question.urgency;
    Caller {
        call: question.call,
        subject: match client {
            Some(client) if asker != Asker::Known => subject.sought_by(client),
            _ => subject,
        },
        login: question.login.as_ref(),
    }
}

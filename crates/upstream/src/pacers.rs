//! How fast each registry is asked, by all who ask it from here, and how long it is left alone.
//!
//! Registries count by address what comes from one: HEADs, tokens, blobs, whoever asks and with whatever account. So there
//! is one pace for each address of a registry, and an abuse limit that one upstream meets holds for all of that address. Those who
//! wait for a turn take theirs one client after the other, so that nobody keeps the others out by asking much. Strangers have a part
//! of the pace and no more.

mod hearers;
mod strangers;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use forebay_content::{Clock, lock};
use forebay_http_kit::Origin;
use forebay_limits::{Limited, Pace, Place, Priority, Queue, TooFast};
use tokio::sync::Notify;

use crate::exchange::{Asker, Urgency};
use crate::gate::{Noted, Part, Rest, Resting};
pub(crate) use hearers::Hearer;
use hearers::Hearers;
use strangers::Strangers;

/// The most addresses whose pace is remembered; above it, those that no upstream has any more go.
const MAX_ADDRESSES: usize = 1_000;

/// The most requests that wait for a turn at one address, seven eighths of them one client's: at the usual pace 330 come in
/// the 20 s that clients wait.
const MAX_WAITING: usize = 4_096;

/// The paces of all registries. Clones are the same; one for the whole program, so that a reload forgets none.
#[derive(Clone, Debug, Default)]
pub struct Pacers {
    known: Arc<Mutex<BTreeMap<Origin, Arc<Pacer>>>>,
}

/// What one upstream may ask of its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) requests_per_minute: u32,
    pub(crate) burst: u32,
}

/// The pace of one address.
#[derive(Debug)]
pub(crate) struct Pacer {
    state: Mutex<State>,
}

/// An upstream's part in the pace of its address, as long as it lives.
#[derive(Debug)]
pub(crate) struct Share {
    pacer: Arc<Pacer>,
    /// Held so that they count.
    terms: Arc<Terms>,
}

#[derive(Debug)]
struct State {
    pace: Pace,
    /// Of the upstreams at this address: as many as are configured.
    terms: Vec<Weak<Terms>>,
    /// Everything rests: the limit counts our address.
    rest: Option<Rest>,
    /// Who has heard a limit that may count our address or a login.
    hearers: Hearers,
    /// What was asked for strangers.
    strangers: Strangers,
    /// Those who wait for a turn, by client.
    queue: Queue<Option<IpAddr>>,
    /// How each of them is woken, by the number of its place; who is no longer among them has its turn.
    waiting: HashMap<u64, Arc<Notify>>,
}

/// One who waits for a turn. Dropped before it has it, it leaves.
struct Waiter {
    pacer: Arc<Pacer>,
    place: Place<Option<IpAddr>>,
    nudge: Arc<Notify>,
    /// It has taken its turn.
    is_done: bool,
}

/// Leave to send one request now. Not used, its place goes back to the others.
#[derive(Debug)]
pub(crate) struct Turn {
    pacer: Option<Arc<Pacer>>,
}

// === impl Pacers ===

impl Pacers {
    /// Joins those who ask at this address. Where several do, the slowest of what they may holds for all.
    pub(crate) fn join(&self, origin: Option<&Origin>, terms: Terms) -> Share {
        let pacer = match origin {
            Some(origin) => {
                let mut known = lock(&self.known);
                if known.len() >= MAX_ADDRESSES {
                    known.retain(|_, pacer| Arc::strong_count(pacer) > 1);
                }
                let pacer = known.entry(origin.clone());
                Arc::clone(pacer.or_insert_with(|| Arc::new(Pacer::new(terms))))
            }
            None => Arc::new(Pacer::new(terms)),
        };
        let terms = Arc::new(terms);
        let mut state = lock(&pacer.state);
        state.terms.push(Arc::downgrade(&terms));
        state.settle_terms();
        drop(state);
        Share { pacer, terms }
    }
}

// === impl Share ===

impl Share {
    /// Waits for a turn, or says after what time there would be one: at once where it does not come in time.
    ///
    /// What nobody waits for comes when there is room, so that however long it waits no client waits behind it.
    pub(crate) async fn wait(&self, clock: &dyn Clock, urgency: Urgency) -> Result<Turn, TooFast> {
        let mut waiter = self.join(urgency, clock.monotonic())?;
        loop {
            let now = clock.monotonic();
            let wait = match waiter.look(now) {
                Ok(turn) => return Ok(turn),
                Err(wait) => wait,
            };
            let left = urgency.deadline.saturating_sub(now);
            if left.is_zero() {
                return Err(TooFast { after: wait });
            }
            tokio::select! {
                () = waiter.nudge.notified() => {}
                () = clock.sleep(wait.min(left)) => {}
            }
        }
    }

    /// Whether the last of so many requests has its turn in time, if they came now.
    pub(crate) fn find_room(
        &self,
        requests: usize,
        urgency: Urgency,
        now: Duration,
    ) -> Result<(), TooFast> {
        let after = lock(&self.pacer.state).wait_of_newcomer(requests, urgency, now);
        let has_room = after <= urgency.deadline.saturating_sub(now);
        has_room.then_some(()).ok_or(TooFast { after })
    }

    /// Counts so many requests, all or none, if a stranger asks.
    pub(crate) fn count_strangers(
        &self,
        requests: (u32, Urgency),
        now: Duration,
    ) -> Result<(), TooFast> {
        let mut state = lock(&self.pacer.state);
        let whole = self.whole(&state);
        state.strangers.count(requests, whole, now)
    }

    /// Takes back so many that were counted and not sent.
    pub(crate) fn give_back_to_strangers(&self, requests: (u32, Urgency)) {
        let mut state = lock(&self.pacer.state);
        let whole = self.whole(&state);
        state.strangers.give_back(requests, whole);
    }

    /// How many are sent a minute, and how many at once.
    fn whole(&self, state: &State) -> (u32, u32) {
        let whole = state.slowest().unwrap_or(*self.terms);
        (whole.requests_per_minute, whole.burst)
    }

    fn join(&self, urgency: Urgency, now: Duration) -> Result<Waiter, TooFast> {
        let Urgency {
            priority,
            deadline,
            client,
            ..
        } = urgency;
        self.find_room(1, urgency, now)?;
        let mut state = lock(&self.pacer.state);
        let Ok(place) = state.queue.join(client, priority, deadline) else {
            let after = state.wait_of_newcomer(1, urgency, now);
            return Err(TooFast { after });
        };
        let nudge = Arc::new(Notify::new());
        state.waiting.insert(place.number(), Arc::clone(&nudge));
        Ok(Waiter {
            pacer: Arc::clone(&self.pacer),
            place,
            nudge,
            is_done: false,
        })
    }

    /// The limit for which everything rests at this address.
    pub(crate) fn find_rest(&self, now: Duration) -> Option<Resting> {
        lock(&self.pacer.state).rest.as_ref()?.resting_at(now)
    }

    /// Whether what nobody waits for is kept back now.
    pub(crate) fn keeps_back(&self, now: Duration) -> bool {
        let nobody = Urgency {
            priority: Priority::Background,
            deadline: now,
            client: None,
            asker: Asker::Known,
        };
        self.find_room(1, nobody, now).is_err()
    }

    /// The registry refused because of all that comes from our address: everything rests for `wait`, or longer where it has said
    /// so before, and comes at half the pace afterwards.
    pub(crate) fn note_limit(&self, limited: &Limited, (now, wait): (Duration, Duration)) -> Noted {
        let mut state = lock(&self.pacer.state);
        let before = state.rest.as_ref();
        // The refusals of what was under way are one refusal.
        let is_resting = before.is_some_and(|rest| now < rest.until);
        let until = before.map_or(Duration::ZERO, |rest| rest.until);
        let is_news = before.is_none();
        if !is_resting {
            // As of its end: a rest is no quiet in which the pace might grow again, and saves up no burst.
            state.pace.slow_down(now + wait);
        }
        let until = until.max(now + wait);
        state.rest = Some(Rest {
            limited: limited.clone(),
            until,
        });
        let left = until.saturating_sub(now);
        Noted { is_news, left }
    }

    /// Takes note of who has heard a limit that names nobody. True if somebody else has as well, elsewhere, and nobody of whom we know
    /// was answered since: then it is our address that is meant.
    pub(crate) fn hear(&self, part: Part, hearer: Hearer, times: (Duration, Duration)) -> bool {
        lock(&self.pacer.state).hearers.hear(part, hearer, times)
    }

    /// Somebody of whom we know was answered by this part.
    pub(crate) fn note_answered(&self, part: Part, by: &Hearer) {
        lock(&self.pacer.state).hearers.note_answered(part, by);
    }

    /// The registry has answered: tells the limit that would have stopped it and is over.
    pub(crate) fn take_over(&self, now: Duration) -> Option<Limited> {
        let rest = lock(&self.pacer.state)
            .rest
            .take_if(|rest| rest.until <= now);
        rest.map(|rest| rest.limited)
    }

    /// What is allowed now, in whole requests a minute.
    pub(crate) fn per_minute(&self) -> f64 {
        lock(&self.pacer.state).pace.per_minute().round()
    }
}

// === impl Pacer ===

impl Pacer {
    fn new(terms: Terms) -> Self {
        Self {
            state: Mutex::new(State {
                pace: Pace::new(terms.requests_per_minute, terms.burst),
                terms: Vec::new(),
                rest: None,
                hearers: Hearers::default(),
                strangers: Strangers::default(),
                queue: Queue::up_to(MAX_WAITING),
                waiting: HashMap::new(),
            }),
        }
    }
}

impl State {
    /// Gives turns to those who are next, as long as the pace has any.
    fn call_next(&mut self, now: Duration) {
        self.settle_terms();
        let mut is_moved = false;
        while let Some(first) = self.queue.first()
            && self.pace.take(first.priority, now, Duration::ZERO).is_ok()
        {
            self.queue.take_first();
            if let Some(nudge) = self.waiting.remove(&first.number()) {
                nudge.notify_one();
            }
            is_moved = true;
        }
        if is_moved {
            self.nudge_first();
        }
    }

    /// Has the next one look again: its turn may come sooner than it thinks.
    fn nudge_first(&self) {
        let first = self.queue.first();
        if let Some(nudge) = first.and_then(|first| self.waiting.get(&first.number())) {
            nudge.notify_one();
        }
    }

    /// How long the last of so many requests would wait, if they came now.
    fn wait_of_newcomer(&mut self, requests: usize, urgency: Urgency, now: Duration) -> Duration {
        self.settle_terms();
        let Urgency {
            priority,
            deadline,
            client,
            ..
        } = urgency;
        let more = (deadline, requests);
        let ahead = self.queue.ahead_of_newcomer(&client, priority, more);
        self.pace.wait_behind(ahead, priority, now)
    }

    /// Keeps to the slowest of what the upstreams that are left may ask.
    fn settle_terms(&mut self) {
        self.terms.retain(|terms| terms.strong_count() > 0);
        if let Some(slowest) = self.slowest() {
            self.pace.allow(slowest.requests_per_minute, slowest.burst);
        }
    }

    fn slowest(&self) -> Option<Terms> {
        let all = || self.terms.iter().filter_map(Weak::upgrade);
        Some(Terms {
            requests_per_minute: all().map(|terms| terms.requests_per_minute).min()?,
            burst: all().map(|terms| terms.burst).min()?,
        })
    }
}

// === impl Waiter ===

impl Waiter {
    /// Its turn, or how long it is likely to wait for it.
    fn look(&mut self, now: Duration) -> Result<Turn, Duration> {
        let mut state = lock(&self.pacer.state);
        state.call_next(now);
        if state.waiting.contains_key(&self.place.number()) {
            let ahead = state.queue.ahead_of(&self.place);
            return Err(state.pace.wait_behind(ahead, self.place.priority, now));
        }
        self.is_done = true;
        let pacer = Some(Arc::clone(&self.pacer));
        Ok(Turn { pacer })
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let mut state = lock(&self.pacer.state);
        if state.waiting.remove(&self.place.number()).is_some() {
            state.queue.leave(&self.place);
        } else {
            state.pace.give_back();
        }
        state.nudge_first();
    }
}

// === impl Turn ===

impl Turn {
    /// The request is sent.
    pub(crate) fn spend(mut self) {
        self.pacer = None;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(pacer) = &self.pacer {
            let mut state = lock(&pacer.state);
            state.pace.give_back();
            state.nudge_first();
        }
    }
}

#[cfg(test)]
mod tests;

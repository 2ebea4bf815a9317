//! How fast each registry is asked, by all who ask it from here, and how long it is left alone.
//!
//! Registries count by address what comes from one: HEADs, tokens, blobs, whoever asks and with whatever account. So there
//! is one pace for each address of a registry, and an abuse limit that one upstream meets holds for all of that address.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use forebay_content::Clock;
use forebay_http_kit::Origin;
use forebay_limits::{Limited, Pace, Priority, TooFast};

use crate::gate::{Rest, Resting};

/// The most addresses whose pace is remembered; above it, those that no upstream has any more go.
const MAX_ADDRESSES: usize = 1_000;

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
    _terms: Arc<Terms>,
}

#[derive(Debug)]
struct State {
    pace: Pace,
    /// Of the upstreams at this address: as many as are configured.
    terms: Vec<Weak<Terms>>,
    /// Everything rests: the limit counts our address.
    rest: Option<Rest>,
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
        Share {
            pacer,
            _terms: terms,
        }
    }
}

// === impl Share ===

impl Share {
    /// Waits for a turn until `deadline` by the monotonic clock, or says after what time there would be one.
    ///
    /// A client's request books its turn. What nobody waits for books none: it comes when there is room, so that however long it
    /// waits no client waits behind it.
    pub(crate) async fn wait(
        &self,
        clock: &dyn Clock,
        (priority, deadline): (Priority, Duration),
    ) -> Result<Turn, TooFast> {
        loop {
            let now = clock.monotonic();
            let left = deadline.saturating_sub(now);
            let books_ahead = match priority {
                Priority::Interactive => left,
                Priority::Background => Duration::ZERO,
            };
            match self.take(priority, now, books_ahead) {
                Ok((turn, wait)) => {
                    if !wait.is_zero() {
                        clock.sleep(wait).await;
                    }
                    return Ok(turn);
                }
                Err(TooFast { after }) if after > left || after.is_zero() => {
                    return Err(TooFast { after });
                }
                Err(TooFast { after }) => clock.sleep(after).await,
            }
        }
    }

    /// The limit for which everything rests at this address.
    pub(crate) fn find_rest(&self, now: Duration) -> Option<Resting> {
        lock(&self.pacer.state).rest.as_ref()?.resting_at(now)
    }

    /// Whether what nobody waits for is kept back now.
    pub(crate) fn keeps_back(&self, now: Duration) -> bool {
        let mut pace = lock(&self.pacer.state).pace.clone();
        let turn = pace.take(Priority::Background, now, Duration::ZERO);
        turn.is_err()
    }

    /// The registry refused because of all that comes from our address: everything rests for `wait`, and comes at half the
    /// pace afterwards. True if it is news.
    pub(crate) fn note_limit(&self, limited: &Limited, (now, wait): (Duration, Duration)) -> bool {
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
        state.rest = Some(Rest {
            limited: limited.clone(),
            until: until.max(now + wait),
        });
        is_news
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

    fn take(
        &self,
        priority: Priority,
        now: Duration,
        patience: Duration,
    ) -> Result<(Turn, Duration), TooFast> {
        let mut state = lock(&self.pacer.state);
        state.settle_terms();
        let wait = state.pace.take(priority, now, patience)?;
        let pacer = Some(Arc::clone(&self.pacer));
        Ok((Turn { pacer }, wait))
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
            }),
        }
    }
}

impl State {
    /// Keeps to the slowest of what the upstreams that are left may ask.
    fn settle_terms(&mut self) {
        self.terms.retain(|terms| terms.strong_count() > 0);
        let all = || self.terms.iter().filter_map(Weak::upgrade);
        let per_minute = all().map(|terms| terms.requests_per_minute).min();
        let burst = all().map(|terms| terms.burst).min();
        if let (Some(per_minute), Some(burst)) = (per_minute, burst) {
            self.pace.allow(per_minute, burst);
        }
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
            lock(&pacer.state).pace.give_back();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What these locks guard is whole between any two statements that can panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;

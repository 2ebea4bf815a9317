//! How many requests are on their way to one upstream at once, and whose turn is next.
//!
//! Three lanes: what is small and urgent never waits behind blobs, and a token never behind the requests that wait for it. In a
//! lane no repository can keep the others out: one that holds few places gets another although the lane is full, and of those
//! who wait it is the turn of whose repository holds the fewest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use forebay_content::UpstreamCall;
use tokio::sync::oneshot;

/// The longest wait for a place: clients give up after 30 s without headers, and want to know why.
const PATIENCE: Duration = Duration::from_secs(15);
/// The most requests that wait in one lane.
const MAX_WAITING: usize = 4_096;

/// How many places a lane has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// So many for whoever comes.
    pub(crate) all: usize,
    /// A repository that holds fewer gets one beyond those.
    pub(crate) few: usize,
    /// No more than these, whoever comes.
    pub(crate) most: usize,
}

/// Blobs that come at once. More would only share the same line, and cost the upstream connections; docker and containerd
/// fetch three layers of an image at a time.
pub(crate) const BLOBS: Room = Room {
    all: 64,
    few: 3,
    most: 256,
};
/// Manifests, HEADs and lists at once.
pub(crate) const SMALL: Room = Room {
    all: 32,
    few: 2,
    most: 256,
};
/// Token requests at once.
pub(crate) const TOKENS: Room = Room {
    all: 8,
    few: 1,
    most: 64,
};

/// The lanes.
#[derive(Debug)]
pub(crate) struct Lanes {
    patience: Duration,
    blobs: Arc<Lane>,
    small: Arc<Lane>,
    tokens: Arc<Lane>,
}

#[derive(Debug)]
struct Lane {
    room: Room,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    taken: usize,
    /// How many of them each repository holds; none that holds none.
    held: HashMap<Arc<str>, usize>,
    /// In the order that they came in.
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    repository: Arc<str>,
    turn: oneshot::Sender<Place>,
}

/// A place in a lane, until dropped.
#[derive(Debug)]
pub(crate) struct Place {
    lane: Arc<Lane>,
    repository: Arc<str>,
}

/// No place became free in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Crowded;

// === impl Lanes ===

impl Lanes {
    /// Empty lanes.
    pub(crate) fn new() -> Self {
        Self {
            patience: PATIENCE,
            blobs: Lane::of(BLOBS),
            small: Lane::of(SMALL),
            tokens: Lane::of(TOKENS),
        }
    }

    /// Waits for a place, a while. Who no longer wants to wait drops the future.
    pub(crate) async fn enter(
        &self,
        call: UpstreamCall,
        repository: &str,
    ) -> Result<Place, Crowded> {
        let turn = self.lane(call).join(repository)?;
        match tokio::time::timeout(self.patience, turn).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(Crowded),
        }
    }

    /// True while somebody waits for a place in the lane of these calls.
    pub(crate) fn is_crowded(&self, call: UpstreamCall) -> bool {
        let waiting = &self.lane(call).state().waiting;
        waiting.iter().any(|waiting| !waiting.turn.is_closed())
    }

    fn lane(&self, call: UpstreamCall) -> &Arc<Lane> {
        match call {
            UpstreamCall::GetBlob => &self.blobs,
            UpstreamCall::Token => &self.tokens,
            UpstreamCall::HeadManifest
            | UpstreamCall::GetManifest
            | UpstreamCall::HeadBlob
            | UpstreamCall::List => &self.small,
        }
    }
}

// === impl Lane ===

impl Lane {
    fn of(room: Room) -> Arc<Self> {
        Arc::new(Self {
            room,
            state: Mutex::default(),
        })
    }

    fn join(self: &Arc<Self>, repository: &str) -> Result<oneshot::Receiver<Place>, Crowded> {
        let (turn, comes) = oneshot::channel();
        let mut state = self.state();
        state.waiting.retain(|waiting| !waiting.turn.is_closed());
        if state.waiting.len() >= MAX_WAITING {
            return Err(Crowded);
        }
        state.waiting.push(Waiting {
            repository: repository.into(),
            turn,
        });
        drop(state);
        self.call_next();
        Ok(comes)
    }

    /// Gives places to those whose turn it is, as long as there are any.
    fn call_next(self: &Arc<Self>) {
        loop {
            let mut state = self.state();
            let Some(Waiting { repository, turn }) = state.take_next(self.room) else {
                return;
            };
            // A place is given back when it is dropped, which takes the lock: so not under it.
            drop(state);
            let place = Place {
                lane: Arc::clone(self),
                repository,
            };
            // Who left meanwhile has dropped it.
            let _ = turn.send(place);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // It is whole between any two statements that can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl State ===

impl State {
    fn held_by(&self, repository: &str) -> usize {
        self.held.get(repository).copied().unwrap_or(0)
    }

    /// Who is next, with a place counted as taken; `None` if there is none for anybody who waits.
    fn take_next(&mut self, room: Room) -> Option<Waiting> {
        let next = (0..self.waiting.len()).min_by_key(|&place| {
            let waiting = &self.waiting[place];
            self.held_by(&waiting.repository)
        })?;
        let held = self.held_by(&self.waiting[next].repository);
        if self.taken >= room.most || self.taken >= room.all && held >= room.few {
            return None;
        }
        let waiting = self.waiting.remove(next);
        self.taken += 1;
        *self
            .held
            .entry(Arc::clone(&waiting.repository))
            .or_default() += 1;
        Some(waiting)
    }

    fn give_back(&mut self, repository: &Arc<str>) {
        self.taken -= 1;
        if let Some(held) = self.held.get_mut(repository) {
            *held -= 1;
            if *held == 0 {
                self.held.remove(repository);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.lane.state().give_back(&self.repository);
        self.lane.call_next();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn enter(lanes: &Lanes, call: UpstreamCall, repository: &str) -> Option<Place> {
        let mut turn = lanes.lane(call).join(repository).unwrap();
        turn.try_recv().ok()
    }

    fn fill(lanes: &Lanes, call: UpstreamCall, repository: &str) -> Vec<Place> {
        std::iter::from_fn(|| enter(lanes, call, repository)).collect()
    }

    #[tokio::test]
    async fn small_requests_do_not_wait_behind_blobs() {
        let lanes = Lanes::new();
        let mut places = fill(&lanes, UpstreamCall::GetBlob, "a");
        assert_eq!(places.len(), BLOBS.all);
        assert!(enter(&lanes, UpstreamCall::GetManifest, "a").is_some());
        assert!(enter(&lanes, UpstreamCall::Token, "a").is_some());
        places.pop();
        assert!(enter(&lanes, UpstreamCall::GetBlob, "a").is_some());
    }

    #[tokio::test]
    async fn one_repository_keeps_no_other_out() {
        for call in [
            UpstreamCall::GetBlob,
            UpstreamCall::HeadManifest,
            UpstreamCall::Token,
        ] {
            let lanes = Lanes::new();
            let room = lanes.lane(call).room;
            let _all = fill(&lanes, call, "greedy");
            let mut places = Vec::new();
            for other in 0.. {
                let few = fill(&lanes, call, &format!("other-{other}"));
                if few.is_empty() {
                    break;
                }
                assert!(few.len() <= room.few, "{call:?}");
                places.extend(few);
            }
            assert_eq!(places.len(), room.most - room.all, "{call:?}");
        }
    }

    #[tokio::test]
    async fn it_is_the_turn_of_whose_repository_holds_the_fewest_and_then_of_who_came_first() {
        let lanes = Lanes::new();
        let call = UpstreamCall::GetBlob;
        let mut greedy = fill(&lanes, call, "greedy");
        let _modest = fill(&lanes, call, "modest");
        let mut first = Box::pin(lanes.enter(call, "greedy"));
        let mut second = Box::pin(lanes.enter(call, "modest"));
        let mut third = Box::pin(lanes.enter(call, "modest"));
        for waiting in [&mut first, &mut second, &mut third] {
            assert!(waiting.now_or_never().is_none());
        }
        assert!(lanes.is_crowded(call));
        // More than there are for whoever comes: those of the few have to come back first.
        greedy.truncate(BLOBS.all - BLOBS.few);
        assert!((&mut second).now_or_never().is_none());
        greedy.pop();
        let second = second.now_or_never().unwrap();
        assert!((&mut third).now_or_never().is_none());
        greedy.pop();
        let _third = third.now_or_never().unwrap();
        assert!((&mut first).now_or_never().is_none());
        drop(second);
        assert!(first.now_or_never().is_some());
        assert!(!lanes.is_crowded(call));
    }

    #[tokio::test]
    async fn who_left_holds_no_place_and_no_turn() {
        let lanes = Lanes::new();
        let call = UpstreamCall::GetBlob;
        let mut places = fill(&lanes, call, "a");
        let mut gone = Box::pin(lanes.enter(call, "a"));
        assert!((&mut gone).now_or_never().is_none());
        drop(gone);
        assert!(!lanes.is_crowded(call));
        places.pop();
        places.extend(fill(&lanes, call, "a"));
        assert_eq!(places.len(), BLOBS.all);
        drop(places);
        let state = lanes.blobs.state();
        assert_eq!((state.taken, state.held.len()), (0, 0));
    }

    #[tokio::test]
    async fn a_wait_that_is_too_long_and_a_queue_that_is_too_long_say_so() {
        let call = UpstreamCall::GetBlob;
        let lanes = Lanes {
            patience: Duration::ZERO,
            ..Lanes::new()
        };
        let _places = fill(&lanes, call, "a");
        assert_eq!(lanes.enter(call, "a").await.err(), Some(Crowded));
        let _queue: Vec<_> = (0..MAX_WAITING)
            .map(|_| lanes.blobs.join("a").unwrap())
            .collect();
        assert_eq!(
            lanes.enter(call, "a").now_or_never().unwrap().err(),
            Some(Crowded)
        );
    }
}

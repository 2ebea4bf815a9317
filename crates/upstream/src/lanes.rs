//! How many requests are on their way to one upstream at once, and whose turn is next.
//!
//! Three lanes: what is small and urgent never waits behind blobs, and a token never behind the requests that wait for it. In a
//! lane no repository can keep the others out: one that holds few places gets another although the lane is full; and no client
//! can, for it gets seven eighths of all places at most. Of those who wait it is the turn of whose repository and client hold the
//! fewest.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use forebay_content::{Clock, UpstreamCall};
use tokio::sync::oneshot;

/// The longest wait for a place: clients give up after 30 s without headers, and want to know why.
const PATIENCE: Duration = Duration::from_secs(15);
/// The most requests that wait in one lane.
const MAX_WAITING: usize = 4_096;
/// This part of the places, and of those who wait, is never one client's. It is small, for a fleet behind one address is one.
const PART: usize = 8;

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
    /// The same for each client.
    held_by_clients: HashMap<Option<IpAddr>, usize>,
    /// In the order that they came in.
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    whose: Whose,
    turn: oneshot::Sender<Place>,
}

/// About which repository it is, and for which client; `None` for our own work.
#[derive(Clone, Debug)]
struct Whose {
    repository: Arc<str>,
    client: Option<IpAddr>,
}

/// A place in a lane, until dropped.
#[derive(Debug)]
pub(crate) struct Place {
    lane: Arc<Lane>,
    whose: Whose,
}

/// No place became free in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Crowded;

// === impl Lanes ===

impl Lanes {
    /// Empty lanes.
    pub(crate) fn new() -> Self {
        Self {
            blobs: Lane::of(BLOBS),
            small: Lane::of(SMALL),
            tokens: Lane::of(TOKENS),
        }
    }

    /// Waits for a place, a while: for a request about a repository, of a client. Who no longer wants to wait drops the future.
    pub(crate) async fn enter(
        &self,
        clock: &dyn Clock,
        call: UpstreamCall,
        whose: (&str, Option<IpAddr>),
    ) -> Result<Place, Crowded> {
        let turn = self.lane(call).join(whose)?;
        tokio::select! {
            biased;
            place = turn => place.map_err(|_| Crowded),
            () = async { clock.sleep(PATIENCE).await } => Err(Crowded),
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

    fn join(
        self: &Arc<Self>,
        (repository, client): (&str, Option<IpAddr>),
    ) -> Result<oneshot::Receiver<Place>, Crowded> {
        let (turn, comes) = oneshot::channel();
        let mut state = self.state();
        state.forget_who_left();
        let its = |waiting: &&Waiting| waiting.whose.client == client;
        let is_full = state.waiting.len() >= MAX_WAITING
            || state.waiting.iter().filter(its).count() >= MAX_WAITING - MAX_WAITING / PART;
        if is_full {
            return Err(Crowded);
        }
        let repository = repository.into();
        state.waiting.push(Waiting {
            whose: Whose { repository, client },
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
            // A place that is given to nobody comes back at once, and calls the next: of all who left one in the other.
            state.forget_who_left();
            let Some(Waiting { whose, turn }) = state.take_next(self.room) else {
                return;
            };
            // A place is given back when it is dropped, which takes the lock: so not under it.
            drop(state);
            let place = Place {
                lane: Arc::clone(self),
                whose,
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
    fn forget_who_left(&mut self) {
        self.waiting.retain(|waiting| !waiting.turn.is_closed());
    }

    /// How many places the repository holds, and how many the client.
    fn held_by(&self, whose: &Whose) -> (usize, usize) {
        let by_repository = self.held.get(&whose.repository);
        let by_client = self.held_by_clients.get(&whose.client);
        let [repository, client] =
            [by_repository, by_client].map(|held| held.copied().unwrap_or(0));
        (repository, client)
    }

    /// Whether there is a place for one whose repository and client hold so many.
    fn has_place(&self, room: Room, (by_repository, by_client): (usize, usize)) -> bool {
        self.taken < room.most
            && (self.taken < room.all || by_repository < room.few)
            && by_client < room.most - room.most / PART
    }

    /// Who is next, with a place counted as taken; `None` if there is none for anybody who waits.
    fn take_next(&mut self, room: Room) -> Option<Waiting> {
        let held = |place: usize| self.held_by(&self.waiting[place].whose);
        let next = (0..self.waiting.len())
            .filter(|&place| self.has_place(room, held(place)))
            .min_by_key(|&place| {
                let (by_repository, by_client) = held(place);
                by_repository + by_client
            })?;
        let waiting = self.waiting.remove(next);
        let Whose { repository, client } = &waiting.whose;
        self.taken += 1;
        *self.held.entry(Arc::clone(repository)).or_default() += 1;
        *self.held_by_clients.entry(*client).or_default() += 1;
        Some(waiting)
    }

    fn give_back(&mut self, Whose { repository, client }: &Whose) {
        self.taken -= 1;
        take_one(&mut self.held, repository);
        take_one(&mut self.held_by_clients, client);
    }
}

fn take_one<K: Eq + Hash>(held: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = held.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            held.remove(key);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.lane.state().give_back(&self.whose);
        self.lane.call_next();
    }
}

#[cfg(test)]
mod tests {
    use forebay_content::ManualClock;
    use futures::FutureExt;

    use super::*;

    fn enter(lanes: &Lanes, call: UpstreamCall, repository: &str) -> Option<Place> {
        enter_as(lanes, call, (repository, None))
    }

    fn enter_as(lanes: &Lanes, call: UpstreamCall, whose: (&str, Option<IpAddr>)) -> Option<Place> {
        let mut turn = lanes.lane(call).join(whose).unwrap();
        turn.try_recv().ok()
    }

    fn client(number: usize) -> IpAddr {
        let number = u32::try_from(number).unwrap();
        std::net::Ipv4Addr::from_bits(number).into()
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
                let whose = (&*format!("other-{other}"), Some(client(other)));
                let few: Vec<_> = std::iter::from_fn(|| enter_as(&lanes, call, whose)).collect();
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
        let clock = ManualClock::default();
        let mut first = Box::pin(lanes.enter(&clock, call, ("greedy", None)));
        let mut second = Box::pin(lanes.enter(&clock, call, ("modest", None)));
        let mut third = Box::pin(lanes.enter(&clock, call, ("modest", None)));
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
        let clock = ManualClock::default();
        let mut gone = Box::pin(lanes.enter(&clock, call, ("a", None)));
        assert!((&mut gone).now_or_never().is_none());
        drop(gone);
        assert!(!lanes.is_crowded(call));
        places.pop();
        places.extend(fill(&lanes, call, "a"));
        assert_eq!(places.len(), BLOBS.all);
        drop(places);
        let state = lanes.blobs.state();
        assert_eq!((state.taken, state.held.len()), (0, 0));
        assert!(state.held_by_clients.is_empty());
    }

    #[tokio::test]
    async fn one_client_keeps_no_other_out_however_many_repositories_it_asks_about() {
        for call in [
            UpstreamCall::GetBlob,
            UpstreamCall::HeadManifest,
            UpstreamCall::Token,
        ] {
            let lanes = Lanes::new();
            let room = lanes.lane(call).room;
            let names: Vec<_> = (0..room.most).map(|name| name.to_string()).collect();
            let greedy = |name: &String| enter_as(&lanes, call, (name, Some(client(1))));
            let mut places: Vec<_> = names.iter().filter_map(greedy).collect();
            assert_eq!(places.len(), room.most - room.most / PART, "{call:?}");
            let theirs = enter_as(&lanes, call, ("theirs", Some(client(2))));
            assert!(theirs.is_some(), "{call:?}");
            // Of those who wait it is the turn of who holds the fewest.
            let others = |name: &String| enter_as(&lanes, call, (name, Some(client(3))));
            places.extend(names.iter().filter_map(others));
            assert_eq!(places.len(), room.most - 1, "{call:?}");
            let mut first = lanes.lane(call).join(("new", Some(client(1)))).unwrap();
            let mut second = lanes.lane(call).join(("new", Some(client(2)))).unwrap();
            places.pop();
            assert!(
                first.try_recv().is_err() && second.try_recv().is_ok(),
                "{call:?}"
            );
        }
    }

    #[tokio::test]
    async fn who_waits_too_long_by_the_clock_that_all_go_by_is_told_so() {
        let (lanes, clock) = (Lanes::new(), ManualClock::default());
        let call = UpstreamCall::GetBlob;
        let _places = fill(&lanes, call, "a");
        let mut waiting = Box::pin(lanes.enter(&clock, call, ("a", None)));
        assert!((&mut waiting).now_or_never().is_none());
        clock.advance(PATIENCE);
        assert_eq!(waiting.now_or_never().unwrap().err(), Some(Crowded));
    }

    #[tokio::test]
    async fn a_queue_that_is_too_long_says_so_to_one_client_and_to_all() {
        let (lanes, clock) = (Lanes::new(), ManualClock::default());
        let call = UpstreamCall::GetBlob;
        let _places = fill(&lanes, call, "a");
        let mut queue = Vec::new();
        let others = MAX_WAITING / PART;
        for (number, room) in [(1, MAX_WAITING - others), (2, others)] {
            let join = |_| lanes.blobs.join(("a", Some(client(number)))).unwrap();
            queue.extend((0..room).map(join));
            let enter = lanes.enter(&clock, call, ("b", Some(client(number))));
            assert_eq!(enter.now_or_never().unwrap().err(), Some(Crowded));
        }
        let enter = lanes.enter(&clock, call, ("b", Some(client(PART))));
        assert_eq!(enter.now_or_never().unwrap().err(), Some(Crowded));
    }
}

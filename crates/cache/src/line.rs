//! Those who wait for the window of one upstream to open: clients before what nobody waits for, and one client after the other.
//!
//! One has the turn at a time, the first of them. While somebody waits, who comes later with no greater claim queues; of one client
//! it is first come, first served, and what it asks for keeps no other client's from its turn.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use forebay_limits::{Place, Priority, Queue};
use tokio::sync::watch;

/// The most manifests that wait for an upstream's window to open, seven eighths of them one client's; further ones are refused at once.
const MAX_WAITING: usize = 1_000;

/// The line before one upstream.
pub(crate) struct Line {
    shared: Arc<Shared>,
}

/// A place in the line, and in the end the turn; given up when it is dropped.
pub(crate) struct Ticket {
    shared: Arc<Shared>,
    place: Place<Whose>,
}

struct Shared {
    state: Mutex<State>,
    /// Told whenever somebody else may be the first.
    moved: watch::Sender<()>,
}

struct State {
    waiting: Queue<Whose>,
    /// Who has the turn, and no longer waits.
    holder: Option<Place<Whose>>,
}

/// The address that all of a client's count as; `None` for our own work.
type Whose = Option<IpAddr>;

// === impl Line ===

impl Line {
    pub(crate) fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(State {
                    waiting: Queue::up_to(MAX_WAITING),
                    holder: None,
                }),
                moved: watch::channel(()).0,
            }),
        }
    }

    /// A place behind all of this client's that have the same claim; `None` if too many wait.
    pub(crate) fn join(&self, whose: Whose, priority: Priority) -> Option<Ticket> {
        // Whose patience ends first is no reason to overtake: whoever has none left leaves.
        let place = self
            .shared
            .state()
            .waiting
            .join(whose, priority, Duration::ZERO);
        let place = place.ok()?;
        self.shared.moved.send_replace(());
        Some(Ticket {
            shared: Arc::clone(&self.shared),
            place,
        })
    }

    /// Whether somebody is before whoever comes now.
    pub(crate) fn is_before(&self, priority: Priority) -> bool {
        let state = self.shared.state();
        let is_before = |holder: &Place<Whose>| {
            holder.priority == Priority::Interactive || priority == Priority::Background
        };
        state.holder.as_ref().is_some_and(is_before) || state.waiting.is_before(priority)
    }

    /// How many wait, without the one who has the turn.
    pub(crate) fn waiting(&self) -> usize {
        self.shared.state().waiting.len()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // It is whole between any two statements that can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Ticket ===

impl Ticket {
    /// Whether it has the turn.
    pub(crate) fn has_turn(&self) -> bool {
        self.shared.state().holder.as_ref() == Some(&self.place)
    }

    /// Resolves with the turn.
    pub(crate) async fn turn(&self) {
        // Before the look, so that no move in between is missed.
        let mut moved = self.shared.moved.subscribe();
        while !self.take_turn() {
            // The sender lives as long as this.
            let _ = moved.changed().await;
        }
    }

    /// Goes before all that nobody waits for: somebody waits for it now.
    pub(crate) fn lift(&mut self) {
        if self.place.priority == Priority::Interactive {
            return;
        }
        let mut state = self.shared.state();
        let lifted = state.waiting.lift(&self.place);
        if state.holder.as_ref() == Some(&self.place) {
            state.holder = Some(lifted.clone());
        }
        drop(state);
        self.place = lifted;
        self.shared.moved.send_replace(());
    }

    fn take_turn(&self) -> bool {
        let mut state = self.shared.state();
        if state.holder.is_none() && state.waiting.first().as_ref() == Some(&self.place) {
            state.holder = state.waiting.take_first();
        }
        state.holder.as_ref() == Some(&self.place)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.waiting.leave(&self.place);
        state.holder.take_if(|holder| *holder == self.place);
        drop(state);
        self.shared.moved.send_replace(());
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    const CLIENT: Priority = Priority::Interactive;
    const NOBODY: Priority = Priority::Background;

    fn address(number: u8) -> IpAddr {
        [192, 0, 2, number].into()
    }

    fn takes_turn(ticket: &Ticket) -> bool {
        ticket.turn().now_or_never().is_some()
    }

    #[tokio::test]
    async fn first_come_first_served_and_clients_before_what_nobody_waits_for() {
        let line = Line::new();
        let nobody = line.join(None, NOBODY).unwrap();
        assert!(!line.is_before(CLIENT) && line.is_before(NOBODY));
        let (first, second) = (
            line.join(None, CLIENT).unwrap(),
            line.join(None, CLIENT).unwrap(),
        );
        assert!(line.is_before(CLIENT));
        assert!(!takes_turn(&nobody) && !takes_turn(&second));
        assert!(takes_turn(&first) && first.has_turn());
        assert!(!takes_turn(&second));
        assert!(line.is_before(CLIENT), "one has the turn");
        drop(first);
        assert!(!takes_turn(&nobody) && takes_turn(&second));
        drop(second);
        assert!(takes_turn(&nobody));
        drop(nobody);
        assert!(!line.is_before(NOBODY));
    }

    #[tokio::test]
    async fn who_leaves_holds_up_nobody_and_who_is_lifted_goes_before_nobodys() {
        let line = Line::new();
        let gone = line.join(None, CLIENT).unwrap();
        let nobody = line.join(None, NOBODY).unwrap();
        let mut lifted = line.join(None, NOBODY).unwrap();
        drop(gone);
        lifted.lift();
        assert!(!takes_turn(&nobody) && takes_turn(&lifted));
    }

    #[tokio::test]
    async fn one_client_has_its_turn_after_the_other_however_much_each_asks_for() {
        let line = Line::new();
        let join = |number| line.join(Some(address(number)), CLIENT).unwrap();
        let greedy: Vec<_> = (0..100).map(|_| join(1)).collect();
        let modest = join(2);
        assert!(takes_turn(&greedy[0]));
        assert!(!takes_turn(&modest) && !takes_turn(&greedy[1]));
        drop(greedy.into_iter().next());
        assert!(takes_turn(&modest));
    }

    #[tokio::test]
    async fn no_more_wait_than_there_is_room_for_and_one_client_leaves_an_eighth() {
        let line = Line::new();
        let mut waiting = Vec::new();
        for (number, room) in [(1, MAX_WAITING - MAX_WAITING / 8), (2, MAX_WAITING / 8)] {
            let join = |_| line.join(Some(address(number)), CLIENT);
            waiting.extend((0..room).map(join));
            assert!(line.join(Some(address(number)), CLIENT).is_none());
        }
        assert!(waiting.iter().all(Option::is_some));
        assert!(line.join(None, CLIENT).is_none());
        waiting.pop();
        assert!(line.join(None, CLIENT).is_some());
    }
}

//! Those who wait for the window of one upstream to open: first come, first served, clients before what nobody waits for.
//!
//! One has the turn at a time, the first of them. While somebody waits, who comes later with no greater claim queues behind.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use forebay_limits::Priority;
use tokio::sync::watch;

/// The most manifests that wait for an upstream's window to open; further ones are refused at once.
const MAX_WAITING: usize = 1_000;

/// The line before one upstream.
pub(crate) struct Line {
    shared: Arc<Shared>,
}

/// A place in the line, and in the end the turn; given up when it is dropped.
pub(crate) struct Ticket {
    shared: Arc<Shared>,
    place: Place,
}

struct Shared {
    state: Mutex<State>,
    /// Told whenever somebody else may be the first.
    moved: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    waiting: BTreeSet<Place>,
    /// Who has the turn, and no longer waits.
    holder: Option<Place>,
    next: u64,
}

/// The first in this order goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    is_background: bool,
    number: u64,
}

// === impl Line ===

impl Line {
    pub(crate) fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::default(),
                moved: watch::channel(()).0,
            }),
        }
    }

    /// A place behind all who have the same claim; `None` if too many wait.
    pub(crate) fn join(&self, priority: Priority) -> Option<Ticket> {
        let mut state = self.shared.state();
        if state.waiting.len() >= MAX_WAITING {
            return None;
        }
        let place = Place {
            is_background: priority == Priority::Background,
            number: state.next,
        };
        state.next += 1;
        state.waiting.insert(place);
        drop(state);
        self.shared.moved.send_replace(());
        Some(Ticket {
            shared: Arc::clone(&self.shared),
            place,
        })
    }

    /// Whether somebody is before whoever comes now.
    pub(crate) fn is_before(&self, priority: Priority) -> bool {
        let is_background = priority == Priority::Background;
        let state = self.shared.state();
        let mut before = state.holder.iter().chain(state.waiting.first());
        before.any(|place| place.is_background <= is_background)
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
        self.shared.state().holder == Some(self.place)
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
        let mut state = self.shared.state();
        let lifted = Place {
            is_background: false,
            ..self.place
        };
        if state.waiting.remove(&self.place) {
            state.waiting.insert(lifted);
        } else if state.holder == Some(self.place) {
            state.holder = Some(lifted);
        }
        drop(state);
        self.place = lifted;
        self.shared.moved.send_replace(());
    }

    fn take_turn(&self) -> bool {
        let mut state = self.shared.state();
        if state.holder.is_none() && state.waiting.first() == Some(&self.place) {
            state.holder = Some(self.place);
            state.waiting.remove(&self.place);
        }
        state.holder == Some(self.place)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.waiting.remove(&self.place);
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

    fn takes_turn(ticket: &Ticket) -> bool {
        ticket.turn().now_or_never().is_some()
    }

    #[tokio::test]
    async fn first_come_first_served_and_clients_before_what_nobody_waits_for() {
        let line = Line::new();
        let nobody = line.join(NOBODY).unwrap();
        assert!(!line.is_before(CLIENT) && line.is_before(NOBODY));
        let (first, second) = (line.join(CLIENT).unwrap(), line.join(CLIENT).unwrap());
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
        let gone = line.join(CLIENT).unwrap();
        let nobody = line.join(NOBODY).unwrap();
        let mut lifted = line.join(NOBODY).unwrap();
        drop(gone);
        lifted.lift();
        assert!(!takes_turn(&nobody) && takes_turn(&lifted));
    }

    #[tokio::test]
    async fn no_more_wait_than_there_is_room_for() {
        let line = Line::new();
        let mut waiting: Vec<_> = (0..MAX_WAITING).map(|_| line.join(CLIENT)).collect();
        assert!(waiting.iter().all(Option::is_some));
        assert!(line.join(CLIENT).is_none());
        waiting.pop();
        assert!(line.join(CLIENT).is_some());
    }
}

//! Who is next of those who wait for the same: clients before what nobody waits for, and of those one neighbour after the other.
//!
//! Pure and bounded. Neighbours are those whom the caller tells apart, such as addresses. However many places one of them has, it
//! gets one, and then each of the others does: so nobody keeps another out by asking much.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::Priority;

/// This part of all places is never one neighbour's. It is small, for a whole fleet behind one address is one neighbour.
const PART_OF_OTHERS: usize = 8;

/// Those who wait, neighbours told apart by `K`.
#[derive(Debug, Clone)]
pub struct Queue<K> {
    most: usize,
    clients: Round<K>,
    nobodys: Round<K>,
    next: u64,
}

/// A place among those who wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place<K> {
    /// Whose it is.
    pub of: K,
    /// Who waits for it.
    pub priority: Priority,
    rank: Rank,
}

/// No place is left: none at all, or none for this neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// Until when a place may wait, and which it is: of one neighbour, who can wait least goes first, then who came first.
type Rank = (Duration, u64);

/// Neighbours in the order of their turns.
#[derive(Debug, Clone)]
struct Round<K> {
    order: VecDeque<K>,
    /// One for each of those in the order, none empty.
    places: BTreeMap<K, BTreeSet<Rank>>,
    count: usize,
}

// === impl Queue ===

impl<K: Ord + Clone> Queue<K> {
    /// One of at most so many places, of which one neighbour gets seven eighths at most.
    pub const fn up_to(most: usize) -> Self {
        Self {
            most,
            clients: Round::empty(),
            nobodys: Round::empty(),
            next: 0,
        }
    }

    /// A place for a neighbour that may wait `until` then.
    ///
    /// # Errors
    /// There is none left for it.
    pub fn join(&mut self, of: K, priority: Priority, until: Duration) -> Result<Place<K>, Full> {
        let held = self.clients.held_by(&of) + self.nobodys.held_by(&of);
        if self.len() >= self.most || held >= self.most - self.most / PART_OF_OTHERS {
            return Err(Full);
        }
        let rank = (until, self.next);
        self.next += 1;
        self.round_mut(priority).add(&of, rank);
        Ok(Place { of, priority, rank })
    }

    /// Whose turn is next.
    pub fn first(&self) -> Option<Place<K>> {
        let of = |priority| {
            let (of, rank) = self.round(priority).first()?;
            Some(Place { of, priority, rank })
        };
        of(Priority::Interactive).or_else(|| of(Priority::Background))
    }

    /// Takes the next one out; then it is its neighbours' turn.
    pub fn take_first(&mut self) -> Option<Place<K>> {
        let first = self.first()?;
        let round = self.round_mut(first.priority);
        round.remove(&first.of, first.rank);
        round.go_last(&first.of);
        Some(first)
    }

    /// Gives a place up; true if it was still waiting.
    pub fn leave(&mut self, place: &Place<K>) -> bool {
        self.round_mut(place.priority).remove(&place.of, place.rank)
    }

    /// The same place among those of clients: somebody waits for it now.
    #[must_use]
    pub fn lift(&mut self, place: &Place<K>) -> Place<K> {
        let lifted = Place {
            priority: Priority::Interactive,
            ..place.clone()
        };
        if self.leave(place) {
            self.clients.add(&lifted.of, lifted.rank);
        }
        lifted
    }

    /// How many go before this one, if nobody comes or leaves.
    pub fn ahead_of(&self, place: &Place<K>) -> usize {
        let held = self.round(place.priority).places.get(&place.of);
        let own = held.map_or(0, |held| held.range(..place.rank).count());
        self.ahead(&place.of, place.priority, own)
    }

    /// How many would go before the last of so many `more` places, if a neighbour took them now that may wait `until` then.
    pub fn ahead_of_newcomer(
        &self,
        of: &K,
        priority: Priority,
        (until, more): (Duration, usize),
    ) -> usize {
        let held = self.round(priority).places.get(of);
        let own = held.map_or(0, |held| held.range(..(until, u64::MAX)).count());
        self.ahead(of, priority, own + more.saturating_sub(1))
    }

    /// Whether somebody waits whose turn is before that of whoever comes with this claim.
    pub fn is_before(&self, priority: Priority) -> bool {
        let nobodys = priority == Priority::Background && !self.nobodys.is_empty();
        nobodys || !self.clients.is_empty()
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.clients.count + self.nobodys.count
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn ahead(&self, of: &K, priority: Priority, own: usize) -> usize {
        let clients = match priority {
            Priority::Interactive => 0,
            Priority::Background => self.clients.count,
        };
        clients + self.round(priority).ahead(of, own)
    }

    fn round(&self, priority: Priority) -> &Round<K> {
        match priority {
            Priority::Interactive => &self.clients,
            Priority::Background => &self.nobodys,
        }
    }

    fn round_mut(&mut self, priority: Priority) -> &mut Round<K> {
        match priority {
            Priority::Interactive => &mut self.clients,
            Priority::Background => &mut self.nobodys,
        }
    }
}

impl<K> Place<K> {
    /// Which one it is of all that its queue ever gave.
    pub fn number(&self) -> u64 {
        self.rank.1
    }
}

// === impl Round ===

impl<K> Round<K> {
    const fn empty() -> Self {
        Self {
            order: VecDeque::new(),
            places: BTreeMap::new(),
            count: 0,
        }
    }

    fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl<K: Ord + Clone> Round<K> {
    fn add(&mut self, of: &K, rank: Rank) {
        if !self.places.contains_key(of) {
            self.order.push_back(of.clone());
        }
        let is_new = self.places.entry(of.clone()).or_default().insert(rank);
        self.count += usize::from(is_new);
    }

    fn remove(&mut self, of: &K, rank: Rank) -> bool {
        let Some(held) = self.places.get_mut(of) else {
            return false;
        };
        let was_there = held.remove(&rank);
        if held.is_empty() {
            self.places.remove(of);
            self.order.retain(|waiting| waiting != of);
        }
        self.count -= usize::from(was_there);
        was_there
    }

    fn first(&self) -> Option<(K, Rank)> {
        let of = self.order.front()?;
        let rank = self.places.get(of)?.first()?;
        Some((of.clone(), *rank))
    }

    /// It had its turn.
    fn go_last(&mut self, of: &K) {
        if self.order.front() == Some(of) {
            self.order.rotate_left(1);
        }
    }

    /// How many go before a place of which `own` of the same neighbour go before.
    fn ahead(&self, of: &K, own: usize) -> usize {
        let mut is_before = true;
        let others = self.order.iter().map(|other| {
            if other == of {
                is_before = false;
                return 0;
            }
            self.held_by(other).min(own + usize::from(is_before))
        });
        others.sum::<usize>() + own
    }

    fn held_by(&self, of: &K) -> usize {
        self.places.get(of).map_or(0, BTreeSet::len)
    }
}

#[cfg(test)]
mod tests;

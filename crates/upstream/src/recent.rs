//! What was heard of many things, of which those that were heard of last are remembered.
//!
//! Pure, and of a fixed size, whatever names clients come up with.

use std::collections::HashMap;

/// The most things that are remembered, in each of two generations.
const MAX_KNOWN: usize = 4_096;

/// What is known of things, by their hash.
#[derive(Clone, Debug)]
pub(crate) struct Recent<V> {
    recent: HashMap<u64, V>,
    older: HashMap<u64, V>,
}

impl<V> Default for Recent<V> {
    fn default() -> Self {
        Self {
            recent: HashMap::new(),
            older: HashMap::new(),
        }
    }
}

impl<V: Copy> Recent<V> {
    /// The last word on it; `None` if there was none, or long ago.
    pub(crate) fn find(&self, thing: u64) -> Option<V> {
        let found = self.recent.get(&thing);
        found.or_else(|| self.older.get(&thing)).copied()
    }

    /// Takes note of a word on it.
    pub(crate) fn note(&mut self, thing: u64, word: V) {
        if self.recent.len() >= MAX_KNOWN && !self.recent.contains_key(&thing) {
            self.older = std::mem::take(&mut self.recent);
        }
        self.recent.insert(thing, word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_holds() {
        let mut recent = Recent::default();
        assert_eq!(recent.find(1), None);
        for word in [false, true, false] {
            recent.note(1, word);
            assert_eq!(recent.find(1), Some(word));
        }
        assert_eq!(recent.find(2), None);
    }

    #[test]
    fn those_that_were_heard_of_last_stay_and_no_more_than_there_is_room_for() {
        let mut recent = Recent::default();
        for thing in 1..10 * MAX_KNOWN as u64 {
            recent.note(0, false);
            recent.note(thing, true);
            assert_eq!(recent.find(0), Some(false));
            assert!(recent.recent.len() + recent.older.len() <= 2 * MAX_KNOWN);
        }
        assert_eq!(recent.find(1), None);
    }
}

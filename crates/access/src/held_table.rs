//! What others hold, to be found by its key as long as they do.

use std::collections::HashMap;
use std::hash::Hash;

/// So many are never looked through.
pub(crate) const FEW: usize = 1_024;

/// The table. What nobody holds any more is not remembered for long.
#[derive(Debug)]
pub(crate) struct HeldTable<K, V> {
    of: HashMap<K, V>,
    /// How many there may be before they are looked through again.
    enough: usize,
}

impl<K: Eq + Hash, V> HeldTable<K, V> {
    pub(crate) fn new() -> Self {
        Self {
            of: HashMap::new(),
            enough: FEW,
        }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.of.get(key)
    }

    /// Remembers one, in place of what had its key; where there are many, those of which `is_held` says that nobody holds them go
    /// before.
    pub(crate) fn insert(&mut self, key: K, value: V, is_held: impl Fn(&V) -> bool) {
        if self.of.len() >= self.enough {
            self.of.retain(|_, value| is_held(value));
            self.enough = FEW.max(2 * self.of.len());
        }
        self.of.insert(key, value);
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.of.len()
    }
}

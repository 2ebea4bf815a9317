//! Of which repositories the registry counts pulls, as far as it has said.
//!
//! Pure. Images of paying publishers and of open source programs are free for whoever pulls them: then a manifest comes without a
//! word on the limit, where others' come with one (Docker Hub).

use std::collections::HashMap;

/// The most repositories that are remembered, in each of two generations: those that were heard of last stay.
const MAX_REPOSITORIES: usize = 4_096;

/// What is known of repositories, by their hash.
#[derive(Clone, Debug, Default)]
pub(super) struct Counted {
    recent: HashMap<u64, bool>,
    older: HashMap<u64, bool>,
}

impl Counted {
    /// Whether pulls of it are counted; `None` if nobody has said, or long ago.
    pub(super) fn find(&self, repository: u64) -> Option<bool> {
        let found = self.recent.get(&repository);
        found.or_else(|| self.older.get(&repository)).copied()
    }

    /// The registry's last word on it.
    pub(super) fn note(&mut self, repository: u64, is_counted: bool) {
        if self.recent.len() >= MAX_REPOSITORIES && !self.recent.contains_key(&repository) {
            self.older = std::mem::take(&mut self.recent);
        }
        self.recent.insert(repository, is_counted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_holds() {
        let mut counted = Counted::default();
        assert_eq!(counted.find(1), None);
        for word in [false, true, false] {
            counted.note(1, word);
            assert_eq!(counted.find(1), Some(word));
        }
        assert_eq!(counted.find(2), None);
    }

    #[test]
    fn those_that_were_heard_of_last_stay_and_no_more_than_there_is_room_for() {
        let mut counted = Counted::default();
        for repository in 0..10 * MAX_REPOSITORIES as u64 {
            counted.note(0, false);
            counted.note(repository, repository != 0);
            assert_eq!(counted.find(0), Some(false));
            assert!(counted.recent.len() + counted.older.len() <= 2 * MAX_REPOSITORIES);
        }
        assert_eq!(counted.find(1), None);
    }
}

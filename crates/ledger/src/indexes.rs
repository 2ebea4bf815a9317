//! Whose manifest follows its index: that of the first platform may be free.
//!
//! Pure, and bounded. A pair is what `calibration` learns from: an index, and one platform of it within the same time.

use std::collections::VecDeque;
use std::time::Duration;

use forebay_oci::{Digest, Reference, RepositoryName};

use crate::calibration::MAX_PAIR_GAP;

/// The most indexes of one upstream that wait for a platform; the oldest go.
pub(crate) const MAX_INDEXES: usize = 256;

/// The most manifests of one index that are remembered: those of a platform beyond them count as charged.
pub(crate) const MAX_CHILDREN: usize = 128;

/// Indexes of one upstream that were fetched a moment ago.
#[derive(Debug, Default)]
pub(crate) struct Indexes(VecDeque<Index>);

#[derive(Debug)]
struct Index {
    repository: RepositoryName,
    children: Vec<Digest>,
    at: Duration,
}

impl Indexes {
    /// An index of these manifests has come.
    pub(crate) fn note(&mut self, repository: &RepositoryName, children: &[Digest], now: Duration) {
        self.0.retain(|index| is_recent(index, now));
        if self.0.len() >= MAX_INDEXES {
            self.0.pop_front();
        }
        let children = children.iter().take(MAX_CHILDREN);
        self.0.push_back(Index {
            repository: repository.clone(),
            children: children.cloned().collect(),
            at: now,
        });
    }

    /// Whether this manifest is that of the first platform that follows its index; what comes after it is the second.
    pub(crate) fn take(
        &mut self,
        repository: &RepositoryName,
        reference: &Reference,
        now: Duration,
    ) -> bool {
        let Reference::Digest(digest) = reference else {
            return false;
        };
        let place = self.0.iter().position(|index| {
            is_recent(index, now)
                && index.repository == *repository
                && index.children.contains(digest)
        });
        place.and_then(|place| self.0.remove(place)).is_some()
    }
}

fn is_recent(index: &Index, now: Duration) -> bool {
    now.saturating_sub(index.at) <= MAX_PAIR_GAP
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_000);

    fn child(number: usize) -> Digest {
        Digest::sha256(number.to_string().as_bytes())
    }

    fn takes(indexes: &mut Indexes, repository: &str, number: usize, now: Duration) -> bool {
        let reference = Reference::Digest(child(number));
        indexes.take(&repository.parse().unwrap(), &reference, now)
    }

    fn with(children: &[Digest]) -> Indexes {
        let mut indexes = Indexes::default();
        indexes.note(&"library/nginx".parse().unwrap(), children, NOW);
        indexes
    }

    #[test]
    fn the_first_platform_after_its_index_is_told_once() {
        let mut indexes = with(&[child(1), child(2)]);
        assert!(!takes(&mut indexes, "library/nginx", 3, NOW), "another's");
        assert!(!takes(&mut indexes, "library/redis", 1, NOW), "elsewhere");
        let tag = Reference::Tag("1".parse().unwrap());
        assert!(!indexes.take(&"library/nginx".parse().unwrap(), &tag, NOW));
        assert!(takes(&mut indexes, "library/nginx", 2, NOW));
        assert!(!takes(&mut indexes, "library/nginx", 1, NOW), "the second");
    }

    #[test]
    fn a_platform_that_comes_late_follows_nothing() {
        let late = NOW + MAX_PAIR_GAP + Duration::from_millis(1);
        assert!(!takes(&mut with(&[child(1)]), "library/nginx", 1, late));
        let in_time = NOW + MAX_PAIR_GAP;
        assert!(takes(&mut with(&[child(1)]), "library/nginx", 1, in_time));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let many: Vec<_> = (0..=MAX_CHILDREN).map(child).collect();
        let mut indexes = with(&many);
        assert!(!takes(&mut indexes, "library/nginx", MAX_CHILDREN, NOW));
        for number in 0..MAX_INDEXES {
            let name = format!("team/app{number}").parse().unwrap();
            indexes.note(&name, &[child(number)], NOW);
        }
        assert_eq!(indexes.0.len(), MAX_INDEXES);
        assert!(!takes(&mut indexes, "library/nginx", 1, NOW), "the oldest");
        let later = NOW + 2 * MAX_PAIR_GAP;
        indexes.note(&"team/last".parse().unwrap(), &[], later);
        assert_eq!(indexes.0.len(), 1);
    }
}

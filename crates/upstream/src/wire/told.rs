//! Of whom something was told in the log, so that it is told once and not with each answer.
//!
//! Pure and bounded. A registry counts what we ask by its source: our IPv4 address, our IPv6 network, an account. Answers for
//! one say nothing of the others.

use std::time::Duration;

use forebay_limits::Source;

/// The most sources of whom something is told within [`TOLD_AGAIN_AFTER`].
const MAX_SOURCES: usize = 16;

/// Of whom nothing was heard for so long is told of again.
const TOLD_AGAIN_AFTER: Duration = Duration::from_hours(6);

/// The sources of whom it was told, and when it was last true.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// `None` is whom a registry did not name: then it may be any.
    sources: Vec<(Option<Source>, Duration)>,
}

impl Told {
    /// It is true of a source; true if that is to be told now.
    pub(super) fn begin(&mut self, source: Option<&Source>, now: Duration) -> bool {
        let is_old = |heard_at: Duration| now.saturating_sub(heard_at) >= TOLD_AGAIN_AFTER;
        let named = |(known, _): &(Option<Source>, _)| known.as_ref() == source;
        let place = self.sources.iter().position(named);
        let place = place.or_else(|| self.sources.iter().position(|told| may_be(told, source)));
        if let Some(place) = place {
            let (known, heard_at) = &mut self.sources[place];
            let is_news = is_old(*heard_at);
            *known = source.cloned().or_else(|| known.take());
            *heard_at = now;
            return is_news;
        }
        if self.sources.len() >= MAX_SOURCES {
            self.sources.retain(|(_, heard_at)| !is_old(*heard_at));
        }
        if self.sources.len() >= MAX_SOURCES {
            return false;
        }
        self.sources.push((source.cloned(), now));
        true
    }

    /// It is no longer true of a source; true if it was told of it.
    pub(super) fn end(&mut self, source: Option<&Source>) -> bool {
        let before = self.sources.len();
        self.sources
            .retain(|told| !may_be(told, source) && told.0.as_ref() != source);
        self.sources.len() < before
    }
}

/// Whether it may have been told of this source, because one of the two has no name.
fn may_be((known, _): &(Option<Source>, Duration), source: Option<&Source>) -> bool {
    known.is_none() || source.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1);

    fn source(number: usize) -> Option<Source> {
        Source::parse(&format!("192.0.2.{number}"))
    }

    #[test]
    fn two_sources_whose_answers_alternate_are_told_of_once_each() {
        let (one, other) = (source(1), source(2));
        let mut told = Told::default();
        assert!(told.begin(one.as_ref(), NOW));
        for _ in 0..100 {
            assert!(!told.end(other.as_ref()));
            assert!(!told.begin(one.as_ref(), NOW));
        }
        assert!(told.begin(other.as_ref(), NOW));
        assert!(told.end(one.as_ref()) && told.end(other.as_ref()));
        assert!(!told.end(one.as_ref()));
        assert!(told.begin(one.as_ref(), NOW), "it begins anew");
    }

    #[test]
    fn who_is_not_named_may_be_any() {
        let one = source(1);
        for (begins, again, ends) in [
            (None, None, None),
            (None, one.as_ref(), one.as_ref()),
            (one.as_ref(), None, one.as_ref()),
            (None, None, one.as_ref()),
            (one.as_ref(), one.as_ref(), None),
        ] {
            let mut told = Told::default();
            assert!(told.begin(begins, NOW));
            assert!(!told.begin(again, NOW));
            assert!(told.end(ends) && !told.end(ends), "{begins:?} {ends:?}");
        }
    }

    #[test]
    fn so_many_are_told_of_and_after_a_while_others() {
        let mut told = Told::default();
        let mut begin = |number, now| told.begin(source(number).as_ref(), now);
        for number in 0..2 * MAX_SOURCES {
            assert_eq!(begin(number, NOW), number < MAX_SOURCES);
        }
        let later = NOW + TOLD_AGAIN_AFTER;
        assert!(begin(MAX_SOURCES, later), "of the others nothing was heard");
        assert!(begin(0, later));
    }
}

//! The objects that an upstream fails on: each is left alone for itself, while all others are asked for.
//!
//! Pure: times are arguments. An object is what one kind of call asks for: a manifest's HEAD may work where its GET fails.

use std::collections::HashMap;
use std::time::Duration;

use super::breaker::{Breaker, Passage, Trouble};

/// The most objects that are remembered; the one whose last trouble is oldest goes first.
const MAX_AILING: usize = 256;

/// The objects that were answered with a server error when they were last asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Objects {
    ailing: HashMap<u64, Ailing>,
}

#[derive(Clone, Debug)]
struct Ailing {
    breaker: Breaker,
    /// When it was last in trouble.
    since: Duration,
}

impl Objects {
    /// When asking again for the object may help, if it is not asked for now.
    pub(super) fn closed_for(&self, object: u64, now: Duration) -> Option<Duration> {
        self.ailing.get(&object)?.breaker.closed_for(object, now)
    }

    /// Lets a request for the object through, or says when asking again may help.
    pub(super) fn admit(&mut self, object: u64, now: Duration) -> Result<Passage, Duration> {
        match self.ailing.get_mut(&object) {
            Some(ailing) => ailing.breaker.admit(object, now),
            None => Ok(Passage::Plain),
        }
    }

    /// It was answered, whatever the answer said.
    pub(super) fn note_answer(&mut self, object: u64) {
        self.ailing.remove(&object);
    }

    /// It was answered with a server error.
    pub(super) fn note_trouble(
        &mut self,
        object: u64,
        passage: Passage,
        (now, jitter): (Duration, f64),
    ) {
        if !self.ailing.contains_key(&object) && self.ailing.len() >= MAX_AILING {
            self.forget_oldest();
        }
        let ailing = self.ailing.entry(object).or_insert_with(|| Ailing {
            breaker: Breaker::new(),
            since: now,
        });
        ailing.since = now;
        // Of its own errors each counts.
        ailing
            .breaker
            .note_trouble(passage, Trouble::Silence, (now, jitter));
    }

    /// It was asked for, and nothing came of it that is about it.
    pub(super) fn note_nothing(&mut self, object: u64, passage: Passage, now: Duration) {
        if let Some(ailing) = self.ailing.get_mut(&object) {
            ailing.breaker.note_nothing(passage, now);
        }
    }

    fn forget_oldest(&mut self) {
        let oldest = self.ailing.iter().min_by_key(|(_, ailing)| ailing.since);
        if let Some(oldest) = oldest.map(|(object, _)| *object) {
            self.ailing.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::breaker::TROUBLES_TO_OPEN;

    const JITTER: f64 = 0.5;

    fn fail(objects: &mut Objects, object: u64, times: usize, now: Duration) {
        for _ in 0..times {
            let passage = objects.admit(object, now).unwrap();
            objects.note_trouble(object, passage, (now, JITTER));
        }
    }

    #[test]
    fn an_object_that_fails_again_and_again_rests_alone() {
        let mut objects = Objects::default();
        fail(&mut objects, 1, TROUBLES_TO_OPEN, Duration::ZERO);
        assert_eq!(
            objects.admit(1, Duration::ZERO),
            Err(Duration::from_secs(1))
        );
        assert_eq!(objects.admit(2, Duration::ZERO), Ok(Passage::Plain));
        let later = Duration::from_secs(1);
        assert_eq!(objects.admit(1, later), Ok(Passage::Probe));
        objects.note_answer(1);
        assert_eq!(objects.admit(1, later), Ok(Passage::Plain));
    }

    #[test]
    fn no_more_are_remembered_than_there_is_room_for() {
        let mut objects = Objects::default();
        fail(&mut objects, 0, TROUBLES_TO_OPEN, Duration::ZERO);
        for object in 1..=MAX_AILING as u64 {
            fail(&mut objects, object, 1, Duration::from_secs(object));
        }
        assert_eq!(objects.ailing.len(), MAX_AILING);
        assert_eq!(objects.admit(0, Duration::ZERO), Ok(Passage::Plain));
    }
}

//! A circuit breaker: after several troubles in a row nothing is asked for a while, then one request tries.
//!
//! A server error is an answer, and about one repository: a broken image that somebody pulls again and again must not close the
//! way to all others. So a repository counts once in a row, or, of what strangers seek, the client who sought it does, and the one that was the last straw does not take the next probe
//! before others could. Silence counts each time. Pure: times are arguments.

use std::time::Duration;

/// So many troubles in a row open it.
pub(super) const TROUBLES_TO_OPEN: usize = 5;
/// How long it stays open at first; doubled each time that the probe fails.
pub(super) const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// How long it stays open at most, before jitter.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// The breaker of one part of an upstream, or of one object.
#[derive(Clone, Debug)]
pub(super) struct Breaker {
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Closed {
        /// In a row, at most [`TROUBLES_TO_OPEN`].
        troubles: Vec<Trouble>,
    },
    Open {
        until: Duration,
        pause: Duration,
        last: Trouble,
    },
    /// One request tries; the others wait for its outcome by failing at once.
    Probing { pause: Duration },
}

/// What a request met with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// No answer: not reached, cut off, or not in time. Another request would meet with the same.
    Silence,
    /// A server error, about this repository, or sought by this stranger.
    About(u64),
}

/// How a request passed the breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    /// Like all others.
    Plain,
    /// As the one that tries.
    Probe,
}

impl Breaker {
    pub(super) fn new() -> Self {
        Self {
            state: State::Closed {
                troubles: Vec::new(),
            },
        }
    }

    pub(super) fn is_open(&self) -> bool {
        !matches!(self.state, State::Closed { .. })
    }

    /// When asking again about a repository may help, if nothing is asked now.
    pub(super) fn closed_for(&self, repository: u64, now: Duration) -> Option<Duration> {
        match self.state {
            State::Closed { .. } => None,
            State::Open { until, pause, last } => {
                let until = if last == Trouble::About(repository) {
                    until + pause
                } else {
                    until
                };
                (now < until).then(|| until.saturating_sub(now))
            }
            State::Probing { .. } => Some(FIRST_PAUSE),
        }
    }

    /// Lets a request about a repository through, or says when asking again may help.
    pub(super) fn admit(&mut self, repository: u64, now: Duration) -> Result<Passage, Duration> {
        if let Some(wait) = self.closed_for(repository, now) {
            return Err(wait);
        }
        if let State::Open { pause, .. } = self.state {
            self.state = State::Probing { pause };
            return Ok(Passage::Probe);
        }
        Ok(Passage::Plain)
    }

    /// A request was answered, whatever the answer said.
    pub(super) fn note_answer(&mut self) {
        *self = Self::new();
    }

    /// A request met with trouble. `jitter` lies in 0..1 and spreads the pause over half to one and a half of itself.
    pub(super) fn note_trouble(
        &mut self,
        passage: Passage,
        trouble: Trouble,
        (now, jitter): (Duration, f64),
    ) {
        let pause = match (&mut self.state, passage) {
            (State::Closed { troubles }, _) => {
                if trouble == Trouble::Silence || !troubles.contains(&trouble) {
                    troubles.push(trouble);
                }
                if troubles.len() < TROUBLES_TO_OPEN {
                    return;
                }
                FIRST_PAUSE
            }
            (State::Probing { pause }, Passage::Probe) => (*pause * 2).min(LONGEST_PAUSE),
            // From a request that began before it opened: nothing new.
            (State::Open { .. } | State::Probing { .. }, _) => return,
        };
        self.state = State::Open {
            until: now + pause.mul_f64(0.5 + jitter),
            pause,
            last: trouble,
        };
    }

    /// A request was given up before it met with anything.
    pub(super) fn note_nothing(&mut self, passage: Passage, now: Duration) {
        if let (State::Probing { pause }, Passage::Probe) = (&self.state, passage) {
            // Due at once: the next request tries.
            self.state = State::Open {
                until: now,
                pause: *pause,
                last: Trouble::Silence,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JITTER: f64 = 0.5;
    const HERE: u64 = 1;

    fn opened() -> Breaker {
        let mut breaker = Breaker::new();
        for _ in 0..TROUBLES_TO_OPEN {
            assert_eq!(breaker.admit(HERE, Duration::ZERO), Ok(Passage::Plain));
            breaker.note_trouble(Passage::Plain, Trouble::Silence, (Duration::ZERO, JITTER));
        }
        assert!(breaker.is_open());
        breaker
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn it_opens_after_several_troubles_in_a_row_and_no_sooner() {
        let mut breaker = Breaker::new();
        for _ in 0..3 {
            for _ in 1..TROUBLES_TO_OPEN {
                breaker.note_trouble(Passage::Plain, Trouble::Silence, (Duration::ZERO, JITTER));
                assert!(!breaker.is_open());
            }
            breaker.note_answer();
        }
        assert_eq!(opened().admit(HERE, Duration::ZERO), Err(seconds(1)));
    }

    #[test]
    fn one_probe_tries_when_the_pause_is_over_and_closes_it() {
        let mut breaker = opened();
        assert_eq!(breaker.admit(HERE, seconds(1)), Ok(Passage::Probe));
        assert!(breaker.admit(HERE, seconds(1)).is_err());
        breaker.note_answer();
        assert_eq!(breaker.admit(HERE, seconds(1)), Ok(Passage::Plain));
    }

    #[test]
    fn each_failed_probe_doubles_the_pause_up_to_a_minute() {
        let mut breaker = opened();
        let mut now = seconds(1);
        for expected in [2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(breaker.admit(HERE, now), Ok(Passage::Probe));
            breaker.note_trouble(Passage::Probe, Trouble::Silence, (now, JITTER));
            assert_eq!(breaker.admit(HERE, now), Err(seconds(expected)));
            now += seconds(expected);
        }
    }

    #[test]
    fn a_probe_that_is_given_up_leaves_room_for_the_next() {
        let mut breaker = opened();
        assert_eq!(breaker.admit(HERE, seconds(1)), Ok(Passage::Probe));
        breaker.note_nothing(Passage::Probe, seconds(2));
        assert_eq!(breaker.admit(HERE, seconds(2)), Ok(Passage::Probe));
    }

    #[test]
    fn latecomers_change_nothing_but_an_answer_closes_it() {
        let mut breaker = opened();
        breaker.note_trouble(Passage::Plain, Trouble::Silence, (seconds(1), JITTER));
        breaker.note_nothing(Passage::Plain, seconds(1));
        assert_eq!(breaker.admit(HERE, seconds(1)), Ok(Passage::Probe));
        breaker.note_trouble(Passage::Plain, Trouble::Silence, (seconds(1), JITTER));
        assert!(breaker.admit(HERE, seconds(1)).is_err());
        breaker.note_answer();
        assert!(!breaker.is_open());
    }

    #[test]
    fn one_repositorys_errors_never_open_it_and_those_of_several_do() {
        use Trouble::{About, Silence};
        for (troubles, opens) in [
            (vec![About(1); 100], false),
            ([About(1), About(2)].repeat(50), false),
            ((1..=5).map(About).collect(), true),
            (vec![Silence; 5], true),
            ([vec![About(1); 9], vec![Silence; 3]].concat(), false),
            ([vec![About(1); 9], vec![Silence; 4]].concat(), true),
        ] {
            let mut breaker = Breaker::new();
            for trouble in &troubles {
                breaker.note_trouble(Passage::Plain, *trouble, (Duration::ZERO, JITTER));
            }
            assert_eq!(breaker.is_open(), opens, "{troubles:?}");
        }
    }

    #[test]
    fn the_repository_whose_error_came_last_does_not_take_the_next_probe_before_others_could() {
        let (bad, good) = (7, 8);
        let mut breaker = opened();
        assert_eq!(breaker.admit(bad, seconds(1)), Ok(Passage::Probe));
        breaker.note_trouble(Passage::Probe, Trouble::About(bad), (seconds(1), JITTER));
        assert_eq!(breaker.admit(bad, seconds(3)), Err(seconds(2)));
        assert_eq!(breaker.clone().admit(good, seconds(3)), Ok(Passage::Probe));
        assert_eq!(breaker.admit(bad, seconds(5)), Ok(Passage::Probe), "alone");
    }
}

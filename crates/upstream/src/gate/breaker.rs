//! A circuit breaker: after several troubles in a row nothing is asked for a while, then one request tries.
//!
//! Pure: times are arguments.

use std::time::Duration;

/// So many troubles in a row open it.
pub(super) const TROUBLES_TO_OPEN: u32 = 5;
/// How long it stays open at first; doubled each time that the probe fails.
pub(super) const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// How long it stays open at most, before jitter.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// The breaker of one part of an upstream.
#[derive(Clone, Debug)]
pub(super) struct Breaker {
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Closed {
        troubles: u32,
    },
    Open {
        until: Duration,
        pause: Duration,
    },
    /// One request tries; the others wait for its outcome by failing at once.
    Probing {
        pause: Duration,
    },
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
            state: State::Closed { troubles: 0 },
        }
    }

    pub(super) fn is_open(&self) -> bool {
        !matches!(self.state, State::Closed { .. })
    }

    /// Lets a request through, or says when asking again may help.
    pub(super) fn admit(&mut self, now: Duration) -> Result<Passage, Duration> {
        match self.state {
            State::Closed { .. } => Ok(Passage::Plain),
            State::Open { until, .. } if now < until => Err(until.saturating_sub(now)),
            State::Open { pause, .. } => {
                self.state = State::Probing { pause };
                Ok(Passage::Probe)
            }
            State::Probing { .. } => Err(FIRST_PAUSE),
        }
    }

    /// A request was answered, whatever the answer said.
    pub(super) fn note_answer(&mut self) {
        self.state = State::Closed { troubles: 0 };
    }

    /// A request met with trouble. `jitter` lies in 0..1 and spreads the pause over half to one and a half of itself.
    pub(super) fn note_trouble(&mut self, passage: Passage, now: Duration, jitter: f64) {
        let pause = match (&mut self.state, passage) {
            (State::Closed { troubles }, _) => {
                *troubles += 1;
                if *troubles < TROUBLES_TO_OPEN {
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
        };
    }

    /// A request was given up before it met with anything.
    pub(super) fn note_nothing(&mut self, passage: Passage, now: Duration) {
        if let (State::Probing { pause }, Passage::Probe) = (&self.state, passage) {
            // Due at once: the next request tries.
            self.state = State::Open {
                until: now,
                pause: *pause,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JITTER: f64 = 0.5;

    fn opened() -> Breaker {
        let mut breaker = Breaker::new();
        for _ in 0..TROUBLES_TO_OPEN {
            assert_eq!(breaker.admit(Duration::ZERO), Ok(Passage::Plain));
            breaker.note_trouble(Passage::Plain, Duration::ZERO, JITTER);
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
                breaker.note_trouble(Passage::Plain, Duration::ZERO, JITTER);
                assert!(!breaker.is_open());
            }
            breaker.note_answer();
        }
        assert_eq!(opened().admit(Duration::ZERO), Err(seconds(1)));
    }

    #[test]
    fn one_probe_tries_when_the_pause_is_over_and_closes_it() {
        let mut breaker = opened();
        assert_eq!(breaker.admit(seconds(1)), Ok(Passage::Probe));
        assert!(breaker.admit(seconds(1)).is_err());
        breaker.note_answer();
        assert_eq!(breaker.admit(seconds(1)), Ok(Passage::Plain));
    }

    #[test]
    fn each_failed_probe_doubles_the_pause_up_to_a_minute() {
        let mut breaker = opened();
        let mut now = seconds(1);
        for expected in [2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(breaker.admit(now), Ok(Passage::Probe));
            breaker.note_trouble(Passage::Probe, now, JITTER);
            assert_eq!(breaker.admit(now), Err(seconds(expected)));
            now += seconds(expected);
        }
    }

    #[test]
    fn a_probe_that_is_given_up_leaves_room_for_the_next() {
        let mut breaker = opened();
        assert_eq!(breaker.admit(seconds(1)), Ok(Passage::Probe));
        breaker.note_nothing(Passage::Probe, seconds(2));
        assert_eq!(breaker.admit(seconds(2)), Ok(Passage::Probe));
    }

    #[test]
    fn latecomers_change_nothing_but_an_answer_closes_it() {
        let mut breaker = opened();
        breaker.note_trouble(Passage::Plain, seconds(1), JITTER);
        breaker.note_nothing(Passage::Plain, seconds(1));
        assert_eq!(breaker.admit(seconds(1)), Ok(Passage::Probe));
        breaker.note_trouble(Passage::Plain, seconds(1), JITTER);
        assert!(breaker.admit(seconds(1)).is_err());
        breaker.note_answer();
        assert!(!breaker.is_open());
    }
}

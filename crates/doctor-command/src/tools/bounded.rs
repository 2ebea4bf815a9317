//! No program costs more than so much time and room altogether: one that hangs or never ends is not asked again.
//!
//! A wrapper of what runs programs.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use forebay_content::Clock;
use forebay_terminal::programs::MAX_OUTPUT_BYTES;

use super::program::{Call, Tools, Trouble};

/// The longest that all calls of one program take; the last of them may take longer by its own limit.
const MAX_TIME: Duration = Duration::from_mins(5);

/// The most bytes that are read of all that one program says.
const MAX_BYTES: u64 = MAX_OUTPUT_BYTES;

/// Programs, each as long as it costs little.
pub(crate) struct Bounded<'a, T> {
    tools: &'a T,
    clock: &'a dyn Clock,
    spent: RefCell<BTreeMap<&'static str, Spent>>,
}

/// What a program has cost.
#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    time: Duration,
    bytes: u64,
    is_stuck: bool,
}

impl Spent {
    /// Why it is not asked again, if so.
    fn why_not(self) -> Option<&'static str> {
        if self.is_stuck {
            Some("it did not come to an end")
        } else if self.time >= MAX_TIME {
            Some("it has taken minutes already")
        } else if self.bytes >= MAX_BYTES {
            Some("it has said too much already")
        } else {
            None
        }
    }
}

impl<'a, T: Tools> Bounded<'a, T> {
    /// Programs that have cost nothing yet.
    pub(crate) fn new(tools: &'a T, clock: &'a dyn Clock) -> Self {
        Self {
            tools,
            clock,
            spent: RefCell::default(),
        }
    }

    fn spent(&self, program: &'static str) -> Spent {
        let spent = self.spent.borrow();
        spent.get(program).copied().unwrap_or_default()
    }
}

impl<T: Tools> Tools for Bounded<'_, T> {
    async fn run(&self, call: &Call, take: &mut dyn FnMut(&[u8])) -> Result<(), Trouble> {
        let mut spent = self.spent(call.program);
        if let Some(why) = spent.why_not() {
            return Err(Trouble::GivenUp(why));
        }
        let begun = self.clock.monotonic();
        let call = call.clone().at_most(MAX_BYTES - spent.bytes);
        let mut count = |part: &[u8]| {
            spent.bytes = spent.bytes.saturating_add(part.len() as u64);
            take(part);
        };
        let ended = self.tools.run(&call, &mut count).await;
        spent.time += self.clock.monotonic().saturating_sub(begun);
        spent.is_stuck = matches!(ended, Err(Trouble::TookTooLong(_)));
        self.spent.borrow_mut().insert(call.program, spent);
        ended
    }
}

#[cfg(test)]
mod tests {
    use forebay_content::ManualClock;

    use super::*;

    /// Plays a program that takes this long and says this much, or hangs.
    struct Played<'a> {
        clock: &'a ManualClock,
        takes: Duration,
        says: u64,
        hangs: bool,
    }

    impl Tools for Played<'_> {
        async fn run(&self, call: &Call, take: &mut dyn FnMut(&[u8])) -> Result<(), Trouble> {
            self.clock.advance(self.takes);
            let part = vec![b'x'; 1 << 20];
            for _ in 0..self.says.min(call.max_bytes) >> 20 {
                take(&part);
            }
            if self.hangs {
                return Err(Trouble::TookTooLong(self.takes));
            }
            Ok(())
        }
    }

    async fn ends(takes_s: u64, says_mib: u64, hangs: bool) -> Vec<String> {
        let clock = ManualClock::default();
        let played = Played {
            clock: &clock,
            takes: Duration::from_secs(takes_s),
            says: says_mib << 20,
            hangs,
        };
        let bounded = Bounded::new(&played, &clock);
        let mut ends = Vec::new();
        for _ in 0..3 {
            let end = bounded.run(&Call::new("docker", &[]), &mut |_| {}).await;
            ends.push(end.err().map_or("ok".to_owned(), |end| end.to_string()));
        }
        // What another costs is its own.
        let other = bounded.run(&Call::new("aws", &[]), &mut |_| {}).await;
        assert!(!matches!(other, Err(Trouble::GivenUp(_))));
        ends
    }

    #[tokio::test]
    async fn a_program_is_asked_again_as_long_as_it_costs_little() {
        assert_eq!(ends(1, 1, false).await, ["ok", "ok", "ok"]);
    }

    #[tokio::test]
    async fn a_program_that_hangs_is_asked_once() {
        let stuck = "is not asked again: it did not come to an end";
        assert_eq!(
            ends(60, 0, true).await,
            ["took longer than 60 s", stuck, stuck]
        );
    }

    #[tokio::test]
    async fn all_calls_of_a_program_share_their_time_and_their_room() {
        let slow = "is not asked again: it has taken minutes already";
        assert_eq!(ends(150, 0, false).await, ["ok", "ok", slow]);
        let much = "is not asked again: it has said too much already";
        assert_eq!(ends(1, 128, false).await, ["ok", "ok", much]);
    }
}

//! How often logins that nobody has seen work may fail at an upstream, for all clients together.
//!
//! Pure: times are arguments. Registries count failed logins and lock the account for a quarter of an hour (Docker Hub, by its
//! name) or the address for an hour (GitLab, after 30 in 3 minutes): one client with a wrong password must lock out nobody.

use std::collections::VecDeque;
use std::time::Duration;

use crate::verdicts::Handle;

/// So long a failure counts for its name: as long as Docker Hub's lockout lasts.
const NAME_WINDOW: Duration = Duration::from_mins(15);

/// The most failures of one name in that time; Docker Hub locks after about ten.
const MAX_OF_NAME: usize = 5;

/// So long a failure counts for all.
const WINDOW: Duration = Duration::from_mins(1);

/// The most failures in that time, whoever's: half of what GitLab shuts an address out for.
const MAX_OF_ALL: usize = 5;

/// The most failures that are remembered: those of all within the longer time, and some that were under way.
const MAX_REMEMBERED: usize = 256;

/// The failures so far.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    failed: VecDeque<(Duration, Handle)>,
}

impl Attempts {
    /// How long a login of this name has to wait; `None` if it may be tried.
    pub(crate) fn wait_for(&self, name: Handle, now: Duration) -> Option<Duration> {
        let all = self.failed.iter().map(|(at, _)| *at);
        let own = self.failed.iter().filter(|(_, failed)| *failed == name);
        let of_name = wait(own.map(|(at, _)| *at), (NAME_WINDOW, MAX_OF_NAME), now);
        of_name.max(wait(all, (WINDOW, MAX_OF_ALL), now))
    }

    /// A login of this name failed.
    pub(crate) fn note_failed(&mut self, name: Handle, now: Duration) {
        while let Some((at, _)) = self.failed.front()
            && (*at + NAME_WINDOW <= now || self.failed.len() >= MAX_REMEMBERED)
        {
            self.failed.pop_front();
        }
        self.failed.push_back((now, name));
    }
}

/// When there are fewer than `most` of these within the window again, if there are not now; the oldest come first.
fn wait(
    failed: impl DoubleEndedIterator<Item = Duration>,
    (window, most): (Duration, usize),
    now: Duration,
) -> Option<Duration> {
    let oldest = failed.rev().nth(most - 1)?;
    let wait = (oldest + window).saturating_sub(now);
    (!wait.is_zero()).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn five_failures_a_minute_and_five_of_a_name_in_a_quarter_of_an_hour_are_all() {
        let [alice, bob] = [Handle::of_test(1), Handle::of_test(2)];
        let mut attempts = Attempts::default();
        for second in 0..5 {
            assert_eq!(attempts.wait_for(alice, seconds(second)), None);
            attempts.note_failed(alice, seconds(second));
        }
        assert_eq!(attempts.wait_for(alice, seconds(10)), Some(seconds(890)));
        assert_eq!(attempts.wait_for(bob, seconds(10)), Some(seconds(50)));
        assert_eq!(attempts.wait_for(bob, seconds(60)), None);
        assert_eq!(attempts.wait_for(alice, seconds(60)), Some(seconds(840)));
        assert_eq!(attempts.wait_for(alice, seconds(900)), None);
        attempts.note_failed(alice, seconds(900));
        assert_eq!(attempts.wait_for(alice, seconds(900)), Some(seconds(1)));
        assert_eq!(attempts.wait_for(alice, seconds(901)), None);
    }

    #[test]
    fn no_more_are_remembered_than_there_is_room_for() {
        let mut attempts = Attempts::default();
        for number in 0..10_000 {
            attempts.note_failed(Handle::of_test(1), Duration::from_millis(number));
            assert!(attempts.failed.len() <= MAX_REMEMBERED);
        }
        attempts.note_failed(Handle::of_test(1), seconds(10_000));
        assert_eq!(attempts.failed.len(), 1);
    }
}

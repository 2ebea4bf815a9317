//! How often logins that nobody has seen work may fail at an upstream: of one name, and of all together.
//!
//! Pure: times are arguments. Registries count failed logins and lock the account for a quarter of an hour (Docker Hub, by its
//! name, after about ten) or the address for an hour (GitLab, after 30 in 3 minutes): one client with a wrong password must lock out
//! nobody there. Nor here, by taking all that may fail: so a failure is made up for after a while, one after the other, and the more
//! has failed at an address, the more of the others' it waits for to be made up for before it may try on.

use std::collections::HashMap;
use std::time::Duration;

use crate::addresses::AddressRecord;
use crate::handle::Handle;

/// In so long a failure of a name is made up for. With those at once there are eight in a quarter of an hour at most.
const OF_NAME: Duration = Duration::from_mins(4);

/// In so long one of all together is. With those at once there are 17 in three minutes at most, which is little more than half of what
/// GitLab shuts an address out for.
const OF_ALL: Duration = Duration::from_secs(15);

/// The most names whose failures are remembered: more than can fail before the first of them are made up for, but for logins that had
/// worked before.
const MAX_NAMES: usize = 256;

/// Who tries a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// The name that is tried.
    pub(crate) name: Handle,
    /// What is known of where it comes from.
    pub(crate) address: AddressRecord,
}

/// The failures so far, and what is being tried.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    of_names: HashMap<Handle, Failures>,
    of_all: Failures,
    /// Those that are not settled, no more than may fail.
    under_way: Vec<(Number, Handle)>,
    next: u64,
}

/// Which attempt it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number(u64);

/// Why one may not be tried now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wait {
    /// If those that are under way failed, too many would have.
    ForOthers,
    /// Too many have failed: until enough of that is made up for.
    For(Duration),
}

/// Failures, as the time at which all of them are made up for.
#[derive(Clone, Copy, Debug, Default)]
struct Failures(Duration);

impl Attempts {
    /// Begins an attempt, which counts as one that failed until it is settled: those that come at once fail at once.
    ///
    /// # Errors
    /// It may not be tried now.
    pub(crate) fn begin(&mut self, attempt: Attempt, now: Duration) -> Result<Number, Wait> {
        if let Some(wait) = self.find_wait(&attempt, now) {
            return Err(wait);
        }
        let number = Number(self.next);
        self.next += 1;
        self.under_way.push((number, attempt.name));
        Ok(number)
    }

    /// What was begun has failed, or is taken back.
    pub(crate) fn settle(&mut self, number: Number, has_failed: bool, now: Duration) {
        let place = self
            .under_way
            .iter()
            .position(|(begun, _)| *begun == number);
        let settled = place.map(|place| self.under_way.swap_remove(place));
        if let Some((_, name)) = settled.filter(|_| has_failed) {
            self.note_failed(name, now);
        }
    }

    /// One of this name failed.
    pub(crate) fn note_failed(&mut self, name: Handle, now: Duration) {
        self.of_all.add(OF_ALL, now);
        self.of_names.retain(|_, failures| failures.0 > now);
        if self.of_names.len() >= MAX_NAMES {
            let first = self.of_names.iter().min_by_key(|(_, failures)| failures.0);
            if let Some(first) = first.map(|(name, _)| *name) {
                self.of_names.remove(&first);
            }
        }
        self.of_names.entry(name).or_default().add(OF_NAME, now);
    }

    /// How long this one has to wait, and for what; `None` if it may be tried.
    fn find_wait(&self, attempt: &Attempt, now: Duration) -> Option<Wait> {
        let most = attempt.address.most();
        let of_name = self.of_names.get(&attempt.name).copied();
        let is_of_name = |(_, name): &&(Number, Handle)| *name == attempt.name;
        let beside = self.under_way.iter().filter(is_of_name).count();
        let of_name = of_name
            .unwrap_or_default()
            .wait((OF_NAME, most), beside, now);
        let beside = self.under_way.len();
        let of_all = self.of_all.wait((OF_ALL, most), beside, now);
        of_name.max(of_all)
    }
}

impl Failures {
    /// Counts one more, which is made up for `interval` after those before it. No more are remembered than anybody may have.
    fn add(&mut self, interval: Duration, now: Duration) {
        let most = now + interval * AddressRecord::MOST;
        self.0 = (self.0.max(now) + interval).min(most);
    }

    /// What there is to wait for until there are fewer than `most`, if so many more fail as are under way; `None` if there are.
    fn wait(
        self,
        (interval, most): (Duration, u32),
        under_way: usize,
        now: Duration,
    ) -> Option<Wait> {
        let left = self.0.saturating_sub(now);
        let fewer = interval * most.saturating_sub(1);
        let under_way = u32::try_from(under_way).unwrap_or(u32::MAX);
        if left > fewer {
            Some(Wait::For(left.saturating_sub(fewer)))
        } else if left.saturating_add(interval.saturating_mul(under_way)) > fewer {
            Some(Wait::ForOthers)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// One of a name, from an address at which so many have failed, and perhaps one has worked.
    fn attempt(name: u8, is_known: bool, failed: u32) -> Attempt {
        Attempt {
            name: Handle::of_test(name),
            address: AddressRecord::of_test(is_known, failed),
        }
    }

    /// From the best address to the worst.
    fn from_all(name: u8) -> [Attempt; 5] {
        [(true, 2), (false, 0), (false, 2), (true, 3), (false, 3)]
            .map(|(is_known, failed)| attempt(name, is_known, failed))
    }

    fn waits(attempts: &Attempts, name: u8, now: u64) -> [Option<Wait>; 5] {
        from_all(name).map(|attempt| attempts.find_wait(&attempt, seconds(now)))
    }

    #[test]
    fn with_each_failure_the_worst_addresses_wait_and_the_better_ones_try_on() {
        let mut attempts = Attempts::default();
        assert_eq!(waits(&attempts, 1, 0), [None; 5]);
        for failed in 1..=5_u64 {
            attempts.note_failed(Handle::of_test(1), seconds(0));
            // Of this name four minutes each; of others a quarter of a minute.
            for (name, each) in [(1, 240), (2, 15)] {
                let expected = std::array::from_fn(|place| {
                    let over = (failed + place as u64).checked_sub(5)? + 1;
                    Some(Wait::For(seconds(over * each)))
                });
                let expected = if failed + 4 < 5 { [None; 5] } else { expected };
                assert_eq!(waits(&attempts, name, 0), expected, "{failed} {name}");
            }
        }
        // What comes on top of all that may be is not remembered.
        attempts.note_failed(Handle::of_test(1), seconds(0));
        let best = attempts.find_wait(&attempt(1, true, 0), seconds(0));
        assert_eq!(best, Some(Wait::For(seconds(240))));
    }

    #[test]
    fn failures_are_made_up_for_one_after_the_other() {
        let mut attempts = Attempts::default();
        let best = attempt(1, true, 0);
        let mut failed_at = Vec::new();
        for second in 0..2_700 {
            if attempts.find_wait(&best, seconds(second)).is_none() {
                attempts.note_failed(best.name, seconds(second));
                failed_at.push(second);
            }
        }
        assert_eq!(failed_at[..7], [0, 1, 2, 3, 4, 240, 480]);
        let quarters = failed_at.iter().map(|from| {
            let within = |at: &&u64| (*from..from + 900).contains(*at);
            failed_at.iter().filter(within).count()
        });
        assert_eq!(quarters.max(), Some(8));
    }

    #[test]
    fn what_is_being_tried_counts_until_it_is_taken_back() {
        let mut attempts = Attempts::default();
        let new = |name| attempt(name, false, 0);
        let begun: Vec<Number> = (1..=4)
            .map(|name| attempts.begin(new(name), seconds(0)).unwrap())
            .collect();
        assert_eq!(attempts.begin(new(5), seconds(0)), Err(Wait::ForOthers));
        let known = attempts.begin(attempt(5, true, 0), seconds(0)).unwrap();
        // One that worked makes room, one that failed does not, however long it took.
        attempts.settle(known, false, seconds(60));
        attempts.settle(begun[0], false, seconds(60));
        let fifth = attempts.begin(new(5), seconds(60)).unwrap();
        for number in [begun[1], begun[2], begun[3], fifth] {
            attempts.settle(number, true, seconds(60));
            // It is settled once.
            attempts.settle(number, true, seconds(60));
        }
        let wait = attempts.begin(new(6), seconds(61));
        assert_eq!(wait, Err(Wait::For(seconds(14))));
        assert!(attempts.begin(new(6), seconds(75)).is_ok());
        // Of a name that is being tried, as many as of all.
        let mut attempts = Attempts::default();
        for _ in 0..4 {
            attempts.begin(new(1), seconds(0)).unwrap();
        }
        assert_eq!(attempts.begin(new(1), seconds(0)), Err(Wait::ForOthers));
    }

    #[test]
    fn no_more_are_remembered_than_there_is_room_for() {
        let mut attempts = Attempts::default();
        for number in 0..10_000_u64 {
            let name = Handle::of_test(u8::try_from(number % 251).unwrap());
            attempts.note_failed(name, Duration::from_millis(number));
            assert!(attempts.of_names.len() <= MAX_NAMES);
        }
        attempts.note_failed(Handle::of_test(1), seconds(10_000));
        assert_eq!(attempts.of_names.len(), 1);
    }
}

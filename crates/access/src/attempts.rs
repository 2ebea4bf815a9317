//! How often logins that nobody has seen work may fail at an upstream: of one name, from one address, and of all together.
//!
//! Pure: times are arguments. Registries count failed logins and lock the account for a quarter of an hour (Docker Hub, by its
//! name) or the address for an hour (GitLab, after 30 in 3 minutes): one client with a wrong password must lock out nobody, neither
//! there nor, by taking all that may fail, here.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use crate::handle::Handle;

/// So long a failure counts for its name: as long as Docker Hub's lockout lasts.
const NAME_WINDOW: Duration = Duration::from_mins(15);

/// The most failures of one name in that time; Docker Hub locks after about ten.
const MAX_OF_NAME: usize = 5;

/// The most of these from one address (of IPv6: from a /64): the others are left to whoever has that name elsewhere.
const MAX_OF_NAME_AT_ADDRESS: usize = 3;

/// So long a failure counts for all, and for its address.
const WINDOW: Duration = Duration::from_mins(1);

/// The most failures in that time, whoever's: half of what GitLab shuts an address out for.
const MAX_OF_ALL: usize = 5;

/// The most failures in that time until only those may try on at whose address a login has worked lately: so that whoever tries
/// passwords, from however many addresses, leaves them the rest.
const MAX_OF_STRANGERS: usize = 3;

/// The most failures of one address (of IPv6: of a /64) in that time: another one is left to others, whoever tries.
const MAX_OF_ADDRESS: usize = 2;

/// The most failures that are remembered: those of all within the longer time, and some that were under way.
const MAX_REMEMBERED: usize = 256;

/// Who tries a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// The name that is tried.
    pub(crate) name: Handle,
    /// The address that it is tried from, as all of one client's count; none is of ourselves, and has no share to keep to.
    pub(crate) from: Option<IpAddr>,
    /// Whether a login has worked at that address lately.
    pub(crate) is_known: bool,
}

/// The failures so far.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    failed: VecDeque<(Duration, Attempt)>,
}

impl Attempts {
    /// How long this one has to wait; `None` if it may be tried.
    pub(crate) fn wait_for(&self, attempt: &Attempt, now: Duration) -> Option<Duration> {
        let of_name = self.wait((NAME_WINDOW, MAX_OF_NAME), now, |failed| {
            failed.name == attempt.name
        });
        let is_there = |failed: &Attempt| failed.from.is_some() && failed.from == attempt.from;
        let of_address = self.wait((WINDOW, MAX_OF_ADDRESS), now, is_there);
        let of_both = self.wait((NAME_WINDOW, MAX_OF_NAME_AT_ADDRESS), now, |failed| {
            is_there(failed) && failed.name == attempt.name
        });
        let most = if attempt.is_known || attempt.from.is_none() {
            MAX_OF_ALL
        } else {
            MAX_OF_STRANGERS
        };
        let of_all = self.wait((WINDOW, most), now, |_| true);
        of_name.max(of_both).max(of_address).max(of_all)
    }

    /// This one failed.
    pub(crate) fn note_failed(&mut self, attempt: Attempt, now: Duration) {
        while let Some((at, _)) = self.failed.front()
            && (*at + NAME_WINDOW <= now || self.failed.len() >= MAX_REMEMBERED)
        {
            self.failed.pop_front();
        }
        self.failed.push_back((now, attempt));
    }

    /// When there are fewer than `most` of these within the window again, if there are not now; the oldest come first.
    fn wait(
        &self,
        (window, most): (Duration, usize),
        now: Duration,
        is_meant: impl Fn(&Attempt) -> bool,
    ) -> Option<Duration> {
        let mut meant = self.failed.iter().rev().filter(|(_, one)| is_meant(one));
        let (oldest, _) = meant.nth(most - 1)?;
        let wait = (*oldest + window).saturating_sub(now);
        (!wait.is_zero()).then_some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn ours(name: u8) -> Attempt {
        Attempt {
            name: Handle::of_test(name),
            from: None,
            is_known: false,
        }
    }

    fn from(name: u8, address: &str) -> Attempt {
        Attempt {
            from: Some(address.parse().unwrap()),
            ..ours(name)
        }
    }

    #[test]
    fn five_failures_a_minute_and_five_of_a_name_in_a_quarter_of_an_hour_are_all() {
        let [alice, bob] = [ours(1), ours(2)];
        let mut attempts = Attempts::default();
        for second in 0..5 {
            assert_eq!(attempts.wait_for(&alice, seconds(second)), None);
            attempts.note_failed(alice, seconds(second));
        }
        assert_eq!(attempts.wait_for(&alice, seconds(10)), Some(seconds(890)));
        assert_eq!(attempts.wait_for(&bob, seconds(10)), Some(seconds(50)));
        assert_eq!(attempts.wait_for(&bob, seconds(60)), None);
        assert_eq!(attempts.wait_for(&alice, seconds(60)), Some(seconds(840)));
        assert_eq!(attempts.wait_for(&alice, seconds(900)), None);
        attempts.note_failed(alice, seconds(900));
        assert_eq!(attempts.wait_for(&alice, seconds(900)), Some(seconds(1)));
        assert_eq!(attempts.wait_for(&alice, seconds(901)), None);
    }

    #[test]
    fn one_address_takes_its_share_of_failures_and_strangers_leave_some_to_those_who_are_known() {
        let mut attempts = Attempts::default();
        let mut names = 0;
        let mut fail = |attempts: &mut Attempts, address: &str| {
            names += 1;
            attempts.note_failed(from(names, address), seconds(0));
        };
        fail(&mut attempts, "192.0.2.1");
        assert_eq!(attempts.wait_for(&from(99, "192.0.2.1"), seconds(1)), None);
        fail(&mut attempts, "192.0.2.1");
        let wait = attempts.wait_for(&from(99, "192.0.2.1"), seconds(1));
        assert_eq!(wait, Some(seconds(59)));
        // Whoever comes from elsewhere does not wait for it.
        assert_eq!(attempts.wait_for(&from(99, "192.0.2.2"), seconds(1)), None);
        fail(&mut attempts, "192.0.2.2");
        let wait = attempts.wait_for(&from(99, "192.0.2.3"), seconds(1));
        assert_eq!(wait, Some(seconds(59)));
        let known = Attempt {
            is_known: true,
            ..from(99, "192.0.2.3")
        };
        assert_eq!(attempts.wait_for(&known, seconds(1)), None);
        fail(&mut attempts, "192.0.2.3");
        assert_eq!(attempts.wait_for(&known, seconds(1)), None);
        fail(&mut attempts, "192.0.2.3");
        assert_eq!(attempts.wait_for(&known, seconds(1)), Some(seconds(59)));
        assert_eq!(attempts.wait_for(&known, seconds(60)), None);
    }

    #[test]
    fn whoever_tries_a_name_leaves_tries_of_it_to_who_has_it_elsewhere() {
        let mut attempts = Attempts::default();
        for minute in 0..3 {
            let [alice, elsewhere] = [from(1, "192.0.2.1"), from(1, "192.0.2.2")];
            let now = seconds(60 * minute);
            assert_eq!(attempts.wait_for(&alice, now), None);
            assert_eq!(attempts.wait_for(&elsewhere, now), None);
            attempts.note_failed(alice, now);
        }
        let now = seconds(180);
        let wait = attempts.wait_for(&from(1, "192.0.2.1"), now);
        assert_eq!(wait, Some(seconds(720)));
        assert_eq!(attempts.wait_for(&from(1, "192.0.2.2"), now), None);
        assert_eq!(attempts.wait_for(&from(2, "192.0.2.1"), now), None);
    }

    #[test]
    fn no_more_are_remembered_than_there_is_room_for() {
        let mut attempts = Attempts::default();
        for number in 0..10_000 {
            attempts.note_failed(ours(1), Duration::from_millis(number));
            assert!(attempts.failed.len() <= MAX_REMEMBERED);
        }
        attempts.note_failed(ours(1), seconds(10_000));
        assert_eq!(attempts.failed.len(), 1);
    }
}

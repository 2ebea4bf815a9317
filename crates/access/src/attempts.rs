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

/// The failures so far, and what is being tried.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    /// In the order that they began.
    noted: VecDeque<Noted>,
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
    /// Too many have failed: until fewer count.
    For(Duration),
}

/// An attempt that failed, or may.
#[derive(Debug)]
struct Noted {
    number: Number,
    attempt: Attempt,
    /// When it began.
    at: Duration,
    is_under_way: bool,
}

impl Attempts {
    /// Begins an attempt, which counts as one that failed until it is settled: those that come at once fail at once.
    ///
    /// # Errors
    /// It may not be tried now.
    pub(crate) fn begin(&mut self, attempt: Attempt, now: Duration) -> Result<Number, Wait> {
        match self.find_wait(&attempt, now) {
            Some(wait) => Err(wait),
            None => Ok(self.note(attempt, true, now)),
        }
    }

    /// What was begun has failed, or is taken back.
    pub(crate) fn settle(&mut self, number: Number, has_failed: bool) {
        let place = self.noted.iter().position(|noted| noted.number == number);
        match place {
            Some(place) if has_failed => self.noted[place].is_under_way = false,
            Some(place) => {
                self.noted.remove(place);
            }
            // Others have pushed it out.
            None => {}
        }
    }

    /// This one failed, which was not begun here: it had worked before.
    pub(crate) fn note_failed(&mut self, attempt: Attempt, now: Duration) {
        self.note(attempt, false, now);
    }

    fn note(&mut self, attempt: Attempt, is_under_way: bool, now: Duration) -> Number {
        while let Some(oldest) = self.noted.front()
            && (oldest.at + NAME_WINDOW <= now || self.noted.len() >= MAX_REMEMBERED)
        {
            self.noted.pop_front();
        }
        let number = Number(self.next);
        self.next += 1;
        self.noted.push_back(Noted {
            number,
            attempt,
            at: now,
            is_under_way,
        });
        number
    }

    /// How long this one has to wait, and for what; `None` if it may be tried.
    fn find_wait(&self, attempt: &Attempt, now: Duration) -> Option<Wait> {
        let of_name = self.wait((NAME_WINDOW, MAX_OF_NAME), now, |noted| {
            noted.name == attempt.name
        });
        let is_there = |noted: &Attempt| noted.from.is_some() && noted.from == attempt.from;
        let of_address = self.wait((WINDOW, MAX_OF_ADDRESS), now, is_there);
        let of_both = self.wait((NAME_WINDOW, MAX_OF_NAME_AT_ADDRESS), now, |noted| {
            is_there(noted) && noted.name == attempt.name
        });
        let most = if attempt.is_known || attempt.from.is_none() {
            MAX_OF_ALL
        } else {
            MAX_OF_STRANGERS
        };
        let of_all = self.wait((WINDOW, most), now, |_| true);
        of_name.max(of_both).max(of_address).max(of_all)
    }

    /// What there is to wait for until there are fewer than `most` of these within the window, if there are not now.
    fn wait(
        &self,
        (window, most): (Duration, usize),
        now: Duration,
        is_meant: impl Fn(&Attempt) -> bool,
    ) -> Option<Wait> {
        let counts = |noted: &&Noted| {
            is_meant(&noted.attempt) && (noted.is_under_way || now < noted.at + window)
        };
        let of_those = || self.noted.iter().rev().filter(counts);
        let mut failed = of_those().filter(|noted| !noted.is_under_way);
        if let Some(last_but) = failed.nth(most - 1) {
            return Some(Wait::For((last_but.at + window).saturating_sub(now)));
        }
        (of_those().count() >= most).then_some(Wait::ForOthers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    impl Attempts {
        /// How long the failures so far keep this one from being tried.
        fn wait_for(&self, attempt: &Attempt, now: Duration) -> Option<Duration> {
            self.find_wait(attempt, now).map(|wait| match wait {
                Wait::For(wait) => wait,
                Wait::ForOthers => panic!("nothing is under way"),
            })
        }
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
    fn what_is_being_tried_counts_until_it_is_taken_back() {
        let mut attempts = Attempts::default();
        let at = |host: u8| from(host, &format!("192.0.2.{host}"));
        let begun: Vec<Number> = (1..=3)
            .map(|host| attempts.begin(at(host), seconds(0)).unwrap())
            .collect();
        assert_eq!(attempts.begin(at(4), seconds(0)), Err(Wait::ForOthers));
        let known = Attempt {
            is_known: true,
            ..at(5)
        };
        let reserved = attempts.begin(known, seconds(0)).unwrap();
        // One that worked makes room, one that failed does not, however long it took.
        attempts.settle(reserved, false);
        attempts.settle(begun[0], false);
        let fourth = attempts.begin(at(4), seconds(70)).unwrap();
        attempts.settle(begun[1], true);
        attempts.settle(fourth, true);
        attempts.settle(begun[2], true);
        assert_eq!(attempts.find_wait(&at(6), seconds(70)), None);
        for host in 6..8 {
            let begun = attempts.begin(at(host), seconds(70)).unwrap();
            attempts.settle(begun, true);
        }
        let wait = attempts.begin(at(8), seconds(71));
        assert_eq!(wait, Err(Wait::For(seconds(59))));
    }

    #[test]
    fn no_more_are_remembered_than_there_is_room_for() {
        let mut attempts = Attempts::default();
        for number in 0..10_000 {
            attempts.note_failed(ours(1), Duration::from_millis(number));
            assert!(attempts.noted.len() <= MAX_REMEMBERED);
        }
        attempts.note_failed(ours(1), seconds(10_000));
        assert_eq!(attempts.noted.len(), 1);
    }
}

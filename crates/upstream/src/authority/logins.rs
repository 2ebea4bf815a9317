//! Which of our logins were refused, and are not shown again for a while.
//!
//! Pure: times are arguments. Registries count failed logins, and too many lock the account (Docker Hub's third limiter), so
//! each refusal in a row doubles the rest. Another password is another login.
//!
//! A registry that takes logins itself may refuse one for a repository that it has no right to, with the same answer as one that
//! is no longer good. So of a login that works, a refusal for a repository that took it means that it was revoked; refusals for
//! others leave it in doubt, and after some in a row it is shown to those that took it only.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use crate::login::Fingerprint;
use crate::recent::Recent;

/// How long a login rests that was refused for the first time.
const FIRST_REST: Duration = Duration::from_mins(1);
/// How long one rests at most, however often it was refused.
const LONGEST_REST: Duration = Duration::from_mins(15);
/// The most refused logins that are remembered: an upstream has one, and another after each rotation.
const MAX_REFUSED: usize = 16;
/// Refusals in a row, for repositories that never took a login that works, after which it is in doubt.
const MAX_DOUBTS: u32 = 3;

/// What is known of our logins.
#[derive(Clone, Debug, Default)]
pub(super) struct Logins {
    refused: Vec<Refused>,
    /// The one that was taken last.
    accepted: Option<Fingerprint>,
    /// For which repositories a login was taken.
    took: Recent<()>,
    /// Refusals of the accepted one since, for repositories that never took it.
    doubts: u32,
}

#[derive(Clone, Debug)]
struct Refused {
    login: Fingerprint,
    /// In a row.
    times: u32,
    until: Duration,
    /// Whether those repositories that took it before get to see it all the same.
    is_doubt: bool,
}

impl Logins {
    /// True if it was taken, and not refused since.
    pub(super) fn is_accepted(&self, login: &Fingerprint) -> bool {
        self.accepted.as_ref() == Some(login)
    }

    /// True while it is not shown; `repository` is for which one it would be, if for one.
    pub(super) fn is_resting(
        &self,
        login: &Fingerprint,
        repository: Option<&str>,
        now: Duration,
    ) -> bool {
        let mut refused = self.refused.iter();
        refused.any(|refused| {
            refused.login == *login
                && now < refused.until
                && !(refused.is_doubt && self.was_taken(login, repository))
        })
    }

    /// It was taken, by this repository if by one.
    pub(super) fn note_accepted(&mut self, login: &Fingerprint, repository: Option<&str>) {
        self.refused.retain(|refused| refused.login != *login);
        self.accepted = Some(login.clone());
        self.doubts = 0;
        if let Some(repository) = repository {
            self.took.note(hash(login, repository), ());
        }
    }

    /// It was refused, by this repository if by one: how often in a row, and for how long it rests. `None` if it rests no longer for
    /// that: it does already, or is not in doubt yet.
    pub(super) fn note_refused(
        &mut self,
        login: &Fingerprint,
        repository: Option<&str>,
        now: Duration,
    ) -> Option<(u32, Duration)> {
        if self.is_resting(login, repository, now) {
            // Those that were under way together are one refusal.
            return None;
        }
        let is_doubt =
            repository.is_some() && self.is_accepted(login) && !self.was_taken(login, repository);
        if is_doubt {
            self.doubts = self.doubts.saturating_add(1);
            if self.doubts < MAX_DOUBTS {
                return None;
            }
        } else if self.is_accepted(login) {
            self.accepted = None;
        }
        Some(self.rest(login, is_doubt, now))
    }

    fn was_taken(&self, login: &Fingerprint, repository: Option<&str>) -> bool {
        repository.is_some_and(|repository| self.took.find(hash(login, repository)).is_some())
    }

    fn rest(&mut self, login: &Fingerprint, is_doubt: bool, now: Duration) -> (u32, Duration) {
        let before = self
            .refused
            .iter()
            .position(|refused| refused.login == *login)
            .map_or(0, |place| self.refused.remove(place).times);
        let rest = FIRST_REST
            .saturating_mul(1_u32.checked_shl(before).unwrap_or(u32::MAX))
            .min(LONGEST_REST);
        if self.refused.len() >= MAX_REFUSED {
            self.refused.remove(0);
        }
        let times = before.saturating_add(1);
        self.refused.push(Refused {
            login: login.clone(),
            times,
            until: now + rest,
            is_doubt,
        });
        (times, rest)
    }
}

fn hash(login: &Fingerprint, repository: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (login, repository).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(password: &str) -> Fingerprint {
        Fingerprint::of("alice", password)
    }

    fn minutes(minutes: u64) -> Duration {
        Duration::from_mins(minutes)
    }

    #[test]
    fn each_refusal_in_a_row_doubles_the_rest_up_to_a_quarter_of_an_hour() {
        let mut logins = Logins::default();
        let mut now = Duration::ZERO;
        for (times, expected) in [1, 2, 4, 8, 15, 15].into_iter().enumerate() {
            let (told, rest) = logins.note_refused(&login("a"), None, now).unwrap();
            assert_eq!((told as usize, rest), (times + 1, minutes(expected)));
            assert!(logins.is_resting(&login("a"), None, now));
            // What was under way with it.
            assert_eq!(logins.note_refused(&login("a"), Some("x"), now), None);
            now += rest;
            assert!(!logins.is_resting(&login("a"), None, now));
        }
        for _ in 0..100 {
            logins.note_refused(&login("a"), None, now);
            now += minutes(15);
        }
        let (_, rest) = logins.note_refused(&login("a"), None, now).unwrap();
        assert_eq!(rest, minutes(15));
        logins.note_accepted(&login("a"), None);
        assert!(!logins.is_resting(&login("a"), None, now));
        let first = logins.note_refused(&login("a"), None, now);
        assert_eq!(first, Some((1, minutes(1))));
        assert!(!logins.is_accepted(&login("a")));
    }

    #[test]
    fn one_that_worked_rests_at_once_for_a_repository_that_took_it_and_in_doubt_for_others() {
        let now = Duration::ZERO;
        let mut logins = Logins::default();
        let alice = login("a");
        let rests = |logins: &Logins, repository| logins.is_resting(&alice, Some(repository), now);
        logins.note_accepted(&alice, Some("own"));
        for strange in ["x", "x"] {
            assert_eq!(logins.note_refused(&alice, Some(strange), now), None);
        }
        logins.note_accepted(&alice, Some("own"));
        for strange in ["x", "y"] {
            assert_eq!(logins.note_refused(&alice, Some(strange), now), None);
            assert!(!rests(&logins, strange));
        }
        let doubted = logins.note_refused(&alice, Some("z"), now);
        assert_eq!(doubted, Some((1, minutes(1))));
        assert!(rests(&logins, "x") && !rests(&logins, "own"));
        assert!(logins.is_accepted(&alice));

        let revoked = logins.note_refused(&alice, Some("own"), now);
        assert_eq!(revoked, Some((2, minutes(2))));
        assert!(rests(&logins, "own") && rests(&logins, "x"));
        assert!(!logins.is_accepted(&alice));
    }

    #[test]
    fn another_password_is_another_login_and_no_more_are_remembered_than_there_is_room_for() {
        let mut logins = Logins::default();
        for number in 0..100 {
            let password = number.to_string();
            assert!(!logins.is_resting(&login(&password), None, Duration::ZERO));
            logins.note_refused(&login(&password), None, Duration::ZERO);
        }
        assert_eq!(logins.refused.len(), MAX_REFUSED);
        assert!(logins.is_resting(&login("99"), None, Duration::ZERO));
    }
}

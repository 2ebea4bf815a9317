//! Which of our logins were refused, and are not shown again for a while.
//!
//! Pure: times are arguments. Registries count failed logins, and too many lock the account (Docker Hub's third limiter), so
//! each refusal in a row doubles the rest. Another password is another login.

use std::time::Duration;

use crate::login::Fingerprint;

/// How long a login rests that was refused for the first time.
const FIRST_REST: Duration = Duration::from_mins(1);
/// How long one rests at most, however often it was refused.
const LONGEST_REST: Duration = Duration::from_mins(15);
/// The most refused logins that are remembered: an upstream has one, and another after each rotation.
const MAX_REFUSED: usize = 16;

/// What is known of our logins.
#[derive(Clone, Debug, Default)]
pub(super) struct Logins {
    refused: Vec<Refused>,
    /// The one that was taken last.
    accepted: Option<Fingerprint>,
}

#[derive(Clone, Debug)]
struct Refused {
    login: Fingerprint,
    /// In a row.
    times: u32,
    until: Duration,
}

impl Logins {
    /// True if it was taken, and not refused since.
    pub(super) fn is_accepted(&self, login: &Fingerprint) -> bool {
        self.accepted.as_ref() == Some(login)
    }

    /// True while it is not shown.
    pub(super) fn is_resting(&self, login: &Fingerprint, now: Duration) -> bool {
        let mut refused = self.refused.iter();
        refused.any(|refused| refused.login == *login && now < refused.until)
    }

    /// It was taken.
    pub(super) fn note_accepted(&mut self, login: &Fingerprint) {
        self.refused.retain(|refused| refused.login != *login);
        self.accepted = Some(login.clone());
    }

    /// It was refused: how often in a row, and for how long it rests.
    pub(super) fn note_refused(&mut self, login: &Fingerprint, now: Duration) -> (u32, Duration) {
        if self.is_accepted(login) {
            self.accepted = None;
        }
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
        });
        (times, rest)
    }
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
            let (told, rest) = logins.note_refused(&login("a"), now);
            assert_eq!((told as usize, rest), (times + 1, minutes(expected)));
            assert!(logins.is_resting(&login("a"), now));
            now += rest;
            assert!(!logins.is_resting(&login("a"), now));
        }
        for _ in 0..100 {
            logins.note_refused(&login("a"), now);
        }
        assert_eq!(logins.note_refused(&login("a"), now).1, minutes(15));
        logins.note_accepted(&login("a"));
        assert!(!logins.is_resting(&login("a"), now));
        assert_eq!(logins.note_refused(&login("a"), now), (1, minutes(1)));
        assert!(!logins.is_accepted(&login("a")));
    }

    #[test]
    fn another_password_is_another_login_and_no_more_are_remembered_than_there_is_room_for() {
        let mut logins = Logins::default();
        for number in 0..100 {
            let password = number.to_string();
            assert!(!logins.is_resting(&login(&password), Duration::ZERO));
            logins.note_refused(&login(&password), Duration::ZERO);
        }
        assert_eq!(logins.refused.len(), MAX_REFUSED);
        assert!(logins.is_resting(&login("99"), Duration::ZERO));
    }
}

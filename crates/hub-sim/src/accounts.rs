//! Accounts, their passwords and limits, and the lockout after too many wrong passwords.
//!
//! The lockout goes by the name that was tried (hub-facts, section 1, limiter 3).

use crate::clock::minutes;
use crate::limits::Limit;
use crate::rope::mix_text;
use std::collections::HashMap;
use std::time::Duration;

/// Failures are remembered for so many names; one more and all are forgotten.
const MAX_NAMES: usize = 10_000;

/// All accounts and who is locked out.
#[derive(Debug)]
pub(crate) struct Accounts {
    known: HashMap<String, Account>,
    failures: HashMap<String, Failures>,
    /// Logins that were refused, whether the name was locked or not.
    refused: HashMap<String, u64>,
    /// So many wrong passwords lock a name …
    pub(crate) lock_after: u32,
    /// … for so long.
    pub(crate) lock_for: Duration,
}

#[derive(Debug)]
struct Account {
    password: String,
    limit: Option<Limit>,
}

#[derive(Debug, Default)]
struct Failures {
    count: u32,
    locked_until: Option<Duration>,
}

/// What came of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Login {
    Welcome,
    WrongPassword,
    LockedOut,
}

impl Default for Accounts {
    fn default() -> Self {
        Self {
            known: HashMap::new(),
            failures: HashMap::new(),
            refused: HashMap::new(),
            lock_after: 10,
            lock_for: minutes(10),
        }
    }
}

impl Accounts {
    pub(crate) fn add(&mut self, user: &str, password: &str, limit: Option<Limit>) {
        let account = Account {
            password: password.to_owned(),
            limit,
        };
        self.known.insert(user.to_owned(), account);
    }

    pub(crate) fn login(&mut self, user: &str, password: &str, now: Duration) -> Login {
        let login = self.judge(user, password, now);
        if login != Login::Welcome {
            if self.refused.len() >= MAX_NAMES {
                self.refused.clear();
            }
            *self.refused.entry(user.to_owned()).or_default() += 1;
        }
        login
    }

    /// How often a login of this name was refused.
    pub(crate) fn refused_logins(&self, user: &str) -> u64 {
        self.refused.get(user).copied().unwrap_or(0)
    }

    fn judge(&mut self, user: &str, password: &str, now: Duration) -> Login {
        if self.failures.len() >= MAX_NAMES {
            self.failures.clear();
        }
        let failures = self.failures.entry(user.to_owned()).or_default();
        if failures.locked_until.is_some_and(|until| now < until) {
            return Login::LockedOut;
        }
        failures.locked_until = None;
        let right = self
            .known
            .get(user)
            .is_some_and(|account| account.password == password);
        if right {
            self.failures.remove(user);
            return Login::Welcome;
        }
        failures.count += 1;
        if failures.count >= self.lock_after {
            *failures = Failures {
                count: 0,
                locked_until: Some(now + self.lock_for),
            };
        }
        Login::WrongPassword
    }

    /// The limit of an account; `None` is unlimited.
    pub(crate) fn find_limit(&self, user: &str) -> Option<Limit> {
        self.known.get(user)?.limit
    }
}

/// The id that `docker-ratelimit-source` shows for an account: a UUID that follows from its name.
pub(crate) fn account_id(user: &str) -> String {
    let (high, low) = (mix_text(user), mix_text(&format!("{user}/uuid")));
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        (low >> 48) & 0xfff,
        low & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::{Accounts, Login, account_id};
    use crate::clock::minutes;

    #[test]
    fn a_name_is_locked_after_so_many_wrong_passwords_even_for_the_right_one() {
        let mut accounts = Accounts {
            lock_after: 2,
            ..Accounts::default()
        };
        accounts.add("alice", "secret", None);
        let mut login = |password, at| accounts.login("alice", password, minutes(at));
        assert_eq!(login("wrong", 0), Login::WrongPassword);
        assert_eq!(login("wrong", 1), Login::WrongPassword);
        assert_eq!(login("secret", 2), Login::LockedOut);
        assert_eq!(login("secret", 11), Login::Welcome);
    }

    #[test]
    fn an_account_id_is_a_uuid() {
        let id = account_id("alice");
        assert_eq!(id.len(), 36);
        assert_eq!(id.matches('-').count(), 4);
        assert_ne!(id, account_id("bob"));
    }
}

//! How many refused tries of each account are written down, so that whoever may change nothing pushes no change out of the audit log,
//! and takes no disk.
//!
//! Of the tries beyond them the log has the number, once the hour is over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use forebay_content::lock;

/// For how long refused tries are counted together.
const HOUR: Duration = Duration::from_hours(1);

/// How many of an account's refused tries within an hour are written down each.
const MAX_LINES: u32 = 10;

/// How many accounts' refused tries are counted apart within an hour. With the longest names all lines of all accounts are below
/// 200 KiB an hour.
const MAX_ACCOUNTS: usize = 16;

/// Who the tries are of that are not counted apart.
const OTHERS: &str = "others";

/// The refused tries of the last hour in which there were some.
#[derive(Default)]
pub(crate) struct Refusals {
    hour: Mutex<Hour>,
}

#[derive(Default)]
struct Hour {
    /// On the monotonic clock; of no meaning where nothing is counted.
    ends: Duration,
    tries: HashMap<Arc<str>, u32>,
}

/// How many of somebody's tries were refused and not written down each.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Untold {
    pub(crate) who: Arc<str>,
    pub(crate) tries: u32,
}

impl Refusals {
    /// Counts a refused try of `who`; true if it is to be written down.
    pub(crate) fn count(&self, who: &Arc<str>, now: Duration) -> bool {
        let mut hour = self.hour();
        if hour.tries.is_empty() {
            hour.ends = now + HOUR;
        }
        if hour.tries.len() < MAX_ACCOUNTS || hour.tries.contains_key(who) {
            let tries = hour.tries.entry(Arc::clone(who)).or_default();
            *tries = tries.saturating_add(1);
            return *tries <= MAX_LINES;
        }
        // None of theirs has a line.
        let tries = hour.tries.entry(OTHERS.into()).or_insert(MAX_LINES);
        *tries = tries.saturating_add(1);
        false
    }

    /// What of the hour that is over was not written down. It begins anew.
    pub(crate) fn take_untold(&self, now: Duration) -> Vec<Untold> {
        let mut hour = self.hour();
        if now < hour.ends {
            return Vec::new();
        }
        let mut untold: Vec<Untold> = hour.tries.drain().filter_map(beyond_lines).collect();
        untold.sort_by(|one, next| one.who.cmp(&next.who));
        untold
    }

    fn hour(&self) -> MutexGuard<'_, Hour> {
        lock(&self.hour)
    }
}

fn beyond_lines((who, tries): (Arc<str>, u32)) -> Option<Untold> {
    let tries = tries.saturating_sub(MAX_LINES);
    (tries > 0).then_some(Untold { who, tries })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_so_many_lines_an_hour_and_all_accounts_have_a_bound() {
        let refusals = Refusals::default();
        let start = Duration::from_secs(7);
        let lines = |who: &str, tries: u32, now| {
            let who: Arc<str> = who.into();
            let told = (0..tries).filter(|_| refusals.count(&who, now));
            told.count()
        };
        assert_eq!(lines("user:mallory", 300_000, start), MAX_LINES as usize);
        // Nobody else's are hidden by them.
        assert_eq!(lines("user:bob", 2, start), 2);
        assert_eq!(refusals.take_untold(start + HOUR / 2), []);
        for number in 2..MAX_ACCOUNTS {
            assert_eq!(lines(&format!("robot:{number}"), 1, start), 1);
        }
        assert_eq!(lines("workload:a", 3, start), 0);
        assert_eq!(lines("workload:b", 4, start), 0);
        let untold = |who: &str, tries| Untold {
            who: who.into(),
            tries,
        };
        assert_eq!(
            refusals.take_untold(start + HOUR),
            [untold("others", 7), untold("user:mallory", 300_000 - 10)]
        );
        assert_eq!(lines("user:mallory", 11, start + HOUR), 10);
        assert_eq!(refusals.take_untold(start + HOUR), []);
    }
}

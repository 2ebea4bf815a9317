//! What is known of addresses by the logins that came from them: whether one has worked there, and how many have failed.
//!
//! Pure but for its tables: times are arguments. Of addresses of IPv6 a /64 is one, as it is one client's.

use std::net::IpAddr;
use std::time::Duration;

use moka::sync::Cache;

/// So long an address counts as one at which a login works, and so long after the last one that failed there those are counted.
const LATELY: Duration = Duration::from_hours(24);

/// The most addresses at which a login has worked, and the most at which one has failed. Of those so few can fail in a day that this
/// holds them all.
const MAX_ADDRESSES: u64 = 10_000;

/// As many failures as come of a slip. Who tries passwords has more.
const FEW: u32 = 2;

/// The table.
pub(crate) struct Addresses {
    /// When one worked there last.
    worked: Cache<IpAddr, Duration>,
    failed: Cache<IpAddr, Failures>,
}

/// What is known of one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AddressRecord {
    /// Whether a login has worked there lately.
    is_known: bool,
    /// How many have failed there lately.
    failed: u32,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Duration,
}

impl Addresses {
    pub(crate) fn new() -> Self {
        Self {
            worked: Cache::new(MAX_ADDRESSES),
            failed: Cache::new(MAX_ADDRESSES),
        }
    }

    /// A login from there has worked.
    pub(crate) fn note_worked(&self, from: IpAddr, now: Duration) {
        self.worked.insert(from, now);
    }

    /// A login from there has failed.
    pub(crate) fn note_failed(&self, from: IpAddr, now: Duration) {
        self.failed.entry(from).and_upsert_with(|before| {
            let before = before.map_or(0, |entry| entry.into_value().count_at(now));
            Failures {
                count: before.saturating_add(1),
                last: now,
            }
        });
    }

    /// What is known of where a login comes from, none being ourselves.
    pub(crate) fn find(&self, from: Option<IpAddr>, now: Duration) -> AddressRecord {
        let Some(from) = from else {
            return AddressRecord::OURS;
        };
        let worked = self.worked.get(&from);
        let failed = self.failed.get(&from);
        AddressRecord {
            is_known: worked.is_some_and(|at| now < at + LATELY),
            failed: failed.map_or(0, |failures| failures.count_at(now)),
        }
    }
}

impl Failures {
    fn count_at(self, now: Duration) -> u32 {
        if now < self.last + LATELY {
            self.count
        } else {
            0
        }
    }
}

impl AddressRecord {
    /// Of our own.
    const OURS: Self = Self {
        is_known: true,
        failed: 0,
    };

    /// The most failures that there may be to have, of which the last is for the best.
    pub(crate) const MOST: u32 = 5;

    /// Up to how many failures one more login from there may be tried. Each kind of address has one that is out of reach of the kinds
    /// below it: who tries passwords without end leaves one to who has mistyped, and those two leave one to who comes for the first time.
    pub(crate) fn most(self) -> u32 {
        match (self.is_known, self.failed) {
            (true, 0..=FEW) => Self::MOST,
            (false, 0) => 4,
            (false, 1..=FEW) => 3,
            (true, _) => 2,
            (false, _) => 1,
        }
    }
}

#[cfg(test)]
impl AddressRecord {
    /// One of which this is known.
    pub(crate) fn of_test(is_known: bool, failed: u32) -> Self {
        Self { is_known, failed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(hours: u64) -> Duration {
        Duration::from_hours(hours)
    }

    #[test]
    fn an_address_is_what_came_from_it_lately_and_we_are_above_it() {
        let addresses = Addresses::new();
        let [here, there]: [IpAddr; 2] =
            ["192.0.2.1", "192.0.2.2"].map(|text| text.parse().unwrap());
        let most = |from, now| addresses.find(from, now).most();
        assert_eq!(most(None, hours(0)), AddressRecord::MOST);
        for expected in [4, 3, 3, 1, 1] {
            assert_eq!(most(Some(here), hours(1)), expected);
            addresses.note_failed(here, hours(1));
        }
        assert_eq!(most(Some(there), hours(1)), 4);
        // A login that works there does not make up for them, but for most of it.
        addresses.note_worked(here, hours(2));
        assert_eq!(most(Some(here), hours(2)), 2);
        addresses.note_worked(there, hours(2));
        assert_eq!(most(Some(there), hours(2)), 5);
        // A day after the last of each, nothing is known.
        assert_eq!(most(Some(here), hours(24)), 2);
        assert_eq!(most(Some(here), hours(25)), 5);
        assert_eq!(most(Some(here), hours(26)), 4);
        addresses.note_failed(here, hours(26));
        assert_eq!(most(Some(here), hours(26)), 3);
    }
}

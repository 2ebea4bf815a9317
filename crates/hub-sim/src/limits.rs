//! Counts pulls and requests in rolling windows and says when a source has used its share.
//!
//! Pure: the time is an argument. What is said to a limited client is worded in `refusal`.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// So many in any span of this length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) count: u64,
    pub(crate) window: Duration,
}

/// How much of a limit is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) limit: Limit,
    pub(crate) remaining: u64,
}

/// Moments at which each source spent something.
#[derive(Debug, Default)]
pub(crate) struct Window {
    spent: HashMap<String, VecDeque<Duration>>,
}

impl Window {
    /// How `source` stands now.
    pub(crate) fn standing(&mut self, source: &str, limit: Limit, now: Duration) -> Standing {
        let spent = self.spent.get_mut(source).map_or(0, |moments| {
            // One that is exactly a window old no longer counts.
            while moments.front().is_some_and(|&at| at + limit.window <= now) {
                moments.pop_front();
            }
            moments.len() as u64
        });
        Standing {
            limit,
            remaining: limit.count.saturating_sub(spent),
        }
    }

    /// Notes that `source` spent `count` at `now`.
    pub(crate) fn spend(&mut self, source: &str, count: u64, now: Duration) {
        let moments = self.spent.entry(source.to_owned()).or_default();
        moments.extend((0..count).map(|_| now));
    }

    /// Notes a request and tells whether it was one too many. Denied ones count too, so that a flood keeps itself out;
    /// no more moments are kept than the limit's count.
    pub(crate) fn is_over(&mut self, source: &str, limit: Limit, now: Duration) -> bool {
        let over = self.standing(source, limit, now).remaining == 0;
        self.spend(source, 1, now);
        if over && let Some(moments) = self.spent.get_mut(source) {
            moments.pop_front();
        }
        over
    }
}

/// The name under which an address is counted: itself, or its /64 with the host bits zero (hub-facts, section 4).
pub(crate) fn source_of(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let prefix = u128::from(v6) >> 64 << 64;
            Ipv6Addr::from(prefix).to_string()
        }
    }
}

impl Standing {
    /// The value of `ratelimit-limit`.
    pub(crate) fn limit_header(&self) -> String {
        format!("{};w={}", self.limit.count, self.limit.window.as_secs())
    }

    /// The value of `ratelimit-remaining`.
    pub(crate) fn remaining_header(&self) -> String {
        format!("{};w={}", self.remaining, self.limit.window.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::{Limit, Window, source_of};
    use crate::clock::{hours, minutes};

    const LIMIT: Limit = Limit {
        count: 3,
        window: hours(6),
    };

    #[test]
    fn the_window_rolls_one_pull_at_a_time() {
        let mut window = Window::default();
        let remaining = |window: &mut Window, now| window.standing("a", LIMIT, now).remaining;
        window.spend("a", 1, hours(1));
        window.spend("a", 2, hours(2));
        assert_eq!(
            remaining(&mut window, hours(7).saturating_sub(minutes(1))),
            0
        );
        assert_eq!(remaining(&mut window, hours(7)), 1);
        assert_eq!(remaining(&mut window, hours(8)), 3);
        assert_eq!(window.standing("b", LIMIT, hours(8)).remaining, 3);
    }

    #[test]
    fn a_flood_keeps_itself_out_until_it_stops() {
        let mut window = Window::default();
        let over = |window: &mut Window, at| window.is_over("a", LIMIT, hours(at));
        assert!(!(0..3).any(|at| over(&mut window, at)));
        assert!((3..20).all(|at| over(&mut window, at)));
        assert!(!over(&mut window, 26));
    }

    #[test]
    fn ipv6_is_counted_by_its_64() {
        assert_eq!(
            source_of("2600:3c00::f03c:1".parse().unwrap()),
            "2600:3c00::"
        );
        assert_eq!(
            source_of("2001:41d0:801:2000:1::5".parse().unwrap()),
            "2001:41d0:801:2000::"
        );
        assert_eq!(source_of("192.0.2.1".parse().unwrap()), "192.0.2.1");
        assert_eq!(source_of("::ffff:192.0.2.1".parse().unwrap()), "192.0.2.1");
    }
}

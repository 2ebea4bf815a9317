//! How much of a registry's pace is spent on who is not known there: who shows no login, and who shows one that was never seen to work.
//!
//! Pure: times are arguments. An abuse limit counts our address, and so all that comes from it: strangers must not spend what clients
//! with a login ask by. Each request counts, those for tokens too.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use forebay_limits::{Debts, Rate, TooFast};

use crate::exchange::{Asker, Urgency};

/// Those who show no login have one in so many of all requests, and those who show one that was never seen to work as many.
const PART: u32 = 4;

/// One address (of IPv6: a /64) has one in so many of these.
const ADDRESS_PART: u32 = 4;

/// What was asked for them.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    asked: Debts<Counted>,
}

/// Whose requests are counted together. Those who show a login wait for none who does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Counted {
    One { from: IpAddr, asker: Asker },
    All { asker: Asker },
}

impl Strangers {
    /// Counts a request, if it is a stranger's; `whole` is how many are sent a minute, and how many at once.
    ///
    /// # Errors
    /// They have had their part: after what time there is more.
    pub(super) fn count(
        &mut self,
        urgency: Urgency,
        (per_minute, burst): (u32, u32),
        now: Duration,
    ) -> Result<(), TooFast> {
        let asker = urgency.asker;
        if asker == Asker::Known {
            return Ok(());
        }
        let some = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let whole = Rate {
            per_minute: some(per_minute),
            burst: some(burst),
        };
        let all = whole.part(PART);
        let too_fast = |after| TooFast { after };
        if let Some(from) = urgency.client {
            let one = Counted::One { from, asker };
            let counted = self.asked.count(one, all.part(ADDRESS_PART), now);
            counted.map_err(too_fast)?;
        }
        let counted = self.asked.count(Counted::All { asker }, all, now);
        counted.map_err(too_fast)
    }
}

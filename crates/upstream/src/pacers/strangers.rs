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

/// What each part has at least at once: a question is a token and a request, a challenge before them, and one more to compare.
const QUESTION: u32 = 4;

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
    /// Counts so many requests, all or none, if they are a stranger's; `whole` is how many are sent a minute, and how many at once.
    ///
    /// # Errors
    /// They have had their part: after what time there is more. Nothing is counted then.
    pub(super) fn count(
        &mut self,
        (requests, urgency): (u32, Urgency),
        whole: (u32, u32),
        now: Duration,
    ) -> Result<(), TooFast> {
        let too_fast = |after| TooFast { after };
        let parts = parts(urgency, whole);
        for (counted, part) in parts.iter().flatten() {
            let room = self.asked.find_room(counted, *part, (requests, now));
            room.map_err(too_fast)?;
        }
        for (counted, part) in parts.into_iter().flatten() {
            let counted = self.asked.count_all(counted, part, (requests, now));
            counted.map_err(too_fast)?;
        }
        Ok(())
    }

    /// Takes back so many that were counted and not sent.
    pub(super) fn give_back(&mut self, (requests, urgency): (u32, Urgency), whole: (u32, u32)) {
        for (counted, part) in parts(urgency, whole).into_iter().flatten() {
            self.asked.give_back(&counted, part, requests);
        }
    }
}

/// Among whose a request is counted, and how many these may send.
fn parts(urgency: Urgency, (per_minute, burst): (u32, u32)) -> [Option<(Counted, Rate)>; 2] {
    let asker = urgency.asker;
    if asker == Asker::Known {
        return [None, None];
    }
    let some = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
    let whole = Rate {
        per_minute: some(per_minute),
        burst: some(burst),
    };
    let enough = |part: Rate| Rate {
        burst: part.burst.max(some(QUESTION)),
        ..part
    };
    let all = whole.part(PART);
    let one = enough(all.part(ADDRESS_PART));
    let from = urgency.client;
    [
        from.map(|from| (Counted::One { from, asker }, one)),
        Some((Counted::All { asker }, enough(all))),
    ]
}

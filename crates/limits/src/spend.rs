//! The order in which a pull that is not here is paid for.
//!
//! Pure, and the only place that knows the order: the budget, then what is kept, then the same content elsewhere, then
//! patience, then the refusal. What is asked for interactively may spend all; what nobody waits for leaves a reserve.

use std::time::Duration;

/// The least that a refusal names as time to come back: sooner, a fleet only meets the same wall.
pub const MIN_RETRY_AFTER: Duration = Duration::from_secs(1);

/// What a refusal names where nobody knows when the budget opens.
pub const DEFAULT_RETRY_AFTER: Duration = Duration::from_mins(5);

/// Who waits for a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Priority {
    /// A client.
    #[default]
    Interactive,
    /// Nobody: a refresh, a prefetch, a mirror.
    Background,
}

/// What may be spent at an upstream, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purse {
    /// Nobody counts, or nobody has said so yet.
    Unmetered,
    /// So many pulls are left, of so many; `limit` 0 is unknown.
    Metered {
        /// Pulls left, of which none is on its way.
        remaining: u64,
        /// What the whole window allows.
        limit: u64,
    },
    /// Nothing is left, or the registry refuses.
    Empty {
        /// When there is more; `None` if nobody knows.
        opens_in: Option<Duration>,
    },
}

/// What is known when a manifest is to be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Situation {
    /// Who waits for it.
    pub priority: Priority,
    /// What may be spent.
    pub purse: Purse,
    /// What background work leaves of the limit, in per cent of it, 0 to 100.
    pub reserve_percent: u8,
    /// Whether an older copy is kept that may go out instead.
    pub has_stale: bool,
    /// Whether the same content may be had elsewhere.
    pub has_equivalent: bool,
    /// How much longer the client waits.
    pub patience: Duration,
}

/// How it is paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spend {
    /// With a pull at the upstream. While its purse is empty one at a time: to hear when it opens.
    Pull,
    /// With the older copy.
    Stale,
    /// With the same content from elsewhere.
    Equivalent,
    /// Not yet: the budget opens after this time, and the client waits so long.
    Wait(Duration),
    /// Not at all.
    Refuse {
        /// When asking again may help.
        retry_after: Duration,
    },
}

/// Decides how a manifest that is not here is paid for.
pub fn spend(situation: &Situation) -> Spend {
    let opens_in = match situation.purse {
        Purse::Unmetered => return Spend::Pull,
        Purse::Metered { remaining, limit } if remaining > reserved(situation, limit) => {
            return Spend::Pull;
        }
        Purse::Metered { .. } => None,
        Purse::Empty { opens_in } => opens_in,
    };
    let refusal = Spend::Refuse {
        retry_after: opens_in.unwrap_or(DEFAULT_RETRY_AFTER).max(MIN_RETRY_AFTER),
    };
    match (situation.priority, opens_in) {
        // Nobody waits: it is done when there is more than the reserve again.
        (Priority::Background, _) => refusal,
        _ if situation.has_stale => Spend::Stale,
        _ if situation.has_equivalent => Spend::Equivalent,
        (_, Some(opens_in)) if opens_in <= situation.patience => Spend::Wait(opens_in),
        (_, Some(_)) => refusal,
        // Nobody knows when it opens but the registry: a pull that it refuses costs nothing, and says.
        (_, None) => Spend::Pull,
    }
}

/// Pulls that this request may not touch.
fn reserved(situation: &Situation, limit: u64) -> u64 {
    match situation.priority {
        Priority::Interactive => 0,
        Priority::Background => limit
            .saturating_mul(u64::from(situation.reserve_percent.min(100)))
            .div_ceil(100),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: Purse = Purse::Empty { opens_in: None };

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn opens_in(after: u64) -> Purse {
        Purse::Empty {
            opens_in: Some(seconds(after)),
        }
    }

    fn left(remaining: u64) -> Purse {
        Purse::Metered {
            remaining,
            limit: 100,
        }
    }

    /// A client before a purse; nothing kept, nothing elsewhere, 20 s of patience.
    fn client(purse: Purse) -> Situation {
        Situation {
            priority: Priority::Interactive,
            purse,
            reserve_percent: 20,
            has_stale: false,
            has_equivalent: false,
            patience: seconds(20),
        }
    }

    fn nobody(purse: Purse) -> Situation {
        Situation {
            priority: Priority::Background,
            has_stale: true,
            has_equivalent: true,
            ..client(purse)
        }
    }

    fn refuse(after: u64) -> Spend {
        Spend::Refuse {
            retry_after: seconds(after),
        }
    }

    #[test]
    fn a_client_spends_to_the_last_pull_and_what_nobody_waits_for_leaves_the_reserve() {
        for (purse, for_client, for_nobody) in [
            (Purse::Unmetered, Spend::Pull, Spend::Pull),
            (left(100), Spend::Pull, Spend::Pull),
            (left(21), Spend::Pull, Spend::Pull),
            (left(20), Spend::Pull, refuse(300)),
            (left(1), Spend::Pull, refuse(300)),
            (left(0), Spend::Pull, refuse(300)),
            (opens_in(90), refuse(90), refuse(90)),
            (EMPTY, Spend::Pull, refuse(300)),
        ] {
            assert_eq!(spend(&client(purse)), for_client, "a client, {purse:?}");
            assert_eq!(spend(&nobody(purse)), for_nobody, "nobody, {purse:?}");
        }
    }

    #[test]
    fn with_nothing_left_the_order_is_stale_then_elsewhere_then_patience_then_refusal() {
        for (has_stale, has_equivalent, purse, expected) in [
            (true, true, opens_in(5), Spend::Stale),
            (true, false, EMPTY, Spend::Stale),
            (false, true, opens_in(5), Spend::Equivalent),
            (false, true, EMPTY, Spend::Equivalent),
            (false, false, opens_in(5), Spend::Wait(seconds(5))),
            (false, false, opens_in(20), Spend::Wait(seconds(20))),
            (false, false, opens_in(21), refuse(21)),
            (false, false, opens_in(0), Spend::Wait(seconds(0))),
            (false, false, EMPTY, Spend::Pull),
            (false, false, left(0), Spend::Pull),
        ] {
            let situation = Situation {
                has_stale,
                has_equivalent,
                ..client(purse)
            };
            assert_eq!(spend(&situation), expected, "{situation:?}");
        }
    }

    #[test]
    fn patience_that_is_used_up_is_a_refusal_that_names_at_least_a_second() {
        let situation = Situation {
            patience: Duration::ZERO,
            ..client(Purse::Empty {
                opens_in: Some(Duration::from_millis(1)),
            })
        };
        assert_eq!(spend(&situation), refuse(1));
    }

    #[test]
    fn a_reserve_of_everything_or_of_nothing_is_taken_at_its_word() {
        for (reserve_percent, remaining, expected) in [
            (0, 1, Spend::Pull),
            (0, 0, refuse(300)),
            (100, 100, refuse(300)),
            (100, 101, Spend::Pull),
            (255, 100, refuse(300)),
            (1, 1, refuse(300)),
        ] {
            let situation = Situation {
                reserve_percent,
                ..nobody(left(remaining))
            };
            assert_eq!(spend(&situation), expected, "{situation:?}");
        }
    }
}

//! When what failed is tried again.
//!
//! Pure but for the counter of [`Dice`]: seeded, so that the same seed waits the same.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How often a request is sent at most.
pub(crate) const MAX_TRIES: u32 = 3;
/// The wait before the second try, before jitter; doubled for the third.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// How long to wait after so many tries, or `None` when it was the last; `jitter` lies in 0..1 and spreads the wait over
/// half to one and a half of itself.
pub(crate) fn wait_after(tries: u32, jitter: f64) -> Option<Duration> {
    let doublings = tries.saturating_sub(1);
    (tries < MAX_TRIES).then(|| (FIRST_WAIT * 2_u32.pow(doublings)).mul_f64(0.5 + jitter))
}

/// Spreads waits, so that a fleet does not come back all at once. No secret depends on it.
#[derive(Debug)]
pub(crate) struct Dice {
    state: AtomicU64,
}

impl Dice {
    /// Dice that fall the same for the same seed.
    pub(crate) fn seeded(seed: u64) -> Self {
        Self {
            state: AtomicU64::new(seed),
        }
    }

    /// A number in 0..1, by the generator `SplitMix64`.
    pub(crate) fn roll(&self) -> f64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut mixed = self
            .state
            .fetch_add(STEP, Ordering::Relaxed)
            .wrapping_add(STEP);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // 32 bits fill an f64 exactly.
        f64::from(u32::try_from(mixed >> 32).unwrap_or(0)) / (f64::from(u32::MAX) + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_are_spread_and_end() {
        assert_eq!(wait_after(1, 0.5), Some(Duration::from_millis(200)));
        assert_eq!(wait_after(2, 0.5), Some(Duration::from_millis(400)));
        assert_eq!(wait_after(1, 0.0), Some(Duration::from_millis(100)));
        assert_eq!(wait_after(MAX_TRIES, 0.5), None);
    }

    #[test]
    fn dice_fall_between_nought_and_one_and_not_all_alike() {
        let dice = Dice::seeded(7);
        let rolls: Vec<f64> = (0..1_000).map(|_| dice.roll()).collect();
        assert!(rolls.iter().all(|roll| (0.0..1.0).contains(roll)));
        let low = rolls.iter().filter(|&&roll| roll < 0.5).count();
        assert!((400..600).contains(&low), "{low}");
        assert_eq!(Dice::seeded(7).roll().to_bits(), rolls[0].to_bits());
    }
}

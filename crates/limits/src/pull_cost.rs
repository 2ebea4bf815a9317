//! What a multi-platform image costs: one pull, or one for its index and one for its platform's manifest.
//!
//! Docker's documents say either ("one pull for each different architecture", docs.docker.com/docker-hub/usage/pulls; "up
//! to two manifest GETs", 2020), so it is learned: where the manifest of a platform was fetched right after its index,
//! either the remainder fell again or it did not. Until enough was seen it is one to two.

use std::ops::RangeInclusive;

/// Pairs that have to be seen before they are believed.
const MIN_VOTES: u32 = 3;

/// How many of them have to agree, in per cent: others may share the budget, and the window moves.
const AGREEMENT_PERCENT: u32 = 80;

/// The most votes that count; older ones lose weight.
const MAX_VOTES: u32 = 64;

/// What is known of a multi-platform image's cost at one registry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PullCost {
    /// Pairs of which the second was free.
    pub once: u32,
    /// Pairs of which the second was charged as well.
    pub twice: u32,
}

impl PullCost {
    /// A platform's manifest was fetched right after its index: the remainder fell by so much.
    pub fn note_pair(&mut self, second_cost: u64) {
        match second_cost {
            0 => self.once += 1,
            1 => self.twice += 1,
            // Somebody else's pulls.
            _ => return,
        }
        if self.once + self.twice > MAX_VOTES {
            self.once /= 2;
            self.twice /= 2;
        }
    }

    /// What one platform of a multi-platform image costs, in pulls.
    pub fn pulls(self) -> RangeInclusive<u64> {
        let votes = self.once + self.twice;
        let agree = |part: u32| votes >= MIN_VOTES && part * 100 >= votes * AGREEMENT_PERCENT;
        if agree(self.once) {
            1..=1
        } else if agree(self.twice) {
            2..=2
        } else {
            1..=2
        }
    }

    /// How many pulls were charged for so many manifests that were metered, `after_index` of which were those of a platform
    /// right after its index.
    pub fn charged(self, metered: u64, after_index: u64) -> RangeInclusive<u64> {
        let pulls = self.pulls();
        let surely = metered.saturating_sub(after_index);
        // A pair costs one or two: its second part nothing, or one.
        let with = |pulls: u64| surely.saturating_add(if pulls > 1 { after_index } else { 0 });
        with(*pulls.start())..=with(*pulls.end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_is_an_interval_until_enough_pairs_agree() {
        for (once, twice, expected) in [
            (0, 0, 1..=2),
            (2, 0, 1..=2),
            (3, 0, 1..=1),
            (0, 3, 2..=2),
            (2, 1, 1..=2),
            (4, 1, 1..=1),
            (1, 4, 2..=2),
            (5, 5, 1..=2),
        ] {
            assert_eq!(PullCost { once, twice }.pulls(), expected, "{once} {twice}");
        }
    }

    #[test]
    fn what_was_charged_is_known_once_the_cost_is() {
        for (once, twice, expected) in [(0, 0, 3..=5), (3, 0, 3..=3), (0, 3, 5..=5)] {
            let cost = PullCost { once, twice };
            assert_eq!(cost.charged(5, 2), expected, "{once} {twice}");
            assert_eq!(cost.charged(5, 0), 5..=5, "{once} {twice}");
            assert_eq!(cost.charged(0, 0), 0..=0, "{once} {twice}");
        }
    }

    #[test]
    fn other_peoples_pulls_are_no_votes_and_old_votes_lose_weight() {
        let mut cost = PullCost::default();
        cost.note_pair(7);
        assert_eq!(cost, PullCost::default());
        for _ in 0..1_000 {
            cost.note_pair(0);
        }
        assert_eq!(cost.pulls(), 1..=1);
        for _ in 0..300 {
            cost.note_pair(1);
        }
        assert_eq!(cost.pulls(), 2..=2);
    }
}

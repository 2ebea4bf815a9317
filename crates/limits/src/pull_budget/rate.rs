//! At what rate pulls are charged at present.
//!
//! Pure. Those of the last hour are a rate only as long as they go on: a rollout that is over empties nothing, however many pulls
//! it took. What comes in batches goes on between them.

use std::time::Duration;

use super::{MIN_LOOK_BACK, count};

/// The longest pause within a burst.
const BURST_GAP: Duration = MIN_LOOK_BACK;

/// Pulls that were charged one soon after another.
#[derive(Debug, Clone, Copy)]
struct Burst {
    /// How long ago the last of them was charged, and the first.
    ended: Duration,
    began: Duration,
    pulls: u64,
}

/// Pulls an hour: what was charged within `look_back`, with what was sent and not answered.
///
/// But no more than what came since any burst, with one more that may come at any moment: as large as the second largest, for what
/// came once may not come again. So a rate that goes on is what it is, and silence after a burst halves it as it doubles.
pub(super) fn per_hour(
    newest_first: impl Iterator<Item = (Duration, u64)>,
    unanswered: u64,
    look_back: Duration,
) -> f64 {
    let bursts = bursts(newest_first.take_while(|(age, _)| *age < look_back));
    let next = second_largest(&bursts);
    let mut spent = unanswered;
    let mut at_most = f64::INFINITY;
    for burst in bursts {
        if burst.ended >= MIN_LOOK_BACK {
            at_most = at_most.min(an_hour(spent.saturating_add(next), burst.ended));
        }
        spent = spent.saturating_add(burst.pulls);
    }
    an_hour(spent, look_back).min(at_most)
}

/// Newest first; as many as there are charges at most.
fn bursts(newest_first: impl Iterator<Item = (Duration, u64)>) -> Vec<Burst> {
    let mut bursts: Vec<Burst> = Vec::new();
    for (age, pulls) in newest_first {
        match bursts.last_mut() {
            Some(last) if age.saturating_sub(last.began) < BURST_GAP => {
                last.began = age;
                last.pulls = last.pulls.saturating_add(pulls);
            }
            _ => bursts.push(Burst {
                ended: age,
                began: age,
                pulls,
            }),
        }
    }
    bursts
}

fn second_largest(bursts: &[Burst]) -> u64 {
    let mut pulls: Vec<_> = bursts.iter().map(|burst| burst.pulls).collect();
    pulls.sort_unstable();
    pulls.iter().rev().nth(1).copied().unwrap_or(1).max(1)
}

fn an_hour(pulls: u64, within: Duration) -> f64 {
    count(pulls) * 3_600.0 / within.as_secs_f64()
}

//! How many requests a workload makes, as an interval, and how that was computed.
//!
//! What is seen are pulls and starts; what a registry counts are requests.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use forebay_evidence::Moment;
use serde::Serialize;

use super::tally::{Tally, Workload, earliest};

/// What the pull limit counts per attempt: the manifest, and the platform's where there are several.
const PULLS_PER_ATTEMPT: RangeInclusive<u64> = 1..=2;

/// What the abuse limit counts per attempt: a question for the tag, a token, one or two manifests, and one more for a
/// registry that first asks for the login.
const REQUESTS_PER_ATTEMPT: RangeInclusive<u64> = 3..=5;

/// The fewest attempts that make a rate: one and two are nobody's habit.
const MIN_ATTEMPTS: u64 = 3;

/// How often a workload asked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Requests {
    /// Pulls and starts that were seen.
    pub attempts: u64,
    /// Those of them that a client made of its own at once, as its message says: they bring no layers that the first did not.
    pub retries: u64,
    /// The part of all attempts that were seen, in per cent.
    pub share_percent: u64,
    /// The minutes in which they were made, from the first to the last; none if no time is known.
    pub minutes: Option<u64>,
    /// The most attempts of one minute; 0 where no minute was seen, or too few attempts to make a rate.
    pub peak_attempts_per_minute: u64,
    /// Pulls as the pull limit counts them, at least and at most.
    pub pulls: [u64; 2],
    /// Requests of the busiest minute, at least and at most; 0 where no rate was seen.
    pub peak_requests_per_minute: [u64; 2],
    /// How that was computed.
    pub how: String,
}

impl Requests {
    /// Pulls that so many attempts are, at least and at most.
    pub(crate) fn pulls_of(attempts: u64) -> [u64; 2] {
        of_attempts(attempts, &PULLS_PER_ATTEMPT)
    }

    /// Requests that so many attempts are, at least and at most.
    pub(crate) fn requests_of(attempts: u64) -> [u64; 2] {
        of_attempts(attempts, &REQUESTS_PER_ATTEMPT)
    }

    /// What all asked together; none if only one was seen to ask.
    pub(crate) fn of_all(tally: &Tally) -> Option<Self> {
        let asking = || tally.workloads.iter().filter(|one| one.attempts() > 0);
        let each: Vec<Self> = asking().map(|one| Self::of(one, 0)).collect();
        if each.len() < 2 {
            return None;
        }
        let sum = |of: &dyn Fn(&Self) -> u64| each.iter().map(of).fold(0, u64::saturating_add);
        let attempts = sum(&|one| one.attempts).saturating_add(tally.rest.attempts);
        let mut by_minute: BTreeMap<i64, u64> = BTreeMap::new();
        for (minute, attempts) in asking().flat_map(Workload::by_minute) {
            *by_minute.entry(minute).or_default() += attempts;
        }
        let first = asking().fold(None, |first, one| earliest(first, one.first));
        let minutes = minutes_of(first, asking().filter_map(|one| one.last).max());
        let peak = by_minute.values().copied().max();
        let peak = peak_of(peak.unwrap_or(0), attempts, minutes);
        let least = sum(&|one| one.pulls[0]).saturating_add(tally.rest.attempts);
        let is_sure = least > 0;
        Some(Self {
            attempts,
            retries: sum(&|one| one.retries),
            share_percent: 100,
            minutes,
            peak_attempts_per_minute: peak,
            pulls: [least, Self::pulls_of(attempts)[1]],
            peak_requests_per_minute: [
                if is_sure {
                    peak * REQUESTS_PER_ATTEMPT.start()
                } else {
                    0
                },
                peak * REQUESTS_PER_ATTEMPT.end(),
            ],
            how: how(least < attempts, attempts, minutes),
        })
    }

    /// What a workload asked, among so many attempts of all.
    pub(crate) fn of(workload: &Workload, total: u64) -> Self {
        let counts = workload.counts();
        let attempts = workload.attempts();
        let by_starts = attempts > counts.pulls();
        let minutes = minutes_of(workload.first, workload.last);
        let minutes = minutes.filter(|_| !(by_starts && workload.is_undated()));
        let peak = peak_of(workload.peak(), attempts, minutes);
        // A start asks for nothing where the image is pinned by its digest and there: nobody saw the pull itself.
        let least = if by_starts { counts.pulls() } else { attempts };
        let least_peak = if by_starts && counts.pulls() == 0 {
            0
        } else {
            peak
        };
        Self {
            attempts,
            retries: counts.tried.saturating_sub(counts.failed),
            share_percent: (attempts * 100).checked_div(total).unwrap_or(0),
            minutes,
            peak_attempts_per_minute: peak,
            pulls: [
                least * PULLS_PER_ATTEMPT.start(),
                attempts * PULLS_PER_ATTEMPT.end(),
            ],
            peak_requests_per_minute: [
                least_peak * REQUESTS_PER_ATTEMPT.start(),
                peak * REQUESTS_PER_ATTEMPT.end(),
            ],
            how: how(by_starts, attempts, minutes),
        }
    }
}

/// The most attempts of one minute: the mean at least, and nothing where no minute was seen, or no rate.
fn peak_of(seen: u64, attempts: u64, minutes: Option<u64>) -> u64 {
    let mean = minutes.map_or(0, |minutes| attempts.div_ceil(minutes));
    if seen == 0 || attempts < MIN_ATTEMPTS {
        0
    } else {
        seen.max(mean)
    }
}

fn minutes_of(first: Option<Moment>, last: Option<Moment>) -> Option<u64> {
    let (first, last) = first.zip(last)?;
    Some(last.since(first).as_secs().div_ceil(60).max(1))
}

fn of_attempts(attempts: u64, each: &RangeInclusive<u64>) -> [u64; 2] {
    [each.start(), each.end()].map(|number| attempts.saturating_mul(*number))
}

fn how(by_starts: bool, attempts: u64, minutes: Option<u64>) -> String {
    let what = match (by_starts, attempts) {
        (true, 1) => "start of a container, which may ask the registry",
        (true, _) => "starts of containers, each of which may ask the registry",
        (false, 1) => "pull",
        (false, _) => "pulls",
    };
    let time = minutes.map_or_else(
        || "at unknown times".to_owned(),
        |minutes| format!("within {minutes} min"),
    );
    format!(
        "{attempts} {what}, {time}; a pull is {} to {} requests, {} to {} of which the pull limit counts",
        REQUESTS_PER_ATTEMPT.start(),
        REQUESTS_PER_ATTEMPT.end(),
        PULLS_PER_ATTEMPT.start(),
        PULLS_PER_ATTEMPT.end(),
    )
}

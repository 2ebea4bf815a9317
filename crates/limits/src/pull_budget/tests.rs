use std::time::UNIX_EPOCH;

use proptest::prelude::*;

use super::*;
use crate::Dialect;

const WINDOW: Duration = Duration::from_hours(6);

fn minute(minutes: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_795_000_000) + Duration::from_mins(minutes)
}

fn says(remaining: u64) -> Allowance {
    Allowance {
        limit: Some(100),
        remaining: Some(remaining),
        window: Some(WINDOW),
        reset: None,
        dialect: Dialect::RateLimit,
    }
}

fn budget(remaining: u64) -> PullBudget {
    PullBudget::first_seen(&says(remaining), minute(0)).unwrap()
}

#[test]
fn an_allowance_without_a_remainder_is_no_budget() {
    let unsaid = Allowance {
        remaining: None,
        ..says(0)
    };
    assert_eq!(PullBudget::first_seen(&unsaid, minute(0)), None);
    let mut known = budget(40);
    known.see(&unsaid, minute(1));
    assert_eq!(known, budget(40));
}

#[test]
fn what_was_sent_since_is_taken_off_until_the_registry_speaks() {
    let mut budget = budget(10);
    for _ in 0..3 {
        budget.note_sent();
    }
    assert_eq!(budget.remaining_at(minute(1)), 7);
    budget.note_unmetered();
    assert_eq!(budget.remaining_at(minute(1)), 8);
    budget.see(&says(9), minute(1));
    assert_eq!(budget.remaining_at(minute(1)), 9);
    for _ in 0..20 {
        budget.note_sent();
    }
    assert_eq!(budget.remaining_at(minute(1)), 0);
}

#[test]
fn a_window_after_the_last_word_everything_is_back() {
    let budget = budget(3);
    assert_eq!(budget.remaining_at(minute(359)), 3);
    assert_eq!(budget.remaining_at(minute(360)), 100);
}

#[test]
fn a_clock_that_jumps_leaves_a_budget_that_makes_sense() {
    let mut budget = budget(3);
    assert_eq!(budget.remaining_at(UNIX_EPOCH), 3);
    budget.see(&says(2), UNIX_EPOCH);
    assert_eq!(budget.remaining_at(UNIX_EPOCH), 2);
    assert_eq!(budget.forecast(UNIX_EPOCH).per_hour, None);
}

#[test]
fn a_forecast_says_when_it_runs_out_at_the_rate_of_the_last_hour() {
    let mut budget = budget(100);
    budget.see(&says(90), minute(15));
    budget.see(&says(70), minute(30));
    let forecast = budget.forecast(minute(30));
    assert_eq!(forecast.per_hour, Some(60.0));
    assert_eq!(forecast.runs_out_in, Some(Duration::from_mins(70)));
    assert_eq!(forecast.opens_in, None);
    assert_eq!(forecast.is_full_in, Some(WINDOW));
}

#[test]
fn too_little_seen_is_no_rate_and_nothing_spent_never_runs_out() {
    let budget = budget(100);
    assert_eq!(budget.forecast(minute(0)).per_hour, None);
    let later = budget.forecast(minute(30));
    assert_eq!(later.per_hour, Some(0.0));
    assert_eq!(later.runs_out_in, None);
    assert_eq!(later.is_full_in, None);
}

#[test]
fn an_empty_budget_opens_when_the_oldest_pull_leaves_the_window() {
    let mut budget = budget(10);
    budget.see(&says(6), minute(20));
    budget.see(&says(0), minute(50));
    let forecast = budget.forecast(minute(60));
    assert_eq!(forecast.opens_in, Some(Duration::from_mins(320)));
    assert_eq!(forecast.is_full_in, Some(Duration::from_mins(350)));
    assert_eq!(forecast.runs_out_in, None);
}

#[test]
fn what_leaves_the_window_after_the_last_word_opens_it_until_the_next() {
    let mut budget = budget(10);
    budget.see(&says(6), minute(20));
    budget.see(&says(0), minute(370));
    assert_eq!(budget.opens_in(minute(375)), Some(Duration::from_mins(5)));
    assert_eq!(budget.opens_in(minute(380)), Some(Duration::ZERO));
    assert_eq!(budget.opens_in(minute(390)), Some(Duration::ZERO));
    budget.see(&says(0), minute(391));
    assert_eq!(budget.opens_in(minute(391)), Some(Duration::from_mins(339)));
}

#[test]
fn a_budget_that_was_empty_when_first_seen_does_not_say_when_it_opens() {
    assert_eq!(budget(0).opens_in(minute(5)), None);
    assert_eq!(
        budget(0).forecast(minute(5)).is_full_in,
        Some(Duration::from_mins(355))
    );
}

#[test]
fn a_budget_written_down_goes_on_forecasting_as_before() {
    let mut budget = budget(10);
    for (remaining, at) in [(6, 20), (6, 30), (0, 50)] {
        budget.see(&says(remaining), minute(at));
    }
    let written: Vec<_> = budget.samples().collect();
    let said = (budget.limit, budget.remaining);
    let restored = PullBudget::restored(said, WINDOW, budget.seen_at, 0).with_samples(written);
    assert_eq!(restored, budget);
    assert_eq!(
        restored.opens_in(minute(60)),
        Some(Duration::from_mins(320))
    );
}

#[test]
fn samples_that_make_no_sense_are_left_out() {
    let samples = |written: &[(u64, u64)]| {
        let written: Vec<_> = written
            .iter()
            .map(|(at, remaining)| (minute(*at), *remaining))
            .collect();
        let restored = PullBudget::restored((Some(100), 5), WINDOW, minute(10), 0);
        let restored = restored.with_samples(written);
        restored.samples().collect::<Vec<_>>()
    };
    let seen = (minute(10), 5);
    assert_eq!(samples(&[]), [seen]);
    assert_eq!(samples(&[(9, 6), (10, 5)]), [(minute(9), 6), seen]);
    // After the last word, and out of order: a clock was set back in between.
    assert_eq!(samples(&[(9, 6), (11, 4)]), [(minute(9), 6), seen]);
    assert_eq!(samples(&[(9, 9), (1, 7)]), [(minute(1), 7), seen]);
    let many: Vec<_> = (0..1_000).map(|at| (at / 100, at)).collect();
    assert!(samples(&many).len() <= MAX_SAMPLES);
}

#[test]
fn a_remainder_that_grew_is_not_taken_for_spending() {
    let mut budget = budget(10);
    budget.see(&says(40), minute(10));
    budget.see(&says(38), minute(30));
    assert_eq!(budget.forecast(minute(30)).per_hour, Some(4.0));
}

proptest! {
    #[test]
    fn whatever_is_said_and_when_no_count_overflows_and_the_memory_is_bounded(
        words in prop::collection::vec((0u64..=u64::MAX, 0u64..100_000, any::<bool>()), 0..300),
    ) {
        let mut budget = budget(100);
        for (remaining, at, sent) in words {
            budget.see(&says(remaining), minute(at));
            if sent {
                budget.note_sent();
            }
            let _ = budget.forecast(minute(at));
            let _ = budget.forecast(UNIX_EPOCH);
            prop_assert!(budget.samples.len() <= MAX_SAMPLES);
        }
    }

    #[test]
    fn thinning_out_loses_no_pull(pulls in 1u64..1_000) {
        let mut budget = budget(2_000);
        for spent in 1..=pulls {
            budget.see(&says(2_000 - spent), minute(0) + Duration::from_millis(spent));
        }
        prop_assert_eq!(budget.drops().map(|(_, pulls)| pulls).sum::<u64>(), pulls);
    }
}

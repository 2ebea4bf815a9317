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

/// In answer to what was sent a moment before.
fn hear(budget: &mut PullBudget, allowance: &Allowance, at: SystemTime) {
    budget.see((Said::Told, allowance), at, at);
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
    hear(&mut known, &unsaid, minute(1));
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
    hear(&mut budget, &says(9), minute(1));
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
    hear(&mut budget, &says(2), UNIX_EPOCH);
    assert_eq!(budget.remaining_at(UNIX_EPOCH), 2);
    assert_eq!(budget.forecast(UNIX_EPOCH).per_hour, None);
}

#[test]
fn a_forecast_says_when_it_runs_out_at_the_rate_of_the_last_hour() {
    let mut budget = budget(100);
    hear(&mut budget, &says(90), minute(15));
    hear(&mut budget, &says(60), minute(30));
    let forecast = budget.forecast(minute(30));
    assert_eq!(forecast.per_hour, Some(40.0));
    assert_eq!(forecast.runs_out_in, Some(Duration::from_mins(90)));
    assert_eq!(forecast.opens_in, None);
    assert_eq!(forecast.is_full_in, Some(WINDOW));
    hear(&mut budget, &says(40), minute(70));
    let later = budget.forecast(minute(70));
    assert_eq!(later.per_hour, Some(60.0), "since minute 10");
    hear(&mut budget, &says(39), minute(80));
    let later = budget.forecast(minute(80));
    assert_eq!(later.per_hour, Some(49.2), "since minute 30");
}

#[test]
fn a_burst_is_no_rate_that_empties_it_in_a_minute() {
    let mut budget = budget(100);
    hear(&mut budget, &says(40), minute(1));
    let forecast = budget.forecast(minute(2));
    assert_eq!(forecast.per_hour, Some(60.0));
    assert_eq!(forecast.runs_out_in, Some(Duration::from_mins(40)));
}

/// What is left after each minute in which something was charged, and after which minute it is asked when it runs out.
#[test]
fn a_burst_that_is_over_empties_nothing_and_what_goes_on_does() {
    let steady = |gap: usize, pulls: u64| -> Vec<(u64, u64)> {
        let minutes = (0..=120_u64).step_by(gap).zip(0..);
        minutes
            .map(|(minute, number)| (minute, 200_u64.saturating_sub(number * pulls)))
            .collect()
    };
    let burst = vec![(0, 100), (60, 40)];
    let twice = vec![(0, 100), (30, 70), (60, 40)];
    let trickle = vec![(0, 100), (60, 40), (70, 39), (80, 38), (90, 37)];
    let drain: Vec<_> = (0..=10)
        .map(|minute| (50 + minute, 100 - 5 * minute))
        .collect();
    for (what, said, now, runs_out) in [
        ("60 at once, at first", &burst, 61, Some(40)),
        ("two minutes later", &burst, 62, Some(80)),
        ("five minutes later", &burst, 65, Some(200)),
        ("a quarter of an hour later", &burst, 75, None),
        ("at the end of the hour", &burst, 119, None),
        ("after it", &burst, 121, None),
        ("twice thirty", &twice, 61, Some(40)),
        ("twice thirty, a while later", &twice, 75, Some(40)),
        (
            "twice thirty, once the first is of long ago",
            &twice,
            91,
            None,
        ),
        ("a burst, and a few an hour since", &trickle, 90, Some(277)),
        ("five a minute for ten minutes", &drain, 60, Some(60)),
        ("one a minute for two hours", &steady(1, 1), 120, Some(80)),
        ("one a minute, between two", &steady(1, 1), 121, Some(80)),
        ("in batches", &steady(15, 21), 120, Some(22)),
        ("in batches, between two", &steady(15, 21), 134, Some(22)),
        ("in batches that have ended", &steady(15, 21), 166, None),
    ] {
        let (first, left) = said[0];
        let mut budget = PullBudget::first_seen(&says(left), minute(first)).unwrap();
        for (at, left) in &said[1..] {
            hear(&mut budget, &says(*left), minute(*at));
        }
        let forecast = budget.forecast(minute(now));
        let told = forecast.runs_out_in.map(|wait| wait.as_secs() / 60);
        assert_eq!(told, runs_out, "{what}: {forecast:?}");
    }
}

#[test]
fn an_answer_that_was_overtaken_brings_no_pull_back_and_charges_none_twice() {
    let second = |seconds| minute(0) + Duration::from_secs(seconds);
    let mut budget = budget(100);
    // Sent together; each pair of answers comes in the wrong order.
    for pair in 0..30 {
        let left = 100 - 2 * pair;
        budget.see((Said::Told, &says(left - 2)), second(1), second(2));
        budget.see((Said::Told, &says(left - 1)), second(1), second(2));
    }
    assert_eq!(budget.remaining_at(second(64)), 40);
    assert_eq!(budget.forecast(second(62)).per_hour, Some(60.0));
    // Less is believed whenever it was asked for, and more that was asked for afterwards.
    budget.see((Said::Told, &says(39)), second(1), second(65));
    assert_eq!(budget.remaining, 39);
    budget.see((Said::Told, &says(50)), second(64), second(66));
    assert_eq!(budget.remaining, 39);
    budget.see((Said::Told, &says(50)), second(65), second(67));
    assert_eq!(budget.remaining, 50);
}

#[test]
fn words_that_two_threads_hear_in_the_wrong_order_are_no_clock_that_was_set_back() {
    let mut budget = budget(100);
    hear(&mut budget, &says(90), minute(10));
    let before = minute(10) - Duration::from_millis(1);
    budget.see((Said::Told, &says(89)), before, before);
    assert_eq!(budget.seen_at, minute(10));
    assert_eq!(budget.forecast(minute(10)).per_hour, Some(11.0));
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
    hear(&mut budget, &says(6), minute(20));
    hear(&mut budget, &says(0), minute(50));
    let forecast = budget.forecast(minute(60));
    assert_eq!(forecast.opens_in, Some(Duration::from_mins(320)));
    assert_eq!(forecast.is_full_in, Some(Duration::from_mins(350)));
    assert_eq!(forecast.runs_out_in, None);
}

#[test]
fn what_leaves_the_window_after_the_last_word_opens_it_until_the_next() {
    let mut budget = budget(10);
    hear(&mut budget, &says(6), minute(20));
    hear(&mut budget, &says(0), minute(370));
    assert_eq!(budget.opens_in(minute(375)), Some(Duration::from_mins(5)));
    assert_eq!(budget.opens_in(minute(380)), Some(Duration::ZERO));
    assert_eq!(budget.opens_in(minute(390)), Some(Duration::ZERO));
    hear(&mut budget, &says(0), minute(391));
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
        hear(&mut budget, &says(remaining), minute(at));
    }
    let written: Vec<_> = budget.charges().collect();
    let expected = [(minute(0), 0), (minute(20), 4), (minute(50), 6)];
    assert_eq!(written, expected);
    let said = (budget.limit, budget.remaining);
    let restored = PullBudget::restored(said, WINDOW, budget.seen_at, 0).with_charges(written);
    assert_eq!(restored, budget);
    assert_eq!(
        restored.opens_in(minute(60)),
        Some(Duration::from_mins(320))
    );
}

#[test]
fn charges_that_make_no_sense_are_left_out() {
    let charges = |written: &[(u64, u64)]| {
        let written: Vec<_> = written
            .iter()
            .map(|(at, pulls)| (minute(*at), *pulls))
            .collect();
        let restored = PullBudget::restored((Some(100), 5), WINDOW, minute(10), 0);
        let restored = restored.with_charges(written);
        restored.charges().collect::<Vec<_>>()
    };
    assert_eq!(charges(&[]), [(minute(10), 0)]);
    assert_eq!(charges(&[(9, 0), (9, 6)]), [(minute(9), 0), (minute(9), 6)]);
    assert_eq!(charges(&[(9, 6)]), [(minute(9), 0), (minute(9), 6)]);
    // After the last word, and out of order: a clock was set back in between.
    assert_eq!(charges(&[(9, 0), (11, 4)]), [(minute(9), 0)]);
    assert_eq!(charges(&[(9, 9), (1, 7)]), [(minute(1), 0), (minute(1), 7)]);
    let many: Vec<_> = (0..1_000).map(|at| (at / 100, u64::MAX)).collect();
    assert!(charges(&many).len() <= MAX_CHARGES);
}

#[test]
fn a_remainder_that_grew_is_not_taken_for_spending() {
    let mut budget = budget(10);
    hear(&mut budget, &says(40), minute(10));
    hear(&mut budget, &says(38), minute(30));
    assert_eq!(budget.forecast(minute(30)).per_hour, Some(2.0));
}

#[test]
fn a_window_that_rolls_while_it_is_spent_hides_no_pull() {
    for window in [WINDOW, Duration::from_hours(31 * 24)] {
        let says = |remaining| Allowance {
            window: Some(window),
            ..says(remaining)
        };
        let mut budget = PullBudget::first_seen(&says(1_000), minute(0)).unwrap();
        // Each minute a pull is charged, and at every second of them one of before leaves the window.
        let mut left = 1_000;
        for minutes in 1..=1_000 {
            left -= 1;
            hear(&mut budget, &says(left), minute(minutes));
            if minutes.is_multiple_of(2) {
                left += 1;
                let at = minute(minutes) + Duration::from_secs(30);
                hear(&mut budget, &says(left), at);
            }
            if minutes > 60 {
                let rate = budget.forecast(minute(minutes)).per_hour.unwrap();
                assert!((60.0..=64.0).contains(&rate), "{minutes}: {rate}");
            }
        }
    }
}

proptest! {
    #[test]
    fn whatever_is_said_and_when_no_count_overflows_and_the_memory_is_bounded(
        words in prop::collection::vec((0u64..=u64::MAX, 0u64..100_000, any::<bool>()), 0..300),
    ) {
        let mut budget = budget(100);
        for (remaining, at, sent) in words {
            hear(&mut budget, &says(remaining), minute(at));
            if sent {
                budget.note_sent();
            }
            let _ = budget.forecast(minute(at));
            let _ = budget.forecast(UNIX_EPOCH);
            prop_assert!(budget.charges().count() <= MAX_CHARGES);
        }
    }

    /// By a clock that is set either way at any time.
    #[test]
    fn whatever_the_clock_shows_no_window_lies_further_away_than_its_length(
        steps in prop::collection::vec((0u64..=120, -40_000_000i64..40_000_000, any::<bool>()), 1..100),
    ) {
        let mut budget = budget(100);
        let at = |seconds: i64| {
            let moved = Duration::from_secs(seconds.unsigned_abs());
            if seconds < 0 { minute(0) - moved } else { minute(0) + moved }
        };
        for (remaining, seconds, is_heard) in steps {
            if is_heard {
                hear(&mut budget, &says(remaining), at(seconds));
                prop_assert_eq!(budget.remaining_at(at(seconds)), budget.remaining);
            } else {
                budget.note_sent();
            }
            for now in [at(seconds), UNIX_EPOCH, at(i64::from(i32::MAX))] {
                let forecast = budget.forecast(now);
                let waits = [forecast.opens_in, forecast.is_full_in, forecast.runs_out_in];
                prop_assert!(waits.iter().flatten().all(|wait| *wait <= WINDOW), "{:?}", forecast);
                prop_assert!(forecast.per_hour.is_none_or(|rate| rate >= 0.0 && rate.is_finite()));
                prop_assert!(budget.remaining_at(now) <= 120.max(budget.remaining));
            }
        }
    }

    #[test]
    fn whatever_is_said_in_turn_no_pull_is_lost_before_it_leaves_the_window(
        words in prop::collection::vec((0u64..=1_000, 0u64..20_000), 0..400),
    ) {
        let mut budget = budget(500);
        let (mut left, mut at) = (500_u64, minute(0));
        let mut drops = Vec::new();
        for (remaining, pause) in words {
            at += Duration::from_millis(pause * pause / 1_000);
            hear(&mut budget, &says(remaining), at);
            drops.push((at, left.saturating_sub(remaining)));
            left = remaining;
            let sum = |charges: &mut dyn Iterator<Item = (SystemTime, u64)>, within: Duration| {
                let charges = charges.filter(|(then, _)| age(*then, at) < within);
                charges.map(|(_, pulls)| pulls).sum::<u64>()
            };
            let spent = sum(&mut drops.iter().copied(), WINDOW);
            let all = sum(&mut drops.iter().copied(), Duration::MAX);
            let kept = sum(&mut budget.charges(), WINDOW);
            prop_assert!((spent..=all).contains(&kept), "{} of {} to {}", kept, spent, all);
            if age(minute(0), at) < WINDOW {
                prop_assert_eq!(kept, all);
            }
        }
    }
}

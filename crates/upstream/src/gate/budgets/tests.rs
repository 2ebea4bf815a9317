use forebay_content::{BudgetKey, Timestamp};
use forebay_limits::{Allowance, Dialect, Said};

use super::*;

const WINDOW: Duration = Duration::from_hours(6);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn said(remaining: u64, source: &str) -> Reading {
    Reading {
        allowance: Some(Allowance {
            limit: Some(100),
            remaining: Some(remaining),
            window: Some(WINDOW),
            reset: None,
            dialect: Dialect::RateLimit,
        }),
        source: Source::parse(source),
        retry_after: None,
        speaks_of_pulls: true,
    }
}

fn kept(remaining: u64, source: &str) -> KeptBudget {
    KeptBudget {
        key: BudgetKey {
            upstream: "docker.io".into(),
            account: None,
            source: Source::parse(source),
        },
        limit: Some(100),
        remaining,
        window: WINDOW,
        seen_at: Timestamp(0),
        spent_since: 1,
        charges: Vec::new(),
    }
}

fn left(remaining: u64) -> Purse {
    Purse::Metered {
        remaining,
        limit: 100,
    }
}

#[test]
fn nothing_said_is_no_limit_and_changes_none() {
    let mut budgets = Budgets::default();
    budgets.note_reading(&Reading::default(), Said::Told, (seconds(1), seconds(1)));
    assert_eq!(budgets.purse(seconds(1)), Purse::Unmetered);
    budgets.note_reading(&said(7, "192.0.2.1"), Said::Told, (seconds(2), seconds(2)));
    budgets.note_reading(&Reading::default(), Said::Told, (seconds(3), seconds(3)));
    assert_eq!(budgets.purse(seconds(3)), left(7));
    let of_an_api = Reading {
        allowance: said(0, "").allowance.map(|allowance| Allowance {
            dialect: Dialect::XRateLimit,
            ..allowance
        }),
        ..Reading::default()
    };
    budgets.note_reading(&of_an_api, Said::Told, (seconds(4), seconds(4)));
    assert_eq!(budgets.purse(seconds(4)), left(7));
}

#[test]
fn what_is_under_way_is_taken_off_and_what_was_not_answered_too() {
    let mut budgets = Budgets::default();
    budgets.note_reading(&said(3, "192.0.2.1"), Said::Told, (seconds(1), seconds(1)));
    budgets.note_sent();
    budgets.note_sent();
    assert_eq!(budgets.purse(seconds(1)), left(1));
    budgets.note_reading(&said(2, "192.0.2.1"), Said::Told, (seconds(2), seconds(2)));
    budgets.note_back(true);
    assert_eq!(budgets.purse(seconds(2)), left(1));
    budgets.note_back(false);
    assert_eq!(budgets.purse(seconds(2)), left(1));
    budgets.note_sent();
    assert_eq!(budgets.purse(seconds(2)), left(0), "none that is free");
}

#[test]
fn a_word_that_nothing_is_left_holds_half_a_minute_and_then_a_head_may_tell() {
    let mut budgets = Budgets::default();
    budgets.note_reading(
        &said(1, "192.0.2.1"),
        Said::Told,
        (seconds(100), seconds(100)),
    );
    budgets.note_reading(
        &said(0, "192.0.2.1"),
        Said::Told,
        (seconds(200), seconds(200)),
    );
    let opens_in = |opens_in| Purse::Empty {
        opens_in: Some(opens_in),
    };
    assert_eq!(
        budgets.purse(seconds(229)),
        opens_in(WINDOW.saturating_sub(seconds(29)))
    );
    assert_eq!(budgets.purse(seconds(230)), opens_in(Duration::ZERO));
    budgets.note_reading(
        &said(0, "192.0.2.1"),
        Said::Told,
        (seconds(230), seconds(230)),
    );
    assert_eq!(
        budgets.purse(seconds(230)),
        opens_in(WINDOW.saturating_sub(seconds(30)))
    );
    let after = seconds(230) + WINDOW;
    assert_eq!(budgets.purse(after), left(100), "all of it is back");
}

#[test]
fn sources_have_budgets_of_their_own_and_the_one_heard_of_last_is_spent() {
    let mut budgets = Budgets::default();
    budgets.note_reading(&said(0, "192.0.2.1"), Said::Told, (seconds(1), seconds(1)));
    budgets.note_reading(&said(50, "192.0.2.2"), Said::Told, (seconds(2), seconds(2)));
    assert_eq!(budgets.purse(seconds(2)), left(50));
    budgets.note_reading(&said(0, "192.0.2.1"), Said::Told, (seconds(3), seconds(3)));
    assert!(matches!(budgets.purse(seconds(3)), Purse::Empty { .. }));
    for number in 0..100 {
        let said = said(9, &format!("192.0.2.{number}"));
        budgets.note_reading(&said, Said::Told, (seconds(4), seconds(4)));
    }
    assert_eq!(budgets.known.len(), MAX_SOURCES);
    assert_eq!(budgets.purse(seconds(4)), left(9));
}

#[test]
fn a_budget_of_before_is_taken_up_unless_it_is_too_old_or_something_newer_is_known() {
    let now = seconds(10);
    let mut budgets = Budgets::default();
    budgets.restore(&kept(0, "192.0.2.9"), WINDOW, now);
    assert_eq!(budgets.purse(now), Purse::Unmetered, "its window is over");
    budgets.restore(&kept(8, "192.0.2.1"), seconds(60), now);
    budgets.restore(&kept(50, "192.0.2.2"), seconds(3_600), now);
    assert_eq!(
        budgets.purse(now),
        left(7),
        "heard of last, and one was sent since"
    );
    budgets.restore(&kept(99, "192.0.2.1"), seconds(0), now);
    assert_eq!(budgets.purse(now), left(7));
    let mut old = Budgets::default();
    let ancient = KeptBudget {
        window: Duration::MAX,
        ..kept(5, "192.0.2.1")
    };
    old.restore(&ancient, Duration::from_hours(24 * 365 * 1_000), now);
    assert!(matches!(old.purse(now), Purse::Metered { .. }));
}

#[test]
fn answers_that_overtake_each_other_give_no_pull_back() {
    let mut budgets = Budgets::default();
    budgets.note_reading(
        &said(100, "192.0.2.1"),
        Said::Told,
        (seconds(0), seconds(1)),
    );
    // All sent at once, answered in the wrong order.
    for shown in [40, 41, 60, 43] {
        budgets.note_reading(
            &said(shown, "192.0.2.1"),
            Said::Told,
            (seconds(2), seconds(3)),
        );
        assert_eq!(budgets.purse(seconds(3)), left(40));
    }
    budgets.note_reading(&said(41, "192.0.2.1"), Said::Told, (seconds(3), seconds(4)));
    assert_eq!(budgets.purse(seconds(4)), left(41));
}

#[test]
fn an_empty_budget_of_before_knows_when_it_opens_as_soon_as_the_registry_says_that_it_is_empty() {
    let now = seconds(10);
    let noted = KeptBudget {
        seen_at: Timestamp(3_600_000),
        spent_since: 0,
        charges: vec![
            (Timestamp(0), 0),
            (Timestamp(1_800_000), 60),
            (Timestamp(3_600_000), 40),
        ],
        ..kept(0, "192.0.2.1")
    };
    let mut budgets = Budgets::default();
    // The program was away for ten minutes.
    budgets.restore(&noted, seconds(600), now);
    budgets.note_reading(&said(0, "192.0.2.1"), Said::Told, (now, now));
    let opens_in = Some(WINDOW.saturating_sub(seconds(1_800 + 600)));
    assert_eq!(budgets.purse(now), Purse::Empty { opens_in });
}

/// Takes note that so many were left in an answer of this kind, to what was sent at the first time and answered at the second; true
/// if the word on it does not hold from then on.
fn hear(budgets: &mut Budgets, (what, left): (Said, u64), (asked, now): (u64, u64)) -> bool {
    let reading = said(left, "192.0.2.1");
    budgets.note_reading(&reading, what, (seconds(asked), seconds(now)))
}

#[test]
fn two_pulls_in_a_row_that_went_through_with_nothing_left_show_that_the_number_does_not_hold() {
    use Said::{Pulled, Refused, Told};
    const LATER: u64 = 6 * 3_600;
    let window_moved = [(Told, 1, 0, 1), (Pulled, 0, 2, 3), (Told, 0, LATER, LATER)];
    let window_moved = window_moved.into_iter();
    for (heard, is_known) in [
        (
            vec![(Told, 0, 1, 1), (Pulled, 0, 2, 2), (Pulled, 0, 3, 3)],
            true,
        ),
        (
            vec![(Told, 0, 1, 1), (Pulled, 0, 2, 2), (Told, 0, 3, 3)],
            false,
        ),
        // The last pull, and one more.
        (
            vec![(Told, 1, 1, 1), (Pulled, 0, 2, 2), (Pulled, 0, 3, 3)],
            false,
        ),
        // Others under way when it was.
        (
            vec![
                (Told, 2, 1, 1),
                (Pulled, 0, 2, 3),
                (Pulled, 0, 2, 4),
                (Pulled, 0, 2, 5),
            ],
            false,
        ),
        // There was something in between.
        (
            vec![
                (Told, 0, 1, 1),
                (Pulled, 0, 2, 2),
                (Told, 5, 3, 3),
                (Told, 0, 4, 4),
                (Pulled, 0, 5, 5),
            ],
            false,
        ),
        // One was refused in between.
        (
            vec![
                (Told, 0, 1, 1),
                (Pulled, 0, 2, 2),
                (Refused, 0, 3, 3),
                (Pulled, 0, 4, 4),
            ],
            false,
        ),
        // What was charged has left the window.
        (
            window_moved
                .chain([
                    (Pulled, 0, LATER + 4, LATER + 4),
                    (Pulled, 0, LATER + 5, LATER + 5),
                ])
                .collect(),
            false,
        ),
    ] {
        let mut budgets = Budgets::default();
        let mut news = false;
        for &(what, left, asked, now) in &heard {
            assert!(!news, "only the last word shows it");
            news = hear(&mut budgets, (what, left), (asked, now));
        }
        assert_eq!(news, is_known, "{heard:?}");
        let now = seconds(heard.last().unwrap().3);
        assert_eq!(
            budgets.purse(now) == Purse::Unmetered,
            is_known,
            "{heard:?}"
        );
    }
}

#[test]
fn a_number_that_does_not_hold_does_again_once_a_pull_was_refused_or_it_is_another() {
    use Said::{Pulled, Refused, Told};
    for (last, left) in [(Refused, 0), (Told, 7)] {
        let mut budgets = Budgets::default();
        for (what, at) in [(Told, 1), (Pulled, 2), (Pulled, 3)] {
            hear(&mut budgets, (what, 0), (at, at));
        }
        // Whether it was sent after the word was heard or before.
        for times in [(2, 4), (4, 4)] {
            assert!(!hear(&mut budgets, (Pulled, 0), times), "it is told once");
        }
        assert_eq!(budgets.purse(seconds(4)), Purse::Unmetered);
        hear(&mut budgets, (last, left), (5, 5));
        assert_ne!(budgets.purse(seconds(5)), Purse::Unmetered, "{last:?}");
        for (what, at) in [(Told, 6), (Pulled, 7)] {
            assert!(!hear(&mut budgets, (what, 0), (at, at)));
        }
        assert!(hear(&mut budgets, (Pulled, 0), (8, 8)), "and is told again");
    }
    let mut budgets = Budgets::default();
    for (what, at) in [(Told, 1), (Pulled, 2), (Pulled, 3)] {
        hear(&mut budgets, (what, 0), (at, at));
    }
    // A refusal in other words, too.
    budgets.note_reading(&Reading::default(), Refused, (seconds(4), seconds(4)));
    assert_ne!(budgets.purse(seconds(4)), Purse::Unmetered);
}

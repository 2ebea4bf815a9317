use forebay_content::{MAX_TOLD, Timestamp};

use super::storm_pace::MAX_NAMED_A_MINUTE;
use super::told::TRY_AGAIN_AFTER;
use super::*;
use crate::report::{ClientReport, CostReport, ForecastReport, Metering};

fn minute(minutes: u64) -> Moment {
    second(minutes * 60)
}

/// The wall clock stands still: none of this goes by it.
fn second(seconds: u64) -> Moment {
    Moment {
        wall: Timestamp(1_795_000_000_000),
        monotonic: Duration::from_secs(seconds),
    }
}

fn alerts() -> Alerts {
    Alerts::new(AlertRules::default(), Vec::new(), minute(0))
}

fn settled(alert: &Alert, has_reached: bool) -> Settled {
    Settled {
        kind: alert.kind,
        subject: alert.subject.clone(),
        has_reached,
    }
}

fn budget(remaining: u64, runs_out_in_seconds: Option<u64>) -> UpstreamReport {
    UpstreamReport {
        upstream: "docker.io".to_owned(),
        metering: Metering::Metered,
        heard_unix_ms: None,
        pull_cost: CostReport {
            least: 1,
            most: 2,
            seen: 0,
        },
        budgets: vec![BudgetReport {
            account: Some("alice".to_owned()),
            source: Some("192.0.2.1".to_owned()),
            credentials_not_applied: true,
            contradicted: false,
            limit: Some(100),
            remaining,
            window_seconds: 21_600,
            seen_unix_ms: 0,
            age_seconds: 0,
            spent_since: 0,
            forecast: ForecastReport {
                per_hour: None,
                runs_out_in_seconds,
                opens_in_seconds: None,
                is_full_in_seconds: None,
            },
        }],
        rests: Vec::new(),
    }
}

fn storm(workload: &str) -> StormReport {
    StormReport {
        client: ClientReport {
            address: Some("10.0.0.7".to_owned()),
            user: None,
            agent: "docker".to_owned(),
            workload: Some(workload.to_owned()),
        },
        upstream: "docker.io".to_owned(),
        repository: "library/nginx".to_owned(),
        reference: "latest".to_owned(),
        per_minute: 600,
        pulls: 30,
        since_unix_ms: 0,
        gets: "limited".into(),
    }
}

fn kinds(alerts: &[Alert]) -> Vec<AlertKind> {
    alerts.iter().map(|alert| alert.kind).collect()
}

#[test]
fn a_budget_under_its_floor_or_about_to_run_out_is_told() {
    use AlertKind::{BudgetLow, BudgetRunsOut};
    for (remaining, runs_out, expected) in [
        (100, None, vec![]),
        (20, None, vec![]),
        (19, None, vec![BudgetLow]),
        (0, None, vec![BudgetLow]),
        (60, Some(3_601), vec![]),
        (60, Some(3_600), vec![BudgetRunsOut]),
        (5, Some(10), vec![BudgetLow, BudgetRunsOut]),
    ] {
        let mut alerts = alerts();
        let mut told = alerts.of_budgets(&[budget(remaining, runs_out)], minute(0));
        told.extend(alerts.of_budgets(&[budget(remaining, runs_out)], minute(5)));
        assert_eq!(kinds(&told), expected, "{remaining} {runs_out:?}");
    }
    let mut unknown = budget(0, None);
    unknown.budgets[0].limit = None;
    assert!(alerts().of_budgets(&[unknown], minute(0)).is_empty());
}

#[test]
fn one_kind_and_subject_is_told_once_in_a_quiet_time() {
    let mut alerts = alerts();
    let low = [budget(5, None)];
    let at = [0, 1, 59, 60, 61, 119, 120];
    let told = at.map(|at| alerts.of_budgets(&low, minute(at)).len());
    assert_eq!(told, [1, 0, 0, 1, 0, 0, 1]);
    assert!(alerts.upstream("docker.io", true, minute(0)).is_some());
    assert!(alerts.upstream("ghcr.io", true, minute(0)).is_some());
    assert!(alerts.upstream("docker.io", true, minute(1)).is_none());
}

#[test]
fn an_end_is_told_if_its_begin_was_and_only_once() {
    let mut alerts = alerts();
    let one = storm("cart");
    assert_eq!(alerts.storm_ended(&one, minute(0)), None);
    assert!(alerts.storm_began(&one, minute(0)).is_some());
    assert!(alerts.storm_began(&storm("shop"), minute(0)).is_some());
    let ended = alerts.storm_ended(&one, minute(5)).unwrap();
    assert_eq!(ended.kind, AlertKind::StormEnded);
    assert_eq!(alerts.storm_ended(&one, minute(5)), None);
    // Within the quiet time neither the begin nor its end.
    assert_eq!(alerts.storm_began(&one, minute(10)), None);
    assert_eq!(alerts.storm_ended(&one, minute(15)), None);
    assert!(alerts.storm_began(&one, minute(60)).is_some());
    assert!(alerts.storm_ended(&one, minute(61)).is_some());
    assert_eq!(alerts.upstream("docker.io", false, minute(0)), None);
    assert!(alerts.upstream("docker.io", true, minute(0)).is_some());
    let back = alerts.upstream("docker.io", false, minute(1)).unwrap();
    assert_eq!(back.kind, AlertKind::UpstreamBack);
}

#[test]
fn what_begins_within_the_quiet_time_and_lasts_is_told_after_it() {
    let mut alerts = alerts();
    let cart = storm("cart");
    assert!(alerts.upstream("docker.io", true, minute(0)).is_some());
    assert!(alerts.upstream("docker.io", false, minute(1)).is_some());
    assert!(alerts.storm_began(&cart, minute(0)).is_some());
    assert!(alerts.storm_ended(&cart, minute(1)).is_some());

    assert!(alerts.upstream("docker.io", true, minute(10)).is_none());
    assert!(alerts.storm_began(&cart, minute(10)).is_none());
    let lasts = std::slice::from_ref(&cart);
    assert!(alerts.of_what_lasts(lasts, minute(59)).is_empty());
    let told: Vec<_> = alerts
        .of_what_lasts(lasts, minute(60))
        .into_iter()
        .map(|alert| alert.kind)
        .collect();
    assert_eq!(told, [AlertKind::UpstreamDown, AlertKind::StormBegan]);
    assert!(
        alerts.of_what_lasts(lasts, minute(180)).is_empty(),
        "told already"
    );
    assert!(alerts.upstream("docker.io", false, minute(181)).is_some());
}

#[test]
fn credentials_that_are_refused_again_within_the_quiet_time_are_told_after_it() {
    let mut alerts = alerts();
    let refused = alerts.credential_refused("docker.io", None, minute(0));
    alerts.settle(settled(&refused.unwrap(), true));
    alerts.credential_taken("docker.io");
    let again = alerts.credential_refused("docker.io", None, minute(10));
    assert_eq!(again, None);
    assert!(alerts.of_what_lasts(&[], minute(59)).is_empty());
    let told = alerts.of_what_lasts(&[], minute(60));
    assert_eq!(kinds(&told), [AlertKind::CredentialRefused]);
    assert!(alerts.of_what_lasts(&[], minute(180)).is_empty());
}

/// All was well after the restart, then it began again: nobody has told the rows of before that it ended.
#[test]
fn what_begins_after_a_restart_and_outlasts_the_quiet_time_is_told_after_it() {
    let begin = |alerts: &mut Alerts, now| -> Vec<Alert> {
        let began = [
            alerts.upstream("docker.io", true, now),
            alerts.credential_refused("docker.io", None, now),
            alerts.storm_began(&storm("cart"), now),
        ];
        began.into_iter().flatten().collect()
    };
    let mut before = alerts();
    for alert in begin(&mut before, minute(0)) {
        before.settle(settled(&alert, true));
    }
    let written = before.take_unwritten(minute(0));
    assert_eq!(written.len(), 3);
    let mut alerts = Alerts::new(AlertRules::default(), written, minute(0));
    assert_eq!(begin(&mut alerts, minute(10)), []);
    let storms = [storm("cart")];
    assert_eq!(alerts.of_what_lasts(&storms, minute(59)), []);
    let told = alerts.of_what_lasts(&storms, minute(60));
    let expected = [
        AlertKind::UpstreamDown,
        AlertKind::CredentialRefused,
        AlertKind::StormBegan,
    ];
    assert_eq!(kinds(&told), expected);
    assert_eq!(alerts.of_what_lasts(&storms, minute(180)), []);
    assert!(alerts.upstream("docker.io", false, minute(181)).is_some());
}

#[test]
fn of_an_upstream_that_is_taken_away_nothing_lasts() {
    let mut alerts = alerts();
    for upstream in ["docker.io", "ghcr.io"] {
        let told = [
            alerts.upstream(upstream, true, minute(0)),
            alerts.credential_refused(upstream, None, minute(0)),
        ];
        for alert in told {
            alerts.settle(settled(&alert.unwrap(), false));
        }
    }
    alerts.keep_upstreams(|upstream| upstream == "docker.io");
    let again = alerts.of_what_lasts(&[], minute(5));
    let again: Vec<_> = again
        .iter()
        .map(|alert| (alert.kind, &*alert.subject))
        .collect();
    let expected = [
        (AlertKind::UpstreamDown, "docker.io"),
        (AlertKind::CredentialRefused, "docker.io"),
    ];
    assert_eq!(again, expected);
    alerts.keep_upstreams(|_| false);
    let end = alerts.upstream("docker.io", false, minute(6));
    assert_eq!(end, None, "it is not the one that went down");
}

#[test]
fn an_alert_names_what_it_is_about_and_no_account() {
    let mut alerts = alerts();
    let began = alerts.storm_began(&storm("shop/cart"), minute(0)).unwrap();
    let subject = "10.0.0.7 docker for shop/cart docker.io/library/nginx:latest";
    assert_eq!(began.subject, subject);
    assert_eq!(
        began.text,
        format!("storm: {subject}, 600 pulls a minute, gets limited")
    );
    let mut low = alerts.of_budgets(&[budget(5, Some(600))], minute(0));
    low.extend(alerts.of_budgets(&[budget(5, Some(600))], minute(5)));
    assert_eq!(low[0].text, "docker.io: 5 of 100 pulls left for 192.0.2.1");
    assert_eq!(
        low[1].text,
        "docker.io: the pulls of 192.0.2.1 run out in 10 min at the present rate, 5 left"
    );
    assert!(!format!("{low:?}").contains("alice"));
    let refused = alerts.credential_refused("docker.io", Some(Limiter::LoginLockout), minute(0));
    assert_eq!(
        refused.unwrap().text,
        "docker.io refuses our credentials: login lockout"
    );
    assert_eq!(
        alerts.credential_refused("docker.io", None, minute(1)),
        None
    );
}

#[test]
fn a_disk_is_nearly_full_under_its_floor() {
    for (free, total, expected) in [
        (5, 100, false),
        (4, 100, true),
        (0, 100, true),
        (0, 0, false),
        (u64::MAX, u64::MAX, false),
        (1, u64::MAX, true),
    ] {
        let told = alerts().disk(free, total, minute(0));
        assert_eq!(told.is_some(), expected, "{free} of {total}");
    }
}

/// Looked at each ten seconds, as it is.
#[test]
fn a_budget_that_runs_out_is_told_once_it_does_for_five_minutes() {
    let looks = |forecast: fn(u64) -> Option<u64>| -> Vec<u64> {
        let mut alerts = alerts();
        let looks = (0..3_600).step_by(10);
        looks
            .filter(|at| {
                let told = alerts.of_budgets(&[budget(40, forecast(*at))], second(*at));
                !told.is_empty()
            })
            .collect()
    };
    assert_eq!(looks(|_| Some(2_400)), [300]);
    assert_eq!(
        looks(|at| (at < 290).then_some(2_400)),
        [] as [u64; 0],
        "a rollout"
    );
    assert_eq!(
        looks(|at| (at != 200).then_some(2_400)),
        [510],
        "it begins anew"
    );
}

#[test]
fn of_hundreds_of_storms_a_few_are_named_and_the_others_are_one_alert() {
    let storms: Vec<_> = (0..400)
        .map(|number| storm(&format!("app{number:03}")))
        .collect();
    let mut alerts = alerts();
    let began = storms
        .iter()
        .filter_map(|one| alerts.storm_began(one, minute(0)));
    assert_eq!(began.count(), MAX_NAMED_A_MINUTE as usize);
    // One of those that nobody was told of is over before.
    assert_eq!(alerts.storm_ended(&storms[399], second(30)), None);
    let mut told = Vec::new();
    for at in (0..3_600).step_by(10) {
        told.extend(alerts.of_what_lasts(&storms[..399], second(at)));
    }
    let texts: Vec<_> = told.iter().map(|alert| &*alert.text).collect();
    assert_eq!(
        texts,
        ["and 389 more storms: `forebay top` names those of now"]
    );
    assert_eq!(told[0].kind, AlertKind::StormBegan);

    // They are over together; those that were not named are not named now.
    let ended = storms
        .iter()
        .filter_map(|one| alerts.storm_ended(one, minute(60)));
    assert_eq!(ended.count(), 10);
    let told = alerts.of_what_lasts(&[], minute(61));
    let texts: Vec<_> = told.iter().map(|alert| &*alert.text).collect();
    assert_eq!(
        texts,
        ["and 389 more storms over: `forebay top` names those of now"]
    );
    assert!(alerts.of_what_lasts(&[], minute(70)).is_empty());
}

#[test]
fn storms_that_go_on_beginning_are_told_at_a_bounded_rate() {
    let mut alerts = alerts();
    let mut told = 0;
    for at in 0..600 {
        let now = second(at);
        for number in 0..5 {
            let one = storm(&format!("app{at}-{number}"));
            told += usize::from(alerts.storm_began(&one, now).is_some());
            told += usize::from(alerts.storm_ended(&one, now).is_some());
        }
        told += alerts.of_what_lasts(&[], now).len();
    }
    assert!((100..=130).contains(&told), "{told} in ten minutes");
}

#[test]
fn what_nobody_takes_is_told_as_soon_as_somebody_does() {
    let mut alerts = alerts();
    let low = [budget(5, None)];
    let cart = storm("cart");
    for at in [0, 10, 20] {
        let told = alerts.of_budgets(&low, second(at));
        assert_eq!(kinds(&told), [AlertKind::BudgetLow], "{at}");
        alerts.not_taken(&told[0]);
        let began = alerts.storm_began(&cart, second(at)).unwrap();
        alerts.not_taken(&began);
        assert_eq!(alerts.storm_ended(&cart, second(at)), None);
    }
    assert_eq!(alerts.of_budgets(&low, second(30)).len(), 1);
    assert_eq!(alerts.of_budgets(&low, second(40)).len(), 0);
}

#[test]
fn what_reached_nobody_is_told_again_before_the_quiet_time_is_over() {
    let mut alerts = alerts();
    let low = [budget(5, None)];
    let soon = TRY_AGAIN_AFTER.as_secs();
    let told = alerts.of_budgets(&low, second(0));
    alerts.settle(settled(&told[0], false));
    let refused = alerts
        .credential_refused("docker.io", None, second(0))
        .unwrap();
    alerts.settle(settled(&refused, false));
    let down = alerts.upstream("ghcr.io", true, second(0)).unwrap();
    alerts.settle(settled(&down, false));
    assert_eq!(alerts.of_budgets(&low, second(soon - 1)).len(), 0);
    assert_eq!(alerts.of_what_lasts(&[], second(soon - 1)).len(), 0);
    let told = alerts.of_budgets(&low, second(soon));
    assert_eq!(kinds(&told), [AlertKind::BudgetLow]);
    alerts.settle(settled(&told[0], true));
    assert_eq!(
        alerts.of_budgets(&low, second(2 * soon)).len(),
        0,
        "it was told"
    );
    let again = alerts.of_what_lasts(&[], second(soon));
    let expected = [AlertKind::UpstreamDown, AlertKind::CredentialRefused];
    assert_eq!(kinds(&again), expected);
    alerts.settle(settled(&again[1], false));
    alerts.credential_taken("docker.io");
    assert!(alerts.of_what_lasts(&[], second(2 * soon)).is_empty());
}

#[test]
fn many_storms_that_reached_nobody_are_told_again() {
    let storms: Vec<_> = (0..30)
        .map(|number| storm(&format!("app{number}")))
        .collect();
    let mut alerts = alerts();
    let named = storms
        .iter()
        .filter_map(|one| alerts.storm_began(one, minute(0)));
    let named: Vec<_> = named.collect();
    for one in &named {
        alerts.settle(settled(one, true));
    }
    let sum = alerts.of_what_lasts(&storms, minute(1));
    assert_eq!(sum.len(), 1, "{sum:?}");
    alerts.settle(settled(&sum[0], false));
    assert!(alerts.of_what_lasts(&storms, minute(5)).is_empty());
    let again = alerts.of_what_lasts(&storms, minute(6));
    assert_eq!(again.len(), 10);
    let sum = alerts.of_what_lasts(&storms, minute(7));
    assert_eq!(
        sum[0].text,
        "and 10 more storms: `forebay top` names those of now"
    );
    alerts.not_taken(&sum[0]);
    assert_eq!(alerts.of_what_lasts(&storms, minute(8)).len(), 10);
}

#[test]
fn what_reached_somebody_is_quiet_after_a_restart_wherever_the_clock_is_set() {
    const MINUTE: i64 = 60_000;
    let mut before = alerts();
    let low = [budget(5, None)];
    let reached = before.of_budgets(&low, minute(0));
    let down = before.upstream("ghcr.io", true, minute(0)).unwrap();
    let refused = before
        .credential_refused("ghcr.io", None, minute(0))
        .unwrap();
    assert_eq!(before.take_unwritten(minute(0)), [], "nobody knows yet");
    before.settle(settled(&refused, false));
    before.settle(settled(&reached[0], true));
    before.settle(settled(&down, true));
    let written = before.take_unwritten(minute(0));
    assert_eq!(written.len(), 2);
    assert_eq!(before.take_unwritten(minute(0)), []);
    before.put_back(written.clone());
    assert_eq!(before.take_unwritten(minute(0)).len(), 2);
    let restarted = |wall: i64, minutes: u64| {
        let begun = Moment {
            wall: Timestamp(wall),
            monotonic: Duration::ZERO,
        };
        let mut alerts = Alerts::new(AlertRules::default(), written.clone(), begun);
        let now = Moment {
            wall: begun.wall,
            monotonic: Duration::from_mins(minutes),
        };
        let told = alerts.of_budgets(&low, now).len();
        (told, alerts)
    };
    let wall = minute(0).wall.0;
    for (set_to, minutes, told) in [
        (wall, 0, 0),
        (wall + 59 * MINUTE, 0, 0),
        (wall + 60 * MINUTE, 0, 1),
        (wall + 30 * MINUTE, 29, 0),
        (wall + 30 * MINUTE, 30, 1),
        // Set back: it lasts as long as it is at most.
        (wall - 1_000_000 * MINUTE, 59, 0),
        (wall - 1_000_000 * MINUTE, 60, 1),
        (i64::MIN, 60, 1),
        (i64::MAX, 0, 1),
    ] {
        assert_eq!(restarted(set_to, minutes).0, told, "{set_to} {minutes}");
    }
    // Its end is told to who heard of its begin.
    let (_, mut alerts) = restarted(wall, 0);
    assert_eq!(alerts.upstream("ghcr.io", true, minute(1)), None);
    assert!(alerts.upstream("ghcr.io", false, minute(2)).is_some());
}

#[test]
fn only_so_much_is_remembered_and_of_storms_first_the_oldest_goes() {
    let mut alerts = alerts();
    assert!(alerts.upstream("docker.io", true, minute(0)).is_some());
    let rules = |quiet| AlertRules {
        quiet,
        ..AlertRules::default()
    };
    alerts.set_rules(rules(Duration::from_hours(10_000)));
    for number in 0..MAX_TOLD as u64 + 10 {
        let one = storm(&format!("app{number}"));
        assert!(alerts.storm_began(&one, minute(number)).is_some());
    }
    assert_eq!(alerts.told.len(), MAX_TOLD);
    let later = minute(MAX_TOLD as u64 + 10);
    assert!(alerts.upstream("docker.io", true, later).is_none());
    assert!(alerts.storm_began(&storm("app0"), later).is_some());
}

#[test]
fn an_alert_is_written_as_flat_json() {
    let alert = Alerts::test(minute(0));
    assert_eq!(
        serde_json::to_value(&alert).unwrap(),
        serde_json::json!({
            "kind": "test",
            "subject": "test",
            "text": "a test: alerts of Forebay arrive here",
            "at_unix_ms": 1_795_000_000_000_i64,
        })
    );
}

use forebay_content::Timestamp;

use super::*;
use crate::report::{ClientReport, CostReport, ForecastReport, Metering};

fn minute(minutes: u64) -> Moment {
    Moment {
        wall: Timestamp(1_795_000_000_000),
        monotonic: Duration::from_mins(minutes),
    }
}

fn alerts() -> Alerts {
    Alerts::new(AlertRules::default())
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
        let told = alerts().of_budgets(&[budget(remaining, runs_out)], minute(0));
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
fn an_alert_names_what_it_is_about_and_no_account() {
    let mut alerts = alerts();
    let began = alerts.storm_began(&storm("shop/cart"), minute(0)).unwrap();
    let subject = "10.0.0.7 docker for shop/cart docker.io/library/nginx:latest";
    assert_eq!(began.subject, subject);
    assert_eq!(
        began.text,
        format!("storm: {subject}, 600 pulls a minute, gets limited")
    );
    let low = alerts.of_budgets(&[budget(5, Some(600))], minute(0));
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

#[test]
fn only_so_many_subjects_are_remembered() {
    let mut alerts = alerts();
    for number in 0..MAX_SUBJECTS + 10 {
        let name = format!("registry{number}");
        assert!(alerts.upstream(&name, true, minute(0)).is_some());
    }
    assert_eq!(alerts.told.len(), MAX_SUBJECTS);
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

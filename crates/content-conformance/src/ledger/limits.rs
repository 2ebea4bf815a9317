//! Sentences about what is known of limits.

use std::time::Duration;

use forebay_content::{
    BudgetKey, KeptBudget, KeptCoolDown, LimitRows, MAX_BUDGETS, MAX_SOURCES, Timestamp,
};
use forebay_limits::{Limiter, PullCost, Source};

fn budget(upstream: &str, account: Option<&str>, source: Option<&str>) -> KeptBudget {
    KeptBudget {
        key: BudgetKey {
            upstream: upstream.into(),
            account: account.map(Into::into),
            source: source.and_then(Source::parse),
        },
        limit: Some(100),
        remaining: 76,
        window: Duration::from_hours(6),
        seen_at: Timestamp(1_795_000_000_000),
        spent_since: 3,
        charges: vec![
            (Timestamp(1_794_999_000_000), 0),
            (Timestamp(1_795_000_000_000), 14),
        ],
    }
}

fn cool_down(scope: &str, limiter: Limiter, noted_at: i64, until: i64) -> KeptCoolDown {
    KeptCoolDown {
        upstream: "docker.io".into(),
        scope: scope.into(),
        limiter,
        until: Timestamp(until),
        noted_at: Timestamp(noted_at),
    }
}

/// Apart by upstream, account and source.
pub async fn budgets_are_told_as_kept<R: LimitRows>(rows: &R) {
    let uuid = "6f0a1b2c-0000-4abc-8def-0123456789ab";
    let mut kept = vec![
        budget("docker.io", None, None),
        budget("docker.io", None, Some("192.0.2.1")),
        budget("docker.io", None, Some("2600:3c00::")),
        budget("docker.io", Some("ci"), Some("192.0.2.1")),
        budget("docker.io", Some("ci"), Some(uuid)),
        budget("docker.io", Some("ci"), Some("odd thing")),
        budget("ghcr.io", None, Some("192.0.2.1")),
    ];
    kept[2].limit = None;
    kept[3].remaining = 0;
    rows.keep_budgets(&kept).await.unwrap();
    kept.sort_by(|one, other| one.key.cmp(&other.key));
    assert_eq!(rows.limits().await.unwrap().budgets, kept);
}

/// In all that it says.
pub async fn a_budget_kept_again_takes_the_place_of_the_one_before<R: LimitRows>(rows: &R) {
    let before = budget("docker.io", None, Some("192.0.2.1"));
    let after = KeptBudget {
        limit: None,
        remaining: 0,
        window: Duration::from_hours(1),
        seen_at: Timestamp(5),
        spent_since: 0,
        charges: Vec::new(),
        ..before.clone()
    };
    for kept in [before, after] {
        rows.keep_budgets(std::slice::from_ref(&kept))
            .await
            .unwrap();
        assert_eq!(rows.limits().await.unwrap().budgets, [kept]);
    }
}

/// The last one counts.
pub async fn the_cost_of_a_pull_is_kept_by_upstream<R: LimitRows>(rows: &R) {
    let cost = |once, twice| PullCost { once, twice };
    for (upstream, cost) in [
        ("quay.io", cost(0, 5)),
        ("docker.io", cost(1, 0)),
        ("docker.io", cost(64, u32::MAX)),
    ] {
        rows.keep_pull_cost(&upstream.into(), cost).await.unwrap();
    }
    let expected = [
        ("docker.io".into(), cost(64, u32::MAX)),
        ("quay.io".into(), cost(0, 5)),
    ];
    assert_eq!(rows.limits().await.unwrap().costs, expected);
}

/// The last one counts.
pub async fn a_silence_is_kept_until_it_is_broken<R: LimitRows>(rows: &R) {
    for (upstream, heard_at) in [
        ("quay.io", Some(Timestamp(1))),
        ("ghcr.io", Some(Timestamp(2))),
        ("ghcr.io", Some(Timestamp(3))),
        ("docker.io", Some(Timestamp(4))),
        ("docker.io", None),
        ("docker.io", None),
    ] {
        let kept = rows.keep_silence(&upstream.into(), heard_at).await;
        kept.unwrap();
    }
    let expected = [
        ("ghcr.io".into(), Timestamp(3)),
        ("quay.io".into(), Timestamp(1)),
    ];
    assert_eq!(rows.limits().await.unwrap().silences, expected);
}

/// One of the same scope and limiter takes its place, also with an earlier end.
pub async fn a_cool_down_is_kept_until_another_is_noted_after_its_end<R: LimitRows>(rows: &R) {
    let pulls = cool_down("pulls", Limiter::PullLimit, 100, 1_000);
    let all = cool_down("everything", Limiter::AbuseLimit, 200, 500);
    let token = cool_down("token", Limiter::Other, 499, 2_000);
    for kept in [&pulls, &all, &token] {
        rows.keep_cool_down(kept).await.unwrap();
    }
    let found = rows.limits().await.unwrap().cool_downs;
    assert_eq!(found, [all, pulls.clone(), token.clone()]);
    let lockout = cool_down("token", Limiter::LoginLockout, 500, 3_000);
    rows.keep_cool_down(&lockout).await.unwrap();
    let found = rows.limits().await.unwrap().cool_downs;
    assert_eq!(found, [pulls, token.clone(), lockout.clone()]);
    let sooner = cool_down("token", Limiter::LoginLockout, 1_500, 1_600);
    rows.keep_cool_down(&sooner).await.unwrap();
    let found = rows.limits().await.unwrap().cool_downs;
    assert_eq!(found, [sooner, token]);
}

/// Of all limiters, and of no other scope or upstream.
pub async fn a_cool_down_is_dropped_with_its_scope<R: LimitRows>(rows: &R) {
    let elsewhere = KeptCoolDown {
        upstream: "ghcr.io".into(),
        ..cool_down("pulls", Limiter::Other, 100, 1_000)
    };
    let other = cool_down("token", Limiter::Other, 100, 2_000);
    for kept in [
        &cool_down("pulls", Limiter::PullLimit, 100, 1_000),
        &cool_down("pulls", Limiter::Other, 100, 1_000),
        &elsewhere,
        &other,
    ] {
        rows.keep_cool_down(kept).await.unwrap();
    }
    rows.drop_cool_downs(&"docker.io".into(), "pulls")
        .await
        .unwrap();
    let found = rows.limits().await.unwrap().cool_downs;
    assert_eq!(found, [elsewhere, other]);
}

/// Those seen longest ago go.
pub async fn only_so_many_budgets_are_kept<R: LimitRows>(rows: &R) {
    let kept: Vec<_> = (0..MAX_BUDGETS + 10)
        .map(|number| KeptBudget {
            seen_at: Timestamp(i64::try_from(number).unwrap()),
            ..budget(&format!("registry{number:05}"), None, None)
        })
        .collect();
    rows.keep_budgets(&kept).await.unwrap();
    assert_eq!(rows.limits().await.unwrap().budgets, kept[10..]);
}

/// Of an account only those seen last; and where there are too many in all, of who has most the oldest.
pub async fn no_registry_pushes_out_anothers_budgets<R: LimitRows>(rows: &R) {
    let seen = |upstream: &str, account, source: Option<&str>, seen_at| KeptBudget {
        seen_at: Timestamp(seen_at),
        ..budget(upstream, account, source)
    };
    let hub = seen("docker.io", None, Some("192.0.2.1"), 1);
    rows.keep_budgets(std::slice::from_ref(&hub)).await.unwrap();
    let flood = |account| {
        let numbers = 0..i64::try_from(MAX_BUDGETS).unwrap() + 5;
        let kept = numbers.map(move |number| {
            seen(
                "mirror.example",
                account,
                Some(&format!("source {number:05}")),
                10 + number,
            )
        });
        kept.collect::<Vec<_>>()
    };
    for account in [None, Some("ci")] {
        rows.keep_budgets(&flood(account)).await.unwrap();
    }
    let mut expected = vec![hub.clone()];
    for account in [None, Some("ci")] {
        let kept = flood(account);
        expected.extend_from_slice(&kept[kept.len() - MAX_SOURCES..]);
    }
    assert_eq!(rows.limits().await.unwrap().budgets, expected);
    let others: Vec<_> = (0..MAX_BUDGETS - 3)
        .map(|number| seen(&format!("registry{number:05}"), None, None, 0))
        .collect();
    rows.keep_budgets(&others).await.unwrap();
    let kept = rows.limits().await.unwrap().budgets;
    assert_eq!(kept.len(), MAX_BUDGETS);
    assert_eq!(kept[0], hub);
    assert!(kept.ends_with(&others));
}

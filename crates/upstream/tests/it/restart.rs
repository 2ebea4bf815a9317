//! What is known of limits outlives the process: given back to the next one, it keeps to it.

use std::time::Duration;

use forebay_content::{Clock, KeptCoolDown, ManualClock, SourceError, Timestamp};
use forebay_limits::{ABUSE_COOL_DOWN, Limiter, MAX_WAIT, PULL_LIMIT_COOL_DOWN, Purse};
use forebay_upstream::Pacers;
use hub_sim::{Fault, Hub, On, hours, minutes, seconds};

use crate::rig::{Rig, Setup, is_token, nginx};

fn wait_of(error: &SourceError) -> Duration {
    match error {
        SourceError::Limited { retry_after, .. } => *retry_after,
        other => panic!("no limit: {other}"),
    }
}

/// Another process with what the one before wrote down.
fn restarted(setup: Setup, before: &Rig, clock: &ManualClock) -> Rig {
    let after = setup.clock(clock).start();
    after.upstream.restore(&before.kept(), &[]);
    after
}

/// A clock of another process, that shows the same time.
fn same_time(clock: &ManualClock) -> ManualClock {
    ManualClock::at(clock.now())
}

async fn limited() -> (Hub, Rig) {
    let hub = nginx().anonymous_limit(0, hours(6)).start().await;
    let rig = Rig::of(&hub);
    rig.manifest("library/nginx:1").await.unwrap_err();
    hub.clear_requests();
    (hub, rig)
}

#[tokio::test]
async fn a_restart_in_the_middle_of_a_cool_down_keeps_it() {
    let (hub, before) = limited().await;
    let clock = same_time(&before.clock);
    let after = restarted(Setup::of(&hub), &before, &clock);
    clock.advance(minutes(1));
    for _ in 0..20 {
        let error = after.manifest("library/nginx:1").await.unwrap_err();
        assert_eq!(
            wait_of(&error),
            PULL_LIMIT_COOL_DOWN.saturating_sub(minutes(1))
        );
    }
    assert!(matches!(after.purse(), Purse::Empty { .. }));
    assert_eq!(hub.requests().len(), 0);
    after.resolve("library/nginx:1").await.unwrap();
    clock.advance(PULL_LIMIT_COOL_DOWN);
    hub.set_anonymous_limit(None);
    after.manifest("library/nginx:1").await.unwrap();
}

#[tokio::test]
async fn a_restart_keeps_the_abuse_limits_cool_down_for_all_at_the_address() {
    let hub = nginx().account("bob", "pw", None).start().await;
    let before = Rig::of(&hub);
    hub.fault(Fault::AbuseLimited).once();
    before.resolve("library/nginx:1").await.unwrap_err();
    hub.clear_requests();
    let pacers = Pacers::default();
    let clock = same_time(&before.clock);
    let after = restarted(Setup::of(&hub).pacers(&pacers), &before, &clock);
    let bob = Setup::of(&hub).login("bob", "pw").pacers(&pacers);
    let bob = bob.clock(&clock).start();
    clock.advance(ABUSE_COOL_DOWN.saturating_sub(seconds(1)));
    for rig in [&after, &bob] {
        let error = rig.resolve("library/nginx:1").await.unwrap_err();
        assert_eq!(wait_of(&error), seconds(1));
    }
    assert_eq!(hub.requests().len(), 0);
    clock.advance(seconds(1));
    after.resolve("library/nginx:1").await.unwrap();
}

#[tokio::test]
async fn a_locked_out_login_rests_after_a_restart_and_another_accounts_does_not() {
    let hub = nginx()
        .account("alice", "right", None)
        .account("bob", "pw", None)
        .lockout(1, minutes(10))
        .start()
        .await;
    let before = Setup::of(&hub).login("alice", "wrong").start();
    before.resolve("library/nginx:1").await.unwrap_err();
    before.clock.advance(minutes(1));
    before.resolve("library/nginx:1").await.unwrap_err();
    assert_eq!(hub.refused_logins("alice"), 2);
    hub.clear_requests();
    let clock = same_time(&before.clock);
    let after = restarted(Setup::of(&hub).login("alice", "wrong"), &before, &clock);
    for _ in 0..20 {
        after.resolve("library/nginx:1").await.unwrap_err();
    }
    assert_eq!(hub.count(is_token), 0);
    let bob = restarted(Setup::of(&hub).login("bob", "pw"), &before, &clock);
    bob.resolve("library/nginx:1").await.unwrap();
    let nobody = restarted(Setup::of(&hub), &before, &clock);
    nobody.resolve("library/nginx:1").await.unwrap();
    clock.advance(minutes(10));
    hub.advance(minutes(10));
    after.resolve("library/nginx:1").await.unwrap_err();
    assert_eq!(hub.refused_logins("alice"), 3);
}

#[tokio::test]
async fn a_password_that_was_corrected_is_taken_after_a_restart_and_one_that_was_not_is_shown_once()
{
    let hub = nginx().account("alice", "right", None).start().await;
    let before = Setup::of(&hub).login("alice", "wrong").start();
    before.resolve("library/nginx:1").await.unwrap_err();
    let clock = same_time(&before.clock);
    let after = restarted(Setup::of(&hub).login("alice", "right"), &before, &clock);
    after.resolve("library/nginx:1").await.unwrap();
    let same = restarted(Setup::of(&hub).login("alice", "wrong"), &before, &clock);
    for _ in 0..20 {
        same.resolve("library/nginx:1").await.unwrap_err();
    }
    assert_eq!(hub.refused_logins("alice"), 2);
}

#[tokio::test]
async fn a_clock_that_was_set_makes_no_cool_down_longer_and_harms_nothing() {
    let year = i64::try_from(hours(24 * 365).as_millis()).unwrap();
    for (jump, expected) in [
        (0, Some(PULL_LIMIT_COOL_DOWN)),
        (
            60_000,
            Some(PULL_LIMIT_COOL_DOWN.saturating_sub(minutes(1))),
        ),
        (-60_000, Some(PULL_LIMIT_COOL_DOWN)),
        (-10 * year, Some(PULL_LIMIT_COOL_DOWN)),
        (10 * year, None),
    ] {
        let (hub, before) = limited().await;
        let clock = ManualClock::at(Timestamp(before.clock.now().0 + jump));
        let after = restarted(Setup::of(&hub), &before, &clock);
        // Set again while it runs: nothing depends on it any more.
        clock.jump_to(Timestamp(0));
        let purse = after.purse();
        match expected {
            Some(opens_in) => {
                let opens_in = Some(opens_in);
                assert_eq!(purse, Purse::Empty { opens_in }, "{jump}");
            }
            None => assert_eq!(purse, Purse::Unmetered, "{jump}"),
        }
        clock.advance(PULL_LIMIT_COOL_DOWN);
        hub.set_anonymous_limit(None);
        after.manifest("library/nginx:1").await.unwrap();
    }
}

#[tokio::test]
async fn rows_that_make_no_sense_and_those_of_others_stop_nothing_for_longer_than_any_limit() {
    let hub = nginx().start().await;
    let rig = Rig::of(&hub);
    let now = rig.clock.now();
    let row = |upstream: &str, scope: &str, until| KeptCoolDown {
        upstream: upstream.into(),
        scope: scope.into(),
        limiter: Limiter::PullLimit,
        until,
        noted_at: now,
    };
    let later = now.after(hours(1));
    rig.upstream.restore(
        &[
            row("ghcr.io", "everything", later),
            row("docker.io", "", later),
            row("docker.io", "all that there is", later),
            row("docker.io", "login:", later),
            row("docker.io", "login:alice", later),
            row("docker.io", "pulls", Timestamp(i64::MIN)),
        ],
        &[],
    );
    rig.manifest("library/nginx:1").await.unwrap();
    let forever = row("docker.io", "pulls", Timestamp(i64::MAX));
    rig.upstream.restore(&[forever], &[]);
    let opens_in = Some(MAX_WAIT);
    assert_eq!(rig.purse(), Purse::Empty { opens_in });
}

#[tokio::test]
async fn every_scope_that_is_told_is_understood_again() {
    for (fault, on) in [
        (Fault::PullLimited, On::Manifest),
        (Fault::AbuseLimited, On::Any),
        (throttled(), On::Manifest),
        (throttled(), On::Token),
        (throttled(), On::BlobContent),
    ] {
        let hub = nginx().start().await;
        let before = Rig::of(&hub);
        let layer = hub.layers("library/nginx:1")[0].digest().to_owned();
        hub.fault(fault.clone()).on(on).always();
        let ask = async |rig: &Rig| match on {
            On::BlobContent => rig.blob("library/nginx", &layer).await.map(drop),
            _ => rig.manifest("library/nginx:1").await.map(drop),
        };
        ask(&before).await.unwrap_err();
        let scope = before.seen.limits()[0].scope.clone();
        let clock = same_time(&before.clock);
        let after = restarted(Setup::of(&hub), &before, &clock);
        hub.lift_all();
        let Err(error) = ask(&after).await else {
            panic!("{scope} was forgotten");
        };
        clock.advance(wait_of(&error));
        ask(&after).await.unwrap();
    }
}

/// Another registry's limit, which stops the part that says so.
fn throttled() -> Fault {
    let body = r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"Rate exceeded"}]}"#;
    Fault::Reply(429, vec![], body.into())
}

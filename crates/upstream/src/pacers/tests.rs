use forebay_content::ManualClock;
use forebay_limits::{Limiter, MIN_PER_MINUTE};
use futures::FutureExt;
use url::Url;

use super::*;

const SLOW: Terms = Terms {
    requests_per_minute: 60,
    burst: 1,
};

fn origin(url: &str) -> Option<Origin> {
    Origin::of(&Url::parse(url).unwrap())
}

fn join(pacers: &Pacers, url: &str, terms: Terms) -> Share {
    pacers.join(origin(url).as_ref(), terms)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// How long a client would wait for a turn at `now`, of which it makes no use.
fn wait_of(share: &Share, now: Duration) -> Duration {
    share
        .take(Priority::Interactive, now, Duration::MAX)
        .unwrap()
        .1
}

#[test]
fn one_address_has_one_pace_and_another_has_its_own() {
    let pacers = Pacers::default();
    let one = join(&pacers, "https://a.example/", SLOW);
    let other = join(&pacers, "https://a.example:443/x", SLOW);
    let elsewhere = join(&pacers, "https://b.example", SLOW);
    one.take(Priority::Interactive, seconds(0), Duration::ZERO)
        .unwrap()
        .0
        .spend();
    assert_eq!(wait_of(&other, seconds(0)), seconds(1));
    assert_eq!(wait_of(&elsewhere, seconds(0)), seconds(0));
}

#[test]
fn the_slowest_of_those_at_an_address_holds_for_all_as_long_as_it_is_there() {
    let pacers = Pacers::default();
    let fast = Terms {
        requests_per_minute: 600,
        burst: 1,
    };
    let one = join(&pacers, "https://a.example", fast);
    let slow = join(&pacers, "https://a.example", SLOW);
    assert!((one.per_minute() - 60.0).abs() < 1e-9);
    drop(slow);
    wait_of(&one, seconds(0));
    assert!((one.per_minute() - 600.0).abs() < 1e-9);
}

#[test]
fn a_pace_outlives_the_upstreams_of_a_configuration() {
    let pacers = Pacers::default();
    let before = join(&pacers, "https://a.example", SLOW);
    before.note_limit(
        &Limited::by(Limiter::AbuseLimit),
        (seconds(100), seconds(60)),
    );
    drop(before);
    let after = join(&pacers, "https://a.example", SLOW);
    assert!(after.find_rest(seconds(159)).is_some());
    assert!(after.find_rest(seconds(160)).is_none());
    assert!((after.per_minute() - 30.0).abs() < 1e-9);
}

#[test]
fn refusals_of_what_was_under_way_slow_down_once_and_later_ones_again() {
    let pacers = Pacers::default();
    let share = join(&pacers, "https://a.example", SLOW);
    let abuse = Limited::by(Limiter::AbuseLimit);
    assert!(share.note_limit(&abuse, (seconds(100), seconds(60))));
    for at in 101..130 {
        assert!(!share.note_limit(&abuse, (seconds(at), seconds(1))));
    }
    assert!((share.per_minute() - 30.0).abs() < 1e-9);
    assert_eq!(share.find_rest(seconds(130)).unwrap().left, seconds(30));
    assert_eq!(share.take_over(seconds(159)), None);
    assert!(!share.note_limit(&abuse, (seconds(160), seconds(60))));
    assert!((share.per_minute() - 15.0).abs() < 1e-9);
    for again in 2..20 {
        share.note_limit(&abuse, (seconds(again * 100), seconds(1)));
    }
    assert!(share.per_minute() >= MIN_PER_MINUTE);
    assert_eq!(share.take_over(seconds(10_000)), Some(abuse));
}

#[tokio::test]
async fn a_waiter_that_leaves_gives_its_place_back() {
    let clock = ManualClock::default();
    let share = join(&Pacers::default(), "https://a.example", SLOW);
    let client = (Priority::Interactive, seconds(20));
    share.wait(&clock, client).await.unwrap().spend();
    for _ in 0..100 {
        let mut leaving = Box::pin(share.wait(&clock, client));
        assert!((&mut leaving).now_or_never().is_none());
    }
    let mut waiting = Box::pin(share.wait(&clock, client));
    assert!((&mut waiting).now_or_never().is_none());
    clock.advance(seconds(1));
    waiting.await.unwrap().spend();
}

#[tokio::test]
async fn who_has_no_turn_in_time_is_told_at_once_when_there_is_one() {
    let clock = ManualClock::default();
    let share = join(&Pacers::default(), "https://a.example", SLOW);
    for priority in [Priority::Interactive, Priority::Background] {
        let _turns: Vec<_> = (0..=20)
            .map(|_| share.take(Priority::Interactive, seconds(0), seconds(20)))
            .collect();
        let refused = share.wait(&clock, (priority, seconds(20))).now_or_never();
        let after = refused.unwrap().unwrap_err().after;
        assert_eq!(after, seconds(21), "{priority:?}");
    }
}

#[tokio::test]
async fn what_nobody_waits_for_keeps_no_client_waiting() {
    let clock = ManualClock::default();
    let share = join(&Pacers::default(), "https://a.example", SLOW);
    let nobody = (Priority::Background, seconds(300));
    let client = (Priority::Interactive, seconds(300));
    share.wait(&clock, client).await.unwrap().spend();
    let mut refreshes: Vec<_> = (0..50)
        .map(|_| Box::pin(share.wait(&clock, nobody)))
        .collect();
    for refresh in &mut refreshes {
        assert!(refresh.now_or_never().is_none());
    }
    let mut client = Box::pin(share.wait(&clock, client));
    assert!((&mut client).now_or_never().is_none());
    clock.advance(seconds(1));
    for refresh in &mut refreshes {
        assert!(refresh.now_or_never().is_none());
    }
    client.await.unwrap().spend();
}

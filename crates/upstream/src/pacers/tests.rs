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

fn urgency(priority: Priority, deadline: Duration) -> Urgency {
    Urgency {
        priority,
        deadline,
        client: None,
        asker: Asker::Known,
    }
}

/// A client at this address, which waits until then.
fn client(number: u8, deadline: Duration) -> Urgency {
    Urgency {
        client: Some([192, 0, 2, number].into()),
        ..urgency(Priority::Interactive, deadline)
    }
}

/// How long a client would wait for a turn at `now`.
fn wait_of(share: &Share, now: Duration) -> Duration {
    let room = share.find_room(1, urgency(Priority::Interactive, now), now);
    room.map_or_else(|TooFast { after }| after, |()| Duration::ZERO)
}

/// Takes the turn that there is.
fn take(share: &Share, clock: &ManualClock) {
    let wait = share.wait(clock, client(0, clock.monotonic()));
    wait.now_or_never().unwrap().unwrap().spend();
}

#[test]
fn one_address_has_one_pace_and_another_has_its_own() {
    let pacers = Pacers::default();
    let one = join(&pacers, "https://a.example/", SLOW);
    let other = join(&pacers, "https://a.example:443/x", SLOW);
    let elsewhere = join(&pacers, "https://b.example", SLOW);
    take(&one, &ManualClock::default());
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
    let note = |at, wait| share.note_limit(&abuse, (seconds(at), seconds(wait)));
    let said = |is_news, left| Noted {
        is_news,
        left: seconds(left),
    };
    assert_eq!(note(100, 60), said(true, 60));
    for at in 101..130 {
        assert_eq!(note(at, 1), said(false, 160 - at), "no shorter than before");
    }
    assert!((share.per_minute() - 30.0).abs() < 1e-9);
    assert_eq!(share.find_rest(seconds(130)).unwrap().left, seconds(30));
    assert_eq!(share.take_over(seconds(159)), None);
    assert_eq!(note(160, 60), said(false, 60));
    assert!((share.per_minute() - 15.0).abs() < 1e-9);
    for again in 2..20 {
        note(again * 100, 1);
    }
    assert!(share.per_minute() >= MIN_PER_MINUTE);
    assert_eq!(share.take_over(seconds(10_000)), Some(abuse));
}

#[tokio::test]
async fn a_waiter_that_leaves_gives_its_place_back() {
    let clock = ManualClock::default();
    let share = join(&Pacers::default(), "https://a.example", SLOW);
    let client = urgency(Priority::Interactive, seconds(20));
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
    take(&share, &clock);
    let mut waiting: Vec<_> = (0..20)
        .map(|_| Box::pin(share.wait(&clock, client(1, seconds(20)))))
        .collect();
    for waiting in &mut waiting {
        assert!(waiting.now_or_never().is_none());
    }
    for urgency in [
        client(1, seconds(20)),
        urgency(Priority::Background, seconds(20)),
    ] {
        let refused = share.wait(&clock, urgency).now_or_never();
        let after = refused.unwrap().unwrap_err().after;
        assert_eq!(after, seconds(21), "{urgency:?}");
    }
    assert!(share.keeps_back(clock.monotonic()));
    let mut another = Box::pin(share.wait(&clock, client(2, seconds(20))));
    assert!((&mut another).now_or_never().is_none());
    for _ in 0..2 {
        clock.advance(seconds(1));
        waiting.retain_mut(|waiting| waiting.now_or_never().is_none());
    }
    another.now_or_never().unwrap().unwrap().spend();
    assert_eq!(waiting.len(), 19);
}

#[tokio::test]
async fn whose_turn_comes_too_late_after_all_is_told_so_at_its_deadline() {
    let clock = ManualClock::default();
    let share = join(&Pacers::default(), "https://a.example", SLOW);
    take(&share, &clock);
    let mut ours: Vec<_> = (0..3)
        .map(|_| Box::pin(share.wait(&clock, client(1, seconds(3)))))
        .collect();
    for waiting in &mut ours {
        assert!(waiting.now_or_never().is_none());
    }
    // Another client's turns come in between.
    let mut theirs = Box::pin(share.wait(&clock, client(2, seconds(20))));
    assert!((&mut theirs).now_or_never().is_none());
    let mut answers = Vec::new();
    for _ in 0..3 {
        clock.advance(seconds(1));
        ours.retain_mut(|waiting| match waiting.now_or_never() {
            Some(Ok(turn)) => {
                turn.spend();
                answers.push(None);
                false
            }
            Some(Err(TooFast { after })) => {
                answers.push(Some(after));
                false
            }
            None => true,
        });
    }
    assert_eq!(answers, [None, None, Some(seconds(1))]);
    theirs.now_or_never().unwrap().unwrap().spend();
}

#[tokio::test]
async fn who_leaves_before_others_lets_them_come_sooner() {
    let clock = ManualClock::default();
    let share = join(&Pacers::default(), "https://a.example", SLOW);
    take(&share, &clock);
    let mut first = Box::pin(share.wait(&clock, client(1, seconds(20))));
    let mut second = Box::pin(share.wait(&clock, client(1, seconds(20))));
    assert!((&mut first).now_or_never().is_none());
    assert!((&mut second).now_or_never().is_none());
    drop(first);
    clock.advance(seconds(1));
    second.now_or_never().unwrap().unwrap().spend();
    // A turn that was given and not taken up, too.
    let mut given = Box::pin(share.wait(&clock, client(1, seconds(20))));
    let mut other = Box::pin(share.wait(&clock, client(1, seconds(20))));
    assert!((&mut given).now_or_never().is_none());
    assert!((&mut other).now_or_never().is_none());
    clock.advance(seconds(1));
    assert!(
        (&mut other).now_or_never().is_none(),
        "it is the first one's"
    );
    drop(given);
    other.now_or_never().unwrap().unwrap().spend();
}

#[test]
fn there_is_room_for_so_many_as_have_their_turns_in_time() {
    let share = join(&Pacers::default(), "https://a.example", SLOW);
    for (requests, deadline, expected) in [
        (1, 0, Ok(())),
        (2, 0, Err(TooFast { after: seconds(1) })),
        (2, 1, Ok(())),
        (3, 1, Err(TooFast { after: seconds(2) })),
    ] {
        let room = share.find_room(requests, client(1, seconds(deadline)), seconds(0));
        assert_eq!(room, expected, "{requests} within {deadline} s");
    }
}

#[tokio::test]
async fn what_nobody_waits_for_keeps_no_client_waiting() {
    let clock = ManualClock::default();
    let share = join(&Pacers::default(), "https://a.example", SLOW);
    let nobody = urgency(Priority::Background, seconds(300));
    let client = urgency(Priority::Interactive, seconds(300));
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

use forebay_limits::{Allowance, Dialect, Limiter};

use super::*;

const CALLS: [UpstreamCall; 6] = [
    UpstreamCall::HeadManifest,
    UpstreamCall::GetManifest,
    UpstreamCall::HeadBlob,
    UpstreamCall::GetBlob,
    UpstreamCall::Token,
    UpstreamCall::List,
];

fn alice() -> Fingerprint {
    Fingerprint::of("alice", "a")
}

/// The call, about a repository of its own for each number.
fn about(call: UpstreamCall, number: usize) -> Caller<'static> {
    let repository = format!("library/n{number}");
    Caller {
        call,
        subject: Subject::of(call, &repository, &format!("/v2/{repository}/x")),
        login: None,
    }
}

fn plain(call: UpstreamCall) -> Caller<'static> {
    about(call, 0)
}

fn with(call: UpstreamCall, login: &Fingerprint) -> Caller<'_> {
    Caller {
        login: Some(login),
        ..plain(call)
    }
}

/// A limit that is of all who ask, where it is no lockout.
fn of_all(login: Option<&Fingerprint>) -> Meant<'_> {
    Meant {
        login,
        is_alone: false,
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The calls that are let through at `now`, with alice's login.
fn allowed(gate: &Gate, now: Duration) -> Vec<UpstreamCall> {
    CALLS
        .into_iter()
        .filter(|&call| gate.clone().admit(with(call, &alice()), now).is_ok())
        .collect()
}

fn limited_gate(limiter: Limiter, part: Part) -> Gate {
    let mut gate = Gate::new();
    let said = Limited::by(limiter);
    gate.note_limit(
        &said,
        part,
        of_all(Some(&alice())),
        (seconds(100), seconds(60)),
    );
    gate
}

fn trouble(gate: &mut Gate, call: UpstreamCall, part: Part, times: usize) {
    for _ in 0..times {
        let pass = gate.admit(plain(call), seconds(100)).unwrap();
        gate.settle(&pass, Outcome::Silent(part), (seconds(100), 0.5));
    }
}

#[test]
fn each_limiter_stops_what_it_counts_and_nothing_else() {
    use UpstreamCall::{GetBlob, GetManifest, HeadBlob, HeadManifest, List, Token};
    for (limiter, part, expected) in [
        (
            Limiter::PullLimit,
            Part::Registry,
            vec![HeadManifest, HeadBlob, GetBlob, Token, List],
        ),
        (
            Limiter::LoginLockout,
            Part::Token,
            vec![HeadManifest, GetManifest, HeadBlob, GetBlob, List],
        ),
        (Limiter::Other, Part::Registry, vec![Token]),
        (
            Limiter::Other,
            Part::Blob,
            vec![HeadManifest, GetManifest, Token, List],
        ),
        (
            Limiter::Other,
            Part::Token,
            vec![HeadManifest, GetManifest, HeadBlob, GetBlob, List],
        ),
        (Limiter::ApiLimit, Part::Registry, vec![Token]),
    ] {
        let gate = limited_gate(limiter, part);
        assert_eq!(
            allowed(&gate, seconds(159)),
            expected,
            "{limiter} at {part:?}"
        );
        assert_eq!(
            allowed(&gate, seconds(160)),
            CALLS,
            "{limiter} at {part:?}, later"
        );
    }
}

#[test]
fn a_limit_answers_with_what_was_said_and_the_time_that_is_left() {
    let mut gate = limited_gate(Limiter::PullLimit, Part::Registry);
    let closed = gate
        .admit(plain(UpstreamCall::GetManifest), seconds(130))
        .unwrap_err();
    let expected = Resting {
        limited: Limited::by(Limiter::PullLimit),
        left: seconds(30),
    };
    assert_eq!(closed, Closed::Limited(expected));
}

#[test]
fn a_locked_out_login_rests_and_another_does_not() {
    let mut gate = limited_gate(Limiter::LoginLockout, Part::Token);
    let bob = Fingerprint::of("bob", "b");
    let now = seconds(101);
    assert!(
        gate.admit(with(UpstreamCall::Token, &alice()), now)
            .is_err()
    );
    assert!(gate.admit(with(UpstreamCall::Token, &bob), now).is_ok());
    assert!(gate.admit(plain(UpstreamCall::Token), now).is_ok());
}

#[test]
fn one_who_is_limited_alone_rests_alone_at_the_part_that_said_so() {
    let mut gate = Gate::new();
    let bob = Fingerprint::of("bob", "b");
    let (said, times) = (Limited::by(Limiter::Other), (seconds(100), seconds(60)));
    let meant = Meant {
        login: Some(&bob),
        is_alone: true,
    };
    gate.note_limit(&said, Part::Registry, meant, times);
    assert_eq!(allowed(&gate, seconds(101)), CALLS, "alice's");
    let ask = |caller, at| gate.clone().admit(caller, at).is_ok();
    assert!(!ask(with(UpstreamCall::List, &bob), seconds(159)));
    assert!(ask(with(UpstreamCall::Token, &bob), seconds(159)));
    assert!(ask(plain(UpstreamCall::List), seconds(159)), "nobody's");
    assert!(ask(with(UpstreamCall::List, &bob), seconds(160)));
}

#[test]
fn however_many_are_limited_each_alone_those_whose_rest_is_longest_are_remembered() {
    let mut gate = Gate::new();
    let said = Limited::by(Limiter::Other);
    let logins: Vec<_> = (0..2_000)
        .map(|number| Fingerprint::of(&format!("eve{number}"), "x"))
        .collect();
    for (number, login) in logins.iter().enumerate() {
        let meant = Meant {
            login: Some(login),
            is_alone: true,
        };
        let times = (seconds(100), seconds(1 + number as u64));
        gate.note_limit(&said, Part::Registry, meant, times);
    }
    let resting = |login: &&Fingerprint| {
        gate.find_closed(with(UpstreamCall::List, login), seconds(100))
            .is_some()
    };
    assert_eq!(logins.iter().filter(resting).count(), 1_024);
    assert!(resting(&&logins[1_999]));
}

#[test]
fn an_answer_that_shows_a_remainder_ends_the_pull_limits_cool_down() {
    let reading = |remaining| Reading {
        allowance: Some(Allowance {
            limit: Some(100),
            remaining,
            window: None,
            reset: None,
            dialect: Dialect::RateLimit,
        }),
        speaks_of_pulls: true,
        ..Reading::default()
    };
    for (reading, ends) in [
        (Reading::default(), false),
        (reading(Some(0)), false),
        (reading(None), false),
        (reading(Some(1)), true),
    ] {
        let mut gate = limited_gate(Limiter::PullLimit, Part::Registry);
        let over = gate.note_leave(
            plain(UpstreamCall::HeadManifest),
            Part::Registry,
            &reading,
            seconds(101),
        );
        assert_eq!(over.len(), usize::from(ends));
        let is_admitted = gate
            .admit(plain(UpstreamCall::GetManifest), seconds(101))
            .is_ok();
        assert_eq!(is_admitted, ends, "{reading:?}");
    }
}

#[test]
fn another_login_is_held_to_what_is_not_about_the_one_before() {
    use UpstreamCall::{GetBlob, GetManifest, HeadBlob, HeadManifest, List};
    for (limiter, part, expected) in [
        (Limiter::PullLimit, Part::Registry, CALLS.to_vec()),
        // Alice's own, who may be back by then.
        (
            Limiter::LoginLockout,
            Part::Token,
            vec![HeadManifest, GetManifest, HeadBlob, GetBlob, List],
        ),
        (Limiter::Other, Part::Registry, CALLS.to_vec()),
    ] {
        let before = limited_gate(limiter, part);
        let same = Gate::after(&before, true);
        let stopped = allowed(&before, seconds(159));
        assert_eq!(allowed(&same, seconds(159)), stopped, "{limiter}");
        let other = Gate::after(&before, false);
        assert_eq!(allowed(&other, seconds(159)), expected, "{limiter}");
        assert_eq!(allowed(&other, seconds(160)), CALLS, "{limiter}, later");
    }
}

#[test]
fn breakers_begin_anew_with_another_way_to_the_registry() {
    let mut before = Gate::new();
    let opening = breaker::TROUBLES_TO_OPEN;
    trouble(&mut before, UpstreamCall::List, Part::Registry, opening);
    assert!(!Gate::after(&before, true).is_open());
}

#[test]
fn parts_in_trouble_stop_only_what_needs_them() {
    use UpstreamCall::{GetBlob, GetManifest, HeadBlob, HeadManifest, List, Token};
    for (call, part, expected) in [
        (GetManifest, Part::Registry, vec![Token]),
        (
            GetBlob,
            Part::Blob,
            vec![HeadManifest, GetManifest, Token, List],
        ),
        (
            Token,
            Part::Token,
            vec![HeadManifest, GetManifest, HeadBlob, GetBlob, List],
        ),
    ] {
        let mut gate = Gate::new();
        trouble(&mut gate, call, part, breaker::TROUBLES_TO_OPEN - 1);
        assert_eq!(allowed(&gate, seconds(100)), CALLS);
        trouble(&mut gate, call, part, 1);
        assert!(gate.is_open());
        assert_eq!(allowed(&gate, seconds(100)), expected, "{part:?}");
    }
}

#[test]
fn a_call_that_another_part_stops_uses_up_no_probe() {
    let mut gate = Gate::new();
    trouble(
        &mut gate,
        UpstreamCall::GetManifest,
        Part::Registry,
        breaker::TROUBLES_TO_OPEN,
    );
    let limited = Limited::by(Limiter::Other);
    gate.note_limit(
        &limited,
        Part::Blob,
        of_all(None),
        (seconds(100), seconds(60)),
    );
    let now = seconds(110);
    assert!(gate.admit(plain(UpstreamCall::GetBlob), now).is_err());
    assert!(gate.admit(plain(UpstreamCall::GetManifest), now).is_ok());
}

#[test]
fn a_part_that_was_not_asked_in_the_end_is_not_well_again() {
    let mut gate = Gate::new();
    let opening = breaker::TROUBLES_TO_OPEN;
    trouble(&mut gate, UpstreamCall::GetBlob, Part::Blob, opening);
    let now = seconds(110);
    let pass = gate.admit(plain(UpstreamCall::GetBlob), now).unwrap();
    gate.settle(&pass, Outcome::Answered(Part::Registry), (now, 0.5));
    assert!(gate.is_open());
    let pass = gate.admit(plain(UpstreamCall::GetBlob), now).unwrap();
    gate.settle(&pass, Outcome::Answered(Part::Blob), (now, 0.5));
    assert!(!gate.is_open());
}

#[test]
fn a_broken_object_is_left_alone_and_all_others_are_not() {
    let mut gate = Gate::new();
    let bad = plain(UpstreamCall::GetBlob);
    for _ in 0..breaker::TROUBLES_TO_OPEN {
        let pass = gate.admit(bad, seconds(100)).unwrap();
        gate.settle(&pass, Outcome::Failed(Part::Registry), (seconds(100), 0.5));
    }
    assert_eq!(
        gate.admit(bad, seconds(100)).unwrap_err(),
        Closed::Ailing {
            retry_after: seconds(1)
        }
    );
    assert!(!gate.is_open());
    for call in CALLS {
        assert!(gate.admit(about(call, 1), seconds(100)).is_ok());
    }
    let pass = gate.admit(bad, seconds(101)).unwrap();
    gate.settle(&pass, Outcome::Answered(Part::Blob), (seconds(101), 0.5));
    assert!(gate.admit(bad, seconds(101)).is_ok());
}

#[test]
fn errors_about_everything_stop_everything() {
    let mut gate = Gate::new();
    for number in 0..breaker::TROUBLES_TO_OPEN {
        let caller = about(UpstreamCall::HeadManifest, number);
        let pass = gate.admit(caller, seconds(100)).unwrap();
        gate.settle(&pass, Outcome::Failed(Part::Registry), (seconds(100), 0.5));
    }
    assert!(gate.is_open());
}

#[test]
fn a_limit_is_news_once_and_over_once() {
    let nothing = Reading::default();
    for (limiter, part, counted, uncounted) in [
        (
            Limiter::PullLimit,
            Part::Registry,
            UpstreamCall::GetManifest,
            Some(UpstreamCall::HeadManifest),
        ),
        (
            Limiter::LoginLockout,
            Part::Token,
            UpstreamCall::Token,
            None,
        ),
        (
            Limiter::Other,
            Part::Registry,
            UpstreamCall::List,
            Some(UpstreamCall::Token),
        ),
    ] {
        let mut gate = Gate::new();
        let alice = alice();
        let said = Limited::by(limiter);
        for (at, is_news) in [(100, true), (160, false)] {
            let times = (seconds(at), seconds(60));
            let told = gate.note_limit(&said, part, of_all(Some(&alice)), times);
            assert_eq!(told.is_news, is_news, "{limiter} at {at}");
        }
        let mut leave =
            |call, at| gate.note_leave(with(call, &alice), Part::of(call), &nothing, seconds(at));
        assert_eq!(
            leave(counted, 219),
            [],
            "{limiter}: a request that began before"
        );
        if let Some(uncounted) = uncounted {
            assert_eq!(leave(uncounted, 220), [], "{limiter}: not what it counts");
        }
        assert_eq!(leave(counted, 220), [said], "{limiter}");
        assert_eq!(leave(counted, 221), [], "{limiter}: told before");
    }
}

#[test]
fn a_shorter_wait_takes_nothing_from_a_longer_one_and_an_answer_that_ends_it_does() {
    for (limiter, part) in [
        (Limiter::PullLimit, Part::Registry),
        (Limiter::LoginLockout, Part::Token),
        (Limiter::ApiLimit, Part::Registry),
    ] {
        let mut gate = Gate::new();
        let (alice, said) = (alice(), Limited::by(limiter));
        let note = |gate: &mut Gate, at, wait| {
            let times = (seconds(at), seconds(wait));
            gate.note_limit(&said, part, of_all(Some(&alice)), times)
        };
        for (at, wait, is_news, left) in [
            (100, 600, true, 600),
            (110, 10, false, 590),
            (120, 700, false, 700),
        ] {
            let left = seconds(left);
            assert_eq!(
                note(&mut gate, at, wait),
                Noted { is_news, left },
                "{limiter} at {at}"
            );
        }
        assert_ne!(allowed(&gate, seconds(819)), CALLS, "{limiter}");
        assert_eq!(allowed(&gate, seconds(820)), CALLS, "{limiter}");
    }
    let mut gate = limited_gate(Limiter::PullLimit, Part::Registry);
    let headers: [(&str, &[u8]); 1] = [("ratelimit-remaining", b"5;w=21600")];
    let some_left = forebay_limits::read_headers(headers);
    let head = plain(UpstreamCall::HeadManifest);
    gate.note_leave(head, Part::Registry, &some_left, seconds(110));
    let said = Limited::by(Limiter::PullLimit);
    let times = (seconds(120), seconds(10));
    let noted = gate.note_limit(&said, Part::Registry, of_all(None), times);
    assert_eq!(
        noted,
        Noted {
            is_news: true,
            left: seconds(10)
        }
    );
}

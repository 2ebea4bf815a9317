//! Logins at an upstream that nobody has seen work: how often they are shown there, and that who tries passwords keeps out nobody
//! who has the right one.

use std::time::Duration;

use forebay_content::{ClientRight, SourceError};

use crate::rights_rig::{GIVEN, OPEN, REFUSED_UNSAID, Rig, only_alice};

#[tokio::test]
async fn a_wrong_password_is_shown_seldom_and_its_name_is_not_locked_out() {
    let rig = Rig::new(|_| Ok(ClientRight::WrongLogin));
    // A client that crashes and comes back each second, for a quarter of an hour.
    for second in 0..900 {
        let repository = format!("app{}", second % 7);
        let right = rig.right(&format!("alice:wrong {repository}@1")).await;
        assert_eq!(right.unwrap(), ClientRight::WrongLogin, "{second}");
        rig.seconds_later(1);
    }
    assert_eq!(rig.registry.asked().len(), 8);
    // The greeting is no other door.
    let greeted = rig.greet("alice:wrong").await.unwrap();
    assert_eq!(greeted, ClientRight::WrongLogin);

    // Neither are other passwords for the same name; other names wait their minute at most.
    let rig = Rig::new(|question| {
        Ok(match question {
            "bob:right" => GIVEN,
            _ => ClientRight::WrongLogin,
        })
    });
    let mut refused = 0;
    for guess in 0..100 {
        match rig.greet(&format!("alice:{guess}")).await {
            Ok(right) => assert_eq!(right, ClientRight::WrongLogin),
            Err(SourceError::LoginsFailed { retry_after }) => {
                assert!(retry_after <= Duration::from_mins(15));
                refused += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!((rig.registry.asked().len(), refused), (5, 95));
    assert!(rig.greet("bob:right").await.is_err());
    rig.seconds_later(60);
    let bob = rig.greet("bob:right").await.unwrap();
    assert_eq!(bob, GIVEN);
    assert!(rig.greet("alice:right").await.is_err());
}

#[tokio::test]
async fn a_login_that_has_worked_goes_on_while_others_guess() {
    let rig = Rig::new(|question| {
        Ok(if question.starts_with("alice:secret") {
            GIVEN
        } else {
            ClientRight::WrongLogin
        })
    });
    rig.right("alice:secret app@1").await.unwrap();
    rig.registry.asked();
    let guesses: Vec<String> = (0..50).map(|guess| format!("alice:{guess}")).collect();
    rig.at_once(guesses.iter().map(|guess| rig.greet(guess)))
        .await;
    // Those that are under way together count as well.
    assert_eq!(rig.registry.asked().len(), 5);
    let right = rig.right("alice:secret other@1").await.unwrap();
    assert_eq!(right, GIVEN);
    // Once it is refused, it is one of them.
    rig.registry.says(|_| Ok(ClientRight::WrongLogin));
    let right = rig.right("alice:secret third@1").await.unwrap();
    assert_eq!(right, ClientRight::WrongLogin);
    rig.seconds_later(31);
    rig.registry.asked();
    let right = rig.right("alice:secret third@1").await.unwrap();
    assert_eq!(right, ClientRight::WrongLogin);
    assert_eq!(rig.registry.asked(), [""; 0]);
}

#[tokio::test]
async fn what_is_given_to_everybody_proves_no_login() {
    // Greets everybody, and gives `open` to everybody; `app` to alice alone.
    let rule = |question: &str| {
        Ok(match question.split_once(' ') {
            None => ClientRight::Unknown,
            Some((_, open)) if open.starts_with("open") => OPEN,
            Some(("alice:secret", _)) => GIVEN,
            _ => REFUSED_UNSAID,
        })
    };
    let rig = Rig::new(rule);
    for guess in 0..5 {
        let guess = format!("bob:{guess}");
        assert_eq!(rig.greet(&guess).await.unwrap(), ClientRight::Unknown);
        assert_eq!(rig.right(&format!("{guess} open@1")).await.unwrap(), OPEN);
        let refused = rig.right(&format!("{guess} app@1")).await.unwrap();
        assert_eq!(refused, REFUSED_UNSAID);
    }
    // None of them has worked, so that they count as those that fail.
    let sixth = rig.right("bob:0 other@1").await;
    assert!(matches!(sixth, Err(SourceError::LoginsFailed { .. })));
    rig.seconds_later(60);
    assert_eq!(rig.right("alice:secret app@1").await.unwrap(), GIVEN);
    // So she goes on while others fail.
    rig.seconds_later(60);
    for guess in 5..10 {
        let _ = rig.right(&format!("eve{guess}:x app@1")).await;
    }
    assert!(rig.right("eve:x third@1").await.is_err());
    assert_eq!(rig.right("alice:secret third@1").await.unwrap(), GIVEN);
}

#[tokio::test]
async fn a_login_that_is_not_said_to_be_wrong_is_doubted_when_it_has_not_worked_for_a_while() {
    let rig = Rig::new(|question| {
        Ok(if question.ends_with("app@1") {
            GIVEN
        } else {
            REFUSED_UNSAID
        })
    });
    assert_eq!(rig.right("alice:secret app@1").await.unwrap(), GIVEN);
    for number in 0..10 {
        let refused = rig.right(&format!("alice:secret other{number}@1")).await;
        assert_eq!(refused.unwrap(), REFUSED_UNSAID);
    }
    rig.seconds_later(300);
    for number in 0..10 {
        let refused = rig.right(&format!("alice:secret other{number}@1")).await;
        assert_eq!(refused.is_ok(), number < 5, "{number}: {refused:?}");
    }
}

#[tokio::test]
async fn one_stranger_who_tries_passwords_keeps_nobody_else_waiting() {
    let mut rig = Rig::new(|question| {
        Ok(match question {
            "bob:right" | "carol:right" => GIVEN,
            _ => ClientRight::WrongLogin,
        })
    });
    // From all of one network of IPv6, many at once, minute after minute.
    for minute in 0..20 {
        rig.move_to("2001:db8::1");
        let guesses: Vec<String> = (0..30)
            .map(|guess| format!("eve{minute}-{guess}:x"))
            .collect();
        rig.at_once(guesses.iter().map(|guess| rig.greet(guess)))
            .await;
        // Until it is seen that it is no slip.
        let most = if minute == 0 { 3 } else { 1 };
        assert_eq!(rig.registry.asked().len(), most);
        rig.move_to("2001:db8::2");
        let more = rig.greet(&format!("eve{minute}-x:x")).await;
        assert!(more.is_err(), "{more:?}");
        // Who mistypes, and comes again.
        for _ in 0..2 {
            rig.move_to(&format!("192.0.2.{minute}"));
            let other = rig.greet(&format!("other{minute}:x")).await.unwrap();
            assert_eq!(other, ClientRight::WrongLogin);
        }
        rig.seconds_later(60);
        rig.registry.asked();
    }
    rig.move_to("192.0.2.7");
    assert_eq!(rig.greet("bob:right").await.unwrap(), GIVEN);
    // However many addresses they have, where a login has worked others are let try as well.
    for host in 1..10 {
        rig.move_to(&format!("198.51.100.{host}"));
        let _ = rig.greet(&format!("eve{host}:x")).await;
    }
    rig.move_to("198.51.100.99");
    assert!(rig.greet("carol:right").await.is_err());
    rig.move_to("192.0.2.7");
    assert_eq!(rig.greet("carol:right").await.unwrap(), GIVEN);
}

#[tokio::test]
async fn questions_of_one_address_that_wait_are_in_nobody_elses_way() {
    let mut rig = Rig::new(|_| Ok(ClientRight::WrongLogin));
    rig.move_to("192.0.2.1");
    let closed = rig.registry.gate.acquire_many(100).await.unwrap();
    let guesses: Vec<String> = (0..50).map(|guess| format!("eve{guess}:x")).collect();
    let mut waiting: Vec<_> = guesses
        .iter()
        .map(|guess| Box::pin(rig.greet(guess)))
        .collect();
    for greeting in &mut waiting {
        assert!(futures::poll!(greeting).is_pending());
    }
    assert_eq!(rig.registry.asked().len(), 1);
    let other = rig.at("192.0.2.2");
    let mut bob = Box::pin(other.greet("bob:right"));
    assert!(futures::poll!(&mut bob).is_pending());
    assert_eq!(rig.registry.asked(), ["bob:right"]);
    drop(closed);
    bob.await.unwrap();
}

#[tokio::test]
async fn a_password_that_was_changed_is_shown_once_however_many_come_with_it() {
    let rig = Rig::new(only_alice);
    rig.right("alice:secret app@1").await.unwrap();
    rig.registry.asked();
    let questions: Vec<String> = (0..50).map(|n| format!("alice:secret app{n}@1")).collect();
    let ask = || questions.iter().map(|question| rig.right(question));
    // As long as it works, they go at once when the first is answered.
    rig.seconds_later(60);
    for right in rig.at_once(ask()).await {
        assert_eq!(right.unwrap(), GIVEN);
    }
    assert_eq!(rig.registry.asked().len(), 50);
    rig.registry.says(|_| Ok(ClientRight::WrongLogin));
    rig.seconds_later(300);
    for right in rig.at_once(ask()).await {
        assert_eq!(right.unwrap(), ClientRight::WrongLogin);
    }
    assert_eq!(rig.registry.asked().len(), 1);
}

#[tokio::test]
async fn a_reload_forgets_rights_and_neither_logins_that_work_nor_those_that_failed() {
    let mut rig = Rig::new(|question| {
        Ok(if question.starts_with("alice:secret") {
            GIVEN
        } else {
            ClientRight::WrongLogin
        })
    });
    rig.right("alice:secret app@1").await.unwrap();
    for guess in 0..5 {
        rig.greet(&format!("bob:{guess}")).await.unwrap();
    }
    rig.reload();
    rig.registry.asked();
    let bob = rig.greet("bob:6").await;
    assert!(
        matches!(bob, Err(SourceError::LoginsFailed { .. })),
        "{bob:?}"
    );
    assert_eq!(rig.right("alice:secret app@1").await.unwrap(), GIVEN);
    assert_eq!(rig.registry.asked(), ["alice:secret app@1"]);
}

#[tokio::test]
async fn strangers_who_try_at_once_leave_what_is_for_addresses_where_a_login_works() {
    let rig = Rig::new(|question| {
        Ok(match question {
            "bob:right" | "carol:right" => GIVEN,
            _ => ClientRight::WrongLogin,
        })
    });
    let known = rig.at("192.0.2.7");
    known.greet("bob:right").await.unwrap();
    for host in 1..3 {
        let stranger = rig.at(&format!("198.51.100.{host}"));
        stranger.greet(&format!("eve{host}:x")).await.unwrap();
    }
    rig.registry.asked();
    let strangers: Vec<Rig> = (3..20)
        .map(|host| rig.at(&format!("198.51.100.{host}")))
        .collect();
    let names: Vec<String> = (3..20).map(|number| format!("eve{number}:y")).collect();
    let all = strangers.iter().zip(&names);
    let told = rig.at_once(all.map(|(stranger, name)| stranger.greet(name)));
    let told = told.await;
    assert_eq!(rig.registry.asked().len(), 2, "what is theirs is four");
    let early = |told: &&Result<_, _>| matches!(told, Err(SourceError::LoginsFailed { .. }));
    assert_eq!(told.iter().filter(early).count(), 15);
    assert_eq!(known.greet("carol:right").await.unwrap(), GIVEN);
}

#[tokio::test]
async fn logins_that_work_wait_for_others_that_may_fail_and_are_not_refused_for_them() {
    let rig = Rig::new(|_| Ok(GIVEN));
    let clients: Vec<Rig> = (1..50)
        .map(|host| rig.at(&format!("192.0.2.{host}")))
        .collect();
    let names: Vec<String> = (1..50).map(|number| format!("user{number}:x")).collect();
    let all = clients.iter().zip(&names);
    let told = rig.at_once(all.map(|(client, name)| client.greet(name)));
    let told = told.await;
    assert!(told.iter().all(|right| *right.as_ref().unwrap() == GIVEN));
}

#[tokio::test]
async fn who_leaves_before_the_answer_has_tried_all_the_same() {
    let rig = Rig::new(|_| Ok(ClientRight::WrongLogin));
    let closed = rig.registry.gate.acquire_many(100).await.unwrap();
    for host in 1..20 {
        let stranger = rig.at(&format!("198.51.100.{host}"));
        let guess = format!("alice:{host}");
        let greeting = stranger.greet(&guess);
        assert!(futures::FutureExt::now_or_never(greeting).is_none() == (host <= 4));
    }
    drop(closed);
    assert_eq!(rig.registry.asked().len(), 4);
}

/// Strangers at these many addresses, each of which has shown a wrong password as often as it is let.
struct Strangers(Vec<Rig>);

impl Strangers {
    fn of(rig: &Rig, addresses: usize) -> Self {
        let at = |number: usize| rig.at(&format!("198.51.{}.{}", number / 200, number % 200 + 1));
        Self((0..addresses).map(at).collect())
    }

    /// Each shows another login: of this name, or of one that it makes up.
    async fn try_on(&self, name: Option<&str>, at: u64) {
        for (number, stranger) in self.0.iter().enumerate() {
            let made_up = format!("eve{number}-{at}");
            let name = name.unwrap_or(&made_up);
            let _ = stranger.greet(&format!("{name}:{number}-{at}")).await;
        }
    }
}

/// How long who has the right password waits for it to be let try, coming each second from an address at which nobody has logged in
/// yet, while strangers go on each second as well; and the most that the registry was shown wrongly within `window` seconds.
async fn wait_beside(
    strangers: usize,
    name: Option<&str>,
    (begins_at, window): (u64, usize),
) -> (u64, usize) {
    let rig = Rig::new(|question| {
        Ok(if question == "alice:secret" {
            GIVEN
        } else {
            ClientRight::WrongLogin
        })
    });
    let strangers = Strangers::of(&rig, strangers);
    let alice = rig.at("192.0.2.1");
    let mut shown = Vec::new();
    let mut waited = None;
    for second in 0..begins_at + 3_000 {
        strangers.try_on(name, second).await;
        shown.push(rig.registry.asked().len());
        if second >= begins_at && waited.is_none() && alice.greet("alice:secret").await.is_ok() {
            waited = Some(second - begins_at);
            rig.registry.asked();
        }
        if waited.is_some() && second >= begins_at + window as u64 {
            break;
        }
        rig.seconds_later(1);
    }
    let most = shown.windows(window).map(|shown| shown.iter().sum());
    (waited.expect("she is let in at last"), most.max().unwrap())
}

#[tokio::test]
async fn whoever_tries_passwords_of_a_name_keeps_out_nobody_who_has_the_right_one() {
    const QUARTER_OF_AN_HOUR: usize = 900;
    // Nothing is known of anybody, as after a restart.
    for begins_at in [1, 60, 600, 3_600] {
        let (waited, most) = wait_beside(3, Some("alice"), (begins_at, QUARTER_OF_AN_HOUR)).await;
        assert_eq!(waited, 0, "from second {begins_at}");
        assert!(most <= 8, "{most}");
    }
    // Each address more from which nobody has tried before is let try once before her: four minutes, and no more.
    for (strangers, minutes) in [(4, 4), (6, 12), (13, 40)] {
        let told = wait_beside(strangers, Some("alice"), (1, QUARTER_OF_AN_HOUR)).await;
        let (waited, most) = told;
        assert!(waited <= minutes * 60, "{strangers}: {waited}");
        assert!(most <= 8, "{most}");
    }
}

#[tokio::test]
async fn whoever_makes_up_names_keeps_nobodys_first_login_waiting_for_more_than_a_minute() {
    const THREE_MINUTES: usize = 180;
    for begins_at in [1, 30, 600, 3_600] {
        let (waited, most) = wait_beside(3, None, (begins_at, THREE_MINUTES)).await;
        assert_eq!(waited, 0, "from second {begins_at}");
        assert!(most <= 17, "{most}");
    }
    for (strangers, seconds) in [(4, 15), (7, 60), (20, 300)] {
        let (waited, most) = wait_beside(strangers, None, (1, THREE_MINUTES)).await;
        assert!(waited <= seconds, "{strangers}: {waited}");
        assert!(most <= 17, "{most}");
    }
}

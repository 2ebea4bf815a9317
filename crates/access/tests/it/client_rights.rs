//! Clients' own rights at an upstream: how long its word is taken, and what is asked for it.

use forebay_content::{ClientRight, Missing, SourceError, Standing};

use crate::rights_rig::{GIVEN, OPEN, REFUSED, Rig, login, only_alice, unavailable};

#[tokio::test]
async fn a_right_is_asked_for_once_in_its_time_and_is_out_after_it() {
    let rig = Rig::new(only_alice);
    for tag in ["1", "2", "1"] {
        let right = rig.right(&format!("alice:secret app@{tag}")).await;
        assert_eq!(right.unwrap(), GIVEN);
    }
    assert_eq!(rig.registry.asked(), ["alice:secret app@1"]);
    // Taken back there, it holds here until its time is over, and not a second longer.
    rig.registry.says(|_| Ok(REFUSED));
    rig.seconds_later(299);
    let right = rig.right("alice:secret app@1").await.unwrap();
    assert_eq!(right, GIVEN);
    assert_eq!(rig.registry.asked(), [""; 0]);
    rig.seconds_later(1);
    assert_eq!(rig.right("alice:secret app@1").await.unwrap(), REFUSED);
    assert_eq!(rig.registry.asked().len(), 1);
}

#[tokio::test]
async fn no_right_is_another_clients_repositorys_or_passwords() {
    let rig = Rig::new(only_alice);
    let given = rig.right("alice:secret app@1").await.unwrap();
    assert_eq!(given, GIVEN);
    for other in ["alice:secre app@1", "bob:secret app@1", "nobody app@1"] {
        assert_eq!(rig.right(other).await.unwrap(), REFUSED, "{other}");
    }
    rig.registry.says(|question| {
        Ok(if question.contains("app@") {
            GIVEN
        } else {
            REFUSED
        })
    });
    assert_eq!(rig.right("alice:secret own@1").await.unwrap(), REFUSED);
}

#[tokio::test]
async fn a_refusal_is_remembered_for_half_a_minute_and_an_absence_only_for_what_was_sought() {
    let rig = Rig::new(|question| {
        Ok(match question.rsplit_once('@').unwrap().1 {
            "gone" => ClientRight::Absent(Missing::Manifest),
            _ => REFUSED,
        })
    });
    for _ in 0..2 {
        let gone = rig.right("alice:a app@gone").await.unwrap();
        assert_eq!(gone, ClientRight::Absent(Missing::Manifest));
    }
    for _ in 0..2 {
        assert_eq!(rig.right("alice:a app@1").await.unwrap(), REFUSED);
    }
    assert_eq!(rig.registry.asked(), ["alice:a app@gone", "alice:a app@1"]);
    rig.registry.says(|_| Ok(GIVEN));
    rig.seconds_later(29);
    assert_eq!(rig.right("alice:a app@1").await.unwrap(), REFUSED);
    rig.seconds_later(1);
    let right = rig.right("alice:a app@gone").await.unwrap();
    assert_eq!(right, GIVEN);
    assert_eq!(rig.registry.asked().len(), 1);
}

#[tokio::test]
async fn while_the_upstream_cannot_be_asked_what_was_given_holds_its_time_and_nothing_new_is_given()
{
    let rig = Rig::new(only_alice);
    rig.right("alice:secret app@1").await.unwrap();
    rig.registry.says(|_| unavailable());
    rig.seconds_later(299);
    let right = rig.right("alice:secret app@1").await.unwrap();
    assert_eq!(right, GIVEN);
    let never_asked = rig.right("alice:secret own@1").await;
    assert!(matches!(never_asked, Err(SourceError::Unavailable { .. })));
    rig.seconds_later(1);
    for _ in 0..2 {
        let over = rig.right("alice:secret app@1").await;
        assert!(matches!(over, Err(SourceError::Unavailable { .. })));
    }
    // Trouble is no answer, so each comes to it anew.
    assert_eq!(rig.registry.asked().len(), 4);
    rig.registry.says(only_alice);
    let right = rig.right("alice:secret app@1").await.unwrap();
    assert_eq!(right, GIVEN);
}

#[tokio::test]
async fn a_hundred_at_once_are_one_question_and_an_absence_is_nobody_elses() {
    let rig = Rig::new(|question| {
        Ok(match question.rsplit_once('@').unwrap().1 {
            "gone" => ClientRight::Absent(Missing::Manifest),
            _ => GIVEN,
        })
    });
    let all = (0..100).map(|number| {
        let tag = if number == 0 { "gone" } else { "1" };
        let question = format!("alice:a app@{tag}");
        let rig = &rig;
        async move { rig.right(&question).await.unwrap() }
    });
    let rights = rig.at_once(all).await;
    assert_eq!(rights[0], ClientRight::Absent(Missing::Manifest));
    assert!(rights[1..].iter().all(|right| *right == GIVEN));
    assert_eq!(rig.registry.asked(), ["alice:a app@gone", "alice:a app@1"]);
    // Trouble is told to all who waited for it.
    rig.registry.says(|_| unavailable());
    let all = (0..100).map(|_| rig.right("alice:a other@1"));
    let rights = rig.at_once(all).await;
    assert!(rights.iter().all(Result::is_err));
    assert_eq!(rig.registry.asked().len(), 1);
}

#[tokio::test]
async fn a_question_that_nobody_waits_for_ends_and_the_next_one_is_put_anew() {
    let rig = Rig::new(only_alice);
    let closed = rig.registry.gate.acquire_many(100).await.unwrap();
    let question = rig.right("alice:secret app@1");
    assert!(futures::FutureExt::now_or_never(question).is_none());
    drop(closed);
    let right = rig.right("alice:secret app@1").await.unwrap();
    assert_eq!(right, GIVEN);
    assert_eq!(rig.registry.asked().len(), 2);
}

/// By a public image alone anybody could be called anything.
#[tokio::test]
async fn what_everybody_is_given_is_given_by_name_to_a_login_that_has_worked_until_it_is_wrong() {
    let rig = Rig::new(|question| {
        Ok(match question {
            "alice:secret own@1" => GIVEN,
            "alice:secret gone@1" => ClientRight::WrongLogin,
            _ => OPEN,
        })
    });
    for (question, right) in [
        ("alice:secret open@1", OPEN),
        ("alice:secret own@1", GIVEN),
        ("alice:secret open@1", GIVEN),
        ("alice:secret other@1", GIVEN),
        ("alice:secre open@1", OPEN),
        ("bob:secret open@1", OPEN),
        ("nobody open@1", OPEN),
        ("alice:secret gone@1", ClientRight::WrongLogin),
        ("alice:secret open@1", ClientRight::WrongLogin),
    ] {
        assert_eq!(rig.right(question).await.unwrap(), right, "{question}");
    }
}

#[tokio::test]
async fn the_registry_is_told_what_is_known_of_a_login() {
    let rig = Rig::new(only_alice);
    for (seconds, expected) in [
        (0, Standing::Unproven),
        (9, Standing::Fresh),
        (10, Standing::Proven),
        (1, Standing::Fresh),
    ] {
        rig.seconds_later(seconds);
        let question = format!("alice:secret app{seconds}@1");
        assert_eq!(rig.right(&question).await.unwrap(), GIVEN);
        let told = std::mem::take(&mut *rig.registry.standings.lock().unwrap());
        assert_eq!(told, [expected], "{seconds}");
    }
    rig.registry.says(|_| Ok(ClientRight::WrongLogin));
    rig.right("alice:secret more@1").await.unwrap();
    rig.seconds_later(31);
    rig.registry.standings.lock().unwrap().clear();
    rig.right("alice:secret more@1").await.unwrap();
    let told = rig.registry.standings.lock().unwrap().clone();
    assert_eq!(told, [Standing::Unproven]);
}

#[tokio::test]
async fn nothing_of_a_login_is_shown() {
    let rig = Rig::new(only_alice);
    rig.right("alice:secret app@1").await.unwrap();
    let shown = format!("{:?} {:?}", rig.rights, login("alice:secret"));
    assert!(!shown.contains("secret"), "{shown}");
}

//! People with passwords: ours, and those of htpasswd files.

use std::time::Duration;

use forebay_access::{ACCOUNT_MEMORY, DeskError, Htpasswd, RIGHT_MEMORY, Rules, Why};
use forebay_content::{AccountChange, Secret, Stamp, Timestamp, Users};

use crate::rig::{Rig, rules, why};

const PASSWORD: &str = "correct horse";

async fn door() -> Rig {
    Rig::new(rules(Vec::new()))
        .with_user("alice", PASSWORD)
        .await
}

fn htpasswd(password: &str) -> Rules {
    let hash = bcrypt::hash_with_salt(password, 4, [3; 16]).unwrap();
    let hash = hash.format_for_version(bcrypt::Version::TwoY);
    Rules {
        htpasswd: Htpasswd::parse(&format!("bob:{hash}\nalice:{hash}\n")).unwrap(),
        ..rules(Vec::new())
    }
}

#[tokio::test]
async fn a_user_comes_in_by_the_right_password_alone() {
    let rig = door().await;
    let alice = rig.basic("alice", PASSWORD).await.unwrap();
    assert_eq!(alice.principal.to_string(), "user:alice");
    for wrong in ["", "correct hors", "correct horse ", "Correct horse"] {
        assert_eq!(why(rig.basic("alice", wrong).await), Why::Password);
    }
    for name in ["bob", "Alice", "", "alice:", "*", "a\nb"] {
        assert_eq!(
            why(rig.basic(name, PASSWORD).await),
            Why::NoUser,
            "{name:?}"
        );
    }
    let endless = "x".repeat(100_000);
    assert_eq!(why(rig.basic("alice", &endless).await), Why::Password);
}

/// B13: neither the answer nor the work tells which names there are.
#[tokio::test]
async fn a_name_that_nobody_has_costs_what_a_wrong_password_costs_and_looks_the_same() {
    for rules in [rules(Vec::new()), htpasswd("password of bob")] {
        let rig = Rig::new(rules).with_user("alice", PASSWORD).await;
        let alice = "alice".parse().unwrap();
        let disabled = "disabled".parse().unwrap();
        let desk = rig.access.desk();
        desk.add_user(&disabled, &Secret::new(PASSWORD))
            .await
            .unwrap();
        desk.set_disabled(&disabled, true).await.unwrap();
        assert!(rig.accounts.find_user(&alice).await.unwrap().is_some());
        for name in ["alice", "nobody", "disabled", "bob"] {
            let before = rig.access.hashes_done();
            let refused = rig.basic(name, "a wrong password").await.unwrap_err();
            assert_eq!(rig.access.hashes_done() - before, 1, "{name}");
            let text = "the credential is not right, or not valid any more";
            assert_eq!(refused.to_string(), text);
        }
    }
}

#[tokio::test]
async fn a_credential_that_was_right_costs_no_second_hash_for_a_while() {
    let rig = door().await;
    let before = rig.access.hashes_done();
    for _ in 0..100 {
        rig.basic("alice", PASSWORD).await.unwrap();
        assert_eq!(why(rig.basic("alice", "wrong").await), Why::Password);
        assert_eq!(why(rig.basic("nobody", "wrong").await), Why::NoUser);
    }
    assert_eq!(rig.access.hashes_done() - before, 3);
    rig.clock.advance(RIGHT_MEMORY);
    rig.basic("alice", PASSWORD).await.unwrap();
    assert_eq!(rig.access.hashes_done() - before, 4);
}

#[tokio::test]
async fn a_changed_password_counts_at_once_and_the_old_one_no_more() {
    let rig = door().await;
    rig.basic("alice", PASSWORD).await.unwrap();
    let name = "alice".parse().unwrap();
    let new = Secret::new("another horse");
    assert_eq!(why(rig.basic("alice", new.expose()).await), Why::Password);
    rig.access.desk().set_password(&name, &new).await.unwrap();
    assert_eq!(why(rig.basic("alice", PASSWORD).await), Why::Password);
    rig.basic("alice", new.expose()).await.unwrap();
}

#[tokio::test]
async fn a_disabled_user_is_out_at_once_and_a_new_password_lets_nobody_back_in() {
    let rig = door().await;
    rig.basic("alice", PASSWORD).await.unwrap();
    let name = "alice".parse().unwrap();
    let desk = rig.access.desk();
    desk.set_disabled(&name, true).await.unwrap();
    assert_eq!(why(rig.basic("alice", PASSWORD).await), Why::Disabled);
    let new = Secret::new("another horse");
    desk.set_password(&name, &new).await.unwrap();
    assert_eq!(why(rig.basic("alice", new.expose()).await), Why::Disabled);
    desk.set_disabled(&name, false).await.unwrap();
    rig.basic("alice", new.expose()).await.unwrap();
    desk.remove_user(&name).await.unwrap();
    assert_eq!(why(rig.basic("alice", new.expose()).await), Why::NoUser);
}

/// As by another process on the same accounts.
#[tokio::test]
async fn a_change_behind_our_back_is_seen_within_seconds() {
    let rig = door().await;
    rig.basic("alice", PASSWORD).await.unwrap();
    let change = AccountChange {
        at: Timestamp(0),
        stamp: Stamp(1),
    };
    let name = "alice".parse().unwrap();
    rig.accounts
        .set_disabled(&name, true, change)
        .await
        .unwrap();
    rig.clock.advance(ACCOUNT_MEMORY);
    assert_eq!(why(rig.basic("alice", PASSWORD).await), Why::Disabled);
}

#[tokio::test]
async fn a_user_of_a_file_comes_in_and_a_changed_file_counts_at_once() {
    let rig = Rig::new(htpasswd("password of bob"));
    let bob = rig.basic("bob", "password of bob").await.unwrap();
    assert_eq!(bob.principal.to_string(), "user:bob");
    assert_eq!(why(rig.basic("bob", "wrong").await), Why::Password);
    rig.access.replace_rules(htpasswd("another password"));
    assert_eq!(
        why(rig.basic("bob", "password of bob").await),
        Why::Password
    );
    rig.basic("bob", "another password").await.unwrap();
    rig.access.replace_rules(rules(Vec::new()));
    assert_eq!(why(rig.basic("bob", "another password").await), Why::NoUser);
}

/// B15: another door does not open for whom this one is closed.
#[tokio::test]
async fn a_disabled_user_does_not_come_in_by_a_file() {
    let rig = Rig::new(htpasswd("password of file"))
        .with_user("alice", PASSWORD)
        .await;
    assert_eq!(
        why(rig.basic("alice", "password of file").await),
        Why::Password
    );
    let name = "alice".parse().unwrap();
    rig.access.desk().set_disabled(&name, true).await.unwrap();
    assert_eq!(
        why(rig.basic("alice", "password of file").await),
        Why::Password
    );
    assert_eq!(why(rig.basic("alice", PASSWORD).await), Why::Disabled);
}

/// B12.
#[tokio::test]
async fn a_fresh_installation_has_nobody_with_a_known_password() {
    let rig = Rig::new(rules(Vec::new()));
    for name in ["admin", "forebay", "root", "user", "anonymous"] {
        for password in [
            "",
            "admin",
            "forebay",
            "password",
            "changeme",
            "admin123456",
        ] {
            assert_eq!(why(rig.basic(name, password).await), Why::NoUser);
        }
    }
    assert_eq!(rig.access.desk().users(None, 10).await.unwrap(), []);
}

#[tokio::test]
async fn what_cannot_be_done_to_an_account_is_told() {
    let rig = door().await;
    let desk = rig.access.desk();
    let alice = "alice".parse().unwrap();
    let nobody = "nobody".parse().unwrap();
    let password = Secret::new(PASSWORD);
    let taken = desk.add_user(&alice, &password).await;
    assert!(matches!(taken, Err(DeskError::Taken(_))));
    let short = desk.add_user(&nobody, &Secret::new("short")).await;
    assert!(matches!(short, Err(DeskError::Password(_))));
    for done in [
        desk.set_password(&nobody, &password).await,
        desk.set_disabled(&nobody, true).await,
        desk.remove_user(&nobody).await,
    ] {
        assert_eq!(done.unwrap_err().to_string(), "there is no user nobody");
    }
    rig.clock.advance(Duration::from_secs(1));
    rig.basic("alice", PASSWORD).await.unwrap();
}

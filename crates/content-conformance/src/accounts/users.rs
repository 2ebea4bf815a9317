//! Sentences about users.

use forebay_content::{AccountName, Added, KeptUser, Secret, Stamp, Timestamp, Users};

use super::change;

/// Stamps use all 64 bits.
const STAMP: u64 = u64::MAX - 6;

fn user(name: &str) -> KeptUser {
    KeptUser {
        name: name.parse().unwrap(),
        password: Secret::new(format!("$argon2id$of-{name}")),
        is_disabled: false,
        stamp: Stamp(STAMP),
        created_at: Timestamp(5),
        changed_at: Timestamp(6),
    }
}

async fn find<A: Users>(accounts: &A, name: &str) -> Option<KeptUser> {
    accounts.find_user(&name.parse().unwrap()).await.unwrap()
}

async fn add<A: Users>(accounts: &A, name: &str) -> KeptUser {
    let user = user(name);
    assert_eq!(accounts.add_user(&user).await.unwrap(), Added::Yes);
    user
}

/// Every part of it.
pub async fn a_user_is_told_as_added<A: Users>(accounts: &A) {
    assert_eq!(find(accounts, "alice").await, None);
    let alice = add(accounts, "alice").await;
    let bob = KeptUser {
        is_disabled: true,
        ..user("bob@example.com")
    };
    assert_eq!(accounts.add_user(&bob).await.unwrap(), Added::Yes);
    assert_eq!(find(accounts, "alice").await, Some(alice));
    assert_eq!(find(accounts, "bob@example.com").await, Some(bob));
}

/// Nobody takes an account over by making it anew.
pub async fn a_name_that_is_taken_stays_with_whom_it_is<A: Users>(accounts: &A) {
    let first = add(accounts, "alice").await;
    let second = KeptUser {
        password: Secret::new("$argon2id$another"),
        stamp: Stamp(1),
        ..user("alice")
    };
    assert_eq!(accounts.add_user(&second).await.unwrap(), Added::Taken);
    assert_eq!(find(accounts, "alice").await, Some(first));
}

/// As they are written.
pub async fn names_are_apart_by_case<A: Users>(accounts: &A) {
    let small = add(accounts, "alice").await;
    let large = add(accounts, "Alice").await;
    assert_eq!(find(accounts, "alice").await, Some(small));
    assert_eq!(find(accounts, "Alice").await, Some(large));
    assert_eq!(find(accounts, "ALICE").await, None);
}

/// A password that is reset lets nobody in again.
pub async fn a_new_password_leaves_a_disabled_user_disabled<A: Users>(accounts: &A) {
    let alice = add(accounts, "alice").await;
    let done = accounts.set_disabled(&alice.name, true, change(7, 7)).await;
    assert!(done.unwrap());
    let password = Secret::new("$argon2id$new");
    let done = accounts.set_password(&alice.name, &password, change(8, 8));
    assert!(done.await.unwrap());
    let expected = KeptUser {
        password,
        is_disabled: true,
        stamp: Stamp(8),
        changed_at: Timestamp(8),
        ..alice
    };
    assert_eq!(find(accounts, "alice").await, Some(expected));
}

/// Disabling is no forgetting.
pub async fn a_disabled_user_keeps_its_password_and_may_come_back<A: Users>(accounts: &A) {
    let alice = add(accounts, "alice").await;
    let others = add(accounts, "bob").await;
    for (is_disabled, stamp) in [(true, 1), (true, 2), (false, 3)] {
        let at = 10 + i64::try_from(stamp).unwrap();
        let done = accounts.set_disabled(&alice.name, is_disabled, change(at, stamp));
        assert!(done.await.unwrap());
        let expected = KeptUser {
            is_disabled,
            stamp: Stamp(stamp),
            changed_at: Timestamp(at),
            ..alice.clone()
        };
        assert_eq!(find(accounts, "alice").await, Some(expected));
    }
    assert_eq!(find(accounts, "bob").await, Some(others));
}

/// Whoever has the name next has nothing of the one before.
pub async fn a_removed_user_is_gone_and_its_name_is_free<A: Users>(accounts: &A) {
    let alice = add(accounts, "alice").await;
    assert!(accounts.remove_user(&alice.name).await.unwrap());
    assert_eq!(find(accounts, "alice").await, None);
    let next = KeptUser {
        password: Secret::new("$argon2id$next"),
        stamp: Stamp(2),
        ..user("alice")
    };
    assert_eq!(accounts.add_user(&next).await.unwrap(), Added::Yes);
    assert_eq!(find(accounts, "alice").await, Some(next));
}

/// And says so.
pub async fn what_is_done_to_a_user_that_is_not_there_does_nothing<A: Users>(accounts: &A) {
    let name: AccountName = "nobody".parse().unwrap();
    let password = Secret::new("$argon2id$new");
    let set = accounts.set_password(&name, &password, change(7, 7)).await;
    assert!(!set.unwrap());
    let disabled = accounts.set_disabled(&name, true, change(7, 7)).await;
    assert!(!disabled.unwrap());
    assert!(!accounts.remove_user(&name).await.unwrap());
    assert_eq!(accounts.users(None, 10).await.unwrap(), []);
}

/// In the order of their names' bytes.
pub async fn users_are_told_page_by_page<A: Users>(accounts: &A) {
    let mut all = Vec::new();
    for name in ["b", "B", "a.b", "a", "0"] {
        all.push(add(accounts, name).await);
    }
    all.sort_by(|one, other| one.name.cmp(&other.name));
    let first = accounts.users(None, 2).await.unwrap();
    assert_eq!(first, all[..2]);
    let rest = accounts.users(Some(&all[1].name), 10).await.unwrap();
    assert_eq!(rest, all[2..]);
    assert_eq!(accounts.users(Some(&all[4].name), 10).await.unwrap(), []);
}

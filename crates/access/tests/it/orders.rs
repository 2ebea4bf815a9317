//! What commands have the desk do.

use forebay_access::{AccountOrder, AccountOutcome, RightText, Why};
use forebay_content::Secret;

use crate::rig::{Rig, rules, why};

fn over_the_socket(order: &AccountOrder) -> AccountOrder {
    let json = serde_json::to_string(order).unwrap();
    serde_json::from_str(&json).unwrap()
}

async fn carry_out(rig: &Rig, order: AccountOrder) -> Result<AccountOutcome, String> {
    let sent = over_the_socket(&order);
    assert_eq!(sent, order);
    let told = rig.access.desk().carry_out(sent).await;
    told.map_err(|error| error.to_string())
}

fn named(name: &str) -> String {
    name.to_owned()
}

#[tokio::test]
async fn users_are_made_listed_put_out_and_removed() {
    let rig = Rig::new(rules(Vec::new()));
    let password = Secret::new("correct horse");
    for name in ["bob", "alice"] {
        let name = named(name);
        let password = password.clone();
        let told = carry_out(&rig, AccountOrder::AddUser { name, password }).await;
        assert_eq!(told, Ok(AccountOutcome::Done));
    }
    rig.basic("alice", "correct horse").await.unwrap();
    let name = named("alice");
    carry_out(&rig, AccountOrder::DisableUser { name })
        .await
        .unwrap();
    assert_eq!(
        why(rig.basic("alice", "correct horse").await),
        Why::Disabled
    );
    let Ok(AccountOutcome::Users(users)) =
        carry_out(&rig, AccountOrder::ListUsers { after: None }).await
    else {
        panic!("a list");
    };
    let listed: Vec<_> = users
        .iter()
        .map(|user| (&*user.name, user.disabled))
        .collect();
    assert_eq!(listed, [("alice", true), ("bob", false)]);
    let after = Some(named("alice"));
    let rest = carry_out(&rig, AccountOrder::ListUsers { after })
        .await
        .unwrap();
    assert_eq!(rest, AccountOutcome::Users(users[1..].to_vec()));
    let name = named("alice");
    carry_out(&rig, AccountOrder::EnableUser { name })
        .await
        .unwrap();
    rig.basic("alice", "correct horse").await.unwrap();
    let (name, password) = (named("alice"), Secret::new("another horse"));
    carry_out(&rig, AccountOrder::SetPassword { name, password })
        .await
        .unwrap();
    rig.basic("alice", "another horse").await.unwrap();
    let name = named("alice");
    carry_out(&rig, AccountOrder::RemoveUser { name })
        .await
        .unwrap();
    assert_eq!(why(rig.basic("alice", "another horse").await), Why::NoUser);
}

#[tokio::test]
async fn tokens_are_made_listed_and_revoked() {
    let rig = Rig::new(rules(Vec::new()));
    let order = AccountOrder::AddRobot {
        name: named("ci"),
        rights: vec![RightText {
            repositories: vec![named("team/*")],
            actions: named("pull,push"),
        }],
        expires_in_seconds: Some(60),
    };
    let Ok(AccountOutcome::Made { robot, token }) = carry_out(&rig, order).await else {
        panic!("a token");
    };
    rig.bearer(&token).await.unwrap();
    let expiry = robot.expires_unix_ms.unwrap() - robot.created_unix_ms;
    assert_eq!(expiry, 60_000);
    let listed = carry_out(&rig, AccountOrder::ListRobots { after: None }).await;
    assert_eq!(listed, Ok(AccountOutcome::Robots(vec![robot.clone()])));
    let after = Some(robot.id.clone());
    let rest = carry_out(&rig, AccountOrder::ListRobots { after }).await;
    assert_eq!(rest, Ok(AccountOutcome::Robots(Vec::new())));
    let name = named("ci");
    carry_out(&rig, AccountOrder::RevokeRobot { name })
        .await
        .unwrap();
    assert_eq!(why(rig.bearer(&token).await), Why::RobotRevoked);
}

#[tokio::test]
async fn a_word_that_means_nothing_is_told() {
    let rig = Rig::new(rules(Vec::new()));
    let robot = |pattern: &str, actions: &str| AccountOrder::AddRobot {
        name: named("ci"),
        rights: vec![RightText {
            repositories: vec![named(pattern)],
            actions: named(actions),
        }],
        expires_in_seconds: None,
    };
    let password = || Secret::new("hunter2-hunter2");
    let (name, after) = (named("a b"), Some(named("x")));
    for (order, expected) in [
        (
            AccountOrder::AddUser {
                name,
                password: password(),
            },
            "\"a b\" is no name of an account: a name has",
        ),
        (
            AccountOrder::RemoveUser {
                name: named("nobody"),
            },
            "there is no user nobody",
        ),
        (
            AccountOrder::ListRobots { after },
            "\"x\" is no id of a token",
        ),
        (
            robot("Team/*", "pull"),
            "the pattern \"Team/*\" matches nothing: repositories are lower case",
        ),
        (
            robot("docker.io", "pull"),
            "the pattern \"docker.io\" names no repository: write docker.io/**",
        ),
        (
            robot("team/*", "read"),
            "\"read\" are no actions: an action is one of pull, push, delete",
        ),
        (
            AccountOrder::RevokeRobot { name: named("ci") },
            "there is no token ci",
        ),
    ] {
        let text = format!("{order} {order:?}");
        assert!(!text.contains("hunter2"), "{text}");
        let told = carry_out(&rig, order).await.unwrap_err();
        assert!(told.starts_with(expected), "{told}");
    }
}

/// Every order; one that is new is missed below.
fn all_orders() -> Vec<AccountOrder> {
    let (name, password) = (named("a"), Secret::new("hunter2-hunter2"));
    let right = RightText {
        repositories: vec![named("team/*")],
        actions: named("pull"),
    };
    vec![
        AccountOrder::AddUser {
            name: name.clone(),
            password: password.clone(),
        },
        AccountOrder::SetPassword {
            name: name.clone(),
            password,
        },
        AccountOrder::DisableUser { name: name.clone() },
        AccountOrder::EnableUser { name: name.clone() },
        AccountOrder::RemoveUser { name: name.clone() },
        AccountOrder::ListUsers { after: None },
        AccountOrder::AddRobot {
            name: name.clone(),
            rights: vec![right],
            expires_in_seconds: None,
        },
        AccountOrder::RevokeRobot { name },
        AccountOrder::ListRobots { after: None },
    ]
}

/// Threat B7: nothing is set by a member that nobody reads, be it beside an order, in it, or in a right that it gives.
#[test]
fn an_order_with_a_member_that_is_none_of_its_own_is_refused_whole() {
    let mut seen = Vec::new();
    for order in all_orders() {
        let good = serde_json::to_value(&order).unwrap();
        let (word, _) = good.as_object().unwrap().iter().next().unwrap();
        seen.push(word.clone());
        let mut places = vec![String::new(), format!("/{word}")];
        if good[word].get("rights").is_some() {
            places.push(format!("/{word}/rights/0"));
        }
        for place in places {
            let mut order = good.clone();
            order.pointer_mut(&place).unwrap()["is_admin"] = true.into();
            let read: Result<AccountOrder, _> = serde_json::from_value(order);
            assert!(read.is_err(), "{word}{place}: {read:?}");
        }
        assert_eq!(serde_json::from_value::<AccountOrder>(good).unwrap(), order);
    }
    // Whoever gives none of them is told which there are.
    let told = serde_json::from_str::<AccountOrder>(r#"{"none":{}}"#).unwrap_err();
    let told = told.to_string();
    let words: Vec<_> = told.split('`').skip(3).step_by(2).collect();
    assert_eq!(seen, words, "{told}");
}

//! Docker's token flow: a token for what a client is about to do.

use std::time::Duration;

use forebay_access::{BadToken, Htpasswd};
use forebay_access::{Identity, MAX_TOKEN_LIFETIME, Narrowing, NewRobot, Rules, Verdict, Why};
use forebay_content::Secret;
use forebay_oci::Act;

use crate::rig::{Rig, at, right, rule, rules, why, workload};

const PASSWORD: &str = "correct horse";

fn house_rules() -> Rules {
    rules(vec![
        rule(&["anonymous"], &["docker.io/library/*"], "pull"),
        rule(&["user:alice"], &["team/*"], "pull,push"),
    ])
}

fn asked(repositories: &[(&str, &str)]) -> Narrowing {
    let repositories = repositories.iter();
    Narrowing {
        repositories: repositories
            .map(|(target, acts)| (at(target), acts.parse().unwrap()))
            .collect(),
        ..Narrowing::default()
    }
}

fn issue(rig: &Rig, identity: &Identity, wanted: &[(&str, &str)]) -> Secret {
    rig.access.issue(identity, asked(wanted)).unwrap().token
}

#[tokio::test]
async fn a_token_says_who_asks_and_narrows_what_they_may_do() {
    let rig = Rig::new(house_rules()).with_user("alice", PASSWORD).await;
    let alice = rig.basic("alice", PASSWORD).await.unwrap();
    let token = issue(&rig, &alice, &[("local/team/app", "pull")]);
    let bearer = rig.bearer(&token).await.unwrap();
    assert_eq!(bearer.principal, alice.principal);
    for (target, act, verdict) in [
        ("local/team/app", Act::Pull, Verdict::Allowed),
        // Alice may, though not by this token: she is asked for another.
        ("local/team/app", Act::Push, Verdict::Login),
        ("local/team/other", Act::Pull, Verdict::Login),
        ("docker.io/library/nginx", Act::Pull, Verdict::Login),
        // She may not, whatever the token.
        ("local/team/app", Act::Delete, Verdict::Refused),
        ("local/other/app", Act::Pull, Verdict::Hidden),
    ] {
        assert_eq!(rig.verdict(&bearer, target, act), verdict, "{act} {target}");
    }
    assert!(!bearer.grant.covers_catalog() && !bearer.grant.covers_mounts());
    assert!(alice.grant.covers_catalog() && alice.grant.covers_mounts());
}

/// Rights are decided at each request, whatever a token was given for.
#[tokio::test]
async fn a_token_gives_no_right() {
    let rig = Rig::new(house_rules()).with_user("alice", PASSWORD).await;
    let wanted = [("local/team/app", "*"), ("local/secret/app", "*")];
    let alice = rig.basic("alice", PASSWORD).await.unwrap();
    for (identity, verdicts) in [
        (alice, [Verdict::Refused, Verdict::Hidden]),
        (Identity::anonymous(), [Verdict::Login, Verdict::Login]),
    ] {
        let token = issue(&rig, &identity, &wanted);
        let bearer = rig.bearer(&token).await.unwrap();
        let delete = rig.verdict(&bearer, "local/team/app", Act::Delete);
        let pull = rig.verdict(&bearer, "local/secret/app", Act::Pull);
        assert_eq!([delete, pull], verdicts);
    }
    // And a right that is taken away is gone for tokens that are out.
    let alice = rig.basic("alice", PASSWORD).await.unwrap();
    let token = issue(&rig, &alice, &wanted);
    rig.access.replace_rules(rules(Vec::new()));
    let bearer = rig.bearer(&token).await.unwrap();
    let verdict = rig.verdict(&bearer, "local/team/app", Act::Pull);
    assert_eq!(verdict, Verdict::Hidden);
}

#[tokio::test]
async fn what_of_the_whole_registry_a_token_is_for_is_in_it_and_in_none_that_is_given_for_it() {
    let rig = Rig::new(house_rules()).with_user("alice", PASSWORD).await;
    let alice = rig.basic("alice", PASSWORD).await.unwrap();
    for (catalog, mounts) in [(true, false), (false, true), (true, true)] {
        let of_registry = |catalog, mounts| Narrowing {
            catalog,
            mounts,
            ..Narrowing::default()
        };
        let token = rig.access.issue(&alice, of_registry(catalog, mounts));
        let bearer = rig.bearer(&token.unwrap().token).await.unwrap();
        // By the token, another that is asked for all.
        let token = rig.access.issue(&bearer, of_registry(true, true));
        let next = rig.bearer(&token.unwrap().token).await.unwrap();
        for Identity { grant, .. } in [bearer, next] {
            let covered = (grant.covers_catalog(), grant.covers_mounts());
            assert_eq!(covered, (catalog, mounts));
        }
    }
}

#[tokio::test]
async fn anonymous_has_tokens_too() {
    let rig = Rig::new(house_rules());
    let nginx = [("docker.io/library/nginx", "pull")];
    let token = issue(&rig, &Identity::anonymous(), &nginx);
    let bearer = rig.bearer(&token).await.unwrap();
    assert_eq!(bearer.principal.to_string(), "anonymous");
    let verdict = rig.verdict(&bearer, nginx[0].0, Act::Pull);
    assert_eq!(verdict, Verdict::Allowed);
}

#[tokio::test]
async fn a_token_for_nothing_is_good_for_nothing_but_the_login() {
    let rig = Rig::new(house_rules()).with_user("alice", PASSWORD).await;
    let alice = rig.basic("alice", PASSWORD).await.unwrap();
    let bearer = rig.bearer(&issue(&rig, &alice, &[])).await.unwrap();
    for target in ["local/team/app", "docker.io/library/nginx"] {
        assert_eq!(rig.verdict(&bearer, target, Act::Pull), Verdict::Login);
    }
}

#[tokio::test]
async fn a_token_lives_five_minutes_and_never_more_than_an_hour() {
    for (configured, lifetime) in [
        (Duration::from_mins(5), Duration::from_mins(5)),
        (Duration::from_hours(1000), MAX_TOKEN_LIFETIME),
    ] {
        let rig = Rig::new(Rules {
            token_lifetime: configured,
            ..house_rules()
        });
        let issued = rig
            .access
            .issue(&Identity::anonymous(), asked(&[]))
            .unwrap();
        assert_eq!(issued.lifetime, lifetime);
        rig.clock
            .advance(lifetime.saturating_sub(Duration::from_secs(1)));
        rig.bearer(&issued.token).await.unwrap();
        rig.clock.advance(Duration::from_secs(1));
        let expired = Why::Token(BadToken::Expired);
        assert_eq!(why(rig.bearer(&issued.token).await), expired);
    }
    assert_eq!(Rules::default().token_lifetime, Duration::from_mins(5));
}

/// What a token was given by is looked at again at each request.
#[tokio::test]
async fn a_token_is_out_at_once_when_its_account_is_changed() {
    let rig = Rig::new(house_rules()).with_user("alice", PASSWORD).await;
    let desk = rig.access.desk();
    let name = "alice".parse().unwrap();
    let alice = async || rig.basic("alice", PASSWORD).await.unwrap();
    let token = issue(&rig, &alice().await, &[]);
    rig.bearer(&token).await.unwrap();
    desk.set_password(&name, &Secret::new(PASSWORD))
        .await
        .unwrap();
    let revoked = Why::Token(BadToken::Revoked);
    assert_eq!(why(rig.bearer(&token).await), revoked);
    let token = issue(&rig, &alice().await, &[]);
    desk.set_disabled(&name, true).await.unwrap();
    assert_eq!(why(rig.bearer(&token).await), Why::Disabled);
    desk.set_disabled(&name, false).await.unwrap();
    assert_eq!(why(rig.bearer(&token).await), revoked);
    let token = issue(&rig, &alice().await, &[]);
    desk.remove_user(&name).await.unwrap();
    assert_eq!(why(rig.bearer(&token).await), Why::NoUser);
    // A namesake has nothing of the one before.
    desk.add_user(&name, &Secret::new(PASSWORD)).await.unwrap();
    assert_eq!(why(rig.bearer(&token).await), revoked);
}

#[tokio::test]
async fn a_token_of_a_file_s_user_is_out_when_the_line_is_changed() {
    let with = |password: &str| {
        let hash = bcrypt::hash_with_salt(password, 4, [3; 16]).unwrap();
        Rules {
            htpasswd: Htpasswd::parse(&format!("bob:{hash}")).unwrap(),
            ..house_rules()
        }
    };
    let rig = Rig::new(with(PASSWORD));
    let bob = rig.basic("bob", PASSWORD).await.unwrap();
    let token = issue(&rig, &bob, &[]);
    rig.bearer(&token).await.unwrap();
    rig.access.replace_rules(with("another password"));
    assert_eq!(why(rig.bearer(&token).await), Why::Token(BadToken::Revoked));
    rig.access.replace_rules(house_rules());
    assert_eq!(why(rig.bearer(&token).await), Why::NoUser);
}

#[tokio::test]
async fn a_robot_s_token_ends_with_the_robot() {
    let rig = Rig::new(house_rules());
    let new = NewRobot {
        name: "ci".parse().unwrap(),
        rights: vec![right(&["team/*"], "pull,push")],
        expires_in: Some(Duration::from_secs(100)),
    };
    let made = rig.access.desk().add_robot(new).await.unwrap();
    let robot = rig.bearer(&made.token).await.unwrap();
    let issued = rig
        .access
        .issue(&robot, asked(&[("local/team/app", "push")]));
    let issued = issued.unwrap();
    assert_eq!(issued.lifetime, Duration::from_secs(100));
    let bearer = rig.bearer(&issued.token).await.unwrap();
    assert_eq!(bearer.principal, robot.principal);
    let push = rig.verdict(&bearer, "local/team/app", Act::Push);
    assert_eq!(push, Verdict::Allowed);
    // None that is over as soon as it is given.
    rig.clock.advance(Duration::from_millis(99_500));
    let robot = rig.bearer(&made.token).await.unwrap();
    let late = rig.access.issue(&robot, asked(&[])).unwrap_err();
    assert_eq!(late.why(), Some(Why::Token(BadToken::Expired)));
    let desk = rig.access.desk();
    desk.revoke_robots("ci").await.unwrap();
    assert_eq!(why(rig.bearer(&made.token).await), Why::RobotRevoked);
}

#[tokio::test]
async fn a_token_asked_for_by_a_token_is_no_wider_and_lives_no_longer() {
    let rig = Rig::new(house_rules()).with_user("alice", PASSWORD).await;
    let alice = rig.basic("alice", PASSWORD).await.unwrap();
    let token = issue(&rig, &alice, &[("local/team/app", "pull")]);
    rig.clock.advance(Duration::from_mins(4));
    let bearer = rig.bearer(&token).await.unwrap();
    let wanted = asked(&[
        ("local/team/app", "pull,push"),
        ("local/team/other", "pull"),
    ]);
    let next = rig.access.issue(&bearer, wanted).unwrap();
    assert_eq!(next.lifetime, Duration::from_mins(1));
    let next = rig.bearer(&next.token).await.unwrap();
    let verdict = |target, act| rig.verdict(&next, target, act);
    assert_eq!(verdict("local/team/app", Act::Pull), Verdict::Allowed);
    assert_eq!(verdict("local/team/app", Act::Push), Verdict::Login);
    assert_eq!(verdict("local/team/other", Act::Pull), Verdict::Login);
}

#[tokio::test]
async fn a_workload_s_token_is_out_when_its_rule_is_changed() {
    let with = |subject: &str| Rules {
        workloads: vec![workload(
            "deploy",
            &[("sub", subject)],
            &[right(&["team/*"], "pull")],
        )],
        ..house_rules()
    };
    let rig = Rig::new(with("job"));
    let signer = crate::rig::Signer::new();
    crate::workloads::publish(&rig, &signer);
    let identity = rig
        .access
        .vouched(&crate::workloads::token(&rig, &signer))
        .await;
    let identity = identity.unwrap();
    let token = issue(&rig, &identity, &[("local/team/app", "pull")]);
    let bearer = rig.bearer(&token).await.unwrap();
    assert_eq!(bearer.principal, identity.principal);
    let pull = rig.verdict(&bearer, "local/team/app", Act::Pull);
    assert_eq!(pull, Verdict::Allowed);
    rig.access.replace_rules(with("another job"));
    let revoked = Why::Token(BadToken::Revoked);
    assert_eq!(why(rig.bearer(&token).await), revoked);
    rig.access.replace_rules(house_rules());
    assert_eq!(why(rig.bearer(&token).await), revoked);
}

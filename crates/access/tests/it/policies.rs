//! What may be done by whom, and what those see who may not.

use std::collections::BTreeMap;

use forebay_access::{Identity, InvalidPolicy, Narrowing, Policy, Rules, Verdict, Who};
use forebay_oci::Act;

use crate::rig::{Rig, right, rule, rules};

/// Anonymous pulls official images, users pull the team's, alice pushes and the team's lead deletes them.
fn house_rules() -> Rules {
    rules(vec![
        rule(&["anonymous"], &["docker.io/library/*"], "pull"),
        rule(&["user:*"], &["team/*", "ghcr.io/org/**"], "pull"),
        rule(&["user:alice", "user:carol"], &["team/*"], "push"),
        rule(&["user:carol"], &["team/*"], "delete"),
    ])
}

async fn house() -> Rig {
    let rig = Rig::new(house_rules());
    let rig = rig.with_user("alice", "password of alice").await;
    rig.with_user("carol", "password of carol").await
}

#[tokio::test]
async fn everybody_may_do_what_a_rule_gives_them_and_nothing_else() {
    use Act::{Admin, Delete, Pull, Push};
    use Verdict::{Allowed, Hidden, Login, Refused};
    let rig = house().await;
    let nobody = Identity::anonymous();
    let alice = rig.basic("alice", "password of alice").await.unwrap();
    let carol = rig.basic("carol", "password of carol").await.unwrap();
    for (target, act, verdicts) in [
        ("docker.io/library/nginx", Pull, [Allowed, Allowed, Allowed]),
        ("docker.io/library/nginx", Push, [Login, Refused, Refused]),
        ("docker.io/org/app", Pull, [Login, Hidden, Hidden]),
        ("ghcr.io/org/a/b", Pull, [Login, Allowed, Allowed]),
        ("ghcr.io/org/a/b", Delete, [Login, Refused, Refused]),
        ("local/team/app", Pull, [Login, Allowed, Allowed]),
        ("local/team/app", Push, [Login, Allowed, Allowed]),
        ("local/team/app", Delete, [Login, Refused, Allowed]),
        ("local/team/app", Admin, [Login, Refused, Refused]),
        ("local/team/a/b", Pull, [Login, Hidden, Hidden]),
        ("local/other/app", Push, [Login, Hidden, Hidden]),
        // The same words at an upstream are another repository.
        ("docker.io/team/app", Push, [Login, Hidden, Hidden]),
    ] {
        let found = [&nobody, &alice, &carol].map(|who| rig.verdict(who, target, act));
        assert_eq!(found, verdicts, "{act} {target}");
    }
}

#[tokio::test]
async fn what_is_about_all_repositories_is_for_whom_a_rule_for_all_names() {
    use Verdict::{Allowed, Login, Refused};
    let rig = Rig::new(rules(vec![
        rule(&["user:*"], &["**"], "pull,push,delete"),
        rule(&["user:alice"], &["team/**", "docker.io/**", "**"], "admin"),
        rule(&["user:carol"], &["*/**", "*.io/**"], "admin"),
    ]));
    let rig = rig.with_user("alice", "password of alice").await;
    let rig = rig.with_user("carol", "password of carol").await;
    let alice = rig.basic("alice", "password of alice").await.unwrap();
    let carol = rig.basic("carol", "password of carol").await.unwrap();
    // A token was given for some repositories at most, whoever asked for it.
    let token = rig.access.issue(&alice, Narrowing::default()).unwrap();
    let bearer = rig.bearer(&token.token).await.unwrap();
    for (who, verdict) in [
        (Identity::anonymous(), Login),
        (alice, Allowed),
        (carol, Refused),
        (bearer, Login),
    ] {
        let found = rig.access.decide_everywhere(&who, Act::Admin);
        assert_eq!(found, verdict, "{}", who.principal);
    }
}

#[tokio::test]
async fn without_rules_nobody_may_do_anything() {
    let rig = Rig::new(rules(Vec::new()))
        .with_user("alice", "password of alice")
        .await;
    let alice = rig.basic("alice", "password of alice").await.unwrap();
    for act in Act::ALL {
        for target in ["local/a", "docker.io/library/nginx"] {
            let nobody = rig.verdict(&Identity::anonymous(), target, act);
            assert_eq!(nobody, Verdict::Login);
            assert_eq!(rig.verdict(&alice, target, act), Verdict::Hidden);
        }
    }
}

#[tokio::test]
async fn whoever_leaves_a_group_has_lost_its_rights_at_the_next_request() {
    let with_members = |members: &[&str]| {
        let members: Vec<Who> = members.iter().map(|who| who.parse().unwrap()).collect();
        let groups = BTreeMap::from([("builders".to_owned(), members)]);
        let rule = rule(&["group:builders"], &["team/*"], "pull,push");
        Rules {
            policy: Policy::new(vec![rule], groups).unwrap(),
            ..rules(Vec::new())
        }
    };
    let rig = Rig::new(with_members(&["user:alice", "robot:ci-*"]));
    let rig = rig.with_user("alice", "password of alice").await;
    let alice = rig.basic("alice", "password of alice").await.unwrap();
    let push = || rig.verdict(&alice, "local/team/app", Act::Push);
    assert_eq!(push(), Verdict::Allowed);
    rig.access.replace_rules(with_members(&["robot:ci-*"]));
    assert_eq!(push(), Verdict::Hidden);
}

#[test]
fn rules_that_mean_nobody_are_refused() {
    let of_group = || vec![rule(&["group:builders"], &["**"], "pull")];
    let missing = Policy::new(of_group(), BTreeMap::new());
    assert_eq!(
        missing.unwrap_err(),
        InvalidPolicy::NoGroup("builders".into())
    );
    let nested = BTreeMap::from([("builders".to_owned(), vec!["group:a".parse().unwrap()])]);
    assert_eq!(
        Policy::new(of_group(), nested).unwrap_err(),
        InvalidPolicy::NestedGroup("builders".into())
    );
    let many = vec![rule(&["anonymous"], &["**"], "pull"); 4_000];
    assert!(matches!(
        Policy::new(many, BTreeMap::new()),
        Err(InvalidPolicy::TooMany(12_000))
    ));
}

/// What a rule gives is given to patterns of places, never to names that only look alike.
#[test]
fn a_right_to_an_upstream_is_none_to_what_is_local() {
    let upstream = right(&["docker.io/**"], "*");
    let local = right(&["**/app"], "*");
    let covers = |right: &forebay_content::Right, target: &str| {
        let mut patterns = right.repositories.iter();
        patterns.any(|pattern| pattern.matches(&crate::rig::at(target)))
    };
    assert!(!covers(&upstream, "local/library/nginx"));
    assert!(!covers(&local, "docker.io/team/app"));
    assert!(covers(&local, "local/team/app"));
}

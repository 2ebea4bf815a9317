//! Programs with tokens of ours.

use std::time::Duration;

use forebay_access::{Credential, DeskError, MadeRobot, NewRobot, Verdict, Why};
use forebay_content::Secret;
use forebay_oci::Act;

use crate::rig::{Rig, right, rule, rules, why};

const DAY: Duration = Duration::from_hours(24);

async fn make(rig: &Rig, name: &str, expires_in: Option<Duration>) -> MadeRobot {
    let new = NewRobot {
        name: name.parse().unwrap(),
        rights: vec![right(&["team/*"], "pull,push")],
        expires_in,
    };
    rig.access.desk().add_robot(new).await.unwrap()
}

#[tokio::test]
async fn a_robot_may_do_what_its_token_says_over_both_schemes() {
    let rig = Rig::new(rules(vec![rule(
        &["robot:ci-*"],
        &["docker.io/**"],
        "pull",
    )]));
    let MadeRobot { robot, token } = make(&rig, "ci-build", Some(DAY)).await;
    let by_basic = rig.basic("whatever", token.expose()).await.unwrap();
    let by_bearer = rig.bearer(&token).await.unwrap();
    assert_eq!(by_basic, by_bearer);
    let name = format!("robot:ci-build ({})", robot.id);
    assert_eq!(by_basic.principal.to_string(), name);
    for (target, act, verdict) in [
        ("local/team/app", Act::Push, Verdict::Allowed),
        ("local/team/app", Act::Delete, Verdict::Refused),
        ("local/other/app", Act::Pull, Verdict::Hidden),
        ("docker.io/library/nginx", Act::Pull, Verdict::Allowed),
        ("docker.io/library/nginx", Act::Push, Verdict::Refused),
    ] {
        assert_eq!(
            rig.verdict(&by_basic, target, act),
            verdict,
            "{act} {target}"
        );
    }
    assert_eq!(rig.access.hashes_done(), 0);
}

#[tokio::test]
async fn a_token_is_made_for_a_second_to_ten_years_or_for_ever() {
    let rig = Rig::new(rules(Vec::new()));
    for (expires_in, is_made) in [
        (Duration::ZERO, false),
        (Duration::from_millis(999), false),
        (Duration::from_secs(1), true),
        (3650 * DAY, true),
        (3650 * DAY + Duration::from_millis(1), false),
        (Duration::MAX, false),
    ] {
        let new = NewRobot {
            name: "ci".parse().unwrap(),
            rights: vec![right(&["team/*"], "pull")],
            expires_in: Some(expires_in),
        };
        let made = rig.access.desk().add_robot(new).await;
        assert_eq!(made.is_ok(), is_made, "{expires_in:?}: {made:?}");
        assert!(is_made || matches!(made, Err(DeskError::Lifetime)));
    }
}

#[tokio::test]
async fn a_token_is_worth_nothing_from_the_moment_when_it_expires() {
    let rig = Rig::new(rules(Vec::new()));
    let MadeRobot { token, .. } = make(&rig, "ci", Some(90 * DAY)).await;
    let lasting = make(&rig, "ci", None).await.token;
    rig.clock
        .advance((90 * DAY).saturating_sub(Duration::from_millis(1)));
    rig.bearer(&token).await.unwrap();
    rig.clock.advance(Duration::from_millis(1));
    assert_eq!(why(rig.bearer(&token).await), Why::RobotExpired);
    assert_eq!(
        why(rig.basic("ci", token.expose()).await),
        Why::RobotExpired
    );
    rig.bearer(&lasting).await.unwrap();
}

#[tokio::test]
async fn a_revoked_token_is_out_at_once_by_its_id_or_with_all_of_its_name() {
    let rig = Rig::new(rules(Vec::new()));
    let one = make(&rig, "ci", None).await;
    let two = make(&rig, "ci", None).await;
    let other = make(&rig, "other", None).await;
    for made in [&one, &two, &other] {
        rig.bearer(&made.token).await.unwrap();
    }
    let desk = rig.access.desk();
    let revoked = desk.revoke_robots(one.robot.id.as_str()).await.unwrap();
    assert_eq!(revoked.len(), 1);
    assert_eq!(why(rig.bearer(&one.token).await), Why::RobotRevoked);
    rig.bearer(&two.token).await.unwrap();
    assert_eq!(desk.revoke_robots("ci").await.unwrap().len(), 2);
    assert_eq!(why(rig.bearer(&two.token).await), Why::RobotRevoked);
    rig.bearer(&other.token).await.unwrap();
    let nobody = desk.revoke_robots("nobody").await;
    assert!(matches!(nobody, Err(DeskError::NoRobot(_))));
}

#[tokio::test]
async fn another_secret_under_a_known_id_is_refused_like_no_id_at_all() {
    let rig = Rig::new(rules(Vec::new()));
    let one = make(&rig, "ci", None).await;
    let (id, secret) = one.token.expose().rsplit_once('_').unwrap();
    let forged = |id: &str, secret: &str| {
        let text = format!("{id}_{secret}");
        let sum = crc32c::crc32c(text.replacen(&format!("{id}_"), id, 1).as_bytes());
        Secret::new(format!("{text}{sum:08x}"))
    };
    let right = forged(id, &secret[..64]);
    assert_eq!(right, one.token, "the checksum is made as ours is");
    let other = rig.bearer(&forged(id, &"0".repeat(64))).await.unwrap_err();
    assert_eq!(other.why(), Some(Why::RobotSecret));
    let nobody = forged("fbt_aaaaaaaaaaaa", &secret[..64]);
    let nobody = rig.bearer(&nobody).await.unwrap_err();
    assert_eq!(nobody.why(), Some(Why::NoRobot));
    let torn = Secret::new(&one.token.expose()[..80]);
    let torn = rig.bearer(&torn).await.unwrap_err();
    assert_eq!(other.to_string(), nobody.to_string());
    assert_eq!(other.to_string(), torn.to_string());
}

#[tokio::test]
async fn a_token_for_nothing_is_not_made() {
    let rig = Rig::new(rules(Vec::new()));
    for rights in [
        vec![],
        vec![right(&[], "pull")],
        vec![right(&["a/*"; 65], "pull")],
        vec![right(&["a/*"], "pull"); 65],
    ] {
        let new = NewRobot {
            name: "ci".parse().unwrap(),
            rights,
            expires_in: None,
        };
        let refused = rig.access.desk().add_robot(new).await;
        assert!(matches!(refused, Err(DeskError::Rights)));
    }
    assert_eq!(rig.access.desk().robots(None, 10).await.unwrap(), []);
}

#[tokio::test]
async fn what_is_kept_of_a_token_does_not_tell_it() {
    let rig = Rig::new(rules(Vec::new()));
    let made = make(&rig, "ci", None).await;
    let secret = made.token.expose().rsplit('_').next().unwrap();
    let kept = format!("{:?}", rig.access.desk().robots(None, 10).await.unwrap());
    assert!(!kept.contains(&secret[..64]));
    assert!(!format!("{made:?}").contains(secret));
    let credential = Credential::Bearer(made.token.clone());
    assert!(!format!("{credential:?}").contains(secret));
}

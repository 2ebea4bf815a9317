//! No secret is printed by accident (B16).

use forebay_access::{Credential, Narrowing, NewRobot, TokenKey};
use forebay_content::{Clock as _, Secret, Users};

use crate::rig::{Rig, basic, right, rules};

const CANARY: &str = "canary-7f3a-password";

#[tokio::test]
async fn nothing_that_can_be_printed_tells_a_secret() {
    let rig = Rig::new(rules(Vec::new())).with_user("alice", CANARY).await;
    let alice = rig.basic("alice", CANARY).await.unwrap();
    let refused = rig.basic("alice", "canary-7f3a-wrong").await.unwrap_err();
    let issued = rig.access.issue(&alice, Narrowing::default()).unwrap();
    let new = NewRobot {
        name: "ci".parse().unwrap(),
        rights: vec![right(&["team/*"], "pull")],
        expires_in: None,
    };
    let made = rig.access.desk().add_robot(new).await.unwrap();
    let bearer = Credential::Bearer(made.token.clone());
    let kept = rig
        .accounts
        .find_user(&"alice".parse().unwrap())
        .await
        .unwrap();
    let printed = format!(
        "{:?} {alice:?} {refused:?} {refused} {issued:?} {made:?} {bearer:?} {kept:?} {:?} {:?} {:?}",
        basic("alice", CANARY),
        rig.access,
        rig.access.rules(),
        TokenKey::new(&[b'K'; 32]),
    );
    let hash = kept.unwrap().password;
    for secret in [
        "canary-7f3a",
        issued.token.expose(),
        made.token.expose(),
        hash.expose(),
        "KKKK",
        "75, 75, 75",
    ] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
    assert!(rig.clock.now().0 > 0);
    let unknown = Secret::new(CANARY);
    assert!(!format!("{unknown:?}").contains(CANARY));
}

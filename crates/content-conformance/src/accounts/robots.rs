//! Sentences about robots' tokens.

use forebay_content::{Added, KeptRobot, Right, RobotId, Robots, Stamp, Timestamp};
use forebay_oci::Acts;

use super::change;

fn robot(number: u8, name: &str) -> KeptRobot {
    KeptRobot {
        id: RobotId::of_random([number; 12]),
        name: name.parse().unwrap(),
        secret_hash: [number; 32],
        rights: Vec::new(),
        stamp: Stamp(u64::MAX),
        created_at: Timestamp(5),
        expires_at: None,
        revoked_at: None,
    }
}

async fn find<A: Robots>(accounts: &A, id: &RobotId) -> Option<KeptRobot> {
    accounts.find_robot(id).await.unwrap()
}

async fn add<A: Robots>(accounts: &A, robot: &KeptRobot) {
    assert_eq!(accounts.add_robot(robot).await.unwrap(), Added::Yes);
}

/// Every part of it, its rights in their order.
pub async fn a_token_is_told_as_added<A: Robots>(accounts: &A) {
    let right = |patterns: &[&str], acts: &str| Right {
        repositories: patterns
            .iter()
            .map(|pattern| pattern.parse().unwrap())
            .collect(),
        acts: acts.parse().unwrap(),
    };
    let full = KeptRobot {
        rights: vec![
            right(&["team/*", "docker.io/library/{a,b}*"], "pull,push"),
            right(&["**"], "pull"),
            right(&["*.amazonaws.com/**"], "*"),
        ],
        expires_at: Some(Timestamp(-3)),
        revoked_at: Some(Timestamp(7)),
        ..robot(1, "ci-build")
    };
    let bare = robot(2, "bare");
    assert_eq!(find(accounts, &full.id).await, None);
    for robot in [&full, &bare] {
        add(accounts, robot).await;
    }
    let found = find(accounts, &full.id).await.unwrap();
    assert_eq!(found.rights[2].acts, Acts::ALL);
    assert_eq!(found, full);
    assert_eq!(find(accounts, &bare.id).await, Some(bare));
}

/// No token is taken over.
pub async fn an_id_that_is_taken_stays_with_whom_it_is<A: Robots>(accounts: &A) {
    let first = robot(1, "first");
    add(accounts, &first).await;
    let second = robot(1, "second");
    assert_eq!(accounts.add_robot(&second).await.unwrap(), Added::Taken);
    assert_eq!(find(accounts, &first.id).await, Some(first));
}

/// As while one takes the other's place.
pub async fn several_tokens_have_one_name<A: Robots>(accounts: &A) {
    let (old, new) = (robot(1, "ci"), robot(2, "ci"));
    for robot in [&old, &new] {
        add(accounts, robot).await;
    }
    assert_eq!(find(accounts, &old.id).await, Some(old));
    assert_eq!(find(accounts, &new.id).await, Some(new));
}

/// And is not valid again by being revoked once more.
pub async fn a_token_keeps_the_time_of_its_first_revocation<A: Robots>(accounts: &A) {
    let (ci, other) = (robot(1, "ci"), robot(2, "ci"));
    for robot in [&ci, &other] {
        add(accounts, robot).await;
    }
    for (at, stamp) in [(10, 1), (20, 2)] {
        assert!(
            accounts
                .revoke_robot(&ci.id, change(at, stamp))
                .await
                .unwrap()
        );
        let expected = KeptRobot {
            stamp: Stamp(stamp),
            revoked_at: Some(Timestamp(10)),
            ..ci.clone()
        };
        assert_eq!(find(accounts, &ci.id).await, Some(expected));
    }
    assert_eq!(find(accounts, &other.id).await, Some(other));
    let nobody = RobotId::of_random([9; 12]);
    let revoked = accounts.revoke_robot(&nobody, change(30, 3)).await;
    assert!(!revoked.unwrap());
}

/// Once.
pub async fn a_removed_token_is_gone<A: Robots>(accounts: &A) {
    let ci = robot(1, "ci");
    add(accounts, &ci).await;
    assert!(accounts.remove_robot(&ci.id).await.unwrap());
    assert_eq!(find(accounts, &ci.id).await, None);
    assert!(!accounts.remove_robot(&ci.id).await.unwrap());
}

/// In the order of their ids' bytes.
pub async fn tokens_are_told_page_by_page<A: Robots>(accounts: &A) {
    let mut all = Vec::new();
    for number in [3, 30, 1, 27, 8] {
        let robot = robot(number, "ci");
        add(accounts, &robot).await;
        all.push(robot);
    }
    all.sort_by(|one, other| one.id.cmp(&other.id));
    assert_eq!(accounts.robots(None, 3).await.unwrap(), all[..3]);
    let rest = accounts.robots(Some(&all[2].id), 10).await.unwrap();
    assert_eq!(rest, all[3..]);
}

//! Storms of clients that hide: behind names that they make up, and behind all that they ask for beside.

use std::time::Duration;

use forebay_content::{AlertKind, Client, Provenance};
use forebay_ledger::{Answered, Asked, Ledger, Outcome, What};
use forebay_oci::{Digest, Reference};

use crate::world::{World, asks, image, node};

/// A client that calls itself by another name with each request.
fn made_up(number: u32) -> Client {
    Client {
        user: Some(format!("user-{number}").into()),
        agent: format!("agent-{number}").into(),
        workload: Some(format!("pod-{number}").into()),
        ..node(1)
    }
}

#[tokio::test]
async fn a_storm_under_ever_other_names_is_told_once_and_its_end_too() {
    let world = World::new();
    let ledger = world.ledger().await;
    for number in 0..600 {
        let outcome = Outcome::Failed("not_found");
        asks(&ledger, &made_up(number), &image(1), outcome);
        world.clock.advance(Duration::from_millis(100));
        if number % 50 == 0 {
            ledger.look();
        }
    }
    let storms = ledger.storms();
    assert_eq!(storms.len(), 1, "{storms:?}");
    let subject =
        "10.0.0.1 user several-users several-agents for several-workloads docker.io/team/app1:1.27"
            .to_owned();
    assert_eq!(
        world.heard.take(),
        [(AlertKind::StormBegan, subject.clone())]
    );
    world.clock.advance(Duration::from_mins(6));
    ledger.look();
    assert_eq!(world.heard.take(), [(AlertKind::StormEnded, subject)]);
}

#[tokio::test]
async fn who_has_used_up_its_room_in_the_ledger_is_still_seen_to_storm_by_tag_and_by_digest() {
    let world = World::new();
    let ledger = world.ledger().await;
    let served = Outcome::Served(Provenance::Kept);
    for number in 0..1_000 {
        asks(&ledger, &made_up(number), &image(number), served);
    }
    let digest = Reference::Digest(Digest::sha256(b"pinned"));
    for _ in 0..120 {
        asks(&ledger, &node(1), &image(2_000), served);
        gets(&ledger, &digest);
        world.clock.advance(Duration::from_secs(1));
    }
    let told: Vec<_> = ledger
        .storms()
        .into_iter()
        .map(|storm| (storm.repository, storm.reference, storm.pulls))
        .collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.contains(&("team/app2000".to_owned(), "1.27".to_owned(), 120)));
    assert!(told.contains(&("team/app2001".to_owned(), digest.to_string(), 120)));
}

/// A client gets an image by a digest.
fn gets(ledger: &Ledger, reference: &Reference) {
    ledger.note_answered(&Answered {
        client: &node(1),
        target: &image(2_001),
        what: What::Manifest(Asked {
            reference,
            is_head: false,
        }),
        outcome: Outcome::Served(Provenance::Kept),
        bytes: 500,
    });
}

//! What counts under the operator's limits for clients.

use std::num::NonZeroU32;
use std::time::Duration;

use forebay_api_registry::{ClientLimit, LimitedClients};

use crate::door::{ALICE, alice};
use crate::edge::Edge;
use crate::wire::Ask;

const BURST: u32 = 3;

/// One request a second, and so many at once.
pub(crate) fn limit_of(of: LimitedClients, burst: u32) -> ClientLimit {
    ClientLimit {
        of,
        per_minute: NonZeroU32::new(60).unwrap(),
        burst: NonZeroU32::new(burst).unwrap(),
    }
}

/// One request a second, and three at once.
fn limit() -> ClientLimit {
    let network = "127.0.0.0/8".parse().unwrap();
    limit_of(LimitedClients::Network(network), BURST)
}

async fn is_limited(edge: &Edge, ask: &Ask) {
    for _ in 0..BURST {
        let answer = ask.clone().to(edge.address).await;
        assert_ne!(answer.status, 429, "{ask:?}");
    }
    let refused = ask.clone().to(edge.address).await;
    assert_eq!(refused.status, 429, "{ask:?}");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(refused.body.contains("clients.limits"), "{refused:?}");
    edge.clock.advance(Duration::from_secs(1));
    assert_ne!(ask.clone().to(edge.address).await.status, 429, "{ask:?}");
}

#[tokio::test]
async fn pulls_pushes_and_lists_count_alike() {
    for line in [
        "GET /v2/app/manifests/1",
        "GET /v2/app/tags/list",
        "POST /v2/app/blobs/uploads/",
        "DELETE /v2/app/manifests/1",
        "GET /v2/_catalog",
    ] {
        let edge = Edge::with(|table| {
            table.clients.loopback_push = true;
            table.limits = vec![limit()];
        });
        is_limited(&edge, &Ask::new(line)).await;
        assert_eq!(Ask::new("GET /v2/").to(edge.address).await.status, 200);
    }
}

#[tokio::test]
async fn tokens_and_passwords_count_and_asking_what_to_log_in_with_does_not() {
    let (name, password) = ALICE;
    for ask in [
        Ask::new("GET /token?scope=repository:app:pull"),
        Ask::new("GET /token").login(name, password),
        Ask::new("GET /v2/").login(name, "wrong horse"),
        // Once, though it is at the door and let in.
        Ask::new("GET /v2/_catalog").login(name, password),
    ] {
        let point = alice(&["app"], "pull,push").await;
        let edge = Edge::with(|table| {
            table.access = Some(point);
            table.limits = vec![limit()];
        });
        is_limited(&edge, &ask).await;
        for _ in 0..2 * BURST {
            let challenged = Ask::new("GET /v2/app/manifests/1").to(edge.address).await;
            assert_eq!(challenged.status, 401);
        }
    }
}

/// Else whoever tries passwords would call itself by the name that may ask most.
#[tokio::test]
async fn a_name_counts_once_it_is_shown_whose_it_is() {
    const OF_ALICE: u32 = 3 * BURST;
    let (name, password) = ALICE;
    for line in ["GET /token", "GET /v2/_catalog"] {
        let point = alice(&["app"], "pull,push").await;
        let edge = Edge::with(|table| {
            table.access = Some(point);
            let of_alice = LimitedClients::User(name.to_owned());
            table.limits = vec![limit_of(of_alice, OF_ALICE), limit()];
        });
        for _ in 0..OF_ALICE {
            let answer = Ask::new(line).login(name, password).to(edge.address).await;
            assert_eq!(answer.status, 200, "{line}");
        }
        let answer = Ask::new(line).login(name, password).to(edge.address).await;
        assert_eq!(answer.status, 429, "{line}");
        let wrong = Ask::new(line).login(name, "wrong horse");
        is_limited(&edge, &wrong).await;
    }
}

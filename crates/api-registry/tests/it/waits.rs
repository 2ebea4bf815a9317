//! How long requests wait for what does not come: by the clock that everything goes by, and no longer.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use forebay_api_registry::ANSWER_WITHIN;
use forebay_content::{
    ClientLogin, ClientRight, ClientRights, ClientVisit, Request, Sought, SourceError,
};
use tokio::time::timeout;

use crate::edge::Edge;
use crate::wire::{Answer, Ask, PATIENCE};

/// A registry that never answers.
struct Silence;

#[async_trait]
impl ClientRights for Silence {
    async fn check_login(
        &self,
        _: &ClientVisit,
        _: &ClientLogin,
    ) -> Result<ClientRight, SourceError> {
        std::future::pending().await
    }

    async fn check_right(
        &self,
        _: &Request,
        _: Option<&ClientLogin>,
        _: &Sought,
    ) -> Result<ClientRight, SourceError> {
        std::future::pending().await
    }
}

/// Asks while time passes, and tells how much of it did before the answer.
async fn ask(edge: &Edge, ask: Ask) -> (Answer, Duration) {
    let step = Duration::from_secs(1);
    let mut passed = Duration::ZERO;
    let passing = async {
        loop {
            // Long enough for a request to come in over a socket, some thousand times.
            for _ in 0..200 {
                tokio::task::yield_now().await;
            }
            edge.clock.advance(step);
            passed += step;
        }
    };
    let answer = tokio::select! {
        biased;
        answer = timeout(PATIENCE, ask.to(edge.address)) => answer.expect("an answer"),
        () = passing => unreachable!(),
    };
    (answer, passed)
}

#[tokio::test]
async fn who_asks_a_registry_that_never_answers_is_told_so_in_time() {
    let edge = Edge::with(|table| {
        table.routes.apart.insert("registry.example".into());
        table
            .routes
            .hosts
            .insert("own.example".into(), "registry.example".into());
        table
            .rights
            .insert("registry.example".into(), Arc::new(Silence));
    });
    let greeting = Ask::new("GET /v2/").header("host", "own.example");
    let (answer, passed) = ask(&edge, greeting.login("alice", "secret")).await;
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(
        answer.body.contains("nothing within 25 s"),
        "{}",
        answer.body
    );
    assert!(passed >= ANSWER_WITHIN, "{passed:?}");
}

#[tokio::test]
async fn who_sends_to_an_upload_that_another_sends_to_waits_for_a_turn_and_not_for_ever() {
    let edge = Edge::open();
    let begun = Ask::new("POST /v2/app/blobs/uploads/")
        .to(edge.address)
        .await;
    let location = begun.header("location").expect("a location").to_owned();
    let path = location.split_once("/v2/").map(|(_, path)| path).unwrap();
    let send = || Ask::new(&format!("PATCH /v2/{path}")).body("more");
    // The first one's body never ends.
    let first = send().leave(edge.address, true, async {
        edge.until_begun().await;
        edge.until_begun().await;
        let (second, passed) = ask(&edge, send()).await;
        assert_eq!(second.status, 409, "{}", second.body);
        assert!(second.body.contains("another request"), "{}", second.body);
        assert!(passed >= Duration::from_secs(10), "{passed:?}");
    });
    first.await;
}

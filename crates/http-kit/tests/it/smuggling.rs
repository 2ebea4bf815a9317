//! D1: whatever a request says about its length, nothing of it is read as another request.

use std::time::Duration;

use forebay_http_kit::ServeLimits;
use futures::future::join_all;

use super::wire::{Served, ok};

const INNER: &str = "GET /smuggled HTTP/1.1\r\nhost: inner\r\n\r\n";

fn served() -> Served {
    // Whatever waits for more is closed soon.
    let limits = ServeLimits {
        header_timeout: Duration::from_millis(200),
        keep_alive_idle: Duration::from_millis(200),
        body_idle: Duration::from_millis(200),
        ..ServeLimits::default()
    };
    Served::start(limits, |request, _| async move {
        let read = request.into_body().read_capped(4096).await;
        ok(format!("{}", read.is_ok()))
    })
}

/// Sends `bytes` and then, in the same breath, what would be a second request; and gives the targets that were answered.
async fn targets(head: &str, body: &str) -> Vec<String> {
    let served = served();
    let mut wire = served.connect().await;
    wire.send(format!("{head}\r\n{body}{INNER}")).await;
    wire.read_all().await;
    served.supervisor.stop();
    assert!(served.supervisor.drain(super::wire::PATIENCE).await);
    served
        .lines(0)
        .await
        .into_iter()
        .map(|line| line.target)
        .collect()
}

#[tokio::test]
async fn a_request_of_two_lengths_ends_its_connection() {
    let chunked = format!("{:x}\r\n{INNER}\r\n0\r\n\r\n", INNER.len());
    let corpus = [
        // Content-Length and Transfer-Encoding, in both orders, and lists.
        (
            "content-length: 0\r\ntransfer-encoding: chunked\r\n",
            chunked.as_str(),
        ),
        (
            "transfer-encoding: chunked\r\ncontent-length: 0\r\n",
            &chunked,
        ),
        (
            "transfer-encoding: chunked\r\ncontent-length: 4\r\n",
            "0\r\n\r\n",
        ),
        (
            "content-length: 4\r\ntransfer-encoding: chunked\r\n",
            "0\r\n\r\n",
        ),
        // Two lengths.
        ("content-length: 0\r\ncontent-length: 5\r\n", ""),
        ("content-length: 5\r\ncontent-length: 0\r\n", ""),
        ("content-length: 0, 5\r\n", ""),
        // Lengths that are no numbers.
        ("content-length: +0\r\n", ""),
        ("content-length: -1\r\n", ""),
        ("content-length: 0x0\r\n", ""),
        ("content-length: 18446744073709551616\r\n", ""),
        ("content-length:\r\n", ""),
        // Encodings that are not chunked, or not last, or in disguise.
        ("transfer-encoding: identity\r\n", ""),
        ("transfer-encoding: chunked, identity\r\n", "0\r\n\r\n"),
        ("transfer-encoding: xchunked\r\n", ""),
        ("transfer-encoding : chunked\r\n", "0\r\n\r\n"),
        ("transfer-encoding:\x0bchunked\r\n", "0\r\n\r\n"),
        (" transfer-encoding: chunked\r\n", "0\r\n\r\n"),
        ("x: y\r\n transfer-encoding: chunked\r\n", "0\r\n\r\n"),
        ("transfer-encoding\r\n : chunked\r\n", "0\r\n\r\n"),
        // Chunks that are none.
        ("transfer-encoding: chunked\r\n", "0x0\r\n\r\n"),
        ("transfer-encoding: chunked\r\n", "-0\r\n\r\n"),
        (
            "transfer-encoding: chunked\r\n",
            "ffffffffffffffff1\r\n\r\n",
        ),
        ("transfer-encoding: chunked\r\n", "5\r\nhelloXX0\r\n\r\n"),
        ("transfer-encoding: chunked\r\n", "0\r\nbad trailer\r\n\r\n"),
    ];
    join_all(corpus.map(|(lengths, body)| async move {
        let head = format!("POST /outer HTTP/1.1\r\nhost: outer\r\n{lengths}");
        let answered = targets(&head, body).await;
        assert!(
            !answered.contains(&"/smuggled".to_owned()),
            "{lengths:?} {body:?}: {answered:?}"
        );
        assert!(answered.len() <= 1, "{lengths:?}: {answered:?}");
    }))
    .await;
}

#[tokio::test]
async fn an_old_client_cannot_be_chunked() {
    let answered = targets(
        "POST /outer HTTP/1.0\r\ntransfer-encoding: chunked\r\n",
        "0\r\n\r\n",
    )
    .await;
    assert!(answered.is_empty(), "{answered:?}");
}

#[tokio::test]
async fn honest_requests_in_one_breath_are_each_answered_once() {
    let body = "hello";
    let outer = format!(
        "POST /outer HTTP/1.1\r\nhost: outer\r\ncontent-length: {}\r\n",
        body.len()
    );
    assert_eq!(targets(&outer, body).await, ["/outer", "/smuggled"]);
    // Equal lengths twice are one length (RFC 9110 §8.6), and line feeds alone end lines for everybody (RFC 9112 §2.2).
    let twice = "POST /outer HTTP/1.1\nhost: outer\ncontent-length: 5\ncontent-length: 5\n";
    assert_eq!(targets(twice, body).await, ["/outer", "/smuggled"]);
}

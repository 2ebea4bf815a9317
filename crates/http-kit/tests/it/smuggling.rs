//! D1: whatever a request says about its length, nothing of it is read as another request.

use std::time::Duration;

use forebay_http_kit::ServeLimits;
use futures::future::join_all;

use super::wire::{Served, ok};

const INNER: &str = "GET /smuggled HTTP/1.1\r\nhost: inner\r\n\r\n";

/// A server whose handler reads bodies, or answers without a look at them.
fn served(reads_bodies: bool) -> Served {
    // Whatever waits for more is closed soon.
    let limits = ServeLimits {
        header_timeout: Duration::from_millis(200),
        keep_alive_idle: Duration::from_millis(200),
        body_idle: Duration::from_millis(200),
        ..ServeLimits::default()
    };
    Served::start(limits, move |request, _| async move {
        if !reads_bodies {
            return ok("unread");
        }
        let read = request.into_body().read_capped(4096).await;
        ok(format!("{}", read.is_ok()))
    })
}

/// Sends head and body and then, in the same breath, what would be a second request; and gives the targets that were answered.
async fn targets(head: &str, body: &str) -> Vec<String> {
    targets_of(served(true), head, body).await
}

async fn targets_of(served: Served, head: &str, body: &str) -> Vec<String> {
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

/// Heads that say a body's length in two ways or in a way that could be read in two, each with a body that ends by one of them.
const OF_TWO_LENGTHS: &[(&str, &str)] = &[
    (
        "transfer-encoding: chunked\r\ncontent-length: 4\r\n",
        "0\r\n\r\n",
    ),
    (
        "Transfer-Encoding:chunked\r\nX: y\r\nCONTENT-LENGTH:5\r\n",
        "0\r\n\r\n",
    ),
    (
        "content-length: 5\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n",
        "0\r\n\r\n",
    ),
    (
        "transfer-encoding: chunked\r\ncontent-length: none\r\n",
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
    ("transfer-encoding: identity, chunked\r\n", "0\r\n\r\n"),
    ("transfer-encoding: gzip, chunked\r\n", "0\r\n\r\n"),
    ("transfer-encoding: chunked, chunked\r\n", "0\r\n\r\n"),
    ("transfer-encoding: , chunked\r\n", "0\r\n\r\n"),
    ("transfer-encoding: Chunked\r\n", "0\r\n\r\n"),
    ("transfer-encoding: CHUNKED\r\n", "0\r\n\r\n"),
    ("transfer-encoding: \"chunked\"\r\n", "0\r\n\r\n"),
    ("transfer-encoding: chunked;q=1\r\n", "0\r\n\r\n"),
    ("transfer-encoding:\r\n chunked\r\n", "0\r\n\r\n"),
    ("transfer-encoding: chunked\r\n \r\n", "0\r\n\r\n"),
    ("transfer-encoding: chunked\0\r\n", "0\r\n\r\n"),
    ("transfer-encoding\t: chunked\r\n", "0\r\n\r\n"),
    ("transfer-encoding: \x0cchunked\r\n", "0\r\n\r\n"),
    // Several of them, whatever they say.
    (
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
        "0\r\n\r\n",
    ),
    (
        "transfer-encoding: identity\r\ntransfer-encoding: chunked\r\n",
        "0\r\n\r\n",
    ),
    (
        "transfer-encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "0\r\n\r\n",
    ),
    (
        "transfer-encoding: chunked\r\ntransfer-encoding:\r\n",
        "0\r\n\r\n",
    ),
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
    (
        "transfer-encoding: chunked\r\n",
        "5;a\nb\r\nhello\r\n0\r\n\r\n",
    ),
    ("transfer-encoding: chunked\r\n", "5\nhello\n0\n\n"),
    ("transfer-encoding: chunked\r\n", "\r\n0\r\n\r\n"),
    ("transfer-encoding: chunked\r\n", "6\r\nhello\r\n0\r\n\r\n"),
];

#[tokio::test]
async fn a_request_of_two_lengths_ends_its_connection() {
    let chunked = format!("{:x}\r\n{INNER}\r\n0\r\n\r\n", INNER.len());
    // Content-Length and Transfer-Encoding, in both orders.
    let both = [
        (
            "content-length: 0\r\ntransfer-encoding: chunked\r\n",
            chunked.as_str(),
        ),
        (
            "transfer-encoding: chunked\r\ncontent-length: 0\r\n",
            &chunked,
        ),
    ];
    let corpus = both.iter().chain(OF_TWO_LENGTHS);
    join_all(corpus.map(|(lengths, body)| async move {
        let head = format!("POST /outer HTTP/1.1\r\nhost: outer\r\n{lengths}");
        for reads_bodies in [true, false] {
            let answered = targets_of(served(reads_bodies), &head, body).await;
            assert!(
                !answered.contains(&"/smuggled".to_owned()),
                "{lengths:?} {body:?}: {answered:?}"
            );
            assert!(answered.len() <= 1, "{lengths:?}: {answered:?}");
        }
    }))
    .await;
}

/// Whoever asked is told so, and waits for no second answer.
#[tokio::test]
async fn an_answer_to_a_request_of_two_lengths_says_that_it_is_the_last() {
    for lengths in [
        "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
        "content-length: 5\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: Chunked\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: gzip, chunked\r\n",
    ] {
        let served = served(true);
        let mut wire = served.connect().await;
        wire.send(format!(
            "POST /outer HTTP/1.1\r\nhost: outer\r\n{lengths}\r\n0\r\n\r\n"
        ))
        .await;
        let answer = wire.read_all().await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{lengths}: {answer}");
        assert!(answer.contains("connection: close"), "{lengths}: {answer}");
    }
}

/// docker sends each layer so, and the next one by the same connection.
#[tokio::test]
async fn a_body_in_chunks_leaves_its_connection_open() {
    for encoding in [
        "transfer-encoding: chunked",
        "Transfer-Encoding: chunked",
        "TRANSFER-ENCODING:chunked",
        "transfer-encoding:\tchunked \t",
    ] {
        let served = served(true);
        let mut wire = served.connect().await;
        for body in ["5\r\nhello\r\n0\r\n\r\n", "0\r\n\r\n"] {
            wire.send(format!(
                "POST /outer HTTP/1.1\r\nhost: outer\r\n{encoding}\r\n\r\n{body}"
            ))
            .await;
            let answer = wire.read_answer(false).await;
            assert!(answer.ends_with("\r\n\r\ntrue"), "{encoding}: {answer}");
            assert!(!answer.contains("connection:"), "{encoding}: {answer}");
        }
        assert!(wire.get("/next").await.starts_with("HTTP/1.1 200 OK"));
        let asked = served.lines(3).await;
        let asked: Vec<_> = asked.into_iter().map(|line| line.target).collect();
        assert_eq!(asked, ["/outer", "/outer", "/next"], "{encoding}");
    }
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
    // A request within a body is none, and the one after it is.
    let chunked = "POST /outer HTTP/1.1\r\nhost: outer\r\ntransfer-encoding: chunked\r\n";
    let within = format!("{:x}\r\n{INNER}\r\n0\r\n\r\n", INNER.len());
    let answered = targets(chunked, &within).await;
    assert_eq!(answered, ["/outer", "/smuggled"]);
    // Equal lengths twice are one length (RFC 9110 §8.6), and line feeds alone end lines for everybody (RFC 9112 §2.2).
    let twice = "POST /outer HTTP/1.1\nhost: outer\ncontent-length: 5\ncontent-length: 5\n";
    assert_eq!(targets(twice, body).await, ["/outer", "/smuggled"]);
}

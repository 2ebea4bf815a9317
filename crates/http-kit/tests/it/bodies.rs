//! Bodies of answers: cut, stalled, dripped, endless, malformed. A15 and the faults 1, 3, 6.

use std::time::Duration;

use forebay_http_kit::{BodyError, Reply};

use super::upstream::{Step, Upstream, answer, get};

/// Sends a head and then does `rest`.
async fn reply_of(head: &'static str, rest: Vec<Step>) -> Reply {
    let upstream = Upstream::start(move |_| {
        let mut steps = answer(head, "");
        steps.extend(rest.clone());
        steps
    })
    .await;
    upstream
        .client()
        .send(get(upstream.url("/blob")))
        .await
        .unwrap()
}

async fn failure_of(head: &'static str, rest: Vec<Step>) -> BodyError {
    reply_of(head, rest)
        .await
        .body
        .read_capped(1 << 20)
        .await
        .unwrap_err()
}

fn send(bytes: &str) -> Step {
    Step::Send(bytes.as_bytes().to_vec())
}

#[tokio::test]
async fn a_body_that_is_cut_is_never_a_whole_one() {
    let by_length = failure_of(
        "200 OK\r\ncontent-length: 10",
        vec![send("1234"), Step::Close],
    )
    .await;
    assert!(
        matches!(by_length, BodyError::Cut { received: 4 }),
        "{by_length:?}"
    );
    let by_chunks = failure_of(
        "200 OK\r\ntransfer-encoding: chunked",
        vec![send("4\r\n1234\r\n"), Step::Close],
    )
    .await;
    assert!(
        matches!(by_chunks, BodyError::Cut { received: 4 }),
        "{by_chunks:?}"
    );
    let in_chunk = failure_of(
        "200 OK\r\ntransfer-encoding: chunked",
        vec![send("8\r\n1234"), Step::Close],
    )
    .await;
    assert!(
        matches!(in_chunk, BodyError::Cut { received: 4 }),
        "{in_chunk:?}"
    );
}

#[tokio::test]
async fn a_body_without_a_length_ends_with_its_connection() {
    let reply = reply_of("200 OK", vec![send("12345"), Step::Close]).await;
    assert_eq!(reply.body.remaining(), None);
    assert_eq!(&reply.body.read_capped(100).await.unwrap()[..], b"12345");
}

#[tokio::test]
async fn bytes_beyond_the_length_are_no_part_of_the_body() {
    let reply = reply_of(
        "200 OK\r\ncontent-length: 3",
        vec![send("123456"), Step::Hang],
    )
    .await;
    assert_eq!(reply.body.remaining(), Some(3));
    assert_eq!(&reply.body.read_capped(100).await.unwrap()[..], b"123");
}

#[tokio::test]
async fn a_malformed_chunk_is_told_from_a_cut() {
    for chunk in [
        "zz\r\n1234\r\n",
        "4\r\n1234567\r\n",
        "ffffffffffffffffff\r\n1",
    ] {
        let error = failure_of(
            "200 OK\r\ntransfer-encoding: chunked",
            vec![send(chunk), Step::Hang],
        )
        .await;
        assert!(
            matches!(error, BodyError::Malformed { .. }),
            "{chunk}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_stall_is_told_from_a_drip() {
    let stalled = failure_of(
        "200 OK\r\ncontent-length: 10",
        vec![send("1234"), Step::Hang],
    )
    .await;
    assert!(
        matches!(stalled, BodyError::Idle { received: 4 }),
        "{stalled:?}"
    );
    let dripping = failure_of(
        "200 OK\r\ncontent-length: 100000",
        vec![Step::Drip(b'x', Duration::from_millis(10))],
    )
    .await;
    assert!(
        matches!(dripping, BodyError::TooSlow { .. }),
        "{dripping:?}"
    );
}

#[tokio::test]
async fn a_reader_that_takes_its_time_does_not_make_the_peer_slow() {
    let mut reply = reply_of(
        "200 OK\r\ncontent-length: 3000000",
        vec![Step::Send(vec![b'x'; 3_000_000]), Step::Hang],
    )
    .await;
    let mut received = 0;
    while let Some(chunk) = reply.body.next_chunk().await {
        received += chunk.unwrap().len();
        if received < 400_000 {
            // Longer than the idle time-out and the window of the rate.
            tokio::time::sleep(Duration::from_millis(450)).await;
        }
    }
    assert_eq!(received, 3_000_000);
}

#[tokio::test]
async fn an_endless_body_is_read_up_to_the_cap_and_no_further() {
    for head in [
        "200 OK",
        "404 Not Found",
        "200 OK\r\ncontent-length: 99999999999",
    ] {
        let reply = reply_of(head, vec![Step::Flood(vec![b'x'; 65536])]).await;
        let error = reply.body.read_capped(100_000).await.unwrap_err();
        assert!(
            matches!(error, BodyError::TooLarge { limit: 100_000 }),
            "{error:?}"
        );
    }
    let exact = reply_of("200 OK\r\ncontent-length: 5", vec![send("12345")]).await;
    assert_eq!(exact.body.read_capped(5).await.unwrap().len(), 5);
}

#[tokio::test]
async fn after_an_error_a_body_has_ended() {
    let mut reply = reply_of(
        "200 OK\r\ncontent-length: 10",
        vec![send("1234"), Step::Close],
    )
    .await;
    assert_eq!(reply.body.next_chunk().await.unwrap().unwrap(), "1234");
    assert!(reply.body.next_chunk().await.unwrap().is_err());
    assert!(reply.body.next_chunk().await.is_none());
    assert_eq!(reply.body.received(), 4);
}

//! Heads of answers: malformed, missing, late, compressed; and connections that were closed meanwhile.

use std::time::Duration;

use forebay_http_kit::{MALFORMED_HEAD_BYTES, Outgoing, SendError, Stage};
use http::{Method, StatusCode};

use super::upstream::{Step, Upstream, answer, get, ok};

async fn head_of_malformed(bytes: &'static [u8]) -> Vec<u8> {
    let upstream = Upstream::start(move |_| vec![Step::Send(bytes.to_vec()), Step::Close]).await;
    match upstream.client().send(get(upstream.url("/v2/"))).await {
        Err(SendError::Malformed { head, .. }) => head.to_vec(),
        other => panic!("{other:?} to {}", String::from_utf8_lossy(bytes)),
    }
}

#[tokio::test]
async fn the_abuse_limit_of_docker_hub_is_handed_out_as_it_came() {
    let forms: [&[u8]; 6] = [
        b"HTTP/1.0 429 Too Many Requests\nCache-Control: no-cache\nConnection: close\nContent-Type: text/plain\nretry-after: 60\nToo Many Requests (HAP429).\n",
        b"HTTP/1.0 429 Too Many Requests\r\nretry-after: 60\r\nToo Many Requests (HAP429).\r\n\r\n",
        b"HTTP/1.1 429 Too Many Requests\nToo Many Requests (HAP429).\n\n",
        b"Too Many Requests (HAP429).\n",
        // Cut inside of its head.
        b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 60\r\nx-hap429: HAP429\r\n",
        b"<html>HAP429</html>",
    ];
    for form in forms {
        assert_eq!(head_of_malformed(form).await, form);
    }
}

#[tokio::test]
async fn heads_that_lie_about_their_body_are_malformed() {
    for head in [
        "content-length: -1",
        "content-length: 99999999999999999999999",
        "content-length: 5\r\ncontent-length: 6",
        "content-length: x",
    ] {
        let upstream =
            Upstream::start(move |_| answer(&format!("200 OK\r\n{head}"), "hello")).await;
        let outcome = upstream.client().send(get(upstream.url("/"))).await;
        assert!(
            matches!(outcome, Err(SendError::Malformed { .. })),
            "{head}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_well_formed_head_with_bare_line_feeds_is_read() {
    let bytes = b"HTTP/1.1 429 Too Many Requests\nretry-after: 60\ncontent-type: text/plain\nconnection: close\n\nToo Many Requests (HAP429).\n";
    let upstream = Upstream::start(|_| vec![Step::Send(bytes.to_vec()), Step::Close]).await;
    let reply = upstream
        .client()
        .send(get(upstream.url("/")))
        .await
        .unwrap();
    assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(reply.headers["retry-after"], "60");
    assert_eq!(
        &reply.body.read_capped(100).await.unwrap()[..],
        b"Too Many Requests (HAP429).\n"
    );
}

#[tokio::test]
async fn of_an_endless_head_only_its_beginning_is_kept() {
    let upstream = Upstream::start(|_| {
        vec![
            Step::Send(b"HTTP/1.1 200 OK\r\n".to_vec()),
            Step::Flood(b"x-header: value\r\n".repeat(100)),
        ]
    })
    .await;
    match upstream.client().send(get(upstream.url("/"))).await {
        Err(SendError::Malformed { head, .. }) => assert_eq!(head.len(), MALFORMED_HEAD_BYTES),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_upstream_that_hangs_or_drips_its_head_is_given_up() {
    let scripts = [
        vec![Step::Hang],
        vec![
            Step::Send(b"HTTP/1.1 200 OK\r\nx: ".to_vec()),
            Step::Drip(b'y', Duration::from_millis(20)),
        ],
        vec![Step::Flood(b"HTTP/1.1 102 Processing\r\n\r\n".to_vec())],
    ];
    for script in scripts {
        let steps = script.clone();
        let upstream = Upstream::start(move |_| steps.clone()).await;
        let outcome = upstream.client().send(get(upstream.url("/"))).await;
        let is_right = match &script[0] {
            // However hyper ends an endless row of interim answers, it ends.
            Step::Flood(_) => outcome.is_err(),
            _ => matches!(
                outcome,
                Err(SendError::TimedOut {
                    stage: Stage::Header,
                    ..
                })
            ),
        };
        assert!(is_right, "{script:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_connection_that_closes_without_an_answer_says_so() {
    let upstream = Upstream::start(|_| vec![Step::Close]).await;
    let outcome = upstream.client().send(get(upstream.url("/"))).await;
    assert!(
        matches!(outcome, Err(SendError::Closed { .. })),
        "{outcome:?}"
    );
    assert_eq!(
        upstream.seen().len(),
        1,
        "a new connection's failure is not retried here"
    );
}

/// Answers the first request of each connection and closes it at the second, without a word.
fn forgetful(seen: &super::upstream::Seen) -> Vec<Step> {
    if seen.number == 1 {
        vec![Step::Close]
    } else {
        ok("hello")
    }
}

#[tokio::test]
async fn a_read_on_a_connection_that_was_closed_meanwhile_is_sent_again_on_a_new_one() {
    for method in [Method::GET, Method::HEAD] {
        let upstream = Upstream::start(forgetful).await;
        let client = upstream.client();
        client
            .send(get(upstream.url("/1")))
            .await
            .unwrap()
            .body
            .read_capped(10)
            .await
            .unwrap();
        let reply = client
            .send(Outgoing::new(method, upstream.url("/2")))
            .await
            .unwrap();
        assert_eq!(reply.status, StatusCode::OK);
        let connections: Vec<_> = upstream.seen().iter().map(|seen| seen.connection).collect();
        assert_eq!(connections, [0, 0, 1]);
    }
}

#[tokio::test]
async fn a_write_on_a_connection_that_was_closed_meanwhile_is_not_sent_twice() {
    let upstream = Upstream::start(forgetful).await;
    let client = upstream.client();
    client
        .send(get(upstream.url("/1")))
        .await
        .unwrap()
        .body
        .read_capped(10)
        .await
        .unwrap();
    let outcome = client
        .send(Outgoing::new(Method::POST, upstream.url("/2")))
        .await;
    assert!(
        matches!(outcome, Err(SendError::Closed { .. })),
        "{outcome:?}"
    );
    assert_eq!(upstream.seen().len(), 2);
}

#[tokio::test]
async fn a_compressed_body_is_refused_and_an_error_still_tells_its_status() {
    let upstream = Upstream::start(|seen| match seen.path() {
        "/identity" => answer(
            "200 OK\r\ncontent-encoding: identity\r\ncontent-length: 2",
            "ok",
        ),
        "/limit" => answer(
            "429 Too Many\r\ncontent-encoding: gzip\r\nretry-after: 7\r\ncontent-length: 3",
            "\x1f\x08!",
        ),
        _ => answer(
            "200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3",
            "\x1f\x08!",
        ),
    })
    .await;
    let client = upstream.client();
    let bomb = client.send(get(upstream.url("/bomb"))).await;
    let is_right = matches!(&bomb, Err(SendError::ContentEncoding { encoding, status: StatusCode::OK, .. }) if encoding == "gzip");
    assert!(is_right, "{bomb:?}");
    let limit = client.send(get(upstream.url("/limit"))).await.unwrap();
    assert_eq!(
        (
            limit.status.as_u16(),
            limit.headers["retry-after"].to_str().unwrap()
        ),
        (429, "7")
    );
    assert!(limit.body.read_capped(10).await.unwrap().is_empty());
    assert!(client.send(get(upstream.url("/identity"))).await.is_ok());
}

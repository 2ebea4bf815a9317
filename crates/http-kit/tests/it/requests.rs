//! What comes in: bodies with their caps, Unix sockets, peers.

use std::time::Duration;

use forebay_http_kit::{Listener, RequestBodyError, ServeLimits};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, UnixStream};
use tokio::time::interval;

use super::wire::{Served, Wire, ok, within};

fn reading(limits: ServeLimits) -> Served {
    Served::start(limits, |request, _| async move {
        let (parts, body) = request.into_parts();
        if parts.uri.path() == "/ignores" {
            return ok("ignored");
        }
        let (status, text) = match body.read_capped(10).await {
            Ok(body) => (StatusCode::OK, format!("got {}", body.len())),
            Err(error @ RequestBodyError::TooLarge { .. }) => {
                (StatusCode::PAYLOAD_TOO_LARGE, error.to_string())
            }
            Err(error @ (RequestBodyError::Slow { .. } | RequestBodyError::NoRoom)) => {
                (StatusCode::SERVICE_UNAVAILABLE, error.to_string())
            }
            Err(error @ RequestBodyError::Idle) => (StatusCode::REQUEST_TIMEOUT, error.to_string()),
            Err(error @ RequestBodyError::Cut) => (StatusCode::BAD_REQUEST, error.to_string()),
        };
        let mut response = ok(text);
        *response.status_mut() = status;
        response
    })
}

#[tokio::test]
async fn a_client_that_speaks_tls_to_us_is_told_at_once() {
    // dockerd, podman and skopeo try https first: each second that this takes is a second of every pull.
    let served = reading(ServeLimits::default());
    let mut wire = served.connect().await;
    wire.0
        .write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        .await
        .unwrap();
    let answer = wire.read_all().await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn a_body_is_read_up_to_its_cap() {
    let served = reading(ServeLimits::default());
    let mut wire = served.connect().await;
    wire.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\n0123456789")
        .await;
    assert!(wire.read_answer(false).await.ends_with("got 10"));
    wire.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 11\r\n\r\n01234567890")
        .await;
    assert!(wire.read_answer(false).await.starts_with("HTTP/1.1 413 "));
}

#[tokio::test]
async fn an_endless_body_is_answered_and_cut() {
    let served = reading(ServeLimits::default());
    let mut wire = served.connect().await;
    wire.send("POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n")
        .await;
    let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    within(async { while wire.0.write_all(chunk.as_bytes()).await.is_ok() {} }).await;
    assert_eq!(served.lines(1).await[0].status, 413);
}

#[tokio::test]
async fn a_body_that_stalls_is_given_up() {
    let served = reading(ServeLimits {
        body_idle: Duration::from_millis(50),
        ..ServeLimits::default()
    });
    let mut wire = served.connect().await;
    wire.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\n0123")
        .await;
    assert!(wire.read_answer(false).await.starts_with("HTTP/1.1 408 "));
}

#[tokio::test]
async fn a_body_that_drips_is_given_up_and_one_that_is_only_slow_is_read_to_its_end() {
    let limits = ServeLimits {
        body_idle: Duration::from_secs(3),
        ..ServeLimits::default()
    };
    let served = Served::start(limits, |request, _| async move {
        let (mut body, mut length) = (request.into_body(), 0);
        while let Some(chunk) = body.next_chunk().await {
            match chunk {
                Ok(chunk) => length += chunk.len(),
                Err(error) => return ok(error.to_string()),
            }
        }
        ok(format!("got {length}"))
    });
    let head = "POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n";
    let mut drips = served.connect().await;
    drips.send(head).await;
    let mut often = interval(Duration::from_millis(20));
    let mut answer = [0; 12];
    within(async {
        loop {
            tokio::select! {
                read = drips.0.read_exact(&mut answer) => break read.map(drop),
                _ = often.tick() => drips.0.write_all(b"1\r\nx\r\n").await.unwrap_or_default(),
            }
        }
    })
    .await
    .unwrap();
    assert!(
        drips
            .read_all()
            .await
            .contains("the request's body stalled")
    );

    let mut slow = served.connect().await;
    slow.send(head).await;
    let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    for _ in 0..160 {
        often.tick().await;
        slow.send(&chunk).await;
    }
    slow.send("0\r\n\r\n").await;
    assert!(slow.read_answer(false).await.ends_with("got 2621440"));
}

#[tokio::test]
async fn a_body_that_nobody_reads_is_no_request() {
    let served = reading(ServeLimits::default());
    let inner = "GET /smuggled HTTP/1.1\r\nhost: test\r\n\r\n";
    // The body comes after the answer: the connection must not take it for a request.
    let mut wire = served.connect().await;
    wire.send(format!(
        "GET /ignores HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n",
        inner.len()
    ))
    .await;
    assert!(wire.read_answer(false).await.ends_with("ignored"));
    let _ = wire.0.write_all(inner.as_bytes()).await;
    assert_eq!(wire.read_all().await, "");
    // With the head: it is drained, and the next request is read.
    let mut wire = served.connect().await;
    wire.send(format!(
        "GET /ignores HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n{inner}",
        inner.len()
    ))
    .await;
    assert!(wire.read_answer(false).await.ends_with("ignored"));
    assert!(wire.get("/ignores").await.ends_with("ignored"));
    let lines = served.lines(3).await;
    assert!(
        lines.iter().all(|line| line.target == "/ignores"),
        "{lines:?}"
    );
}

#[tokio::test]
async fn a_unix_socket_serves_the_same_and_its_peers_have_no_address() {
    let served = Served::start(ServeLimits::default(), |_, peer| async move {
        ok(format!("{:?}", peer.address))
    });
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("control.sock");
    served
        .server
        .serve(Listener::bind_unix(&path).unwrap(), &served.supervisor);
    let mut wire = UnixStream::connect(&path).await.unwrap();
    wire.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    within(wire.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.ends_with("\r\n\r\nNone"), "{answer}");
    assert!(!served.lines(1).await[0].has_address);
    assert!(
        served
            .connect()
            .await
            .get("/")
            .await
            .contains("Some(127.0.0.1:")
    );
}

#[tokio::test]
async fn a_request_for_no_one_host_is_answered_400_and_ends_its_connection() {
    let served = reading(ServeLimits::default());
    for head in [
        "GET / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n",
        "GET / HTTP/1.1\r\nhost: a b\r\n",
        "GET http://user@a/ HTTP/1.1\r\nhost: a\r\n",
    ] {
        let mut wire = served.connect().await;
        wire.send(format!("{head}\r\nGET /next HTTP/1.1\r\nhost: a\r\n\r\n"))
            .await;
        let answer = wire.read_all().await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{head}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    }
}

#[tokio::test]
async fn a_body_that_does_not_end_has_its_time_however_patient_we_are_between_its_bytes() {
    let served = reading(ServeLimits {
        body_within: Duration::from_millis(200),
        ..ServeLimits::default()
    });
    let mut wire = served.connect().await;
    wire.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\n012345678")
        .await;
    let answer = wire.read_all().await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("did not come within"), "{answer}");
}

#[tokio::test]
async fn one_address_holds_no_more_than_its_share_of_what_is_held_and_others_are_read() {
    const BODY: usize = 64 * 1024;
    let (release, released) = tokio::sync::watch::channel(false);
    let limits = ServeLimits {
        max_buffered_bytes: 4 * BODY,
        ..ServeLimits::default()
    };
    let served = Served::start(limits, move |request, _| {
        let mut released = released.clone();
        async move {
            match request.into_body().read_capped(BODY).await {
                Ok(body) => {
                    let _ = released.wait_for(|is_over| *is_over).await;
                    ok(format!("got {}", body.len()))
                }
                Err(error) => ok(error.to_string()),
            }
        }
    });
    let post = async |from: [u8; 4]| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        let mut wire = Wire(socket.connect(served.address).await.unwrap());
        let head = format!("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: {BODY}\r\n\r\n");
        wire.send(head).await;
        wire.send(vec![b'x'; BODY]).await;
        wire
    };
    let mut greedy = Vec::new();
    for _ in 0..6 {
        greedy.push(post([127, 0, 0, 1]).await);
    }
    // Two of the six have the share; which, is a matter of turns.
    let answers = greedy.iter_mut().map(|wire| wire.read_answer(false));
    let mut answers: FuturesUnordered<_> = answers.collect();
    for _ in 0..4 {
        let answer = answers.next().await.unwrap();
        assert!(answer.contains("as many bytes"), "{answer}");
    }
    let mut other = post([127, 0, 0, 2]).await;
    release.send(true).unwrap();
    while let Some(answer) = answers.next().await {
        assert!(answer.ends_with(&format!("got {BODY}")), "{answer}");
    }
    let answer = other.read_answer(false).await;
    assert!(answer.ends_with(&format!("got {BODY}")), "{answer}");
    let mut again = post([127, 0, 0, 1]).await;
    let answer = again.read_answer(false).await;
    assert!(answer.ends_with(&format!("got {BODY}")), "{answer}");
}

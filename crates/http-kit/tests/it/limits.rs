//! D3, fault 46: half-open, idle, stalled and too many connections.

use std::time::Duration;

use bytes::Bytes;
use forebay_http_kit::{Body, MAX_TARGET_BYTES, ServeLimits};
use futures::future::join_all;
use futures::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::wire::{Served, Wire, ok, within};

const SHORT: Duration = Duration::from_millis(200);

fn served(limits: ServeLimits) -> Served {
    Served::start(limits, |request, _| async move {
        if request.uri().path() == "/endless" {
            let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
            return ok(Body::stream(
                stream::repeat_with(move || Ok::<_, std::io::Error>(chunk.clone())),
                None,
            ));
        }
        ok("hello")
    })
}

async fn is_closed(wire: &mut Wire) {
    wire.read_all().await;
}

#[tokio::test]
async fn half_open_connections_are_closed_and_the_others_are_served_meanwhile() {
    let served = served(ServeLimits {
        header_timeout: SHORT,
        ..ServeLimits::default()
    });
    let mut flood = Vec::new();
    for number in 0..400 {
        let mut wire = served.connect().await;
        let sent = [
            "",
            "GET",
            "GET / HTTP/1.1\r\nhost: x\r\n",
            "PRI * HTTP/2.0\r\n",
        ][number % 4];
        wire.send(sent).await;
        flood.push(wire);
    }
    assert!(served.connect().await.get("/").await.ends_with("hello"));
    join_all(flood.iter_mut().map(is_closed)).await;
    within(async {
        while served.server.open_connections() > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_head_that_drips_is_cut_on_a_used_connection_too() {
    let served = served(ServeLimits {
        header_timeout: SHORT,
        ..ServeLimits::default()
    });
    let mut wire = served.connect().await;
    assert!(wire.get("/").await.ends_with("hello"));
    within(async {
        while wire.0.write_all(b"G").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(served.lines(1).await.len(), 1);
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let served = served(ServeLimits {
        keep_alive_idle: SHORT,
        ..ServeLimits::default()
    });
    let mut wire = served.connect().await;
    assert!(wire.get("/").await.ends_with("hello"));
    is_closed(&mut wire).await;
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_cut() {
    let served = served(ServeLimits {
        write_stall: SHORT,
        ..ServeLimits::default()
    });
    let mut wire = served.connect().await;
    wire.send("GET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let line = &served.lines(1).await[0];
    assert!(!line.completed);
    // What the kernels had taken still comes; all else that was asked of the stream is the one chunk in memory.
    let mut taken = Vec::new();
    let _ = within(wire.0.read_to_end(&mut taken)).await;
    assert!(
        line.sent <= taken.len() as u64 + 64 * 1024,
        "{} {}",
        line.sent,
        taken.len()
    );
}

#[tokio::test]
async fn a_slow_reader_lives_as_long_as_it_moves() {
    let served = served(ServeLimits {
        write_stall: SHORT,
        ..ServeLimits::default()
    });
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    let mut wire = Wire(socket.connect(served.address).await.unwrap());
    wire.send("GET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let mut piece = vec![0; 64 * 1024];
    // Five times as long as one that takes nothing may stay.
    for _ in 0..50 {
        within(wire.0.read_exact(&mut piece)).await.unwrap();
        tokio::time::sleep(SHORT / 10).await;
    }
}

#[tokio::test]
async fn a_connection_too_many_hears_503_and_the_next_is_served_when_one_has_gone() {
    let limits = ServeLimits {
        max_connections: 2,
        ..ServeLimits::default()
    };
    let served = served(limits);
    let (mut first, mut second) = (served.connect().await, served.connect().await);
    first.get("/").await;
    second.get("/").await;
    let mut third = served.connect().await;
    let _ = third
        .0
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    let answer = third.read_all().await;
    assert!(
        answer.starts_with("HTTP/1.1 503 ") && answer.contains("connection: close\r\n"),
        "{answer}"
    );
    assert!(
        answer.contains("retry-after: 1\r\n") && answer.ends_with(r#"{"refused":503}"#),
        "{answer}"
    );
    drop(first);
    within(async {
        loop {
            let mut next = served.connect().await;
            let _ = next
                .0
                .write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
                .await;
            if next.read_all().await.ends_with("hello") {
                return;
            }
        }
    })
    .await;
    assert!(second.get("/").await.ends_with("hello"));
}

#[tokio::test]
async fn a_target_or_a_head_that_is_too_long_is_answered_as_such() {
    let served = served(ServeLimits::default());
    let long = format!("/{}", "a".repeat(MAX_TARGET_BYTES));
    let mut wire = served.connect().await;
    assert!(wire.get(&long).await.starts_with("HTTP/1.1 414 "));
    assert!(
        wire.get(&long[..MAX_TARGET_BYTES])
            .await
            .starts_with("HTTP/1.1 200 ")
    );
    for headers in [
        format!("x: {}\r\n", "a".repeat(70 * 1024)),
        "x: y\r\n".repeat(101),
    ] {
        let mut wire = served.connect().await;
        let _ = wire
            .0
            .write_all(format!("GET / HTTP/1.1\r\n{headers}\r\n").as_bytes())
            .await;
        let answer = wire.read_all().await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
}

#[tokio::test]
async fn what_is_not_http_is_answered_400_or_closed() {
    let served = served(ServeLimits::default());
    let noise: [&[u8]; 5] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\n",
        b"GET\n\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\0\0\0\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
    ];
    for bytes in noise {
        let mut wire = served.connect().await;
        wire.send(bytes).await;
        let answer = wire.read_all().await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 400 "),
            "{bytes:?}: {answer}"
        );
    }
    assert!(served.lines(0).await.is_empty());
}

/// More than are heard out at once.
const SILENT: usize = 200;

#[tokio::test]
async fn many_silent_connections_keep_nobody_from_hearing_503() {
    let limits = ServeLimits {
        max_connections: 2,
        ..ServeLimits::default()
    };
    let served = served(limits);
    let mut silent = Vec::new();
    for _ in 0..SILENT {
        silent.push(served.connect().await);
    }
    for _ in 0..3 {
        let mut next = served.connect().await;
        next.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        let answer = next.read_all().await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    }
}

//! D2, D3 over TLS: half-open, slow, stalled and hostile connections are bounded as they are in clear.

use std::time::Duration;

use forebay_http_kit::ServeLimits;
use futures::FutureExt;
use futures::future::join_all;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::client::TlsStream;

use super::secure::{Speaker, served};
use super::tls::authority;
use super::wire::{Served, Wire, within};

const SHORT: Duration = Duration::from_millis(200);

/// Limits of which `change` makes some short.
fn limits(change: impl FnOnce(&mut ServeLimits)) -> ServeLimits {
    let mut limits = ServeLimits::default();
    change(&mut limits);
    limits
}

async fn until_open(served: &Served, most: usize) {
    within(async {
        while served.server.open_connections() > most {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// A record that claims a hello of 512 bytes and has little of it; one that has all of it, and it is none; and less than either.
const BEGINNINGS: [&[u8]; 4] = [
    b"",
    b"\x16",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
    b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03",
];

#[tokio::test]
async fn half_open_handshakes_are_closed_and_the_others_are_served_meanwhile() {
    let authority = authority();
    let (served, _tls) = served(
        &authority,
        limits(|limits| limits.header_timeout = SHORT * 5),
    );
    let speaker = Speaker::believing(&authority);
    let mut flood = Vec::new();
    for number in 0..400 {
        let mut wire = served.connect().await;
        wire.send(BEGINNINGS[number % BEGINNINGS.len()]).await;
        flood.push(wire);
    }
    assert!(speaker.get(&served, "/").await.unwrap().ends_with("hello"));
    join_all(flood.iter_mut().map(Wire::read_all)).await;
    until_open(&served, 0).await;
    assert_eq!(served.lines(1).await.len(), 1);
}

/// The socket of one that has closed its side stays readable: that must wake nobody again and again.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_hello_that_ends_before_it_is_whole_is_closed_at_once() {
    let authority = authority();
    let endless = limits(|limits| limits.header_timeout = Duration::from_hours(1));
    let (served, _tls) = served(&authority, endless);
    for beginning in BEGINNINGS {
        let mut wire = served.connect().await;
        wire.send(beginning).await;
        wire.0.shutdown().await.unwrap();
        assert!(wire.read_all().await.is_empty());
    }
    until_open(&served, 0).await;
    let speaker = Speaker::believing(&authority);
    assert!(speaker.get(&served, "/").await.unwrap().ends_with("hello"));
}

/// How many one address may have within a handshake, or after it without a request; and more than that.
const SHARE: usize = 128;
const SILENT: usize = 200;

#[tokio::test]
async fn who_shakes_hands_and_asks_nothing_holds_up_no_other_address() {
    let authority = authority();
    let endless = limits(|limits| limits.header_timeout = Duration::from_hours(1));
    let (served, _tls) = served(&authority, endless);
    let speaker = Speaker::believing(&authority);
    let mut silent: FuturesUnordered<_> = (0..SILENT).map(|_| speaker.connect(&served)).collect();
    let mut opened = Vec::new();
    while opened.len() < SHARE {
        opened.push(silent.next().await.unwrap().unwrap());
    }
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let socket = socket.connect(served.address).await.unwrap();
    let mut other = Wire(speaker.agree(socket).await.unwrap());
    assert!(other.get("/").await.ends_with("hello"));
    assert!(silent.next().now_or_never().is_none(), "its share is taken");
    drop(opened);
    assert!(
        within(silent.next()).await.unwrap().is_ok(),
        "a turn is free"
    );
    drop(silent);
    until_open(&served, 1).await;
}

#[tokio::test]
async fn a_head_that_drips_within_tls_is_cut() {
    let authority = authority();
    let (served, _tls) = served(&authority, limits(|limits| limits.header_timeout = SHORT));
    let mut stream = Speaker::believing(&authority)
        .connect(&served)
        .await
        .unwrap();
    within(async {
        while stream.write_all(b"G").await.is_ok() && stream.flush().await.is_ok() {
            tokio::time::sleep(SHORT / 10).await;
        }
    })
    .await;
    assert!(served.lines(0).await.is_empty());
}

#[tokio::test]
async fn a_body_that_stalls_is_given_up() {
    let authority = authority();
    let (served, _tls) = served(&authority, limits(|limits| limits.body_idle = SHORT));
    let mut wire = Wire(
        Speaker::believing(&authority)
            .connect(&served)
            .await
            .unwrap(),
    );
    wire.send("POST /read HTTP/1.1\r\nhost: test\r\ncontent-length: 100\r\n\r\nhalf")
        .await;
    assert!(wire.read_all().await.ends_with("Err(Idle)"));
}

#[tokio::test]
async fn an_idle_connection_is_closed_with_a_word() {
    let authority = authority();
    let (served, _tls) = served(&authority, limits(|limits| limits.keep_alive_idle = SHORT));
    let mut wire = Wire(
        Speaker::believing(&authority)
            .connect(&served)
            .await
            .unwrap(),
    );
    assert!(wire.get("/").await.ends_with("hello"));
    let mut rest = Vec::new();
    // Without a close_notify this were an error.
    within(wire.0.read_to_end(&mut rest)).await.unwrap();
}

async fn slow_reader(served: &Served, speaker: &Speaker) -> TlsStream<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    let socket = socket.connect(served.address).await.unwrap();
    speaker.agree(socket).await.unwrap()
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_cut() {
    let authority = authority();
    let (served, _tls) = served(&authority, limits(|limits| limits.write_stall = SHORT));
    let mut stream = slow_reader(&served, &Speaker::believing(&authority)).await;
    let request = b"GET /endless HTTP/1.1\r\nhost: test\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let line = &served.lines(1).await[0];
    assert!(!line.completed);
    let mut taken = Vec::new();
    assert!(
        within(stream.read_to_end(&mut taken)).await.is_err(),
        "no clean end"
    );
    // Beyond what the kernels had: the chunk in memory, and as much in rustls.
    assert!(
        line.sent <= taken.len() as u64 + 3 * 64 * 1024,
        "{} {}",
        line.sent,
        taken.len()
    );
}

#[tokio::test]
async fn a_slow_reader_lives_as_long_as_it_moves() {
    let authority = authority();
    let (served, _tls) = served(&authority, limits(|limits| limits.write_stall = SHORT));
    let mut stream = slow_reader(&served, &Speaker::believing(&authority)).await;
    let request = b"GET /endless HTTP/1.1\r\nhost: test\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut piece = vec![0; 64 * 1024];
    // Five times as long as one that takes nothing may stay.
    for _ in 0..50 {
        within(stream.read_exact(&mut piece)).await.unwrap();
        tokio::time::sleep(SHORT / 10).await;
    }
}

#[tokio::test]
async fn a_connection_too_many_is_closed_and_the_next_is_served_when_one_has_gone() {
    let authority = authority();
    let (served, _tls) = served(&authority, limits(|limits| limits.max_connections = 1));
    let speaker = Speaker::believing(&authority);
    let mut first = Wire(speaker.connect(&served).await.unwrap());
    assert!(first.get("/").await.ends_with("hello"));
    assert!(speaker.get(&served, "/").await.is_err());
    drop(first);
    within(async {
        while speaker.get(&served, "/").await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

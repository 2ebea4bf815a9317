//! D2: what a hostile HTTP/2 client sends without end, in clear and within TLS, while somebody else asks.
//!
//! Each attack is frames by hand. It must end its own connection before it has sent all that it would, and nobody else's.

use std::time::Duration;

use forebay_http_kit::ServeLimits;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::secure::{Speaker, answering};
use super::tls::{Authority, authority};
use super::wire::{Served, within};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Frame types and flags (RFC 9113 §6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// What this process may grow by for all floods, with both of their sides and the tests beside, in KiB: bodies and headers that were kept,
/// and not answered or cut, were 400 MB and more. Alone, it grows by 7 MB.
const MAX_GROWTH_KIB: u64 = 192 * 1024;

/// How often a flood's unit is sent before it counts as borne: some MB of frames each.
const FLOOD: u32 = 100_000;

/// `GET http://test/` out of HPACK's static table (RFC 7541, appendix A).
const GET: &[u8] = &[0x82, 0x86, 0x84, 0x41, 4, b't', b'e', b's', b't'];
/// `POST http://test/read`.
const POST_READ: &[u8] = &[
    0x83, 0x86, 0x44, 5, b'/', b'r', b'e', b'a', b'd', 0x41, 4, b't', b'e', b's', b't',
];

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// The number of the client's stream `index`.
fn stream(index: u32) -> u32 {
    2 * index + 1
}

struct Attack {
    name: &'static str,
    /// Sent once.
    opening: Vec<u8>,
    /// Sent again and again, with its number.
    unit: fn(u32) -> Vec<u8>,
    /// So often at most.
    times: u32,
}

/// A header that nobody knows, of 4,000 bytes, into the dynamic table, and then by its number.
fn bomb() -> Vec<u8> {
    let mut block = GET.to_vec();
    block.extend([0x40, 1, b'x', 0x7f, 0xa1, 0x1e]);
    block.extend([b'a'; 4000]);
    block.extend([0xbe; 12_000]);
    frame(HEADERS, END_HEADERS | END_STREAM, 1, &block)
}

fn attack(name: &'static str, opening: Vec<u8>, unit: fn(u32) -> Vec<u8>, times: u32) -> Attack {
    Attack {
        name,
        opening,
        unit,
        times,
    }
}

/// What is allowed once, and sent without end.
fn floods() -> Vec<Attack> {
    vec![
        attack(
            "resets of its own (CVE-2023-44487)",
            Vec::new(),
            |index| {
                let get = frame(HEADERS, END_HEADERS | END_STREAM, stream(index), GET);
                [get, frame(RST_STREAM, 0, stream(index), &[0, 0, 0, 8])].concat()
            },
            FLOOD,
        ),
        attack(
            "resets that we are made to send (CVE-2025-8671)",
            Vec::new(),
            |index| {
                let post = frame(HEADERS, END_HEADERS, stream(index), POST_READ);
                [post, frame(WINDOW_UPDATE, 0, stream(index), &[0; 4])].concat()
            },
            FLOOD,
        ),
        attack(
            "headers that go on (CVE-2024-27316)",
            frame(HEADERS, END_STREAM, 1, GET),
            |_| {
                let mut header = vec![0, 1, b'x', 0x7f, 0xa1, 0x1e];
                header.extend([b'a'; 4000]);
                frame(CONTINUATION, 0, 1, &header)
            },
            FLOOD,
        ),
        attack(
            "empty headers that go on",
            frame(HEADERS, END_STREAM, 1, GET),
            |_| frame(CONTINUATION, 0, 1, &[]),
            FLOOD,
        ),
        attack(
            "data that is none (RUSTSEC-2026-0258)",
            frame(HEADERS, END_HEADERS, 1, POST_READ),
            |_| frame(DATA, 0, 1, &[]),
            FLOOD,
        ),
        attack(
            "settings",
            Vec::new(),
            |_| frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 9]),
            10 * FLOOD,
        ),
        attack(
            "pings",
            Vec::new(),
            |_| frame(PING, 0, 0, &[7; 8]),
            10 * FLOOD,
        ),
        attack(
            "priorities",
            Vec::new(),
            |index| frame(PRIORITY, 0, stream(index % 9), &[0, 0, 0, 0, 9]),
            10 * FLOOD,
        ),
    ]
}

/// What is never allowed.
fn violations() -> Vec<Attack> {
    vec![
        attack(
            "more than its window",
            frame(HEADERS, END_HEADERS, 1, POST_READ),
            |_| frame(DATA, 0, 1, &[0; 16_384]),
            FLOOD,
        ),
        attack(
            "a frame that is too long",
            Vec::new(),
            |_| frame(DATA, 0, 1, &vec![0; 16_385]),
            100,
        ),
        attack(
            "a window beyond all windows",
            Vec::new(),
            |_| frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]),
            100,
        ),
        attack(
            "streams of the wrong side",
            Vec::new(),
            |index| frame(HEADERS, END_HEADERS | END_STREAM, 2 * index + 2, GET),
            100,
        ),
        attack(
            "indices of no header",
            Vec::new(),
            |index| {
                frame(
                    HEADERS,
                    END_HEADERS | END_STREAM,
                    stream(index),
                    &[0xff, 0xff, 0xff, 0xff, 0x7f],
                )
            },
            100,
        ),
    ]
}

/// Whoever asks nothing is cut in this time, whatever it sends.
fn limits() -> ServeLimits {
    ServeLimits {
        header_timeout: Duration::from_secs(5),
        write_stall: Duration::from_secs(5),
        body_idle: Duration::from_secs(2),
        ..ServeLimits::default()
    }
}

/// True if the attack's connection ended before it had sent all of it. What is answered is read and thrown away.
async fn is_ended<S>(connection: S, attack: Attack) -> bool
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (mut reader, mut writer) = tokio::io::split(connection);
    let tasks = forebay_jobs::Supervisor::new();
    tasks.spawn("drain", async move {
        let mut ignored = vec![0; 64 * 1024];
        while matches!(reader.read(&mut ignored).await, Ok(1..)) {}
    });
    let opening = [PREFACE, &frame(SETTINGS, 0, 0, &[]), &attack.opening].concat();
    let sending = async {
        if writer.write_all(&opening).await.is_err() {
            return true;
        }
        for index in 0..attack.times {
            if writer.write_all(&(attack.unit)(index)).await.is_err() {
                return true;
            }
        }
        let _ = writer.flush().await;
        // All was sent and taken by a kernel: whoever read it may be gone all the same.
        tasks.drain(super::wire::PATIENCE).await
    };
    within(sending).await
}

/// One request of somebody else.
async fn ask(served: &Served, speaker: &Speaker, is_secure: bool) -> std::io::Result<String> {
    if is_secure {
        return speaker.get(served, "/").await;
    }
    let mut wire = served.connect().await;
    let request = "GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n";
    wire.0.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    within(wire.0.read_to_string(&mut answer)).await?;
    Ok(answer)
}

fn secure(authority: &Authority) -> Served {
    let (served, tls) = super::secure::served(authority, limits());
    drop(served);
    answering(&tls, limits())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_flood_ends_its_own_connection_and_nobody_elses() {
    let authority = authority();
    let speaker = Speaker::believing(&authority).offering(&["h2"]);
    let bystander = Speaker::believing(&authority);
    let tasks = forebay_jobs::Supervisor::new();
    let before_kib = resident_kib("VmRSS:");
    for is_secure in [false, true] {
        let served = if is_secure {
            secure(&authority)
        } else {
            Served::start(limits(), |request, _| async move {
                if request.uri().path() == "/read" {
                    let _ = request.into_body().read_capped(1024).await;
                }
                super::wire::ok("hello")
            })
        };
        for attack in floods().into_iter().chain(violations()) {
            let name = attack.name;
            // A task of its own: within one, whoever always has something to do leaves nothing to the other.
            let (told, ended) = tokio::sync::oneshot::channel();
            if is_secure {
                let connection = speaker.connect(&served).await.unwrap();
                tasks.spawn("attack", async move {
                    told.send(is_ended(connection, attack).await).unwrap();
                });
            } else {
                let connection = served.connect().await.0;
                tasks.spawn("attack", async move {
                    told.send(is_ended(connection, attack).await).unwrap();
                });
            }
            for _ in 0..20 {
                let answer = ask(&served, &bystander, is_secure).await;
                let is_served = answer.as_ref().is_ok_and(|text| text.ends_with("hello"));
                assert!(is_served, "{name} (within TLS: {is_secure}): {answer:?}");
            }
            let ended = within(ended).await.unwrap();
            assert!(ended, "{name} (within TLS: {is_secure})");
            let grown_kib = resident_kib("VmHWM:").saturating_sub(before_kib);
            println!("{name} (within TLS: {is_secure}): {grown_kib} KiB more until now");
            assert!(
                grown_kib < MAX_GROWTH_KIB,
                "{name} (within TLS: {is_secure}): {grown_kib} KiB more"
            );
        }
    }
}

/// This process's memory, now or at most.
fn resident_kib(which: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let found = status.lines().find_map(|line| line.strip_prefix(which));
    let (kib, _) = found.unwrap().trim().split_once(' ').unwrap();
    kib.parse().unwrap()
}

/// A few bytes that stand for megabytes: refused before they are written out.
#[tokio::test]
async fn headers_that_unpack_without_end_are_refused() {
    let served = Served::start(limits(), |_, _| async { super::wire::ok("hello") });
    let mut wire = served.connect().await;
    wire.send([PREFACE, &frame(SETTINGS, 0, 0, &[]), &bomb()].concat())
        .await;
    wire.read_all().await;
    assert!(served.lines(0).await.is_empty(), "it reached no handler");
    assert!(served.connect().await.get("/").await.ends_with("hello"));
}

//! Files that the kernel sends: byte for byte what they hold, or the connection ends. What stands for them never goes out:
//! the files here hold no zero, so that any on the wire is one.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use forebay_http_kit::{Body, BodyPart, FileLane, FilePart, RequestBody, ServeLimits};
use futures::{Stream, StreamExt, stream};
use http::{Request, Response};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;

use super::wire::{Served, ok, within};

/// Larger than any buffer on the way, and no multiple of anything.
const FILE_BYTES: usize = 3_000_017;

/// A file on disk, and what it holds.
struct Kept {
    dir: TempDir,
    content: Bytes,
}

impl Kept {
    fn new() -> Arc<Self> {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            1 + u8::try_from(state >> 24).unwrap() % 255
        };
        let content: Bytes = (0..FILE_BYTES).map(|_| next()).collect();
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join("file"), &content).unwrap();
        Arc::new(Self { dir, content })
    }

    fn path(&self) -> std::path::PathBuf {
        self.dir.path().join("file")
    }

    fn part(&self, range: Range<u64>) -> FilePart {
        FilePart::new(Arc::new(File::open(self.path()).unwrap()), range).unwrap()
    }

    fn bytes(&self, range: Range<u64>) -> Bytes {
        let at = |offset| usize::try_from(offset).unwrap();
        self.content.slice(at(range.start)..at(range.end))
    }
}

fn lane(request: &Request<RequestBody>) -> FileLane {
    request.extensions().get::<FileLane>().unwrap().clone()
}

/// The bytes `first..end` of `/first/end/step`, in parts of `step` bytes, each fifth of them as bytes.
fn spread(
    kept: &Arc<Kept>,
    range: Range<u64>,
    step: u64,
) -> impl Stream<Item = io::Result<BodyPart>> + use<> {
    let kept = Arc::clone(kept);
    let count = (range.end - range.start).div_ceil(step);
    stream::iter((0..count).map(move |i| {
        let start = range.start + i * step;
        let part = start..range.end.min(start + step);
        Ok(if i % 5 == 4 {
            BodyPart::Bytes(kept.bytes(part))
        } else {
            BodyPart::File(kept.part(part))
        })
    }))
}

fn numbers(path: &str) -> Vec<u64> {
    path.split('/')
        .filter_map(|part| part.parse().ok())
        .collect()
}

fn by_path(kept: &Arc<Kept>, request: &Request<RequestBody>) -> Response<Body> {
    let path = request.uri().path();
    if path == "/small" {
        return ok("small");
    }
    let [first, end, step] = numbers(path)[..] else {
        panic!("{path}")
    };
    let length = (!path.starts_with("/chunked")).then_some(end - first);
    ok(Body::parts(
        spread(kept, first..end, step),
        length,
        lane(request),
    ))
}

fn served(kept: &Arc<Kept>) -> Served {
    let kept = Arc::clone(kept);
    Served::start(ServeLimits::default(), move |request, _| {
        let response = by_path(&kept, &request);
        async move { response }
    })
}

/// What follows the first part of a gated file.
#[derive(Clone, Copy)]
enum Follows {
    /// A part that was made with the first one.
    Part,
    /// A part that is made when it is its turn.
    NewPart,
    /// Bytes.
    Bytes,
}

/// A file of which the test says when what follows may follow the first part.
fn gated(kept: &Arc<Kept>, follows: Follows) -> (Served, Arc<Semaphore>) {
    let (gate, kept) = (Arc::new(Semaphore::new(0)), Arc::clone(kept));
    let open = Arc::clone(&gate);
    let served = Served::start(ServeLimits::default(), move |request, _| {
        let file = Arc::new(File::open(kept.path()).unwrap());
        let part = move |range| FilePart::new(Arc::clone(&file), range);
        let first = part(0..1_000_000).unwrap();
        let rest = 1_000_000..FILE_BYTES as u64;
        let second = part(rest.clone()).unwrap();
        let (gate, bytes) = (Arc::clone(&gate), kept.bytes(rest.clone()));
        let later = async move {
            gate.acquire().await.unwrap().forget();
            match follows {
                Follows::Part => Ok(BodyPart::File(second)),
                Follows::NewPart => part(rest).map(BodyPart::File),
                Follows::Bytes => Ok(BodyPart::Bytes(bytes)),
            }
        };
        let first = stream::iter([Ok::<_, io::Error>(BodyPart::File(first))]);
        let parts = first.chain(stream::once(later));
        let body = Body::parts(parts, Some(FILE_BYTES as u64), lane(&request));
        async move { ok(body) }
    });
    (served, open)
}

async fn head(socket: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within(socket.read_u8()).await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

async fn body(socket: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut body = vec![0; length];
    within(socket.read_exact(&mut body)).await.unwrap();
    body
}

async fn ask(socket: &mut TcpStream, method: &str, path: &str) {
    let request = format!("{method} {path} HTTP/1.1\r\nhost: test\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
}

async fn rest(socket: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    let _ = within(socket.read_to_end(&mut rest)).await;
    rest
}

#[tokio::test]
async fn any_part_of_a_file_arrives_however_it_is_cut() {
    let kept = Kept::new();
    let served = served(&kept);
    let mut socket = TcpStream::connect(served.address).await.unwrap();
    let whole = FILE_BYTES as u64;
    for (first, end, step) in [
        (0, whole, whole),
        (0, whole, 65_536),
        (0, whole, 262_144),
        (0, whole, 262_145),
        (0, whole, 1_000_000),
        (1_234_567, whole - 1, 99_991),
        (7, 8, 1),
        (0, 5000, 13),
    ] {
        for method in ["GET", "HEAD"] {
            ask(&mut socket, method, &format!("/{first}/{end}/{step}")).await;
            let head = head(&mut socket).await;
            assert!(head.contains(&format!("content-length: {}\r\n", end - first)));
            if method == "GET" {
                let sent = body(&mut socket, usize::try_from(end - first).unwrap()).await;
                assert!(sent == kept.bytes(first..end), "{first} {end} {step}");
            }
        }
    }
    assert!(served.lines(16).await.iter().all(|line| line.completed));
}

#[tokio::test]
async fn requests_sent_at_once_are_answered_in_turn() {
    let kept = Kept::new();
    let served = served(&kept);
    let mut socket = TcpStream::connect(served.address).await.unwrap();
    let paths = [
        "/0/700001/65536",
        "/small",
        "/5/2000000/300000",
        "/small",
        "/0/9/9",
    ];
    for path in paths {
        ask(&mut socket, "GET", path).await;
    }
    for path in paths {
        head(&mut socket).await;
        let expected = match numbers(path)[..] {
            [first, end, _] => kept.bytes(first..end),
            _ => Bytes::from_static(b"small"),
        };
        assert!(
            body(&mut socket, expected.len()).await == expected,
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_file_without_a_length_goes_out_in_chunks() {
    let kept = Kept::new();
    let served = served(&kept);
    let mut socket = TcpStream::connect(served.address).await.unwrap();
    socket
        .write_all(
            b"GET /chunked/0/600000/200000 HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n",
        )
        .await
        .unwrap();
    let answer = rest(&mut socket).await;
    let mut text = answer.as_slice();
    let head_end = text
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    text = &text[head_end + 4..];
    let mut sent = Vec::new();
    loop {
        let line = text.windows(2).position(|two| two == b"\r\n").unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&text[..line]).unwrap(), 16).unwrap();
        sent.extend_from_slice(&text[line + 2..line + 2 + size]);
        text = &text[line + 2 + size + 2..];
        if size == 0 {
            break;
        }
    }
    assert!(sent == kept.bytes(0..600_000));
}

#[tokio::test]
async fn a_reader_that_takes_little_at_a_time_gets_it_all() {
    let kept = Kept::new();
    let served = served(&kept);
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut socket = socket.connect(served.address).await.unwrap();
    ask(&mut socket, "GET", &format!("/0/{FILE_BYTES}/262144")).await;
    head(&mut socket).await;
    let (mut sent, mut sip) = (Vec::new(), [0; 1777]);
    while sent.len() < FILE_BYTES {
        let count = within(socket.read(&mut sip)).await.unwrap();
        assert!(count > 0);
        sent.extend_from_slice(&sip[..count]);
        tokio::task::yield_now().await;
    }
    assert!(sent == kept.content);
}

#[tokio::test]
async fn a_client_that_leaves_leaves_nothing_behind() {
    let kept = Kept::new();
    let served = served(&kept);
    for _ in 0..20 {
        let mut socket = TcpStream::connect(served.address).await.unwrap();
        ask(&mut socket, "GET", &format!("/0/{FILE_BYTES}/262144")).await;
        head(&mut socket).await;
        body(&mut socket, 100_000).await;
    }
    assert!(served.lines(20).await.iter().all(|line| !line.completed));
    let mut socket = TcpStream::connect(served.address).await.unwrap();
    ask(&mut socket, "GET", "/0/300000/65536").await;
    head(&mut socket).await;
    assert!(body(&mut socket, 300_000).await == kept.bytes(0..300_000));
}

/// What a client gets when `meddle` is done to the file behind its first part.
async fn meddled(
    follows: Follows,
    meddle: impl FnOnce(&File, &Kept),
) -> (Vec<u8>, Arc<Kept>, Served) {
    let kept = Kept::new();
    let (served, gate) = gated(&kept, follows);
    let mut socket = TcpStream::connect(served.address).await.unwrap();
    ask(&mut socket, "GET", "/").await;
    head(&mut socket).await;
    let mut sent = body(&mut socket, 1_000_000).await;
    let file = OpenOptions::new().write(true).open(kept.path()).unwrap();
    meddle(&file, &kept);
    gate.add_permits(1);
    sent.extend(rest_of(&mut socket, FILE_BYTES - 1_000_000).await);
    (sent, kept, served)
}

/// What comes of so many bytes.
async fn rest_of(socket: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut rest = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match within(socket.read(&mut rest[filled..])).await {
            Ok(count @ 1..) => filled += count,
            _ => break,
        }
    }
    rest.truncate(filled);
    rest
}

#[tokio::test]
async fn a_file_that_is_cut_or_written_to_breaks_the_connection_at_once() {
    let cut: fn(&File, &Kept) = |file, _| file.set_len(1_500_000).unwrap();
    let written: fn(&File, &Kept) = |file, _| file.write_all_at(b"\0", 2_000_000).unwrap();
    for meddle in [cut, written] {
        for follows in [Follows::Part, Follows::NewPart, Follows::Bytes] {
            let (sent, kept, served) = meddled(follows, meddle).await;
            assert!(sent == kept.content[..1_000_000], "{} bytes", sent.len());
            assert!(!served.lines(1).await[0].completed);
        }
    }
}

#[tokio::test]
async fn a_file_that_loses_its_name_is_sent_to_its_end() {
    for follows in [Follows::Part, Follows::NewPart, Follows::Bytes] {
        let (sent, kept, served) = meddled(follows, |_, kept| {
            fs::remove_file(kept.path()).unwrap();
        })
        .await;
        assert!(sent == kept.content);
        assert!(served.lines(1).await[0].completed);
    }
}

#[tokio::test]
async fn what_stands_for_a_file_never_goes_out() {
    // A response that uses another connection's lane, and one that lost a part of its own: nothing waits, or another part.
    let kept = Kept::new();
    let stolen = Arc::new(Mutex::new(None::<FileLane>));
    for loses_one in [false, true] {
        let (kept, stolen) = (Arc::clone(&kept), Arc::clone(&stolen));
        let served = Served::start(ServeLimits::default(), move |request, _| {
            let own = lane(&request);
            let other = stolen.lock().unwrap().get_or_insert(own.clone()).clone();
            let body = if request.uri().path() == "/steal" {
                Body::Empty
            } else {
                if loses_one {
                    let lost =
                        stream::iter([Ok::<_, io::Error>(BodyPart::File(kept.part(0..100_000)))]);
                    let mut lost = Box::pin(Body::parts(lost, None, own.clone()));
                    let mut nobody = std::task::Context::from_waker(std::task::Waker::noop());
                    let frame = http_body::Body::poll_frame(lost.as_mut(), &mut nobody);
                    assert!(frame.is_ready());
                }
                let lane = if loses_one { own } else { other };
                Body::parts(spread(&kept, 0..300_000, 100_000), Some(300_000), lane)
            };
            async move { ok(body) }
        });
        let mut thief = TcpStream::connect(served.address).await.unwrap();
        ask(&mut thief, "GET", "/steal").await;
        head(&mut thief).await;
        let mut socket = TcpStream::connect(served.address).await.unwrap();
        ask(&mut socket, "GET", "/").await;
        let answer = rest(&mut socket).await;
        assert!(!answer.contains(&0), "{loses_one}");
        assert!(
            answer.is_empty() || answer.ends_with(b"\r\n\r\n"),
            "{loses_one}"
        );
        assert!(!served.lines(2).await[1].completed);
    }
}

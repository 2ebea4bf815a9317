//! Connections by the ten thousand: half-open ones, idle ones, and all that one address can get. Threat D3, fault 46.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use hub_sim::{Hub, HubSim, Image};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::namespace;
use crate::program::{Program, Setup};
use crate::pull::{Pulled, pull};

pub(crate) const IMAGE: &str = "library/image:1";
const TAG: &str = "/v2/library/image/manifests/1";

/// The most of a kind.
const MANY: usize = 10_000;

/// Below this nothing is shown.
pub(crate) const FEW: usize = 1000;

/// Of the files that a process may have, what the program keeps for itself, and what the tests beside this one need here.
const FILES_KEPT: u64 = 192;
const FILES_BESIDE: u64 = 4000;

/// What a half-open connection may cost, in bytes: ten thousand of them 50 MB, with what a program may grow by anyhow.
pub(crate) const MOST_A_HALF_OPEN: u64 = 4600;

/// What a connection may cost that has asked something and is kept, in bytes.
const MOST_AN_IDLE: u64 = 40_000;

/// What a program may grow by whatever is done, in bytes.
const SLACK_BYTES: u64 = 4_000_000;

/// When the half-open ones must be gone. They have 15 s each.
pub(crate) const GONE_WITHIN: Duration = Duration::from_secs(30);

/// How long anything else may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Connections that are opened at once.
const AT_ONCE: usize = 250;

/// How often a bystander asks at each point of the story.
const ASKS: usize = 100;

/// Heads that never end.
const HALF_HEADS: [&str; 4] = [
    "",
    "GET /v2/",
    "GET /v2/ HTTP/1.1\r\nHost: x\r\nX-Slow: ",
    "PRI * HTTP/2.0\r\n\r\nS",
];

const WHOLE_HEAD: &str = "GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n";

pub(crate) async fn warm(setup: &Setup, hub: &Hub) -> Program {
    let program = setup.start();
    assert_eq!(pull(program.address, hub, IMAGE).await, Pulled::Whole);
    program
}

pub(crate) async fn hub() -> Hub {
    HubSim::new().image(IMAGE, Image::small()).start().await
}

/// As many as a process may have here, up to ten thousand: one kind, the other, and half as many of each at once. In turns,
/// for they share what this process may open.
#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_half_open_and_ten_thousand_idle_connections_are_no_burden() {
    let room = room();
    if room < FEW {
        return namespace::skip("a process may have too few open files");
    }
    let hub = hub().await;
    let folder = TempDir::new().unwrap();
    let places = format!("[server]\nmax_connections = {}", room + 100);
    let setup = Setup::before(&hub, folder.path()).with(&places);
    for (idle, half_open) in [(0, room), (room, 0), (room / 2, room / 2)] {
        let program = warm(&setup, &hub).await;
        bear(&program, idle, half_open).await;
        assert_eq!(pull(program.address, &hub, IMAGE).await, Pulled::Whole);
        assert!(program.stop().0.success());
    }
}

async fn bear(program: &Program, idle: usize, half_open: usize) {
    let before = Look::at(program, "before").await;

    let idle = open_idle(program.address, idle).await;
    let with_idle = Look::at(program, &format!("{} idle", idle.len())).await;
    assert!(with_idle.connections >= idle.len(), "{with_idle:?}");
    with_idle.costs_at_most(MOST_AN_IDLE, idle.len(), &before);

    let half_open = open(program.address, half_open, &HALF_HEADS).await;
    let begun = Instant::now();
    let all = idle.len() + half_open.len();
    let with_both = Look::at(program, &format!("and {} half-open", half_open.len())).await;
    assert!(with_both.connections >= all, "{with_both:?}");
    with_both.costs_at_most(MOST_A_HALF_OPEN, half_open.len(), &with_idle);

    // Not by this test, which holds its ends.
    until(program, |connections| connections < idle.len() + 100).await;
    let took = begun.elapsed();
    assert!(took < GONE_WITHIN, "{took:?}");
    are_over(half_open).await;
    let without = Look::at(program, &format!("half-open ones gone after {took:?}")).await;
    assert!(without.connections >= idle.len(), "{without:?}");

    drop(idle);
    until(program, |connections| connections < 10).await;
    let after = Look::at(program, "all gone").await;
    assert!(after.files <= before.files + 10, "{before:?}, {after:?}");
}

/// Bodies that never end, too: nobody waits for them.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_bodies_that_never_end_are_answered_and_cut() {
    let hub = hub().await;
    let folder = TempDir::new().unwrap();
    let setup = Setup::before(&hub, folder.path());
    let setup = setup.below(&["prlimit", "--nofile=4096:4096"]);
    let program = warm(&setup, &hub).await;
    let mut slow = Vec::new();
    for number in 0..1000 {
        let head = [
            "POST /v2/library/image/blobs/uploads/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\na",
            "GET /v2/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\na",
        ][number % 2];
        slow.push(connect(source(number), program.address, head).await);
    }
    are_over(slow).await;
    until(&program, |connections| connections < 10).await;
    assert_eq!(pull(program.address, &hub, IMAGE).await, Pulled::Whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_that_takes_all_it_can_leaves_places_to_the_others() {
    let hub = hub().await;
    let folder = TempDir::new().unwrap();
    let setup = Setup::before(&hub, folder.path())
        .with("[server]\nmax_connections = 400")
        .below(&["prlimit", "--nofile=1024:1024"]);
    let program = warm(&setup, &hub).await;
    let greedy = IpAddr::from(Ipv4Addr::new(127, 0, 0, 2));
    let mut taken = Vec::new();
    for number in 0..700 {
        let head = HALF_HEADS[number % HALF_HEADS.len()];
        taken.push(connect(greedy, program.address, head).await);
    }
    program.wait_for_log("one client has as many connections as one may have");
    assert!(program.log().contains("client=127.0.0.2"));
    for _ in 0..ASKS {
        assert_eq!(pull(program.address, &hub, IMAGE).await, Pulled::Whole);
    }
    // What is over its share is over; of the rest those end that have said too little for too long.
    let shed = taken.split_off(600);
    are_over(shed).await;
    drop(taken);
    until(&program, |connections| connections < 10).await;
    let again = connect(greedy, program.address, WHOLE_HEAD).await;
    drop(again);
    assert!(program.stop().0.success());
}

/// What is seen of a program at one point.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) connections: usize,
    resident_kib: u64,
    pub(crate) files: usize,
}

impl Look {
    pub(crate) fn costs_at_most(&self, bytes: u64, connections: usize, before: &Self) {
        let grown = self.resident_kib.saturating_sub(before.resident_kib) * 1024;
        let most = bytes * u64::try_from(connections).unwrap() + SLACK_BYTES;
        assert!(grown < most, "{grown} bytes for {connections}, not {most}");
    }

    /// Looks, and has a bystander ask meanwhile; how long its answers took is told and not judged.
    pub(crate) async fn at(program: &Program, when: &str) -> Self {
        let mut waits = Vec::with_capacity(ASKS);
        for _ in 0..ASKS {
            let begun = Instant::now();
            let answer = timeout(PATIENCE, program.get(TAG)).await;
            let answer = answer.expect("a bystander is answered");
            assert!(answer.status == 200 && answer.whole, "{when}");
            waits.push(begun.elapsed());
        }
        waits.sort_unstable();
        let look = Self {
            connections: connections(program).await,
            resident_kib: program.resident_kib(),
            files: files(program),
        };
        println!(
            "{when}: {look:?}; a bystander's p50 {:?}, p99 {:?}",
            waits[ASKS / 2],
            waits[ASKS - 2]
        );
        look
    }
}

/// Connections from several addresses which have asked something and heard the answer.
async fn open_idle(to: SocketAddr, count: usize) -> Vec<TcpStream> {
    let mut opened = open(to, count, &[WHOLE_HEAD]).await;
    for stream in &mut opened {
        let heard = timeout(PATIENCE, stream.read(&mut [0; 4096])).await;
        let heard = heard.expect("an answer").unwrap();
        assert!(heard > 0, "a connection was cut");
    }
    opened
}

/// Connections from several addresses which have sent these heads in turns.
pub(crate) async fn open<H>(to: SocketAddr, count: usize, heads: &[H]) -> Vec<TcpStream>
where
    H: AsRef<[u8]> + Clone + Send + 'static,
{
    let mut opened = Vec::with_capacity(count);
    while opened.len() < count {
        let some: JoinSet<_> = (opened.len()..count)
            .take(AT_ONCE)
            .map(|number| connect(source(number), to, heads[number % heads.len()].clone()))
            .collect();
        opened.extend(some.join_all().await);
    }
    opened
}

/// Addresses of this machine in turns: each has only so many ports.
fn source(number: usize) -> IpAddr {
    IpAddr::from(Ipv4Addr::new(
        127,
        0,
        1,
        u8::try_from(number % 8).unwrap() + 1,
    ))
}

async fn connect(from: IpAddr, to: SocketAddr, head: impl AsRef<[u8]>) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(from, 0)).unwrap();
    let connected = timeout(PATIENCE, socket.connect(to)).await;
    let mut stream = connected.expect("a connection in time").unwrap();
    // One that is refused may hear it before it has said anything.
    let _ = stream.write_all(head.as_ref()).await;
    stream
}

/// Waits until the other side has closed them.
pub(crate) async fn are_over(streams: Vec<TcpStream>) {
    let waits = streams.into_iter().map(async |mut stream| {
        let mut heard = Vec::new();
        let ended = timeout(PATIENCE, stream.read_to_end(&mut heard)).await;
        assert!(ended.is_ok(), "it is still open");
    });
    waits.collect::<JoinSet<_>>().join_all().await;
}

/// Waits until so many are open as is wanted.
pub(crate) async fn until(program: &Program, is_wanted: impl Fn(usize) -> bool) {
    let wait = async {
        while !is_wanted(connections(program).await) {
            sleep(Duration::from_millis(100)).await;
        }
    };
    let came = timeout(PATIENCE, wait).await;
    assert!(came.is_ok(), "{} are open", connections(program).await);
}

async fn connections(program: &Program) -> usize {
    let open = program.metric("forebay_http_connections").await;
    // A count: it has no fraction and fits.
    format!("{:.0}", open.unwrap()).parse().unwrap()
}

fn files(program: &Program) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", program.pid()))
        .unwrap()
        .count()
}

/// How many connections this process and the program may have at once, up to [`MANY`]. Raises this process's soft limit; the
/// program raises its own.
pub(crate) fn room() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    let files = setrlimit(Resource::Nofile, raised).map_or(limit.current, |()| limit.maximum);
    let files = files.unwrap_or(u64::MAX);
    let there = files.saturating_sub(FILES_KEPT) / 2;
    let here = files.saturating_sub(FILES_BESIDE);
    // The bystander's, too.
    let room = there.min(here).saturating_sub(100);
    let room = usize::try_from(room).unwrap().min(MANY);
    println!("{room} connections are had, of {MANY}: more open files make it more");
    room
}

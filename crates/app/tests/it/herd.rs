//! Many clients at once: one download for all, nobody slowed by another, memory bounded. Faults 41–46.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hub_sim::{Fault, Gate, Hub, HubSim, Image, On, Role};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::client::Ask;
use crate::clocked::clocked;
use crate::image::{Part, Pull};
use crate::program::{Forebay, Program};

const MIB: u64 = 1024 * 1024;
const KEPT: &str = "forebay_fills_ended_total{upstream=\"docker.io\",end=\"kept\"}";
const JOINS: &str = "forebay_fill_joins_total{upstream=\"docker.io\"}";

/// A cold blob of this size.
async fn cold(size: u64) -> (Hub, Program, Arc<Part>) {
    let hub = HubSim::new()
        .image("library/big:1", Image::with_layers(&[size]))
        .start()
        .await;
    let program = Forebay::before(&hub).start().await;
    let blob = Pull::of(&hub, "library/big:1").blobs.remove(1);
    (hub, program, Arc::new(blob))
}

fn downloads(hub: &Hub) -> usize {
    hub.count(|request| request.role == Role::Blob && request.is_get())
}

/// Reads a blob without holding it: each chunk is compared where it lies, and all that was to come has come.
async fn read(address: SocketAddr, blob: Arc<Part>) {
    let mut flow = Ask::get(&blob.path).open(address).await;
    assert_eq!(flow.status, 200);
    let mut at = 0;
    while let Some(bytes) = flow.next().await {
        let bytes = bytes.expect("a whole blob");
        assert!(blob.bytes[at..at + bytes.len()] == bytes, "other bytes");
        at += bytes.len();
    }
    assert_eq!(at, blob.bytes.len());
}

/// Fault 43, in its full size: 50 GB over loopback.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_clients_on_one_cold_blob_of_50_mb_cost_one_download() {
    const CLIENTS: u32 = 1000;
    let (hub, program, blob) = cold(50_000_000).await;
    let mut herd = JoinSet::new();
    let begun = Instant::now();
    for number in 0..CLIENTS {
        let (address, blob) = (program.address, Arc::clone(&blob));
        herd.spawn(async move {
            sleep(Duration::from_secs(2) * number / CLIENTS).await;
            read(address, blob).await;
        });
    }
    all_succeed(herd).await;
    let (resident, most) = program.resident_kib();
    println!(
        "all had it after {:?}; resident {resident} KiB, at most {most} KiB",
        begun.elapsed()
    );
    assert_eq!(downloads(&hub), 1);
    assert!(most < 200 * 1024, "{most} KiB");
}

async fn all_succeed(mut herd: JoinSet<()>) {
    while let Some(outcome) = herd.join_next().await {
        outcome.expect("a client that got it all");
    }
}

/// Fault 44.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_clients_on_a_thousand_cold_images_wait_for_nobody_for_ever() {
    let mut hub = HubSim::new();
    for number in 0..1000 {
        hub = hub.image(
            &format!("library/app{}:{number}", number % 20),
            Image::with_layers(&[700]),
        );
    }
    let hub = Arc::new(hub.start().await);
    // What is asked at once is the matter here, and not the pace.
    let pace = "requests_per_minute = 100000\nburst = 10000";
    // Nor is how long a machine takes that does ten other things: the clock stands, and nobody gives up.
    let program = clocked(Forebay::new().upstream_with("docker.io", &hub, pace));
    let program = program.start().await;
    let mut herd = JoinSet::new();
    for number in 0..1000 {
        let (address, hub) = (program.address, Arc::clone(&hub));
        herd.spawn(async move {
            let pull = Pull::of(&hub, &format!("library/app{}:{number}", number % 20));
            for part in pull.parts() {
                part.expect(&Ask::get(&part.path).to(address).await);
            }
        });
    }
    all_succeed(herd).await;
    assert_eq!(
        hub.count(|request| request.is(On::Token)),
        20,
        "one token a repository"
    );
    assert_eq!(hub.charged(), 1000);
    assert_eq!(downloads(&hub), 2000);
}

/// Fault 45: containerd with `ConcurrentLayerFetchBuffer` reads each part of an open-ended range and hangs up.
#[tokio::test]
async fn parallel_ranges_of_a_cold_blob_are_one_download_and_come_as_their_bytes_do() {
    const PART: usize = 1024 * 1024;
    let (hub, program, blob) = cold(8 * MIB).await;
    let gate = Gate::closed();
    hub.fault(Fault::HoldBodyAt(5 * MIB, gate.clone())).always();
    let range =
        |part: usize| Ask::get(&blob.path).header("range", &format!("bytes={}-", part * PART));
    for part in 0..5 {
        let mut flow = program.open(range(part)).await;
        assert_eq!(flow.status, 206);
        let expected = format!("bytes {}-{}/{}", part * PART, 8 * MIB - 1, 8 * MIB);
        assert_eq!(flow.headers["content-range"], expected);
        // The last bytes before the gate may still be on their way through a buffer.
        let wanted = if part == 4 { PART / 2 } else { PART };
        let bytes = flow.read(wanted).await;
        let at = part * PART;
        assert!(blob.bytes[at..at + bytes.len()] == bytes, "part {part}");
    }
    let mut late = JoinSet::new();
    for part in 5..8 {
        let (address, blob, ask) = (program.address, Arc::clone(&blob), range(part));
        late.spawn(async move {
            let answer = ask.to(address).await;
            assert_eq!(answer.status, 206);
            assert!(answer.is_whole && blob.bytes[part * PART..] == answer.body);
        });
    }
    program.until_metric(JOINS, 7.0).await;
    gate.open();
    all_succeed(late).await;
    program.until_metric(KEPT, 1.0).await;
    let warm = program.ask(range(3)).await;
    assert!(warm.status == 206 && blob.bytes[3 * PART..] == warm.body);
    assert_eq!(downloads(&hub), 1);
}

#[tokio::test]
async fn ranges_in_every_form_are_answered_as_rfc_9110_has_it() {
    let (hub, program, blob) = cold(1000).await;
    for _ in ["cold", "warm"] {
        for (range, status, bytes) in [
            ("bytes=0-0", 206, Some(0..1)),
            ("bytes=10-19", 206, Some(10..20)),
            ("bytes=990-5000", 206, Some(990..1000)),
            ("bytes=-1", 206, Some(999..1000)),
            ("bytes=-5000", 206, Some(0..1000)),
            ("bytes=1000-", 416, None),
            ("lines=1-2", 200, Some(0..1000)),
            ("bytes=0-1,5-6", 200, Some(0..1000)),
        ] {
            let answer = program
                .ask(Ask::get(&blob.path).header("range", range))
                .await;
            assert_eq!(answer.status, status, "{range}");
            match bytes {
                Some(bytes) => assert!(answer.body == blob.bytes[bytes], "{range}"),
                None => assert_eq!(answer.header("content-range"), Some("bytes */1000")),
            }
        }
        program.until_metric(KEPT, 1.0).await;
    }
    assert_eq!(downloads(&hub), 1);
}

/// Fault 41: `stay` of a hundred clients stay, the others leave in the middle; the first is among the leavers.
async fn of_a_hundred_clients_stay(stay: usize) {
    let (hub, program, blob) = cold(4 * MIB).await;
    let gate = Gate::closed();
    hub.fault(Fault::HoldBodyAt(2 * MIB, gate.clone())).always();
    let mut flows = Vec::new();
    for _ in 0..100 {
        let mut flow = program.open(Ask::get(&blob.path)).await;
        let begin = flow.read(64 * 1024).await.to_vec();
        flows.push((flow, begin));
    }
    let stayers = flows.split_off(100 - stay);
    drop(flows);
    gate.open();
    for (flow, mut begin) in stayers {
        let rest = flow.rest().await;
        begin.extend_from_slice(&rest.body);
        assert!(rest.is_whole && begin == blob.bytes);
    }
    program.until_metric(KEPT, 1.0).await;
    blob.get(&program).await;
    assert_eq!(downloads(&hub), 1);
}

#[tokio::test]
async fn the_first_client_may_leave() {
    of_a_hundred_clients_stay(99).await;
}

#[tokio::test]
async fn all_but_one_client_may_leave() {
    of_a_hundred_clients_stay(1).await;
}

#[tokio::test]
async fn all_clients_may_leave() {
    of_a_hundred_clients_stay(0).await;
}

/// Fault 42.
#[tokio::test]
async fn a_client_that_does_not_read_slows_nobody() {
    let (hub, program, blob) = cold(16 * MIB).await;
    let mut lazy = Vec::new();
    for _ in 0..20 {
        let mut flow = program.open(Ask::get(&blob.path)).await;
        let begin = flow.read(1).await.to_vec();
        lazy.push((flow, begin));
    }
    blob.get(&program).await;
    program.until_metric(KEPT, 1.0).await;
    let (_, most) = program.resident_kib();
    assert!(most < 100 * 1024, "{most} KiB");
    let (flow, mut begin) = lazy.remove(7);
    begin.extend_from_slice(&flow.rest().await.body);
    assert!(begin == blob.bytes, "the lazy one gets it all too");
    assert_eq!(downloads(&hub), 1);
}

/// Fault 46, as far as the file limits of any machine go; that they are closed in time is tested in `http-kit`.
#[tokio::test]
async fn half_open_and_idle_connections_are_no_burden_to_the_others() {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .start()
        .await;
    // Of the registry's pace another test tells.
    let pace = "requests_per_minute = 100000\nburst = 100000";
    let program = Forebay::new().upstream_with("docker.io", &hub, pace);
    let program = program.start().await;
    let pull = Pull::of(&hub, "library/nginx:1");
    pull.succeeds(&program).await;
    let (before, _) = program.resident_kib();
    let mut burden = Vec::new();
    for number in 0..400 {
        let mut stream = TcpStream::connect(program.address)
            .await
            .expect("a connection");
        let said: &[u8] = match number % 3 {
            0 => b"",
            1 => b"GET /v2/library/nginx/mani",
            _ => b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n",
        };
        stream.write_all(said).await.expect("a connection");
        burden.push(stream);
    }
    let slowest = pull.succeeds(&program).await;
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
    let open = program.metric("forebay_http_connections").await;
    assert!(open >= 400.0, "{open}");
    let (after, _) = program.resident_kib();
    println!(
        "400 connections: {before} KiB, then {after} KiB; the slowest answer took {slowest:?}"
    );
    assert!(after < before + 40 * 1024);
}

/// What `server.max_connections` leaves over is told so, and the next is served when one has gone.
#[tokio::test]
async fn a_connection_too_many_is_told_so_as_json() {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .start()
        .await;
    let limit = "[server]\nmax_connections = 3";
    let program = Forebay::before(&hub).with(limit).start().await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(
            TcpStream::connect(program.address)
                .await
                .expect("a connection"),
        );
    }
    let shed = program.get("/v2/").await;
    assert_eq!(shed.refusal(), (503, "UNAVAILABLE".to_owned()));
    held.pop();
    program.until_status(Ask::get("/v2/"), 200).await;
}

//! One download, owned by no request.

use hub_sim::{Fault, Gate, Hub, HubSim, Image, On};
use tokio::task::JoinSet;

use crate::client::Ask;
use crate::image::{Part, Pull};
use crate::program::{Forebay, Program, files_below};

const BLOB_BYTES: u64 = 1024 * 1024;
const HALF_BYTES: usize = 512 * 1024;
const FIRST_BYTES: usize = 64 * 1024;

/// A blob of one MiB behind a hub.
async fn one_blob() -> (Hub, Program, Part) {
    let hub = HubSim::new()
        .image("library/big:1", Image::with_layers(&[BLOB_BYTES]))
        .start()
        .await;
    let program = Forebay::before(&hub).start().await;
    let blob = Pull::of(&hub, "library/big:1").blobs.remove(1);
    assert_eq!(blob.bytes.len() as u64, BLOB_BYTES);
    (hub, program, blob)
}

fn hold_after(hub: &Hub, bytes: usize) -> Gate {
    let gate = Gate::closed();
    hub.fault(Fault::HoldBodyAt(bytes as u64, gate.clone()))
        .always();
    gate
}

fn downloads(hub: &Hub) -> usize {
    hub.count(|request| request.is_get() && request.is(On::BlobContent))
}

/// "Second upstream download to fill the cache" (Harbor, distribution 2.8).
#[tokio::test]
async fn what_the_client_gets_is_what_is_kept_and_no_second_download_is_made() {
    let (hub, program, blob) = one_blob().await;
    blob.get(&program).await;
    blob.get(&program).await;
    program
        .until_metric(
            "forebay_fills_ended_total{upstream=\"docker.io\",end=\"kept\"}",
            1.0,
        )
        .await;
    blob.get(&program).await;
    assert_eq!(downloads(&hub), 1);
    let setup = program.stop().await.setup;
    blob.get(&setup.start().await).await;
    assert_eq!(downloads(&hub), 1);
}

/// "Cache fill tied to client socket" (distribution v3, nora, drayage).
#[tokio::test]
async fn a_fill_goes_on_when_its_client_leaves() {
    let (hub, program, blob) = one_blob().await;
    let gate = hold_after(&hub, FIRST_BYTES);
    let mut flow = program.open(Ask::get(&blob.path)).await;
    flow.read(FIRST_BYTES).await;
    drop(flow);
    gate.open();
    program
        .until_metric(
            "forebay_fills_ended_total{upstream=\"docker.io\",end=\"kept\"}",
            1.0,
        )
        .await;
    blob.get(&program).await;
    assert_eq!(downloads(&hub), 1);
}

/// "Truncated fill stored as complete" (danielloader, on disk).
#[tokio::test]
async fn a_truncated_fill_is_never_completed_and_never_kept() {
    let (hub, program, blob) = one_blob().await;
    // No length, and the connection closes in the middle: the end of a lesser cache's download.
    let short = hub.fault(Fault::ShorterBy(BLOB_BYTES / 2)).always();
    let until_close = hub.fault(Fault::NoLength).always();
    for _ in 0..3 {
        let answer = program.get(&blob.path).await;
        assert!(
            answer.status != 200 || !answer.is_whole,
            "{}",
            answer.body.len()
        );
    }
    let kept = files_below(&program.setup.data());
    assert!(
        !kept.iter().any(|name| name.contains(&blob.digest[7..])),
        "{kept:?}"
    );
    hub.lift(&short);
    hub.lift(&until_close);
    blob.get(&program).await;
}

/// "Coalescing that stops at the first byte" (artifact-keeper).
#[tokio::test]
async fn who_joins_late_gets_all_from_the_first_byte() {
    let (hub, program, blob) = one_blob().await;
    let gate = hold_after(&hub, HALF_BYTES);
    let mut first = program.open(Ask::get(&blob.path)).await;
    let mut begin = first.read(FIRST_BYTES).await.to_vec();
    let mut late = JoinSet::new();
    for _ in 0..20 {
        let (address, blob) = (program.address, blob.clone());
        late.spawn(async move { blob.expect(&Ask::get(&blob.path).to(address).await) });
    }
    program
        .until_metric("forebay_fill_joins_total{upstream=\"docker.io\"}", 20.0)
        .await;
    gate.open();
    late.join_all().await;
    begin.extend_from_slice(&first.rest().await.body);
    assert!(begin == blob.bytes);
    assert_eq!(downloads(&hub), 1);
}

/// "Broadcast lag = client error" (artifact-keeper).
#[tokio::test]
async fn a_reader_that_falls_behind_misses_nothing() {
    let (hub, program, blob) = one_blob().await;
    let mut slow = program.open(Ask::get(&blob.path)).await;
    let mut begin = slow.read(1).await.to_vec();
    blob.get(&program).await;
    program
        .until_metric(
            "forebay_fills_ended_total{upstream=\"docker.io\",end=\"kept\"}",
            1.0,
        )
        .await;
    let rest = slow.rest().await;
    assert!(rest.is_whole);
    begin.extend_from_slice(&rest.body);
    assert!(begin == blob.bytes);
    assert_eq!(downloads(&hub), 1);
}

/// "Download first, then answer: more than 30 s to the first byte" (zot, nora, trow, drayage, quay, Nexus, aceeric).
#[tokio::test]
async fn the_first_bytes_are_the_clients_while_the_rest_is_still_coming() {
    let (hub, program, blob) = one_blob().await;
    let gate = hold_after(&hub, FIRST_BYTES);
    let mut flow = program.open(Ask::get(&blob.path)).await;
    assert_eq!(flow.status, 200);
    assert_eq!(flow.headers["content-length"], BLOB_BYTES.to_string());
    assert!(flow.read(FIRST_BYTES).await == blob.bytes[..FIRST_BYTES]);
    gate.reached(1).await;
    gate.open();
    assert!(flow.rest().await.is_whole);
}

/// "Only one waiter sees the leader's error" (zot).
#[tokio::test]
async fn everybody_who_waits_hears_why_there_is_nothing() {
    let (hub, program, blob) = one_blob().await;
    let gate = hub.hold(On::Blob);
    let absent = hub.fault(Fault::Status(404)).on(On::Blob).always();
    let mut waiting = JoinSet::new();
    for _ in 0..20 {
        let (address, path) = (program.address, blob.path.clone());
        waiting.spawn(async move { Ask::get(&path).to(address).await.refusal() });
    }
    program
        .until_metric("forebay_fill_joins_total{upstream=\"docker.io\"}", 19.0)
        .await;
    gate.open();
    for refusal in waiting.join_all().await {
        assert_eq!(refusal, (404, "BLOB_UNKNOWN".to_owned()));
    }
    assert_eq!(absent.strikes(), 1);
}

/// "A stale temporary file blocks" (trow).
#[tokio::test]
async fn what_a_killed_program_left_behind_blocks_nothing() {
    let (hub, program, blob) = one_blob().await;
    let gate = hold_after(&hub, FIRST_BYTES);
    let mut flow = program.open(Ask::get(&blob.path)).await;
    flow.read(FIRST_BYTES).await;
    let setup = program.kill().await.setup;
    assert!(
        !files_below(&setup.data().join("staging")).is_empty(),
        "nothing was begun"
    );
    gate.open();
    let program = setup.start().await;
    assert!(files_below(&setup.data().join("staging")).is_empty());
    blob.get(&program).await;
    assert_eq!(downloads(&hub), 2);
}

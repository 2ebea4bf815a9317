//! Room is made by what was not used for longest, and never out of a pull in flight.

use std::time::Duration;

use forebay_content::Provenance;

use crate::bench::{Bench, Setup, content, manifest_over, until};
use crate::scripted::{Body, short};

const MINUTE: Duration = Duration::from_mins(1);

/// How often the cache looks after itself.
pub(crate) const UPKEEP: Duration = Duration::from_secs(5);

async fn bench_of(max_bytes: u64) -> Bench {
    Bench::with(Setup {
        max_bytes,
        ..Setup::default()
    })
    .await
}

/// Content of its own for each `seed`.
pub(crate) fn layer(seed: u8, length: usize) -> Vec<u8> {
    let mut bytes = content(length).to_vec();
    bytes[0] = seed;
    bytes
}

pub(crate) async fn pull(bench: &Bench, seed: u8, length: usize) -> forebay_oci::Digest {
    let digest = bench.hub.put("a/b", layer(seed, length));
    bench.bytes("a/b", &digest).await.unwrap();
    bench.settle().await;
    bench.clock.advance(2 * MINUTE);
    digest
}

#[tokio::test]
async fn what_was_not_used_for_longest_goes_first_down_to_the_low_mark() {
    let bench = bench_of(100_000).await;
    let mut digests = Vec::new();
    for seed in 0..4 {
        digests.push(pull(&bench, seed, 25_000).await);
    }
    bench.bytes("a/b", &digests[0]).await.unwrap();
    bench.clock.advance(2 * MINUTE);
    digests.push(pull(&bench, 9, 25_000).await);
    let mut expected = vec![
        digests[0].clone(),
        digests[2].clone(),
        digests[3].clone(),
        digests[4].clone(),
    ];
    expected.sort_by_key(ToString::to_string);
    assert_eq!(
        bench.at_rest().await,
        expected,
        "the second was the coldest"
    );
    assert_eq!(bench.kept.bytes(), 100_000);
    assert!(
        !bench
            .catalog
            .is_linked(&Bench::target("a/b"), &digests[1])
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn a_manifest_goes_with_the_layer_that_it_needs_and_the_tag_stays() {
    let bench = bench_of(100_000).await;
    let layer = bench.hub.put("a/b", layer(1, 60_000));
    let manifest = bench
        .hub
        .push("a/b", "latest", manifest_over(&[(layer.clone(), 60_000)]));
    bench.manifest("a/b", "latest").await.unwrap();
    bench.bytes("a/b", &layer).await.unwrap();
    bench.settle().await;
    bench.clock.advance(2 * MINUTE);
    let other = pull(&bench, 2, 70_000).await;
    assert_eq!(bench.at_rest().await, [other]);
    let tag = bench
        .catalog
        .find_tag(&Bench::target("a/b"), &"latest".parse().unwrap())
        .await
        .unwrap();
    assert_eq!(tag.unwrap().digest, manifest);
    bench.hub.asked();
    assert_eq!(
        bench.manifest("a/b", "latest").await.unwrap().provenance,
        Provenance::Fetched
    );
}

#[tokio::test]
async fn serving_a_manifest_keeps_its_layers_from_being_the_coldest() {
    let bench = bench_of(100_000).await;
    let layer = bench.hub.put("a/b", layer(1, 40_000));
    bench
        .hub
        .push("a/b", "1.0", manifest_over(&[(layer.clone(), 40_000)]));
    bench.manifest("a/b", "1.0").await.unwrap();
    bench.bytes("a/b", &layer).await.unwrap();
    bench.settle().await;
    let cold = pull(&bench, 2, 40_000).await;
    bench.manifest("a/b", "1.0").await.unwrap();
    bench.clock.advance(2 * MINUTE);
    pull(&bench, 3, 40_000).await;
    let at_rest = bench.at_rest().await;
    assert!(
        at_rest.contains(&layer) && !at_rest.contains(&cold),
        "{at_rest:?}"
    );
}

#[tokio::test]
async fn content_of_a_pull_in_flight_stays_and_what_does_not_fit_is_passed_on() {
    let bench = bench_of(100_000).await;
    let first = bench.hub.put("a/b", layer(1, 80_000));
    bench.bytes("a/b", &first).await.unwrap();
    bench.settle().await;
    let second = bench.hub.put("a/b", layer(2, 80_000));
    assert_eq!(bench.bytes("a/b", &second).await.unwrap(), layer(2, 80_000));
    let get = |digest| format!("GET blob a/b/{}", short(digest));
    assert_eq!(bench.hub.asked(), [get(&first), get(&second)]);
    let huge = bench.hub.put("a/b", layer(3, 200_000));
    assert_eq!(bench.bytes("a/b", &huge).await.unwrap(), layer(3, 200_000));
    bench.settle().await;
    assert_eq!(bench.at_rest().await, [first]);
}

#[tokio::test]
async fn a_reader_of_an_evicted_blob_reads_it_to_its_end() {
    let bench = bench_of(100_000).await;
    let first = pull(&bench, 1, 80_000).await;
    let reading = bench.blob("a/b", &first).await.unwrap();
    bench.clock.advance(2 * MINUTE);
    pull(&bench, 2, 80_000).await;
    assert!(!bench.at_rest().await.contains(&first));
    assert_eq!(crate::bench::read(reading).await.unwrap(), layer(1, 80_000));
}

#[tokio::test]
async fn an_evicted_blob_that_is_pulled_again_is_kept_again() {
    let bench = bench_of(100_000).await;
    let first = pull(&bench, 1, 80_000).await;
    pull(&bench, 2, 80_000).await;
    let again = pull(&bench, 1, 80_000).await;
    assert_eq!(first, again);
    assert_eq!(bench.at_rest().await, std::slice::from_ref(&first));
    bench.hub.asked();
    bench.bytes("a/b", &first).await.unwrap();
    assert!(bench.hub.asked().is_empty());
}

#[tokio::test]
async fn a_blob_of_untold_length_gets_no_more_room_than_there_is_for_all() {
    let bench = bench_of(100_000).await;
    bench.hub.hide_sizes();
    let large = bench.hub.put("a/b", layer(1, 150_000));
    let bytes = bench.bytes("a/b", &large).await.unwrap();
    assert_eq!(bytes.len(), 150_000, "passed on to who asked");
    bench.settle().await;
    assert!(bench.at_rest().await.is_empty());
    assert_eq!(bench.kept.health().trouble(), None);
    let small = pull(&bench, 2, 50_000).await;
    assert_eq!(bench.at_rest().await, [small]);
}

#[tokio::test]
async fn a_blob_larger_than_all_that_may_be_kept_is_passed_on_and_is_no_trouble() {
    let bench = bench_of(100_000).await;
    let small = pull(&bench, 1, 50_000).await;
    bench.hub.asked();
    let large = pull(&bench, 2, 100_001).await;
    assert_eq!(
        bench.hub.asked(),
        [format!("GET blob a/b/{}", short(&large))]
    );
    assert_eq!(bench.at_rest().await, [small], "nothing went for it");
    assert_eq!(bench.kept.health().trouble(), None);
    let again = bench.blob("a/b", &large).await.unwrap();
    assert_eq!(again.provenance, Provenance::PassedOn);
}

#[tokio::test]
async fn however_many_come_at_once_what_is_kept_and_coming_is_within_the_size() {
    for hides_size in [false, true] {
        let bench = std::sync::Arc::new(bench_of(100_000).await);
        if hides_size {
            bench.hub.hide_sizes();
        }
        bench.hub.hold();
        let mut pulls = tokio::task::JoinSet::new();
        for seed in 0..40 {
            let digest = bench.hub.put("a/b", layer(seed, 30_000));
            let bench = std::sync::Arc::clone(&bench);
            pulls.spawn(async move {
                let bytes = bench.bytes("a/b", &digest).await.unwrap();
                assert_eq!(bytes, layer(seed, 30_000));
            });
        }
        until(|| bench.hub.asked_so_far() == 40).await;
        bench.hub.release();
        pulls.join_all().await;
        bench.settle().await;
        assert_eq!(
            bench.at_rest().await.len(),
            3,
            "as many as there is room for"
        );
        assert_eq!(bench.kept.bytes(), 90_000);
        assert_eq!(bench.hub.asked().len(), 40, "and each cost one GET");
    }
}

#[tokio::test]
async fn what_is_announced_and_does_not_come_moves_nothing_out() {
    let bench = bench_of(100_000).await;
    let mut kept = Vec::new();
    for seed in 0..10 {
        kept.push(pull(&bench, seed, 10_000).await);
    }
    kept.sort_by_key(ToString::to_string);
    let announced = bench.hub.put("evil/image", "");
    bench.hub.bodies([Body::ClaimsSize(99_000)]);
    let blob = bench.blob("evil/image", &announced).await.unwrap();
    assert_eq!(blob.size, Some(99_000));
    assert_eq!(bench.at_rest().await, kept);
    drop(blob);
}

#[tokio::test]
async fn a_size_that_is_lowered_holds_within_seconds_and_what_stays_is_asked_of_nobody() {
    let bench = bench_of(100_000).await;
    let mut digests = Vec::new();
    for seed in 0..4 {
        digests.push(pull(&bench, seed, 20_000).await);
    }
    bench.hub.asked();
    bench.kept.set_max_bytes(50_000);
    bench.clock.advance(UPKEEP);
    until(|| bench.kept.bytes() == 40_000).await;
    for digest in &digests[2..] {
        bench.bytes("a/b", digest).await.unwrap();
    }
    assert!(bench.hub.asked().is_empty());
    assert_eq!(bench.at_rest().await.len(), 2);
}

#[tokio::test]
async fn a_size_that_was_lowered_while_nothing_ran_holds_after_the_start() {
    let mut bench = bench_of(100_000).await;
    for seed in 0..4 {
        pull(&bench, seed, 20_000).await;
    }
    bench.max_bytes = 50_000;
    let bench = bench.restart().await;
    until(|| bench.kept.bytes() == 40_000).await;
    assert_eq!(bench.hub.asked().len(), 4, "nobody was asked again");
}

//! One fetch a blob, whoever asks and whenever they join; never a wrong byte that completes.

use std::sync::Arc;
use std::time::Duration;

use forebay_content::{ByteRange, ContentSource, Missing, Provenance, SourceError};
use futures::StreamExt;
use tokio::task::JoinSet;

use crate::bench::{Bench, content, manifest_over, read, until};
use crate::scripted::{Body, short};

/// Moves the clock while a fill waits before it resumes.
async fn while_time_passes<T>(bench: &Bench, work: impl Future<Output = T>) -> T {
    let mut work = Box::pin(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = tokio::task::yield_now() => bench.clock.advance(Duration::from_millis(10)),
        }
    }
}

#[tokio::test]
async fn a_hundred_who_join_at_any_time_cost_one_get() {
    let bench = Arc::new(Bench::new().await);
    let bytes = content(50_000);
    let digest = bench.hub.put("a/b", bytes.clone());
    bench.hub.bodies([Body::HoldAt(20_000)]);
    let mut first = bench.blob("a/b", &digest).await.unwrap();
    bench.hub.hold();
    first.body.next().await.unwrap().unwrap();
    let mut pulls = JoinSet::new();
    for _ in 0..100 {
        let (bench, digest) = (Arc::clone(&bench), digest.clone());
        pulls.spawn(async move { bench.bytes("a/b", &digest).await.unwrap() });
    }
    tokio::task::yield_now().await;
    bench.hub.release();
    for pulled in pulls.join_all().await {
        assert_eq!(pulled, bytes);
    }
    assert_eq!(
        bench.hub.asked(),
        [format!("GET blob a/b/{}", short(&digest))]
    );
}

/// "Locks that age out": what others make of a download that takes long.
#[tokio::test]
async fn who_joins_a_fill_that_is_an_hour_old_has_all_of_it_from_the_same_get() {
    let bench = Bench::new().await;
    let bytes = content(50_000);
    let digest = bench.hub.put("a/b", bytes.clone());
    bench.hub.bodies([Body::HoldAt(20_000)]);
    bench.hub.hold_bodies();
    let first = bench.blob("a/b", &digest).await.unwrap();
    for _ in 0..60 {
        bench.clock.advance(Duration::from_mins(1));
        tokio::task::yield_now().await;
    }
    let late = bench.blob("a/b", &digest).await.unwrap();
    bench.hub.release();
    assert_eq!(read(first).await.unwrap(), bytes);
    assert_eq!(read(late).await.unwrap(), bytes);
    assert_eq!(
        bench.hub.asked(),
        [format!("GET blob a/b/{}", short(&digest))]
    );
}

/// "Locks that age out", of a tag.
#[tokio::test]
async fn who_asks_for_a_tag_whose_head_is_an_hour_old_costs_no_other() {
    let bench = Arc::new(Bench::new().await);
    let digest = bench.hub.push("a/b", "latest", "manifest");
    bench.hub.hold();
    let pull = || {
        let bench = Arc::clone(&bench);
        tokio::spawn(async move { bench.manifest("a/b", "latest").await.unwrap().bytes })
    };
    let first = pull();
    until(|| bench.hub.asked_so_far() == 1).await;
    bench.clock.advance(Duration::from_hours(1));
    let late = pull();
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert!(!first.is_finished() && !late.is_finished());
    bench.hub.release();
    assert_eq!(first.await.unwrap(), "manifest");
    assert_eq!(late.await.unwrap(), "manifest");
    let get = format!("GET a/b@{}", short(&digest));
    assert_eq!(bench.hub.asked(), ["HEAD a/b:latest", &get]);
}

#[tokio::test]
async fn a_client_reads_what_has_come_while_the_rest_is_still_coming() {
    let bench = Bench::new().await;
    let bytes = content(50_000);
    let digest = bench.hub.put("a/b", bytes.clone());
    bench.hub.hold();
    bench.hub.bodies([Body::HoldAt(20_000)]);
    let asking = tokio::join!(bench.blob("a/b", &digest), async { bench.hub.release() });
    let mut blob = asking.0.unwrap();
    bench.hub.hold();
    let mut got = 0;
    while got < 20_000 {
        got += blob.body.next().await.unwrap().unwrap().len();
    }
    let range = Some(ByteRange::Between {
        first: 5000,
        last: 5999,
    });
    let part = bench
        .cache
        .blob(&Bench::request("a/b"), &digest, range)
        .await
        .unwrap();
    assert_eq!(part.range, Some(5000..6000));
    assert_eq!(
        read(part).await.unwrap(),
        bytes.slice(5000..6000),
        "a range of a blob still coming"
    );
    bench.hub.release();
    assert_eq!(got + read(blob).await.unwrap().len(), 50_000);
}

#[tokio::test]
async fn the_size_of_a_blob_on_its_way_is_known_without_asking() {
    let bench = Bench::new().await;
    let digest = bench.hub.put("a/b", content(50_000));
    bench.hub.bodies([Body::HoldAt(20_000)]);
    let mut blob = bench.blob("a/b", &digest).await.unwrap();
    bench.hub.hold();
    blob.body.next().await.unwrap().unwrap();
    let request = Bench::request("a/b");
    let size = bench.cache.stat_blob(&request, &digest).await.unwrap();
    assert_eq!(size, Some(50_000));
    bench.hub.release();
    assert_eq!(
        bench.hub.asked(),
        [format!("GET blob a/b/{}", short(&digest))]
    );
}

#[tokio::test]
async fn the_fill_goes_on_when_its_only_client_leaves() {
    let bench = Bench::new().await;
    let bytes = content(50_000);
    let digest = bench.hub.put("a/b", bytes.clone());
    bench.hub.bodies([Body::HoldAt(20_000)]);
    let mut blob = bench.blob("a/b", &digest).await.unwrap();
    blob.body.next().await.unwrap().unwrap();
    drop(blob);
    bench.settle().await;
    assert_eq!(bench.at_rest().await, std::slice::from_ref(&digest));
    assert_eq!(
        bench.blob("a/b", &digest).await.unwrap().provenance,
        Provenance::Kept
    );
    assert_eq!(bench.hub.asked().len(), 1);
}

#[tokio::test]
async fn a_fill_that_nobody_reads_makes_room_when_others_wait_for_its_place() {
    let bench = Bench::new().await;
    let bytes = content(50_000);
    let digest = bench.hub.put("a/b", bytes.clone());
    bench.hub.bodies([Body::HoldAt(20_000)]);
    bench.hub.hold_bodies();
    let idle = bench.running();
    let mut blob = bench.blob("a/b", &digest).await.unwrap();
    while_time_passes(&bench, async {
        let mut got = 0;
        while got < 20_000 {
            got += blob.body.next().await.unwrap().unwrap().len();
        }
    })
    .await;
    bench.hub.crowd();
    let waiting = while_time_passes(&bench, async {
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
    });
    waiting.await;
    assert_eq!(bench.running(), idle + 1, "it is read, if slowly");
    drop(blob);
    while_time_passes(&bench, until(|| bench.running() == idle)).await;
    assert!(bench.at_rest().await.is_empty());
    bench.hub.release();
    assert_eq!(bench.bytes("a/b", &digest).await.unwrap(), bytes);
}

#[tokio::test]
async fn the_size_of_a_blob_whose_fill_waits_for_its_turn_is_asked_for() {
    let bench = Arc::new(Bench::new().await);
    let digest = bench.hub.put("a/b", content(50_000));
    bench.hub.hold();
    let pull = tokio::spawn({
        let (bench, digest) = (Arc::clone(&bench), digest.clone());
        async move { bench.bytes("a/b", &digest).await }
    });
    until(|| bench.hub.asked_so_far() == 1).await;
    let request = Bench::request("a/b");
    let size = bench.cache.stat_blob(&request, &digest);
    let both = tokio::join!(size, async {
        until(|| bench.hub.asked_so_far() == 2).await;
        bench.hub.release();
    });
    assert_eq!(both.0.unwrap(), Some(50_000));
    assert_eq!(
        bench.hub.asked()[1],
        format!("HEAD blob a/b/{}", short(&digest))
    );
    pull.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_cut_connection_is_resumed_where_it_broke() {
    for at in [0, 1, 999, 1000, 1001, 25_000, 49_999, 50_000] {
        let bench = Bench::new().await;
        let bytes = content(50_000);
        let digest = bench.hub.put("a/b", bytes.clone());
        bench.hub.bodies([Body::CutAt(at)]);
        let pulled = while_time_passes(&bench, bench.bytes("a/b", &digest))
            .await
            .unwrap();
        assert_eq!(pulled, bytes, "cut at {at}");
        let from = if at == 0 {
            String::new()
        } else {
            format!(" from {at}")
        };
        let again = format!("GET blob a/b/{}{from}", short(&digest));
        let asked = bench.hub.asked();
        assert_eq!(asked[0], format!("GET blob a/b/{}", short(&digest)));
        if at < 50_000 {
            assert_eq!(asked[1..], [again], "cut at {at}");
        }
        bench.settle().await;
        assert_eq!(bench.at_rest().await, [digest]);
    }
}

/// Fault 6.
#[tokio::test]
async fn a_body_that_stalls_is_resumed_where_it_stopped() {
    let bench = Bench::new().await;
    let bytes = content(50_000);
    let digest = bench.hub.put("a/b", bytes.clone());
    bench.hub.bodies([Body::StallAt(25_000)]);
    let pulled = while_time_passes(&bench, bench.bytes("a/b", &digest)).await;
    assert_eq!(pulled.unwrap(), bytes);
    let get = format!("GET blob a/b/{}", short(&digest));
    assert_eq!(
        bench.hub.asked(),
        [get.clone(), format!("{get} from 25000")]
    );
    bench.settle().await;
    assert_eq!(bench.at_rest().await, [digest]);
}

#[tokio::test]
async fn a_resume_that_gets_the_whole_leaves_out_what_it_has() {
    let bench = Bench::new().await;
    let bytes = content(50_000);
    let digest = bench.hub.put("a/b", bytes.clone());
    bench.hub.bodies([Body::CutAt(30_500), Body::IgnoresRange]);
    assert_eq!(
        while_time_passes(&bench, bench.bytes("a/b", &digest))
            .await
            .unwrap(),
        bytes
    );
}

#[tokio::test]
async fn an_upstream_that_cuts_without_end_is_given_up_and_nothing_is_kept() {
    let bench = Bench::new().await;
    let digest = bench.hub.put("a/b", content(50_000));
    for gained in [0, 1, 1000] {
        bench
            .hub
            .bodies(std::iter::repeat_n(Body::CutAt(gained), 10));
        let answer = while_time_passes(&bench, bench.bytes("a/b", &digest)).await;
        assert!(
            matches!(answer, Err(SourceError::Unavailable { .. })),
            "{gained}: {answer:?}"
        );
        assert!(bench.hub.asked().len() < 10, "bounded: {gained}");
        bench.settle().await;
        assert!(bench.at_rest().await.is_empty());
        bench.hub.forget_bodies();
    }
}

#[tokio::test]
async fn wrong_long_and_short_bytes_never_complete_and_are_never_kept() {
    for (case, body) in [
        ("wrong", Body::Wrong),
        ("long", Body::TooLong),
        ("short", Body::ClaimsSize(50_001)),
    ] {
        for hides_size in [false, true] {
            let bench = Bench::new().await;
            if hides_size {
                bench.hub.hide_sizes();
            }
            let bytes = content(50_000);
            let digest = bench.hub.put("a/b", bytes.clone());
            bench.hub.bodies(std::iter::repeat_n(body.clone(), 20));
            let Ok(whole) = bench.blob("a/b", &digest).await else {
                // All of it came, and was refused, before the first look at it.
                assert!(bench.at_rest().await.is_empty());
                continue;
            };
            let mut body = whole.body;
            let mut got = Vec::new();
            let end = while_time_passes(&bench, async {
                loop {
                    match body.next().await {
                        Some(Ok(bytes)) => got.extend_from_slice(&bytes),
                        Some(Err(error)) => break Err(error),
                        None => break Ok(()),
                    }
                }
            })
            .await;
            let is_honest = case == "short" && hides_size;
            assert_eq!(end.is_ok(), is_honest, "{case} {hides_size}: {end:?}");
            if let Some(size) = whole.size {
                assert!(
                    (got.len() as u64) < size,
                    "{case}: the last byte was held back"
                );
            }
            bench.settle().await;
            assert_eq!(
                bench.at_rest().await.is_empty(),
                !is_honest,
                "{case} {hides_size}"
            );
            bench.hub.bodies([]);
        }
    }
}

#[tokio::test]
async fn a_size_that_is_not_the_manifests_is_refused_before_a_byte_is_given() {
    let bench = Bench::new().await;
    let layer = bench.hub.put("a/b", content(5000));
    bench
        .hub
        .push("a/b", "latest", manifest_over(&[(layer.clone(), 5000)]));
    bench.manifest("a/b", "latest").await.unwrap();
    bench.settle().await;
    bench.hub.bodies([Body::ClaimsSize(4999)]);
    let answer = bench.blob("a/b", &layer).await;
    assert!(
        matches!(answer, Err(SourceError::Invalid { .. })),
        "{answer:?}"
    );
}

#[tokio::test]
async fn another_repositorys_lies_about_a_size_harm_nobody_who_joins_its_fill() {
    for hides_size in [false, true] {
        let bench = Arc::new(Bench::new().await);
        if hides_size {
            bench.hub.hide_sizes();
        }
        let layer = bench.hub.put("attacker/image", content(5000));
        bench.hub.put("a/b", content(5000));
        let lie = manifest_over(&[(layer.clone(), 7)]);
        bench.hub.push("attacker/image", "latest", lie);
        bench.manifest("attacker/image", "latest").await.unwrap();
        bench.hub.asked();
        bench.hub.hold();
        let pull = |repository: &'static str| {
            let (bench, layer) = (Arc::clone(&bench), layer.clone());
            tokio::spawn(async move { bench.bytes(repository, &layer).await })
        };
        let liar = pull("attacker/image");
        until(|| bench.hub.asked_so_far() == 1).await;
        let honest = [pull("a/b"), pull("a/b")];
        until(|| bench.hub.asked_so_far() == 2).await;
        bench.hub.release();
        assert!(liar.await.unwrap().is_err(), "{hides_size}");
        for pull in honest {
            assert_eq!(pull.await.unwrap().unwrap(), content(5000), "{hides_size}");
        }
        bench.settle().await;
        let gets = bench.hub.asked().into_iter();
        let gets = gets.filter(|asked| asked.starts_with("GET")).count();
        assert_eq!(gets, if hides_size { 2 } else { 1 });
        assert!(bench.at_rest().await.contains(&layer));
    }
}

#[tokio::test]
async fn a_kept_manifest_tells_the_sizes_of_its_blobs_also_after_a_restart() {
    let bench = Bench::new().await;
    let layer = bench.hub.put("a/b", content(5000));
    let manifest = manifest_over(&[(layer.clone(), 5000)]);
    bench.hub.push("a/b", "latest", manifest);
    bench.manifest("a/b", "latest").await.unwrap();
    let bench = bench.restart().await;
    bench.hub.hide_sizes();
    bench.manifest("a/b", "latest").await.unwrap();
    let blob = bench.blob("a/b", &layer).await.unwrap();
    assert_eq!(blob.size, Some(5000));
}

#[tokio::test]
async fn another_repositorys_lies_about_a_size_harm_nobody_else() {
    let bench = Bench::new().await;
    let layer = bench.hub.put("a/b", content(5000));
    bench.hub.push(
        "attacker/image",
        "latest",
        manifest_over(&[(layer.clone(), 1)]),
    );
    bench.manifest("attacker/image", "latest").await.unwrap();
    bench.settle().await;
    assert_eq!(bench.bytes("a/b", &layer).await.unwrap(), content(5000));
}

#[tokio::test]
async fn whoever_joins_from_another_repository_earns_it_first() {
    let bench = Arc::new(Bench::new().await);
    let bytes = content(50_000);
    let digest = bench.hub.put("a/b", bytes.clone());
    bench.hub.put("c/d", bytes.clone());
    bench.hub.bodies([Body::HoldAt(20_000)]);
    let first = bench.blob("a/b", &digest).await.unwrap();
    assert!(matches!(
        bench.blob("attacker/image", &digest).await,
        Err(SourceError::NotFound(Missing::Blob))
    ));
    assert_eq!(bench.bytes("c/d", &digest).await.unwrap(), bytes);
    assert_eq!(read(first).await.unwrap(), bytes);
    let gets = bench
        .hub
        .asked()
        .into_iter()
        .filter(|asked| asked.starts_with("GET"))
        .count();
    assert_eq!(gets, 1);
}

#[tokio::test]
async fn a_refusal_binds_only_the_repository_that_was_refused() {
    let bench = Arc::new(Bench::new().await);
    let bytes = content(5000);
    let digest = bench.hub.put("honest/image", bytes.clone());
    bench.hub.hold();
    let refused = tokio::spawn({
        let (bench, digest) = (Arc::clone(&bench), digest.clone());
        async move { bench.bytes("refused/image", &digest).await }
    });
    until(|| bench.supervisor.running() > 1).await;
    let honest = tokio::spawn({
        let (bench, digest) = (Arc::clone(&bench), digest.clone());
        async move { bench.bytes("honest/image", &digest).await }
    });
    tokio::task::yield_now().await;
    bench.hub.release();
    assert!(matches!(
        refused.await.unwrap(),
        Err(SourceError::NotFound(Missing::Blob))
    ));
    assert_eq!(honest.await.unwrap().unwrap(), bytes);
}

#[tokio::test]
async fn a_blob_of_no_bytes_is_a_blob() {
    let bench = Bench::new().await;
    let digest = bench.hub.put("a/b", "");
    assert_eq!(bench.bytes("a/b", &digest).await.unwrap(), "");
    bench.settle().await;
    assert_eq!(bench.bytes("a/b", &digest).await.unwrap(), "");
}

#[tokio::test]
async fn an_absent_blob_is_asked_about_once_in_its_time() {
    let bench = Bench::new().await;
    let digest = forebay_oci::Digest::sha256(b"nowhere");
    for _ in 0..3 {
        assert!(matches!(
            bench.blob("a/b", &digest).await,
            Err(SourceError::NotFound(Missing::Blob))
        ));
        bench.settle().await;
    }
    assert_eq!(bench.hub.asked().len(), 1);
}

//! A disk that the cache shares with others, who come first: what they need goes from the cache, and no more than that.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use forebay_cache::{DiskRoom, Kept, LookAtDisk};
use forebay_oci::Digest;

use crate::bench::{Bench, Setup, until};
use crate::eviction::{UPKEEP, layer, pull};
use crate::scripted::short;

const DISK: u64 = 100_000;

/// What stays free of it.
const RESERVE: u64 = DISK / 20;

/// A disk that holds what the cache keeps and what others do.
#[derive(Default)]
struct SharedDisk {
    others: AtomicU64,
    cache: OnceLock<Weak<Kept>>,
}

impl LookAtDisk for SharedDisk {
    fn look(&self) -> Option<DiskRoom> {
        let cache = self.cache.get()?.upgrade()?.bytes();
        let used = cache + self.others.load(Ordering::Relaxed);
        Some(DiskRoom {
            free_bytes: DISK.saturating_sub(used),
            total_bytes: DISK,
        })
    }
}

impl SharedDisk {
    fn others_write(&self, bytes: u64) {
        self.others.fetch_add(bytes, Ordering::Relaxed);
    }

    fn free(&self) -> u64 {
        self.look().unwrap().free_bytes
    }
}

async fn bench() -> (Bench, Arc<SharedDisk>) {
    let disk = Arc::new(SharedDisk::default());
    let bench = Bench::with(Setup {
        disk: Arc::clone(&disk) as _,
        ..Setup::default()
    })
    .await;
    disk.cache.set(Arc::downgrade(&bench.kept)).unwrap();
    // The first look was before that.
    look_again(&bench).await;
    (bench, disk)
}

async fn look_again(bench: &Bench) {
    bench.clock.advance(UPKEEP);
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
}

/// Layers of 10,000 bytes, from the coldest to the warmest.
async fn pulled(bench: &Bench, layers: u8) -> Vec<Digest> {
    let mut digests = Vec::new();
    for seed in 0..layers {
        digests.push(pull(bench, seed, 10_000).await);
    }
    bench.hub.asked();
    digests
}

/// These are at rest and no others, and are served without a question.
async fn stay(bench: &Bench, digests: &[Digest]) {
    let mut expected = digests.to_vec();
    expected.sort_by_key(ToString::to_string);
    assert_eq!(bench.at_rest().await, expected);
    bench.hub.asked();
    for digest in digests {
        bench.bytes("a/b", digest).await.unwrap();
    }
    assert!(bench.hub.asked().is_empty());
}

#[tokio::test]
async fn however_much_is_pulled_a_twentieth_of_the_disk_stays_free() {
    let (bench, disk) = bench().await;
    pulled(&bench, 30).await;
    assert!(disk.free() >= RESERVE, "{} are free", disk.free());
    assert!(bench.kept.bytes() >= 70_000, "and no more than it takes");
    assert_eq!(bench.kept.health().trouble(), None);
}

#[tokio::test]
async fn when_others_fill_the_disk_what_was_not_used_for_longest_goes_until_the_reserve_is_free_again()
 {
    let (bench, disk) = bench().await;
    let digests = pulled(&bench, 9).await;
    disk.others_write(disk.free());
    bench.clock.advance(UPKEEP);
    until(|| disk.free() >= RESERVE).await;
    // To the low mark, as wherever something goes.
    stay(&bench, &digests[2..]).await;
    // What was pulled within the last minute stays for that long.
    disk.others_write(disk.free());
    look_again(&bench).await;
    assert_eq!(bench.kept.bytes(), 70_000);
    // Others who go on and on get all of it, and then there is nothing more to go.
    bench.clock.advance(Duration::from_mins(1));
    until(|| {
        disk.others_write(disk.free());
        bench.clock.advance(UPKEEP);
        bench.kept.bytes() == 0
    })
    .await;
    let cold = pull(&bench, 99, 10_000).await;
    assert_eq!(bench.at_rest().await, []);
    assert_eq!(
        bench.hub.asked(),
        [format!("GET blob a/b/{}", short(&cold))],
        "a pull goes through all the same"
    );
    assert!(bench.kept.health().trouble().is_some());
}

#[tokio::test]
async fn what_is_about_to_be_pushed_finds_room_at_once_and_takes_no_more_than_it_needs() {
    let (bench, disk) = bench().await;
    let digests = pulled(&bench, 9).await;
    let warmest = bench.hub.put("a/b", layer(77, 4_000));
    bench.bytes("a/b", &warmest).await.unwrap();
    bench.settle().await;
    bench.kept.give_way(20_000).await;
    assert!(disk.free() >= 20_000 + RESERVE);
    let mut left = digests[2..].to_vec();
    left.push(warmest.clone());
    stay(&bench, &left).await;
    disk.others_write(20_000);
    look_again(&bench).await;
    stay(&bench, &left).await;
    // Also what is pulled just now: it can be fetched again.
    bench.kept.give_way(70_000).await;
    assert!(disk.free() >= 70_000, "{} are free", disk.free());
}

#[tokio::test]
async fn nothing_goes_for_a_push_that_has_room_or_that_never_will() {
    let (bench, disk) = bench().await;
    let digests = pulled(&bench, 5).await;
    bench.kept.give_way(40_000).await;
    stay(&bench, &digests).await;
    bench.kept.give_way(DISK + 1).await;
    stay(&bench, &digests).await;
    assert_eq!(disk.free(), 50_000);
}

#[tokio::test]
async fn a_blob_that_the_disk_has_no_room_for_is_passed_on_and_nothing_goes_for_it() {
    let (bench, disk) = bench().await;
    let digests = pulled(&bench, 2).await;
    disk.others_write(40_000);
    look_again(&bench).await;
    let large = bench.hub.put("a/b", layer(9, 60_000));
    assert_eq!(bench.bytes("a/b", &large).await.unwrap(), layer(9, 60_000));
    bench.settle().await;
    stay(&bench, &digests).await;
    let trouble = bench.kept.health().trouble().unwrap();
    assert!(trouble.contains("no space left"), "{trouble}");
}

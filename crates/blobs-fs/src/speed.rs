//! What reading costs: figures to choose the chunk size by, printed by hand.
//!
//! `cargo test --release -p forebay-blobs-fs --lib -- --ignored --nocapture speed`

use std::fs;
use std::sync::Arc;

use bytes::Bytes;
use forebay_content::{BlobStore, SystemClock};
use forebay_oci::Digest;
use tempfile::TempDir;

use crate::disk::RealDisk;
use crate::store::FsBlobs;

const BLOB_BYTES: usize = 256 << 20;
const ROUNDS: u32 = 24;

/// What one round reads or writes, in GB.
const GIGABYTES: f64 = 0.268_435_456;

/// As an HTTP client gives them, in bytes.
const WRITE_BYTES: usize = 16 * 1024;

const READERS: usize = 1000;

async fn kept(dir: &TempDir, chunk_bytes: u32) -> (FsBlobs, Digest) {
    let clock = Arc::new(SystemClock::new());
    let store = FsBlobs::open_with(dir.path(), Arc::new(RealDisk), clock, chunk_bytes).unwrap();
    let content: Bytes = vec![0x5a; BLOB_BYTES].into();
    let digest = Digest::sha256(b"stands for the content, which nobody hashes here");
    let mut stage = store.stage(None).await.unwrap();
    stage.write(content).await.unwrap();
    stage.commit(&digest).await.unwrap();
    (store, digest)
}

/// Processor time of this process so far, in hundredths of a second.
fn processor_ticks() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |i: usize| fields[i].parse::<f64>().unwrap();
    ticks(11) + ticks(12)
}

/// Resident memory of this process, in MiB.
fn resident_mib() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
    (pages * 4096) >> 20
}

#[tokio::test]
#[ignore = "prints figures and checks none"]
async fn what_a_warm_read_costs() {
    for chunk_bytes in [16, 32, 64, 128, 256, 1024].map(|kib| kib << 10) {
        let dir = TempDir::new().unwrap();
        let (store, digest) = kept(&dir, chunk_bytes).await;
        let before = processor_ticks();
        for _ in 0..ROUNDS {
            let reader = store.open(&digest).await.unwrap();
            let mut offset = 0;
            while offset < reader.size() {
                offset += reader.read(offset).await.unwrap().len() as u64;
            }
        }
        let seconds = (processor_ticks() - before) / 100.0;
        let per_gigabyte = seconds / (GIGABYTES * f64::from(ROUNDS));
        println!("chunk {chunk_bytes:>7}: {per_gigabyte:.3} CPU-s per GB");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "prints figures and checks none"]
async fn what_a_fill_costs() {
    let dir = TempDir::new().unwrap();
    let store = FsBlobs::open(dir.path(), Arc::new(RealDisk)).unwrap();
    let content: Bytes = vec![0x5a; BLOB_BYTES].into();
    let before = processor_ticks();
    for round in 0..ROUNDS {
        let mut stage = store.stage(None).await.unwrap();
        for part in content.chunks(WRITE_BYTES) {
            stage.write(content.slice_ref(part)).await.unwrap();
        }
        // Only every fourth is kept: the device is not what is measured.
        if round % 4 == 0 {
            stage.commit(&Digest::sha256(b"a name")).await.unwrap();
        }
    }
    let seconds = (processor_ticks() - before) / 100.0;
    let per_gigabyte = seconds / (GIGABYTES * f64::from(ROUNDS));
    println!("fill, without hashing: {per_gigabyte:.3} CPU-s per GB");
}

#[tokio::test]
#[ignore = "prints figures and checks none"]
async fn what_a_thousand_slow_readers_hold() {
    for chunk_bytes in [32, 64, 128].map(|kib| kib << 10) {
        let dir = TempDir::new().unwrap();
        let (store, digest) = kept(&dir, chunk_bytes).await;
        let before = resident_mib();
        let mut held = Vec::new();
        for i in 0..READERS {
            let reader = store.open(&digest).await.unwrap();
            let offset = (i as u64 * u64::from(chunk_bytes)) % reader.size();
            held.push((reader.read(offset).await.unwrap(), reader));
        }
        let during = resident_mib() - before;
        drop(held);
        let after = resident_mib().saturating_sub(before);
        println!("chunk {chunk_bytes:>7}: {during} MiB held, {after} MiB afterwards");
    }
}

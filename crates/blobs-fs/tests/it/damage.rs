//! A rotten disk never makes us give wrong bytes.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use bytes::Bytes;
use forebay_content::{BlobError, BlobStore};
use forebay_oci::Digest;
use proptest::prelude::{ProptestConfig, any};
use proptest::proptest;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::scene::{CHUNK, PATIENCE, Scene, content, keep, read};

fn flip(path: &Path, bit: u64) {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, bit / 8).unwrap();
    file.write_all_at(&[byte[0] ^ (1 << (bit % 8))], bit / 8)
        .unwrap();
}

fn kept(runtime: &Runtime, len: usize) -> (Scene, Bytes, Digest) {
    let (scene, blob) = (Scene::new(), content(7, len));
    let digest = runtime.block_on(keep(&scene.store, &blob)).unwrap();
    (scene, blob, digest)
}

fn is_corrupt<T>(outcome: &Result<T, BlobError>) -> bool {
    matches!(outcome, Err(BlobError::Corrupt(_)))
}

#[test]
fn any_one_flipped_bit_is_noticed() {
    let runtime = Runtime::new().unwrap();
    let (scene, blob, digest) = kept(&runtime, 3 * CHUNK + 1);
    let path = scene.file_of(&digest);
    let (blob_bits, file_bits) = (
        blob.len() as u64 * 8,
        fs::metadata(&path).unwrap().len() * 8,
    );
    let noticed = |bit: u64| {
        flip(&path, bit);
        let outcome = runtime.block_on(read(&scene.store, &digest));
        assert!(is_corrupt(&outcome), "bit {bit}");
        flip(&path, bit);
    };
    (blob_bits..file_bits).for_each(noticed);
    proptest!(ProptestConfig::with_cases(500), |(bit in 0..blob_bits)| noticed(bit));
    assert_eq!(runtime.block_on(read(&scene.store, &digest)).unwrap(), blob);
}

#[test]
fn a_flipped_bit_is_noticed_while_the_blob_is_open_and_from_any_offset() {
    let runtime = Runtime::new().unwrap();
    let (scene, blob, digest) = kept(&runtime, 5 * CHUNK);
    let reader = runtime.block_on(scene.store.open(&digest)).unwrap();
    proptest!(|(bit in 0..blob.len() as u64 * 8, offset in 0..blob.len())| {
        flip(&scene.file_of(&digest), bit);
        let outcome = runtime.block_on(reader.read(offset as u64));
        flip(&scene.file_of(&digest), bit);
        match outcome {
            Ok(bytes) => assert_eq!(bytes, blob[offset..offset + bytes.len()]),
            Err(error) => assert!(is_corrupt::<()>(&Err(error))),
        }
    });
}

#[test]
fn a_file_cut_to_any_length_is_noticed_when_it_is_opened() {
    let runtime = Runtime::new().unwrap();
    let (scene, _, digest) = kept(&runtime, 2 * CHUNK + 77);
    let path = scene.file_of(&digest);
    let whole = fs::read(&path).unwrap();
    proptest!(ProptestConfig::with_cases(500), |(len in 0..whole.len())| {
        fs::write(&path, &whole[..len]).unwrap();
        assert!(is_corrupt(&runtime.block_on(scene.store.open(&digest))), "{len}");
    });
    for len in (0..60).chain(whole.len() - 60..whole.len()) {
        fs::write(&path, &whole[..len]).unwrap();
        assert!(
            is_corrupt(&runtime.block_on(scene.store.open(&digest))),
            "{len}"
        );
    }
}

#[test]
fn a_file_with_anything_behind_it_is_noticed_when_it_is_opened() {
    let runtime = Runtime::new().unwrap();
    let (scene, _, digest) = kept(&runtime, 1000);
    let path = scene.file_of(&digest);
    let whole = fs::read(&path).unwrap();
    proptest!(|(tail in proptest::collection::vec(any::<u8>(), 1..100))| {
        fs::write(&path, [&whole[..], &tail].concat()).unwrap();
        assert!(is_corrupt(&runtime.block_on(scene.store.open(&digest))));
    });
}

#[tokio::test]
async fn a_file_cut_while_it_is_read_is_noticed() {
    let scene = Scene::new();
    let digest = keep(&scene.store, &content(1, 4 * CHUNK)).await.unwrap();
    let reader = scene.store.open(&digest).await.unwrap();
    let file = OpenOptions::new()
        .write(true)
        .open(scene.file_of(&digest))
        .unwrap();
    file.set_len(2 * CHUNK as u64 + 5).unwrap();
    assert!(reader.read(0).await.is_ok());
    assert!(is_corrupt(&reader.read(2 * CHUNK as u64).await));
    assert!(is_corrupt(&reader.read(3 * CHUNK as u64).await));
}

#[tokio::test]
async fn a_missing_file_is_not_found() {
    let scene = Scene::new();
    let digest = keep(&scene.store, &content(1, 10)).await.unwrap();
    fs::remove_file(scene.file_of(&digest)).unwrap();
    let outcome = scene.store.open(&digest).await;
    assert!(matches!(outcome, Err(BlobError::NotFound)));
}

#[tokio::test]
async fn a_blob_under_anothers_name_is_noticed_when_it_is_opened() {
    let scene = Scene::new();
    let one = keep(&scene.store, &content(1, 100)).await.unwrap();
    let other = keep(&scene.store, &content(2, 100)).await.unwrap();
    fs::copy(scene.file_of(&one), scene.file_of(&other)).unwrap();
    assert!(is_corrupt(&scene.store.open(&other).await));
}

#[tokio::test]
async fn a_damaged_blob_is_healed_by_a_commit() {
    let scene = Scene::new();
    let blob = content(1, 2 * CHUNK);
    let digest = keep(&scene.store, &blob).await.unwrap();
    // Who has it open does not keep the others from the new one.
    let old_reader = scene.store.open(&digest).await.unwrap();
    flip(&scene.file_of(&digest), 12_345);
    assert!(is_corrupt(&old_reader.read(0).await));
    keep(&scene.store, &blob).await.unwrap();
    assert_eq!(read(&scene.store, &digest).await.unwrap(), blob);
    assert!(is_corrupt(&old_reader.read(0).await));
}

#[tokio::test]
async fn a_blob_found_damaged_is_looked_up_anew() {
    let scene = Scene::new();
    let blob = content(1, 2 * CHUNK);
    let digest = keep(&scene.store, &blob).await.unwrap();
    let path = scene.file_of(&digest);
    let backup = scene.root().join("backup");
    fs::copy(&path, &backup).unwrap();
    flip(&path, 12_345);
    let open = scene.store.open(&digest).await.unwrap();
    assert!(is_corrupt(&open.read(0).await));
    // Somebody restores it behind our back, while the damaged one is still open.
    fs::rename(&backup, &path).unwrap();
    assert_eq!(read(&scene.store, &digest).await.unwrap(), blob);
    assert!(is_corrupt(&open.read(0).await));
}

#[tokio::test]
async fn a_stage_damaged_on_the_disk_is_noticed_by_its_readers() {
    let scene = Scene::new();
    let mut stage = scene.store.stage(None).await.unwrap();
    stage.write(content(1, 2 * CHUNK + 5)).await.unwrap();
    let reader = stage.reader();
    let staged = fs::read_dir(scene.root().join("staging")).unwrap();
    let path = staged.map(|entry| entry.unwrap().path()).next().unwrap();
    flip(&path, 8 * CHUNK as u64 + 3);
    assert!(reader.read(0).await.is_ok());
    assert!(is_corrupt(&reader.read(CHUNK as u64).await));
    assert_eq!(reader.read(2 * CHUNK as u64).await.unwrap().len(), 5);
}

#[tokio::test]
async fn a_pipe_in_the_place_of_a_blob_is_damage_and_nobody_waits_for_it() {
    let scene = Scene::new();
    let blob = content(1, CHUNK);
    let digest = keep(&scene.store, &blob).await.unwrap();
    let path = scene.file_of(&digest);
    fs::remove_file(&path).unwrap();
    mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let asked = async {
        assert!(is_corrupt(&scene.store.open(&digest).await));
        assert!(is_corrupt(&scene.store.verify(&digest).await));
        assert_eq!(scene.store.list(None, 10).await.unwrap(), []);
        // Whoever brings the bytes again mends it.
        keep(&scene.store, &blob).await.unwrap();
        assert_eq!(read(&scene.store, &digest).await.unwrap(), blob);
    };
    timeout(PATIENCE, asked).await.unwrap();
}

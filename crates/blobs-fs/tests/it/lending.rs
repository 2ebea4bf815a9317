//! Bytes that are lent where they lie were checked a moment ago, or are checked now.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use forebay_blobs_fs::{Disk, FileState, FsBlobs, Patience, ReadDisk, Room};
use forebay_content::{BlobError, BlobReader, BlobStore, FileSpan, ManualClock};
use forebay_disk_faults::{Effect, FaultyDisk, Target};
use forebay_oci::Digest;
use tempfile::TempDir;

use crate::scene::{CHUNK, Scene, content, file_of, keep};

/// Longer than what was checked is trusted.
const LONG: Duration = Duration::from_secs(61);

/// More than is lent at once.
const ALL: u64 = u64::MAX;

/// A disk that does not tell when a file changed: what rots by itself changes no time either.
#[derive(Clone, Debug, Default)]
struct Timeless(FaultyDisk);

impl ReadDisk for Timeless {
    fn open(&self, path: &Path) -> io::Result<File> {
        self.0.open(path)
    }

    fn state(&self, file: &File) -> io::Result<FileState> {
        let state = self.0.state(file)?;
        Ok(FileState {
            modified: (0, 0),
            changed: (0, 0),
            ..state
        })
    }

    fn read_at(
        &self,
        file: &File,
        buf: &mut [u8],
        offset: u64,
        wait: Patience,
    ) -> io::Result<usize> {
        self.0.read_at(file, buf, offset, wait)
    }

    fn names(&self, dir: &Path) -> io::Result<Vec<OsString>> {
        self.0.names(dir)
    }

    fn room(&self, path: &Path) -> io::Result<Room> {
        self.0.room(path)
    }
}

impl Disk for Timeless {
    fn create(&self, path: &Path) -> io::Result<File> {
        self.0.create(path)
    }

    fn open_to_write(&self, path: &Path) -> io::Result<File> {
        self.0.open_to_write(path)
    }

    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_at(file, bytes, offset)
    }

    fn truncate(&self, file: &File, bytes: u64) -> io::Result<()> {
        self.0.truncate(file, bytes)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.0.sync(file)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.remove(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.0.create_dir(path)
    }
}

/// An open blob on a disk that does not tell when files change, and a clock that stands.
struct Rotting {
    dir: TempDir,
    disk: FaultyDisk,
    clock: ManualClock,
    store: FsBlobs,
    digest: Digest,
    reader: Arc<dyn BlobReader>,
}

async fn rotting() -> Rotting {
    let (dir, disk, clock) = (
        TempDir::new().unwrap(),
        FaultyDisk::default(),
        ManualClock::default(),
    );
    let timeless = Arc::new(Timeless(disk.clone()));
    let store = FsBlobs::open_by(dir.path(), timeless, Arc::new(clock.clone())).unwrap();
    let digest = keep(&store, &content(1, 4 * CHUNK)).await.unwrap();
    let reader = store.open(&digest).await.unwrap();
    Rotting {
        dir,
        disk,
        clock,
        store,
        digest,
        reader,
    }
}

fn flip(path: &Path, at: u64) {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 4], at).unwrap();
}

fn bytes_of(span: &FileSpan) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(span.range.end - span.range.start).unwrap()];
    span.file
        .read_exact_at(&mut bytes, span.range.start)
        .unwrap();
    bytes
}

/// Takes the whole blob as it is lent, and reads where it is not.
async fn take(reader: &dyn BlobReader, mut offset: u64) -> Result<Vec<u8>, BlobError> {
    let mut taken = Vec::new();
    loop {
        let bytes = match reader.lend(offset, ALL).await? {
            Some(span) => {
                assert_eq!(span.range.start, offset);
                bytes_of(&span)
            }
            None => reader.read(offset).await?.to_vec(),
        };
        if bytes.is_empty() {
            return Ok(taken);
        }
        offset += bytes.len() as u64;
        taken.extend(bytes);
    }
}

fn is_corrupt<T>(outcome: &Result<T, BlobError>) -> bool {
    matches!(outcome, Err(BlobError::Corrupt(_)))
}

#[tokio::test]
async fn what_is_lent_is_what_was_kept() {
    let scene = Scene::new();
    for len in [1, CHUNK - 1, CHUNK, 3 * CHUNK + 1, 9 * CHUNK + 20_000] {
        let blob = content(3, len);
        let digest = keep(&scene.store, &blob).await.unwrap();
        let reader = scene.store.open(&digest).await.unwrap();
        for offset in [0, 1, len / 2, len - 1, len] {
            for _ in 0..2 {
                let taken = take(reader.as_ref(), offset as u64).await.unwrap();
                assert!(taken == blob[offset..], "{len} from {offset}");
            }
        }
    }
}

#[tokio::test]
async fn no_more_is_lent_than_was_asked_for_and_little_is_read() {
    let scene = Scene::new();
    let digest = keep(&scene.store, &content(1, 4 * CHUNK)).await.unwrap();
    let reader = scene.store.open(&digest).await.unwrap();
    take(reader.as_ref(), 0).await.unwrap();
    let lent = |offset, max_bytes| {
        let reader = Arc::clone(&reader);
        async move {
            reader
                .lend(offset, max_bytes)
                .await
                .unwrap()
                .map(|span| span.range)
        }
    };
    assert_eq!(lent(0, ALL).await, Some(0..4 * CHUNK as u64));
    assert_eq!(lent(10, 100_000).await, Some(10..100_010));
    assert_eq!(lent(0, 1000).await, None);
    assert_eq!(lent(4 * CHUNK as u64 - 1000, ALL).await, None);
    assert_eq!(lent(4 * CHUNK as u64, ALL).await, None);
    assert_eq!(lent(u64::MAX, ALL).await, None);
}

#[tokio::test]
async fn a_flipped_bit_is_noticed_before_the_next_chunk_is_lent() {
    let scene = Scene::new();
    let blob: Bytes = content(1, 8 * CHUNK);
    let digest = keep(&scene.store, &blob).await.unwrap();
    let path = scene.file_of(&digest);
    for at in [0, 5 * CHUNK as u64 + 7, 8 * CHUNK as u64 - 1] {
        let reader = scene.store.open(&digest).await.unwrap();
        // All of it was checked, and is trusted.
        assert!(take(reader.as_ref(), 0).await.unwrap() == blob);
        flip(&path, at);
        assert!(is_corrupt(&take(reader.as_ref(), 0).await), "{at}");
        let chunk = at / CHUNK as u64 * CHUNK as u64;
        assert!(is_corrupt(&reader.lend(chunk + 9, 20_000).await), "{at}");
        flip(&path, at);
    }
    assert!(
        take(scene.store.open(&digest).await.unwrap().as_ref(), 0)
            .await
            .unwrap()
            == blob
    );
}

#[tokio::test]
async fn a_file_that_was_cut_is_noticed_before_the_next_chunk_is_lent() {
    let scene = Scene::new();
    let digest = keep(&scene.store, &content(1, 4 * CHUNK)).await.unwrap();
    let reader = scene.store.open(&digest).await.unwrap();
    take(reader.as_ref(), 0).await.unwrap();
    let file = OpenOptions::new()
        .write(true)
        .open(scene.file_of(&digest))
        .unwrap();
    file.set_len(CHUNK as u64 + 5).unwrap();
    assert!(reader.lend(0, CHUNK as u64).await.is_ok());
    assert!(is_corrupt(&reader.lend(CHUNK as u64, ALL).await));
}

#[tokio::test]
async fn what_was_checked_is_trusted_for_a_while_and_not_longer() {
    let rotting = rotting().await;
    take(rotting.reader.as_ref(), 0).await.unwrap();
    flip(&file_of(rotting.dir.path(), &rotting.digest), 100);
    assert!(rotting.reader.lend(0, ALL).await.is_ok(), "a moment ago");
    rotting.clock.advance(LONG);
    assert!(is_corrupt(&rotting.reader.lend(0, ALL).await));
}

#[tokio::test]
async fn what_one_reader_checked_the_next_one_need_not() {
    let rotting = rotting().await;
    take(rotting.reader.as_ref(), 0).await.unwrap();
    drop(rotting.reader);
    flip(&file_of(rotting.dir.path(), &rotting.digest), 100);
    let next = rotting.store.open(&rotting.digest).await.unwrap();
    assert!(next.lend(0, ALL).await.is_ok(), "a moment ago");
    rotting.clock.advance(LONG);
    assert!(is_corrupt(&next.lend(0, ALL).await));
    drop(next);
    let next = rotting.store.open(&rotting.digest).await.unwrap();
    assert!(is_corrupt(&next.lend(0, ALL).await));
}

#[tokio::test]
async fn what_was_checked_of_a_file_says_nothing_of_another_in_its_place() {
    let rotting = rotting().await;
    take(rotting.reader.as_ref(), 0).await.unwrap();
    drop(rotting.reader);
    let path = file_of(rotting.dir.path(), &rotting.digest);
    let other = rotting.dir.path().join("other");
    fs::copy(&path, &other).unwrap();
    flip(&other, 100);
    fs::rename(&other, &path).unwrap();
    let next = rotting.store.open(&rotting.digest).await.unwrap();
    assert!(is_corrupt(&next.lend(0, ALL).await));
}

#[tokio::test]
async fn what_is_sound_before_a_flipped_bit_is_lent() {
    let rotting = rotting().await;
    flip(
        &file_of(rotting.dir.path(), &rotting.digest),
        CHUNK as u64 + 1,
    );
    let span = rotting.reader.lend(0, ALL).await.unwrap().unwrap();
    assert_eq!(span.range, 0..CHUNK as u64);
    assert!(is_corrupt(&rotting.reader.lend(CHUNK as u64, ALL).await));
}

#[tokio::test]
async fn what_left_memory_is_checked_when_it_comes_back_from_the_disk() {
    let rotting = rotting().await;
    take(rotting.reader.as_ref(), 0).await.unwrap();
    flip(&file_of(rotting.dir.path(), &rotting.digest), 100);
    rotting
        .disk
        .break_now(Target::Reads, Effect::Slow(Duration::ZERO));
    assert!(is_corrupt(&rotting.reader.lend(0, ALL).await));
}

#[tokio::test]
async fn a_deleted_blob_is_lent_to_its_end_and_closed_with_its_last_reader() {
    let scene = Scene::new();
    let blob = content(1, 4 * CHUNK);
    let digest = keep(&scene.store, &blob).await.unwrap();
    let reader = scene.store.open(&digest).await.unwrap();
    let span = reader.lend(0, CHUNK as u64).await.unwrap().unwrap();
    scene.store.delete(&digest).await.unwrap();
    assert!(take(reader.as_ref(), 0).await.unwrap() == blob);
    assert!(bytes_of(&span) == blob[..CHUNK]);
    assert!(is_open(&digest));
    drop((reader, span));
    let closed = async {
        while is_open(&digest) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(crate::scene::PATIENCE, closed)
        .await
        .expect("it gives its room back");
}

/// True if this process has the blob's file open.
fn is_open(digest: &Digest) -> bool {
    let links = fs::read_dir("/proc/self/fd").unwrap();
    let mut targets = links.filter_map(|link| fs::read_link(link.ok()?.path()).ok());
    targets.any(|target| target.to_string_lossy().contains(&digest.hex()))
}

#[tokio::test]
async fn nothing_is_lent_of_a_stage() {
    let scene = Scene::new();
    let mut stage = scene.store.stage(None).await.unwrap();
    stage.write(content(1, 4 * CHUNK)).await.unwrap();
    assert!(stage.reader().lend(0, ALL).await.unwrap().is_none());
}

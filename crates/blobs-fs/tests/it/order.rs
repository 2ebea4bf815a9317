//! The order in which a commit touches the disk: what a power loss would leave is decided by it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use forebay_blobs_fs::{Disk, FsBlobs, Patience, ReadDisk, RealDisk, Room};
use forebay_content::BlobStore;
use forebay_oci::Digest;
use tempfile::TempDir;

use crate::scene::{CHUNK, content, keep, staging_is_empty};

/// The machine's disk, and the changes asked of it, as text below `root`.
#[derive(Debug)]
struct Recorder {
    root: PathBuf,
    changes: Mutex<Vec<String>>,
}

impl Recorder {
    fn note(&self, verb: &str, path: &Path) {
        let path = path.strip_prefix(&self.root).unwrap().display().to_string();
        self.changes.lock().unwrap().push(format!("{verb} {path}"));
    }

    fn note_file(&self, verb: &str, file: &File) {
        let link = format!("/proc/self/fd/{}", file.as_raw_fd());
        self.note(verb, &fs::read_link(link).unwrap());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.changes.lock().unwrap())
    }
}

impl ReadDisk for Recorder {
    fn open(&self, path: &Path) -> io::Result<File> {
        RealDisk.open(path)
    }

    fn len(&self, file: &File) -> io::Result<u64> {
        RealDisk.len(file)
    }

    fn read_at(
        &self,
        file: &File,
        buf: &mut [u8],
        offset: u64,
        wait: Patience,
    ) -> io::Result<usize> {
        RealDisk.read_at(file, buf, offset, wait)
    }

    fn names(&self, dir: &Path) -> io::Result<Vec<OsString>> {
        RealDisk.names(dir)
    }

    fn room(&self, path: &Path) -> io::Result<Room> {
        RealDisk.room(path)
    }
}

impl Disk for Recorder {
    fn create(&self, path: &Path) -> io::Result<File> {
        self.note("create", path);
        RealDisk.create(path)
    }

    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.note_file("write", file);
        RealDisk.write_at(file, bytes, offset)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.note_file("sync", file);
        RealDisk.sync(file)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.note("rename", from);
        self.note("to", to);
        RealDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.note("remove", path);
        RealDisk.remove(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.note("create_dir", path);
        RealDisk.create_dir(path)
    }
}

fn recorded() -> (FsBlobs, Arc<Recorder>, TempDir) {
    let dir = TempDir::new().unwrap();
    let recorder = Arc::new(Recorder {
        root: dir.path().canonicalize().unwrap(),
        changes: Mutex::default(),
    });
    let root = recorder.root.clone();
    let store = FsBlobs::open(&root, Arc::clone(&recorder) as Arc<dyn Disk>).unwrap();
    (store, recorder, dir)
}

#[tokio::test]
async fn a_commit_syncs_the_bytes_before_the_name_and_the_name_before_it_succeeds() {
    let (store, recorder, _dir) = recorded();
    recorder.take();
    let blob = content(1, CHUNK + 1);
    let digest = keep(&store, &blob).await.unwrap();
    let (shard, hex) = (&digest.hex()[..2], digest.hex());
    let staged = "staging/0000000000000000";
    let commit = [
        format!("create {staged}"),
        format!("write {staged}"),
        format!("write {staged}"),
        format!("sync {staged}"),
        format!("create_dir blobs/sha256/{shard}"),
        "sync blobs/sha256".to_owned(),
        format!("rename {staged}"),
        format!("to blobs/sha256/{shard}/{hex}"),
        format!("sync blobs/sha256/{shard}"),
    ];
    assert_eq!(recorder.take(), commit);

    // A shard that is there has a durable name: nothing above it is synced again.
    keep(&store, &blob).await.unwrap();
    let changes = recorder.take();
    assert!(!changes.contains(&"sync blobs/sha256".to_owned()));
    assert_eq!(changes.last(), commit.last());
}

#[tokio::test]
async fn a_start_syncs_the_names_that_a_crash_may_have_left_behind() {
    let (store, recorder, _dir) = recorded();
    drop(store);
    recorder.take();
    let root = recorder.root.clone();
    FsBlobs::open(&root, Arc::clone(&recorder) as Arc<dyn Disk>).unwrap();
    let changes = recorder.take();
    for synced in ["sync blobs/sha256", "sync blobs/sha512"] {
        assert!(changes.contains(&synced.to_owned()), "{changes:?}");
    }
}

#[tokio::test]
async fn a_first_start_makes_its_directories_durable() {
    let (_store, recorder, _dir) = recorded();
    let changes = recorder.take();
    for (made, synced) in [("blobs", ""), ("blobs/sha256", "blobs"), ("staging", "")] {
        let made = format!("create_dir {made}");
        let at = changes.iter().position(|change| *change == made).unwrap();
        assert_eq!(changes[at + 1], format!("sync {synced}"));
    }
}

#[tokio::test]
async fn a_stage_that_is_dropped_is_never_synced_or_renamed() {
    let (store, recorder, dir) = recorded();
    recorder.take();
    let mut stage = store.stage(None).await.unwrap();
    stage.write(content(1, 2 * CHUNK)).await.unwrap();
    drop(stage);
    staging_is_empty(dir.path()).await;
    let changes = recorder.take();
    let is_commit = |change: &String| change.starts_with("sync") || change.starts_with("rename");
    assert!(!changes.iter().any(is_commit), "{changes:?}");
    assert!(store.open(&Digest::sha256(b"")).await.is_err());
}

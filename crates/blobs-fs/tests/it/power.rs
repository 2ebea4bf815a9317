//! Power is lost at every change of a story: what was not synced is gone, or there in part, or without its names.
//!
//! The disk is modelled as POSIX promises it and no better: bytes survive once their file was synced, a name once its
//! directory was. What was not synced may be there or not, each write and each name for itself.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use forebay_blobs_fs::{Disk, FsBlobs, RealDisk, ensure_format};
use forebay_content::BlobStore;
use forebay_oci::Digest;
use tempfile::TempDir;

use crate::recorder::{Change, Recorder};
use crate::scene::{CHUNK, content, keep, names, read};

/// What has a name: a directory, or the file of this number.
#[derive(Clone, Copy, Debug)]
enum Node {
    Directory,
    File(usize),
}

#[derive(Debug, Default)]
struct Content {
    synced: Vec<u8>,
    unsynced: Vec<(u64, Vec<u8>)>,
}

/// A name that came or went in a directory that was not synced since.
#[derive(Debug)]
struct Renaming {
    path: PathBuf,
    node: Option<Node>,
}

/// What a disk holds, and what of it would survive.
#[derive(Debug, Default)]
struct Model {
    files: Vec<Content>,
    names: BTreeMap<PathBuf, Node>,
    synced_names: BTreeMap<PathBuf, Node>,
    unsynced_names: Vec<Renaming>,
}

impl Model {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Create(path) => {
                self.files.push(Content::default());
                self.name(path, Some(Node::File(self.files.len() - 1)));
            }
            Change::CreateDir(path) => self.name(path, Some(Node::Directory)),
            Change::Remove(path) => self.name(path, None),
            Change::Rename(from, to) => {
                let node = self.names[from];
                self.name(to, Some(node));
                self.name(from, None);
            }
            Change::Write(path, offset, bytes) => {
                let unsynced = (*offset, bytes.clone());
                self.file_at(path).unsynced.push(unsynced);
            }
            Change::Sync(path) => match self.names.get(path) {
                Some(Node::File(_)) => {
                    let file = self.file_at(path);
                    for (offset, bytes) in std::mem::take(&mut file.unsynced) {
                        write(&mut file.synced, offset, &bytes);
                    }
                }
                _ => self.sync_names(path),
            },
        }
    }

    fn name(&mut self, path: &Path, node: Option<Node>) {
        put(&mut self.names, path, node);
        self.unsynced_names.push(Renaming {
            path: path.to_owned(),
            node,
        });
    }

    fn file_at(&mut self, path: &Path) -> &mut Content {
        let Node::File(number) = self.names[path] else {
            panic!("{} is a directory", path.display());
        };
        &mut self.files[number]
    }

    fn sync_names(&mut self, dir: &Path) {
        let all = std::mem::take(&mut self.unsynced_names);
        let (synced, unsynced) = all
            .into_iter()
            .partition(|renaming| renaming.path.parent() == Some(dir));
        self.unsynced_names = unsynced;
        let synced: Vec<Renaming> = synced;
        for renaming in synced {
            put(&mut self.synced_names, &renaming.path, renaming.node);
        }
    }

    /// Makes what is left after a power loss, in which `survives` says what of the unsynced does.
    fn restore(&self, root: &Path, mut survives: impl FnMut(Unsynced) -> bool) {
        let mut left = self.synced_names.clone();
        for renaming in &self.unsynced_names {
            if survives(Unsynced::Name) {
                put(&mut left, &renaming.path, renaming.node);
            }
        }
        // Parents come first. What is in a directory without a name is lost with it.
        for (path, node) in left {
            let path = root.join(path);
            if !path.parent().unwrap().is_dir() {
                continue;
            }
            match node {
                Node::Directory => fs::create_dir(path).unwrap(),
                Node::File(number) => {
                    let mut bytes = self.files[number].synced.clone();
                    for (offset, unsynced) in &self.files[number].unsynced {
                        if survives(Unsynced::Bytes) {
                            write(&mut bytes, *offset, unsynced);
                        }
                    }
                    fs::write(path, bytes).unwrap();
                }
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unsynced {
    Name,
    Bytes,
}

fn put(names: &mut BTreeMap<PathBuf, Node>, path: &Path, node: Option<Node>) {
    match node {
        Some(node) => names.insert(path.to_owned(), node),
        None => names.remove(path),
    };
}

/// A write that leaves a hole before it leaves zeros there.
fn write(content: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    let start = usize::try_from(offset).unwrap();
    let end = start + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[start..end].copy_from_slice(bytes);
}

/// What the store has promised of a blob, from this change on.
struct Promise {
    from: usize,
    digest: Digest,
    is_kept: bool,
}

fn blobs() -> [Bytes; 5] {
    [
        Bytes::new(),
        content(1, 10),
        content(2, CHUNK),
        content(3, CHUNK + 1),
        content(4, 100),
    ]
}

/// First start, fills, a fill of what is there, a deletion, a fill that is left, a second start, fills again.
async fn story(blobs: &[Bytes; 5]) -> (Vec<Change>, Vec<Promise>) {
    let dir = TempDir::new().unwrap();
    let disk = Arc::new(Recorder::of(dir.path()));
    let root = disk.root.clone();
    let open = || {
        ensure_format(&root, disk.as_ref()).unwrap();
        FsBlobs::open(&root, Arc::clone(&disk) as Arc<dyn Disk>).unwrap()
    };
    let mut promises = Vec::new();
    let mut promise = |digest: &Digest, is_kept| {
        promises.push(Promise {
            from: disk.count(),
            digest: digest.clone(),
            is_kept,
        });
    };
    let [empty, small, chunk, large, last] = blobs;
    let store = open();
    for blob in [empty, small, chunk, large, large] {
        promise(&keep(&store, blob).await.unwrap(), true);
    }
    let deleted = Digest::sha256(small);
    promise(&deleted, false);
    store.delete(&deleted).await.unwrap();
    let mut stage = store.stage(None).await.unwrap();
    stage.write(last.slice(..50)).await.unwrap();
    // Left in the middle: the second start finds it as a crash leaves it.
    std::mem::forget(stage);
    drop(store);
    let store = open();
    for blob in [last, small] {
        promise(&keep(&store, blob).await.unwrap(), true);
    }
    (disk.take(), promises)
}

/// Opens what is left: all that was promised is there, all that is there is whole, and the store works.
async fn comes_back(root: &Path, blobs: &[Bytes], promised: &[&Promise], what: &str) {
    let disk = Arc::new(RealDisk);
    ensure_format(root, disk.as_ref()).unwrap_or_else(|error| panic!("{what}: {error}"));
    let store = FsBlobs::open(root, disk).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(names(&root.join("staging")).is_empty(), "{what}");
    for stat in store.list(None, 100).await.unwrap() {
        let verified = store.verify(&stat.digest).await;
        verified.unwrap_or_else(|error| panic!("{what}: {}: {error}", stat.digest));
    }
    for blob in blobs {
        let digest = Digest::sha256(blob);
        let mut told = promised.iter().rev();
        let last = told.find(|promise| promise.digest == digest);
        if last.is_some_and(|promise| promise.is_kept) {
            let found = read(&store, &digest).await;
            let found = found.unwrap_or_else(|error| panic!("{what}: {digest}: {error}"));
            assert!(found == *blob, "{what}: {digest}");
        }
    }
    let digest = keep(&store, &blobs[1]).await.unwrap();
    assert!(read(&store, &digest).await.unwrap() == blobs[1], "{what}");
}

/// How much survives of what was not synced.
#[derive(Clone, Copy, Debug)]
enum Left {
    Nothing,
    All(Unsynced),
    /// Each thing by the toss of a coin, of which this is the seed.
    Some(u32),
}

const LEFT: [Left; 7] = [
    Left::Nothing,
    Left::All(Unsynced::Name),
    Left::All(Unsynced::Bytes),
    Left::Some(1),
    Left::Some(2),
    Left::Some(3),
    Left::Some(4),
];

impl Left {
    fn survives(self) -> impl FnMut(Unsynced) -> bool {
        let seed = match self {
            Self::Some(seed) => seed,
            _ => 0,
        };
        let mut coins = content(seed, 4096).into_iter();
        move |what| match self {
            Self::Nothing => false,
            Self::All(left) => left == what,
            Self::Some(_) => coins.next().is_some_and(|coin| coin & 1 == 1),
        }
    }
}

#[tokio::test]
async fn power_lost_at_any_change_takes_nothing_that_was_promised_and_leaves_nothing_torn() {
    let blobs = blobs();
    let (changes, promises) = story(&blobs).await;
    assert!(changes.len() > 60, "{}", changes.len());
    let mut model = Model::default();
    for at in 0..=changes.len() {
        if let Some(change) = at.checked_sub(1).and_then(|last| changes.get(last)) {
            model.apply(change);
        }
        let due = promises.iter().filter(|promise| promise.from <= at);
        let due: Vec<_> = due.collect();
        for left in LEFT {
            let dir = TempDir::new().unwrap();
            model.restore(dir.path(), left.survives());
            let what = format!("at {at}, of the unsynced left: {left:?}");
            comes_back(dir.path(), &blobs, &due, &what).await;
        }
    }
}

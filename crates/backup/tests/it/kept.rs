//! A registry with its data directory, its backups, and what is in either.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use forebay_backup::{BackupFailed, BackupReport, REGISTRY_DIRECTORY, Source, back_up, settle};
use forebay_blobs_fs::{Disk, FsJournal, RealDisk, ensure_format};
use forebay_content::{
    BlobStore as _, Clock, HostedContent as _, HostedLists as _, SystemClock, collect_reader,
};
use forebay_oci::{Digest, PushedManifest};
use tempfile::TempDir;

use crate::scene::{Image, ROWS, Scene, name};

/// More than any test keeps.
const MANY: u32 = 10_000;

/// A data directory, open as a server has it.
pub(crate) struct Kept {
    pub(crate) data: PathBuf,
    pub(crate) scene: Scene,
}

/// Of each repository its tags and manifests.
pub(crate) type Content = BTreeMap<String, (BTreeMap<String, String>, Vec<String>)>;

impl Kept {
    pub(crate) async fn open(data: &Path) -> Self {
        std::fs::create_dir_all(data.join(REGISTRY_DIRECTORY)).unwrap();
        settle(data, &RealDisk).unwrap();
        ensure_format(data, &RealDisk).unwrap_or(());
        let by = (Arc::new(RealDisk) as _, Arc::new(SystemClock::new()) as _);
        let scene = Scene::with_rows(&data.join(REGISTRY_DIRECTORY), &data.join(ROWS), by).await;
        Self {
            data: data.to_owned(),
            scene,
        }
    }

    /// Pushes what a first backup has.
    pub(crate) async fn begin(&self) {
        for number in 0..2 {
            self.push("app", number).await;
        }
        self.push("gone", 5).await;
        std::fs::write(self.data.join("token.key"), [7; 32]).unwrap();
    }

    /// Drops some of that, and pushes something else.
    pub(crate) async fn go_on(&self) {
        let dropped = Image::numbered(0).digest();
        let registry = &self.scene.registry;
        registry
            .drop_manifest(&name("app"), &dropped)
            .await
            .unwrap();
        self.push("app", 3).await;
        self.push("new", 3).await;
    }

    async fn push(&self, repository: &str, number: u32) {
        let (tag, image) = (number.to_string(), Image::numbered(number));
        let pushed = self
            .scene
            .push_image(&name(repository), Some(&tag), &image)
            .await;
        pushed.unwrap();
    }

    pub(crate) async fn back_up(&self, to: &Path) -> Result<BackupReport, BackupFailed> {
        self.back_up_on(to, Arc::new(RealDisk)).await
    }

    /// As [`back_up`](Self::back_up), and has what is there already read and hashed.
    pub(crate) async fn back_up_verifying(&self, to: &Path) -> Result<BackupReport, BackupFailed> {
        self.run((to, Arc::new(RealDisk)), true).await
    }

    pub(crate) async fn back_up_on(
        &self,
        to: &Path,
        disk: Arc<dyn Disk>,
    ) -> Result<BackupReport, BackupFailed> {
        self.run((to, disk), false).await
    }

    async fn run(
        &self,
        to: (&Path, Arc<dyn Disk>),
        verify: bool,
    ) -> Result<BackupReport, BackupFailed> {
        let journals = self.data.join(REGISTRY_DIRECTORY);
        let journal = FsJournal::open(&journals, Arc::new(RealDisk)).unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let source = Source {
            data: &self.data,
            registry: &self.scene.registry,
            rows: &self.scene.rows,
            blobs: &self.scene.blobs,
            journal: &journal,
            clock: &*clock,
        };
        back_up(&source, to, verify, &|_| {}).await
    }

    /// What it has, all of whose bytes are whole.
    pub(crate) async fn content(&self) -> Content {
        content(&self.scene).await
    }

    pub(crate) async fn close(self) {
        self.scene.close().await;
    }
}

/// What a backup has: as a server finds it that is started on a copy of it, by its rows and by its journals alike.
pub(crate) async fn content_of(backup: &Path) -> Content {
    let copy = TempDir::new().unwrap();
    copy_all(backup, copy.path());
    let kept = Kept::open(copy.path()).await;
    kept.scene.rows.integrity_check().await.unwrap();
    let found = kept.content().await;
    kept.close().await;
    let rows = copy.path().join("rebuilt.sqlite");
    let by = (Arc::new(RealDisk) as _, Arc::new(SystemClock::new()) as _);
    let scene = Scene::with_rows(&copy.path().join(REGISTRY_DIRECTORY), &rows, by).await;
    let rebuilt = scene.registry.rebuild_rows().await.unwrap();
    assert_eq!((rebuilt.unreadable, rebuilt.lost), (0, vec![]));
    assert_eq!(content(&scene).await, found);
    scene.close().await;
    found
}

async fn content(scene: &Scene) -> Content {
    let mut content = Content::new();
    for repository in scene.rows.repositories(None, MANY).await.unwrap() {
        let (mut tags, mut manifests) = (BTreeMap::new(), Vec::new());
        let of = &repository.name;
        for entry in scene.rows.hosted_manifests(of, None, MANY).await.unwrap() {
            let digest = &entry.manifest.digest;
            let bytes = read(scene, digest).await;
            let pushed = PushedManifest::parse(&bytes, Some(&entry.manifest.media_type)).unwrap();
            for child in pushed.children.iter().filter(|child| !child.is_manifest) {
                let held = scene.rows.find_hosted_blob(of, &child.digest).await;
                assert!(held.unwrap().is_some(), "{of}@{digest}: {}", child.digest);
                read(scene, &child.digest).await;
            }
            let named = entry.tags.iter();
            tags.extend(named.map(|tag| (tag.to_string(), digest.to_string())));
            manifests.push(digest.to_string());
        }
        if !manifests.is_empty() {
            content.insert(of.to_string(), (tags, manifests));
        }
    }
    content
}

async fn read(scene: &Scene, digest: &Digest) -> bytes::Bytes {
    let reader = scene.blobs.open(digest).await;
    let reader = reader.unwrap_or_else(|error| panic!("{digest}: {error}"));
    let bytes = collect_reader(reader.as_ref(), 1 << 24).await.unwrap();
    assert_eq!(Digest::of(digest.algorithm(), &bytes), *digest);
    bytes
}

/// Where a blob lies in a data directory.
pub(crate) fn path_of(data: &Path, digest: &Digest) -> PathBuf {
    let hex = digest.hex();
    let blobs = data.join(REGISTRY_DIRECTORY).join("blobs/sha256");
    blobs.join(&hex[..2]).join(hex)
}

/// Has a bit of a blob in a data directory rot.
pub(crate) fn rot(data: &Path, digest: &Digest) {
    let path = path_of(data, digest);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[9] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

/// Copies a directory as `cp -a` does.
pub(crate) fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_all(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

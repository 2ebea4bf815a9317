//! Killed before and after each commit of its catalog, the cache comes back with nothing torn, nothing claimed that is not there, and
//! serves no wrong byte.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use forebay_blobs_fs::{FsBlobs, RealDisk};
use forebay_cache::{FsckMode, FsckReport};
use forebay_catalog_sql::SqlCatalog;
use forebay_content::{Catalog, ContentSource as _, SourceError};
use forebay_disk_faults::child;
use forebay_oci::{Digest, Page};
use tempfile::TempDir;

use crate::bench::{Bench, Setup, manifest_over, until};
use crate::eviction::layer;
use crate::hooked_catalog::HookedCatalog;

const ROLE: &str = "kills::a_child_that_may_die";

/// More moments, before and after commits, than a life has.
const MAX_MOMENTS: u64 = 300;

/// What may be between its bytes and its row at a time: an image, whose client does not wait until what it has is kept.
const UNDER_WAY: usize = 3;

const MAX_BYTES: u64 = 100_000;
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// A cache over a directory.
struct Scene {
    bench: Bench,
    blobs: FsBlobs,
    catalog: Arc<SqlCatalog>,
}

impl Scene {
    async fn open(root: &Path, hook: impl FnOnce(Arc<dyn Catalog>) -> Arc<dyn Catalog>) -> Self {
        let blobs = FsBlobs::open(root, Arc::new(RealDisk)).unwrap();
        let catalog = SqlCatalog::open(&root.join("catalog.sqlite")).await;
        let catalog = Arc::new(catalog.unwrap());
        let setup = Setup {
            max_bytes: MAX_BYTES,
            blobs: Arc::new(blobs.clone()),
            catalog: hook(catalog.clone()),
            ..Setup::default()
        };
        Self {
            bench: Bench::with(setup).await,
            blobs,
            catalog,
        }
    }

    /// What a check of all of it finds, which mends nothing.
    async fn check(&self) -> FsckReport {
        let look = FsckMode {
            mend: false,
            tell: &|_| (),
        };
        self.bench.kept.fsck(look).await.unwrap()
    }

    async fn close(self) {
        self.bench.settle().await;
        self.bench.supervisor.stop();
        assert!(self.bench.supervisor.drain(Duration::from_secs(20)).await);
        self.catalog.close().await.unwrap();
    }
}

/// What there is at the upstream: an image whose tag moves, the same layer in another repository, and more than there is room for.
struct Story {
    layers: Vec<(Digest, usize)>,
    manifests: [String; 2],
}

impl Story {
    fn at(bench: &Bench) -> Self {
        let sizes = [30_000, 25_000, 20_000, 40_000, 41_000, 42_000];
        let layers: Vec<_> = (1..)
            .zip(sizes)
            .map(|(seed, size)| (bench.hub.put("a/b", layer(seed, size)), size))
            .collect();
        bench.hub.put("c/d", layer(1, sizes[0]));
        let manifests = [
            manifest_over(&layers[..2]),
            manifest_over(&[layers[0].clone(), layers[2].clone()]),
        ];
        Self { layers, manifests }
    }

    /// Pulls, one thing after the other, and expects the right bytes of each.
    async fn tell(&self, bench: &Bench) {
        for (manifest, layers) in self.manifests.iter().zip([[0, 1], [0, 2]]) {
            bench.hub.push("a/b", "latest", manifest.clone());
            let pulled = bench.manifest("a/b", "latest").await.unwrap();
            assert_eq!(pulled.bytes, manifest.as_bytes());
            for layer in layers {
                self.pull(bench, "a/b", layer).await;
            }
            self.pull(bench, "c/d", 0).await;
            let all = Page::default();
            let tags = bench.cache.tags(&Bench::request("a/b"), &all).await;
            assert!(tags.is_ok(), "{:?}", tags.err());
            bench.settle().await;
            bench.clock.advance(HOUR);
        }
        for layer in 3..self.layers.len() {
            self.pull(bench, "a/b", layer).await;
            bench.settle().await;
            bench.clock.advance(HOUR);
        }
        bench.hub.remove_tag("a/b", "latest");
        assert!(bench.manifest("a/b", "latest").await.is_err());
        bench.kept.flush().await;
        bench.clock.advance(31 * DAY);
        bench.settle().await;
    }

    async fn pull(&self, bench: &Bench, repository: &str, layer: usize) {
        let (digest, _) = &self.layers[layer];
        let bytes = bench.bytes(repository, digest).await.unwrap();
        assert_eq!(Digest::sha256(&bytes), *digest, "{layer}");
    }

    /// How much is served while the upstream is away, all of it right.
    async fn serves_what_is_right(&self, bench: &Bench, what: u64) -> usize {
        bench.hub.fail(SourceError::TimedOut {
            why: "it is away".to_owned(),
        });
        let mut served = 0;
        for repository in ["a/b", "c/d"] {
            for (digest, _) in &self.layers {
                if let Ok(bytes) = bench.bytes(repository, digest).await {
                    assert_eq!(Digest::sha256(&bytes), *digest, "{what}");
                    served += 1;
                }
            }
            let digests = self
                .manifests
                .iter()
                .map(|manifest| Digest::sha256(manifest.as_bytes()));
            let references = digests.map(|digest| digest.to_string());
            for reference in references.chain(["latest".to_owned()]) {
                if let Ok(manifest) = bench.manifest(repository, &reference).await {
                    assert!(
                        self.manifests
                            .iter()
                            .any(|known| manifest.bytes == known.as_bytes())
                    );
                    assert_eq!(Digest::sha256(&manifest.bytes), manifest.digest, "{what}");
                    served += 1;
                }
            }
        }
        bench.hub.heal();
        served
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_and_after_each_commit_of_the_catalog_nothing_is_torn_dangling_or_wrong() {
    let (mut killed, mut unrecorded, mut served) = (0, 0, 0);
    for moment in 1..MAX_MOMENTS {
        let dir = TempDir::new().unwrap();
        let argument = format!("{moment} {}", dir.path().display());
        let mut child = child::command(ROLE, &argument).unwrap();
        let status = child.stdout(Stdio::null()).status().unwrap();
        let is_killed = status.signal() == Some(9);
        assert!(is_killed || status.success(), "{moment}: {status}");
        let found = comes_back(dir.path(), moment).await;
        unrecorded += found.0;
        served += found.1;
        if !is_killed {
            // Each kind of write was among them, and one between an object's bytes and its row.
            assert!(killed >= 30, "{killed} moments");
            assert!(unrecorded > 0 && served > killed, "{unrecorded} {served}");
            return;
        }
        killed += 1;
    }
    panic!("it dies for ever");
}

/// Looks at what a life has left, and lives another: how many blobs nobody claimed, and how much was served without the upstream.
async fn comes_back(root: &Path, what: u64) -> (usize, usize) {
    let scene = Scene::open(root, |catalog| catalog).await;
    let staged = std::fs::read_dir(root.join("staging")).unwrap().count();
    assert_eq!(staged, 0, "{what}: left in staging");
    assert!(scene.blobs.strays().await.unwrap().is_empty(), "{what}");
    scene.catalog.integrity_check().await.unwrap();
    let found = scene.check().await;
    assert!(found.damaged.is_empty(), "{what}: torn: {found:?}");
    assert!(found.missing.is_empty(), "{what}: dangling: {found:?}");
    let unrecorded = found.unrecorded.len();
    assert!(unrecorded <= UNDER_WAY, "{what}: {found:?}");
    // Later than all that the life before has seen.
    scene.bench.clock.advance(100 * DAY);
    let story = Story::at(&scene.bench);
    let served = story.serves_what_is_right(&scene.bench, what).await;
    story.tell(&scene.bench).await;
    // What is pulled again is claimed again: nothing stays that no eviction finds.
    let left = scene.check().await;
    assert!(left.is_clean(), "{what}: {left:?}");
    until(|| scene.bench.kept.bytes() <= MAX_BYTES).await;
    scene.close().await;
    (unrecorded, served)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a role that other tests have children play"]
async fn a_child_that_may_die() {
    let Some(argument) = child::find_argument() else {
        return;
    };
    let (last, root) = argument.split_once(' ').unwrap();
    let last: u64 = last.parse().unwrap();
    let moments = AtomicU64::new(0);
    let hook = move || {
        if moments.fetch_add(1, Ordering::SeqCst) + 1 == last {
            child::die();
        }
        Ok(())
    };
    let mortal = |inner| {
        let hook = Arc::new(hook);
        Arc::new(HookedCatalog { inner, hook }) as Arc<dyn Catalog>
    };
    let scene = Scene::open(Path::new(root), mortal).await;
    Story::at(&scene.bench).tell(&scene.bench).await;
    scene.close().await;
}

//! Makes data directories with many pushed images, each a manifest and its one blob: of Forebay through its own stores, of
//! docker-registry as it lays out its files.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use forebay_blobs_fs::{FsBlobs, ensure_format};
use forebay_catalog_sql::{REGISTRY_FILE_NAME, SqlRegistry};
use forebay_content::{
    BlobStore, ChildKind, Clock, Committed, HostedBlob, HostedChild, HostedManifest, HostedPushes,
    ManifestPush, SystemClock,
};
use forebay_oci::{Digest, MediaType, RepositoryName};
use futures::{StreamExt, TryStreamExt, stream};

use crate::error::Error;
use crate::pusher::{Blob, manifest};
use crate::seed::{Hasty, Outcome};

/// Over so many repositories the images are spread.
pub(crate) const REPOSITORIES: u32 = 100;

/// How many images are written at once.
const AT_ONCE: usize = 256;

/// The repository of that number.
pub(crate) fn repository(number: u32) -> String {
    format!("old/{}", number % REPOSITORIES)
}

/// Fills Forebay's data directory `dir`, which must be there and empty, with so many images.
pub(crate) fn fill_forebay(dir: &Path, images: u32) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Error::io("cannot begin a runtime"))?;
    runtime.block_on(write(dir, images)).map_err(Error::Seed)
}

async fn write(dir: &Path, images: u32) -> Outcome<()> {
    ensure_format(dir, &Hasty)?;
    let root = dir.join("registry");
    fs::create_dir(&root)?;
    let blobs = FsBlobs::open(&root, Arc::new(Hasty))?;
    let rows = SqlRegistry::open(&dir.join(REGISTRY_FILE_NAME)).await?;
    stream::iter(0..images)
        .map(|number| keep(&blobs, &rows, number))
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    rows.close().await?;
    Ok(())
}

async fn keep(blobs: &FsBlobs, rows: &SqlRegistry, number: u32) -> Outcome<()> {
    let (config, bytes) = image(number);
    let repository: RepositoryName = repository(number).parse()?;
    let now = SystemClock::new().now();
    let digest: Digest = config.digest.parse()?;
    put(blobs, &digest, config.bytes()).await?;
    let blob = HostedBlob {
        digest: digest.clone(),
        size: config.size() as u64,
        quota_bytes: None,
    };
    recorded(&rows.commit_blob(&repository, &blob, now).await?)?;
    let child = HostedChild {
        digest,
        kind: ChildKind::Blob,
        is_required: true,
    };
    let push = ManifestPush {
        manifest: HostedManifest {
            digest: Digest::sha256(&bytes),
            media_type: MediaType::OCI_MANIFEST,
            size: bytes.len() as u64,
        },
        children: vec![child],
        subject: None,
        artifact_type: None,
        annotations: None,
        tags: vec![format!("v{number}").parse()?],
        immutable_tags: Vec::new(),
        quota_bytes: None,
        tag_bounds: None,
        at: now,
    };
    let digest = push.manifest.digest.clone();
    put(blobs, &digest, bytes).await?;
    recorded(&rows.commit_manifest(&repository, &push).await?)
}

async fn put(blobs: &FsBlobs, digest: &Digest, bytes: Vec<u8>) -> Outcome<()> {
    let mut stage = blobs.stage(Some(bytes.len() as u64)).await?;
    stage.write(bytes.into()).await?;
    Ok(stage.commit(digest).await?)
}

fn recorded(committed: &Committed) -> Outcome<()> {
    match committed {
        Committed::Done => Ok(()),
        other => Err(format!("not recorded: {other:?}").into()),
    }
}

/// Fills docker-registry's root directory with the bytes of the same images, which no repository of it holds.
pub(crate) fn fill_docker(root: &Path, images: u32) -> Result<(), Error> {
    for number in 0..images {
        let (config, manifest) = image(number);
        for bytes in [config.bytes(), manifest] {
            let hex = Digest::sha256(&bytes).hex();
            let dir = root.join(format!(
                "docker/registry/v2/blobs/sha256/{}/{hex}",
                &hex[..2]
            ));
            let written =
                fs::create_dir_all(&dir).and_then(|()| fs::write(dir.join("data"), bytes));
            written.map_err(Error::io(format!("cannot write {}", dir.display())))?;
        }
    }
    Ok(())
}

fn image(number: u32) -> (Blob<'static>, Vec<u8>) {
    let config = Blob::new(u64::from(number), b"{}");
    let bytes = manifest(std::slice::from_ref(&config), &number.to_string());
    (config, bytes)
}

//! Makes a data directory with many small blobs in it, through Forebay's own stores.

use std::error::Error as StdError;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use forebay_blobs_fs::{
    Disk, FileState, FsBlobs, Patience, ReadDisk, RealDisk, Room, ensure_format,
};
use forebay_catalog_sql::{FILE_NAME, SqlCatalog};
use forebay_content::{BlobStore, Clock, Object, Objects, SystemClock};
use forebay_oci::{Digest, Target};
use futures::{StreamExt, TryStreamExt, stream};

use crate::error::Error;

/// How many blobs are written at once.
const AT_ONCE: usize = 256;

pub(crate) type Outcome<T> = Result<T, Box<dyn StdError + Send + Sync>>;

/// Fills `dir`, which must be there and empty, with `blobs` blobs of some bytes each.
pub(crate) fn fill(dir: &Path, blobs: u32) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Error::io("cannot begin a runtime"))?;
    runtime.block_on(write(dir, blobs)).map_err(Error::Seed)
}

async fn write(dir: &Path, count: u32) -> Outcome<()> {
    ensure_format(dir, &RealDisk)?;
    let blobs = FsBlobs::open(dir, Arc::new(Hasty))?;
    let catalog = SqlCatalog::open(&dir.join(FILE_NAME)).await?;
    let target = Target {
        upstream: "docker.io".into(),
        repository: "library/many".parse()?,
    };
    stream::iter(0..count)
        .map(|number| keep(&blobs, &catalog, &target, number))
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    catalog.close().await?;
    Ok(())
}

async fn keep(blobs: &FsBlobs, catalog: &SqlCatalog, target: &Target, number: u32) -> Outcome<()> {
    let content = format!("blob number {number}").into_bytes();
    let digest = Digest::sha256(&content);
    let size = content.len() as u64;
    let mut stage = blobs.stage(Some(size)).await?;
    stage.write(content.into()).await?;
    stage.commit(&digest).await?;
    let object = Object {
        digest,
        size,
        used_at: SystemClock::new().now(),
    };
    catalog.keep_object(Some(target), &object).await?;
    Ok(())
}

/// The machine's disk without its syncs: what is made here need not survive a power loss, and is made ten times as fast.
#[derive(Debug)]
pub(crate) struct Hasty;

impl ReadDisk for Hasty {
    fn open(&self, path: &Path) -> io::Result<File> {
        RealDisk.open(path)
    }

    fn state(&self, file: &File) -> io::Result<FileState> {
        RealDisk.state(file)
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

impl Disk for Hasty {
    fn create(&self, path: &Path) -> io::Result<File> {
        RealDisk.create(path)
    }

    fn open_to_write(&self, path: &Path) -> io::Result<File> {
        RealDisk.open_to_write(path)
    }

    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        RealDisk.write_at(file, bytes, offset)
    }

    fn truncate(&self, file: &File, bytes: u64) -> io::Result<()> {
        RealDisk.truncate(file, bytes)
    }

    fn sync(&self, _: &File) -> io::Result<()> {
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.create_dir(path)
    }
}

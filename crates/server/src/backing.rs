//! The way of `forebay backup`: through the running server, or, where none runs, from the data directory itself.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use forebay_api_admin::{BackupProgress, BackupRequest};
use forebay_backup::{BackupFailed, BackupReport, Progress, Source, back_up};
use forebay_blobs_fs::RealDisk;
use forebay_content::Clock;
use forebay_registry::LocalRegistry;
use forebay_terminal::Failure;
use tracing::info;

use crate::control_client::ask_running;
use crate::data::{is_data_dir, no_data_dir};
use crate::hosting::Shelves;
use crate::stopped::Stopped;

/// The registry of the running server, to be backed up.
pub(crate) struct Backing {
    pub(crate) data: PathBuf,
    pub(crate) registry: Arc<LocalRegistry>,
    pub(crate) shelves: Shelves,
    pub(crate) clock: Arc<dyn Clock>,
    /// How far the one that is under way has come.
    pub(crate) progress: Mutex<Option<Progress>>,
}

/// Takes the progress away with the backup, however that ends.
struct Watched<'a>(&'a Mutex<Option<Progress>>);

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Backing {
    /// Backs up into the directory `to`, and has it `verify` what is there already.
    pub(crate) async fn back_up(
        &self,
        to: &Path,
        verify: bool,
    ) -> Result<BackupReport, BackupFailed> {
        let _watched = Watched(&self.progress);
        let tell = |progress: &Progress| {
            *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = Some(*progress);
        };
        info!(to = %to.display(), "backing up the local repositories");
        let world = (self.data.as_path(), self.clock.as_ref());
        let source = source(world, &self.registry, &self.shelves);
        let report = back_up(&source, (to, Arc::new(RealDisk)), verify, &tell).await?;
        info!(
            to = %to.display(),
            objects = report.objects,
            bytes = report.bytes,
            copied_bytes = report.copied_bytes,
            whole = report.is_whole(),
            lost = report.lost.len(),
            mended_objects = report.mended_objects,
            "backed up the local repositories"
        );
        Ok(report)
    }

    /// How far the one that is under way has come.
    pub(crate) fn progress(&self) -> Option<BackupProgress> {
        let progress = *self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.map(|progress| BackupProgress {
            objects: progress.objects,
            of_objects: progress.of_objects,
            copied_bytes: progress.copied_bytes,
        })
    }
}

/// What is backed up of a data directory.
fn source<'s>(
    (data, clock): (&'s Path, &'s dyn Clock),
    registry: &'s LocalRegistry,
    shelves: &'s Shelves,
) -> Source<'s> {
    Source {
        data,
        registry,
        rows: &shelves.rows,
        blobs: &shelves.blobs,
        journal: &shelves.journal,
        clock,
    }
}

/// Has the server that runs on `data` back up into `to`, an absolute path; where none runs, does it from the data directory. What is
/// there already is taken for what it was, or, to `verify`, read and hashed.
///
/// # Errors
/// There is nothing to back up, or why it could not be and what `to` has then.
pub async fn back_up_registry(
    data: &Path,
    to: &Path,
    verify: bool,
    tell: &(dyn Fn(&Progress) + Sync),
) -> Result<BackupReport, Failure> {
    let Some(text) = to.to_str() else {
        let what = format!(
            "the name of {} is not Unicode: choose another directory",
            to.display()
        );
        return Err(Failure::plain(what));
    };
    let request = BackupRequest {
        to: text.to_owned(),
        verify,
    };
    if let Some(report) = ask_running(data, "/backup", &request).await? {
        return Ok(report);
    }
    if !is_data_dir(data) {
        return Err(no_data_dir(data));
    }
    back_up_stopped(data, to, verify, tell).await
}

/// How far the running server has come with a backup; `None` if it tells nothing.
pub async fn ask_progress(data: &Path) -> Option<BackupProgress> {
    let told: Option<Option<BackupProgress>> =
        ask_running(data, "/backup/progress", &()).await.ok()?;
    told?
}

async fn back_up_stopped(
    data: &Path,
    to: &Path,
    verify: bool,
    tell: &(dyn Fn(&Progress) + Sync),
) -> Result<BackupReport, Failure> {
    let stopped = Stopped::open(data).await?;
    let hosting = &stopped.hosting;
    let world = (data, stopped.clock.as_ref());
    let source = source(world, &hosting.registry, &hosting.shelves);
    let backed_up = back_up(&source, (to, Arc::new(RealDisk)), verify, tell).await;
    let closed = stopped.close().await;
    let report = backed_up.map_err(|error| {
        let what = format!("cannot back up {}", data.display());
        Failure::failed(what, error)
    })?;
    closed.map(|()| report)
}

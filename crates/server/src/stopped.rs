//! The local repositories of a data directory that no server runs on, held and open for a command.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use forebay_blobs_fs::{DataLock, RealDisk};
use forebay_content::{Clock, SystemClock};
use forebay_jobs::Supervisor;
use forebay_terminal::Failure;

use crate::data::hold;
use crate::hosting::{Hosting, unopened};

/// Who changes something, in the audit log, where no server runs: whoever may write to the data directory.
pub(crate) const WHO: &str = "command line";

/// How long what a command began may take to end.
const DRAIN: Duration = Duration::from_secs(30);

/// What lives in a data directory, which is the command's as long as this is not closed.
pub(crate) struct Stopped {
    pub(crate) hosting: Hosting,
    pub(crate) clock: Arc<dyn Clock>,
    tasks: Supervisor,
    _held: DataLock,
}

impl Stopped {
    /// Opens `data`, which is made if it is not there.
    ///
    /// # Errors
    /// Another process holds it, a newer Forebay wrote it, it is damaged, or the disk fails or has no room.
    pub(crate) async fn open(data: &Path) -> Result<Self, Failure> {
        let held = hold(data).await?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let tasks = Supervisor::new();
        let hosting = Hosting::open(data, Arc::new(RealDisk), Arc::clone(&clock), &tasks).await;
        Ok(Self {
            hosting: hosting.map_err(|error| unopened(data, error))?,
            clock,
            tasks,
            _held: held,
        })
    }

    /// Ends what was begun, and lets go of the directory.
    ///
    /// # Errors
    /// The last writes failed.
    pub(crate) async fn close(self) -> Result<(), Failure> {
        self.tasks.stop();
        self.tasks.drain(DRAIN).await;
        self.hosting.close().await
    }
}

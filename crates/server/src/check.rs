//! A check of a whole data directory: the catalog's file, what lies among the blobs, and all content.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use forebay_api_admin::{ControlError, FsckRequest};
use forebay_blobs_fs::{FsBlobs, RealDisk};
use forebay_cache::{FsckError, FsckMode, FsckReport, Kept, fsck};
use forebay_catalog_sql::SqlCatalog;
use forebay_content::{Audit, CatalogError, Clock as _, SystemClock};
use forebay_registry::RegistryCheck;
use forebay_terminal::Failure;
use tracing::{debug, warn};

use crate::audit_log::AuditLog;
use crate::backing::Backing;
use crate::data::{DataDir, is_data_dir, with_way_out};
use crate::hosting::{has_registry, is_away};
use crate::mended::mend_and_record;
use crate::registry_check::{check_registry, check_rows_alone, put_damaged_aside};
use crate::stopped::WHO;

/// What a check found, and, if it was to be mended, has been.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct CheckReport {
    /// What is wrong with the catalog's file.
    pub catalog: Option<String>,
    /// True if the catalog was put aside and a new one made from the blobs.
    pub rebuilt: bool,
    /// Blobs, and rows of the catalog.
    #[serde(flatten)]
    pub content: FsckReport,
    /// Paths among the blobs that are none: left as they are.
    pub strays: Vec<String>,
    /// The local repositories; none if there never were any.
    #[serde(default)]
    pub registry: Option<RegistryCheck>,
}

impl CheckReport {
    /// True if nothing was wrong.
    pub fn is_clean(&self) -> bool {
        let is_registry_clean = self.registry.as_ref().is_none_or(RegistryCheck::is_clean);
        self.catalog.is_none()
            && self.content.is_clean()
            && self.strays.is_empty()
            && is_registry_clean
    }
}

/// How a check is done.
#[derive(Clone, Copy)]
pub struct CheckMode<'a> {
    /// Whether what is found is mended, a catalog that cannot be read too, and losses are accepted.
    pub asked: FsckRequest,
    /// Whether the catalog is made anew even if it can be read, where no server runs.
    pub rebuild: bool,
    /// Called now and then with what was found so far.
    pub tell: &'a (dyn Fn(&FsckReport) + Send + Sync),
}

impl<'a> CheckMode<'a> {
    fn of_content(&self) -> FsckMode<'a> {
        FsckMode {
            mend: self.asked.mend,
            tell: self.tell,
        }
    }
}

/// Checks a data directory that no server runs on.
///
/// # Errors
/// Another process holds it, a newer Forebay wrote it, the disk fails, or its catalog cannot be read and nothing is to be
/// mended.
pub async fn check_stopped(dir: &Path, check: CheckMode<'_>) -> Result<CheckReport, Failure> {
    let (asked, rebuild, mode) = (check.asked, check.rebuild, check.of_content());
    if !is_data_dir(dir) {
        let what = format!("there is no data directory at {}", dir.display());
        return Err(Failure::plain(what)
            .with_hint("name the one to check with --data, or its configuration with --config"));
    }
    let (clock, disk) = (SystemClock::new(), Arc::new(RealDisk));
    let mut catalog = None;
    let mut data = if rebuild {
        DataDir::open_rebuilt(dir, disk, clock.now()).await?
    } else if mode.mend {
        let (data, fault) = DataDir::open_or_rebuild(dir, disk, clock.now()).await?;
        catalog = fault.map(|error| in_words(error.as_ref()));
        data
    } else {
        DataDir::open(dir, disk, Duration::ZERO).await?
    };
    if let Err(CatalogError::Corrupt(error)) = data.catalog.integrity_check().await {
        catalog = Some(in_words(error.as_ref()));
        if mode.mend {
            data = data.rebuild(clock.now()).await?;
        }
    }
    let check = async |data: &DataDir| {
        fsck(data.blobs().as_ref(), data.catalog.as_ref(), &clock, mode).await
    };
    let content = match check(&data).await {
        // Rot that only who reads the rows can see.
        Err(FsckError::Catalog(CatalogError::Corrupt(error))) if mode.mend => {
            catalog = Some(in_words(error.as_ref()));
            data = data.rebuild(clock.now()).await?;
            check(&data).await
        }
        checked => checked,
    };
    let report = CheckReport {
        rebuilt: rebuild || (mode.mend && catalog.is_some()),
        catalog,
        content: content.map_err(|error| unfinished(dir, error))?,
        strays: find_strays(data.blobs())
            .await
            .map_err(|error| unfinished(dir, error))?,
        registry: check_stopped_registry(dir, asked).await?,
    };
    data.close().await?;
    Ok(report)
}

/// Checks the local repositories of a data directory that no server runs on; `None` if there never were any.
async fn check_stopped_registry(
    dir: &Path,
    asked: FsckRequest,
) -> Result<Option<RegistryCheck>, Failure> {
    if !has_registry(dir) {
        return Ok(None);
    }
    let audit = AuditLog::new(dir, Arc::new(SystemClock::new()));
    let check = check_registry(dir, asked);
    let checked = mend_and_record((&audit, WHO), asked, check).await;
    checked.map(Some)
}

/// Checks the data directory of the server that runs.
///
/// # Errors
/// What keeps the check from its end.
pub(crate) async fn check_running(
    (kept, blobs, sql): (&Kept, &FsBlobs, &SqlCatalog),
    mode: CheckMode<'_>,
    (hosted, writer): (Option<&Backing>, (&dyn Audit, &str)),
) -> Result<CheckReport, FsckError> {
    let catalog = match sql.integrity_check().await {
        Err(CatalogError::Corrupt(error)) => Some(in_words(error.as_ref())),
        checked => checked.map(|()| None)?,
    };
    Ok(CheckReport {
        catalog,
        rebuilt: false,
        content: kept.fsck(mode.of_content()).await?,
        strays: find_strays(blobs).await?,
        registry: match hosted {
            Some(hosted) => {
                let asked = mode.asked;
                let check = async { Ok::<_, FsckError>(check_hosted(hosted, asked).await) };
                Some(mend_and_record(writer, asked, check).await?)
            }
            None => None,
        },
    })
}

/// Checks the local repositories of the server that runs. What cannot be read is part of the report.
async fn check_hosted(hosted: &Backing, asked: FsckRequest) -> RegistryCheck {
    let tell = |so_far: &RegistryCheck| {
        debug!(
            objects = so_far.sound,
            bytes = so_far.bytes,
            "checking the local repositories"
        );
    };
    let faulty = |error: &dyn std::error::Error| RegistryCheck {
        rows: Some(in_words(error)),
        ..RegistryCheck::default()
    };
    if let Err(error) = hosted.shelves.rows.integrity_check().await {
        return faulty(&error);
    }
    let rows = &hosted.shelves.rows;
    let is_away = match is_away(&hosted.data, rows).await {
        Ok(is_away) => is_away && !asked.accept_loss,
        Err(error) => return faulty(&error),
    };
    let check = if is_away {
        check_rows_alone(&hosted.data, rows).await
    } else {
        hosted.registry.check(asked.mend, &tell).await
    };
    let check = match check {
        Ok(check) => check,
        Err(error) => return faulty(&error),
    };
    if asked.mend
        && let Err(error) = put_damaged_aside(&check, &hosted.shelves.blobs).await
    {
        warn!(%error, "cannot put damaged blobs of local repositories aside");
    }
    check
}

async fn find_strays(blobs: &FsBlobs) -> Result<Vec<String>, FsckError> {
    let strays = blobs.strays().await.map_err(FsckError::Blobs)?;
    Ok(strays
        .iter()
        .map(|path| path.display().to_string())
        .collect())
}

pub(crate) fn in_words(error: &dyn std::error::Error) -> String {
    ControlError::of(error).messages.join(": ")
}

fn unfinished(dir: &Path, error: FsckError) -> Failure {
    let what = "the check could not be finished";
    match error {
        FsckError::Catalog(error) => with_way_out(what, dir, error),
        error @ FsckError::Blobs(_) => Failure::failed(what, error),
    }
}

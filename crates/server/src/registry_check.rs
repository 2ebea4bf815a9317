//! The check of the local repositories of a data directory that no server runs on, and how lost rows are made again.

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use forebay_api_admin::FsckRequest;
use forebay_backup::{REGISTRY_DIRECTORY, has_journals};
use forebay_blobs_fs::{FsBlobs, FsJournal, RealDisk};
use forebay_catalog_sql::{REGISTRY_FILE_NAME, SqlRegistry, files_of};
use forebay_content::memory::{MemoryBlobs, MemoryJournal};
use forebay_content::{
    AccountName, Added, BlobError, BlobStore as _, CatalogError, Clock, KeptRobot, KeptUser,
    RobotId, Robots as _, SystemClock, Users as _, blob_pages, journal_pages, pages,
};
use forebay_jobs::Supervisor;
use forebay_registry::{
    AtRest, CheckError, LocalRegistry, Lost, RebuiltRows, RegistryCheck, Stores,
};
use forebay_terminal::Failure;
use futures::TryStreamExt as _;

use crate::check::in_words;
use crate::hosting::{RowsError, Shelves, Unopened, is_away, open_beside, open_rows};

/// What the rows that are made again are called until they are whole.
const NEW_ROWS: &str = "registry.sqlite.new";

/// What they are called if it ended before they had got their place, and the damaged ones had none any more: accounts that were
/// saved are in them alone.
const INTERRUPTED_ROWS: &str = "registry.sqlite.interrupted";

/// How many accounts are read in one go out of damaged rows: those from the first page on that cannot be read are lost.
const SALVAGED_AT_ONCE: u32 = 100;

/// The most losses that are told one by one.
const MAX_TOLD: usize = 1000;

/// How long what is cut at the end has to leave its traces.
const END_WITHIN: Duration = Duration::from_secs(5);

/// Checks the local repositories in `dir`, which is ours and has some. Where their directory has nothing of what the
/// rows tell, nothing is mended unless that is to be taken for lost: it may be a volume that is not mounted, and what was written
/// there would hide under it.
///
/// # Errors
/// The disk fails.
pub(crate) async fn check_registry(
    dir: &Path,
    asked: FsckRequest,
) -> Result<RegistryCheck, Failure> {
    let shelves = match sound_shelves(dir, asked).await {
        Ok(shelves) => shelves,
        Err(Unopened::Emptied(_)) => return check_emptied(dir).await.map_err(unfinished),
        Err(Unopened::Rows(RowsError(CatalogError::Corrupt(error)))) => {
            return check_faulty(dir, in_words(error.as_ref()), asked).await;
        }
        Err(error) => return Err(unfinished(error)),
    };
    match check_opened(&shelves, asked.mend).await {
        // Rot that only who reads the rows can see.
        Err(CheckError::Rows(CatalogError::Corrupt(error))) => {
            check_faulty(dir, in_words(error.as_ref()), asked).await
        }
        checked => checked.map_err(unfinished),
    }
}

/// The check where rows are damaged or gone, which are made again first if that is asked for, and there is anything to make them
/// from.
async fn check_faulty(
    dir: &Path,
    fault: String,
    asked: FsckRequest,
) -> Result<RegistryCheck, Failure> {
    let rows = Some(fault);
    if !asked.accept_loss && !has_journals(dir).await.map_err(unfinished)? {
        return Ok(RegistryCheck {
            rows,
            emptied: Some(path_of(dir)),
            ..RegistryCheck::default()
        });
    }
    if !asked.mend {
        return Ok(RegistryCheck {
            rows,
            at_rest: Some(count_at_rest(dir).await.map_err(unfinished)?),
            ..RegistryCheck::default()
        });
    }
    let rebuilt = Some(rebuild(dir).await?);
    let shelves = sound_shelves(dir, asked).await.map_err(unfinished)?;
    let check = check_opened(&shelves, asked.mend).await;
    Ok(RegistryCheck {
        rows,
        rebuilt,
        ..check.map_err(unfinished)?
    })
}

fn unfinished(error: impl std::error::Error) -> Failure {
    Failure::failed(
        "the check of the local repositories could not be finished",
        in_words(&error),
    )
}

/// How much there is to make rows again from.
async fn count_at_rest(dir: &Path) -> Result<AtRest, BlobError> {
    let root = dir.join(REGISTRY_DIRECTORY);
    let blobs = FsBlobs::open(&root, Arc::new(RealDisk))?;
    let journal = FsJournal::open(&root, Arc::new(RealDisk))?;
    let mut at_rest = AtRest {
        journals: 0,
        objects: 0,
    };
    let mut journals = pin!(journal_pages(&journal));
    while let Some(page) = journals.try_next().await? {
        at_rest.journals += page.repositories.len() as u64;
    }
    let mut objects = pin!(blob_pages(&blobs));
    while let Some(page) = objects.try_next().await? {
        at_rest.objects += page.len() as u64;
    }
    Ok(at_rest)
}

/// The stores, if the rows are sound as far as the database can tell, and something lies beside them.
async fn sound_shelves(dir: &Path, asked: FsckRequest) -> Result<Shelves, Unopened> {
    let rows = open_rows(dir).await?;
    let looked = async {
        rows.integrity_check().await?;
        if !asked.accept_loss && is_away(dir, &rows).await? {
            return Err(Unopened::Emptied(dir.join(REGISTRY_DIRECTORY)));
        }
        Ok(())
    };
    if let Err(error) = looked.await {
        // What it has to write yet fails as the rest of it does.
        let _ = rows.close().await;
        return Err(error);
    }
    open_beside(dir, rows, Arc::new(RealDisk)).await
}

async fn check_opened(shelves: &Shelves, mend: bool) -> Result<RegistryCheck, CheckError> {
    let checked = check_stores(shelves.stores(), mend).await;
    let put_aside = match &checked {
        Ok(check) if mend => put_damaged_aside(check, &shelves.blobs).await,
        _ => Ok(()),
    };
    let closed = shelves.rows.close().await;
    let check = checked?;
    put_aside?;
    closed?;
    Ok(check)
}

async fn check_stores(stores: Stores, mend: bool) -> Result<RegistryCheck, CheckError> {
    let supervisor = Supervisor::new();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let registry = LocalRegistry::open(stores, clock, &supervisor);
    let checked = registry.check(mend, &|_| {}).await;
    supervisor.stop();
    supervisor.drain(END_WITHIN).await;
    checked
}

/// What the rows in `dir` tell of, where nothing of it lies.
async fn check_emptied(dir: &Path) -> Result<RegistryCheck, CheckError> {
    let rows = Arc::new(open_rows(dir).await?);
    let checked = check_rows_alone(dir, &rows).await;
    rows.close().await?;
    checked
}

/// What these rows of `dir` tell of, as lost; the directory beside them is not touched.
pub(crate) async fn check_rows_alone(
    dir: &Path,
    rows: &Arc<SqlRegistry>,
) -> Result<RegistryCheck, CheckError> {
    let nothing = Stores {
        blobs: Arc::new(MemoryBlobs::default()),
        rows: Arc::clone(rows) as _,
        journal: Arc::new(MemoryJournal::new()),
    };
    let mut check = check_stores(nothing, false).await?;
    check.emptied = Some(path_of(dir));
    // They follow from that.
    check.differences.clear();
    Ok(check)
}

/// Where the local repositories of a data directory are, for people.
fn path_of(dir: &Path) -> String {
    dir.join(REGISTRY_DIRECTORY).display().to_string()
}

/// Puts damaged bytes out of the way, so that who pushes them again is asked for them.
pub(crate) async fn put_damaged_aside(
    check: &RegistryCheck,
    blobs: &FsBlobs,
) -> Result<(), CheckError> {
    for object in &check.damaged {
        let Ok(digest) = object.digest.parse() else {
            continue;
        };
        // Looked at once more: who pushed it meanwhile has made it whole.
        if let Err(BlobError::Corrupt(_)) = blobs.verify(&digest).await {
            let put = blobs.put_aside(&digest).await;
            put.map_err(forebay_registry::PushError::from)?;
        }
    }
    Ok(())
}

/// Makes the rows again beside the damaged ones, then puts those aside. Accounts are read out of them as far as that goes.
async fn rebuild(dir: &Path) -> Result<RebuiltRows, Failure> {
    let failed = |error: &dyn std::error::Error| {
        Failure::failed(
            "the registry's rows could not be made again",
            in_words(error),
        )
    };
    let (rows_path, new_path) = (dir.join(REGISTRY_FILE_NAME), dir.join(NEW_ROWS));
    let interrupted = dir.join(INTERRUPTED_ROWS);
    let is_interrupted = !tokio::fs::try_exists(&rows_path).await.unwrap_or(true);
    for (left, kept) in files_of(&new_path).into_iter().zip(files_of(&interrupted)) {
        let done = if is_interrupted {
            tokio::fs::rename(left, kept).await
        } else {
            tokio::fs::remove_file(left).await
        };
        done.or_else(unless_absent)
            .map_err(|error| failed(&error))?;
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let rows = SqlRegistry::open(&new_path).await;
    let rows = rows.map_err(|error| failed(&error))?;
    let shelves = open_beside(dir, rows, Arc::new(RealDisk)).await;
    let shelves = shelves.map_err(|error| failed(&error))?;
    let supervisor = Supervisor::new();
    let registry = LocalRegistry::open(shelves.stores(), Arc::clone(&clock), &supervisor);
    let made = registry.rebuild_rows().await;
    supervisor.stop();
    supervisor.drain(END_WITHIN).await;
    let made = made.map_err(|error| failed(&error))?;
    let (mut accounts, mut is_all) = (0, false);
    for from in [&rows_path, &interrupted] {
        let salvaged = salvage_accounts(from, &shelves.rows).await;
        accounts += salvaged.saved;
        is_all |= salvaged.is_all;
    }
    shelves.rows.close().await.map_err(|error| failed(&error))?;
    let was_there = tokio::fs::try_exists(&rows_path).await.unwrap_or(true);
    let aside = SqlRegistry::replace(&rows_path, &new_path, clock.now()).await;
    let aside = aside.map_err(|error| failed(&error))?;
    for left in files_of(&interrupted) {
        let done = tokio::fs::remove_file(left).await;
        done.or_else(unless_absent)
            .map_err(|error| failed(&error))?;
    }
    let told = |lost: &Lost| match &lost.needed_by {
        Some(needed_by) => format!("{}@{needed_by} misses {}", lost.repository, lost.digest),
        None => format!("{}@{}", lost.repository, lost.digest),
    };
    let beside = made.lost.len().saturating_sub(MAX_TOLD) as u64;
    Ok(RebuiltRows {
        put_aside: was_there.then(|| aside.display().to_string()),
        repositories: made.repositories,
        manifests: made.manifests,
        tags: made.tags,
        accounts,
        accounts_lost: !is_all,
        lost: made.lost.iter().take(MAX_TOLD).map(told).collect(),
        lost_beside: made.lost_beside + beside,
    })
}

fn unless_absent(error: std::io::Error) -> std::io::Result<()> {
    match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    }
}

/// Accounts that were read out of damaged rows: how many, and whether those were all.
struct Tally {
    saved: u64,
    is_all: bool,
}

impl Tally {
    /// The next page, if there is one that can be read.
    fn page<T>(&mut self, read: Result<Option<T>, CatalogError>) -> Option<T> {
        self.is_all &= read.is_ok();
        read.ok().flatten()
    }

    fn count(&mut self, added: &Result<Added, CatalogError>) {
        match added {
            Ok(Added::Yes) => self.saved += 1,
            Ok(Added::Taken) => {}
            Ok(Added::Full) | Err(_) => self.is_all = false,
        }
    }
}

/// Copies what can be read of users and tokens out of damaged rows.
async fn salvage_accounts(from: &Path, to: &SqlRegistry) -> Tally {
    let mut tally = Tally {
        saved: 0,
        is_all: false,
    };
    let Ok(damaged) = SqlRegistry::salvage(from).await else {
        return tally;
    };
    tally.is_all = true;
    let rows = &damaged;
    let mut users = pin!(pages(
        None,
        |after: Option<AccountName>| async move { rows.users(after.as_ref(), SALVAGED_AT_ONCE).await },
        |page: &Vec<KeptUser>| page.last().map(|last| last.name.clone()),
    ));
    while let Some(page) = tally.page(users.try_next().await) {
        for user in &page {
            tally.count(&to.add_user(user).await);
        }
    }
    let mut robots = pin!(pages(
        None,
        |after: Option<RobotId>| async move { rows.robots(after.as_ref(), SALVAGED_AT_ONCE).await },
        |page: &Vec<KeptRobot>| page.last().map(|last| last.id.clone()),
    ));
    while let Some(page) = tally.page(robots.try_next().await) {
        for robot in &page {
            tally.count(&to.add_robot(robot).await);
        }
    }
    let _ = damaged.close().await;
    tally
}

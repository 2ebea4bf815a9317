//! Accounts as they are, looked up seldom: what was read is known for a moment, and forgotten at once when an account is changed
//! here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use forebay_content::{AccountName, Accounts, CatalogError, Clock, KeptRobot, KeptUser, RobotId};
use moka::sync::Cache;

/// How long what was read is known. A change made by another process is seen that much later.
pub const ACCOUNT_MEMORY: Duration = Duration::from_secs(5);

/// The most accounts that are known at a time.
const MAX_KNOWN: u64 = 10_000;

/// How often accounts were changed by this process: what was read before a change is not known after it. Clones are the same
/// count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes(Arc<AtomicU64>);

/// Accounts as they are.
pub(crate) struct Known {
    accounts: Arc<dyn Accounts>,
    clock: Arc<dyn Clock>,
    changes: Changes,
    users: Cache<AccountName, Read<KeptUser>>,
    robots: Cache<RobotId, Read<KeptRobot>>,
}

/// What was read, and when.
#[derive(Clone, Debug)]
struct Read<T> {
    found: Option<Arc<T>>,
    at: Duration,
    changes: u64,
}

impl Changes {
    /// Counts one more; to be called once the change is made.
    pub(crate) fn count(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn so_far(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Known {
    pub(crate) fn new(
        accounts: Arc<dyn Accounts>,
        clock: Arc<dyn Clock>,
        changes: Changes,
    ) -> Self {
        Self {
            accounts,
            clock,
            changes,
            users: Cache::new(MAX_KNOWN),
            robots: Cache::new(MAX_KNOWN),
        }
    }

    /// The user of this name.
    pub(crate) async fn user(
        &self,
        name: &AccountName,
    ) -> Result<Option<Arc<KeptUser>>, CatalogError> {
        if let Some(read) = self.users.get(name)
            && self.is_true_still(&read)
        {
            return Ok(read.found);
        }
        let read = self.begin();
        let read = read.with(self.accounts.find_user(name).await?);
        self.users.insert(name.clone(), read.clone());
        Ok(read.found)
    }

    /// The robot's token of this id.
    pub(crate) async fn robot(&self, id: &RobotId) -> Result<Option<Arc<KeptRobot>>, CatalogError> {
        if let Some(read) = self.robots.get(id)
            && self.is_true_still(&read)
        {
            return Ok(read.found);
        }
        let read = self.begin();
        let read = read.with(self.accounts.find_robot(id).await?);
        self.robots.insert(id.clone(), read.clone());
        Ok(read.found)
    }

    /// Before it is read: a change that comes while it is read makes it unknown.
    fn begin(&self) -> Read<()> {
        Read {
            found: None,
            at: self.clock.monotonic(),
            changes: self.changes.so_far(),
        }
    }

    fn is_true_still<T>(&self, read: &Read<T>) -> bool {
        let is_young = self.clock.monotonic().saturating_sub(read.at) < ACCOUNT_MEMORY;
        is_young && read.changes == self.changes.so_far()
    }
}

impl Read<()> {
    fn with<T>(self, found: Option<T>) -> Read<T> {
        Read {
            found: found.map(Arc::new),
            at: self.at,
            changes: self.changes,
        }
    }
}

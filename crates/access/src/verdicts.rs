//! What upstreams have said of clients' logins and rights lately.
//!
//! Neither names nor passwords nor their plain hashes are in the table: only handles are.

use std::time::Duration;

use forebay_content::{ClientRight, Sought};
use forebay_oci::RepositoryName;
use moka::sync::Cache;

use crate::handle::Handle;
use crate::remembered::WRONG_MEMORY;

/// The most verdicts that are remembered: some 20 MB.
const MAX_VERDICTS: u64 = 50_000;

/// What a verdict is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum About {
    Login,
    Repository(RepositoryName),
    Sought(RepositoryName, Sought),
}

/// The table.
pub(crate) struct Verdicts {
    /// How long a right that was given is remembered.
    given_for: Duration,
    kept: Cache<(Handle, About), Kept>,
}

/// A verdict, and until when it holds.
#[derive(Clone, Copy, Debug)]
struct Kept {
    right: ClientRight,
    until: Duration,
}

impl Verdicts {
    pub(crate) fn new(given_for: Duration) -> Self {
        Self {
            given_for,
            kept: Cache::new(MAX_VERDICTS),
        }
    }

    /// What is known of the login itself.
    pub(crate) fn find_login(&self, who: Handle, now: Duration) -> Option<ClientRight> {
        self.find(&(who, About::Login), now)
    }

    /// What is known of a right: of the login, of the repository, or of what is sought in it.
    pub(crate) fn find_right(
        &self,
        who: Handle,
        (repository, sought): (&RepositoryName, &Sought),
        now: Duration,
    ) -> Option<ClientRight> {
        let wrong = self.find_login(who, now);
        let wrong = wrong.filter(|right| *right == ClientRight::WrongLogin);
        let find = |about| self.find(&(who, about), now);
        wrong
            .or_else(|| find(About::Repository(repository.clone())))
            .or_else(|| find(About::Sought(repository.clone(), sought.clone())))
    }

    /// True if the login was wrong when it was shown last, however long that is ago.
    pub(crate) fn was_wrong(&self, who: Handle) -> bool {
        let kept = self.kept.get(&(who, About::Login));
        kept.is_some_and(|kept| kept.right == ClientRight::WrongLogin)
    }

    /// Remembers what was said of the login itself, asked at `began`.
    pub(crate) fn keep_login(&self, who: Handle, right: ClientRight, began: Duration) {
        self.keep((who, About::Login), right, began);
    }

    /// Remembers what was said of a right, asked at `began`: whatever is taken back after that is out in time.
    pub(crate) fn keep_right(
        &self,
        who: Handle,
        (repository, sought): (&RepositoryName, &Sought),
        right: ClientRight,
        began: Duration,
    ) {
        let about = match right {
            ClientRight::WrongLogin | ClientRight::Unknown => {
                return self.keep_login(who, right, began);
            }
            ClientRight::Absent(_) => About::Sought(repository.clone(), sought.clone()),
            ClientRight::Given { .. } | ClientRight::Refused { .. } => {
                About::Repository(repository.clone())
            }
        };
        self.keep((who, about), right, began);
    }

    fn find(&self, key: &(Handle, About), now: Duration) -> Option<ClientRight> {
        let kept = self.kept.get(key)?;
        (now < kept.until).then_some(kept.right)
    }

    fn keep(&self, key: (Handle, About), right: ClientRight, began: Duration) {
        let memory = match right {
            ClientRight::Given { .. } => self.given_for,
            ClientRight::Refused { .. } | ClientRight::Absent(_) => {
                WRONG_MEMORY.min(self.given_for)
            }
            ClientRight::WrongLogin | ClientRight::Unknown => WRONG_MEMORY,
        };
        let until = began + memory;
        self.kept.insert(key, Kept { right, until });
    }
}

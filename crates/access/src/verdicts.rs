//! What upstreams have said of clients' logins and rights lately.
//!
//! Neither names nor passwords nor their plain hashes are in the table: its keys are made with a key that dies with the process.

use std::time::Duration;

use aws_lc_rs::hmac;
use forebay_content::{ClientLogin, ClientRight, Sought};
use forebay_oci::RepositoryName;
use moka::sync::Cache;

use crate::random::{NoRandomness, Random, draw};
use crate::remembered::WRONG_MEMORY;

/// The most verdicts that are remembered: some 20 MB.
const MAX_VERDICTS: u64 = 50_000;

/// The most logins that are known to have been good.
const MAX_PROVEN: u64 = 10_000;

/// A client's login, or a name, of which nothing can be told but whether it is the same; nobody's has no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Handle(Option<[u8; 32]>);

/// What a verdict is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum About {
    Login,
    Repository(RepositoryName),
    Sought(RepositoryName, Sought),
}

/// The table.
pub(crate) struct Verdicts {
    key: hmac::Key,
    /// How long a right that was given is remembered.
    given_for: Duration,
    kept: Cache<(Handle, About), Kept>,
    proven: Cache<Handle, ()>,
}

/// A verdict, and until when it holds.
#[derive(Clone, Copy, Debug)]
struct Kept {
    right: ClientRight,
    until: Duration,
}

impl Verdicts {
    pub(crate) fn new(given_for: Duration, random: &dyn Random) -> Result<Self, NoRandomness> {
        let key = draw::<32>(random)?;
        Ok(Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            given_for,
            kept: Cache::new(MAX_VERDICTS),
            proven: Cache::new(MAX_PROVEN),
        })
    }

    /// Whose verdicts they are.
    pub(crate) fn whose(&self, login: Option<&ClientLogin>) -> Handle {
        // A Basic credential's name has no colon: no two are written alike.
        Handle(login.map(|login| self.hash(&[&login.name, ":", login.password.expose()])))
    }

    /// The name alone, which is what registries count failed logins by.
    pub(crate) fn name_of(&self, login: &ClientLogin) -> Handle {
        Handle(Some(self.hash(&["name:", &login.name])))
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

    /// True if the upstream took the login when it was shown last.
    pub(crate) fn is_proven(&self, who: Handle) -> bool {
        self.proven.contains_key(&who)
    }

    /// Remembers what was said of the login itself, asked at `began`.
    pub(crate) fn keep_login(&self, who: Handle, right: ClientRight, began: Duration) {
        self.note_proof(who, right);
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
            ClientRight::WrongLogin => return self.keep_login(who, right, began),
            ClientRight::Absent(_) => About::Sought(repository.clone(), sought.clone()),
            ClientRight::Given | ClientRight::Refused { .. } => {
                About::Repository(repository.clone())
            }
        };
        self.note_proof(who, right);
        self.keep((who, about), right, began);
    }

    fn note_proof(&self, who: Handle, right: ClientRight) {
        match right {
            ClientRight::Given
            | ClientRight::Refused {
                is_login_good: true,
            } => self.proven.insert(who, ()),
            ClientRight::WrongLogin
            | ClientRight::Refused {
                is_login_good: false,
            } => self.proven.invalidate(&who),
            ClientRight::Absent(_) => {}
        }
    }

    fn find(&self, key: &(Handle, About), now: Duration) -> Option<ClientRight> {
        let kept = self.kept.get(key)?;
        (now < kept.until).then_some(kept.right)
    }

    fn keep(&self, key: (Handle, About), right: ClientRight, began: Duration) {
        let memory = match right {
            ClientRight::Given => self.given_for,
            ClientRight::Refused { .. } | ClientRight::Absent(_) => {
                WRONG_MEMORY.min(self.given_for)
            }
            ClientRight::WrongLogin => WRONG_MEMORY,
        };
        let until = began + memory;
        self.kept.insert(key, Kept { right, until });
    }

    fn hash(&self, parts: &[&str]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            context.update(part.as_bytes());
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(context.sign().as_ref());
        hash
    }
}

#[cfg(test)]
impl Handle {
    /// One that is told from others by its number.
    pub(crate) fn of_test(number: u8) -> Self {
        Self(Some([number; 32]))
    }
}

//! Credentials that were checked lately, so that not every request costs a hash that is slow on purpose.
//!
//! Neither passwords nor their hashes are in the table: its keys are made with a key that dies with the process.

use std::time::Duration;

use aws_lc_rs::hmac;
use forebay_content::{AccountName, Secret, Stamp};
use moka::sync::Cache;

use crate::random::{NoRandomness, Random, draw};

/// How long a right password is remembered.
pub const RIGHT_MEMORY: Duration = Duration::from_mins(5);

/// How long a wrong one is: a client that tries the same again and again must not keep others waiting.
pub const WRONG_MEMORY: Duration = Duration::from_secs(30);

/// The most credentials that are remembered.
const MAX_REMEMBERED: u64 = 10_000;

/// The table.
pub(crate) struct Remembered {
    key: hmac::Key,
    checked: Cache<[u8; 32], Checked>,
}

/// What came of a check, of an account as it was then.
#[derive(Clone, Copy, Debug)]
struct Checked {
    is_right: bool,
    /// `None` if nobody had that name.
    stamp: Option<Stamp>,
    until: Duration,
}

impl Remembered {
    pub(crate) fn new(random: &dyn Random) -> Result<Self, NoRandomness> {
        let key = draw::<32>(random)?;
        Ok(Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            checked: Cache::new(MAX_REMEMBERED),
        })
    }

    /// What is remembered of this credential, of the account as it is by now.
    pub(crate) fn find(
        &self,
        name: &AccountName,
        password: &Secret,
        stamp: Option<Stamp>,
        now: Duration,
    ) -> Option<bool> {
        let checked = self.checked.get(&self.key_of(name, password))?;
        (checked.stamp == stamp && now < checked.until).then_some(checked.is_right)
    }

    /// Remembers what came of a check.
    pub(crate) fn keep(
        &self,
        name: &AccountName,
        password: &Secret,
        stamp: Option<Stamp>,
        checked: (bool, Duration),
    ) {
        let (is_right, now) = checked;
        let memory = if is_right { RIGHT_MEMORY } else { WRONG_MEMORY };
        let checked = Checked {
            is_right,
            stamp,
            until: now + memory,
        };
        self.checked.insert(self.key_of(name, password), checked);
    }

    fn key_of(&self, name: &AccountName, password: &Secret) -> [u8; 32] {
        // No name has a colon: no two credentials are written alike.
        let mut context = hmac::Context::with_key(&self.key);
        context.update(name.as_str().as_bytes());
        context.update(b":");
        context.update(password.expose().as_bytes());
        let mut key = [0; 32];
        key.copy_from_slice(context.sign().as_ref());
        key
    }
}

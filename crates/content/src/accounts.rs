//! Who may log in: users with passwords, robots with tokens, at rest.
//!
//! Only what a secret is checked by is kept, never the secret. Each act is one transaction, durable when it returns.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use async_trait::async_trait;
use forebay_oci::{Acts, TargetPattern};

use crate::{CatalogError, Secret, Timestamp};

/// The most users that an implementation keeps.
pub const MAX_USERS: u64 = 10_000;

/// The most robots' tokens that an implementation keeps, revoked ones too.
pub const MAX_ROBOTS: u64 = 10_000;

/// The longest name of an account, in bytes.
const MAX_NAME_BYTES: usize = 128;

/// The characters of a robot's id, of five bits each.
const ID_ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// How many characters an id has: 60 bits, so that none is given twice.
const ID_BYTES: usize = 12;

/// All roles together.
pub trait Accounts: Users + Robots {}

impl<T: Users + Robots> Accounts for T {}

/// People, who log in with a password.
#[async_trait]
pub trait Users: Send + Sync {
    /// The user of this name.
    async fn find_user(&self, name: &AccountName) -> Result<Option<KeptUser>, CatalogError>;

    /// The users after `after` in the order of their names' bytes, at most `limit`.
    async fn users(
        &self,
        after: Option<&AccountName>,
        limit: u32,
    ) -> Result<Vec<KeptUser>, CatalogError>;

    /// Records a user, unless there is one of that name or no room for more.
    async fn add_user(&self, user: &KeptUser) -> Result<Added, CatalogError>;

    /// Gives the user another password; false if there is none of that name. Whether it is disabled stays as it is.
    async fn set_password(
        &self,
        name: &AccountName,
        password: &Secret,
        change: AccountChange,
    ) -> Result<bool, CatalogError>;

    /// Disables the user, or lets it in again; false if there is none of that name.
    async fn set_disabled(
        &self,
        name: &AccountName,
        is_disabled: bool,
        change: AccountChange,
    ) -> Result<bool, CatalogError>;

    /// Forgets the user; false if there is none of that name.
    async fn remove_user(&self, name: &AccountName) -> Result<bool, CatalogError>;
}

/// Programs, which log in with a token that names what they may do.
#[async_trait]
pub trait Robots: Send + Sync {
    /// The robot's token of this id.
    async fn find_robot(&self, id: &RobotId) -> Result<Option<KeptRobot>, CatalogError>;

    /// The tokens after `after` in the order of their ids' bytes, at most `limit`.
    async fn robots(
        &self,
        after: Option<&RobotId>,
        limit: u32,
    ) -> Result<Vec<KeptRobot>, CatalogError>;

    /// Records a token, unless there is one of that id or no room for more.
    async fn add_robot(&self, robot: &KeptRobot) -> Result<Added, CatalogError>;

    /// Revokes the token; false if there is none of that id. One that is revoked keeps the time of the first revocation.
    async fn revoke_robot(&self, id: &RobotId, change: AccountChange)
    -> Result<bool, CatalogError>;

    /// Forgets the token; false if there is none of that id.
    async fn remove_robot(&self, id: &RobotId) -> Result<bool, CatalogError>;
}

/// When an account is changed, and how the changed one is told from the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountChange {
    /// When.
    pub at: Timestamp,
    /// Its new stamp.
    pub stamp: Stamp,
}

/// A number drawn at random at each change of an account: what was given to the account before it is worth nothing after.
///
/// Random and not counted, so that an account made anew under an old name, or a catalog restored from a backup, never
/// brings an old number back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stamp(pub u64);

/// What came of recording an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is recorded.
    Yes,
    /// There is one of that name or id; it stays as it is.
    Taken,
    /// There are as many as there may be.
    Full,
}

/// A user, as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptUser {
    /// Its name.
    pub name: AccountName,
    /// What its password is checked by: an argon2id hash in the PHC string format.
    pub password: Secret,
    /// True if it may not log in.
    pub is_disabled: bool,
    /// Drawn at its last change.
    pub stamp: Stamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub changed_at: Timestamp,
}

/// A robot's token, as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRobot {
    /// By what it is found.
    pub id: RobotId,
    /// What people call it. Several tokens may have one name, as while one takes the other's place.
    pub name: AccountName,
    /// The SHA-256 of its secret.
    pub secret_hash: [u8; 32],
    /// What it may do.
    pub rights: Vec<Right>,
    /// Drawn at its last change.
    pub stamp: Stamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is worth nothing; `None` for one that does not expire.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// What may be done where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right {
    /// To which repositories.
    pub repositories: Vec<TargetPattern>,
    /// What.
    pub acts: Acts,
}

/// The name of a user or a robot: letters, digits, and `.`, `_`, `-`, `+`, `@` after the first. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountName(Arc<str>);

/// The id of a robot's token: twelve of `a` to `z` and `2` to `7`. No secret. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RobotId(Arc<str>);

/// A text that no account can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a name has 1 to {MAX_NAME_BYTES} letters and digits of ASCII, and '.', '_', '-', '+' or '@' after the first"
)]
pub struct InvalidAccountName;

/// A text that is no id of a robot's token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the id of a token has {ID_BYTES} characters from a to z and 2 to 7")]
pub struct InvalidRobotId;

// === impl AccountName ===

impl AccountName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountName {
    type Err = InvalidAccountName;

    fn from_str(text: &str) -> Result<Self, InvalidAccountName> {
        let is_first = |byte: u8| byte.is_ascii_alphanumeric();
        let is_name_byte = |byte: u8| is_first(byte) || b"._-+@".contains(&byte);
        let is_name = text.len() <= MAX_NAME_BYTES
            && text.bytes().next().is_some_and(is_first)
            && text.bytes().all(is_name_byte);
        is_name.then(|| Self(text.into())).ok_or(InvalidAccountName)
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl RobotId ===

impl RobotId {
    /// The id that random bytes make.
    pub fn of_random(random: [u8; ID_BYTES]) -> Self {
        let id = random.map(|byte| char::from(ID_ALPHABET[usize::from(byte % 32)]));
        Self(String::from_iter(id).into())
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RobotId {
    type Err = InvalidRobotId;

    fn from_str(text: &str) -> Result<Self, InvalidRobotId> {
        let is_id = text.len() == ID_BYTES && text.bytes().all(|byte| ID_ALPHABET.contains(&byte));
        is_id.then(|| Self(text.into())).ok_or(InvalidRobotId)
    }
}

impl fmt::Display for RobotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RobotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_that_no_log_and_no_policy_misreads() {
        for name in ["a", "Alice", "ci-build.2", "a+b@example.com", "0"] {
            assert_eq!(name.parse::<AccountName>().unwrap().as_str(), name);
        }
        assert!("a".repeat(128).parse::<AccountName>().is_ok());
        for name in [
            "", "-a", ".a", "@a", "a b", "a:b", "a*", "a/b", "a\n", "ä", "a\"", "$a", "a\0",
        ] {
            assert_eq!(
                name.parse::<AccountName>(),
                Err(InvalidAccountName),
                "{name:?}"
            );
        }
        assert!("a".repeat(129).parse::<AccountName>().is_err());
    }

    #[test]
    fn an_id_is_read_as_it_was_made() {
        let id = RobotId::of_random([0, 31, 32, 255, 7, 8, 9, 10, 11, 12, 13, 14]);
        assert_eq!(id.as_str().len(), 12);
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in [
            "",
            "abc",
            "ABCDEFGHIJKL",
            "abcdefghijk1",
            "abcdefghijklm",
            "abcdefghijk\n",
        ] {
            assert_eq!(text.parse::<RobotId>(), Err(InvalidRobotId), "{text:?}");
        }
    }
}

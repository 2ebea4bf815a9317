//! What a command may have the desk do, as data: the same whether a server runs and does it, or the command itself.

use std::fmt;
use std::time::Duration;

use forebay_content::{AccountName, KeptRobot, KeptUser, Right, Secret};
use serde::{Deserialize, Serialize};

use crate::desk::{Desk, DeskError, NewRobot};

/// The most accounts that one answer lists.
pub const ACCOUNTS_AT_A_TIME: u32 = 500;

/// What is to be done. Printed, it never tells a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum AccountOrder {
    /// Make a user.
    AddUser {
        /// Its name.
        name: String,
        /// Its password.
        #[serde(with = "exposed")]
        password: Secret,
    },
    /// Give a user another password.
    SetPassword {
        /// Its name.
        name: String,
        /// The new password.
        #[serde(with = "exposed")]
        password: Secret,
    },
    /// Put a user out.
    DisableUser {
        /// Its name.
        name: String,
    },
    /// Let a user in again.
    EnableUser {
        /// Its name.
        name: String,
    },
    /// Forget a user.
    RemoveUser {
        /// Its name.
        name: String,
    },
    /// List users.
    ListUsers {
        /// After which name to go on.
        after: Option<String>,
    },
    /// Make a robot's token.
    AddRobot {
        /// What people will call it.
        name: String,
        /// What it may do.
        rights: Vec<RightText>,
        /// After how many seconds it is worth nothing; `None` for never.
        expires_in_seconds: Option<u64>,
    },
    /// Revoke the token of an id, or all of a name.
    RevokeRobot {
        /// The name or the id.
        name: String,
    },
    /// List robots' tokens.
    ListRobots {
        /// After which id to go on.
        after: Option<String>,
    },
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountOutcome {
    /// It is done.
    Done,
    /// Users, in the order of their names; more may follow if there are as many as an answer lists.
    Users(Vec<UserText>),
    /// Robots' tokens, in the order of their ids, more of which may follow; or those that were to be revoked, as they were before.
    Robots(Vec<RobotText>),
    /// A token was made.
    Made {
        /// As it is kept.
        robot: RobotText,
        /// The token, which is told this once.
        #[serde(with = "exposed")]
        token: Secret,
    },
}

/// What may be done where, as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RightText {
    /// Patterns of repositories.
    pub repositories: Vec<String>,
    /// The actions, with commas between.
    pub actions: String,
}

/// A user, as it is listed. Times are milliseconds since the UNIX epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserText {
    /// Its name.
    pub name: String,
    /// True if it may not log in.
    pub disabled: bool,
    /// When it was made.
    pub created_unix_ms: i64,
    /// When it was changed last.
    pub changed_unix_ms: i64,
}

/// A robot's token, as it is listed. Times are milliseconds since the UNIX epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RobotText {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub rights: Vec<RightText>,
    /// When it was made.
    pub created_unix_ms: i64,
    /// From when on it is worth nothing.
    pub expires_unix_ms: Option<i64>,
    /// When it was revoked.
    pub revoked_unix_ms: Option<i64>,
}

/// Why an order was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum AccountOrderError {
    /// A name is none.
    #[error("{0:?} is no name of an account: {1}")]
    Name(String, forebay_content::InvalidAccountName),
    /// What to go on after is no id.
    #[error("{0:?} is no id of a token")]
    Id(String),
    /// A pattern is none.
    #[error("the pattern {0:?} {1}")]
    Pattern(String, forebay_oci::InvalidPattern),
    /// Actions are none.
    #[error("{0:?} are no actions: {1}, several with commas between")]
    Actions(String, forebay_oci::InvalidAct),
    /// The desk could not.
    #[error(transparent)]
    Desk(#[from] DeskError),
}

impl AccountOrder {
    /// True if it only looks.
    pub fn is_look(&self) -> bool {
        matches!(self, Self::ListUsers { .. } | Self::ListRobots { .. })
    }
}

impl AccountOrderError {
    /// Why not, in a word, for the audit log.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Name(..)
            | Self::Id(_)
            | Self::Pattern(..)
            | Self::Actions(..)
            | Self::Desk(DeskError::Password(_) | DeskError::Rights | DeskError::Lifetime) => {
                "invalid"
            }
            Self::Desk(DeskError::Taken(_)) => "exists",
            Self::Desk(DeskError::NoUser(_) | DeskError::NoRobot(_)) => "not_found",
            Self::Desk(DeskError::Full(_)) => "full",
            Self::Desk(DeskError::Busy) => "busy",
            Self::Desk(DeskError::Randomness(_) | DeskError::Accounts(_)) => "failed",
        }
    }
}

impl fmt::Display for AccountOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddUser { name, .. } => write!(f, "add user {name}"),
            Self::SetPassword { name, .. } => write!(f, "set the password of user {name}"),
            Self::DisableUser { name } => write!(f, "disable user {name}"),
            Self::EnableUser { name } => write!(f, "enable user {name}"),
            Self::RemoveUser { name } => write!(f, "remove user {name}"),
            Self::ListUsers { .. } => f.write_str("list users"),
            Self::AddRobot { name, .. } => write!(f, "create a token for {name}"),
            Self::RevokeRobot { name } => write!(f, "revoke token {name}"),
            Self::ListRobots { .. } => f.write_str("list tokens"),
        }
    }
}

impl Desk {
    /// Carries out an order.
    ///
    /// # Errors
    /// It has a word that means nothing, or the desk could not.
    pub async fn carry_out(
        &self,
        order: AccountOrder,
    ) -> Result<AccountOutcome, AccountOrderError> {
        match order {
            AccountOrder::AddUser { name, password } => {
                self.add_user(&account(name)?, &password).await?;
            }
            AccountOrder::SetPassword { name, password } => {
                self.set_password(&account(name)?, &password).await?;
            }
            AccountOrder::DisableUser { name } => self.set_disabled(&account(name)?, true).await?,
            AccountOrder::EnableUser { name } => self.set_disabled(&account(name)?, false).await?,
            AccountOrder::RemoveUser { name } => self.remove_user(&account(name)?).await?,
            AccountOrder::ListUsers { after } => {
                let after = after.map(account).transpose()?;
                let users = self.users(after.as_ref(), ACCOUNTS_AT_A_TIME).await?;
                return Ok(AccountOutcome::Users(
                    users.iter().map(UserText::of).collect(),
                ));
            }
            AccountOrder::AddRobot {
                name,
                rights,
                expires_in_seconds,
            } => {
                let rights = rights.into_iter().map(RightText::read);
                let made = self.add_robot(NewRobot {
                    name: account(name)?,
                    rights: rights.collect::<Result<_, _>>()?,
                    expires_in: expires_in_seconds.map(Duration::from_secs),
                });
                let made = made.await?;
                return Ok(AccountOutcome::Made {
                    robot: RobotText::of(&made.robot),
                    token: made.token,
                });
            }
            AccountOrder::RevokeRobot { name } => {
                let revoked = self.revoke_robots(&name).await?;
                return Ok(AccountOutcome::Robots(
                    revoked.iter().map(RobotText::of).collect(),
                ));
            }
            AccountOrder::ListRobots { after } => {
                let after = after.map(|id| id.parse().map_err(|_| AccountOrderError::Id(id)));
                let after = after.transpose()?;
                let robots = self.robots(after.as_ref(), ACCOUNTS_AT_A_TIME);
                return Ok(AccountOutcome::Robots(
                    robots.await?.iter().map(RobotText::of).collect(),
                ));
            }
        }
        Ok(AccountOutcome::Done)
    }
}

impl fmt::Display for RightText {
    /// As lists and the audit log have it: `pull,push team/* other`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.actions, self.repositories.join(" "))
    }
}

impl RightText {
    fn of(right: &Right) -> Self {
        Self {
            repositories: right.repositories.iter().map(ToString::to_string).collect(),
            actions: right.acts.to_string(),
        }
    }

    /// As it is kept.
    ///
    /// # Errors
    /// A pattern or the actions are none.
    pub fn read(self) -> Result<Right, AccountOrderError> {
        let patterns = self.repositories.into_iter();
        let patterns = patterns.map(|text| match text.parse() {
            Ok(pattern) => Ok(pattern),
            Err(why) => Err(AccountOrderError::Pattern(text, why)),
        });
        let repositories = patterns.collect::<Result<_, _>>()?;
        match self.actions.parse() {
            Ok(acts) => Ok(Right { repositories, acts }),
            Err(why) => Err(AccountOrderError::Actions(self.actions, why)),
        }
    }
}

impl UserText {
    fn of(user: &KeptUser) -> Self {
        Self {
            name: user.name.to_string(),
            disabled: user.is_disabled,
            created_unix_ms: user.created_at.0,
            changed_unix_ms: user.changed_at.0,
        }
    }
}

impl RobotText {
    fn of(robot: &KeptRobot) -> Self {
        Self {
            id: robot.id.to_string(),
            name: robot.name.to_string(),
            rights: robot.rights.iter().map(RightText::of).collect(),
            created_unix_ms: robot.created_at.0,
            expires_unix_ms: robot.expires_at.map(|at| at.0),
            revoked_unix_ms: robot.revoked_at.map(|at| at.0),
        }
    }
}

fn account(name: String) -> Result<AccountName, AccountOrderError> {
    match name.parse() {
        Ok(account) => Ok(account),
        Err(why) => Err(AccountOrderError::Name(name, why)),
    }
}

/// A secret on its way over the control socket, which only the data's owner can open.
mod exposed {
    use forebay_content::Secret;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(secret: &Secret, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(secret.expose())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
        String::deserialize(from).map(Secret::new)
    }
}

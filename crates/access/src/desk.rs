//! Where accounts are made and changed: by the running server, or by a command when none runs.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use forebay_content::{
    AccountChange, AccountName, Accounts, Added, CatalogError, Clock, KeptRobot, KeptUser,
    MAX_ROBOTS, MAX_USERS, PAGE, Right, RobotId, Secret, Stamp, pages,
};
use futures::TryStreamExt as _;

use crate::hashing::{Busy, Hashing};
use crate::known::Changes;
use crate::password::{HashCost, InvalidPassword, hash_password};
use crate::random::{NoRandomness, Random, draw};
use crate::robot_token::RobotToken;

/// The most rights of one token, and the most patterns of one right.
pub const MAX_RIGHTS: usize = 64;

/// The shortest time after which a robot's token is worth nothing: times are written down in seconds.
pub const MIN_ROBOT_LIFETIME: Duration = Duration::from_secs(1);

/// The longest, ten years of 365 days: what is to last longer says that it does for ever.
pub const MAX_ROBOT_LIFETIME: Duration = Duration::from_hours(24 * 3650);

/// Makes and changes accounts.
pub struct Desk {
    accounts: Arc<dyn Accounts>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    hashing: Arc<Hashing>,
    changes: Changes,
    cost: HashCost,
}

/// A robot's token that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRobot {
    /// What people will call it.
    pub name: AccountName,
    /// What it may do.
    pub rights: Vec<Right>,
    /// After how long it is worth nothing, [`MIN_ROBOT_LIFETIME`] to [`MAX_ROBOT_LIFETIME`]; `None` for never.
    pub expires_in: Option<Duration>,
}

/// A robot's token that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeRobot {
    /// As it is kept.
    pub robot: KeptRobot,
    /// The token itself: to be shown once, for it is kept nowhere.
    pub token: Secret,
}

/// Why an account could not be made or changed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DeskError {
    /// There is one of that name.
    #[error("there is a user {0} already")]
    Taken(AccountName),
    /// There is none of that name.
    #[error("there is no user {0}")]
    NoUser(AccountName),
    /// There is none of that name or id.
    #[error("there is no token {0}")]
    NoRobot(String),
    /// There is no room for more.
    #[error("there are {0} already, and no more are kept: remove what nobody uses")]
    Full(u64),
    /// The password is not taken.
    #[error(transparent)]
    Password(#[from] InvalidPassword),
    /// A token would be good for nothing, or its rights could not be looked through at each request.
    #[error(
        "a token has 1 to {MAX_RIGHTS} rights, each with actions and 1 to {MAX_RIGHTS} patterns of repositories"
    )]
    Rights,
    /// A token would be worth nothing when it is made, or nobody alive would see its end.
    #[error("a token is good for 1 second to {} days, or for ever", MAX_ROBOT_LIFETIME.as_secs() / 86_400)]
    Lifetime,
    /// Too many logins are being checked.
    #[error("too many logins are being checked at the moment: try again")]
    Busy,
    /// The system has no randomness.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// Accounts cannot be read or written.
    #[error("accounts cannot be read or written")]
    Accounts(#[from] CatalogError),
}

impl Desk {
    /// A desk of its own, for when no server runs.
    pub fn new(
        accounts: Arc<dyn Accounts>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        cost: HashCost,
    ) -> Self {
        let hashing = Arc::new(Hashing::new());
        Self::sharing((accounts, clock, random), hashing, Changes::default(), cost)
    }

    pub(crate) fn sharing(
        seams: (Arc<dyn Accounts>, Arc<dyn Clock>, Arc<dyn Random>),
        hashing: Arc<Hashing>,
        changes: Changes,
        cost: HashCost,
    ) -> Self {
        let (accounts, clock, random) = seams;
        Self {
            accounts,
            clock,
            random,
            hashing,
            changes,
            cost,
        }
    }

    /// Makes a user.
    pub async fn add_user(&self, name: &AccountName, password: &Secret) -> Result<(), DeskError> {
        let password = self.hash(password).await?;
        let AccountChange { at, stamp } = self.change()?;
        let user = KeptUser {
            name: name.clone(),
            password,
            is_disabled: false,
            stamp,
            created_at: at,
            changed_at: at,
        };
        let added = self.accounts.add_user(&user).await;
        self.changes.count();
        match added? {
            Added::Yes => Ok(()),
            Added::Taken => Err(DeskError::Taken(name.clone())),
            Added::Full => Err(DeskError::Full(MAX_USERS)),
        }
    }

    /// Gives a user another password; logins and tokens by the old one are worth nothing at once.
    pub async fn set_password(
        &self,
        name: &AccountName,
        password: &Secret,
    ) -> Result<(), DeskError> {
        let password = self.hash(password).await?;
        let change = self.change()?;
        let done = self.accounts.set_password(name, &password, change).await;
        self.found(done, name)
    }

    /// Puts a user out at once, or lets it in again.
    pub async fn set_disabled(
        &self,
        name: &AccountName,
        is_disabled: bool,
    ) -> Result<(), DeskError> {
        let change = self.change()?;
        let done = self.accounts.set_disabled(name, is_disabled, change).await;
        self.found(done, name)
    }

    /// Forgets a user.
    pub async fn remove_user(&self, name: &AccountName) -> Result<(), DeskError> {
        let done = self.accounts.remove_user(name).await;
        self.found(done, name)
    }

    /// The users after `after` in the order of their names, at most `limit`.
    pub async fn users(
        &self,
        after: Option<&AccountName>,
        limit: u32,
    ) -> Result<Vec<KeptUser>, DeskError> {
        Ok(self.accounts.users(after, limit).await?)
    }

    /// Makes a robot's token.
    pub async fn add_robot(&self, new: NewRobot) -> Result<MadeRobot, DeskError> {
        let is_right = |right: &Right| {
            !right.acts.is_empty() && (1..=MAX_RIGHTS).contains(&right.repositories.len())
        };
        if !(1..=MAX_RIGHTS).contains(&new.rights.len()) || !new.rights.iter().all(is_right) {
            return Err(DeskError::Rights);
        }
        let lifetimes = MIN_ROBOT_LIFETIME..=MAX_ROBOT_LIFETIME;
        if !new.expires_in.is_none_or(|wait| lifetimes.contains(&wait)) {
            return Err(DeskError::Lifetime);
        }
        let id = RobotId::of_random(draw(&*self.random)?);
        let token = RobotToken::new(id.clone(), draw(&*self.random)?);
        let AccountChange { at, stamp } = self.change()?;
        let robot = KeptRobot {
            id,
            name: new.name,
            secret_hash: token.hash(),
            rights: new.rights,
            stamp,
            created_at: at,
            expires_at: new.expires_in.map(|wait| at.after(wait)),
            revoked_at: None,
        };
        let added = self.accounts.add_robot(&robot).await;
        self.changes.count();
        match added? {
            Added::Yes => Ok(MadeRobot {
                robot,
                token: token.text(),
            }),
            // Two draws of 60 bits were alike, or the randomness is none.
            Added::Taken => Err(DeskError::Randomness(NoRandomness)),
            Added::Full => Err(DeskError::Full(MAX_ROBOTS)),
        }
    }

    /// The tokens after `after` in the order of their ids, at most `limit`.
    pub async fn robots(
        &self,
        after: Option<&RobotId>,
        limit: u32,
    ) -> Result<Vec<KeptRobot>, DeskError> {
        Ok(self.accounts.robots(after, limit).await?)
    }

    /// Revokes the token of this id, or all that have this name; those that it is about, as they were before.
    pub async fn revoke_robots(&self, name_or_id: &str) -> Result<Vec<KeptRobot>, DeskError> {
        let found = self.find_robots(name_or_id).await?;
        for robot in found.iter().filter(|robot| robot.revoked_at.is_none()) {
            let change = self.change()?;
            let done = self.accounts.revoke_robot(&robot.id, change).await;
            self.changes.count();
            done?;
        }
        Ok(found)
    }

    /// By its id first: a name may look like one, and an id is what logs and lists tell.
    async fn find_robots(&self, name_or_id: &str) -> Result<Vec<KeptRobot>, DeskError> {
        if let Ok(id) = name_or_id.parse()
            && let Some(robot) = self.accounts.find_robot(&id).await?
        {
            return Ok(vec![robot]);
        }
        let mut found = Vec::new();
        let mut robots = pin!(pages(
            None,
            |after: Option<RobotId>| async move { self.accounts.robots(after.as_ref(), PAGE).await },
            |page: &Vec<KeptRobot>| page.last().map(|last| last.id.clone()),
        ));
        while let Some(page) = robots.try_next().await? {
            found.extend(
                page.into_iter()
                    .filter(|robot| robot.name.as_str() == name_or_id),
            );
        }
        if found.is_empty() {
            return Err(DeskError::NoRobot(name_or_id.to_owned()));
        }
        Ok(found)
    }

    async fn hash(&self, password: &Secret) -> Result<Secret, DeskError> {
        let (password, salt, cost) = (password.clone(), draw(&*self.random)?, self.cost);
        let work = move || hash_password(&password, salt, cost);
        let hashed = self.hashing.run(None, work).await;
        Ok(hashed.map_err(|Busy| DeskError::Busy)??)
    }

    fn change(&self) -> Result<AccountChange, NoRandomness> {
        Ok(AccountChange {
            at: self.clock.now(),
            stamp: Stamp(u64::from_be_bytes(draw(&*self.random)?)),
        })
    }

    /// Also what failed may have been done.
    fn found(&self, done: Result<bool, CatalogError>, name: &AccountName) -> Result<(), DeskError> {
        self.changes.count();
        if done? {
            Ok(())
        } else {
            Err(DeskError::NoUser(name.clone()))
        }
    }
}

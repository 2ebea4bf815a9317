//! The roles of accounts: each act as one line.
//!
//! In this file and not in the cache's catalog: like what was pushed, nobody else knows them.

use async_trait::async_trait;
use forebay_content::{
    AccountChange, AccountName, Added, CatalogError, KeptRobot, KeptUser, RobotId, Robots, Secret,
    Users,
};

use super::{RegistryLayout, Session, SqlRegistry, robots, users};
use crate::error::SqlError;
use crate::layout::Act;

/// Records an account.
#[derive(Debug)]
enum AddAccount {
    /// A user.
    User(KeptUser),
    /// A robot's token.
    Robot(KeptRobot),
}

/// Changes an account, or forgets it.
#[derive(Debug)]
enum ChangeAccount {
    /// Gives a user another password.
    SetPassword(AccountName, Secret, AccountChange),
    /// Disables a user, or lets it in again.
    SetDisabled(AccountName, bool, AccountChange),
    /// Forgets a user.
    RemoveUser(AccountName),
    /// Revokes a robot's token.
    RevokeRobot(RobotId, AccountChange),
    /// Forgets a robot's token.
    RemoveRobot(RobotId),
}

#[async_trait]
impl Act for AddAccount {
    type Layout = RegistryLayout;
    type Told = Added;

    async fn apply(&self, session: &mut Session<'_>) -> Result<Added, SqlError> {
        match self {
            Self::User(user) => users::add(session, user).await,
            Self::Robot(robot) => robots::add(session, robot).await,
        }
    }
}

#[async_trait]
impl Act for ChangeAccount {
    type Layout = RegistryLayout;

    /// Whether there is such an account.
    type Told = bool;

    async fn apply(&self, session: &mut Session<'_>) -> Result<bool, SqlError> {
        match self {
            Self::SetPassword(name, password, change) => {
                let set = |user: &mut KeptUser| user.password = password.clone();
                users::change(session, name, *change, set).await
            }
            Self::SetDisabled(name, is_disabled, change) => {
                let set = |user: &mut KeptUser| user.is_disabled = *is_disabled;
                users::change(session, name, *change, set).await
            }
            Self::RemoveUser(name) => users::remove(session, name).await,
            Self::RevokeRobot(id, change) => robots::revoke(session, id, *change).await,
            Self::RemoveRobot(id) => robots::remove(session, id).await,
        }
    }
}

#[async_trait]
impl Users for SqlRegistry {
    async fn find_user(&self, name: &AccountName) -> Result<Option<KeptUser>, CatalogError> {
        Ok(users::find(&self.database.opened().readers, name).await?)
    }

    async fn users(
        &self,
        after: Option<&AccountName>,
        limit: u32,
    ) -> Result<Vec<KeptUser>, CatalogError> {
        Ok(users::after(&self.database.opened().readers, after, limit).await?)
    }

    async fn add_user(&self, user: &KeptUser) -> Result<Added, CatalogError> {
        self.database.write(AddAccount::User(user.clone())).await
    }

    async fn set_password(
        &self,
        name: &AccountName,
        password: &Secret,
        change: AccountChange,
    ) -> Result<bool, CatalogError> {
        let act = ChangeAccount::SetPassword(name.clone(), password.clone(), change);
        self.database.write(act).await
    }

    async fn set_disabled(
        &self,
        name: &AccountName,
        is_disabled: bool,
        change: AccountChange,
    ) -> Result<bool, CatalogError> {
        let act = ChangeAccount::SetDisabled(name.clone(), is_disabled, change);
        self.database.write(act).await
    }

    async fn remove_user(&self, name: &AccountName) -> Result<bool, CatalogError> {
        self.database
            .write(ChangeAccount::RemoveUser(name.clone()))
            .await
    }
}

#[async_trait]
impl Robots for SqlRegistry {
    async fn find_robot(&self, id: &RobotId) -> Result<Option<KeptRobot>, CatalogError> {
        Ok(robots::find(&self.database.opened().readers, id).await?)
    }

    async fn robots(
        &self,
        after: Option<&RobotId>,
        limit: u32,
    ) -> Result<Vec<KeptRobot>, CatalogError> {
        Ok(robots::after(&self.database.opened().readers, after, limit).await?)
    }

    async fn add_robot(&self, robot: &KeptRobot) -> Result<Added, CatalogError> {
        self.database.write(AddAccount::Robot(robot.clone())).await
    }

    async fn revoke_robot(
        &self,
        id: &RobotId,
        change: AccountChange,
    ) -> Result<bool, CatalogError> {
        self.database
            .write(ChangeAccount::RevokeRobot(id.clone(), change))
            .await
    }

    async fn remove_robot(&self, id: &RobotId) -> Result<bool, CatalogError> {
        self.database
            .write(ChangeAccount::RemoveRobot(id.clone()))
            .await
    }
}

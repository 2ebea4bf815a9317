//! The roles of accounts: each act as one line.
//!
//! The same rule as for the catalog's: a read goes to the readers, a write into the writer's queue.

use async_trait::async_trait;
use forebay_content::{
    AccountChange, AccountName, Added, CatalogError, KeptRobot, KeptUser, RobotId, Robots, Secret,
    Users,
};

use crate::catalog::SqlCatalog;
use crate::error::SqlError;
use crate::session::Session;
use crate::write::{Outcome, Write};
use crate::{robots, users};

/// An act on accounts that writes.
#[derive(Clone, Debug)]
pub(crate) enum AccountWrite {
    /// Records a user.
    AddUser(KeptUser),
    /// Gives a user another password.
    SetPassword(AccountName, Secret, AccountChange),
    /// Disables a user, or lets it in again.
    SetDisabled(AccountName, bool, AccountChange),
    /// Forgets a user.
    RemoveUser(AccountName),
    /// Records a robot's token.
    AddRobot(KeptRobot),
    /// Revokes a robot's token.
    RevokeRobot(RobotId, AccountChange),
    /// Forgets a robot's token.
    RemoveRobot(RobotId),
}

impl AccountWrite {
    /// Does it, inside the session's transaction.
    pub(crate) async fn apply(&self, session: &mut Session<'_>) -> Result<Outcome, SqlError> {
        Ok(match self {
            Self::AddUser(user) => Outcome::Added(users::add(session, user).await?),
            Self::AddRobot(robot) => Outcome::Added(robots::add(session, robot).await?),
            Self::SetPassword(name, password, at) => {
                let set = |user: &mut KeptUser| user.password = password.clone();
                Outcome::Found(users::change(session, name, *at, set).await?)
            }
            Self::SetDisabled(name, is_disabled, at) => {
                let set = |user: &mut KeptUser| user.is_disabled = *is_disabled;
                Outcome::Found(users::change(session, name, *at, set).await?)
            }
            Self::RemoveUser(name) => Outcome::Found(users::remove(session, name).await?),
            Self::RevokeRobot(id, at) => Outcome::Found(robots::revoke(session, id, *at).await?),
            Self::RemoveRobot(id) => Outcome::Found(robots::remove(session, id).await?),
        })
    }
}

impl SqlCatalog {
    async fn add_account(&self, act: AccountWrite) -> Result<Added, CatalogError> {
        match self.write(Write::Account(act)).await? {
            Outcome::Added(added) => Ok(added),
            _ => Err(SqlError::Closed.into()),
        }
    }

    async fn change_account(&self, act: AccountWrite) -> Result<bool, CatalogError> {
        let outcome = self.write(Write::Account(act)).await?;
        Ok(matches!(outcome, Outcome::Found(true)))
    }
}

#[async_trait]
impl Users for SqlCatalog {
    async fn find_user(&self, name: &AccountName) -> Result<Option<KeptUser>, CatalogError> {
        Ok(users::find(&self.opened().readers, name).await?)
    }

    async fn users(
        &self,
        after: Option<&AccountName>,
        limit: u32,
    ) -> Result<Vec<KeptUser>, CatalogError> {
        Ok(users::after(&self.opened().readers, after, limit).await?)
    }

    async fn add_user(&self, user: &KeptUser) -> Result<Added, CatalogError> {
        self.add_account(AccountWrite::AddUser(user.clone())).await
    }

    async fn set_password(
        &self,
        name: &AccountName,
        password: &Secret,
        change: AccountChange,
    ) -> Result<bool, CatalogError> {
        let act = AccountWrite::SetPassword(name.clone(), password.clone(), change);
        self.change_account(act).await
    }

    async fn set_disabled(
        &self,
        name: &AccountName,
        is_disabled: bool,
        change: AccountChange,
    ) -> Result<bool, CatalogError> {
        let act = AccountWrite::SetDisabled(name.clone(), is_disabled, change);
        self.change_account(act).await
    }

    async fn remove_user(&self, name: &AccountName) -> Result<bool, CatalogError> {
        self.change_account(AccountWrite::RemoveUser(name.clone()))
            .await
    }
}

#[async_trait]
impl Robots for SqlCatalog {
    async fn find_robot(&self, id: &RobotId) -> Result<Option<KeptRobot>, CatalogError> {
        Ok(robots::find(&self.opened().readers, id).await?)
    }

    async fn robots(
        &self,
        after: Option<&RobotId>,
        limit: u32,
    ) -> Result<Vec<KeptRobot>, CatalogError> {
        Ok(robots::after(&self.opened().readers, after, limit).await?)
    }

    async fn add_robot(&self, robot: &KeptRobot) -> Result<Added, CatalogError> {
        self.add_account(AccountWrite::AddRobot(robot.clone()))
            .await
    }

    async fn revoke_robot(
        &self,
        id: &RobotId,
        change: AccountChange,
    ) -> Result<bool, CatalogError> {
        self.change_account(AccountWrite::RevokeRobot(id.clone(), change))
            .await
    }

    async fn remove_robot(&self, id: &RobotId) -> Result<bool, CatalogError> {
        self.change_account(AccountWrite::RemoveRobot(id.clone()))
            .await
    }
}

//! Accounts in memory.
//!
//! One lock over plain maps: each act takes it once, which makes the act a transaction.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;

use crate::accounts::{
    AccountChange, AccountName, Added, KeptRobot, KeptUser, MAX_ROBOTS, MAX_USERS, RobotId, Robots,
    Users,
};
use crate::catalog::CatalogError;
use crate::lock::lock;
use crate::secret::Secret;

/// Keeps accounts in memory.
#[derive(Debug, Default)]
pub struct MemoryAccounts {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    users: BTreeMap<AccountName, KeptUser>,
    robots: BTreeMap<RobotId, KeptRobot>,
}

impl MemoryAccounts {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No act below can panic half-way through a change, so a poisoned state is still a whole one.
        lock(&self.state)
    }
}

#[async_trait]
impl Users for MemoryAccounts {
    async fn find_user(&self, name: &AccountName) -> Result<Option<KeptUser>, CatalogError> {
        Ok(self.state().users.get(name).cloned())
    }

    async fn users(
        &self,
        after: Option<&AccountName>,
        limit: u32,
    ) -> Result<Vec<KeptUser>, CatalogError> {
        Ok(page(&self.state().users, after, limit))
    }

    async fn add_user(&self, user: &KeptUser) -> Result<Added, CatalogError> {
        let users = &mut self.state().users;
        Ok(add(users, &user.name, user, MAX_USERS))
    }

    async fn set_password(
        &self,
        name: &AccountName,
        password: &Secret,
        change: AccountChange,
    ) -> Result<bool, CatalogError> {
        Ok(self.change(name, change, |user| user.password = password.clone()))
    }

    async fn set_disabled(
        &self,
        name: &AccountName,
        is_disabled: bool,
        change: AccountChange,
    ) -> Result<bool, CatalogError> {
        Ok(self.change(name, change, |user| user.is_disabled = is_disabled))
    }

    async fn remove_user(&self, name: &AccountName) -> Result<bool, CatalogError> {
        Ok(self.state().users.remove(name).is_some())
    }
}

#[async_trait]
impl Robots for MemoryAccounts {
    async fn find_robot(&self, id: &RobotId) -> Result<Option<KeptRobot>, CatalogError> {
        Ok(self.state().robots.get(id).cloned())
    }

    async fn robots(
        &self,
        after: Option<&RobotId>,
        limit: u32,
    ) -> Result<Vec<KeptRobot>, CatalogError> {
        Ok(page(&self.state().robots, after, limit))
    }

    async fn add_robot(&self, robot: &KeptRobot) -> Result<Added, CatalogError> {
        let robots = &mut self.state().robots;
        Ok(add(robots, &robot.id, robot, MAX_ROBOTS))
    }

    async fn revoke_robot(
        &self,
        id: &RobotId,
        change: AccountChange,
    ) -> Result<bool, CatalogError> {
        let mut state = self.state();
        let Some(robot) = state.robots.get_mut(id) else {
            return Ok(false);
        };
        robot.revoked_at.get_or_insert(change.at);
        robot.stamp = change.stamp;
        Ok(true)
    }

    async fn remove_robot(&self, id: &RobotId) -> Result<bool, CatalogError> {
        Ok(self.state().robots.remove(id).is_some())
    }
}

impl MemoryAccounts {
    fn change(
        &self,
        name: &AccountName,
        change: AccountChange,
        act: impl FnOnce(&mut KeptUser),
    ) -> bool {
        let mut state = self.state();
        let Some(user) = state.users.get_mut(name) else {
            return false;
        };
        act(user);
        user.stamp = change.stamp;
        user.changed_at = change.at;
        true
    }
}

fn page<K: Ord, V: Clone>(rows: &BTreeMap<K, V>, after: Option<&K>, limit: u32) -> Vec<V> {
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let rows = rows.range((from, Bound::Unbounded)).take(limit);
    rows.map(|(_, row)| row.clone()).collect()
}

fn add<K: Ord + Clone, V: Clone>(rows: &mut BTreeMap<K, V>, key: &K, row: &V, max: u64) -> Added {
    if rows.contains_key(key) {
        return Added::Taken;
    }
    if u64::try_from(rows.len()).unwrap_or(u64::MAX) >= max {
        return Added::Full;
    }
    rows.insert(key.clone(), row.clone());
    Added::Yes
}

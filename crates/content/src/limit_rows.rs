//! What is known of the upstreams' limits, at rest: budgets, what an image costs, what rests until when.
//!
//! So that a restart in the middle of a cool-down keeps it, and knows what is left. Times are by the wall clock.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use forebay_limits::{Limiter, PullCost, Source};
use forebay_oci::UpstreamName;

use crate::{CatalogError, Timestamp};

/// The most budgets that an implementation keeps; those go first of which an account has most, seen longest ago.
pub const MAX_BUDGETS: usize = 1_000;

/// The most budgets that are kept of one account at one upstream, none being an account too; those seen longest ago go, so that
/// a registry that names ever new sources pushes out its own.
pub const MAX_SOURCES: usize = 16;

/// The most cool-downs that an implementation keeps; those that end first go.
pub const MAX_COOL_DOWNS: usize = 10_000;

/// The scope of everything at an upstream: the limit counts our address.
pub const EVERYTHING_SCOPE: &str = "everything";

/// The scope of an account's manifest GETs, `None` being anonymous: the one of which an answer may say that it is over, so that
/// whoever keeps it and whoever keeps to it name it alike.
pub fn pulls_scope(account: Option<&str>) -> Cow<'static, str> {
    match account {
        Some(name) => format!("pulls:{name}").into(),
        None => "pulls".into(),
    }
}

/// The scope of an account's login: a token that is given to it says that it is over.
pub fn login_scope(account: &str) -> String {
    format!("login:{account}")
}

/// Rows of what is known of limits.
#[async_trait]
pub trait LimitRows: Send + Sync {
    /// All that is kept: budgets, costs and silences in the order of their names, cool-downs in the order of their end.
    async fn limits(&self) -> Result<KeptLimits, CatalogError>;

    /// Records budgets in the place of those before. One transaction.
    async fn keep_budgets(&self, budgets: &[KeptBudget]) -> Result<(), CatalogError>;

    /// Records what an image costs at an upstream, in the place of what was known before.
    async fn keep_pull_cost(
        &self,
        upstream: &UpstreamName,
        cost: PullCost,
    ) -> Result<(), CatalogError>;

    /// Records when a registry last answered without a word on limits, in the place of what was known before; `None` if it has
    /// spoken of them since.
    async fn keep_silence(
        &self,
        upstream: &UpstreamName,
        heard_at: Option<Timestamp>,
    ) -> Result<(), CatalogError>;

    /// Records a cool-down, in the place of one of the same upstream, scope and limiter, and forgets all that were over when
    /// it was noted. One transaction.
    async fn keep_cool_down(&self, cool_down: &KeptCoolDown) -> Result<(), CatalogError>;

    /// Forgets the cool-downs of a scope: the registry has answered after all.
    async fn drop_cool_downs(
        &self,
        upstream: &UpstreamName,
        scope: &str,
    ) -> Result<(), CatalogError>;
}

/// All that is kept of limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptLimits {
    /// Budgets.
    pub budgets: Vec<KeptBudget>,
    /// What an image costs, by upstream.
    pub costs: Vec<(UpstreamName, PullCost)>,
    /// Registries that answer without a word on limits, and when they last did.
    pub silences: Vec<(UpstreamName, Timestamp)>,
    /// Cool-downs.
    pub cool_downs: Vec<KeptCoolDown>,
}

/// Which budget.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BudgetKey {
    /// At which upstream.
    pub upstream: UpstreamName,
    /// The account of ours that asked; `None` for anonymous; never empty.
    pub account: Option<Arc<str>>,
    /// Whom the registry charged, if it said so.
    pub source: Option<Source>,
}

/// A budget as the registry last spoke of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptBudget {
    /// Which.
    pub key: BudgetKey,
    /// What the whole window allows, if the registry said.
    pub limit: Option<u64>,
    /// What was left.
    pub remaining: u64,
    /// The window's length, kept to the millisecond.
    pub window: Duration,
    /// When the registry said so.
    pub seen_at: Timestamp,
    /// Manifest GETs sent since.
    pub spent_since: u64,
    /// When it was first watched, with no pull; then when pulls were charged, and how many, oldest first. At most
    /// [`MAX_CHARGES`](forebay_limits::MAX_CHARGES).
    pub charges: Vec<(Timestamp, u64)>,
}

/// A refusal that holds until its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptCoolDown {
    /// Of which upstream.
    pub upstream: UpstreamName,
    /// What rests, in the words of who keeps it.
    pub scope: Arc<str>,
    /// Which limiter spoke.
    pub limiter: Limiter,
    /// Until when.
    pub until: Timestamp,
    /// When it was noted.
    pub noted_at: Timestamp,
}

//! The roles of the ledger: each act as one line.
//!
//! The same rule as for the catalog's: a read goes to the readers, a write into the writer's queue, behind the pulls'.

use async_trait::async_trait;
use forebay_content::{
    CatalogError, KeptBudget, KeptCoolDown, KeptLimits, KeptTold, LimitRows, PullCursor, PullOrder,
    PullPage, PullRow, PullRows, Spent, TimeRange, Timestamp, ToldRows, TopPage,
};
use forebay_limits::PullCost;
use forebay_oci::UpstreamName;

use crate::catalog::SqlCatalog;
use crate::error::SqlError;
use crate::session::Session;
use crate::write::Write;
use crate::{limits, pulls, told};

/// An act of the ledger that writes.
#[derive(Clone, Debug)]
pub(crate) enum LedgerWrite {
    /// Adds to rows of pulls.
    AddPulls(Vec<PullRow>),
    /// Adds hours to their days.
    RollUp(Timestamp),
    /// Forgets old rows of pulls.
    ForgetPulls(Timestamp),
    /// Records budgets.
    KeepBudgets(Vec<KeptBudget>),
    /// Records what an image costs.
    KeepPullCost(UpstreamName, PullCost),
    /// Records when a registry last said nothing of limits, or that it has.
    KeepSilence(UpstreamName, Option<Timestamp>),
    /// Records a cool-down.
    KeepCoolDown(KeptCoolDown),
    /// Forgets the cool-downs of a scope.
    DropCoolDowns(UpstreamName, String),
    /// Records what an operator was told.
    KeepTold(Vec<KeptTold>),
}

impl LedgerWrite {
    /// Does it, inside the session's transaction.
    pub(crate) async fn apply(&self, session: &mut Session<'_>) -> Result<(), SqlError> {
        match self {
            Self::AddPulls(rows) => pulls::add(session, rows, pulls::BOUNDS).await,
            Self::RollUp(before) => pulls::roll_up(session, *before).await,
            Self::ForgetPulls(before) => pulls::forget(session, *before).await,
            Self::KeepBudgets(budgets) => limits::keep_budgets(session, budgets).await,
            Self::KeepPullCost(upstream, cost) => {
                limits::keep_pull_cost(session, upstream, *cost).await
            }
            Self::KeepSilence(upstream, heard_at) => {
                limits::keep_silence(session, upstream, *heard_at).await
            }
            Self::KeepCoolDown(cool_down) => limits::keep_cool_down(session, cool_down).await,
            Self::DropCoolDowns(upstream, scope) => {
                limits::drop_cool_downs(session, upstream, scope).await
            }
            Self::KeepTold(rows) => told::keep(session, rows).await,
        }
    }
}

impl SqlCatalog {
    async fn write_ledger(&self, act: LedgerWrite) -> Result<(), CatalogError> {
        self.write(Write::Ledger(act)).await.map(drop)
    }
}

#[async_trait]
impl PullRows for SqlCatalog {
    async fn add_pulls(&self, rows: &[PullRow]) -> Result<(), CatalogError> {
        self.write_ledger(LedgerWrite::AddPulls(rows.to_vec()))
            .await
    }

    async fn pulls(
        &self,
        range: TimeRange,
        after: Option<PullCursor>,
        limit: u32,
    ) -> Result<PullPage, CatalogError> {
        Ok(pulls::page(&self.opened().readers, range, after, limit).await?)
    }

    async fn top_pulls(
        &self,
        range: TimeRange,
        order: PullOrder,
        page: TopPage,
    ) -> Result<Vec<Spent>, CatalogError> {
        Ok(pulls::top(&self.opened().readers, range, order, page).await?)
    }

    async fn roll_up(&self, before: Timestamp) -> Result<(), CatalogError> {
        self.write_ledger(LedgerWrite::RollUp(before)).await
    }

    async fn forget_pulls(&self, before: Timestamp) -> Result<(), CatalogError> {
        self.write_ledger(LedgerWrite::ForgetPulls(before)).await
    }
}

#[async_trait]
impl LimitRows for SqlCatalog {
    async fn limits(&self) -> Result<KeptLimits, CatalogError> {
        Ok(limits::all(&self.opened().readers).await?)
    }

    async fn keep_budgets(&self, budgets: &[KeptBudget]) -> Result<(), CatalogError> {
        self.write_ledger(LedgerWrite::KeepBudgets(budgets.to_vec()))
            .await
    }

    async fn keep_pull_cost(
        &self,
        upstream: &UpstreamName,
        cost: PullCost,
    ) -> Result<(), CatalogError> {
        self.write_ledger(LedgerWrite::KeepPullCost(upstream.clone(), cost))
            .await
    }

    async fn keep_silence(
        &self,
        upstream: &UpstreamName,
        heard_at: Option<Timestamp>,
    ) -> Result<(), CatalogError> {
        self.write_ledger(LedgerWrite::KeepSilence(upstream.clone(), heard_at))
            .await
    }

    async fn keep_cool_down(&self, cool_down: &KeptCoolDown) -> Result<(), CatalogError> {
        self.write_ledger(LedgerWrite::KeepCoolDown(cool_down.clone()))
            .await
    }

    async fn drop_cool_downs(
        &self,
        upstream: &UpstreamName,
        scope: &str,
    ) -> Result<(), CatalogError> {
        let act = LedgerWrite::DropCoolDowns(upstream.clone(), scope.to_owned());
        self.write_ledger(act).await
    }
}

#[async_trait]
impl ToldRows for SqlCatalog {
    async fn told(&self) -> Result<Vec<KeptTold>, CatalogError> {
        Ok(told::all(&self.opened().readers).await?)
    }

    async fn keep_told(&self, told: &[KeptTold]) -> Result<(), CatalogError> {
        self.write_ledger(LedgerWrite::KeepTold(told.to_vec()))
            .await
    }
}

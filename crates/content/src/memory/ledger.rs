//! The ledger's rows in memory.
//!
//! One lock over plain maps: each act takes it once, which makes the act a transaction.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use forebay_limits::PullCost;
use forebay_oci::UpstreamName;

use crate::alert::AlertKind;
use crate::catalog::CatalogError;
use crate::clock::Timestamp;
use crate::ledger_rows::{
    MAX_PULL_ROWS, MERGE_PULL_ROWS, Period, PullCounts, PullCursor, PullOrder, PullPage, PullRow,
    PullRows, Spender, Spent, TimeRange, TopPage,
};
use crate::limit_rows::{
    BudgetKey, KeptBudget, KeptCoolDown, KeptLimits, LimitRows, MAX_BUDGETS, MAX_COOL_DOWNS,
    MAX_SOURCES,
};
use crate::lock::lock;
use crate::told_rows::{KeptTold, MAX_TOLD, ToldRows};

/// Keeps the ledger's rows in memory.
#[derive(Debug)]
pub struct MemoryLedger {
    state: Mutex<State>,
    max_rows: usize,
    merged_at_once: usize,
}

#[derive(Debug, Default)]
struct State {
    /// Each spender's number; the highest given so far beside it.
    numbers: HashMap<Spender, i64>,
    last_number: i64,
    rows: BTreeMap<PullCursor, PullRow>,
    budgets: BTreeMap<BudgetKey, KeptBudget>,
    costs: BTreeMap<UpstreamName, PullCost>,
    silences: BTreeMap<UpstreamName, Timestamp>,
    /// By upstream, scope and the limiter's name.
    cool_downs: BTreeMap<(UpstreamName, Arc<str>, String), KeptCoolDown>,
    told: BTreeMap<(AlertKind, String), KeptTold>,
}

// === impl MemoryLedger ===

impl MemoryLedger {
    /// An empty ledger.
    pub fn new() -> Self {
        Self::with_room(MAX_PULL_ROWS, MERGE_PULL_ROWS)
    }

    fn with_room(max_rows: usize, merged_at_once: usize) -> Self {
        Self {
            state: Mutex::default(),
            max_rows,
            merged_at_once,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No act below can panic half-way through a change, so a poisoned state is still a whole one.
        lock(&self.state)
    }
}

impl Default for MemoryLedger {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl PullRows for MemoryLedger {
    async fn add_pulls(&self, rows: &[PullRow]) -> Result<(), CatalogError> {
        let mut state = self.state();
        for row in rows {
            state.add(row.clone());
        }
        while state.rows.len() > self.max_rows && state.merge(self.merged_at_once) {}
        Ok(())
    }

    async fn pulls(
        &self,
        range: TimeRange,
        after: Option<PullCursor>,
        limit: u32,
    ) -> Result<PullPage, CatalogError> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let state = self.state();
        let found = state.rows.range((from, Bound::Unbounded));
        let mut found = found.filter(|(_, row)| range.overlaps(row.period, row.start));
        let page: Vec<_> = found.by_ref().take(limit).collect();
        let next = match page.last() {
            Some((at, _)) if found.next().is_some() => Some(**at),
            _ => None,
        };
        Ok(PullPage {
            rows: page.into_iter().map(|(_, row)| row.clone()).collect(),
            next,
        })
    }

    async fn top_pulls(
        &self,
        range: TimeRange,
        order: PullOrder,
        page: TopPage,
    ) -> Result<Vec<Spent>, CatalogError> {
        let mut sums: BTreeMap<i64, Spent> = BTreeMap::new();
        for (at, row) in &self.state().rows {
            if range.overlaps(row.period, row.start) {
                sums.entry(at.spender)
                    .and_modify(|sum| sum.add(&row.spent))
                    .or_insert_with(|| row.spent.clone());
            }
        }
        let mut sums: Vec<Spent> = sums.into_values().collect();
        sums.sort_by(|one, other| order.compare(one, other));
        let [skip, limit] =
            [page.skip, page.limit].map(|count| usize::try_from(count).unwrap_or(usize::MAX));
        Ok(sums.into_iter().skip(skip).take(limit).collect())
    }

    async fn roll_up(&self, before: Timestamp) -> Result<(), CatalogError> {
        let mut state = self.state();
        for hour in state.take_hours(before) {
            state.add(PullRow {
                period: Period::Day,
                start: Period::Day.start_of(hour.start),
                ..hour
            });
        }
        Ok(())
    }

    async fn forget_pulls(&self, before: Timestamp) -> Result<(), CatalogError> {
        let mut state = self.state();
        state.rows.retain(|at, _| at.start >= before);
        let State { rows, numbers, .. } = &mut *state;
        let used: HashSet<i64> = rows.keys().map(|at| at.spender).collect();
        numbers.retain(|_, number| used.contains(number));
        Ok(())
    }
}

#[async_trait]
impl LimitRows for MemoryLedger {
    async fn limits(&self) -> Result<KeptLimits, CatalogError> {
        let state = self.state();
        let mut cool_downs: Vec<_> = state.cool_downs.values().cloned().collect();
        cool_downs.sort_by_key(|cool_down| cool_down.until);
        Ok(KeptLimits {
            budgets: state.budgets.values().cloned().collect(),
            costs: state
                .costs
                .iter()
                .map(|(upstream, cost)| (upstream.clone(), *cost))
                .collect(),
            silences: state
                .silences
                .iter()
                .map(|(upstream, heard_at)| (upstream.clone(), *heard_at))
                .collect(),
            cool_downs,
        })
    }

    async fn keep_budgets(&self, budgets: &[KeptBudget]) -> Result<(), CatalogError> {
        let kept = &mut self.state().budgets;
        for budget in budgets {
            kept.insert(budget.key.clone(), budget.clone());
        }
        drop_budgets(kept);
        Ok(())
    }

    async fn keep_pull_cost(
        &self,
        upstream: &UpstreamName,
        cost: PullCost,
    ) -> Result<(), CatalogError> {
        self.state().costs.insert(upstream.clone(), cost);
        Ok(())
    }

    async fn keep_silence(
        &self,
        upstream: &UpstreamName,
        heard_at: Option<Timestamp>,
    ) -> Result<(), CatalogError> {
        let kept = &mut self.state().silences;
        match heard_at {
            Some(heard_at) => kept.insert(upstream.clone(), heard_at),
            None => kept.remove(upstream),
        };
        Ok(())
    }

    async fn keep_cool_down(&self, cool_down: &KeptCoolDown) -> Result<(), CatalogError> {
        let kept = &mut self.state().cool_downs;
        kept.retain(|_, other| other.until > cool_down.noted_at);
        let KeptCoolDown {
            upstream,
            scope,
            limiter,
            ..
        } = cool_down;
        let key = (upstream.clone(), scope.clone(), limiter.to_string());
        kept.insert(key, cool_down.clone());
        drop_least(kept, MAX_COOL_DOWNS, |cool_down| cool_down.until);
        Ok(())
    }

    async fn drop_cool_downs(
        &self,
        upstream: &UpstreamName,
        scope: &str,
    ) -> Result<(), CatalogError> {
        self.state()
            .cool_downs
            .retain(|(of, at, _), _| of != upstream || **at != *scope);
        Ok(())
    }
}

#[async_trait]
impl ToldRows for MemoryLedger {
    async fn told(&self) -> Result<Vec<KeptTold>, CatalogError> {
        Ok(self.state().told.values().cloned().collect())
    }

    async fn keep_told(&self, told: &[KeptTold]) -> Result<(), CatalogError> {
        let kept = &mut self.state().told;
        for told in told {
            kept.insert((told.kind, told.subject.clone()), told.clone());
        }
        drop_least(kept, MAX_TOLD, |told| told.at);
        Ok(())
    }
}

// === impl State ===

impl State {
    fn add(&mut self, mut row: PullRow) {
        // Cut to what a counter may be.
        let mut counts = PullCounts::default();
        counts.add(row.spent.counts);
        row.spent.counts = counts;
        let spender = self.number_of(&row.spent.spender);
        let at = PullCursor {
            start: row.start,
            period: row.period,
            spender,
        };
        self.rows
            .entry(at)
            .and_modify(|kept| kept.spent.add(&row.spent))
            .or_insert(row);
    }

    fn number_of(&mut self, spender: &Spender) -> i64 {
        let Self {
            numbers,
            last_number,
            ..
        } = self;
        *numbers.entry(spender.clone()).or_insert_with(|| {
            *last_number += 1;
            *last_number
        })
    }

    /// Merges the least rows into those of others; false if there are none but of others.
    fn merge(&mut self, at_once: usize) -> bool {
        let mut least: Vec<_> = self
            .rows
            .iter()
            .filter(|(_, row)| !matches!(row.spent.spender, Spender::Others { .. }))
            .map(|(at, row)| {
                let PullCounts {
                    metered, requests, ..
                } = row.spent.counts;
                (metered > 0, at.start, at.period, metered, requests, *at)
            })
            .collect();
        least.sort();
        least.truncate(at_once);
        for (.., at) in &least {
            if let Some(row) = self.rows.remove(at) {
                let spent = row.spent.of_others();
                self.add(PullRow { spent, ..row });
            }
        }
        !least.is_empty()
    }

    /// Takes the rows of hours before `before`.
    fn take_hours(&mut self, before: Timestamp) -> Vec<PullRow> {
        self.rows
            .extract_if(.., |at, _| at.period == Period::Hour && at.start < before)
            .map(|(_, row)| row)
            .collect()
    }
}

/// Drops budgets of which an account has too many, then those of whoever has most; those seen longest ago first.
fn drop_budgets(kept: &mut BTreeMap<BudgetKey, KeptBudget>) {
    let mut newest: Vec<_> = kept
        .values()
        .map(|kept| (kept.seen_at, &kept.key))
        .collect();
    newest.sort_by_key(|(seen_at, _)| std::cmp::Reverse(*seen_at));
    let mut counts: BTreeMap<_, usize> = BTreeMap::new();
    let placed = newest.into_iter().map(|(seen_at, key)| {
        let count = counts.entry((&key.upstream, &key.account)).or_default();
        *count += 1;
        (*count, std::cmp::Reverse(seen_at), key.clone())
    });
    let mut placed: Vec<_> = placed.filter(|(place, ..)| *place <= MAX_SOURCES).collect();
    placed.sort();
    placed.truncate(MAX_BUDGETS);
    let stays: HashSet<_> = placed.into_iter().map(|(_, _, key)| key).collect();
    kept.retain(|key, _| stays.contains(key));
}

/// Drops the entries with the least rank while there are more than `max`.
fn drop_least<K: Clone + Ord, V>(
    kept: &mut BTreeMap<K, V>,
    max: usize,
    rank: impl Fn(&V) -> Timestamp,
) {
    while kept.len() > max {
        let least = kept.iter().min_by_key(|(_, value)| rank(value));
        let Some(least) = least.map(|(key, _)| key.clone()) else {
            return;
        };
        kept.remove(&least);
    }
}

#[cfg(test)]
mod tests;

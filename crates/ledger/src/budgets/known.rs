//! The budgets that registries have spoken of: a few for each account of ours, those heard of last.
//!
//! Pure and bounded, so that no registry that names ever new sources pushes out another's. Times lie on the steady line of
//! [`Moment`]: a wall clock that is set moves no window.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use forebay_content::{BudgetKey, KeptBudget, MAX_BUDGETS, MAX_SOURCES};
use forebay_limits::{Allowance, PullBudget, Said, Source};
use forebay_oci::UpstreamName;

use crate::answered::AskedUpstream;
use crate::moment::Moment;

/// Whose budgets: at which upstream, by which account of ours.
type Payer = (UpstreamName, Option<Arc<str>>);

/// All budgets.
#[derive(Debug, Default)]
pub(super) struct KnownBudgets {
    /// At most [`MAX_BUDGETS`], and at most [`MAX_SOURCES`] of each; the one that was heard of last comes last.
    of: BTreeMap<Payer, Vec<Known>>,
    count: usize,
    /// Those that are other than what was written down.
    unwritten: BTreeSet<BudgetKey>,
}

#[derive(Debug)]
struct Known {
    source: Option<Source>,
    budget: PullBudget,
}

/// One of an upstream's budgets.
pub(super) struct Told<'a> {
    pub(super) account: Option<&'a str>,
    pub(super) source: Option<&'a Source>,
    pub(super) budget: &'a PullBudget,
    /// An older one of the same account says only what was.
    pub(super) is_latest: bool,
}

impl KnownBudgets {
    /// Knows what was written down.
    pub(super) fn restore(&mut self, mut kept: Vec<KeptBudget>, now: Moment) {
        kept.sort_by_key(|kept| kept.seen_at);
        for kept in kept {
            let key = kept.key.clone();
            self.add_last(&key, restored(kept, now));
        }
    }

    /// A registry has spoken of a budget, in answer to what was sent so long ago.
    pub(super) fn see(
        &mut self,
        key: &BudgetKey,
        (said, allowance): (Said, &Allowance),
        (took, now): (Duration, Moment),
    ) {
        let now = now.steady();
        let known = if let Some(mut known) = self.take(key) {
            let asked_at = now.checked_sub(took).unwrap_or(now);
            known.see((said, allowance), asked_at, now);
            known
        } else if let Some(budget) = PullBudget::first_seen(allowance, now) {
            budget
        } else {
            // It did not say what is left.
            return;
        };
        self.add_last(key, known);
        self.unwritten.insert(key.clone());
    }

    /// Changes the budget of an account that was heard of last.
    pub(super) fn change_latest(
        &mut self,
        upstream: &UpstreamName,
        account: Option<&str>,
        change: impl FnOnce(&mut PullBudget),
    ) {
        let payer = (upstream.clone(), account.map(Arc::from));
        if let Some(last) = self.of.get_mut(&payer).and_then(|known| known.last_mut()) {
            change(&mut last.budget);
            self.unwritten.insert(key(&payer, last.source.clone()));
        }
    }

    /// A pull of an account was refused: what the registry says is left holds again, of whom it counts.
    pub(super) fn believe(&mut self, asked: AskedUpstream<'_>, source: Option<&Source>) {
        let payer = (asked.upstream.clone(), asked.account.map(Arc::from));
        for known in self.of.get_mut(&payer).into_iter().flatten() {
            if source.is_none() || known.source.as_ref() == source {
                known.budget.believe();
            }
        }
    }

    /// Whether this budget is the one of its account that was heard of last.
    pub(super) fn is_latest(&self, key: &BudgetKey) -> bool {
        let known = self.of.get(&payer(key));
        known
            .and_then(|known| known.last())
            .is_some_and(|last| last.source == key.source)
    }

    /// The budgets of one upstream, by account and source.
    pub(super) fn at(&self, upstream: &str) -> Vec<Told<'_>> {
        let of = self.of.iter().filter(|((at, _), _)| **at == *upstream);
        let mut told: Vec<_> = of
            .flat_map(|((_, account), known)| {
                let last = known.len().saturating_sub(1);
                let numbered = known.iter().enumerate();
                numbered.map(move |(place, known)| Told {
                    account: account.as_deref(),
                    source: known.source.as_ref(),
                    budget: &known.budget,
                    is_latest: place == last,
                })
            })
            .collect();
        told.sort_by_key(|told| (told.account, told.source));
        told
    }

    /// The upstreams of which a budget is known.
    pub(super) fn upstreams(&self) -> impl Iterator<Item = &UpstreamName> {
        self.of.keys().map(|(upstream, _)| upstream)
    }

    /// When an upstream last spoke of a budget that is still known.
    pub(super) fn last_heard(&self, upstream: &str) -> Option<std::time::SystemTime> {
        let told = self.at(upstream).into_iter();
        told.map(|told| told.budget.seen_at).max()
    }

    /// How many are known.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.of.values().map(Vec::len).sum::<usize>(), self.count);
        self.count
    }

    /// Forgets those of which nothing was heard for so long.
    pub(super) fn forget_old(&mut self, after: Duration, now: Moment) {
        let now = now.steady();
        for known in self.of.values_mut() {
            known.retain(|known| known.budget.age_at(now) < after);
        }
        self.of.retain(|_, known| !known.is_empty());
        self.count = self.of.values().map(Vec::len).sum();
    }

    /// What is other than what was written down; as if it were written now.
    pub(super) fn take_unwritten(&mut self, now: Moment) -> Vec<KeptBudget> {
        let keys = std::mem::take(&mut self.unwritten).into_iter();
        let kept = keys.filter_map(|key| {
            let known = self.of.get(&payer(&key))?;
            let known = known.iter().find(|known| known.source == key.source)?;
            Some(kept(key, &known.budget, now))
        });
        kept.collect()
    }

    /// These are not written down after all.
    pub(super) fn put_back(&mut self, keys: impl Iterator<Item = BudgetKey>) {
        self.unwritten.extend(keys);
    }

    /// All of them are to be written again: the wall clock calls their times otherwise now.
    pub(super) fn rewrite_all(&mut self) {
        let all = self.of.iter().flat_map(|(payer, known)| {
            let keys = known.iter();
            keys.map(|known| key(payer, known.source.clone()))
        });
        self.unwritten = all.collect();
    }

    /// All of them, as they would be written down.
    pub(super) fn kept(&self, now: Moment) -> Vec<KeptBudget> {
        let all = self.of.iter().flat_map(|(payer, known)| {
            let known = known.iter();
            known.map(|known| kept(key(payer, known.source.clone()), &known.budget, now))
        });
        all.collect()
    }

    fn take(&mut self, key: &BudgetKey) -> Option<PullBudget> {
        let known = self.of.get_mut(&payer(key))?;
        let place = known.iter().position(|known| known.source == key.source)?;
        self.count -= 1;
        Some(known.remove(place).budget)
    }

    fn add_last(&mut self, key: &BudgetKey, budget: PullBudget) {
        let source = key.source.clone();
        let known = self.of.entry(payer(key)).or_default();
        known.push(Known { source, budget });
        self.count += 1;
        if known.len() > MAX_SOURCES {
            known.remove(0);
            self.count -= 1;
        }
        if self.count > MAX_BUDGETS {
            self.forget_one();
        }
    }

    /// Forgets the oldest of those who have most; of those who have as many, of the one not heard of for longest.
    fn forget_one(&mut self) {
        let weight = |(_, known): &(&Payer, &Vec<Known>)| {
            let last = known.last().map(|known| known.budget.seen_at);
            (known.len(), std::cmp::Reverse(last))
        };
        let payer = self.of.iter().max_by_key(weight);
        let Some(payer) = payer.map(|(payer, _)| payer.clone()) else {
            return;
        };
        if let Some(known) = self.of.get_mut(&payer) {
            known.remove(0);
            self.count -= 1;
            if known.is_empty() {
                self.of.remove(&payer);
            }
        }
    }
}

fn payer(key: &BudgetKey) -> Payer {
    (key.upstream.clone(), key.account.clone())
}

fn key((upstream, account): &Payer, source: Option<Source>) -> BudgetKey {
    BudgetKey {
        upstream: upstream.clone(),
        account: account.clone(),
        source,
    }
}

fn kept(key: BudgetKey, budget: &PullBudget, now: Moment) -> KeptBudget {
    let charges = budget.charges();
    KeptBudget {
        key,
        limit: budget.limit,
        remaining: budget.remaining,
        window: budget.window,
        seen_at: now.wall_of(budget.seen_at),
        spent_since: budget.spent_since,
        charges: charges
            .map(|(at, pulls)| (now.wall_of(at), pulls))
            .collect(),
    }
}

/// What was charged after now was charged by a clock that has been set back since: when, nobody knows.
fn restored(kept: KeptBudget, now: Moment) -> PullBudget {
    let said = (kept.limit, kept.remaining);
    let seen_at = now.steady_of(kept.seen_at);
    let charges = kept.charges.into_iter().filter(|(at, _)| *at <= now.wall);
    PullBudget::restored(said, kept.window, seen_at, kept.spent_since)
        .with_charges(charges.map(|(at, pulls)| (now.steady_of(at), pulls)))
}

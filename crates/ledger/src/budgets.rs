//! The budgets of pulls, as registries speak of them: by upstream, account of ours, and the source that they name.
//!
//! Pure. Two upstreams, two accounts, two sources never share one. An answer without a word on limits creates none and
//! resets none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use forebay_content::{
    BudgetKey, KeptBudget, KeptLimits, MAX_BUDGETS, PullCounts, Timestamp, UpstreamCall,
};
use forebay_limits::{Allowance, PullBudget, PullCost, Reading, Source};
use forebay_oci::{Digest, Target, UpstreamName};

use crate::answered::{AnsweredByUpstream, AskedUpstream};
use crate::calibration::{Calibration, MeteredGet};
use crate::indexes::Indexes;
use crate::moment::Moment;
use crate::report::{BudgetReport, Metering, UpstreamReport};

/// After what time a budget of which nothing was heard is forgotten.
pub(crate) const FORGET_BUDGET_AFTER: Duration = Duration::from_hours(7 * 24);

/// How often it is written down that a registry still says nothing of limits.
const WRITE_SILENCE_EVERY: Duration = Duration::from_hours(1);

/// All budgets.
#[derive(Debug, Default)]
pub(crate) struct Budgets {
    known: BTreeMap<BudgetKey, PullBudget>,
    /// As many as are configured.
    upstreams: BTreeMap<UpstreamName, Upstream>,
    /// Budgets that are other than what was written down.
    unwritten: BTreeSet<BudgetKey>,
}

#[derive(Debug, Default)]
struct Upstream {
    heard_at: Option<Timestamp>,
    /// When it last answered for a manifest without a word on limits; `None` if it has not, or has spoken of them since.
    silent_at: Option<Timestamp>,
    /// The same as it was written down last.
    written_silent_at: Option<Timestamp>,
    calibration: Calibration,
    indexes: Indexes,
    /// The cost that was written down last.
    written_cost: PullCost,
}

/// What has to be written down.
#[derive(Debug, Default)]
pub(crate) struct Unwritten {
    /// Budgets.
    pub(crate) budgets: Vec<KeptBudget>,
    /// Costs.
    pub(crate) costs: Vec<(UpstreamName, PullCost)>,
    /// When upstreams last said nothing of limits; `None` for those that have spoken of them since.
    pub(crate) silences: Vec<(UpstreamName, Option<Timestamp>)>,
}

impl Budgets {
    /// What was known when it was written down, as far as it still says something.
    pub(crate) fn restored(kept: KeptLimits, now: Timestamp) -> Self {
        let mut budgets = Self::default();
        for (upstream, cost) in kept.costs {
            let restored = Upstream {
                calibration: Calibration::restored(cost),
                written_cost: cost,
                ..Upstream::default()
            };
            budgets.upstreams.insert(upstream, restored);
        }
        for (name, silent_at) in kept.silences {
            let upstream = budgets.upstream(&name);
            upstream.heard_at = Some(silent_at);
            upstream.silent_at = Some(silent_at);
            upstream.written_silent_at = Some(silent_at);
        }
        for kept in kept.budgets {
            budgets.known.insert(kept.key.clone(), restored(kept, now));
        }
        budgets.forget_old(now);
        budgets
    }

    /// A request is sent.
    pub(crate) fn note_sent(&mut self, asked: AskedUpstream<'_>, now: Moment) {
        if asked.call != UpstreamCall::GetManifest {
            return;
        }
        let calibration = &mut self.upstream(asked.upstream).calibration;
        calibration.note_sent(now.monotonic);
        self.change_latest(asked, PullBudget::note_sent);
    }

    /// A request was answered, or was not; what the registry may have charged for it.
    pub(crate) fn note_answered(
        &mut self,
        answered: &AnsweredByUpstream<'_>,
        now: Moment,
    ) -> PullCounts {
        let AskedUpstream { upstream, call, .. } = answered.asked;
        if answered.status.is_some() {
            self.upstream(upstream).heard_at = Some(now.wall);
        }
        let is_get = call == UpstreamCall::GetManifest;
        let is_success = answered
            .status
            .is_some_and(|status| (200..300).contains(&status));
        // A refusal before a token was sent speaks of an address, whoever we are: only what went through counts, and the
        // refusal of the limiter itself.
        let said = answered
            .reading
            .filter(|_| is_success || answered.status == Some(429))
            .and_then(|reading| said(answered.asked, reading));
        let Some((key, allowance)) = said else {
            if is_success && matches!(call, UpstreamCall::GetManifest | UpstreamCall::HeadManifest)
            {
                self.upstream(upstream).silent_at = Some(now.wall);
            }
            if is_get {
                self.note_unsaid(answered, now);
            }
            return PullCounts::default();
        };
        self.upstream(upstream).silent_at = None;
        if is_get {
            self.move_spent(answered.asked, &key);
        }
        self.see(&key, &allowance, (answered.took, now.wall));
        if is_get {
            self.calibrate(answered, (&key, &allowance), is_success, now.monotonic);
        }
        if !(is_get && is_success) {
            return PullCounts::default();
        }
        PullCounts {
            metered: 1,
            after_index: u64::from(self.is_after_index(answered, now)),
            ..PullCounts::default()
        }
    }

    /// The manifest that a repository was last asked for is an index of these.
    pub(crate) fn note_index(&mut self, target: &Target, children: &[Digest], now: Moment) {
        let Target {
            upstream,
            repository,
        } = target;
        if let Some(upstream) = self.upstreams.get_mut(upstream) {
            upstream.calibration.note_index(repository);
            upstream.indexes.note(repository, children, now.monotonic);
        }
    }

    /// What one platform of a multi-platform image costs at an upstream, as far as it is known.
    pub(crate) fn cost(&self, upstream: &str) -> PullCost {
        let upstream = self.upstreams.get(upstream);
        upstream.map_or_else(PullCost::default, |upstream| upstream.calibration.cost)
    }

    /// What is other than what was written down; as if it were written now.
    pub(crate) fn take_unwritten(&mut self) -> Unwritten {
        let keys = std::mem::take(&mut self.unwritten);
        let budgets = keys.into_iter().filter_map(|key| {
            let budget = self.known.get(&key)?;
            Some(kept(key, budget))
        });
        let budgets = budgets.collect();
        let changed = self.upstreams.iter_mut().filter_map(|(name, upstream)| {
            let cost = upstream.calibration.cost;
            (upstream.written_cost != cost).then(|| {
                upstream.written_cost = cost;
                (name.clone(), cost)
            })
        });
        Unwritten {
            budgets,
            costs: changed.collect(),
            silences: self.take_silences(),
        }
    }

    fn take_silences(&mut self) -> Vec<(UpstreamName, Option<Timestamp>)> {
        let changed = self.upstreams.iter_mut().filter_map(|(name, upstream)| {
            let is_same = match (upstream.silent_at, upstream.written_silent_at) {
                (Some(at), Some(written)) => {
                    u128::from(at.0.abs_diff(written.0)) < WRITE_SILENCE_EVERY.as_millis()
                }
                (at, written) => at == written,
            };
            (!is_same).then(|| {
                upstream.written_silent_at = upstream.silent_at;
                (name.clone(), upstream.silent_at)
            })
        });
        changed.collect()
    }

    /// All that is known, as it would be written down; cool-downs are another's.
    pub(crate) fn kept(&self) -> KeptLimits {
        let budgets = self.known.iter();
        let budgets = budgets.map(|(key, budget)| kept(key.clone(), budget));
        let costs = self.upstreams.iter();
        let costs = costs.map(|(name, upstream)| (name.clone(), upstream.calibration.cost));
        let silences = self.upstreams.iter();
        let silences =
            silences.filter_map(|(name, upstream)| Some((name.clone(), upstream.silent_at?)));
        KeptLimits {
            budgets: budgets.collect(),
            costs: costs.collect(),
            silences: silences.collect(),
            cool_downs: Vec::new(),
        }
    }

    /// It could not be written down after all.
    pub(crate) fn put_back(&mut self, unwritten: Unwritten) {
        let keys = unwritten.budgets.into_iter().map(|budget| budget.key);
        self.unwritten.extend(keys);
        for (name, _) in unwritten.costs {
            self.upstream(&name).written_cost = PullCost::default();
        }
        for (name, silent_at) in unwritten.silences {
            // Whatever was written before, it is not this.
            let other = silent_at.map_or(Some(Timestamp(i64::MIN)), |_| None);
            self.upstream(&name).written_silent_at = other;
        }
    }

    /// Forgets budgets of which nothing was heard for long.
    pub(crate) fn forget_old(&mut self, now: Timestamp) {
        let now = now.system_time();
        self.known
            .retain(|_, budget| budget.age_at(now) < FORGET_BUDGET_AFTER);
        while self.known.len() > MAX_BUDGETS {
            self.forget_oldest();
        }
    }

    /// All that is known, by upstream.
    pub(crate) fn list(&self, now: Timestamp) -> Vec<UpstreamReport> {
        let mut names: BTreeSet<&UpstreamName> = self.upstreams.keys().collect();
        names.extend(self.known.keys().map(|key| &key.upstream));
        names
            .into_iter()
            .map(|name| self.report(name, now))
            .collect()
    }

    fn report(&self, name: &UpstreamName, now: Timestamp) -> UpstreamReport {
        let upstream = self.upstreams.get(name);
        let budgets: Vec<_> = self
            .known
            .iter()
            .filter(|(key, _)| key.upstream == *name)
            .map(|(key, budget)| self.report_budget(key, budget, now))
            .collect();
        let heard_at = upstream.and_then(|upstream| upstream.heard_at);
        let silent_at = upstream.and_then(|upstream| upstream.silent_at);
        let metering = match silent_at {
            _ if !budgets.is_empty() => Metering::Metered,
            Some(_) => Metering::Unmetered,
            None => Metering::Unknown,
        };
        let cost = upstream.map(|upstream| upstream.calibration.cost);
        UpstreamReport {
            upstream: name.to_string(),
            metering,
            heard_unix_ms: heard_at.map(|at| at.0),
            pull_cost: cost.unwrap_or_default().into(),
            budgets,
            rests: Vec::new(),
        }
    }

    fn report_budget(&self, key: &BudgetKey, budget: &PullBudget, now: Timestamp) -> BudgetReport {
        let now = now.system_time();
        // An older budget of the same account says only what was.
        let is_latest = self.latest(&key.upstream, key.account.as_deref()).as_ref() == Some(key);
        let is_address = key.source.as_ref().is_some_and(Source::is_anonymous);
        BudgetReport {
            account: key.account.as_deref().map(str::to_owned),
            source: key.source.as_ref().map(Source::to_string),
            credentials_not_applied: key.account.is_some() && is_address && is_latest,
            limit: budget.limit,
            remaining: budget.remaining_at(now),
            window_seconds: budget.window.as_secs(),
            seen_unix_ms: timestamp(budget.seen_at).0,
            age_seconds: budget.age_at(now).as_secs(),
            spent_since: budget.spent_since,
            forecast: budget.forecast(now).into(),
        }
    }

    fn upstream(&mut self, name: &UpstreamName) -> &mut Upstream {
        if !self.upstreams.contains_key(name) {
            self.upstreams.insert(name.clone(), Upstream::default());
        }
        self.upstreams.entry(name.clone()).or_default()
    }

    /// The registry has spoken of a budget, in answer to what was sent so long ago.
    fn see(&mut self, key: &BudgetKey, allowance: &Allowance, (took, now): (Duration, Timestamp)) {
        let now = now.system_time();
        if let Some(budget) = self.known.get_mut(key) {
            // As coarse as the clock is, lest an answer seems to be to what was sent before the last one came.
            let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            let asked_at = now.checked_sub(Duration::from_millis(took));
            budget.see(allowance, asked_at.unwrap_or(now), now);
        } else if let Some(budget) = PullBudget::first_seen(allowance, now) {
            if self.known.len() >= MAX_BUDGETS {
                self.forget_oldest();
            }
            self.known.insert(key.clone(), budget);
        } else {
            return;
        }
        self.unwritten.insert(key.clone());
    }

    /// A GET was answered without a word on a budget. One that was answered was not charged; of one that was not, or was
    /// refused for another reason, nobody knows.
    fn note_unsaid(&mut self, answered: &AnsweredByUpstream<'_>, now: Moment) {
        let calibration = &mut self.upstream(answered.asked.upstream).calibration;
        calibration.note_answered(None, now.monotonic);
        if answered.status.is_some() {
            self.change_latest(answered.asked, PullBudget::note_unmetered);
        }
    }

    fn is_after_index(&mut self, answered: &AnsweredByUpstream<'_>, now: Moment) -> bool {
        let (Some(repository), Some(reference)) = (answered.repository, answered.reference) else {
            return false;
        };
        let indexes = &mut self.upstream(answered.asked.upstream).indexes;
        indexes.take(repository, reference, now.monotonic)
    }

    /// What was sent was taken from the budget seen last; if the answer speaks of another one, it gets that back.
    fn move_spent(&mut self, asked: AskedUpstream<'_>, key: &BudgetKey) {
        if self.latest(asked.upstream, asked.account).as_ref() != Some(key) {
            self.change_latest(asked, PullBudget::note_unmetered);
        }
    }

    fn calibrate(
        &mut self,
        answered: &AnsweredByUpstream<'_>,
        (key, allowance): (&BudgetKey, &Allowance),
        is_success: bool,
        now: Duration,
    ) {
        let get = match (answered.repository, answered.reference, allowance.remaining) {
            (Some(repository), Some(reference), Some(remaining)) if is_success => {
                Some(MeteredGet {
                    key,
                    repository,
                    reference,
                    remaining,
                })
            }
            _ => None,
        };
        let calibration = &mut self.upstream(&key.upstream).calibration;
        calibration.note_answered(get, now);
    }

    fn change_latest(&mut self, asked: AskedUpstream<'_>, change: impl FnOnce(&mut PullBudget)) {
        if let Some(key) = self.latest(asked.upstream, asked.account)
            && let Some(budget) = self.known.get_mut(&key)
        {
            change(budget);
            self.unwritten.insert(key);
        }
    }

    /// The budget of an account at an upstream that was seen last.
    fn latest(&self, upstream: &UpstreamName, account: Option<&str>) -> Option<BudgetKey> {
        self.known
            .iter()
            .filter(|(key, _)| key.upstream == *upstream && key.account.as_deref() == account)
            .max_by_key(|(_, budget)| budget.seen_at)
            .map(|(key, _)| key.clone())
    }

    fn forget_oldest(&mut self) {
        let oldest = self.known.iter().min_by_key(|(_, budget)| budget.seen_at);
        if let Some(key) = oldest.map(|(key, _)| key.clone()) {
            self.known.remove(&key);
        }
    }
}

/// Which budget of pulls a reading speaks of, and what it says of it.
fn said(asked: AskedUpstream<'_>, reading: &Reading) -> Option<(BudgetKey, Allowance)> {
    let allowance = reading.pulls()?;
    allowance.remaining?;
    let key = BudgetKey {
        upstream: asked.upstream.clone(),
        account: asked.account.map(Arc::from),
        source: reading.source.clone(),
    };
    Some((key, allowance))
}

fn kept(key: BudgetKey, budget: &PullBudget) -> KeptBudget {
    KeptBudget {
        key,
        limit: budget.limit,
        remaining: budget.remaining,
        window: budget.window,
        seen_at: timestamp(budget.seen_at),
        spent_since: budget.spent_since,
        charges: budget
            .charges()
            .map(|(at, pulls)| (timestamp(at), pulls))
            .collect(),
    }
}

/// What was heard after `now` was heard by a clock that has been set back since: it is taken for heard now, lest it holds until
/// the clock is there again.
fn restored(kept: KeptBudget, now: Timestamp) -> PullBudget {
    let seen_at = kept.seen_at.min(now).system_time();
    let said = (kept.limit, kept.remaining);
    let charges = kept.charges.into_iter();
    PullBudget::restored(said, kept.window, seen_at, kept.spent_since)
        .with_charges(charges.map(|(at, pulls)| (at.system_time(), pulls)))
}

fn timestamp(at: SystemTime) -> Timestamp {
    Timestamp(0).after(
        at.duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests;

//! The budgets of pulls, as registries speak of them: by upstream, account of ours, and the source that they name.
//!
//! Pure. Two upstreams, two accounts, two sources never share one. An answer without a word on limits creates none and
//! resets none. All times are of the steady line of [`Moment`]; those of the wall clock come in and go out at the edge.

mod known;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use forebay_content::{BudgetKey, KeptBudget, KeptLimits, PullCounts, Timestamp, UpstreamCall};
use forebay_limits::{Allowance, PullBudget, PullCost, Reading, Said, Source};
use forebay_oci::{Digest, Target, UpstreamName};

use crate::answered::{AnsweredByUpstream, AskedUpstream};
use crate::calibration::{Calibration, MeteredGet};
use crate::indexes::Indexes;
use crate::moment::Moment;
use crate::report::{BudgetReport, Metering, UpstreamReport};
use known::{KnownBudgets, Told};

/// After what time a budget of which nothing was heard is forgotten.
pub(crate) const FORGET_BUDGET_AFTER: Duration = Duration::from_hours(7 * 24);

/// How often it is written down that a registry still says nothing of limits.
const WRITE_SILENCE_EVERY: Duration = Duration::from_hours(1);

/// All budgets.
#[derive(Debug, Default)]
pub(crate) struct Budgets {
    known: KnownBudgets,
    /// As many as are configured, and were when all was written down.
    upstreams: BTreeMap<UpstreamName, Upstream>,
    /// By which setting of the wall clock all was written down.
    set_at: Option<Moment>,
}

#[derive(Debug, Default)]
struct Upstream {
    heard_at: Option<SystemTime>,
    /// When it last answered for a manifest without a word on limits; `None` if it has not, or has spoken of them since.
    silent_at: Option<SystemTime>,
    /// When it last spoke of a budget: also of one that is forgotten.
    spoken_at: Option<SystemTime>,
    /// When it was last silent, as it was written down last.
    written_silent_at: Option<SystemTime>,
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
    pub(crate) fn restored(kept: KeptLimits, now: Moment) -> Self {
        let mut budgets = Self {
            set_at: Some(now),
            ..Self::default()
        };
        budgets.known.restore(kept.budgets, now);
        budgets.forget_old(now);
        for (name, cost) in kept.costs {
            let upstream = budgets.upstream(&name);
            upstream.calibration = Calibration::restored(cost);
            upstream.written_cost = cost;
        }
        for (name, silent_at) in kept.silences {
            let silent_at = Some(now.steady_of(silent_at));
            let upstream = budgets.upstream(&name);
            upstream.heard_at = silent_at;
            upstream.silent_at = silent_at;
            upstream.written_silent_at = silent_at;
        }
        budgets
    }

    /// Forgets how the other upstreams were; their budgets are known until they are old.
    pub(crate) fn keep_upstreams(&mut self, is_configured: impl Fn(&str) -> bool) {
        self.upstreams.retain(|name, _| is_configured(name));
    }

    /// A request is sent.
    pub(crate) fn note_sent(&mut self, asked: AskedUpstream<'_>, now: Moment) {
        if asked.call != UpstreamCall::GetManifest {
            return;
        }
        let calibration = &mut self.upstream(asked.upstream).calibration;
        calibration.note_sent(now.monotonic);
        self.known
            .change_latest(asked.upstream, asked.account, PullBudget::note_sent);
    }

    /// A request was answered, or was not; what the registry may have charged for it.
    pub(crate) fn note_answered(
        &mut self,
        answered: &AnsweredByUpstream<'_>,
        now: Moment,
    ) -> PullCounts {
        let AskedUpstream { upstream, call, .. } = answered.asked;
        if answered.status.is_some() {
            self.upstream(upstream).heard_at = Some(now.steady());
        }
        let is_get = call == UpstreamCall::GetManifest;
        let is_success = answered
            .status
            .is_some_and(|status| (200..300).contains(&status));
        // A refusal before a token was sent speaks of an address, whoever we are: only what went through counts, and the
        // refusal of the limiter itself.
        let is_refused = is_get && answered.status == Some(429);
        if is_refused {
            let source = answered.reading.and_then(|reading| reading.source.as_ref());
            self.known.believe(answered.asked, source);
        }
        let said = answered
            .reading
            .filter(|_| is_success || answered.status == Some(429))
            .and_then(|reading| said(answered.asked, reading));
        let Some((key, allowance)) = said else {
            if is_success && matches!(call, UpstreamCall::GetManifest | UpstreamCall::HeadManifest)
            {
                self.upstream(upstream).silent_at = Some(now.steady());
            }
            if is_get {
                self.note_unsaid(answered, now);
            }
            return PullCounts::default();
        };
        let of = self.upstream(upstream);
        of.silent_at = None;
        of.spoken_at = Some(now.steady());
        if is_get {
            self.move_spent(answered.asked, &key);
        }
        let word = match (is_get, is_refused) {
            (true, false) => Said::Pulled,
            (true, true) => Said::Refused,
            (false, _) => Said::Told,
        };
        let times = (answered.took, now);
        self.known.see(&key, (word, &allowance), times);
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

    /// What is other than what was written down; as if it were written now. All of it, if the wall clock was set since.
    pub(crate) fn take_unwritten(&mut self, now: Moment) -> Unwritten {
        let set_at = *self.set_at.get_or_insert(now);
        let is_set = now.is_set_since(set_at);
        if is_set {
            self.set_at = Some(now);
            self.known.rewrite_all();
        }
        let changed = self.upstreams.iter_mut().filter_map(|(name, upstream)| {
            let cost = upstream.calibration.cost;
            (upstream.written_cost != cost).then(|| {
                upstream.written_cost = cost;
                (name.clone(), cost)
            })
        });
        Unwritten {
            costs: changed.collect(),
            budgets: self.known.take_unwritten(now),
            silences: self.take_silences(is_set, now),
        }
    }

    fn take_silences(
        &mut self,
        is_set: bool,
        now: Moment,
    ) -> Vec<(UpstreamName, Option<Timestamp>)> {
        let changed = self.upstreams.iter_mut().filter_map(|(name, upstream)| {
            let silent_at = upstream.unmetered_since(now);
            let is_same = match (silent_at, upstream.written_silent_at) {
                (Some(at), Some(written)) => !is_set && apart(at, written) < WRITE_SILENCE_EVERY,
                (at, written) => at == written,
            };
            (!is_same).then(|| {
                upstream.written_silent_at = silent_at;
                (name.clone(), silent_at.map(|at| now.wall_of(at)))
            })
        });
        changed.collect()
    }

    /// All that is known, as it would be written down; cool-downs are another's.
    pub(crate) fn kept(&self, now: Moment) -> KeptLimits {
        let costs = self.upstreams.iter();
        let costs = costs.map(|(name, upstream)| (name.clone(), upstream.calibration.cost));
        let silences = self.upstreams.iter().filter_map(|(name, upstream)| {
            let silent_at = upstream.unmetered_since(now)?;
            Some((name.clone(), now.wall_of(silent_at)))
        });
        KeptLimits {
            budgets: self.known.kept(now),
            costs: costs.collect(),
            silences: silences.collect(),
            cool_downs: Vec::new(),
        }
    }

    /// It could not be written down after all.
    pub(crate) fn put_back(&mut self, unwritten: Unwritten) {
        let keys = unwritten.budgets.into_iter().map(|budget| budget.key);
        self.known.put_back(keys);
        // An upstream that is gone by now is not to be there again.
        for (name, _) in unwritten.costs {
            if let Some(upstream) = self.upstreams.get_mut(&name) {
                upstream.written_cost = PullCost::default();
            }
        }
        for (name, silent_at) in unwritten.silences {
            if let Some(upstream) = self.upstreams.get_mut(&name) {
                // Whatever was written before, it is not this.
                let other = silent_at.map_or(Some(SystemTime::UNIX_EPOCH), |_| None);
                upstream.written_silent_at = other;
            }
        }
    }

    /// Forgets budgets of which nothing was heard for long.
    pub(crate) fn forget_old(&mut self, now: Moment) {
        self.known.forget_old(FORGET_BUDGET_AFTER, now);
    }

    /// All that is known, by upstream.
    pub(crate) fn list(&self, now: Moment) -> Vec<UpstreamReport> {
        self.reports(now, |_| true)
    }

    /// The same, of each account only the budget that was heard of last: the others say what was.
    pub(crate) fn list_latest(&self, now: Moment) -> Vec<UpstreamReport> {
        self.reports(now, |told| told.is_latest)
    }

    fn reports(&self, now: Moment, is_told: impl Fn(&Told<'_>) -> bool) -> Vec<UpstreamReport> {
        let mut names: BTreeSet<&UpstreamName> = self.upstreams.keys().collect();
        names.extend(self.known.upstreams());
        let report = |name: &UpstreamName| {
            let told = self.known.at(name).into_iter();
            self.report(name, told.filter(&is_told), now)
        };
        names.into_iter().map(report).collect()
    }

    fn report<'a>(
        &self,
        name: &UpstreamName,
        told: impl Iterator<Item = Told<'a>>,
        now: Moment,
    ) -> UpstreamReport {
        let budgets: Vec<_> = told.map(|told| report_budget(&told, now)).collect();
        let upstream = self.upstreams.get(name);
        let silent_at = upstream.and_then(|upstream| upstream.unmetered_since(now));
        let metering = match silent_at {
            _ if !budgets.is_empty() => Metering::Metered,
            Some(_) => Metering::Unmetered,
            None => Metering::Unknown,
        };
        let heard_at = upstream.and_then(|upstream| upstream.heard_at);
        let cost = upstream.map(|upstream| upstream.calibration.cost);
        UpstreamReport {
            upstream: name.to_string(),
            metering,
            heard_unix_ms: heard_at.map(|at| now.wall_of(at).0),
            pull_cost: cost.unwrap_or_default().into(),
            budgets,
            rests: Vec::new(),
        }
    }

    fn upstream(&mut self, name: &UpstreamName) -> &mut Upstream {
        let known = &self.known;
        self.upstreams
            .entry(name.clone())
            .or_insert_with(|| Upstream {
                spoken_at: known.last_heard(name),
                ..Upstream::default()
            })
    }

    /// A GET was answered without a word on a budget. One that was answered was not charged; of one that was not, or was
    /// refused for another reason, nobody knows.
    fn note_unsaid(&mut self, answered: &AnsweredByUpstream<'_>, now: Moment) {
        let calibration = &mut self.upstream(answered.asked.upstream).calibration;
        calibration.note_answered(None, now.monotonic);
        if answered.status.is_some() {
            self.give_back(answered.asked);
        }
    }

    /// What was sent was taken from the budget seen last, and is not charged to it.
    fn give_back(&mut self, asked: AskedUpstream<'_>) {
        self.known
            .change_latest(asked.upstream, asked.account, PullBudget::note_unmetered);
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
        if !self.known.is_latest(key) {
            self.give_back(asked);
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
}

impl Upstream {
    /// When it last showed that it counts no pulls: by its silence, unless it has spoken of a budget of late. Then the silence is
    /// about an image that it does not count, and what became of that budget is not known.
    fn unmetered_since(&self, now: Moment) -> Option<SystemTime> {
        let has_spoken = self
            .spoken_at
            .is_some_and(|at| apart(at, now.steady()) < FORGET_BUDGET_AFTER);
        self.silent_at.filter(|_| !has_spoken)
    }
}

fn report_budget(told: &Told<'_>, now: Moment) -> BudgetReport {
    let Told {
        account,
        source,
        budget,
        is_latest,
    } = *told;
    let is_address = source.is_some_and(Source::is_anonymous);
    let at = now.steady();
    BudgetReport {
        account: account.map(str::to_owned),
        source: source.map(Source::to_string),
        credentials_not_applied: account.is_some() && is_address && is_latest,
        limit: budget.limit,
        remaining: budget.remaining_at(at),
        contradicted: !budget.holds(),
        window_seconds: budget.window.as_secs(),
        seen_unix_ms: now.wall_of(budget.seen_at).0,
        age_seconds: budget.age_at(at).as_secs(),
        spent_since: budget.spent_since,
        forecast: budget.forecast(at).into(),
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

fn apart(one: SystemTime, other: SystemTime) -> Duration {
    let apart = one.duration_since(other);
    apart.unwrap_or_else(|before| before.duration())
}

#[cfg(test)]
mod tests;

//! When an operator is told, and what.
//!
//! Pure: takes what is known and the time, gives back what is to be told. Each kind and subject once in a quiet time; an end
//! is told if its begin was. No account's name and no secret is in any of it.

mod storm_pace;
mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use forebay_content::{Alert, AlertKind, KeptTold, Settled};
use forebay_limits::Limiter;

use crate::moment::Moment;
use crate::report::{BudgetReport, StormReport, UpstreamReport};
use storm_pace::{StormPace, Sum};
use told::Told;

/// How long a budget has to be running out before that is told: a rollout that is over by then leaves the rest.
pub(crate) const RUNS_OUT_FOR: Duration = Duration::from_mins(5);

/// What alerts of many storms are about.
const MANY_STORMS: &str = "storms";

/// When an operator is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlertRules {
    /// For how long one kind and subject is not told again; an hour by default.
    pub quiet: Duration,
    /// A budget is low when less of its limit is left, in per cent; 20 by default.
    pub budget_floor_percent: u8,
    /// A budget runs out soon if it does within this time; an hour by default.
    pub runs_out_within: Duration,
    /// The disk is nearly full when less of it is free, in per cent; 5 by default.
    pub disk_floor_percent: u8,
}

/// What was told, and what is to be told.
#[derive(Debug)]
pub struct Alerts {
    rules: AlertRules,
    told: Told,
    storm_pace: StormPace,
    /// Upstreams that do not answer; as many as there are upstreams.
    down: BTreeSet<String>,
    /// Upstreams that refuse our login, and which limiter said so; as many as there are upstreams.
    refusing: BTreeMap<String, Option<Limiter>>,
    /// Since when budgets have been running out, by the monotonic reading; as many as there are budgets.
    running_out: BTreeMap<String, Duration>,
}

impl Default for AlertRules {
    fn default() -> Self {
        Self {
            quiet: Duration::from_hours(1),
            budget_floor_percent: 20,
            runs_out_within: Duration::from_hours(1),
            disk_floor_percent: 5,
        }
    }
}

impl Alerts {
    /// This was told before.
    pub fn new(rules: AlertRules, told: Vec<KeptTold>, now: Moment) -> Self {
        Self {
            rules,
            told: Told::restored(told, now),
            storm_pace: StormPace::default(),
            down: BTreeSet::new(),
            refusing: BTreeMap::new(),
            running_out: BTreeMap::new(),
        }
    }

    /// Tells by other rules from now on.
    pub fn set_rules(&mut self, rules: AlertRules) {
        self.rules = rules;
    }

    /// What the budgets are worth telling: of each account the one that was heard of last.
    pub fn of_budgets(&mut self, upstreams: &[UpstreamReport], now: Moment) -> Vec<Alert> {
        let mut alerts = Vec::new();
        let before = std::mem::take(&mut self.running_out);
        for upstream in upstreams {
            for budget in &upstream.budgets {
                let subject = subject_of(&upstream.upstream, budget);
                if let Some(text) = self.low(&upstream.upstream, budget) {
                    alerts.extend(self.tell(AlertKind::BudgetLow, subject.clone(), text, now));
                }
                let Some(text) = self.running_out(&upstream.upstream, budget) else {
                    continue;
                };
                let since = before.get(&subject).copied().unwrap_or(now.monotonic);
                self.running_out.insert(subject.clone(), since);
                if now.monotonic.saturating_sub(since) >= RUNS_OUT_FOR {
                    alerts.extend(self.tell(AlertKind::BudgetRunsOut, subject, text, now));
                }
            }
        }
        alerts
    }

    /// A storm began.
    pub fn storm_began(&mut self, storm: &StormReport, now: Moment) -> Option<Alert> {
        let (kind, subject) = (AlertKind::StormBegan, storm.subject());
        let quiet = self.rules.quiet;
        if self.told.is_quiet(kind, &subject, quiet, now)
            || !self.storm_pace.begins(&subject, now.monotonic)
        {
            return None;
        }
        let text = format!(
            "storm: {subject}, {} pulls a minute, gets {}",
            storm.per_minute, storm.gets
        );
        self.told.begin(kind, subject.clone(), true, now);
        Some(alert(kind, subject, text, now))
    }

    /// A storm ended.
    pub fn storm_ended(&mut self, storm: &StormReport, now: Moment) -> Option<Alert> {
        let subject = storm.subject();
        if self.storm_pace.ends_unsaid(&subject) {
            return None;
        }
        let was_named = self.told.end(AlertKind::StormBegan, &subject)?;
        if !self.storm_pace.ends(was_named, now.monotonic) {
            return None;
        }
        let text = format!("storm over: {subject}, {} pulls", storm.pulls);
        Some(alert(AlertKind::StormEnded, subject, text, now))
    }

    /// An upstream refuses our login, or locks it out.
    pub fn credential_refused(
        &mut self,
        upstream: &str,
        limiter: Option<Limiter>,
        now: Moment,
    ) -> Option<Alert> {
        self.refusing.insert(upstream.to_owned(), limiter);
        let text = match limiter {
            Some(limiter) => format!("{upstream} refuses our credentials: {limiter}"),
            None => format!("{upstream} refuses our credentials: check user and password or token"),
        };
        let subject = upstream.to_owned();
        self.tell(AlertKind::CredentialRefused, subject, text, now)
    }

    /// An upstream has taken our login.
    pub fn credential_taken(&mut self, upstream: &str) {
        self.refusing.remove(upstream);
        self.told.end(AlertKind::CredentialRefused, upstream);
    }

    /// An upstream is asked nothing more, or answers again.
    pub fn upstream(&mut self, upstream: &str, is_down: bool, now: Moment) -> Option<Alert> {
        let subject = upstream.to_owned();
        if is_down {
            self.down.insert(subject.clone());
            let text = format!("{upstream} does not answer: what is kept is served");
            return self.tell(AlertKind::UpstreamDown, subject, text, now);
        }
        self.down.remove(&subject);
        self.told.end(AlertKind::UpstreamDown, &subject)?;
        let text = format!("{upstream} answers again");
        Some(alert(AlertKind::UpstreamBack, subject, text, now))
    }

    /// Of the other upstreams nothing lasts any more, and no end is told.
    pub fn keep_upstreams(&mut self, is_configured: impl Fn(&str) -> bool) {
        let is_gone = |upstream: &String| !is_configured(upstream);
        for upstream in self.down.extract_if(.., is_gone) {
            self.told.end(AlertKind::UpstreamDown, &upstream);
        }
        for (upstream, _) in self
            .refusing
            .extract_if(.., |upstream, _| is_gone(upstream))
        {
            self.told.end(AlertKind::CredentialRefused, &upstream);
        }
    }

    /// What is worth telling though nothing happens: what began within a quiet time, or lasts since before a restart, and lasts
    /// beyond it, what reached nobody, and how many more storms there are.
    pub fn of_what_lasts(&mut self, storms: &[StormReport], now: Moment) -> Vec<Alert> {
        let mut alerts = Vec::new();
        for upstream in self.down.clone() {
            if !self.told.is_open(AlertKind::UpstreamDown, &upstream) {
                alerts.extend(self.upstream(&upstream, true, now));
            }
        }
        for (upstream, limiter) in self.refusing.clone() {
            if !self.told.is_open(AlertKind::CredentialRefused, &upstream) {
                alerts.extend(self.credential_refused(&upstream, limiter, now));
            }
        }
        for storm in storms {
            if !self.told.is_open(AlertKind::StormBegan, &storm.subject()) {
                alerts.extend(self.storm_began(storm, now));
            }
        }
        alerts.extend(self.of_many_storms(now));
        alerts
    }

    /// Nobody took this alert over: it was not told, and is told as soon as somebody takes it.
    pub fn not_taken(&mut self, alert: &Alert) {
        if alert.subject != MANY_STORMS {
            self.told.forget(alert.kind, &alert.subject);
        } else if alert.kind == AlertKind::StormBegan {
            self.told.forget_unnamed();
        }
    }

    /// It is known what became of an alert that was taken over. One that reached nobody begins no quiet time.
    pub fn settle(&mut self, settled: Settled) {
        if settled.subject != MANY_STORMS {
            self.told.settle(settled);
        } else if settled.kind == AlertKind::StormBegan {
            self.told.settle_unnamed(settled.has_reached);
        }
    }

    /// What was told and is not written down; as if it were written now.
    pub fn take_unwritten(&mut self, now: Moment) -> Vec<KeptTold> {
        self.told.take_unwritten(now)
    }

    /// It could not be written down after all.
    pub fn put_back(&mut self, unwritten: Vec<KeptTold>) {
        self.told.put_back(unwritten);
    }

    /// So much of the disk is free.
    pub fn disk(&mut self, free_bytes: u64, total_bytes: u64, now: Moment) -> Option<Alert> {
        if total_bytes == 0 || !is_under(free_bytes, total_bytes, self.rules.disk_floor_percent) {
            return None;
        }
        let percent = u128::from(free_bytes) * 100 / u128::from(total_bytes);
        let text = format!("the disk is nearly full: {percent} % free");
        self.tell(AlertKind::DiskNearFull, "disk".to_owned(), text, now)
    }

    /// One that only shows whether alerts arrive; whatever was told before.
    pub fn test(now: Moment) -> Alert {
        Alert {
            kind: AlertKind::Test,
            subject: "test".to_owned(),
            text: "a test: alerts of Forebay arrive here".to_owned(),
            at: now.wall,
        }
    }

    fn low(&self, upstream: &str, budget: &BudgetReport) -> Option<String> {
        let limit = budget.limit.filter(|limit| *limit > 0)?;
        is_under(budget.remaining, limit, self.rules.budget_floor_percent).then(|| {
            format!(
                "{upstream}: {} of {limit} pulls left for {}",
                budget.remaining,
                payer(budget)
            )
        })
    }

    fn running_out(&self, upstream: &str, budget: &BudgetReport) -> Option<String> {
        let seconds = budget.forecast.runs_out_in_seconds?;
        (seconds <= self.rules.runs_out_within.as_secs()).then(|| {
            format!(
                "{upstream}: the pulls of {} run out in {} min at the present rate, {} left",
                payer(budget),
                seconds.div_ceil(60),
                budget.remaining
            )
        })
    }

    fn of_many_storms(&mut self, now: Moment) -> Vec<Alert> {
        let Sum { began, ended } = self.storm_pace.take_sum(now.monotonic);
        let mut alerts = Vec::new();
        let mut tell = |kind, what: String| {
            let text = format!("{what}: `forebay top` names those of now");
            alerts.push(alert(kind, MANY_STORMS.to_owned(), text, now));
        };
        if !began.is_empty() {
            tell(
                AlertKind::StormBegan,
                format!("and {} more storms", began.len()),
            );
        }
        if ended > 0 {
            tell(
                AlertKind::StormEnded,
                format!("and {ended} more storms over"),
            );
        }
        for subject in began {
            self.told.begin(AlertKind::StormBegan, subject, false, now);
        }
        alerts
    }

    fn tell(
        &mut self,
        kind: AlertKind,
        subject: String,
        text: String,
        now: Moment,
    ) -> Option<Alert> {
        if self.told.is_quiet(kind, &subject, self.rules.quiet, now) {
            return None;
        }
        self.told.begin(kind, subject.clone(), true, now);
        Some(alert(kind, subject, text, now))
    }
}

fn alert(kind: AlertKind, subject: String, text: String, now: Moment) -> Alert {
    Alert {
        kind,
        subject,
        text,
        at: now.wall,
    }
}

/// Whether `part` is under so many per cent of `whole`.
fn is_under(part: u64, whole: u64, percent: u8) -> bool {
    u128::from(part) * 100 < u128::from(whole) * u128::from(percent)
}

/// By account, not by the source that the registry names: it may name ever new ones.
fn subject_of(upstream: &str, budget: &BudgetReport) -> String {
    let of = if budget.account.is_some() {
        "account"
    } else {
        "anonymous"
    };
    format!("{upstream} {of}")
}

fn payer(budget: &BudgetReport) -> String {
    match (&budget.account, &budget.source) {
        (_, Some(source)) => source.clone(),
        (Some(_), None) => "our account".to_owned(),
        (None, None) => "our address".to_owned(),
    }
}

#[cfg(test)]
mod tests;

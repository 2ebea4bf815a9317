//! When an operator is told, and what.
//!
//! Pure: takes what is known and the time, gives back what is to be told. Each kind and subject once in a quiet time; an end
//! is told if its begin was. No account's name and no secret is in any of it.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use forebay_content::{Alert, AlertKind};
use forebay_limits::Limiter;

use crate::moment::Moment;
use crate::report::{BudgetReport, StormReport, UpstreamReport};

/// The most pairs of kind and subject that are remembered; those told longest ago go.
pub(crate) const MAX_SUBJECTS: usize = 4_096;

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

/// What was told.
#[derive(Debug)]
pub struct Alerts {
    rules: AlertRules,
    told: HashMap<(AlertKind, String), Told>,
    /// Upstreams that do not answer; as many as there are upstreams.
    down: BTreeSet<String>,
}

#[derive(Clone, Copy, Debug)]
struct Told {
    at: Duration,
    /// It began, and its end was not told yet.
    is_open: bool,
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
    /// Nothing was told yet.
    pub fn new(rules: AlertRules) -> Self {
        Self {
            rules,
            told: HashMap::new(),
            down: BTreeSet::new(),
        }
    }

    /// Tells by other rules from now on.
    pub fn set_rules(&mut self, rules: AlertRules) {
        self.rules = rules;
    }

    /// What the budgets are worth telling.
    pub fn of_budgets(&mut self, upstreams: &[UpstreamReport], now: Moment) -> Vec<Alert> {
        let mut alerts = Vec::new();
        for upstream in upstreams {
            for budget in &upstream.budgets {
                let subject = subject_of(&upstream.upstream, budget);
                if let Some(text) = self.low(&upstream.upstream, budget) {
                    alerts.extend(self.tell(AlertKind::BudgetLow, subject.clone(), text, now));
                }
                if let Some(text) = self.running_out(&upstream.upstream, budget) {
                    alerts.extend(self.tell(AlertKind::BudgetRunsOut, subject, text, now));
                }
            }
        }
        alerts
    }

    /// A storm began.
    pub fn storm_began(&mut self, storm: &StormReport, now: Moment) -> Option<Alert> {
        let subject = storm.subject();
        let text = format!(
            "storm: {subject}, {} pulls a minute, gets {}",
            storm.per_minute, storm.gets
        );
        self.tell(AlertKind::StormBegan, subject, text, now)
    }

    /// A storm ended.
    pub fn storm_ended(&mut self, storm: &StormReport, now: Moment) -> Option<Alert> {
        let subject = storm.subject();
        let text = format!("storm over: {subject}, {} pulls", storm.pulls);
        let kinds = (AlertKind::StormBegan, AlertKind::StormEnded);
        self.tell_end(kinds, subject, text, now)
    }

    /// An upstream refuses our login, or locks it out.
    pub fn credential_refused(
        &mut self,
        upstream: &str,
        limiter: Option<Limiter>,
        now: Moment,
    ) -> Option<Alert> {
        let text = match limiter {
            Some(limiter) => format!("{upstream} refuses our credentials: {limiter}"),
            None => format!("{upstream} refuses our credentials: check user and password or token"),
        };
        let subject = upstream.to_owned();
        self.tell(AlertKind::CredentialRefused, subject, text, now)
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
        let kinds = (AlertKind::UpstreamDown, AlertKind::UpstreamBack);
        self.tell_end(kinds, subject, format!("{upstream} answers again"), now)
    }

    /// What began within a quiet time and lasts beyond it: it is told then.
    pub fn of_what_lasts(&mut self, storms: &[StormReport], now: Moment) -> Vec<Alert> {
        let is_open = |told: &Self, kind, subject: &str| {
            let told = told.told.get(&(kind, subject.to_owned()));
            told.is_some_and(|told| told.is_open)
        };
        let mut alerts = Vec::new();
        for upstream in self.down.clone() {
            if !is_open(self, AlertKind::UpstreamDown, &upstream) {
                alerts.extend(self.upstream(&upstream, true, now));
            }
        }
        for storm in storms {
            if !is_open(self, AlertKind::StormBegan, &storm.subject()) {
                alerts.extend(self.storm_began(storm, now));
            }
        }
        alerts
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

    fn tell(
        &mut self,
        kind: AlertKind,
        subject: String,
        text: String,
        now: Moment,
    ) -> Option<Alert> {
        let key = (kind, subject);
        let told = self.told.get(&key);
        if told.is_some_and(|told| now.monotonic.saturating_sub(told.at) < self.rules.quiet) {
            return None;
        }
        if told.is_none() && self.told.len() >= MAX_SUBJECTS {
            self.forget_oldest();
        }
        let told = Told {
            at: now.monotonic,
            is_open: true,
        };
        self.told.insert(key.clone(), told);
        let (kind, subject) = key;
        Some(Alert {
            kind,
            subject,
            text,
            at: now.wall,
        })
    }

    /// Tells an end, whatever the quiet time, if the begin was told.
    fn tell_end(
        &mut self,
        (began, ended): (AlertKind, AlertKind),
        subject: String,
        text: String,
        now: Moment,
    ) -> Option<Alert> {
        let key = (began, subject);
        let told = self.told.get_mut(&key)?;
        if !std::mem::replace(&mut told.is_open, false) {
            return None;
        }
        Some(Alert {
            kind: ended,
            subject: key.1,
            text,
            at: now.wall,
        })
    }

    fn forget_oldest(&mut self) {
        let oldest = self.told.iter().min_by_key(|(_, told)| told.at);
        if let Some(key) = oldest.map(|(key, _)| key.clone()) {
            self.told.remove(&key);
        }
    }
}

/// Whether `part` is under so many per cent of `whole`.
fn is_under(part: u64, whole: u64, percent: u8) -> bool {
    u128::from(part) * 100 < u128::from(whole) * u128::from(percent)
}

fn subject_of(upstream: &str, budget: &BudgetReport) -> String {
    let of = if budget.account.is_some() {
        "account"
    } else {
        "anonymous"
    };
    match &budget.source {
        Some(source) => format!("{upstream} {of} {source}"),
        None => format!("{upstream} {of}"),
    }
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

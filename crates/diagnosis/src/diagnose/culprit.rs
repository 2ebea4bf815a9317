//! Who makes the most requests, and who only suffers from it.
//!
//! A culprit has a fault of its own that makes it ask again and again, or asks far more often than the others; who only meets
//! the limit, however often, is a victim.

use std::collections::BTreeSet;

use forebay_evidence::{
    Class, Evidence, Identity, Lines, Moment, Owner, OwnerKind, Setting, SettingKind,
};
use forebay_limits::shown;
use serde::Serialize;

use super::bystanders::{is_after, last_of};
use super::cause::{Trigger, is_own, is_trouble};
use super::requests::Requests;
use super::restarts::{AtRestart, POD_RESTARTS_PER_HOUR, at_restart, is_pod};
use super::tally::{Tally, Workload};

/// Attempts below which nobody is a culprit.
const MIN_ATTEMPTS: u64 = 3;

/// Requests of a minute below which nobody brings the abuse limit about, which Docker says is thousands a minute: what is read
/// tells of a part of the machines, and of a part of what they ask.
const MIN_FLOOD: u64 = 10;

/// Pulls of CI jobs from which on they are a burst, where nothing tells of several machines.
const MIN_BURST: u64 = 5;

/// Who asks so many times as often as the median stands out.
const STANDS_OUT: u64 = 3;

/// Who asks at least this part of what the first culprit asks is one, too.
const PEER_PART: u64 = 3;

/// The most suspects of a kind that a diagnosis names.
pub const MAX_SUSPECTS: usize = 100;

/// The most pods or tasks that a suspect names.
const MAX_TASKS: usize = 3;

/// The most lines that a suspect shows.
const MAX_LINES: usize = 5;

/// The most bytes of a reason.
const MAX_REASON_BYTES: usize = 300;

/// Somebody who pulls, and what they did.
#[derive(Debug, Clone, Serialize)]
pub struct Suspect {
    /// What it is called: `Swarm service web`.
    pub name: String,
    /// What wants it to run; none if only its image is known.
    pub owner: Option<Owner>,
    /// The Kubernetes namespace.
    pub namespace: Option<String>,
    /// The cluster or stack.
    pub cluster: Option<String>,
    /// The images that it pulls.
    pub images: Vec<String>,
    /// The machines where it was seen.
    pub nodes: Vec<String>,
    /// Its pods or tasks; the first few.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<String>,
    /// The container that ended, where several are told apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// How often it asked.
    pub requests: Requests,
    /// Pulls that failed.
    pub failed: u64,
    /// Pulls that went well.
    pub succeeded: u64,
    /// Containers that ended or never began.
    pub deaths: u64,
    /// What is wrong with it itself.
    pub trigger: Option<Trigger>,
    /// Whether each new start asks the registry, where containers ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_restart: Option<AtRestart>,
    /// Since when.
    pub since: Option<Moment>,
    /// Where it can be read.
    pub lines: Vec<Lines>,
}

/// Culprits and victims.
#[derive(Debug, Default)]
pub(crate) struct Parted {
    pub(crate) culprits: Vec<Suspect>,
    pub(crate) victims: Vec<Suspect>,
    /// More culprits that are only counted.
    pub(crate) more_culprits: usize,
    /// More victims that are only counted.
    pub(crate) more_victims: usize,
}

impl Parted {
    /// Names no more than [`MAX_SUSPECTS`] of each; the others are counted.
    pub(crate) fn name_few(&mut self) {
        for (all, more) in [
            (&mut self.culprits, &mut self.more_culprits),
            (&mut self.victims, &mut self.more_victims),
        ] {
            *more += all.len().saturating_sub(MAX_SUSPECTS);
            all.truncate(MAX_SUSPECTS);
        }
    }
}

/// Parts those who bring the cause about from those who suffer from it.
pub(crate) fn part(tally: &Tally, class: Class, evidence: &Evidence) -> Parted {
    let workloads = tally.workloads.as_slice();
    let total: u64 = workloads.iter().map(Workload::attempts).sum();
    let total = total.saturating_add(tally.rest.attempts);
    let is_culprit = culprit_rule(tally, class);
    let anonymous = Anonymous::of(evidence);
    let last = last_of(evidence, class).filter(|_| class.is_limit());
    let mut parted = Parted::default();
    let rest = tally.rest.with(class);
    if is_own(class) {
        parted.more_culprits = rest;
    } else {
        parted.more_victims = rest;
    }
    for workload in workloads {
        let trigger = trigger_of(workload, class, &anonymous);
        let is_blamed = is_culprit(workload)
            && (has_cause(trigger.as_ref(), tally, workload)
                || !is_only_refused(tally, class, workload));
        let culprit = is_blamed.then(|| {
            let trigger = trigger.unwrap_or(Trigger::ManyPulls);
            suspect(workload, total, Some(trigger))
        });
        if let Some(mut culprit) = culprit.filter(|culprit| !is_after(culprit.since, last)) {
            culprit.at_restart = at_restart(workload, &culprit.requests, evidence);
            parted.culprits.push(culprit);
        } else if workload.failures(class) > 0 && workload.has_name() {
            parted.victims.push(suspect(workload, total, None));
        }
    }
    parted
}

/// Whether what is wrong with a workload itself accounts for the requests. That it pulls without an account does where nobody else
/// was seen to ask, and it asked more than once or twice: those who share an address share that.
fn has_cause(trigger: Option<&Trigger>, tally: &Tally, workload: &Workload) -> bool {
    match trigger {
        Some(Trigger::NoCredentials) => is_alone(tally) && workload.attempts() >= MIN_ATTEMPTS,
        Some(_) => true,
        None => false,
    }
}

/// The rule that tells culprits in this company.
fn culprit_rule(tally: &Tally, class: Class) -> impl Fn(&Workload) -> bool {
    let workloads = tally.workloads.as_slice();
    let top = workloads.first().map_or(0, Workload::attempts);
    let has_own = |workload: &Workload| has_fault(workload) && weight(workload) > 0;
    let top_of_faulty = workloads
        .iter()
        .filter(|workload| has_own(workload))
        .map(weight)
        .max()
        .unwrap_or(0);
    let rest = median(workloads);
    // One who is faulty but asks seldom, beside somebody who asks all the time, is not the one.
    let is_by_fault = top_of_faulty >= MIN_ATTEMPTS && top_of_faulty * PEER_PART >= top;
    let is_alone = is_alone(tally);
    let wanted = move |workload: &Workload| {
        let attempts = workload.attempts();
        if is_by_fault {
            return has_own(workload) && weight(workload) * PEER_PART >= top_of_faulty;
        }
        let stands_out =
            attempts >= MIN_ATTEMPTS && attempts >= rest.saturating_mul(STANDS_OUT).max(1);
        workload.owner.is_some() && attempts > 0 && attempts == top && (is_alone || stands_out)
    };
    move |workload| match class {
        Class::AbuseLimit => wanted(workload) && may_flood(workload),
        class if class.is_limit() => wanted(workload),
        class if is_trouble(class) => false,
        Class::StartFailure => workload.deaths.is_some(),
        class if is_own(class) => workload.failures(class) > 0 && workload.has_name(),
        _ => false,
    }
}

/// Whether it may ask as often as a flood is made of. Where nobody saw in which minutes it asked, the kubelet's waits tell how
/// often pods can have been started.
fn may_flood(workload: &Workload) -> bool {
    let requests = Requests::of(workload, 0);
    let [_, seen] = requests.peak_requests_per_minute;
    let kind = workload.owner.as_ref().map(|owner| owner.kind);
    let by_starts = workload.attempts() > workload.counts().pulls();
    if by_starts && kind.is_some_and(is_pod) {
        let pods = u64::try_from(workload.tasks.len()).unwrap_or(u64::MAX);
        let [_, most] = Requests::requests_of(pods.saturating_mul(POD_RESTARTS_PER_HOUR));
        return seen.max(most / 60) >= MIN_FLOOD;
    }
    seen == 0 || seen >= MIN_FLOOD
}

/// Whether only one was seen to ask.
fn is_alone(tally: &Tally) -> bool {
    let mut asking = tally
        .workloads
        .iter()
        .filter(|workload| workload.attempts() > 0);
    asking.next().is_some() && asking.next().is_none() && tally.rest.attempts == 0
}

/// Whether one only meets the limit, however often: a refused pull uses nothing up. What the abuse limit counts, are refused
/// ones, too: of that, only who was seen alone is one.
fn is_only_refused(tally: &Tally, class: Class, workload: &Workload) -> bool {
    let counts = workload.counts();
    let pulled = counts.pulls().saturating_sub(counts.tried);
    let is_of_class = class == Class::PullLimit || class.is_limit() && is_alone(tally);
    is_of_class && pulled < MIN_ATTEMPTS
}

/// What a faulty workload weighs: its attempts, or its deaths where nothing tells of the pulls behind them.
fn weight(workload: &Workload) -> u64 {
    let own: u64 = workload
        .classes
        .iter()
        .filter(|(class, _)| is_own(**class))
        .map(|(_, seen)| seen.count)
        .sum();
    workload.attempts().max(own)
}

fn has_fault(workload: &Workload) -> bool {
    // Deaths matter where each new start asks the registry, or where it was seen to ask.
    let asks = workload.attempts() > 0 && !workload.asks_nobody();
    let dies = workload.counts().deaths() >= MIN_ATTEMPTS && asks;
    dies || workload.failures(Class::NotFound) > 0 || workload.failures(Class::Auth) > 0
}

/// The median of the attempts of all but the first.
fn median(workloads: &[Workload]) -> u64 {
    let rest: Vec<u64> = workloads
        .iter()
        .skip(1)
        .map(Workload::attempts)
        .filter(|attempts| *attempts > 0)
        .collect();
    rest.get(rest.len() / 2).copied().unwrap_or(0)
}

/// What is wrong with a workload itself; the fault that was met most.
fn trigger_of(workload: &Workload, class: Class, anonymous: &Anonymous<'_>) -> Option<Trigger> {
    let is_beside = class.is_limit() && workload.asks_nobody();
    let deaths = if is_beside {
        0
    } else {
        workload.counts().deaths()
    };
    let missing = workload.failures(Class::NotFound);
    let refused = workload.failures(Class::Auth);
    let most = deaths.max(missing).max(refused);
    if most >= MIN_ATTEMPTS || (most > 0 && deaths < MIN_ATTEMPTS) {
        return Some(if most == missing {
            Trigger::WrongImage
        } else if most == refused {
            Trigger::WrongCredentials
        } else {
            crash_loop(workload)
        });
    }
    if workload
        .owner
        .as_ref()
        .is_some_and(|owner| owner.kind == OwnerKind::CiJob)
        && (workload.nodes.len() > 1 || workload.attempts() >= MIN_BURST)
    {
        return Some(Trigger::CiBurst);
    }
    // Only the pull limit asks for an account; the others count whoever asks.
    (class == Class::PullLimit && anonymous.pulls(workload)).then_some(Trigger::NoCredentials)
}

fn crash_loop(workload: &Workload) -> Trigger {
    let death = workload.deaths.as_ref();
    let reason = death.map(|death| shown(&death.message, MAX_REASON_BYTES));
    Trigger::CrashLoop {
        reason: reason.unwrap_or_default(),
        exit_code: death.and_then(|death| death.exit_code),
    }
}

/// Who pulls without an account.
struct Anonymous<'a> {
    /// Those in whose failures the registry counted an address.
    owners: BTreeSet<Option<&'a Owner>>,
    /// Images for which settings name no credentials.
    images: BTreeSet<&'a str>,
}

impl<'a> Anonymous<'a> {
    fn of(evidence: &'a Evidence) -> Self {
        let by_address = evidence.events.iter().filter(|event| {
            let failure = event.failure.as_ref();
            let identity = failure.and_then(|failure| failure.identity.as_ref());
            matches!(identity, Some(Identity::Address(_)))
        });
        let is_without = |setting: &&Setting| setting.kind == SettingKind::Credentials(false);
        let without = evidence.settings.iter().filter(is_without);
        Self {
            owners: by_address.map(|event| event.place.owner.as_ref()).collect(),
            images: without
                .filter_map(|setting| setting.image.as_deref())
                .collect(),
        }
    }

    fn pulls(&self, workload: &Workload) -> bool {
        let is_without = |image: &String| self.images.contains(image.as_str());
        self.owners.contains(&workload.owner.as_ref()) || workload.images.iter().any(is_without)
    }
}

fn suspect(workload: &Workload, total: u64, trigger: Option<Trigger>) -> Suspect {
    let counts = workload.counts();
    let since = match &trigger {
        Some(Trigger::CrashLoop { .. }) => workload.deaths.as_ref().and_then(|death| death.first),
        _ => None,
    };
    Suspect {
        name: workload.name(),
        owner: workload.owner.clone(),
        namespace: workload.namespace.clone(),
        cluster: workload.cluster.clone(),
        images: workload.images.iter().cloned().collect(),
        nodes: workload.nodes.iter().cloned().collect(),
        tasks: workload.tasks.iter().take(MAX_TASKS).cloned().collect(),
        container: workload.container.clone(),
        requests: Requests::of(workload, total),
        failed: counts.failed,
        succeeded: counts.succeeded,
        deaths: counts.deaths(),
        trigger,
        at_restart: None,
        since: since.or(workload.first),
        lines: workload.lines.iter().copied().take(MAX_LINES).collect(),
    }
}

//! What makes pulls fail: one class, chosen among all that were met.
//!
//! A limit stands above what leads to it (a crash loop, a wrong tag, a wrong password): those are its trigger. Against
//! trouble of the network or a disk, the one that meets more workloads wins: an old limit does not explain a DNS outage.

use std::collections::BTreeMap;

use forebay_evidence::{Class, Evidence, Identity, Moment};
use serde::Serialize;

use super::pull_through::PullThrough;
use super::tally::{Tally, earliest};
use super::tls::TlsFault;

/// Trouble of the network counts beside a workload's own faults from this part of them on.
const TROUBLE_PART: u64 = 5;

/// Why pulls fail.
#[derive(Debug, Clone, Serialize)]
pub struct Cause {
    /// The class of the failures that are it.
    pub class: Class,
    /// The registry, where known.
    pub registry: Option<String>,
    /// Whom the registry counts, where it says so.
    pub identity: Option<Identity>,
    /// Why no TLS comes about, where it is that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsFault>,
    /// What set it off, where the evidence shows it.
    pub trigger: Option<Trigger>,
    /// The pull-through cache rule of ECR that could not fill its cache, where it is that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_through: Option<PullThrough>,
    /// In one sentence.
    pub summary: String,
}

/// What drives into a limit, or makes a workload fail by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// Containers end or never start, and each new one asks the registry.
    CrashLoop {
        /// How they end, redacted.
        reason: String,
        /// The exit code, where known.
        exit_code: Option<i64>,
    },
    /// An image that is not there is asked for again and again.
    WrongImage,
    /// Credentials that are refused are shown again and again.
    WrongCredentials,
    /// Many CI jobs pull at once.
    CiBurst,
    /// Images are pulled without an account, so that the address pays.
    NoCredentials,
    /// One workload pulls far more than the others, and nothing else is wrong with it.
    ManyPulls,
    /// Many workloads share one budget, and none stands out.
    ManyPullers,
}

/// How often a class was met, and by how many.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ClassCount {
    /// Failures.
    pub failures: u64,
    /// Workloads that met it.
    pub workloads: usize,
    /// The first of them.
    pub first: Option<Moment>,
    /// The last of them.
    pub last: Option<Moment>,
}

impl Cause {
    /// One that nothing tells, but in a sentence what is wrong.
    pub(crate) const fn untold(summary: String) -> Self {
        Self {
            class: Class::SymptomOnly,
            registry: None,
            identity: None,
            tls: None,
            trigger: None,
            pull_through: None,
            summary,
        }
    }
}

/// All classes that were met.
pub(crate) fn classes(tally: &Tally) -> BTreeMap<Class, ClassCount> {
    let mut classes: BTreeMap<Class, ClassCount> = BTreeMap::new();
    for workload in &tally.workloads {
        for (class, seen) in &workload.classes {
            let count = classes.entry(*class).or_default();
            count.failures += seen.count;
            count.workloads += 1;
            count.first = earliest(count.first, seen.first);
            count.last = count.last.max(seen.last);
        }
        let deaths = workload.counts().deaths();
        if deaths > 0 && !workload.classes.contains_key(&Class::StartFailure) {
            let count = classes.entry(Class::StartFailure).or_default();
            count.failures += deaths;
            count.workloads += 1;
            count.first = earliest(count.first, workload.first);
            count.last = count.last.max(workload.last);
        }
    }
    for (class, (seen, workloads)) in &tally.rest.classes {
        let count = classes.entry(*class).or_default();
        count.failures += seen.count;
        count.workloads += workloads;
        count.first = earliest(count.first, seen.first);
        count.last = count.last.max(seen.last);
    }
    classes
}

/// The class that is the cause.
pub(crate) fn main_class(classes: &BTreeMap<Class, ClassCount>) -> Option<Class> {
    let best = |belongs: fn(Class) -> bool| {
        let found = classes.iter().filter(|(class, _)| belongs(**class));
        found
            .max_by_key(|(class, count)| {
                (count.workloads, count.failures, std::cmp::Reverse(**class))
            })
            .map(|(class, count)| (*class, count))
    };
    let trouble = best(is_trouble);
    let own = best(is_own);
    if let Some((class, limit)) = best(Class::is_limit)
        && trouble.is_none_or(|(_, trouble)| wins(limit, trouble))
    {
        return Some(class);
    }
    if let Some((class, trouble)) = trouble
        && own.is_none_or(|(_, own)| {
            wins(trouble, own) || trouble.failures * TROUBLE_PART >= own.failures
        })
    {
        return Some(class);
    }
    let unknown = best(|class| !class.is_cause());
    // One crash loop does not explain why the pulls of many others fail.
    let explains =
        |own: &ClassCount| unknown.is_none_or(|(_, unknown)| unknown.workloads <= own.workloads);
    let own = own.filter(|(_, own)| explains(own));
    own.or(unknown)
        .or_else(|| best(|_| true))
        .map(|(class, _)| class)
}

fn wins(count: &ClassCount, over: &ClassCount) -> bool {
    (count.workloads, count.failures) >= (over.workloads, over.failures)
}

/// Where the class was met and whom the registry counted, as most failures say. Whom it counted, a program that may write what it
/// likes is asked only where nobody else has failed so.
pub(crate) fn registry_of(evidence: &Evidence, class: Class) -> (Option<String>, Option<Identity>) {
    let mut registries: BTreeMap<&str, u64> = BTreeMap::new();
    let mut identities: BTreeMap<&Identity, u64> = BTreeMap::new();
    let of_class = || {
        let events = evidence.events.iter();
        let failed = events.filter_map(|event| Some((event, event.failure.as_ref()?)));
        failed.filter(|(_, failure)| failure.class == class)
    };
    let has_witness = of_class().any(|(event, _)| !event.is_hearsay);
    for (event, failure) in of_class() {
        if let Some(registry) = &failure.registry {
            *registries.entry(registry).or_default() += event.count;
        }
        if let Some(identity) = &failure.identity
            && !(event.is_hearsay && has_witness)
        {
            *identities.entry(identity).or_default() += event.count;
        }
    }
    let registry = registries
        .into_iter()
        .max_by_key(|(_, count)| *count)
        .map(|(registry, _)| registry.to_owned());
    // A named address says more than that it is one.
    let says_more = |identity: &Identity| {
        !matches!(identity, Identity::Address(None) | Identity::Account(None))
    };
    let identity = identities
        .into_iter()
        .max_by_key(|(identity, count)| (says_more(identity), *count))
        .map(|(identity, _)| identity.clone());
    (registry, identity)
}

/// Trouble between us and the registry, or of the machine: no workload causes it.
pub(crate) const fn is_trouble(class: Class) -> bool {
    matches!(
        class,
        Class::Dns
            | Class::Tls
            | Class::Timeout
            | Class::Network
            | Class::NoSpace
            | Class::KubeletThrottle
    )
}

/// What is wrong with one workload itself.
pub(crate) const fn is_own(class: Class) -> bool {
    matches!(class, Class::Auth | Class::NotFound | Class::StartFailure)
}

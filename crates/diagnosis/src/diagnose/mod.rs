//! From evidence to a diagnosis: the cause, who causes it, who suffers, when it ends.
//!
//! Pure: the same evidence gives the same diagnosis. Words for people stand in it where they do not depend on taste.

mod also;
mod cause;
mod chain;
mod culprit;
mod ending;
mod flags;
mod missing;
mod platform;
mod pull_through;
mod quotes;
mod relevance;
mod requests;
mod restarts;
mod sayings;
mod scope;
mod summary;
mod tally;

use std::collections::BTreeMap;

use forebay_evidence::{Class, Context, Event, Evidence, Lines, Moment, Note, What};
use serde::Serialize;

pub use also::Also;
pub use cause::{Cause, ClassCount, Trigger};
pub use chain::{Step, StepKind};
pub use culprit::{MAX_SUSPECTS, Suspect};
pub use ending::{EndKind, Ending};
pub use flags::{Flag, FlagKind, MAX_FLAGS};
pub use missing::Missing;
pub use platform::Platform;
pub use pull_through::PullThrough;
pub use quotes::{MAX_QUOTES, Quote};
pub use requests::Requests;
pub use restarts::AtRestart;
pub use sayings::{Before, Myth};
pub use scope::Scope;

use crate::Egress;
use relevance::Relevance;
use tally::Workload;

/// What is wrong, as far as the evidence tells.
#[derive(Debug, Clone, Serialize)]
pub struct Diagnosis {
    /// Why pulls fail; none if none failed.
    pub cause: Option<Cause>,
    /// Who causes it, who asks most first; empty if nobody stands out.
    pub culprits: Vec<Suspect>,
    /// Who suffers from it.
    pub victims: Vec<Suspect>,
    /// Since when.
    pub since: Option<Moment>,
    /// Which machines, and how they go out.
    pub scope: Scope,
    /// The platforms of the evidence, the main one first.
    pub platforms: Vec<Platform>,
    /// All classes that were met.
    pub classes: BTreeMap<Class, ClassCount>,
    /// From the cause to what people saw.
    pub chain: Vec<Step>,
    /// What else went wrong, that the cause does not explain.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Also>,
    /// When it ends.
    pub ends: Option<Ending>,
    /// Why it worked before.
    pub worked_before: Vec<Before>,
    /// What is not the cause.
    pub myths: Vec<Myth>,
    /// Settings that make floods.
    pub flags: Vec<Flag>,
    /// The lines that show it, redacted.
    pub evidence: Vec<Quote>,
    /// What is not known, and what would tell.
    pub missing: Vec<Missing>,
    /// What could not be read.
    pub notes: Vec<Note>,
    /// What was read.
    pub sources: Vec<String>,
}

/// Makes a diagnosis of evidence that was gathered at `context.now`.
pub fn diagnose(evidence: &Evidence, context: &Context, egress: Egress) -> Diagnosis {
    let workloads = tally::tally(evidence);
    let classes = cause::classes(&workloads);
    let platforms = platform::platforms(evidence);
    let flags = flags::flags(evidence);
    let Some(class) = cause::main_class(&classes) else {
        return nothing_wrong(evidence, platforms, flags);
    };
    let mut parted = culprit::part(&workloads, class, evidence);
    let scope = scope::scope(evidence, class, egress);
    let pull_through = pull_through(&mut parted, evidence, class);
    let trigger = trigger(&parted, &workloads, class);
    let since = since(&parted, &classes, class);
    let (registry, identity) = cause::registry_of(evidence, class);
    let only_waits = class == Class::SymptomOnly && !tells_of_pulls(evidence);
    let summary = match &pull_through {
        Some(rule) => summary::of_pull_through(rule, class),
        None if only_waits => summary::of_waiting(),
        None => summary::summary(class, registry.as_deref(), trigger.as_ref(), &parted),
    };
    let relevance = Relevance::new(evidence, class, registry.as_deref(), &parted);
    let platform = platforms.first().copied();
    let ground = chain::Ground {
        class,
        asks_again: class.is_limit() || asks_again(&parted),
        only_waits,
        cannot_fill: pull_through.is_some(),
        relevance: &relevance,
    };
    let chain = chain::chain(evidence, &ground, trigger.as_ref(), platform);
    let also = also::also(evidence, &workloads, &relevance);
    let quotes = quotes::quotes(evidence, class, &relevance);
    parted.culprits.truncate(MAX_SUSPECTS);
    parted.victims.truncate(MAX_SUSPECTS);
    let known = missing::Known {
        evidence,
        class,
        platforms: &platforms,
        only_waits,
        culprits: &parted.culprits,
        victims: &parted.victims,
        scope: &scope,
    };
    let earlier = sayings::Earlier {
        class,
        scope: &scope,
        trigger: trigger.as_ref(),
        since,
    };
    Diagnosis {
        chain,
        also,
        ends: Some(ending::ending(
            evidence,
            class,
            trigger.as_ref(),
            context.now,
        )),
        worked_before: sayings::before(evidence, &earlier),
        myths: sayings::myths(class),
        evidence: quotes,
        missing: missing::missing(&known),
        cause: Some(Cause {
            class,
            registry,
            identity,
            trigger,
            pull_through,
            summary,
        }),
        culprits: parted.culprits,
        victims: parted.victims,
        since,
        scope,
        classes,
        flags,
        notes: notes(evidence),
        sources: evidence.sources.clone(),
        platforms,
    }
}

fn nothing_wrong(evidence: &Evidence, platforms: Vec<Platform>, flags: Vec<Flag>) -> Diagnosis {
    Diagnosis {
        cause: None,
        culprits: Vec::new(),
        victims: Vec::new(),
        since: None,
        scope: Scope::default(),
        classes: BTreeMap::new(),
        chain: Vec::new(),
        also: Vec::new(),
        ends: None,
        worked_before: Vec::new(),
        myths: Vec::new(),
        evidence: Vec::new(),
        missing: Vec::new(),
        flags,
        notes: notes(evidence),
        sources: evidence.sources.clone(),
        platforms,
    }
}

/// What brings the cause about: the first culprit's fault, or that there are many who ask.
fn trigger(parted: &culprit::Parted, workloads: &[Workload], class: Class) -> Option<Trigger> {
    let asking = workloads
        .iter()
        .filter(|workload| workload.attempts() > 0)
        .count();
    match parted.culprits.first() {
        Some(culprit) => culprit.trigger.clone(),
        None => (class.is_limit() && asking > 1).then_some(Trigger::ManyPullers),
    }
}

/// The pull-through cache that could not be filled: who asks it, asks for the right image with the right credentials.
fn pull_through(
    parted: &mut culprit::Parted,
    evidence: &Evidence,
    class: Class,
) -> Option<PullThrough> {
    let rule = pull_through::pull_through(evidence, class)?;
    for culprit in &mut parted.culprits {
        culprit.trigger = None;
    }
    Some(rule)
}

/// Whether anything says that a pull has failed, and not only that something waits.
fn tells_of_pulls(evidence: &Evidence) -> bool {
    let of_pull = |event: &Event| matches!(event.what, What::PullFailed | What::BackedOff);
    evidence.events.iter().any(of_pull)
}

/// Whether each new start of the first culprit asks the registry.
fn asks_again(parted: &culprit::Parted) -> bool {
    let first = parted.culprits.first();
    let at_restart = first.and_then(|culprit| culprit.at_restart.as_ref());
    at_restart.is_some_and(|at_restart| at_restart.asks == Some(true))
}

fn since(
    parted: &culprit::Parted,
    classes: &BTreeMap<Class, ClassCount>,
    class: Class,
) -> Option<Moment> {
    let of_culprits = parted
        .culprits
        .iter()
        .filter_map(|culprit| culprit.since)
        .min();
    of_culprits.or_else(|| classes.get(&class).and_then(|count| count.first))
}

fn notes(evidence: &Evidence) -> Vec<Note> {
    let mut notes = evidence.notes.clone();
    if evidence.uncounted > 0 {
        let text = format!(
            "{} happenings were too many to be told apart, and left out",
            evidence.uncounted
        );
        notes.push(Note {
            lines: Lines::default(),
            text,
        });
    }
    notes
}

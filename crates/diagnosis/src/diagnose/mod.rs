//! From evidence to a diagnosis: the cause, who causes it, who suffers, when it ends.
//!
//! Pure: the same evidence gives the same diagnosis. Words for people stand in it where they do not depend on taste.

mod also;
mod bystanders;
mod cause;
mod chain;
mod chosen;
mod culprit;
mod ending;
mod flags;
mod lacking;
mod missing;
mod past;
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
mod tls;
mod unready;

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
pub use past::{MAX_PAST, Past};
pub use platform::Platform;
pub use pull_through::PullThrough;
pub use quotes::{MAX_QUOTES, Quote};
pub use requests::Requests;
pub use restarts::AtRestart;
pub use sayings::{Before, Myth};
pub use scope::Scope;
pub use tls::TlsFault;

use crate::Egress;
use relevance::Relevance;
use tally::Tally;

/// Workloads that pull from which on they are many.
const MANY: usize = 3;

/// What is wrong, as far as the evidence tells.
#[derive(Debug, Clone, Serialize)]
pub struct Diagnosis {
    /// Why pulls fail; none if none failed.
    pub cause: Option<Cause>,
    /// Who causes it, who asks most first; empty if nobody stands out.
    pub culprits: Vec<Suspect>,
    /// More culprits than are named.
    #[serde(skip_serializing_if = "is_zero")]
    pub more_culprits: usize,
    /// Who suffers from it.
    pub victims: Vec<Suspect>,
    /// More victims than are named.
    #[serde(skip_serializing_if = "is_zero")]
    pub more_victims: usize,
    /// What all who were seen asked together, where a limit is the cause and more than one asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub together: Option<Requests>,
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
    /// What was wrong once and is over.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub past: Vec<Past>,
    /// More workloads of which only that is told.
    #[serde(skip_serializing_if = "is_zero")]
    pub more_past: usize,
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
    let mut tally = tally::tally(&evidence.events, evidence);
    let classes = cause::classes(&tally);
    let bare = nothing_wrong(evidence);
    let Some(class) = cause::main_class(&classes) else {
        let lacking = lacking::find(evidence);
        return match lacking.or_else(|| unready::find(evidence, context.now)) {
            Some(lacking) => of_lacking(lacking, bare),
            None => bare,
        };
    };
    bystanders::set_aside(&mut tally, evidence, class);
    let mut parted = culprit::part(&tally, class, evidence);
    let scope = scope::scope(evidence, class, egress);
    let cause = cause(&mut parted, &tally, (evidence, class));
    let trigger = cause.trigger.as_ref();
    let since = since(&parted, &classes, class);
    let relevance = Relevance::new(evidence, class, cause.registry.as_deref(), &parted);
    let ground = ground(&cause, &parted, &relevance, evidence);
    let platforms = bare.platforms;
    let chain = chain::chain(evidence, &ground, trigger, platforms.first().copied());
    let only_waits = ground.only_waits;
    let also = also::also(evidence, &tally, &relevance);
    let quotes = quotes::quotes(evidence, class, &relevance);
    parted.name_few();
    let known = missing::Known {
        evidence,
        class,
        platforms: &platforms,
        only_waits,
        culprits: &parted.culprits,
        victims: &parted.victims,
        scope: &scope,
    };
    let missing = missing::missing(&known);
    let earlier = sayings::Earlier {
        class,
        scope: &scope,
        trigger,
        since,
    };
    let worked_before = sayings::before(evidence, &earlier);
    let together = if class.is_limit() {
        Requests::of_all(&tally)
    } else {
        None
    };
    Diagnosis {
        chain,
        also,
        ends: Some(ending::ending(evidence, class, trigger, context.now)),
        worked_before,
        myths: sayings::myths(class),
        evidence: quotes,
        missing,
        cause: Some(cause),
        culprits: parted.culprits,
        more_culprits: parted.more_culprits,
        victims: parted.victims,
        more_victims: parted.more_victims,
        together,
        since,
        scope,
        classes,
        platforms,
        ..bare
    }
}

/// What is told where nothing else is wrong.
fn of_lacking(lacking: lacking::Lacking, bare: Diagnosis) -> Diagnosis {
    Diagnosis {
        cause: Some(lacking.cause),
        evidence: lacking.evidence,
        missing: lacking.missing,
        platforms: lacking.platforms,
        ..bare
    }
}

/// The cause, and what brings it about.
fn cause(
    parted: &mut culprit::Parted,
    tally: &Tally,
    (evidence, class): (&Evidence, Class),
) -> Cause {
    let pull_through = pull_through(parted, evidence, class);
    let trigger = trigger(parted, tally, class);
    let (registry, identity) = cause::registry_of(evidence, class);
    let tls = tls::find_fault(evidence, class, registry.as_deref());
    let summary = match &pull_through {
        Some(rule) => summary::of_pull_through(rule, class),
        None if only_waits(evidence, class) => summary::of_waiting(evidence),
        None => match tls {
            Some(fault) => fault.told(registry.as_deref().unwrap_or("the registry")),
            None => summary::summary(class, registry.as_deref(), trigger.as_ref(), parted),
        },
    };
    Cause {
        class,
        registry,
        identity,
        tls,
        trigger,
        pull_through,
        summary,
    }
}

/// What the chain of a cause stands on.
fn ground<'a>(
    cause: &Cause,
    parted: &culprit::Parted,
    relevance: &'a Relevance<'a>,
    evidence: &Evidence,
) -> chain::Ground<'a> {
    chain::Ground {
        class: cause.class,
        asks_again: cause.class.is_limit() || asks_again(parted),
        only_waits: only_waits(evidence, cause.class),
        cannot_fill: cause.pull_through.is_some(),
        relevance,
    }
}

/// Whether nothing is told but that something waits.
fn only_waits(evidence: &Evidence, class: Class) -> bool {
    class == Class::SymptomOnly && !tells_of_pulls(evidence)
}

/// What is told even where nothing is wrong.
fn nothing_wrong(evidence: &Evidence) -> Diagnosis {
    let (past, more_past) = past::past(evidence);
    Diagnosis {
        past,
        more_past,
        cause: None,
        culprits: Vec::new(),
        more_culprits: 0,
        victims: Vec::new(),
        more_victims: 0,
        together: None,
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
        flags: flags::flags(evidence),
        notes: notes(evidence),
        sources: evidence.sources.clone(),
        platforms: platform::platforms(evidence),
    }
}

/// What brings the cause about: the first culprit's fault, or that there are many who ask.
fn trigger(parted: &culprit::Parted, tally: &Tally, class: Class) -> Option<Trigger> {
    // Images that a text names may all be one's.
    let asks = |workload: &&tally::Workload| workload.owner.is_some() && workload.attempts() > 0;
    let asking = tally.workloads.iter().filter(asks).count();
    match parted.culprits.first() {
        Some(culprit) => culprit.trigger.clone(),
        None => (class.is_limit() && asking >= MANY).then_some(Trigger::ManyPullers),
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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &usize) -> bool {
    *number == 0
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
    let left = [
        (
            evidence.uncounted,
            "happenings were too many to be told apart, and left out",
        ),
        (
            evidence.settings_left,
            "settings were too many, and not looked at",
        ),
        (
            evidence.aws_left,
            "mentions of AWS accounts and regions were left out, as too many of these are named",
        ),
        (
            flags::left_out(evidence),
            "settings that make floods are not told: there are too many",
        ),
    ];
    for (count, what) in left.into_iter().filter(|(count, _)| *count > 0) {
        notes.push(Note {
            lines: Lines::default(),
            text: format!("{count} {what}"),
        });
    }
    notes
}

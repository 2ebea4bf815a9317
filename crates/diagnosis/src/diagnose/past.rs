//! What went wrong once and is over: told, so that nobody looks for it among what is wrong now.
//!
//! By workload, as whatever else is told of one.

use forebay_evidence::{Class, Evidence, Moment, What};
use forebay_limits::shown;
use serde::Serialize;

use super::tally::{self, Workload, named};

/// The most workloads of the past that are named.
pub const MAX_PAST: usize = 20;

/// The most bytes of what was said.
const MAX_SAID_BYTES: usize = 200;

/// What was wrong with a workload, and is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Past {
    /// What it is called: `Swarm service web`.
    pub name: String,
    /// Containers that ended or never began.
    pub deaths: u64,
    /// Pulls that failed.
    pub failed: u64,
    /// As what most of them failed, where that was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// What was said of it where it is neither, redacted: why a pod was evicted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
    /// The last of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Moment>,
}

/// What is over, and of how many workloads more.
pub(crate) fn past(evidence: &Evidence) -> (Vec<Past>, usize) {
    let workloads = tally::tally(&evidence.past, evidence).workloads;
    let mut all: Vec<Past> = workloads
        .iter()
        .map(|workload| {
            let counts = workload.counts();
            Past {
                name: workload.name(),
                deaths: counts.deaths(),
                failed: counts.failed,
                class: class_of(workload).filter(|_| counts.failed > 0),
                said: said_of(workload, evidence),
                last: workload.last,
            }
        })
        .collect();
    all.sort_by_key(|past| std::cmp::Reverse(past.last));
    let more = all.len().saturating_sub(MAX_PAST);
    all.truncate(MAX_PAST);
    (all, more)
}

/// As what most pulls of a workload failed. A container that did not start is no pull: how many did not, `deaths` counts, and its
/// class beside `failed` would read as if pulls had failed of it.
fn class_of(workload: &Workload) -> Option<Class> {
    let causes = workload
        .classes
        .iter()
        .filter(|(class, _)| class.is_cause() && **class != Class::StartFailure);
    causes
        .max_by_key(|(_, seen)| seen.count)
        .map(|(class, _)| *class)
}

fn said_of(workload: &Workload, evidence: &Evidence) -> Option<String> {
    let told = evidence.past.iter().find(|event| {
        let owner = event
            .place
            .owner
            .as_ref()
            .map(|owner| named(owner, evidence));
        matches!(event.what, What::Told | What::Waits)
            && owner == workload.owner
            && event.place.namespace == workload.namespace
    });
    told.map(|event| shown(&event.message, MAX_SAID_BYTES))
}

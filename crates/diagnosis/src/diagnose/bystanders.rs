//! Whose pulls a limit did not count: who asks only other registries, and who began after the last refusal.
//!
//! They are set aside before anybody is compared, so that no total and no median holds them.

use std::collections::BTreeSet;
use std::time::Duration;

use forebay_evidence::{Class, Evidence, Moment};

use super::cause;
use super::relevance::registry_of;
use super::tally::{Tally, Workload};

/// Clocks of several machines, and ages as tools round them, differ by as much.
const MAX_SKEW: Duration = Duration::from_mins(10);

/// Sets those aside of a limit; of another cause, none.
pub(crate) fn set_aside(tally: &mut Tally, evidence: &Evidence, class: Class) {
    if !class.is_limit() {
        return;
    }
    let registries = registries(evidence, class);
    let last = last_of(evidence, class);
    let is_bystander = |workload: &Workload| {
        let is_elsewhere = !registries.is_empty() && asks_only_others(workload, &registries);
        is_elsewhere || is_after(workload.first, last)
    };
    let all = std::mem::take(&mut tally.workloads);
    (tally.bystanders, tally.workloads) = all.into_iter().partition(is_bystander);
}

/// When a class was met last.
pub(crate) fn last_of(evidence: &Evidence, class: Class) -> Option<Moment> {
    let events = evidence.events.iter();
    let of_class =
        events.filter(|event| event.failure.as_ref().is_some_and(|it| it.class == class));
    of_class
        .filter_map(|event| event.last.max(event.first))
        .max()
}

/// Whether something began after all of what it would have to bring about.
pub(crate) fn is_after(since: Option<Moment>, last: Option<Moment>) -> bool {
    since
        .zip(last)
        .is_some_and(|(since, last)| since > last.after(MAX_SKEW))
}

/// The registry that refused, and those in whose names images are asked for that it refused: a proxy's, a pull-through cache's.
fn registries(evidence: &Evidence, class: Class) -> BTreeSet<String> {
    let (registry, _) = cause::registry_of(evidence, class);
    let refused = evidence.events.iter().filter(|event| {
        let failure = event.failure.as_ref().filter(|it| it.class == class);
        failure.is_some_and(|it| it.registry.is_none() || it.registry == registry)
    });
    let asked = refused.filter_map(|event| registry_of(event.image.as_deref()?));
    asked.chain(registry.clone()).collect()
}

/// Whether the images of a workload are known, and none is of these registries.
fn asks_only_others(workload: &Workload, registries: &BTreeSet<String>) -> bool {
    let mut images = workload
        .images
        .iter()
        .chain(&workload.set_images)
        .peekable();
    let is_other = |image: &String| registry_of(image).is_some_and(|it| !registries.contains(&it));
    images.peek().is_some() && images.all(is_other)
}

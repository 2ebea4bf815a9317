//! Pods whose probes fail, where nothing that was read tells of a failed pull or of a container that ended.
//!
//! A pod that has just begun is not ready at once: only probes that failed at the end of what is told are anybody's trouble.

use std::time::Duration;

use forebay_evidence::{Class, Event, Evidence, Format, Moment, What};
use forebay_limits::shown;

use super::cause::Cause;
use super::lacking::Lacking;
use super::missing::{Missing, WHY_IT_WAITS};
use super::platform::Platform;
use super::quotes::{MAX_QUOTES, Quote};
use crate::facts::{in_namespace, safe};

/// A probe that fails is told again in less, however seldom its pod is looked at.
const MAX_SILENCE: Duration = Duration::from_mins(5);

/// The most bytes of what was said.
const MAX_SAID_BYTES: usize = 200;

/// What is told of such pods, as of when the evidence was gathered; none where no probe fails.
pub(crate) fn find(evidence: &Evidence, gathered: Moment) -> Option<Lacking> {
    let newest = evidence.events.iter().filter_map(at).max();
    let newest = newest.map_or(gathered, |newest| newest.min(gathered));
    let is_now = |event: &&Event| at(event).is_none_or(|at| newest.since(at) <= MAX_SILENCE);
    let failing: Vec<&Event> = evidence
        .events
        .iter()
        .filter(|event| is_probe(event))
        .filter(is_now)
        .collect();
    let first = *failing.first()?;
    let pod = first.place.task.as_deref().and_then(safe);
    let pod = pod.unwrap_or_else(|| "<pod>".to_owned());
    let namespace = in_namespace(first.place.namespace.as_deref());
    Some(Lacking {
        cause: Cause::untold(summary(&failing)?),
        evidence: failing
            .iter()
            .take(MAX_QUOTES)
            .map(|event| quote(event))
            .collect(),
        missing: vec![Missing {
            question: WHY_IT_WAITS,
            command: format!("kubectl describe pod {pod}{namespace} | forebay doctor -"),
        }],
        platforms: vec![Platform::Kubernetes],
    })
}

/// What is wrong where nothing but probes failed, in a sentence.
pub(crate) fn summary(failing: &[&Event]) -> Option<String> {
    let first = failing.first()?;
    let name = match (&first.place.owner, &first.place.task) {
        (Some(owner), _) => owner.to_string(),
        (None, Some(pod)) => format!("pod {pod}"),
        (None, None) => "a pod".to_owned(),
    };
    Some(format!(
        "{name} is not healthy: its probe fails, and no pull that was read does; its own log tells why"
    ))
}

/// Whether an event tells of a probe of Kubernetes'.
pub(crate) fn is_probe(event: &Event) -> bool {
    let is_of_kubernetes = matches!(event.format, Format::KubeEvents | Format::Kubelet)
        || event.message.contains("robe failed")
        || event.message.contains("robe errored");
    event.what == What::HealthFailed && is_of_kubernetes
}

fn at(event: &Event) -> Option<Moment> {
    event.last.max(event.first)
}

fn quote(event: &Event) -> Quote {
    Quote {
        lines: event.lines,
        at: event.last,
        count: event.said,
        class: Some(Class::SymptomOnly),
        text: shown(&event.message, MAX_SAID_BYTES),
    }
}

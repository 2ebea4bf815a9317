//! Whether one machine is concerned or all, and whether they share an address.
//!
//! `--egress` wins; otherwise who fails at the same time as others go on pulling shows it.

use std::collections::{BTreeMap, BTreeSet};

use forebay_evidence::{Class, Event, Evidence, Identity, Moment, What};
use serde::Serialize;

use crate::Egress;

/// The most nodes that are named.
const MAX_NODES: usize = 100;

/// Machines that fail within so many minutes of each other fail together.
const TOGETHER_MINUTES: i64 = 10;

/// Where it happens.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Scope {
    /// How the machines go out.
    pub egress: Egress,
    /// Why that is thought.
    pub egress_because: String,
    /// Addresses that the registry named.
    pub addresses: Vec<String>,
    /// The machines that meet the cause.
    pub failing_nodes: Vec<String>,
    /// The machines that went on pulling at the same time.
    pub working_nodes: Vec<String>,
    /// The one machine that is concerned, if others were seen to work.
    pub only_node: Option<String>,
}

/// What the evidence shows of machines and addresses.
pub(crate) fn scope(evidence: &Evidence, class: Class, given: Egress) -> Scope {
    let mut failing: BTreeMap<&str, Moment> = BTreeMap::new();
    let mut addresses = BTreeSet::new();
    let of_class = |event: &&Event| {
        event
            .failure
            .as_ref()
            .is_some_and(|failure| failure.class == class)
    };
    for event in evidence.events.iter().filter(of_class) {
        if let (Some(node), Some(at)) = (event.place.node.as_deref(), event.first) {
            let first = failing.entry(node).or_insert(at);
            *first = at.min(*first);
        }
        if let Some(Identity::Address(Some(address))) = event
            .failure
            .as_ref()
            .and_then(|failure| failure.identity.as_ref())
        {
            addresses.insert(address.to_string());
        }
    }
    let since = failing.values().min().copied();
    let works = |event: &&Event| {
        event.what == What::PullSucceeded && event.last >= since && since.is_some()
    };
    let working: BTreeSet<&str> = evidence
        .events
        .iter()
        .filter(works)
        .filter_map(|event| event.place.node.as_deref())
        .filter(|node| !failing.contains_key(node))
        .collect();
    let (egress, because) = egress(given, &failing, &working, addresses.len());
    let only_node = match failing.keys().next() {
        Some(node) if failing.len() == 1 && !working.is_empty() => Some((*node).to_owned()),
        _ => None,
    };
    let names = |nodes: &mut dyn Iterator<Item = &&str>| {
        nodes
            .take(MAX_NODES)
            .map(|node| (*node).to_owned())
            .collect()
    };
    Scope {
        egress,
        egress_because: because.to_owned(),
        addresses: addresses.into_iter().take(MAX_NODES).collect(),
        failing_nodes: names(&mut failing.keys()),
        working_nodes: names(&mut working.iter()),
        only_node,
    }
}

fn egress(
    given: Egress,
    failing: &BTreeMap<&str, Moment>,
    working: &BTreeSet<&str>,
    addresses: usize,
) -> (Egress, &'static str) {
    if given != Egress::Unknown {
        return (given, "as you said");
    }
    if addresses > 1 {
        return (Egress::PerNode, "the registry named several addresses");
    }
    if addresses == 1 && failing.len() > 1 {
        return (
            Egress::Shared,
            "the registry named one address for several machines",
        );
    }
    if !failing.is_empty() && !working.is_empty() {
        return (
            Egress::PerNode,
            "some machines went on pulling while others were refused",
        );
    }
    let minutes = || failing.values().map(|at| at.minute());
    let together = minutes()
        .max()
        .zip(minutes().min())
        .is_some_and(|(last, first)| last - first <= TOGETHER_MINUTES);
    if failing.len() > 1 && together {
        return (
            Egress::Shared,
            "all machines were refused from the same minutes on",
        );
    }
    (
        Egress::Unknown,
        "nothing shows whether the machines share an address",
    )
}

//! What an image costs in pulls: on nodes that ask its registry, and through Forebay, which fetches it once.

use std::collections::{BTreeSet, HashMap};

use forebay_oci::ImageName;
use forebay_references::PullPolicy;

use crate::{Fact, Fleet, Form, ImageUse, Interval, Kept};

/// An image with all who start it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Which.
    pub image: ImageName,
    /// Who, in the order of the files.
    pub uses: Vec<ImageUse>,
}

impl Wanted {
    /// On how many machines it is pulled, or how often by those that ask for its manifest at each start.
    ///
    /// The least takes all uses to share machines, the most takes those of several workloads not to, as far as there are nodes.
    pub fn fetches(&self, fleet: &Fleet) -> Interval {
        let (mut on_nodes, mut elsewhere) = (Spread::default(), Spread::default());
        let mut each_start = Interval::ZERO;
        for one in &self.uses {
            match one.policy {
                PullPolicy::Never => {}
                PullPolicy::Always if fleet.runtime.checks_by_get() => {
                    each_start = each_start.plus(one.starts);
                }
                _ if one.is_on_nodes => on_nodes.add(one),
                _ => elsewhere.add(one),
            }
        }
        let nodes = fleet.nodes;
        let (on_nodes, elsewhere) = (on_nodes.interval().capped(nodes), elsewhere.interval());
        let most = on_nodes.plus(elsewhere).plus(each_start).most;
        Interval {
            least: on_nodes.least.max(elsewhere.least).max(each_start.least),
            most,
        }
    }

    /// What it costs if each machine asks the registry itself, in pulls.
    pub fn direct(&self, fleet: &Fleet, fact: &Fact, pull_cost: Interval) -> Interval {
        if fact.is_metered == Some(false) {
            return Interval::ZERO;
        }
        self.fetches(fleet).times(once(fact.form, pull_cost))
    }

    /// What one machine pays for it if each asks the registry itself, in pulls: each of the nodes at least so much, and none more.
    pub fn on_one(&self, fleet: &Fleet, fact: &Fact, pull_cost: Interval) -> Interval {
        if fact.is_metered == Some(false) {
            return Interval::ZERO;
        }
        let mut fetches = Interval::ZERO;
        let mut each_start = Some(0_u64);
        for one in self.uses.iter().filter(|one| one.starts != Interval::ZERO) {
            match one.policy {
                PullPolicy::Never => continue,
                PullPolicy::Always if fleet.runtime.checks_by_get() => {
                    let most = each_start.zip(one.starts.most);
                    each_start = most.map(|(sum, more)| sum.saturating_add(more));
                }
                _ if one.machines.most == Some(0) => {}
                _ => fetches.most = Some(1),
            }
            let is_everywhere = one.is_on_nodes
                && fleet
                    .nodes
                    .is_some_and(|nodes| nodes > 0 && one.machines.least >= nodes);
            fetches.least = fetches.least.max(u64::from(is_everywhere));
        }
        let most = fetches.most.zip(each_start);
        fetches.most = most.map(|(once, more)| once.saturating_add(more));
        fetches.times(once(fact.form, pull_cost))
    }

    /// What it costs if all of them ask Forebay, in pulls.
    pub fn through(&self, fact: &Fact, pull_cost: Interval) -> Interval {
        let is_pulled = self.is_pulled();
        if fact.is_metered == Some(false) || fact.kept == Kept::All || !is_pulled {
            return Interval::ZERO;
        }
        let platforms = Interval::exactly(self.platforms());
        match (fact.kept, fact.form) {
            // The manifests of platforms alone, those that are not here.
            (Kept::Index, _) => {
                Interval::exactly(self.platforms().saturating_sub(fact.kept_manifests))
            }
            (_, Form::Single) => Interval::exactly(1),
            (_, form) => {
                // The index once: what a platform costs beyond its own manifest.
                let with_index = once(form, pull_cost);
                let index = Interval {
                    least: with_index.least.saturating_sub(1),
                    most: with_index.most.map(|most| most.saturating_sub(1)),
                };
                platforms.plus(index)
            }
        }
    }

    /// Whether anybody pulls it at all.
    pub fn is_pulled(&self) -> bool {
        self.uses
            .iter()
            .any(|one| one.policy != PullPolicy::Never && one.starts != Interval::ZERO)
    }

    /// For how many platforms it is wanted, as far as the files say; those that do not say are one.
    fn platforms(&self) -> u64 {
        let named: BTreeSet<_> = self.uses.iter().map(|one| &one.platform).collect();
        named.len().max(1) as u64
    }
}

/// What one machine's pull costs.
fn once(form: Form, pull_cost: Interval) -> Interval {
    match form {
        Form::Index => pull_cost,
        Form::Single => Interval::exactly(1),
        Form::Unknown => Interval {
            least: 1,
            most: pull_cost.most,
        },
    }
}

/// Several uses of one image on machines that they may share.
#[derive(Default)]
struct Spread<'a> {
    /// Containers of one workload are on the same machines for certain.
    by_workload: HashMap<&'a str, Interval>,
    others: Vec<Interval>,
}

impl<'a> Spread<'a> {
    fn add(&mut self, one: &'a ImageUse) {
        match &one.workload {
            Some(workload) => {
                let entry = self.by_workload.entry(workload);
                let machines = entry.or_insert(Interval::ZERO);
                *machines = machines.larger(one.machines);
            }
            None => self.others.push(one.machines),
        }
    }

    fn interval(&self) -> Interval {
        let each = || self.by_workload.values().chain(&self.others).copied();
        Interval {
            least: each().map(|one| one.least).max().unwrap_or(0),
            most: each().fold(Interval::ZERO, Interval::plus).most,
        }
    }
}

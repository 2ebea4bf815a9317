//! What an image costs in pulls: on nodes that ask its registry, and through Forebay, which fetches it once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

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
        let nodes = fleet
            .nodes
            .map(|nodes| nodes.saturating_mul(self.on_a_machine(fleet)));
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
                _ => fetches.most = Some(self.on_a_machine(fleet)),
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
        if fact.is_metered == Some(false) || fact.kept == Kept::All || !self.is_pulled() {
            return Interval::ZERO;
        }
        let platforms = self.platforms();
        let costs = match (fact.kept, fact.form) {
            // The manifests of platforms alone, those that are not here.
            (Kept::Index, _) => platforms.minus(fact.kept_manifests),
            (_, Form::Single) => Interval::exactly(1),
            (_, form) => {
                // The index once: what a platform costs beyond its own manifest.
                platforms.plus(once(form, pull_cost).minus(1))
            }
        };
        // Where nobody is certain to start it, nobody is to pull it.
        let least = if platforms.least == 0 { 0 } else { costs.least };
        Interval { least, ..costs }
    }

    /// Whether anybody pulls it at all.
    pub fn is_pulled(&self) -> bool {
        self.pulling().next().is_some()
    }

    /// Those who pull it.
    fn pulling(&self) -> impl Iterator<Item = &ImageUse> {
        let is_pulling =
            |one: &&ImageUse| one.policy != PullPolicy::Never && one.starts != Interval::ZERO;
        self.uses.iter().filter(is_pulling)
    }

    /// For how many platforms it is pulled, as far as the files say; those that do not say are one, which may be any of the others.
    fn platforms(&self) -> Interval {
        let certain = self.pulling().filter(|one| one.starts.least > 0);
        let certain: BTreeSet<_> = certain.map(|one| &one.platform).collect();
        let named = certain.iter().filter(|platform| platform.is_some()).count();
        let all: BTreeSet<_> = self.pulling().map(|one| &one.platform).collect();
        Interval {
            least: named.max(certain.len().min(1)) as u64,
            most: Some(all.len() as u64),
        }
    }

    /// For how many platforms one machine may pull it that has it then.
    fn on_a_machine(&self, fleet: &Fleet) -> u64 {
        let asked = self.pulling().filter(|one| {
            let is_each_start = one.policy == PullPolicy::Always && fleet.runtime.checks_by_get();
            one.is_platform_asked && one.machines.most != Some(0) && !is_each_start
        });
        let asked: BTreeSet<_> = asked.map(|one| &one.platform).collect();
        asked.len().max(1) as u64
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

/// Several uses of one image on machines that they may share, by the platform: each has a manifest of its own.
#[derive(Default)]
struct Spread<'a> {
    by_platform: BTreeMap<Option<&'a str>, Machines<'a>>,
}

/// The machines of the uses for one platform.
#[derive(Default)]
struct Machines<'a> {
    /// Containers of one workload are on the same machines for certain.
    by_workload: HashMap<&'a str, Interval>,
    others: Vec<Interval>,
}

impl<'a> Spread<'a> {
    fn add(&mut self, one: &'a ImageUse) {
        let platform = one.platform.as_deref();
        self.by_platform.entry(platform).or_default().add(one);
    }

    fn interval(&self) -> Interval {
        let [mut named, mut unnamed] = [Interval::ZERO; 2];
        for (platform, machines) in &self.by_platform {
            let sum = if platform.is_some() {
                &mut named
            } else {
                &mut unnamed
            };
            *sum = sum.plus(machines.interval());
        }
        Interval {
            // What does not say its platform may have any of the others.
            least: named.least.max(unnamed.least),
            ..named.plus(unnamed)
        }
    }
}

impl<'a> Machines<'a> {
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

//! Counts what each workload did: pulls, failures, deaths, by minute, node and image.
//!
//! The same happening is often told by several sources: per workload the source that counts most is believed, never the sum.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use forebay_evidence::{
    Class, Event, Evidence, Format, Lines, Moment, Owner, OwnerKind, Setting, SettingKind, What,
};
use forebay_oci::ImageName;

use super::chosen::{Rest, Weights};

/// The most images and nodes that a workload remembers.
const MAX_NAMES: usize = 32;

/// The most minutes of one workload that are told apart.
const MAX_MINUTES: usize = 10_080;

/// Ends from which on the times between them are taken for those between all.
const MIN_ENDS: u64 = 3;

/// A workload and what it did.
#[derive(Debug, Default, Clone)]
pub(crate) struct Workload {
    pub(crate) owner: Option<Owner>,
    pub(crate) namespace: Option<String>,
    pub(crate) cluster: Option<String>,
    pub(crate) images: BTreeSet<String>,
    /// The images that its settings name, which know of a digest what lists leave out.
    pub(crate) set_images: BTreeSet<String>,
    pub(crate) nodes: BTreeSet<String>,
    /// Pods or tasks, and one of their containers.
    pub(crate) tasks: BTreeSet<String>,
    pub(crate) container: Option<String>,
    pub(crate) classes: BTreeMap<Class, Seen>,
    pub(crate) deaths: Option<Death>,
    pub(crate) first: Option<Moment>,
    pub(crate) last: Option<Moment>,
    pub(crate) lines: Vec<Lines>,
    pub(crate) pulls_at_start: bool,
    counts: BTreeMap<Format, Counts>,
    minutes: BTreeMap<(Format, i64), u64>,
}

/// How often and when a class was met.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) count: u64,
    pub(crate) first: Option<Moment>,
    pub(crate) last: Option<Moment>,
}

/// How containers ended.
#[derive(Debug, Clone)]
pub(crate) struct Death {
    pub(crate) exit_code: Option<i64>,
    pub(crate) message: String,
    pub(crate) first: Option<Moment>,
}

/// What one source counts.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) attempted: u64,
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    /// The tries that the failures stand for.
    pub(crate) tried: u64,
    pub(crate) died: u64,
    pub(crate) restarted: u64,
    /// Whether it is not told since when, of any that are more than one.
    is_undated: bool,
}

impl Counts {
    /// Pulls, however they ended.
    pub(crate) fn pulls(self) -> u64 {
        self.attempted.max(self.succeeded + self.tried)
    }

    /// Containers that ended or never began.
    pub(crate) fn deaths(self) -> u64 {
        self.died.max(self.restarted)
    }
}

impl Workload {
    fn new(owner: Option<Owner>, event: &Event, evidence: &Evidence) -> Self {
        let mut new = Self {
            owner,
            namespace: event.place.namespace.clone(),
            ..Self::default()
        };
        let images = new.settings(evidence).filter_map(|set| set.image.clone());
        new.set_images = images.take(MAX_NAMES).collect();
        new.pulls_at_start = pulls_at_start(&new, event, evidence);
        new
    }

    /// How it is set up.
    pub(crate) fn settings<'a>(
        &self,
        evidence: &'a Evidence,
    ) -> impl Iterator<Item = &'a Setting> + use<'a, '_> {
        let is_its = |setting: &&Setting| {
            let place = &setting.place;
            self.owner.is_some()
                && place.owner == self.owner
                && (place.namespace.is_none()
                    || self.namespace.is_none()
                    || place.namespace == self.namespace)
        };
        evidence.settings.iter().filter(is_its)
    }

    /// The image that it is set to run, else the one that was seen.
    pub(crate) fn image(&self) -> Option<&str> {
        let pinned = self.set_images.iter().find(|image| is_pinned(image));
        let image = pinned.or_else(|| self.images.first());
        image
            .or_else(|| self.set_images.first())
            .map(String::as_str)
    }

    /// The counts of the sources that count most.
    pub(crate) fn counts(&self) -> Counts {
        let most = |what: fn(&Counts) -> u64| self.counts.values().map(what).max().unwrap_or(0);
        Counts {
            attempted: most(|counts| counts.pulls()),
            succeeded: most(|counts| counts.succeeded),
            failed: most(|counts| counts.failed),
            tried: most(|counts| counts.tried),
            died: most(|counts| counts.died),
            restarted: most(|counts| counts.restarted),
            is_undated: false,
        }
    }

    /// Whether nobody tells since when its containers end, of those who count most of these ends.
    pub(crate) fn is_undated(&self) -> bool {
        let most = self.counts.values().max_by_key(|counts| counts.deaths());
        most.is_some_and(|counts| counts.is_undated)
    }

    /// Whether its ends bring its registry nothing: a service of a digest, which was not seen to ask all the same.
    pub(crate) fn asks_nobody(&self) -> bool {
        let kind = self.owner.as_ref().map(|owner| owner.kind);
        kind == Some(OwnerKind::SwarmService)
            && self.image().is_some_and(is_pinned)
            && self.counts().pulls() < MIN_ENDS
    }

    /// How often it came to its registry, as far as is known: pulls, and starts where a start asks the registry.
    pub(crate) fn attempts(&self) -> u64 {
        let counts = self.counts();
        let by_start = if self.pulls_at_start {
            counts.deaths()
        } else {
            0
        };
        counts.pulls().max(by_start)
    }

    /// The most attempts of one minute.
    pub(crate) fn peak(&self) -> u64 {
        let seen = self.minutes.values().copied().max().unwrap_or(0);
        let starts = self.deaths_per_hour().filter(|_| self.pulls_at_start);
        seen.max(starts.unwrap_or(0) / 60)
    }

    /// How often containers end in an hour, by the times between them, where all that is told of lies within a minute: a list
    /// has only the last few.
    pub(crate) fn deaths_per_hour(&self) -> Option<u64> {
        let deaths = self.counts().deaths();
        let span = self.last?.since(self.first?);
        if deaths < MIN_ENDS || span > Duration::from_mins(1) {
            return None;
        }
        let milliseconds = u64::try_from(span.as_millis()).ok()?;
        ((deaths - 1) * 3_600_000).checked_div(milliseconds)
    }

    /// The attempts of each minute, by the source that tells most of them.
    pub(crate) fn by_minute(&self) -> BTreeMap<i64, u64> {
        let mut minutes: BTreeMap<i64, u64> = BTreeMap::new();
        for ((_, minute), attempts) in &self.minutes {
            let most = minutes.entry(*minute).or_default();
            *most = (*most).max(*attempts);
        }
        minutes
    }

    /// Failures of a class.
    pub(crate) fn failures(&self, class: Class) -> u64 {
        self.classes.get(&class).map_or(0, |seen| seen.count)
    }

    /// Whether it can be told from others.
    pub(crate) fn has_name(&self) -> bool {
        self.owner.is_some() || !self.images.is_empty()
    }

    /// What it is called.
    pub(crate) fn name(&self) -> String {
        let owner = self.owner.as_ref().map(ToString::to_string);
        let name = owner.or_else(|| {
            self.images
                .first()
                .map(|image| format!("unknown workload (image {image})"))
        });
        let name = name.unwrap_or_else(|| "somebody".to_owned());
        match &self.namespace {
            Some(namespace) => format!("{name} in {namespace}"),
            None => name,
        }
    }

    fn add(&mut self, event: &Event) {
        let keep = |names: &mut BTreeSet<String>, name: &Option<String>| {
            if let Some(name) = name.as_ref().filter(|_| names.len() < MAX_NAMES) {
                names.insert(name.clone());
            }
        };
        keep(&mut self.images, &event.image);
        keep(&mut self.nodes, &event.place.node);
        keep(&mut self.tasks, &event.place.task);
        if self.container.is_none() {
            self.container.clone_from(&event.place.container);
        }
        if self.cluster.is_none() {
            self.cluster.clone_from(&event.place.cluster);
        }
        // Waiting is the consequence: it may be told from before the first pull on.
        let is_act = event.failure.is_some()
            || !matches!(
                event.what,
                What::Waits | What::GaveUp | What::HealthFailed | What::Started
            );
        if is_act {
            self.first = earliest(self.first, event.first);
            self.last = self.last.max(event.last);
        }
        if self.lines.len() < MAX_NAMES {
            self.lines.push(event.lines);
        }
        self.count(event);
        if let Some(failure) = &event.failure {
            let seen = self.classes.entry(failure.class).or_default();
            seen.count += event.count;
            seen.first = earliest(seen.first, event.first);
            seen.last = seen.last.max(event.last);
        }
        if event.what.is_death() {
            self.die(event);
        }
    }

    fn die(&mut self, event: &Event) {
        let death = self.deaths.get_or_insert_with(|| Death {
            exit_code: None,
            message: String::new(),
            first: None,
        });
        death.first = earliest(death.first, event.first);
        if death.message.is_empty() && says_why(&event.message) {
            death.message.clone_from(&event.message);
        }
        if let What::Died(code) = event.what {
            death.exit_code = death.exit_code.or(code);
        }
    }

    fn count(&mut self, event: &Event) {
        let counts = self.counts.entry(event.format).or_default();
        let slot = match event.what {
            What::PullAttempted => &mut counts.attempted,
            What::PullSucceeded => &mut counts.succeeded,
            What::PullFailed => &mut counts.failed,
            What::Died(_) | What::StartFailed => &mut counts.died,
            What::Restarted => &mut counts.restarted,
            _ => return,
        };
        *slot = slot.saturating_add(event.count);
        counts.is_undated |= event.count > 1 && event.first.is_none();
        if event.what == What::PullFailed {
            counts.tried = counts.tried.saturating_add(event.tries);
        }
        let is_request = !event.what.is_death() || self.pulls_at_start;
        // A pull is told when it begins and when it ends: it counts in one of the two.
        let is_end_of_told = event.what != What::PullAttempted
            && !event.what.is_death()
            && self.counts[&event.format].attempted > 0;
        if let (Some(first), Some(last)) = (event.first, event.last)
            && is_request
            && !is_end_of_told
            && !is_of_whole_life(event)
        {
            self.spread(event.format, event.tries, (first, last));
        }
    }

    /// Spreads what was counted over the minutes in which it was seen, of the last day at most.
    fn spread(&mut self, format: Format, count: u64, (first, last): (Moment, Moment)) {
        let from = first.minute().max(last.minute() - 1_440);
        let minutes = u64::try_from(last.minute() - from).unwrap_or(0) + 1;
        for minute in from..=last.minute() {
            if self.minutes.len() < MAX_MINUTES {
                *self.minutes.entry((format, minute)).or_default() += count.div_ceil(minutes);
            }
        }
    }
}

/// Whether it is a number of restarts since a pod began: nobody saw in which minutes they were.
fn is_of_whole_life(event: &Event) -> bool {
    event.format == Format::KubePods && event.what == What::Restarted
}

/// What is said of deaths without a word of why.
const BARE_DEATHS: [&str; 10] = [
    // The kubelet, in pods and events (kubernetes, pkg/kubelet/images and kuberuntime).
    "CrashLoopBackOff",
    "Back-off restarting",
    "back-off ",
    // Counts of `kubectl get`, `kubectl describe`, `kubectl get -o json` and `docker inspect`.
    " restarts",
    "Restart Count",
    "restartCount",
    "RestartCount",
    // Docker of a container, and of a task that is over (`docker ps`, `docker service ps`).
    "Restarting (",
    "started again",
    // Swarm's scheduler (moby/swarmkit, manager/scheduler/nodeinfo.go): "underweighting node … because it experienced … failures".
    "underweighting node",
];

/// Whether a message says more of a death than that there was one, or how many.
pub(crate) fn says_why(message: &str) -> bool {
    !BARE_DEATHS.iter().any(|bare| message.contains(bare))
}

/// What tells workloads apart: the owner and its namespace, or the image.
type Key = (Option<Owner>, Option<String>, Option<String>);

/// Who did what.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Those that ask most first.
    pub(crate) workloads: Vec<Workload>,
    /// What all others met, if there are too many to tell them apart.
    pub(crate) rest: Rest,
    /// Those whose pulls the cause did not count.
    pub(crate) bystanders: Vec<Workload>,
}

/// Counts all workloads of events, in the light of the evidence that they are of.
pub(crate) fn tally(events: &[Event], evidence: &Evidence) -> Tally {
    let images = OwnedImages::of(events);
    let seed = RandomState::new();
    let hash = |event: &Event| {
        images
            .counts(event)
            .then(|| seed.hash_one(key_of(event, evidence)))
    };
    let hashes: Vec<Option<u64>> = events.iter().map(hash).collect();
    let counted = || {
        let events = hashes.iter().zip(events);
        events.filter_map(|(hash, event)| Some(((*hash)?, event)))
    };
    let mut weights = Weights::default();
    for (hash, event) in counted() {
        weights.add(hash, event);
    }
    let chosen = weights.chosen();
    let mut workloads: BTreeMap<Key, Workload> = BTreeMap::new();
    let mut rest = Rest::default();
    for (hash, event) in counted() {
        if chosen.contains(&hash) {
            let key = key_of(event, evidence);
            let owner = key.0.clone();
            let workload = workloads
                .entry(key)
                .or_insert_with(|| Workload::new(owner, event, evidence));
            workload.add(event);
        } else {
            rest.add(hash, event);
        }
    }
    let mut workloads: Vec<Workload> = workloads.into_values().collect();
    workloads.sort_by_cached_key(|one| (Reverse(one.attempts()), one.name()));
    Tally {
        workloads,
        rest,
        bystanders: Vec::new(),
    }
}

fn key_of(event: &Event, evidence: &Evidence) -> Key {
    let owner = event.place.owner.as_ref();
    let owner = owner.map(|owner| named(owner, evidence));
    let image = event.image.clone().filter(|_| owner.is_none());
    (owner, event.place.namespace.clone(), image)
}

/// The images of which it is told who pulls them, and whether any of these failed; by their hashes.
struct OwnedImages {
    fails: HashMap<u64, bool>,
    seed: RandomState,
}

impl OwnedImages {
    fn of(events: &[Event]) -> Self {
        let (mut fails, seed) = (HashMap::new(), RandomState::new());
        for event in events {
            if let (Some(_), Some(image)) = (&event.place.owner, &event.image) {
                let image = seed.hash_one(normal(image));
                *fails.entry(image).or_default() |= event.failure.is_some();
            }
        }
        Self { fails, seed }
    }

    /// Whether an event counts. Who pulled it may be told elsewhere: here it would count twice. Where only pulls are told of
    /// them, a failure is news.
    fn counts(&self, event: &Event) -> bool {
        if event.place.owner.is_some() {
            return true;
        }
        let Some(image) = &event.image else {
            // Of a stack there is nothing else to count.
            return event.failure.is_some();
        };
        let fails = self.fails.get(&self.seed.hash_one(normal(image)));
        !fails.is_some_and(|fails| *fails || event.failure.is_none())
    }
}

/// An image in its full form, for comparing.
pub(crate) fn normal(image: &str) -> String {
    image
        .parse::<ImageName>()
        .map_or_else(|_| image.to_owned(), |name| name.to_string())
}

/// An owner under its name, and the jobs of one CI matrix as one.
pub(crate) fn named(owner: &Owner, evidence: &Evidence) -> Owner {
    let name = match owner.kind {
        OwnerKind::SwarmService => evidence.find_name(&owner.name).unwrap_or(&owner.name),
        OwnerKind::CiJob => base_of_matrix(&owner.name),
        _ => &owner.name,
    };
    Owner::new(owner.kind, name)
}

/// `test (18, ubuntu)`, `test 3/40`, `test-17`: the jobs of one matrix.
fn base_of_matrix(job: &str) -> &str {
    let base = job.split(" (").next().unwrap_or(job);
    let base =
        base.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '/' | ' ' | '-' | '_'));
    if base.is_empty() { job } else { base }
}

/// Whether each new start of a container asks the registry.
///
/// A Swarm agent asks before each task, unless the image is pinned by digest and there (moby,
/// `daemon/cluster/executor/container/adapter.go`); Fargate keeps no images; Kubernetes asks under `Always`; a restart by Docker asks nobody.
fn pulls_at_start(workload: &Workload, event: &Event, evidence: &Evidence) -> bool {
    match workload.owner.as_ref().map(|owner| owner.kind) {
        Some(OwnerKind::SwarmService) => {
            let mut images = workload.set_images.iter().chain(&event.image);
            !images.any(|image| is_pinned(image))
        }
        Some(OwnerKind::EcsService | OwnerKind::EcsTaskFamily) => true,
        Some(OwnerKind::CiJob | OwnerKind::Container | OwnerKind::Client) | None => false,
        Some(_) => workload.settings(evidence).any(|setting| {
            matches!(&setting.kind, SettingKind::PullPolicy(policy) if policy == "Always")
        }),
    }
}

/// Whether an image is named by its digest: who has it, need not ask.
pub(crate) fn is_pinned(image: &str) -> bool {
    image.contains("@sha256:")
}

/// The earlier of two moments, where known.
pub(crate) fn earliest(one: Option<Moment>, other: Option<Moment>) -> Option<Moment> {
    one.into_iter().chain(other).min()
}

//! All that was read: events, settings, and what could not be read.
//!
//! Bounded: what happens again in the same minute is counted, and minutes become hours when there are too many.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use forebay_failures::Class;
use serde::Serialize;

use crate::event::{CiSystem, Event, Lines, Owner, OwnerKind, Place, What};
use crate::got_over::{GotOver, is_of_volume};
use crate::read::kube::owner_of;
use crate::sizes::Sizes;

/// The most events that are told apart by the minute.
pub const MAX_EVENTS: usize = 12_000;

/// The most events at all; those between are told apart by the hour.
pub const MAX_COARSE_EVENTS: usize = 20_000;

/// The most bytes of messages that are kept as they came: of those that come then, only the beginnings are.
const MAX_MESSAGES_BYTES: usize = 2 << 20;

/// How much of a message is kept however many there are, in bytes: as much as is quoted of one.
const MIN_KEPT_BYTES: usize = 600;

/// The most notes and settings that are kept.
pub const MAX_NOTES: usize = 50;

/// The most settings that are kept.
pub const MAX_SETTINGS: usize = 5_000;

/// The most ids whose names are remembered.
const MAX_NAMES: usize = 10_000;

/// The most ids, and places of a swarm, of which is remembered what was told.
const MAX_IDS: usize = 50_000;

/// The most accounts of AWS that are told apart.
const MAX_AWS_PLACES: usize = 100;

/// How many characters of an id Docker prints when it is short.
const SHORT_ID: usize = 12;

/// All that was read.
#[derive(Debug, Default)]
pub struct Evidence {
    /// What was read, by the names that the caller gave.
    pub sources: Vec<String>,
    /// What happened, in the order in which it was first met.
    pub events: Vec<Event>,
    /// What is over: nothing follows from it now.
    pub past: Vec<Event>,
    /// How things are set up.
    pub settings: Vec<Setting>,
    /// The AWS accounts and regions that it names, with how often.
    pub aws: BTreeMap<AwsPlace, u64>,
    /// How large images are.
    pub sizes: Sizes,
    /// What could not be read.
    pub notes: Vec<Note>,
    /// How often something was lost of what could not be read, or not as a whole: an answer that is cut off tells less than there is.
    pub lost: u64,
    /// Lines read.
    pub lines: u64,
    /// Events that were only counted, because there were too many.
    pub uncounted: u64,
    /// Settings that were left out, because there were too many.
    pub settings_left: u64,
    /// Mentions of AWS accounts and regions that were left out, because there were too many of these.
    pub aws_left: u64,
    /// The CI systems whose logs were read, with how many signs of each.
    pub ci_systems: BTreeMap<CiSystem, u64>,
    /// Failures of pulls within a step of a CI job, as those of a build: the job itself had begun.
    pub failed_in_steps: u64,
    /// How often something was told that is no event.
    pub(crate) asides: u64,
    pub(crate) names: BTreeMap<String, String>,
    /// How often what has an id of its own was told, by hash: several lists have the same tasks and pods.
    counts: HashMap<u64, u64>,
    /// How often nothing of that was new.
    pub(crate) told_again: u64,
    /// What went well in the end.
    pub(crate) got_over: GotOver,
    /// Who made pods, by the hash of the namespace with the pod's name, or with whom the name tells; none if that differs.
    makers: HashMap<u64, Option<Owner>>,
    /// The newest task in each place of a swarm, both by hash.
    newest: HashMap<u64, u64>,
    /// The bytes of the events' messages.
    message_bytes: usize,
    /// By the hashes of their keys, whose texts the events hold already.
    index: HashMap<u64, usize>,
    seed: RandomState,
}

/// Something about the input that the reader of a diagnosis should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// Where.
    pub lines: Lines,
    /// What, as one clause.
    pub text: String,
}

/// An account of AWS, in a region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct AwsPlace {
    /// The account's id: twelve digits.
    pub account: String,
    /// The region: `us-east-1`.
    pub region: String,
}

/// How a container is to be run and its image to be pulled.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Setting {
    /// Whose.
    pub place: Place,
    /// The image that it is about.
    pub image: Option<String>,
    /// What is set.
    pub kind: SettingKind,
    /// The lines that said so.
    pub lines: Lines,
}

/// What is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SettingKind {
    /// When a container that ended is started again.
    Restarts {
        /// How the platform calls it: `any`, `on-failure`, `always`.
        condition: String,
        /// The delay before it, where set.
        delay: Option<Duration>,
        /// How often at most, where set.
        max_attempts: Option<u64>,
    },
    /// `imagePullPolicy`.
    PullPolicy(String),
    /// `--with-registry-auth` was given.
    RegistryAuthSent,
    /// Whether a deployment that cannot work is stopped.
    CircuitBreaker(bool),
    /// Whether credentials for the registry are given with the workload.
    Credentials(bool),
    /// Where ECS runs it: `FARGATE`, `EC2`.
    LaunchType(String),
    /// How many should run, and how many do.
    Replicas {
        /// Wanted.
        desired: u64,
        /// Running, where told.
        running: Option<u64>,
    },
    /// A Swarm service runs once on each node: no number can be set for it.
    OncePerNode,
    /// Where `CloudWatch` keeps what a container says.
    LogGroup(String),
    /// A pull-through cache rule of ECR, by the prefix of its repositories.
    PullThrough(String),
}

/// By what an event is known again, whenever it happens: hashes of its texts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keys {
    event: u64,
    pull: u64,
}

/// Events that are counted as one, if they happen at one time.
#[derive(Hash)]
struct Key<'a> {
    what: What,
    owner: Option<&'a Owner>,
    /// Without an owner, the task is all that tells two apart; one pod gets its volume, and another does not.
    task: Option<&'a str>,
    namespace: Option<&'a str>,
    node: Option<&'a str>,
    image: Option<&'a str>,
    class: Option<Class>,
    is_hearsay: bool,
    source: usize,
}

impl Evidence {
    /// Adds an event, or counts it to the one that it repeats.
    pub(crate) fn add(&mut self, mut event: Event) {
        self.sizes.note_event(&event);
        let keys = self.keys(&event);
        if let Err(key) = self.count(&event, keys) {
            self.index.insert(key, self.events.len());
            self.fit(&mut event.message);
            self.events.push(event);
        }
    }

    /// Cuts a message, if those before it have left no room.
    fn fit(&mut self, message: &mut String) {
        let room = MAX_MESSAGES_BYTES.saturating_sub(self.message_bytes);
        message.truncate(message.floor_char_boundary(room.max(MIN_KEPT_BYTES)));
        // One that went on over lines has room for more of them.
        message.shrink_to_fit();
        self.message_bytes += message.len();
    }

    /// By what an event is known again.
    pub(crate) fn keys(&self, event: &Event) -> Keys {
        let place = &event.place;
        let is_by_task = place.owner.is_none() || is_of_volume(event);
        let key = Key {
            what: event.what,
            owner: place.owner.as_ref(),
            task: place.task.as_deref().filter(|_| is_by_task),
            namespace: place.namespace.as_deref(),
            node: place.node.as_deref(),
            image: event.image.as_deref(),
            class: event.failure.as_ref().map(|failure| failure.class),
            is_hearsay: event.is_hearsay,
            source: event.lines.source,
        };
        Keys {
            event: self.seed.hash_one(key),
            pull: self.got_over.key(event),
        }
    }

    /// Counts an event to the one that it repeats, or as one too many; the key under which it has its place, if it is new.
    pub(crate) fn count(&mut self, event: &Event, keys: Keys) -> Result<(), u64> {
        self.got_over.note(event, keys.pull);
        let minute = event.last.or(event.first).map(crate::Moment::minute);
        let is_full = self.events.len() >= MAX_EVENTS;
        let time = if is_full {
            minute.map(|minute| -1 - minute.div_euclid(60))
        } else {
            minute
        };
        let key = self.seed.hash_one((keys.event, time));
        match self.index.get(&key) {
            Some(&at) => merge(&mut self.events[at], event),
            None if self.events.len() >= MAX_COARSE_EVENTS => self.uncounted += event.count,
            None => return Err(key),
        }
        Ok(())
    }

    /// Takes all events back but so many. Only whole sources: what is of two is never counted as one.
    pub(crate) fn take_back(&mut self, kept: usize) {
        let taken = self.events.drain(kept.min(self.events.len())..);
        self.message_bytes -= taken.map(|event| event.message.len()).sum::<usize>();
        self.index.retain(|_, at| *at < kept);
    }

    /// Adds a setting, once.
    pub(crate) fn set(&mut self, setting: Setting) {
        self.asides += 1;
        let is_new = || {
            let mut last = self.settings.iter().rev().take(MAX_NOTES);
            !last.any(|known| {
                known.kind == setting.kind
                    && known.place == setting.place
                    && known.image == setting.image
            })
        };
        if !is_new() {
            return;
        }
        if self.settings.len() < MAX_SETTINGS {
            self.settings.push(setting);
        } else {
            self.settings_left += 1;
        }
    }

    /// Counts a mention of an AWS account.
    pub(crate) fn note_aws(&mut self, place: AwsPlace) {
        self.asides += 1;
        if self.aws.len() < MAX_AWS_PLACES || self.aws.contains_key(&place) {
            *self.aws.entry(place).or_default() += 1;
        } else {
            self.aws_left += 1;
        }
    }

    /// Notes what could not be read.
    pub(crate) fn note(&mut self, lines: Lines, text: impl Into<String>) {
        self.asides += 1;
        if self.notes.len() < MAX_NOTES {
            self.notes.push(Note {
                lines,
                text: text.into(),
            });
        }
    }

    /// Notes that something was lost there.
    pub(crate) fn note_lost(&mut self, lines: Lines, text: &str) {
        self.lost += 1;
        self.note(lines, text);
    }

    /// How many of these happenings were not told before of what has this id; beyond the bound, all count as new.
    pub(crate) fn new_of(&mut self, id: &str, event: &Event) -> u64 {
        let container = event.place.container.as_deref();
        // Of an end the time tells which it is; what goes on is told at another time in each list.
        let at = event.last.filter(|_| matches!(event.what, What::Died(_)));
        let key = self.seed.hash_one((id, container, event.what, at));
        if self.counts.len() >= MAX_IDS && !self.counts.contains_key(&key) {
            return event.count;
        }
        let told = self.counts.entry(key).or_default();
        let new = event.count.saturating_sub(*told);
        *told = event.count.max(*told);
        self.told_again += u64::from(new == 0);
        new
    }

    /// Leaves out of events what was told before of what has this id.
    pub(crate) fn only_new(&mut self, id: Option<&str>, mut events: Vec<Event>) -> Vec<Event> {
        let Some(id) = id else {
            return events;
        };
        events.retain_mut(|event| {
            let new = self.new_of(id, event);
            if new < event.count {
                *event = event.clone().times(new);
            }
            new > 0
        });
        events
    }

    /// Remembers who made a pod, as its name may tell another; beyond the bound the name has to do.
    pub(crate) fn note_maker(&mut self, place: &Place) {
        let (Some(pod), Some(maker)) = (&place.task, &place.owner) else {
            return;
        };
        if self.makers.len() >= MAX_IDS {
            return;
        }
        let by_name = owner_of("pod", pod);
        let namespace = &place.namespace;
        if *maker != by_name {
            let of_pod = self.seed.hash_one((namespace, pod));
            self.makers.insert(of_pod, Some(maker.clone()));
        }
        // A pod of nobody's tells nothing of others.
        if maker.kind == OwnerKind::Pod {
            return;
        }
        // Pods that are gone had the same maker as those of the same name that are still there, if those have one.
        let of_name = self.seed.hash_one((namespace, by_name));
        let known = self.makers.entry(of_name);
        let known = known.or_insert_with(|| Some(maker.clone()));
        if known.as_ref() != Some(maker) {
            *known = None;
        }
    }

    /// Gives what happened to pods, as far as only their names told whose they are, to those who made them.
    pub(crate) fn give_to_makers(&mut self) {
        if self.makers.is_empty() {
            return;
        }
        for event in &mut self.events {
            let place = &mut event.place;
            let (Some(pod), Some(owner)) = (&place.task, &place.owner) else {
                continue;
            };
            if *owner != owner_of("pod", pod) {
                continue;
            }
            let of_pod = self.seed.hash_one((&place.namespace, pod));
            let of_name = self.seed.hash_one((&place.namespace, owner));
            let maker = [of_pod, of_name]
                .iter()
                .find_map(|key| self.makers.get(key));
            if let Some(Some(maker)) = maker {
                place.owner = Some(maker.clone());
            }
        }
    }

    /// Whether another task in this place of a swarm was listed before: lists have the newest first.
    pub(crate) fn is_older_in(&mut self, slot: &str, task: Option<&str>) -> bool {
        let key = self.seed.hash_one(slot);
        let task = self.seed.hash_one(task);
        if self.newest.len() >= MAX_IDS && !self.newest.contains_key(&key) {
            return false;
        }
        *self.newest.entry(key).or_insert(task) != task
    }

    /// Counts a sign of a CI system.
    pub(crate) fn note_ci(&mut self, system: CiSystem) {
        self.asides += 1;
        let signs = self.ci_systems.entry(system).or_default();
        *signs = signs.saturating_add(1);
    }

    /// Remembers an id's name.
    pub(crate) fn name(&mut self, id: &str, name: &str) {
        if self.names.len() < MAX_NAMES {
            self.names.insert(short(id).to_owned(), name.to_owned());
        }
    }

    /// The name that goes with an id.
    pub fn find_name(&self, id: &str) -> Option<&str> {
        self.names.get(short(id)).map(String::as_str)
    }
}

fn merge(known: &mut Event, again: &Event) {
    known.count = known.count.saturating_add(again.count);
    known.said = known.said.saturating_add(again.said);
    known.tries = known.tries.saturating_add(again.tries);
    known.first = earlier(known.first, again.first);
    known.last = known.last.max(again.last);
    known.is_by_age &= again.is_by_age;
    known.since = known.since.max(again.since);
    known.lines.last = known.lines.last.max(again.lines.last);
}

fn earlier(one: Option<crate::Moment>, other: Option<crate::Moment>) -> Option<crate::Moment> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// An id as Docker prints it when it is short.
pub(crate) fn short(id: &str) -> &str {
    &id[..id.floor_char_boundary(SHORT_ID)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::MAX_MESSAGE_BYTES;

    #[test]
    fn settings_and_places_beyond_the_bounds_are_counted() {
        let mut evidence = Evidence::default();
        for number in 0..MAX_SETTINGS + 3 {
            let setting = Setting {
                place: Place::default(),
                image: Some(format!("acme/web-{number}:1")),
                kind: SettingKind::RegistryAuthSent,
                lines: Lines::default(),
            };
            // Told again, it is no other.
            evidence.set(setting.clone());
            if number < MAX_SETTINGS {
                evidence.set(setting);
            }
        }
        assert_eq!(evidence.settings.len(), MAX_SETTINGS);
        assert_eq!(evidence.settings_left, 3);
        for number in (0..MAX_AWS_PLACES + 2).chain([0]) {
            evidence.note_aws(AwsPlace {
                account: format!("{number:012}"),
                region: "us-east-1".to_owned(),
            });
        }
        assert_eq!((evidence.aws.len(), evidence.aws_left), (MAX_AWS_PLACES, 2));
    }

    #[test]
    fn messages_beyond_their_room_are_kept_as_far_as_they_are_quoted() {
        let mut evidence = Evidence::default();
        let message = "x".repeat(MAX_MESSAGE_BYTES);
        for number in 0..MAX_EVENTS {
            let event = Event::new(What::PullFailed, crate::Format::Text);
            evidence.add(
                event
                    .of(Some(format!("acme/web:{number}")))
                    .saying(&message),
            );
        }
        let lengths: Vec<usize> = evidence
            .events
            .iter()
            .map(|event| event.message.len())
            .collect();
        assert_eq!(lengths.first(), Some(&MAX_MESSAGE_BYTES));
        assert_eq!(lengths.last(), Some(&MIN_KEPT_BYTES));
        let kept: usize = lengths.iter().sum();
        assert!(
            kept <= MAX_MESSAGES_BYTES + MAX_EVENTS * MIN_KEPT_BYTES,
            "{kept}"
        );
        evidence.take_back(1);
        assert_eq!(evidence.message_bytes, MAX_MESSAGE_BYTES);
    }
}

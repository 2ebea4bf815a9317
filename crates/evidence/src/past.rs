//! Which ends, restarts and failures are over: they are told, but neither cause nor culprit of what is wrong now.
//!
//! Pure. Judged by workload, as what goes on has its beginning in the past. Lists tell for months what ended then; a log of long
//! ago tells of its own time.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use forebay_failures::Class;

use crate::called_off::is_called_off;
use crate::event::What;
use crate::got_over::{is_of_pull, is_of_volume};
use crate::{Context, Event, Evidence, Format, Moment, OwnerKind, SettingKind, Since};

/// What ended longer ago than this has no part in what is wrong now: registries count pulls for six hours at most, and the
/// kubelet and Swarm start a container that still fails again within minutes.
const MAX_STORY: Duration = Duration::from_hours(6);

/// By what it is told how long ago something is.
struct Reference {
    /// When the evidence was gathered, as we know it.
    gathered: Moment,
    /// When it was gathered, as itself tells: now where it tells ages, else the last moment in it.
    told: Moment,
    tells_ages: bool,
    /// The last trouble that has a date and that no list tells of the past.
    last_trouble: Option<Moment>,
    /// Whether programs were asked, whose answers tell of now.
    is_of_now: bool,
    /// The services that run all tasks that they should: what a task met that nobody wants any more, another took over.
    whole: HashSet<String>,
    /// The limits that no window of today counts any more.
    limits_over: HashSet<Class>,
}

/// In which form evidence came.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Form {
    /// Whether ages in it are of another time than the rest.
    pub(crate) are_ages_parted: bool,
    /// Whether programs were asked, whose answers tell of now.
    pub(crate) is_of_now: bool,
}

impl Evidence {
    /// Parts what is over from what is not.
    pub(crate) fn part_past(&mut self, context: &Context, form: Form) {
        let reference = Reference::of(self, context, form);
        let seed = RandomState::new();
        let went_on =
            |event: &Event| !reference.is_over(event) && !self.got_over.is_up_since(event);
        // A limit that sets off a rollout that fails, or that a crash loop has used up, is more than a pull that went well at last.
        let is_beside = |event: &Event| {
            let is_end = event.what == What::GaveUp || is_trouble(event);
            is_end && !is_of_pull(event) && went_on(event)
        };
        let are_pulls_over = self.got_over.are_pulls() && !self.events.iter().any(is_beside);
        let is_got_over =
            |event: &Event| are_pulls_over && is_of_pull(event) || self.got_over.is_up_since(event);
        let story = |event: &Event| seed.hash_one(self.story_of(event));
        let troubles = || self.events.iter().filter(|event| is_trouble(event));
        let go_on: HashSet<u64> = troubles()
            .filter(|event| !reference.is_over(event) && !reference.is_of_old_limit(event))
            .filter(|event| !is_got_over(event))
            .map(story)
            .collect();
        // Beside anything else that is wrong, it may be what made somebody call them off.
        let are_called_off = !self
            .events
            .iter()
            .any(|event| is_trouble(event) && !is_called_off(event) || event.what == What::GaveUp);
        let is_past = |event: &Event| {
            is_trouble(event)
                && (are_called_off
                    || reference.is_of_old_limit(event)
                    || is_got_over(event)
                    || !go_on.contains(&story(event)))
        };
        let are_past: Vec<bool> = self.events.iter().map(is_past).collect();
        if !are_past.contains(&true) {
            return;
        }
        let events = std::mem::take(&mut self.events).into_iter();
        for (event, is_past) in events.zip(are_past) {
            if is_past {
                self.past.push(event);
            } else {
                self.events.push(event);
            }
        }
    }

    /// Whether only what is over tells of failures of a class.
    pub fn is_over(&self, class: Class) -> bool {
        // Its words tell of a container that did not start.
        let is_start = |event: &Event| class == Class::StartFailure && is_of_volume(event);
        let tells = |event: &Event| class_of(event) == Some(class) || is_start(event);
        self.past.iter().any(tells) && !self.events.iter().any(tells)
    }

    /// What goes on or is over as one: the ends of a workload's containers, or its failed pulls.
    fn story_of<'a>(&'a self, event: &'a Event) -> impl std::hash::Hash + 'a {
        let place = &event.place;
        let owner = place.owner.as_ref().map(|owner| {
            let known = self.find_name(&owner.name);
            let known = known.filter(|_| owner.kind == OwnerKind::SwarmService);
            (owner.kind, known.unwrap_or(&owner.name))
        });
        let image = event.image.as_deref().filter(|_| owner.is_none());
        let namespace = place.namespace.as_deref();
        (owner, namespace, image, event.what.is_death())
    }
}

impl Reference {
    fn of(evidence: &Evidence, context: &Context, form: Form) -> Self {
        let events = evidence.events.as_slice();
        let gathered = context.now;
        let newest = |of: &dyn Fn(&&Event) -> bool| {
            let dated = events.iter().filter(|event| !event.is_by_age);
            dated.filter(of).filter_map(at).max()
        };
        // What has the very moment of the gathering was put there by a reader that knew no other.
        let is_age = |event: &Event| event.is_by_age && at(event).is_some_and(|at| at != gathered);
        let tells_ages = !form.are_ages_parted && events.iter().any(is_age);
        let last = newest(&|_| true).filter(|_| !tells_ages);
        Self {
            gathered,
            told: last.unwrap_or(gathered),
            tells_ages,
            last_trouble: newest(&|event| event.since != Since::Over && is_trouble(event)),
            is_of_now: form.is_of_now,
            whole: whole_services(evidence),
            limits_over: limits_over(events, form.is_of_now.then_some(gathered)),
        }
    }

    fn is_of_old_limit(&self, event: &Event) -> bool {
        class_of(event).is_some_and(|class| self.limits_over.contains(&class))
    }

    fn is_whole(&self, event: &Event) -> bool {
        let owner = event.place.owner.as_ref();
        owner.is_some_and(|owner| self.whole.contains(&owner.name))
    }

    fn is_over(&self, event: &Event) -> bool {
        let Some(at) = at(event) else {
            return false;
        };
        // What a log tells is what it is read for, however long it goes on after it.
        let is_list = self.tells_ages || event.since == Since::Over;
        let is_of_now = self.is_of_now && event.what.is_death();
        let stands = is_of_tasks(event) && event.since == Since::Unknown && !self.is_whole(event);
        if stands || event.since == Since::StillSo || !is_list && !is_of_now {
            return false;
        }
        // A list that was gathered with what else is wrong belongs to it; else it is of now.
        let belongs = |trouble: Moment| trouble.since(at).max(at.since(trouble)) <= MAX_STORY;
        let now = match event.since {
            Since::Over if !self.last_trouble.is_some_and(belongs) => self.gathered,
            _ => self.told,
        };
        now.since(at) > MAX_STORY
    }
}

/// The limits that were met last longer ago than any of them counts: before now, if that is when it was asked, or before something
/// else went wrong. Where nothing did, a log of long ago is read for its limit.
fn limits_over(events: &[Event], now: Option<Moment>) -> HashSet<Class> {
    let mut last: HashMap<Class, Moment> = HashMap::new();
    for event in events {
        // Others may have written what is hearsay, and a symptom may be the limit's own.
        let class = class_of(event).filter(|class| class.is_cause() && !event.is_hearsay);
        if let Some((class, at)) = class.zip(at(event)) {
            let known = last.entry(class).or_insert(at);
            *known = at.max(*known);
        }
    }
    let others = |class: Class| {
        let others = last.iter().filter(move |(other, _)| **other != class);
        others.map(|(_, at)| *at).chain(now).max()
    };
    let is_over = |class: Class, at: Moment| {
        class.is_limit() && others(class).is_some_and(|newest| newest.since(at) > MAX_STORY)
    };
    let all = last.iter();
    all.filter(|(class, at)| is_over(**class, **at))
        .map(|(class, _)| *class)
        .collect()
}

/// The services of a swarm that run as many tasks as they should, as the list that was read last has it.
fn whole_services(evidence: &Evidence) -> HashSet<String> {
    let mut whole = HashSet::new();
    for setting in &evidence.settings {
        let owner = setting.place.owner.as_ref();
        let owner = owner.filter(|owner| owner.kind == OwnerKind::SwarmService);
        if let Some(owner) = owner
            && let SettingKind::Replicas {
                desired,
                running: Some(running),
            } = setting.kind
        {
            if running < desired {
                whole.remove(&owner.name);
            } else {
                whole.insert(owner.name.clone());
            }
        }
    }
    whole
}

/// Whether an event is of a list of a swarm's tasks.
fn is_of_tasks(event: &Event) -> bool {
    let owner = event.place.owner.as_ref().map(|owner| owner.kind);
    event.format == Format::DockerLists
        && owner == Some(OwnerKind::SwarmService)
        && event.place.task.is_some()
}

fn at(event: &Event) -> Option<Moment> {
    event.last.max(event.first)
}

fn is_trouble(event: &Event) -> bool {
    class_of(event).is_some()
}

/// The class that an event counts for.
fn class_of(event: &Event) -> Option<Class> {
    let of_end = event.what.is_death().then_some(Class::StartFailure);
    event
        .failure
        .as_ref()
        .map(|failure| failure.class)
        .or(of_end)
}

#[cfg(test)]
mod tests;

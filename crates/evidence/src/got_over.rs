//! What was got over: an image that was pulled after its pull had failed, a pod that started after it had waited for a volume.
//!
//! Told as it comes, before events are counted as one. Bounded; in doubt nothing is over.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use forebay_oci::ImageName;

use crate::Moment;
use crate::event::{Event, Format, Lines, Place, What};

/// The most pods, and the most images by who pulls them, of which is remembered how it went.
const MAX_KNOWN: usize = 50_000;

/// How it went.
#[derive(Debug, Default)]
pub(crate) struct GotOver {
    /// When pods ran last, by the hashes of their namespaces and names.
    up: HashMap<u64, Moment>,
    /// The last pulls of images, by the hashes of who pulls them and their names.
    pulls: HashMap<u64, Pulls>,
    /// Whether pulls were too many to be remembered.
    is_full: bool,
    seed: RandomState,
}

/// The last pulls of an image.
#[derive(Debug, Default)]
struct Pulls {
    failed: Option<Told>,
    succeeded: Option<Told>,
}

/// When and where something was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Told {
    at: Option<Moment>,
    lines: Lines,
    /// Whether lines that come later may tell of what was before.
    is_by_age: bool,
}

impl GotOver {
    /// By what is known again who pulls which image.
    pub(crate) fn key(&self, event: &Event) -> u64 {
        self.seed.hash_one(key_of(event))
    }

    /// Remembers what an event of this key tells of it.
    pub(crate) fn note(&mut self, event: &Event, key: u64) {
        let told = Told::of(event);
        if event.what == What::Started
            && let Some(at) = told.at
        {
            self.note_up(&event.place, at);
        }
        let went_well = matches!(event.what, What::PullSucceeded | What::Started);
        let has_failed = is_of_pull(event) && event.failure.is_some();
        // What anybody can write down makes nothing good.
        if !has_failed && (!went_well || event.image.is_none() || event.is_hearsay) {
            return;
        }
        if self.pulls.len() >= MAX_KNOWN && !self.pulls.contains_key(&key) {
            self.is_full = true;
            return;
        }
        let pulls = self.pulls.entry(key).or_default();
        let last = if has_failed {
            &mut pulls.failed
        } else {
            &mut pulls.succeeded
        };
        *last = (*last).max(Some(told));
    }

    /// Remembers that a pod ran then: its volumes were there.
    pub(crate) fn note_up(&mut self, place: &Place, at: Moment) {
        let Some(pod) = &place.task else {
            return;
        };
        // Those of one namespace are listed without its name.
        for namespace in [place.namespace.as_deref(), None] {
            let key = self.seed.hash_one((namespace, pod));
            if self.up.len() < MAX_KNOWN || self.up.contains_key(&key) {
                let last = self.up.entry(key).or_insert(at);
                *last = at.max(*last);
            }
        }
    }

    /// Whether a pod has run since it waited for its volume.
    pub(crate) fn is_up_since(&self, event: &Event) -> bool {
        let place = &event.place;
        let (Some(pod), Some(at)) = (&place.task, event.last.max(event.first)) else {
            return false;
        };
        let key = self.seed.hash_one((place.namespace.as_deref(), pod));
        is_of_volume(event) && self.up.get(&key).is_some_and(|up| *up >= at)
    }

    /// Whether each pull that failed went well at last.
    pub(crate) fn are_pulls(&self) -> bool {
        let is_over = |pulls: &Pulls| {
            let failed = pulls.failed?;
            Some(pulls.succeeded.is_some_and(|told| told.is_after(failed)))
        };
        !self.is_full
            && self
                .pulls
                .values()
                .filter_map(is_over)
                .all(|is_over| is_over)
    }
}

impl Told {
    fn of(event: &Event) -> Self {
        Self {
            at: event.last.max(event.first),
            lines: event.lines,
            is_by_age: event.is_by_age,
        }
    }

    fn is_after(self, other: Self) -> bool {
        match (self.at, other.at) {
            (Some(at), Some(before)) if at != before => at > before,
            (Some(_), None) | (None, Some(_)) => false,
            _ => {
                let is_same = self.lines.source == other.lines.source;
                is_same && !self.is_by_age && self.lines.first > other.lines.last
            }
        }
    }
}

/// Whether an event is one of pulls, and of nothing that comes of them.
pub(crate) const fn is_of_pull(event: &Event) -> bool {
    !event.what.is_death()
        && !matches!(
            event.what,
            What::Waits | What::GaveUp | What::HealthFailed | What::Started
        )
}

/// Whether a pod waits for its volume.
pub(crate) fn is_of_volume(event: &Event) -> bool {
    event.what == What::Waits && event.format == Format::KubeEvents && event.failure.is_some()
}

/// Who pulls which image.
fn key_of(event: &Event) -> impl std::hash::Hash + '_ {
    let place = &event.place;
    let owner = place.owner.as_ref().filter(|_| place.task.is_none());
    let image = event.image.as_deref().map(ImageName::familiar);
    (
        owner,
        place.namespace.as_deref(),
        place.task.as_deref(),
        image,
    )
}

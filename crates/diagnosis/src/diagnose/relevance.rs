//! Which events belong to the cause, and which to something else that went wrong at the same time.
//!
//! A line of another registry or of another kind of failure shows nothing of the cause, even if it is of the same pod.

use std::collections::BTreeSet;

use forebay_evidence::{Class, Event, Evidence, Owner, What};

use super::cause::is_own;
use super::culprit::{Parted, Suspect};
use super::tally::named;

/// Tells what belongs to a cause.
pub(crate) struct Relevance<'a> {
    evidence: &'a Evidence,
    class: Class,
    registry: Option<&'a str>,
    culprits: BTreeSet<Who>,
    victims: BTreeSet<Who>,
}

/// An owner in its namespace.
type Who = (Owner, Option<String>);

impl<'a> Relevance<'a> {
    /// Of the cause that is of this class, at this registry.
    pub(crate) fn new(
        evidence: &'a Evidence,
        class: Class,
        registry: Option<&'a str>,
        parted: &Parted,
    ) -> Self {
        Self {
            evidence,
            class,
            registry,
            culprits: owners(&parted.culprits),
            victims: owners(&parted.victims),
        }
    }

    /// Whether an event shows something of the cause.
    pub(crate) fn holds(&self, event: &Event) -> bool {
        if !self.class.is_cause() {
            return true;
        }
        let who = self.who(event);
        let is_culprit = who.as_ref().is_some_and(|who| self.culprits.contains(who));
        if let Some(failure) = &event.failure
            && failure.class.is_cause()
            && !self.is_of_cause(failure.class, failure.registry.as_deref())
        {
            // What is wrong with a culprit itself is what set it off.
            return is_culprit && is_own(failure.class);
        }
        if event.failure.is_none() && event.what.is_death() {
            return is_culprit || who.is_none();
        }
        let is_known = |who: &Who| self.culprits.contains(who) || self.victims.contains(who);
        // Others wait for something else; a stack, which is nobody's, waits for all.
        if matches!(event.what, What::Waits | What::GaveUp | What::HealthFailed) {
            return who.as_ref().is_none_or(is_known);
        }
        match &who {
            Some(who) if event.what != What::PullSucceeded => is_known(who),
            _ => self.is_at_registry(event),
        }
    }

    /// Whether failures of a class at a registry are the cause itself.
    pub(crate) fn is_of_cause(&self, class: Class, registry: Option<&str>) -> bool {
        let is_other = registry
            .zip(self.registry)
            .is_some_and(|(one, other)| one != other);
        class == self.class && !is_other
    }

    /// Whether somebody's pulls fail for a reason that nothing tells, beside a fault that is only another's own.
    pub(crate) fn is_open_beside(&self, event: &Event) -> bool {
        let failure = event.failure.as_ref();
        let is_symptom = failure.is_some_and(|failure| failure.class == Class::SymptomOnly);
        let is_known = |who: &Who| self.culprits.contains(who) || self.victims.contains(who);
        let is_beside = || self.who(event).is_some_and(|who| !is_known(&who));
        is_own(self.class) && is_symptom && is_beside()
    }

    /// Whether an event is of a culprit.
    pub(crate) fn is_of_culprit(&self, event: &Event) -> bool {
        self.who(event)
            .is_some_and(|who| self.culprits.contains(&who))
    }

    fn who(&self, event: &Event) -> Option<Who> {
        let owner = event.place.owner.as_ref()?;
        Some((named(owner, self.evidence), event.place.namespace.clone()))
    }

    fn is_at_registry(&self, event: &Event) -> bool {
        let registry = event
            .failure
            .as_ref()
            .and_then(|failure| failure.registry.clone())
            .or_else(|| registry_of(event.image.as_deref()?));
        registry
            .zip(self.registry)
            .is_none_or(|(one, other)| one == other)
    }
}

/// The registry of an image.
pub(crate) fn registry_of(image: &str) -> Option<String> {
    let name: forebay_oci::ImageName = image.parse().ok()?;
    Some(name.registry)
}

fn owners(suspects: &[Suspect]) -> BTreeSet<Who> {
    let owned = suspects.iter();
    owned
        .filter_map(|suspect| Some((suspect.owner.clone()?, suspect.namespace.clone())))
        .collect()
}

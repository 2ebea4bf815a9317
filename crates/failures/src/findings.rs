//! Puts the failures of a text together: what has one class, registry and identity is one finding.
//!
//! A symptom beside its cause is no finding of its own, nor is a line that was cut beside the one that was not.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::ops::RangeInclusive;

use forebay_oci::ImageName;
use serde::Serialize;

use crate::registry::normalise;
use crate::{Class, Failure, Identity, Verdict};

/// The most findings of one text; what would be more is only counted.
pub const MAX_FINDINGS: usize = 1_000;

/// The most images by which symptoms are held against causes.
const MAX_IMAGES: usize = 10_000;

/// How many lines may stand between a symptom and its cause.
const MAX_DISTANCE_LINES: u64 = 6;

/// Failures of one class, registry and identity.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// What went wrong.
    pub class: Class,
    /// Where.
    pub registry: Option<String>,
    /// Whom a limit counts, or whom the registry refused.
    pub identity: Option<Identity>,
    /// The image, if it is one.
    pub image: Option<String>,
    /// How often it was said: a row or an event that stands for many counts for as many.
    pub count: u64,
    /// Whether one of them says so itself.
    pub certain: bool,
    /// The first and the last line.
    pub lines: (u64, u64),
    /// The first message, in one line, without secrets and accounts.
    pub example: String,
}

/// Failures on their way to be findings.
#[derive(Debug, Default)]
pub struct Findings {
    pending: Option<Failure>,
    groups: BTreeMap<Key, Finding>,
    explained: BTreeSet<String>,
    /// The hashes of their spellings: nearly every cause has an image that was met before.
    spellings: HashSet<u64>,
    seed: RandomState,
    left_off: u64,
}

/// What failures of one finding have in common; the image only where no cause is told.
type Key = (Class, Option<String>, Option<Identity>, Option<String>);

impl Findings {
    /// None so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next failure of the text.
    pub fn add(&mut self, failure: Failure) {
        let Some(pending) = &mut self.pending else {
            self.pending = Some(failure);
            return;
        };
        if !join(pending, &failure)
            && let Some(before) = self.pending.replace(failure)
        {
            self.commit(before);
        }
    }

    /// The findings, those with the most messages first within causes and within symptoms; and how many messages found no place.
    pub fn finish(mut self) -> (Vec<Finding>, u64) {
        if let Some(last) = self.pending.take() {
            self.commit(last);
        }
        let explained = &self.explained;
        let is_explained = |finding: &Finding| {
            let image = finding.image.as_deref().map(ImageName::full);
            !finding.class.is_cause() && image.is_some_and(|image| explained.contains(&image))
        };
        let mut findings: Vec<_> = self.groups.into_values().collect();
        findings.retain(|finding| !is_explained(finding));
        findings
            .sort_by_key(|finding| (!finding.class.is_cause(), std::cmp::Reverse(finding.count)));
        (findings, self.left_off)
    }

    fn commit(&mut self, failure: Failure) {
        let verdict = failure.verdict;
        let is_cause = verdict.class.is_cause();
        if let Some(image) = verdict.image.as_deref().filter(|_| is_cause)
            && self.explained.len() < MAX_IMAGES
            && self.spellings.insert(self.seed.hash_one(image))
        {
            self.explained.insert(ImageName::full(image));
        }
        let by_image = verdict.image.clone().filter(|_| !is_cause);
        let key = (
            verdict.class,
            verdict.registry.clone(),
            verdict.identity.clone(),
            by_image,
        );
        let has_place = self.groups.len() < MAX_FINDINGS;
        match self.groups.get_mut(&key) {
            Some(finding) => finding.take(&verdict, &failure.lines, failure.count),
            None if has_place => {
                let finding = Finding {
                    class: verdict.class,
                    registry: verdict.registry,
                    identity: verdict.identity,
                    image: verdict.image,
                    count: failure.count,
                    certain: verdict.is_certain,
                    lines: (*failure.lines.start(), *failure.lines.end()),
                    example: failure.excerpt.text(),
                };
                self.groups.insert(key, finding);
            }
            None => self.left_off += 1,
        }
    }
}

impl Finding {
    fn take(&mut self, verdict: &Verdict, lines: &RangeInclusive<u64>, count: u64) {
        self.count = self.count.saturating_add(count);
        self.certain |= verdict.is_certain;
        self.lines.1 = *lines.end();
        if self.image != verdict.image {
            self.image = None;
        }
    }
}

/// Makes one of two neighbours, if one of them only repeats what the other explains; whether it did.
fn join(before: &mut Failure, next: &Failure) -> bool {
    let (first, second) = (&before.verdict, &next.verdict);
    let distance = next.lines.start().saturating_sub(*before.lines.end());
    let is_help = match (is_told(first), is_told(second)) {
        (true, true) => false,
        // Twice the same is two failures; two sides of one are not.
        (false, false) => {
            first.class != second.class || first.image.is_some() != second.image.is_some()
        }
        _ => true,
    };
    if distance > MAX_DISTANCE_LINES || !is_help || !are_of_one(before, next) {
        return false;
    }
    let lines = *before.lines.start()..=*next.lines.end();
    let (image, registry) = (first.image.clone(), first.registry.clone());
    if rank(second) > rank(first) {
        *before = next.clone();
    }
    let joined = &mut before.verdict;
    joined.image = joined
        .image
        .take()
        .or(image)
        .or_else(|| second.image.clone());
    joined.registry = joined
        .registry
        .take()
        .or(registry)
        .or_else(|| second.registry.clone());
    before.lines = lines;
    true
}

/// Whether neither the images nor the subjects of two neighbours tell them apart.
fn are_of_one(before: &Failure, next: &Failure) -> bool {
    let is_one_image = match (&before.verdict.image, &next.verdict.image) {
        (Some(first), Some(second)) => first == second || repository(first) == repository(second),
        _ => true,
    };
    is_one_image
        && match (&before.subject, &next.subject) {
            (Some(first), Some(second)) => owns(first, second) || owns(second, first),
            _ => true,
        }
}

/// Whether two names in a table are one's, or the second that of a pod that the first has made.
fn owns(owner: &str, name: &str) -> bool {
    let rest = name.strip_prefix(owner);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// How much a verdict tells of two that are joined.
fn rank(verdict: &Verdict) -> (bool, bool, bool) {
    let is_failure = verdict.class != Class::SymptomOnly;
    (verdict.class.is_cause(), verdict.is_certain, is_failure)
}

/// Whether a verdict needs no other line's help.
fn is_told(verdict: &Verdict) -> bool {
    verdict.class.is_cause() && verdict.is_certain
}

/// An image's name without its tag: one message names the tag in one place and leaves it out in another.
fn repository(image: &str) -> String {
    let name = image.parse::<ImageName>();
    name.map_or_else(
        |_| image.to_owned(),
        |name| {
            // Docker Hub has several hosts, and one message may name two of them.
            let registry = normalise(&name.registry).unwrap_or(name.registry);
            format!("{registry}/{}", name.repository)
        },
    )
}

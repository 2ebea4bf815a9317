//! Who of a repository's manifests names whom, and what stays because of what stays.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::Index;

use forebay_content::{HostedEntry, Timestamp};
use forebay_oci::{Digest, Tag};

use super::plan::{Candidate, Shield};

/// The relations among the manifests of a repository, each by its number.
#[derive(Debug)]
pub(super) struct Kin {
    /// Whom an index names.
    pub(super) children: Edges,
    /// Which indexes name it.
    pub(super) parents: Edges,
    /// What it is about, and goes with: nothing, if it has a tag of its own.
    pub(super) subject: Vec<Option<usize>>,
    /// Who is about it, and goes with it.
    pub(super) referrers: Edges,
    /// What it is about, whatever tags it has: while it stays, that does.
    pub(super) about: Vec<Option<usize>>,
}

/// To whom each leads, in two lists and not in one for each: there may be a million.
#[derive(Debug)]
pub(super) struct Edges {
    /// Where the ends of each begin; those of the next begin where they end.
    starts: Vec<usize>,
    ends: Vec<usize>,
}

impl Kin {
    pub(super) fn of(candidates: &[Candidate]) -> Self {
        let numbers: HashMap<&Digest, usize> = candidates
            .iter()
            .enumerate()
            .map(|(number, candidate)| (&candidate.entry.manifest.digest, number))
            .collect();
        let find = |digest: &Digest| numbers.get(digest).copied();
        let mut named = Vec::new();
        let mut about = vec![None; candidates.len()];
        for (number, candidate) in candidates.iter().enumerate() {
            let children = candidate.children.iter().filter_map(find);
            named.extend(
                children
                    .filter(|child| *child != number)
                    .map(|child| (number, child)),
            );
            let found = subject_of(&candidate.entry).as_ref().and_then(find);
            about[number] = found.filter(|subject| *subject != number);
        }
        let both = about.iter().zip(candidates);
        let subject: Vec<Option<usize>> = both
            .map(|(about, candidate)| about.filter(|_| !has_own_tag(&candidate.entry)))
            .collect();
        let referrers = subject.iter().enumerate();
        let referrers = referrers.filter_map(|(number, subject)| Some(((*subject)?, number)));
        Self {
            referrers: Edges::new(candidates.len(), referrers.collect()),
            parents: Edges::new(
                candidates.len(),
                named
                    .iter()
                    .map(|(index, child)| (*child, *index))
                    .collect(),
            ),
            children: Edges::new(candidates.len(), named),
            subject,
            about,
        }
    }

    /// Whether an index names it, one that is known or not.
    pub(super) fn is_child(&self, candidates: &[Candidate], number: usize) -> bool {
        candidates[number].entry.is_child || !self.parents[number].is_empty()
    }

    /// When each was pulled last: an index also when something that it names was, for who has resolved it once pulls that by its digest.
    pub(super) fn last_pulls(&self, candidates: &[Candidate]) -> Vec<Option<Timestamp>> {
        let mut pulls = vec![None; candidates.len()];
        let pulled_at = |number: &usize| candidates[*number].entry.pulled_at;
        let mut by_pull: Vec<usize> = (0..candidates.len()).collect();
        by_pull.sort_unstable_by_key(|number| Reverse(pulled_at(number)));
        for number in by_pull {
            let at = pulled_at(&number);
            let mut reached = vec![number];
            // The latest come first, so that who is reached once is told for good.
            while let Some(number) = reached.pop().filter(|_| at.is_some()) {
                if pulls[number].is_none() {
                    pulls[number] = at;
                    reached.extend_from_slice(&self.parents[number]);
                }
            }
        }
        pulls
    }

    /// Marks what stays because something marked stays: an index's children, a referrer's subject, a subject's referrers.
    pub(super) fn spread(&self, candidates: &[Candidate], stays: &mut [Option<Shield>]) {
        let digest = |number: usize| candidates[number].entry.manifest.digest.clone();
        let mut marked: Vec<usize> = (0..stays.len())
            .filter(|number| stays[*number].is_some())
            .collect();
        while let Some(number) = marked.pop() {
            let mut mark = |kin: usize, shield: fn(Digest) -> Shield| {
                if stays[kin].is_none() {
                    stays[kin] = Some(shield(digest(number)));
                    marked.push(kin);
                }
            };
            for child in &self.children[number] {
                mark(*child, Shield::ChildOf);
            }
            if let Some(subject) = self.about[number] {
                mark(subject, Shield::SubjectOf);
            }
            for referrer in &self.referrers[number] {
                mark(*referrer, Shield::ReferrerOf);
            }
        }
    }
}

impl Edges {
    /// The edges among `count`, each from whom to whom.
    fn new(count: usize, mut edges: Vec<(usize, usize)>) -> Self {
        edges.sort_unstable();
        let mut starts = vec![0; count + 1];
        for (from, _) in &edges {
            starts[from + 1] += 1;
        }
        for number in 0..count {
            starts[number + 1] += starts[number];
        }
        Self {
            starts,
            ends: edges.into_iter().map(|(_, to)| to).collect(),
        }
    }
}

impl Index<usize> for Edges {
    type Output = [usize];

    fn index(&self, number: usize) -> &[usize] {
        &self.ends[self.starts[number]..self.starts[number + 1]]
    }
}

/// What a manifest is about: what it says itself, else what its tags say, as cosign tags signatures for registries without
/// referrers, and clients the list of an image's referrers (distribution-spec, "Referrers Tag Schema").
pub(super) fn subject_of(entry: &HostedEntry) -> Option<Digest> {
    if entry.subject.is_some() {
        return entry.subject.clone();
    }
    let mut subjects = entry.tags.iter().map(subject_by_tag);
    let first = subjects.next()??;
    subjects
        .all(|subject| subject.as_ref() == Some(&first))
        .then_some(first)
}

/// Whether it has a tag that is not its subject's digest: then it is an image of its own, which rules are about as about any other.
pub(super) fn has_own_tag(entry: &HostedEntry) -> bool {
    entry.tags.iter().any(|tag| subject_by_tag(tag).is_none())
}

/// `sha256-<hex>` and `sha256-<hex>.sig`, with any suffix.
fn subject_by_tag(tag: &Tag) -> Option<Digest> {
    let (algorithm, rest) = tag.as_str().split_once('-')?;
    let hex = rest.split_once('.').map_or(rest, |(hex, _)| hex);
    format!("{algorithm}:{hex}").parse().ok()
}

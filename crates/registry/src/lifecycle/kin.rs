//! Who of a repository's manifests names whom, and what stays because of what stays.

use std::collections::HashMap;

use forebay_content::HostedEntry;
use forebay_oci::{Digest, Tag};

use super::plan::{Candidate, Shield};

/// The relations among the manifests of a repository, each by its number.
#[derive(Debug)]
pub(super) struct Kin {
    /// Whom an index names.
    pub(super) children: Vec<Vec<usize>>,
    /// Which indexes name it.
    pub(super) parents: Vec<Vec<usize>>,
    /// What it is about.
    pub(super) subject: Vec<Option<usize>>,
    /// Who is about it.
    pub(super) referrers: Vec<Vec<usize>>,
}

impl Kin {
    pub(super) fn of(candidates: &[Candidate]) -> Self {
        let numbers: HashMap<&Digest, usize> = candidates
            .iter()
            .enumerate()
            .map(|(number, candidate)| (&candidate.entry.manifest.digest, number))
            .collect();
        let none = || vec![Vec::new(); candidates.len()];
        let mut kin = Self {
            children: none(),
            parents: none(),
            subject: vec![None; candidates.len()],
            referrers: none(),
        };
        for (number, candidate) in candidates.iter().enumerate() {
            for child in &candidate.children {
                let child = numbers.get(child).copied();
                if let Some(child) = child.filter(|child| *child != number) {
                    kin.children[number].push(child);
                    kin.parents[child].push(number);
                }
            }
            let subject = subject_of(&candidate.entry);
            let subject = subject.and_then(|subject| numbers.get(&subject).copied());
            if let Some(subject) = subject.filter(|subject| *subject != number) {
                kin.subject[number] = Some(subject);
                kin.referrers[subject].push(number);
            }
        }
        kin
    }

    /// Whether an index names it, one that is known or not.
    pub(super) fn is_child(&self, candidates: &[Candidate], number: usize) -> bool {
        candidates[number].entry.is_child || !self.parents[number].is_empty()
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
            if let Some(subject) = self.subject[number] {
                mark(subject, Shield::SubjectOf);
            }
            for referrer in &self.referrers[number] {
                mark(*referrer, Shield::ReferrerOf);
            }
        }
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

/// `sha256-<hex>` and `sha256-<hex>.sig`, with any suffix.
fn subject_by_tag(tag: &Tag) -> Option<Digest> {
    let (algorithm, rest) = tag.as_str().split_once('-')?;
    let hex = rest.split_once('.').map_or(rest, |(hex, _)| hex);
    format!("{algorithm}:{hex}").parse().ok()
}

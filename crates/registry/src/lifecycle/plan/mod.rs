//! The plan for a repository: who goes, in which order, by whose doing; and whom the rules would have let go, but not what
//! stays beside it.

#[cfg(test)]
pub(super) mod fixtures;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
mod words;

use forebay_content::{HostedEntry, Timestamp};
use forebay_lifecycle_rules::{Policy, TagPattern};
use forebay_oci::{Digest, Tag};

use super::judge::{Ranks, Verdict, Why, judge};
use super::kin::Kin;

/// A manifest of a repository, as lifecycle rules look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// What the repository knows of it.
    pub(crate) entry: HostedEntry,
    /// The manifests that it names, if it is an index.
    pub(crate) children: Vec<Digest>,
}

/// What is to become of a repository's manifests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Who goes, in an order in which an index goes before its children, and a subject before the referrers that go with it but after
    /// those that have a tag of their own.
    pub goes: Vec<Going>,
    /// Whom a rule would have let go, in the order in which they were given.
    pub spared: Vec<Spared>,
}

/// A manifest that goes, with its tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Going {
    /// Its digest.
    pub digest: Digest,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// By whose doing.
    pub cause: Cause,
}

/// By whose doing a manifest goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A rule lets it go.
    Rule {
        /// The rule's name.
        rule: String,
        /// Why it does.
        why: Why,
    },
    /// All indexes that name it go; this is one.
    WithIndex(Digest),
    /// What it is about goes.
    WithSubject(Digest),
}

/// A manifest that a rule would have let go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spared {
    /// Its digest.
    pub digest: Digest,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// The rule's name.
    pub rule: String,
    /// Why the rule would have.
    pub why: Why,
    /// What stands against it.
    pub shield: Shield,
}

/// Why a manifest stays whatever rules say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shield {
    /// It is pinned.
    Pinned,
    /// This tag of it may not be dropped.
    ImmutableTag(Tag),
    /// This tag of it is none that the rule is about.
    OtherTag(Tag),
    /// An index of the repository names it.
    Child,
    /// This index, which stays, names it.
    ChildOf(Digest),
    /// This one, which stays, is about it.
    SubjectOf(Digest),
    /// It is about this one, which stays: it goes with that.
    ReferrerOf(Digest),
}

/// What is planned over.
struct Repository<'a> {
    candidates: &'a [Candidate],
    kin: Kin,
    policy: &'a Policy,
}

/// The plan for a repository that holds `candidates`, all of them, under the policy's rules, which are about it.
pub(crate) fn plan(
    candidates: &[Candidate],
    policy: &Policy,
    immutable_tags: &[TagPattern],
    now: Timestamp,
) -> Plan {
    let repository = Repository {
        candidates,
        kin: Kin::of(candidates),
        policy,
    };
    let held = repository.held(immutable_tags);
    let verdicts = repository.verdicts(&held, now);
    let mut causes = repository.causes(&held, &verdicts);
    let mut stays = held;
    for number in 0..candidates.len() {
        if causes[number].is_none() && stays[number].is_none() {
            let told = verdicts[number].map(|verdict| repository.shield(number, verdict, &causes));
            // Of what no rule would let go, nobody is told why it stays.
            stays[number] = told.or(Some(Shield::Child));
        }
    }
    repository.kin.spread(candidates, &mut stays);
    for (cause, stays) in causes.iter_mut().zip(&stays) {
        *cause = cause.take().filter(|_| stays.is_none());
    }
    Plan {
        goes: repository.going(causes),
        spared: repository.spared(verdicts, stays),
    }
}

impl Repository<'_> {
    /// What stays in any case, and what stays for its sake.
    fn held(&self, immutable_tags: &[TagPattern]) -> Vec<Option<Shield>> {
        let is_immutable = |tag: &&Tag| immutable_tags.iter().any(|pattern| pattern.matches(tag));
        let shield = |candidate: &Candidate| {
            if candidate.entry.is_pinned {
                return Some(Shield::Pinned);
            }
            let tag = candidate.entry.tags.iter().find(is_immutable)?;
            Some(Shield::ImmutableTag(tag.clone()))
        };
        let mut held: Vec<Option<Shield>> = self.candidates.iter().map(shield).collect();
        self.kin.spread(self.candidates, &mut held);
        held
    }

    /// What the rules alone say of each.
    ///
    /// Untagged manifests that belong to others, or are held, count for no rule that keeps the newest: they would take the places
    /// of those that it is meant to keep. One that stays though its indexes go, for its referrer's sake, counts from the next plan
    /// on.
    fn verdicts(&self, held: &[Option<Shield>], now: Timestamp) -> Vec<Option<Verdict>> {
        let is_counted = |number: usize| {
            let is_untagged = self.candidates[number].entry.tags.is_empty();
            !(self.belongs(number) || is_untagged && held[number].is_some())
        };
        let mut ranks = Ranks::new(self.policy);
        for (number, candidate) in self.candidates.iter().enumerate() {
            if is_counted(number) {
                ranks.see(self.policy, &candidate.entry);
            }
        }
        let pulls = self.kin.last_pulls(self.candidates);
        let candidates = self.candidates.iter().zip(pulls).enumerate();
        candidates
            .map(|(number, (candidate, pulled_at))| {
                let found = (&candidate.entry, pulled_at);
                judge(self.policy, &ranks, found, is_counted(number), now)
            })
            .collect()
    }

    /// Who would go if nothing else stood against it: whom a rule lets go, and who belongs to such.
    fn causes(&self, held: &[Option<Shield>], verdicts: &[Option<Verdict>]) -> Vec<Option<Cause>> {
        let mut causes: Vec<Option<Cause>> = vec![None; self.candidates.len()];
        let mut found = Vec::new();
        for (number, verdict) in verdicts.iter().enumerate() {
            let Some(verdict) = verdict.filter(|_| held[number].is_none()) else {
                continue;
            };
            let rule = &self.policy.rules()[verdict.rule];
            let spared = rule
                .selection
                .spared_tag(&self.candidates[number].entry.tags);
            if spared.is_none() && !self.belongs(number) {
                causes[number] = Some(Cause::Rule {
                    rule: rule.name.clone(),
                    why: verdict.why,
                });
                found.push(number);
            }
        }
        while let Some(number) = found.pop() {
            for child in &self.kin.children[number] {
                let mut indexes = self.kin.parents[*child].iter();
                let goes = self.candidates[*child].entry.tags.is_empty()
                    && indexes.all(|index| causes[*index].is_some());
                if goes && held[*child].is_none() && causes[*child].is_none() {
                    causes[*child] = Some(Cause::WithIndex(self.digest(number)));
                    found.push(*child);
                }
            }
            for referrer in &self.kin.referrers[number] {
                if held[*referrer].is_none() && causes[*referrer].is_none() {
                    causes[*referrer] = Some(Cause::WithSubject(self.digest(number)));
                    found.push(*referrer);
                }
            }
        }
        causes
    }

    /// Why a manifest that a rule would let go has no cause to go.
    fn shield(&self, number: usize, verdict: Verdict, causes: &[Option<Cause>]) -> Shield {
        let selection = &self.policy.rules()[verdict.rule].selection;
        if let Some(tag) = selection.spared_tag(&self.candidates[number].entry.tags) {
            return Shield::OtherTag(tag.clone());
        }
        if let Some(subject) = self.kin.subject[number] {
            return Shield::ReferrerOf(self.digest(subject));
        }
        let mut indexes = self.kin.parents[number].iter();
        let stays = indexes.find(|index| causes[**index].is_none());
        stays.map_or(Shield::Child, |index| Shield::ChildOf(self.digest(*index)))
    }

    /// Who goes, in an order in which whatever stays meanwhile is whole: indexes before their children, what has a tag of its own
    /// before what it is about, and subjects before the referrers that go with them, for one of a subject that stays must not go.
    fn going(&self, mut causes: Vec<Option<Cause>>) -> Vec<Going> {
        let mut told = Vec::new();
        let mut tell = |number: usize, causes: &mut [Option<Cause>]| {
            told.extend(causes[number].take().map(|cause| Going {
                digest: self.digest(number),
                tags: self.candidates[number].entry.tags.clone(),
                cause,
            }));
        };
        // An index that is named by what it is about has to wait for that.
        for is_strict in [true, false] {
            let left = |causes: &[Option<Cause>]| {
                let numbers = 0..causes.len();
                let left: Vec<usize> = numbers.filter(|number| causes[*number].is_some()).collect();
                left
            };
            let mut awaited = vec![0_u32; causes.len()];
            for number in left(&causes) {
                for behind in self.behind(number, is_strict) {
                    awaited[behind] += 1;
                }
            }
            let mut ready = left(&causes);
            ready.retain(|number| awaited[*number] == 0);
            ready.reverse();
            while let Some(number) = ready.pop() {
                tell(number, &mut causes);
                for behind in self.behind(number, is_strict) {
                    awaited[behind] -= 1;
                    if awaited[behind] == 0 && causes[behind].is_some() {
                        ready.push(behind);
                    }
                }
            }
        }
        // An index about its own child waits for it, and it for the index.
        for number in 0..causes.len() {
            tell(number, &mut causes);
        }
        told
    }

    /// Who goes after it; what it is about, having a tag of its own, only if `is_strict`.
    fn behind(&self, number: usize, is_strict: bool) -> impl Iterator<Item = usize> {
        let kin = &self.kin;
        let about = kin.about[number].filter(|_| is_strict && kin.subject[number].is_none());
        let others = kin.children[number].iter().chain(&kin.referrers[number]);
        others.copied().chain(about)
    }

    fn spared(&self, verdicts: Vec<Option<Verdict>>, stays: Vec<Option<Shield>>) -> Vec<Spared> {
        let both = self.candidates.iter().zip(verdicts).zip(stays);
        let spared = both.filter_map(|((candidate, verdict), shield)| {
            let (verdict, shield) = (verdict?, shield?);
            Some(Spared {
                digest: candidate.entry.manifest.digest.clone(),
                tags: candidate.entry.tags.clone(),
                rule: self.policy.rules()[verdict.rule].name.clone(),
                why: verdict.why,
                shield,
            })
        });
        spared.collect()
    }

    /// True if it goes with others and not by a rule: a referrer without a tag of its own, or a child without a tag.
    fn belongs(&self, number: usize) -> bool {
        let is_untagged = self.candidates[number].entry.tags.is_empty();
        self.kin.subject[number].is_some()
            || (is_untagged && self.kin.is_child(self.candidates, number))
    }

    fn digest(&self, number: usize) -> Digest {
        self.candidates[number].entry.manifest.digest.clone()
    }
}

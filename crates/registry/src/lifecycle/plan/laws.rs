//! What holds of every plan, whatever a repository holds.

use std::collections::HashSet;

use forebay_content::Timestamp;
use forebay_lifecycle_rules::{Expiry, Rule, Selection};
use proptest::prelude::*;

use super::fixtures::{NOW, days, digest, manifest, rule, tagged};
use super::*;
use crate::lifecycle::kin::{has_own_tag, subject_of};

/// How many manifests a repository has at most.
const MOST: usize = 14;

fn repositories() -> impl Strategy<Value = Vec<Candidate>> {
    let tags = prop::sample::subsequence(vec!["v1", "v2", "main", "fixed"], 0..=2);
    let kin = prop::collection::vec(0..MOST, 0..3);
    let one = (
        (0..40_i64, prop::option::of(0..40_i64)),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.4),
        tags,
        kin,
        prop::option::weighted(0.3, 0..MOST),
    );
    prop::collection::vec(one, 0..MOST).prop_map(|rows| {
        let name = |number: usize| number.to_string();
        let mut all: Vec<Candidate> = Vec::new();
        for (number, ((pushed, pulled), is_pinned, is_tagged, tags, kin, subject)) in
            rows.into_iter().enumerate()
        {
            let tags = if is_tagged { tags } else { Vec::new() };
            let mut found = manifest(&name(number), pushed).with_tags(&tags);
            found.entry.pulled_at = pulled.map(|days| Timestamp(NOW.0 - days * 86_400_000));
            found.entry.is_pinned = is_pinned;
            found.entry.subject = subject.map(|number| digest(&name(number)));
            found.children = kin
                .into_iter()
                .map(|number| digest(&name(number)))
                .collect();
            all.push(found);
        }
        settle(all)
    })
}

/// Makes the entries say of one another what a catalog would.
fn settle(mut all: Vec<Candidate>) -> Vec<Candidate> {
    let there: HashSet<Digest> = digests(&all).collect();
    let named: HashSet<(Digest, Digest)> = all
        .iter()
        .flat_map(|index| {
            let digest = index.entry.manifest.digest.clone();
            let children = index.children.iter().cloned();
            children.map(move |child| (child, digest.clone()))
        })
        .collect();
    for candidate in &mut all {
        let digest = &candidate.entry.manifest.digest;
        candidate.entry.is_child = named
            .iter()
            .any(|(child, index)| child == digest && index != digest);
        let subject = candidate.entry.subject.take();
        candidate.entry.subject = subject.filter(|subject| there.contains(subject));
    }
    all
}

fn digests(candidates: &[Candidate]) -> impl Iterator<Item = Digest> {
    candidates
        .iter()
        .map(|found| found.entry.manifest.digest.clone())
}

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let selection = prop_oneof![
        Just(Selection::Everything),
        Just(Selection::Untagged),
        Just(tagged(&[])),
        Just(tagged(&["v*"])),
        Just(tagged(&["main"])),
    ];
    let expiry = prop_oneof![
        (0..4_u32).prop_map(Expiry::KeepNewest),
        (0..40_u64).prop_map(|count| Expiry::PushedFor(days(count))),
        (0..40_u64).prop_map(|count| Expiry::NotPulledFor(days(count))),
    ];
    let one = (selection, expiry, any::<bool>()).prop_map(|(mut selection, expiry, spares)| {
        if let Selection::Tagged(tagged) = &mut selection {
            tagged.spares_other_tags = spares;
        }
        rule(selection, expiry)
    });
    prop::collection::vec(one, 0..4)
}

fn planned(candidates: &[Candidate], rules: &[Rule]) -> Plan {
    let immutable = ["fixed".parse().unwrap()];
    plan(candidates, &Policy::new(rules.to_vec()), &immutable, NOW)
}

fn gone(plan: &Plan) -> HashSet<Digest> {
    plan.goes.iter().map(|going| going.digest.clone()).collect()
}

/// The same with every rule more patient.
fn longer(rules: &[Rule], by: u64) -> Vec<Rule> {
    let mut longer = rules.to_vec();
    for rule in &mut longer {
        rule.expiry = match rule.expiry {
            Expiry::KeepNewest(kept) => Expiry::KeepNewest(kept + u32::try_from(by).unwrap()),
            Expiry::PushedFor(period) => Expiry::PushedFor(period + days(by)),
            Expiry::NotPulledFor(period) => Expiry::NotPulledFor(period + days(by)),
        };
    }
    longer
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_pinned_or_immutable_or_referred_to_by_what_stays_never_goes(
        all in repositories(),
        rules in rules(),
    ) {
        let plan = planned(&all, &rules);
        let gone = gone(&plan);
        prop_assert_eq!(gone.len(), plan.goes.len(), "each goes once");
        for candidate in &all {
            let digest = &candidate.entry.manifest.digest;
            if gone.contains(digest) {
                prop_assert!(!candidate.entry.is_pinned);
                prop_assert!(candidate.entry.tags.iter().all(|tag| tag.as_str() != "fixed"));
                continue;
            }
            for child in &candidate.children {
                prop_assert!(!gone.contains(child), "a child of an index that stays");
            }
            if let Some(subject) = subject_of(&candidate.entry) {
                prop_assert!(!gone.contains(&subject), "a subject of one that stays");
            }
        }
    }

    #[test]
    fn a_referrer_goes_with_its_subject_and_a_child_with_its_indexes(
        all in repositories(),
        rules in rules(),
    ) {
        let plan = planned(&all, &rules);
        let gone = gone(&plan);
        for candidate in &all {
            let entry = &candidate.entry;
            let goes = gone.contains(&entry.manifest.digest);
            let subject = subject_of(entry).filter(|subject| *subject != entry.manifest.digest);
            match subject {
                // Its subject stays while it does: that is another law's.
                Some(_) if has_own_tag(entry) => {}
                Some(subject) => prop_assert_eq!(goes, gone.contains(&subject)),
                None => {}
            }
            if goes && entry.is_child {
                let mut indexes = all.iter().filter(|index| index.children.contains(&entry.manifest.digest));
                prop_assert!(indexes.all(|index| gone.contains(&index.entry.manifest.digest)));
            }
        }
        for (number, going) in plan.goes.iter().enumerate() {
            match &going.cause {
                Cause::Rule { .. } => {}
                Cause::WithIndex(digest) | Cause::WithSubject(digest) => {
                    prop_assert!(gone.contains(digest), "number {}", number);
                }
            }
        }
    }

    #[test]
    fn what_has_a_tag_of_its_own_goes_by_a_rule_alone(all in repositories(), rules in rules()) {
        for going in planned(&all, &rules).goes {
            let entry = all.iter().map(|found| &found.entry).find(|entry| entry.manifest.digest == going.digest);
            if entry.is_some_and(has_own_tag) {
                prop_assert!(matches!(going.cause, Cause::Rule { .. }), "{going:?}");
            }
        }
    }

    #[test]
    fn twice_is_once_but_where_one_stays_whose_indexes_went(all in repositories(), rules in rules()) {
        let first = gone(&planned(&all, &rules));
        let (went, left): (Vec<Candidate>, Vec<Candidate>) = all
            .into_iter()
            .partition(|candidate| first.contains(&candidate.entry.manifest.digest));
        let left = settle(left);
        let is_freed = |candidate: &Candidate| {
            let entry = &candidate.entry;
            let mut named = went.iter().flat_map(|index| &index.children);
            !entry.is_child && entry.tags.is_empty() && named.any(|child| *child == entry.manifest.digest)
        };
        prop_assume!(!left.iter().any(is_freed));
        prop_assert_eq!(planned(&left, &rules).goes, Vec::new());
    }

    #[test]
    fn a_longer_period_or_a_higher_count_never_takes_more(
        all in repositories(),
        rules in rules(),
        by in 0..30_u64,
    ) {
        let short = gone(&planned(&all, &rules));
        let long = gone(&planned(&all, &longer(&rules, by)));
        prop_assert!(long.is_subset(&short));
    }

    #[test]
    fn without_a_rule_nothing_goes_and_the_order_of_the_manifests_changes_nothing(
        all in repositories(),
        rules in rules(),
    ) {
        prop_assert_eq!(planned(&all, &[]), Plan::default());
        let mut turned = all.clone();
        turned.reverse();
        prop_assert_eq!(gone(&planned(&all, &rules)), gone(&planned(&turned, &rules)));
    }
}

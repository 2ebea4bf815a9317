//! What is kept, how much of it, and until when.

use std::sync::Arc;

use super::*;
use crate::registry::tag_lists::{Retag, TagLists};

fn name(number: usize) -> RepositoryName {
    format!("team/app{number}").parse().unwrap()
}

fn names(texts: impl IntoIterator<Item = String>) -> TagNames {
    let tags = texts.into_iter().map(|text| text.parse().unwrap());
    tags.collect()
}

/// So many tags of 100 letters each.
fn long(count: usize) -> TagNames {
    names((0..count).map(|number| format!("{number:0100}")))
}

/// As after a question for all tags of the repository.
fn keep(lists: &TagLists, repository: &RepositoryName, names: &TagNames) {
    let question = ask(lists, repository);
    lists.shelf().keep(
        repository,
        question,
        Remembered::of(names, names.len() as u64),
    );
}

fn ask(lists: &TagLists, repository: &RepositoryName) -> Question {
    match lists.shelf().look_up(repository) {
        Known::Not(question) => question,
        Known::List(names) => panic!("known: {names:?}"),
    }
}

fn found(lists: &TagLists, repository: &RepositoryName) -> Option<TagNames> {
    match lists.shelf().look_up(repository) {
        Known::List(names) => Some(names),
        Known::Not(_) => None,
    }
}

#[test]
fn a_list_is_kept_until_its_tags_change() {
    let lists = Arc::new(TagLists::default());
    let (one, other) = (names(["v1".into()]), names([]));
    keep(&lists, &name(1), &one);
    keep(&lists, &name(2), &other);
    let act = Retag::of(Some(&lists), (), &name(1));
    assert_eq!(found(&lists, &name(1)), Some(one));
    drop(act);
    assert_eq!(found(&lists, &name(1)), None);
    assert_eq!(lists.shelf().bytes, 0);
    // Unless both fell into one group, the other one is still there: that is luck, but nothing wrong either way.
    assert!(found(&lists, &name(2)).is_none_or(|names| names == other));
}

#[test]
fn what_was_read_while_tags_changed_is_not_kept() {
    let lists = Arc::new(TagLists::default());
    let question = ask(&lists, &name(1));
    drop(Retag::of(Some(&lists), (), &name(1)));
    lists
        .shelf()
        .keep(&name(1), question, Remembered::List(names(["old".into()])));
    assert_eq!(found(&lists, &name(1)), None);
    lists
        .shelf()
        .keep(&name(1), question, Remembered::PartOf(5));
    assert!(!ask(&lists, &name(1)).is_worth_all());
}

#[test]
fn all_is_read_with_the_second_part_if_it_is_not_too_much() {
    let lists = TagLists::default();
    for (counted, is_worth) in [(0, true), (19_999, true), (20_000, false)] {
        lists.shelf().forget(&name(1));
        let first = ask(&lists, &name(1));
        assert!(!first.is_worth_all());
        lists
            .shelf()
            .keep(&name(1), first, Remembered::PartOf(counted));
        assert_eq!(ask(&lists, &name(1)).is_worth_all(), is_worth, "{counted}");
    }
}

#[test]
fn a_list_that_is_too_long_is_not_kept_and_not_read_again_for_it() {
    let lists = TagLists::default();
    keep(&lists, &name(1), &long(11_000));
    assert_eq!(found(&lists, &name(1)), None);
    assert!(!ask(&lists, &name(1)).is_worth_all());
    assert_eq!(lists.shelf().bytes, 0);
}

#[test]
fn lists_are_bounded_and_those_longest_without_use_go_first() {
    let lists = TagLists::default();
    let large = long(9_000);
    let fit = MAX_BYTES / large.memory();
    for number in 0..fit {
        keep(&lists, &name(number), &large);
    }
    assert_eq!(found(&lists, &name(0)), Some(large.clone()));
    keep(&lists, &name(fit), &large);
    assert_eq!(found(&lists, &name(1)), None);
    assert_eq!(found(&lists, &name(0)), Some(large.clone()));
    assert_eq!(lists.shelf().bytes, fit * large.memory());
    let small = names(["v1".into()]);
    for number in 0..MAX_REPOSITORIES + fit {
        lists.shelf().forget(&name(number));
        keep(&lists, &name(number), &small);
    }
    assert_eq!(lists.shelf().kept.len(), MAX_REPOSITORIES);
    assert_eq!(lists.shelf().bytes, MAX_REPOSITORIES * small.memory());
}

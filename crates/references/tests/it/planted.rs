//! References planted in each format: all of them are found, and no other; a rewrite changes them and nothing else.

mod gardens;

use forebay_references::{Place, Settings, find, splice};
use proptest::prelude::*;

use gardens::{GARDENS, Garden, SPLIT_GARDENS};

/// A reference as people write it. Names begin with a letter that makes them no number in any format.
fn reference() -> impl Strategy<Value = String> {
    (
        prop::option::of("[a-z]{1,6}\\.(io|example)(:5000)?"),
        prop::collection::vec("x[a-z0-9]{0,6}(-[a-z0-9]{1,3})?", 1..4),
        prop::option::of("v[0-9A-Za-z_.]{0,7}"),
        prop::option::of("[0-9a-f]{64}"),
    )
        .prop_map(|(registry, path, tag, digest)| {
            let registry = registry.map(|host| host + "/").unwrap_or_default();
            let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
            let digest = digest
                .map(|hex| format!("@sha256:{hex}"))
                .unwrap_or_default();
            format!("{registry}{}{tag}{digest}", path.join("/"))
        })
}

/// A reference with each of its parts.
fn whole_reference() -> impl Strategy<Value = String> {
    (
        "[a-z]{1,6}\\.(io|example)(:5000)?",
        prop::collection::vec("x[a-z0-9]{0,6}", 1..4),
        "v[0-9A-Za-z_.]{0,7}",
        "[0-9a-f]{64}",
    )
        .prop_map(|(registry, path, tag, digest)| {
            format!("{registry}/{}:{tag}@sha256:{digest}", path.join("/"))
        })
}

/// The same image below a mirror, where a port has no place.
fn moved(image: &str) -> String {
    format!("mirror.example/{}", image.replace(":5000/", "-5000/"))
}

fn images(places: &[Place]) -> Vec<String> {
    let mut images: Vec<String> = places.iter().map(|place| place.image.clone()).collect();
    images.sort();
    images
}

fn sorted(mut images: Vec<String>) -> Vec<String> {
    images.sort();
    images
}

/// Each place changed by `new`; `None` leaves it.
fn rewrite(path: &str, text: &str, new: impl Fn(&str) -> Option<String>) -> String {
    let found = find(path, text.as_bytes(), &Settings::default());
    let wanted: Vec<(&Place, String)> = found
        .places
        .iter()
        .filter_map(|place| Some((place, new(&place.image)?)))
        .collect();
    let changes: Vec<(&Place, &str)> = wanted
        .iter()
        .map(|(place, new)| (*place, new.as_str()))
        .collect();
    splice(text, &changes).unwrap_or_else(|refusal| panic!("{refusal}"))
}

fn check(garden: &Garden, planted: &[String], with_crlf: bool) -> Result<(), TestCaseError> {
    let render = |images: &[String]| {
        let text = (garden.render)(images);
        if with_crlf {
            text.replace('\n', "\r\n")
        } else {
            text
        }
    };
    let text = render(planted);
    let found = find(garden.path, text.as_bytes(), &Settings::default());
    prop_assert_eq!(images(&found.places), sorted(planted.to_vec()), "{}", text);
    prop_assert_eq!(&found.ambiguous, &vec![]);
    let noted = found
        .notes
        .iter()
        .filter(|note| !note.text.starts_with("kustomize finds"));
    prop_assert_eq!(noted.count(), 0, "{:?}", found.notes);

    let forward = |image: &str| (!image.starts_with("mirror.example/")).then(|| moved(image));
    let new: Vec<String> = planted.iter().map(|image| moved(image)).collect();
    let rewritten = rewrite(garden.path, &text, forward);
    prop_assert_eq!(&rewritten, &render(&new), "only what was planted changes");
    prop_assert_eq!(
        &rewrite(garden.path, &rewritten, forward),
        &rewritten,
        "twice is once"
    );
    let back = |image: &str| {
        let path = image.strip_prefix("mirror.example/")?;
        Some(path.replace("-5000/", ":5000/"))
    };
    prop_assert_eq!(
        &rewrite(garden.path, &rewritten, back),
        &text,
        "back again is the identity"
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn found_is_planted_and_nothing_else_changes(
        planted in prop::collection::vec(reference(), 1..6),
        with_crlf: bool,
    ) {
        for garden in &GARDENS {
            check(garden, &planted, with_crlf)?;
        }
    }

    #[test]
    fn images_in_parts_are_found_and_changed_as_one(
        planted in prop::collection::vec(whole_reference(), 1..6),
        with_crlf: bool,
    ) {
        for garden in &SPLIT_GARDENS {
            check(garden, &planted, with_crlf)?;
        }
    }
}

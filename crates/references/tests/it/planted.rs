//! References planted in each format: all of them are found, and no other; a rewrite changes them and nothing else.

mod gardens;

use forebay_references::{Place, Settings, find, splice};
use proptest::prelude::*;

use gardens::{GARDENS, Garden, SPLIT_GARDENS, printed_values, printing_template};

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
fn rewrite(
    (path, settings): (&str, &Settings),
    text: &str,
    new: impl Fn(&str) -> Option<String>,
) -> String {
    let found = find(path, text.as_bytes(), settings);
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
    check_near(garden, planted, with_crlf, &Settings::default())
}

fn check_near(
    garden: &Garden,
    planted: &[String],
    with_crlf: bool,
    settings: &Settings,
) -> Result<(), TestCaseError> {
    let render = |images: &[String]| {
        let text = (garden.render)(images);
        if with_crlf {
            text.replace('\n', "\r\n")
        } else {
            text
        }
    };
    let text = render(planted);
    let found = find(garden.path, text.as_bytes(), settings);
    prop_assert_eq!(images(&found.places), sorted(planted.to_vec()), "{}", text);
    prop_assert_eq!(&found.ambiguous, &vec![]);
    let noted = found
        .notes
        .iter()
        .filter(|note| !note.text.starts_with("it takes the place of"));
    prop_assert_eq!(noted.count(), 0, "{:?}", found.notes);

    let file = (garden.path, settings);
    let forward = |image: &str| (!image.starts_with("mirror.example/")).then(|| moved(image));
    let new: Vec<String> = planted.iter().map(|image| moved(image)).collect();
    let rewritten = rewrite(file, &text, forward);
    prop_assert_eq!(&rewritten, &render(&new), "only what was planted changes");
    prop_assert_eq!(
        &rewrite(file, &rewritten, forward),
        &rewritten,
        "twice is once"
    );
    let back = |image: &str| {
        let path = image.strip_prefix("mirror.example/")?;
        Some(path.replace("-5000/", ":5000/"))
    };
    prop_assert_eq!(
        &rewrite(file, &rewritten, back),
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
    fn what_a_template_prints_is_found_in_the_values_and_nothing_in_the_template(
        planted in prop::collection::vec(reference(), 1..6),
        with_crlf: bool,
    ) {
        let garden = Garden { path: "chart/values.yaml", render: printed_values };
        let template = printing_template(planted.len());
        let near = |files: [(&str, String); 2]| Settings {
            near: files.map(|(name, text)| (name.to_owned(), text)).into(),
            ..Settings::default()
        };
        let chart = || "name: x\n".to_owned();
        let values = near([("Chart.yaml", chart()), ("templates/a/x.yaml", template.clone())]);
        check_near(&garden, &planted, with_crlf, &values)?;
        let beside = near([("../Chart.yaml", chart()), ("../values.yaml", printed_values(&planted))]);
        let found = find("chart/templates/x.yaml", template.as_bytes(), &beside);
        prop_assert_eq!(found.places, vec![]);
        prop_assert_eq!(found.ambiguous, vec![]);
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

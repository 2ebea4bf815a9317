//! What a splice keeps, and what it refuses.

use super::*;
use crate::Owner;

fn whole(text: &str, image: &str, pieces: Vec<Piece>) -> Place {
    Place {
        span: 0..text.len(),
        image: image.to_owned(),
        writing: Writing::Whole {
            encoding: Encoding::AsIs,
            pieces,
        },
        owner: Owner::default(),
    }
}

fn piece(span: Range<usize>, text: &str, variable: bool) -> Piece {
    Piece {
        span,
        text: text.to_owned(),
        variable,
        open: None,
    }
}

#[test]
fn a_variable_at_the_end_stays() {
    let text = "nginx:${TAG}";
    let place = whole(
        text,
        "nginx:1.27",
        vec![piece(0..6, "nginx:", false), piece(6..12, "1.27", true)],
    );
    assert_eq!(
        splice(text, &[(&place, "mirror.gcr.io/library/nginx:1.27")]).unwrap(),
        "mirror.gcr.io/library/nginx:${TAG}"
    );
}

#[test]
fn a_variable_that_a_digest_would_win_over_goes() {
    let text = "nginx:${TAG}";
    let place = whole(
        text,
        "nginx:1.27",
        vec![piece(0..6, "nginx:", false), piece(6..12, "1.27", true)],
    );
    assert_eq!(
        splice(text, &[(&place, "nginx:1.27@sha256:00")]).unwrap(),
        "nginx:1.27@sha256:00"
    );
}

#[test]
fn what_is_named_already_changes_nothing() {
    let place = whole("nginx", "nginx", Vec::new());
    assert_eq!(place.edits("nginx"), Ok(Vec::new()));
}

#[test]
fn a_text_that_could_not_be_a_reference_is_refused() {
    let place = whole("nginx", "nginx", Vec::new());
    for bad in ["", "a b", "a\"", "a\n", "${X}", "é"] {
        assert!(place.edits(bad).is_err(), "{bad}");
    }
}

#[test]
fn the_same_edit_twice_is_one_and_two_different_ones_are_refused() {
    let place = whole("nginx", "nginx", Vec::new());
    assert_eq!(
        splice("nginx", &[(&place, "a/nginx"), (&place, "a/nginx")]).unwrap(),
        "a/nginx"
    );
    assert_eq!(
        splice("nginx", &[(&place, "a/nginx"), (&place, "b/nginx")]),
        Err(Refusal::Conflict(0))
    );
}

#[test]
fn a_place_of_another_text_is_refused() {
    let place = whole("a longer text", "nginx", Vec::new());
    assert_eq!(
        splice("short", &[(&place, "a/nginx")]),
        Err(Refusal::Elsewhere(0, 13))
    );
}

#[test]
fn a_split_place_changes_the_values_that_differ() {
    let text = "repository: nginx\ntag: 1.27-a\n";
    let place = Place {
        span: 12..29,
        image: "nginx:1.27-a".to_owned(),
        writing: Writing::Split(vec![
            Part {
                role: Role::Name,
                span: 12..17,
                encoding: Encoding::YamlPlain,
            },
            Part {
                role: Role::Tag,
                span: 23..29,
                encoding: Encoding::YamlPlain,
            },
        ]),
        owner: Owner::default(),
    };
    assert_eq!(
        splice(text, &[(&place, "quay.io/x/nginx:1.30")]).unwrap(),
        "repository: quay.io/x/nginx\ntag: \"1.30\"\n"
    );
    assert_eq!(
        splice(text, &[(&place, "nginx:1.27-a@sha256:00")]).unwrap(),
        "repository: nginx\ntag: 1.27-a@sha256:00\n"
    );
    assert!(matches!(
        splice(text, &[(&place, "quay.io/x/nginx")]),
        Err(Refusal::NoPart("tag", _))
    ));
}

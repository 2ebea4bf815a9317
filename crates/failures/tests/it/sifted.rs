//! What is sifted out of a log is nothing that the classifier would understand, whatever was done to it on its way.

use std::sync::LazyLock;

use forebay_failures::{Sieve, classify, has_mark, sieve_with};
use proptest::prelude::*;

use crate::lines::{Line, heldout, reported, written};

/// What may stand before and behind a line in a log.
const NOISE: &str = "2025-11-03T08:12:44Z INFO served request 429 in 4 ms";

static SIEVE: LazyLock<Sieve> = LazyLock::new(|| sieve_with(&[]));

/// All texts of which one line tells of something.
static LINES: LazyLock<Vec<Line>> = LazyLock::new(|| {
    let texts = [reported(), written(), heldout()].concat();
    let is_known = |line: &Line| !line.text.contains('\n') && classify(&line.text).is_some();
    texts.into_iter().filter(is_known).collect()
});

/// Whether a sieve has a place in the bytes of `text`, which stands between other lines.
fn is_found(text: &str, before: usize) -> bool {
    let log = format!("{}\n{text}\n{NOISE}\n", &NOISE[..before]);
    let mut places = Vec::new();
    SIEVE.find_all(log.as_bytes(), &mut places);
    // The byte at a place may be the end of the line before.
    let line = before..before + 1 + text.len();
    places.iter().any(|place| line.contains(place))
}

#[test]
fn no_text_that_is_understood_is_sifted_out() {
    let missed: Vec<_> = LINES
        .iter()
        .filter(|line| !has_mark(line.text.as_bytes()) || !is_found(&line.text, NOISE.len()))
        .collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_change_on_the_way_hides_a_text(
        line in prop::sample::select(&LINES[..]),
        before in 0..NOISE.len(),
        change in 0..5_usize,
    ) {
        let text = match change {
            0 => line.text.to_ascii_uppercase(),
            1 => line.text.to_ascii_lowercase(),
            2 => serde_json::json!({ "message": line.text }).to_string(),
            3 => format!("Nov 03 08:12:44 node-1 dockerd[911]: {}", line.text),
            _ => line.text.replace(' ', "\t"),
        };
        prop_assume!(classify(&text).is_some());
        prop_assert!(is_found(&text, before), "{}", text);
    }

    #[test]
    fn a_mark_has_a_place_wherever_it_stands(line in prop::sample::select(&LINES[..]), from in 0..400_usize, to in 1..400_usize) {
        let from = line.text.floor_char_boundary(from);
        let text = &line.text[from..line.text.floor_char_boundary(from + to).max(from)];
        prop_assert!(!has_mark(text.as_bytes()) || is_found(text, 3), "{}", text);
    }
}

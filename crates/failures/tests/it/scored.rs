//! A set of one's own: how many of each class are told right, and which are not.
//!
//! `FAILURES_SET=FILE cargo test -p forebay-failures --test it scored -- --ignored --nocapture`, where each line of the file is an
//! object with `class` and `text`.

use std::collections::BTreeMap;
use std::fs;

use crate::lines::read;
use crate::unseen::{is_right, told};

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the set is named by who runs the test"
)]
#[ignore = "it prints figures of a set that is named"]
fn a_set_is_scored() {
    let path = std::env::var("FAILURES_SET").expect("a file in FAILURES_SET");
    let set = fs::read_to_string(path).expect("a set");
    let mut scores: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for line in read(&set) {
        let told = told(&line.text);
        let (right, of) = scores.entry(line.class.clone()).or_default();
        *of += 1;
        if is_right(&line, &told) {
            *right += 1;
        } else {
            println!("{told:?}, not {}: {}\n", line.class, line.text);
        }
    }
    for (class, (right, of)) in scores {
        println!("{right:4} of {of:4} {class}");
    }
}

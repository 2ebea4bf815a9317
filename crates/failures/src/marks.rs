//! Finds the few lines of a log that may tell of a failed pull.
//!
//! By a sieve of their words first: most of a log is noise and is never looked at again. Each message that `rules` knows has
//! several of these marks, so that wrapping inside one does not hide it.

mod table;

use std::sync::LazyLock;

use regex::bytes::{Regex, RegexBuilder};

use crate::{Sieve, Sifted};
use table::MARKS;

/// The most memory that the automaton may take while it runs, in bytes.
const MAX_AUTOMATON_BYTES: usize = 4 << 20;

static AUTOMATON: LazyLock<Regex> = LazyLock::new(|| automaton_with(&[]));

/// The words of the marks alone, for who looks for nothing else.
static SIEVE: LazyLock<Sieve> = LazyLock::new(|| sieve_with(&[]));

/// The marks as regular expressions, in small letters.
fn patterns() -> impl Iterator<Item = String> {
    MARKS.iter().map(|mark| mark.replace(' ', "[ \\t]"))
}

/// A sieve for the marks and for other patterns, by whose places a scanner may be led.
pub fn sieve_with(others: &[&str]) -> Sieve {
    let marks: Vec<String> = patterns().collect();
    Sieve::new(
        marks
            .iter()
            .map(String::as_str)
            .chain(others.iter().copied()),
    )
}

/// An automaton of the marks and of other patterns, so that a line is looked through once for both.
///
/// # Panics
/// If another is no regular expression: patterns are constants.
pub fn automaton_with(others: &[&str]) -> Regex {
    let marks = patterns().chain(others.iter().map(|&other| other.to_owned()));
    let pattern = marks.collect::<Vec<_>>().join("|");
    #[expect(
        clippy::expect_used,
        reason = "they are constants, and every test of a log builds them"
    )]
    RegexBuilder::new(&pattern)
        .case_insensitive(true)
        .multi_line(true)
        .unicode(false)
        .dfa_size_limit(MAX_AUTOMATON_BYTES)
        .build()
        .expect("the marks are a regular expression")
}

/// Finds where words of marks stand.
pub(crate) fn sift(bytes: &[u8], sifted: &mut Sifted) {
    sifted.sift(&SIEVE, bytes);
}

/// Where the next mark stands, from `at` on.
pub(crate) fn find_mark(bytes: &[u8], at: usize) -> Option<usize> {
    AUTOMATON.find_at(bytes, at).map(|mark| mark.start())
}

/// Whether a text has a mark: one line without any tells of nothing.
pub fn has_mark(text: &[u8]) -> bool {
    AUTOMATON.is_match(text)
}

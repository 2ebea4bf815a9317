//! The lines that show it: few, of each kind, with accounts and tokens taken out.
//!
//! What is quoted here may be sent to others.

use forebay_evidence::{Class, Event, Evidence, Lines, Moment, What};
use forebay_limits::shown;
use serde::Serialize;

use super::relevance::Relevance;
use super::tally::says_why;

/// The most lines that are quoted.
pub const MAX_QUOTES: usize = 12;

/// The most quotes of one class and kind.
const MAX_ALIKE: usize = 2;

/// The most bytes of one.
const MAX_QUOTE_BYTES: usize = 600;

/// A quoted line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Quote {
    /// Where it stands.
    pub lines: Lines,
    /// When it was last said.
    pub at: Option<Moment>,
    /// How often it was said.
    pub count: u64,
    /// What it says of a failed pull.
    pub class: Option<Class>,
    /// The words, redacted.
    pub text: String,
}

/// Quotes what shows the cause first, then what belongs to it.
pub(crate) fn quotes(evidence: &Evidence, class: Class, relevance: &Relevance<'_>) -> Vec<Quote> {
    let class_of = |event: &Event| event.failure.as_ref().map(|failure| failure.class);
    let rank = |event: &Event| match class_of(event) {
        Some(found) if found == class => 0,
        Some(found) if found.is_cause() => 1,
        _ if event.what.is_death() => 1,
        _ => 2,
    };
    let mut events: Vec<&Event> = evidence
        .events
        .iter()
        .filter(|event| !event.message.is_empty() && relevance.holds(event))
        .collect();
    // Of deaths, one that says why tells more than how many there were.
    let is_bare = |event: &Event| event.what.is_death() && !says_why(&event.message);
    events.sort_by_key(|event| (rank(event), is_bare(event), std::cmp::Reverse(event.count)));
    let mut quotes: Vec<(Quote, What)> = Vec::new();
    for event in events {
        let class = class_of(event);
        let alike = quotes
            .iter()
            .filter(|(quote, what)| quote.class == class && *what == event.what)
            .count();
        if alike >= MAX_ALIKE || quotes.len() >= MAX_QUOTES {
            continue;
        }
        let text = shown(&event.message, MAX_QUOTE_BYTES);
        quotes.push((
            Quote {
                lines: event.lines,
                at: event.last,
                count: event.said,
                class,
                text,
            },
            event.what,
        ));
    }
    quotes.into_iter().map(|(quote, _)| quote).collect()
}

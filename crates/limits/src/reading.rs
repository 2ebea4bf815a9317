//! What the headers of one answer say about limits.
//!
//! Every answer is read, a HEAD's and a 200's too. An image that nobody meters answers without these headers: then the
//! reading is empty, which says nothing about any budget.

use crate::allowance::{Allowance, Count, Dialect};
use crate::{RetryAfter, Source};

/// What one answer's headers said; each part is empty where they said nothing that makes sense.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Reading {
    /// The budget; `None` means unmetered or unsaid, never zero.
    pub allowance: Option<Allowance>,
    /// Whom the registry charges.
    pub source: Option<Source>,
    /// When we may come back.
    pub retry_after: Option<RetryAfter>,
    /// Whether a limit of pulls was spoken of, in words that make sense or not: an answer that gives a manifest and does not is
    /// about an image that nobody counts.
    pub speaks_of_pulls: bool,
}

impl Reading {
    /// Of headers that say nothing of limits.
    pub const NOTHING: Self = Self {
        allowance: None,
        source: None,
        retry_after: None,
        speaks_of_pulls: false,
    };

    /// Whether the answer said nothing at all about limits.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What it says of pulls: the other family of headers counts calls of web APIs.
    pub fn pulls(&self) -> Option<Allowance> {
        self.allowance
            .filter(|allowance| allowance.dialect == Dialect::RateLimit)
    }

    /// Pulls that are left, if it says so.
    pub fn pulls_left(&self) -> Option<u64> {
        self.pulls()?.remaining
    }
}

/// Reads an answer's headers, names in any case and in any order.
///
/// Of a header that comes twice the first one that makes sense counts; of both families, `ratelimit-*` goes
/// before `x-ratelimit-*`.
pub fn read_headers<'a>(headers: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Reading {
    let mut plain = Family::default();
    let mut extended = Family::default();
    let mut reading = Reading::default();
    for (name, value) in headers {
        reading.speaks_of_pulls |= is_about_pulls(name);
        let Some(field) = Field::named(name) else {
            continue;
        };
        let Ok(value) = str::from_utf8(value) else {
            continue;
        };
        match field {
            Field::Plain(part) => plain.take(part, value),
            Field::Extended(part) => extended.take(part, value),
            Field::Source => keep_first(&mut reading.source, || Source::parse(value)),
            Field::RetryAfter => keep_first(&mut reading.retry_after, || RetryAfter::parse(value)),
        }
    }
    reading.allowance = plain
        .allowance(Dialect::RateLimit)
        .or_else(|| extended.allowance(Dialect::XRateLimit));
    reading
}

fn is_about_pulls(name: &str) -> bool {
    const FAMILY: &str = "ratelimit-";
    let start = name.get(..FAMILY.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(FAMILY))
        || name.eq_ignore_ascii_case("docker-ratelimit-source")
}

/// The headers that speak of limits.
#[derive(Clone, Copy)]
enum Field {
    Plain(Part),
    Extended(Part),
    Source,
    RetryAfter,
}

/// The three headers of a family.
#[derive(Clone, Copy)]
enum Part {
    Limit,
    Remaining,
    Reset,
}

impl Field {
    const NAMES: [(&'static str, Self); 9] = [
        ("ratelimit-limit", Self::Plain(Part::Limit)),
        ("ratelimit-remaining", Self::Plain(Part::Remaining)),
        ("ratelimit-reset", Self::Plain(Part::Reset)),
        ("x-ratelimit-limit", Self::Extended(Part::Limit)),
        ("x-ratelimit-remaining", Self::Extended(Part::Remaining)),
        ("x-ratelimit-reset", Self::Extended(Part::Reset)),
        ("docker-ratelimit-source", Self::Source),
        ("x-ratelimit-ip", Self::Source),
        ("retry-after", Self::RetryAfter),
    ];

    fn named(name: &str) -> Option<Self> {
        Self::NAMES
            .iter()
            .find(|(known, _)| name.eq_ignore_ascii_case(known))
            .map(|&(_, field)| field)
    }
}

/// One family's headers, as far as they came.
#[derive(Default)]
struct Family {
    limit: Option<Count>,
    remaining: Option<Count>,
    reset: Option<RetryAfter>,
}

impl Family {
    fn take(&mut self, part: Part, value: &str) {
        match part {
            Part::Limit => keep_first(&mut self.limit, || Count::parse(value)),
            Part::Remaining => keep_first(&mut self.remaining, || Count::parse(value)),
            Part::Reset => keep_first(&mut self.reset, || RetryAfter::parse(value)),
        }
    }

    /// The allowance, if a count came: a reset alone is no budget.
    fn allowance(self, dialect: Dialect) -> Option<Allowance> {
        if self.limit.is_none() && self.remaining.is_none() {
            return None;
        }
        let window = |count: Option<Count>| count.and_then(|count| count.window);
        Some(Allowance {
            limit: self.limit.map(|count| count.count),
            remaining: self.remaining.map(|count| count.count),
            window: window(self.limit).or_else(|| window(self.remaining)),
            reset: self.reset,
            dialect,
        })
    }
}

fn keep_first<T>(slot: &mut Option<T>, parse: impl FnOnce() -> Option<T>) {
    if slot.is_none() {
        *slot = parse();
    }
}

#[cfg(test)]
mod tests;

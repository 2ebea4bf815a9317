//! Ranges of versions, over what tags make of versions: `1.27`, `v2`, `3.12.4-alpine`.
//!
//! The comparators are npm's and Cargo's: `>=1.2, <2`, `^1.2`, `~1.2`, `=1.2`, `1.x`, `*`, with `||` between
//! alternatives. A bare version means itself and what begins with it (`1.27` takes `1.27.3`). What stands after the
//! numbers is a variant (`-alpine`) far more often than a pre-release, so that it does not count.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// The most numbers of a version that are compared; more are ignored.
const MAX_NUMBERS: usize = 4;

/// The numbers that a tag begins with, after one `v`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(Vec<u64>);

/// Which versions are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionRange {
    /// One of these, each of which wants all of its comparators.
    alternatives: Vec<Vec<Comparator>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Comparator {
    operator: Operator,
    version: Version,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Less,
    AtMost,
    More,
    AtLeast,
    /// This one and what begins with it.
    Within,
    /// Up to the next change of the first number that is not zero.
    Caret,
    /// Up to the next change of the second number.
    Tilde,
}

/// A text that is no range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no range of versions such as \">=1.2, <2\"")]
pub struct InvalidRange(String);

impl Version {
    /// The version that a tag tells; `None` if it tells none.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let text = tag.strip_prefix(['v', 'V']).unwrap_or(tag);
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
        let text = text[..end.unwrap_or(text.len())].trim_end_matches('.');
        let numbers: Option<Vec<u64>> = text
            .split('.')
            .take(MAX_NUMBERS)
            .map(|part| part.parse().ok())
            .collect();
        numbers.map(Self)
    }

    fn number(&self, at: usize) -> u64 {
        self.0.get(at).copied().unwrap_or(0)
    }

    /// As many numbers as `MAX_NUMBERS`, what is not said being zero.
    fn compare(&self, other: &Self) -> Ordering {
        (0..MAX_NUMBERS)
            .map(|at| self.number(at).cmp(&other.number(at)))
            .find(|ordering| ordering.is_ne())
            .unwrap_or(Ordering::Equal)
    }

    /// The first version after all those that begin with the numbers up to `at`.
    fn next_at(&self, at: usize) -> Self {
        let mut numbers: Vec<u64> = (0..=at).map(|index| self.number(index)).collect();
        if let Some(last) = numbers.last_mut() {
            *last = last.saturating_add(1);
        }
        Self(numbers)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&numbers.join("."))
    }
}

impl VersionRange {
    /// True if the version that `tag` tells is meant; a tag that tells none never is.
    pub fn matches(&self, tag: &str) -> bool {
        let Some(version) = Version::of_tag(tag) else {
            return false;
        };
        let holds = |all: &Vec<Comparator>| all.iter().all(|one| one.matches(&version));
        self.alternatives.iter().any(holds)
    }
}

impl FromStr for VersionRange {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<Self, InvalidRange> {
        let invalid = || InvalidRange(text.to_owned());
        let alternatives = text.split("||").map(|alternative| {
            let spaced = alternative.replace(',', " ");
            let mut comparators = Vec::new();
            let mut operator = String::new();
            for word in spaced.split_whitespace() {
                operator.push_str(word);
                // "> = 1" is nobody's, but ">= 1" is: an operator alone goes with the next word.
                if word
                    .trim_start_matches(['<', '>', '=', '^', '~'])
                    .is_empty()
                {
                    continue;
                }
                comparators.extend(comparator(&std::mem::take(&mut operator)).ok_or_else(invalid)?);
            }
            if operator.is_empty() && !spaced.trim().is_empty() {
                Ok(comparators)
            } else {
                Err(invalid())
            }
        });
        Ok(Self {
            alternatives: alternatives.collect::<Result<_, _>>()?,
        })
    }
}

/// One comparator, or none at all for `*`; `None` if the text is neither.
fn comparator(text: &str) -> Option<Vec<Comparator>> {
    const OPERATORS: [(&str, Operator); 7] = [
        (">=", Operator::AtLeast),
        ("<=", Operator::AtMost),
        (">", Operator::More),
        ("<", Operator::Less),
        ("^", Operator::Caret),
        ("~", Operator::Tilde),
        ("=", Operator::Within),
    ];
    let found = OPERATORS
        .iter()
        .find_map(|(sign, operator)| Some((text.strip_prefix(sign)?, *operator)));
    let (version, operator) = found.unwrap_or((text, Operator::Within));
    if matches!(version, "*" | "x" | "X") {
        return Some(Vec::new());
    }
    let version = version.strip_prefix(['v', 'V']).unwrap_or(version);
    let mut numbers = Vec::new();
    for part in version.split('.') {
        match part {
            "*" | "x" | "X" => break,
            _ => numbers.push(part.parse().ok()?),
        }
    }
    let version = Version(numbers);
    Some(vec![Comparator { operator, version }])
}

impl Comparator {
    fn matches(&self, version: &Version) -> bool {
        let wanted = &self.version;
        let from = version.compare(wanted).is_ge();
        match self.operator {
            Operator::Less => !from,
            Operator::AtLeast => from,
            // "<=1.2" takes 1.2.9, and ">1.2" begins at 1.3, as both do where versions are written in full.
            Operator::AtMost => version.compare(&self.after_all()).is_lt(),
            Operator::More => version.compare(&self.after_all()).is_ge(),
            Operator::Within => from && version.compare(&self.after_all()).is_lt(),
            Operator::Caret => {
                let first = (0..wanted.0.len()).find(|at| wanted.number(*at) != 0);
                let at = first.unwrap_or(wanted.0.len().saturating_sub(1));
                from && version.compare(&wanted.next_at(at)).is_lt()
            }
            Operator::Tilde => {
                let at = wanted.0.len().saturating_sub(1).min(1);
                from && version.compare(&wanted.next_at(at)).is_lt()
            }
        }
    }

    fn after_all(&self) -> Version {
        self.version.next_at(self.version.0.len().saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_takes_the_tags_whose_numbers_it_holds() {
        for (range, tag, expected) in [
            (">=1.2, <2", "1.27", true),
            (">=1.2, <2", "2", false),
            (">=1.2 <2", "v1.2.0-alpine", true),
            (">= 1.2", "1.1.9", false),
            ("^1.2", "1.9", true),
            ("^1.2", "2.0", false),
            ("^0.3.1", "0.3.9", true),
            ("^0.3.1", "0.4.0", false),
            ("~1.2", "1.2.7", true),
            ("~1.2", "1.3", false),
            ("1.27", "1.27.3", true),
            ("=1.27", "1.28", false),
            ("1.x", "1.99", true),
            ("<=1.2", "1.2.9", true),
            (">1.2", "1.2.9", false),
            (">1.2", "1.3", true),
            ("1 || 3", "3.1", true),
            ("1 || 3", "2", false),
            ("*", "1", true),
            ("*", "latest", false),
            (">=0", "bookworm", false),
        ] {
            let parsed: VersionRange = range.parse().unwrap();
            assert_eq!(parsed.matches(tag), expected, "{range} {tag}");
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in ["", "latest", ">=", "1 ||", ">=a", "1..2"] {
            assert!(text.parse::<VersionRange>().is_err(), "{text}");
        }
    }
}

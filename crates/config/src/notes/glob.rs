//! What two patterns have in common, as far as their texts tell.
//!
//! Part by part between slashes. What is not known is answered so that nobody is told something wrong: they may meet, and neither
//! covers the other. Two patterns are compared in the product of their numbers of parts, whatever they are.

use std::cell::OnceCell;

use globset::{GlobBuilder, GlobMatcher};

/// Stands for any number of parts.
const ANY_PARTS: &str = "**";

/// A pattern to be compared with many others: what of it is compiled is compiled once.
pub(super) struct Pattern<'t> {
    text: &'t str,
    /// `None` where a slash is no end of one.
    parts: Option<Vec<Part<'t>>>,
}

/// What stands between two slashes.
struct Part<'t> {
    text: &'t str,
    matcher: OnceCell<Option<GlobMatcher>>,
}

/// Whether a name may match both.
pub(super) fn may_meet(one: &str, other: &str) -> bool {
    match (Pattern::of(one).parts, Pattern::of(other).parts) {
        (Some(one), Some(other)) => parts_meet(&one, &other),
        _ => true,
    }
}

impl<'t> Pattern<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let is_whole = |part: &str| {
            let count = |byte| part.bytes().filter(|found| *found == byte).count();
            count(b'{') == count(b'}') && count(b'[') == count(b']')
        };
        let parts = text
            .split('/')
            .map(|part| is_whole(part).then(|| Part::of(part)));
        Self {
            text,
            parts: parts.collect(),
        }
    }

    /// Whether every name that matches `other` matches this.
    pub(super) fn covers(&self, other: &Self) -> bool {
        match (&self.parts, &other.parts) {
            (Some(first), Some(other)) => parts_cover(first, other),
            _ => self.text == other.text,
        }
    }
}

/// From the last parts to the first: whether what is left of one from a part on, and of the other, may meet.
fn parts_meet(one: &[Part<'_>], other: &[Part<'_>]) -> bool {
    let is_last = |parts: &[Part<'_>], at: usize| at + 1 == parts.len();
    // For what is left of the one behind the part that is looked at.
    let mut behind = vec![false; other.len() + 1];
    for i in (0..=one.len()).rev() {
        let mut meets = vec![false; other.len() + 1];
        for j in (0..=other.len()).rev() {
            meets[j] = match (one.get(i), other.get(j)) {
                (None, None) => true,
                (Some(left), right) if left.is_any() => match right {
                    // At the end it stands for one part at least.
                    _ if is_last(one, i) => right.is_some(),
                    Some(_) => behind[j] || meets[j + 1],
                    None => behind[j],
                },
                (left, Some(right)) if right.is_any() => match left {
                    _ if is_last(other, j) => left.is_some(),
                    Some(_) => meets[j + 1] || behind[j],
                    None => meets[j + 1],
                },
                (Some(left), Some(right)) => behind[j + 1] && left.meets(right),
                _ => false,
            };
        }
        behind = meets;
    }
    behind[0]
}

fn parts_cover(first: &[Part<'_>], other: &[Part<'_>]) -> bool {
    match (first, other) {
        ([], []) => true,
        ([any], [_, ..]) if any.is_any() => true,
        ([first, firsts @ ..], [other, others @ ..]) => {
            first.covers(other) && parts_cover(firsts, others)
        }
        _ => false,
    }
}

impl<'t> Part<'t> {
    fn of(text: &'t str) -> Self {
        Self {
            text,
            matcher: OnceCell::new(),
        }
    }

    fn is_any(&self) -> bool {
        self.text == ANY_PARTS
    }

    fn meets(&self, other: &Self) -> bool {
        match (is_plain(self.text), is_plain(other.text)) {
            (true, true) => self.text == other.text,
            (false, true) => self.matches(other.text),
            (true, false) => other.matches(self.text),
            (false, false) => {
                let (one, other) = (literal_start(self.text), literal_start(other.text));
                one.starts_with(other) || other.starts_with(one)
            }
        }
    }

    fn covers(&self, other: &Self) -> bool {
        self.text == other.text
            || !other.is_any()
                && (self.text == "*" || is_plain(other.text) && self.matches(other.text))
    }

    fn matches(&self, text: &str) -> bool {
        if !text.starts_with(literal_start(self.text)) {
            return false;
        }
        let matcher = self.matcher.get_or_init(|| {
            let built = GlobBuilder::new(self.text).literal_separator(true).build();
            built.ok().map(|glob| glob.compile_matcher())
        });
        matcher.as_ref().is_some_and(|glob| glob.is_match(text))
    }
}

/// True if it stands for itself alone.
fn is_plain(part: &str) -> bool {
    literal_start(part).len() == part.len()
}

/// What all that match begin with.
fn literal_start(part: &str) -> &str {
    let end = part.find(['*', '?', '[', ']', '{', '}', ',', '!', '^']);
    &part[..end.unwrap_or(part.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_meet_where_a_name_may_match_both() {
        for (one, other, expected) in [
            ("team/*", "team/*", true),
            ("team/*", "more/*", false),
            ("team/*", "team/app", true),
            ("team/*", "team/app/web", false),
            ("team/**", "team/app/web", true),
            ("team/**", "team", false),
            ("**", "team/app", true),
            ("**", "**", true),
            ("**/web", "team/app/web", true),
            ("**/web", "team/**", true),
            ("a*/x", "b*/x", false),
            ("a*/x", "ab*/x", true),
            ("{a,b}/x", "b/x", true),
            ("{a/b,c}/x", "d/x", true),
            ("v*", "v1.*", true),
        ] {
            assert_eq!(may_meet(one, other), expected, "{one} {other}");
            assert_eq!(may_meet(other, one), expected, "{other} {one}");
        }
    }

    #[test]
    fn a_pattern_covers_another_where_all_that_matches_that_matches_it() {
        for (first, other, expected) in [
            ("team/*", "team/*", true),
            ("team/*", "team/app", true),
            ("team/*", "team/a*", true),
            ("team/a*", "team/*", false),
            ("team/*", "team/**", false),
            ("team/**", "team/*", true),
            ("team/**", "team/app/*", true),
            ("team/**", "team", false),
            ("**", "team/app", true),
            ("**", "**", true),
            ("*/app", "team/app", true),
            ("v*", "v1", true),
            ("v*", "*", false),
            ("{a/b,c}/x", "c/x", false),
        ] {
            let covers = Pattern::of(first).covers(&Pattern::of(other));
            assert_eq!(covers, expected, "{first} {other}");
        }
    }

    /// Texts of up to so many of these parts.
    fn texts(parts: &[&str], most: usize) -> Vec<String> {
        let mut all: Vec<String> = parts.iter().map(ToString::to_string).collect();
        let mut longest = all.clone();
        for _ in 1..most {
            let all_longer = longest
                .iter()
                .flat_map(|text| parts.iter().map(move |part| format!("{text}/{part}")));
            longest = all_longer.collect();
            all.extend(longest.iter().cloned());
        }
        all
    }

    #[test]
    fn patterns_meet_and_cover_as_the_names_do_that_match_them() {
        let names = texts(&["a", "b"], 6);
        let patterns = texts(&["a", "b", "*", "**"], 3);
        let matching = |pattern: &String| {
            let built = GlobBuilder::new(pattern).literal_separator(true).build();
            let glob = built.unwrap().compile_matcher();
            let matching = names.iter().map(|name| glob.is_match(name));
            matching.collect::<Vec<bool>>()
        };
        let matching: Vec<Vec<bool>> = patterns.iter().map(matching).collect();
        for (one, of_one) in patterns.iter().zip(&matching) {
            for (other, of_other) in patterns.iter().zip(&matching) {
                let mut both = of_one.iter().zip(of_other);
                let meet = both.clone().any(|(one, other)| *one && *other);
                assert_eq!(may_meet(one, other), meet, "{one} {other}");
                if Pattern::of(one).covers(&Pattern::of(other)) {
                    let is_covered = both.all(|(one, other)| *one || !other);
                    assert!(is_covered, "{one} {other}");
                }
            }
        }
    }

    #[test]
    fn patterns_that_might_meet_in_very_many_ways_are_compared_all_the_same() {
        let hostile = |last: &str| "**/a/".repeat(50) + last;
        assert!(may_meet(&hostile("b"), &hostile("b")));
        assert!(!may_meet(&hostile("b"), &hostile("c")));
    }
}

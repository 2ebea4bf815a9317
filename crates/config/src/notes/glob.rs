//! What two patterns have in common, as far as their texts tell.
//!
//! Part by part between slashes. What is not known is answered so that nobody is told something wrong: they may meet, and neither
//! covers the other.

use globset::GlobBuilder;

/// Stands for any number of parts.
const ANY_PARTS: &str = "**";

/// Whether a name may match both.
pub(super) fn may_meet(one: &str, other: &str) -> bool {
    match (split(one), split(other)) {
        (Some(one), Some(other)) => parts_meet(&one, &other),
        _ => true,
    }
}

/// Whether every name that matches `other` matches `first`.
pub(super) fn covers(first: &str, other: &str) -> bool {
    match (split(first), split(other)) {
        (Some(first), Some(other)) => parts_cover(&first, &other),
        _ => first == other,
    }
}

/// The parts; `None` where a slash is no end of one.
fn split(pattern: &str) -> Option<Vec<&str>> {
    let parts: Vec<&str> = pattern.split('/').collect();
    let is_whole = |part: &&str| {
        let count = |byte| part.bytes().filter(|found| *found == byte).count();
        count(b'{') == count(b'}') && count(b'[') == count(b']')
    };
    parts.iter().all(is_whole).then_some(parts)
}

fn parts_meet(one: &[&str], other: &[&str]) -> bool {
    match (one, other) {
        ([], []) => true,
        ([ANY_PARTS], []) | ([], [ANY_PARTS]) => false,
        ([ANY_PARTS, rest @ ..], other) | (other, [ANY_PARTS, rest @ ..]) => {
            let mut from = usize::from(rest.is_empty())..=other.len();
            from.any(|from| rest.is_empty() || parts_meet(rest, &other[from..]))
        }
        ([one, ones @ ..], [other, others @ ..]) => {
            part_meets(one, other) && parts_meet(ones, others)
        }
        _ => false,
    }
}

fn parts_cover(first: &[&str], other: &[&str]) -> bool {
    match (first, other) {
        ([], []) | ([ANY_PARTS], [_, ..]) => true,
        ([first, firsts @ ..], [other, others @ ..]) => {
            part_covers(first, other) && parts_cover(firsts, others)
        }
        _ => false,
    }
}

fn part_meets(one: &str, other: &str) -> bool {
    match (is_plain(one), is_plain(other)) {
        (true, true) => one == other,
        (false, true) => matches(one, other),
        (true, false) => matches(other, one),
        (false, false) => {
            let (one, other) = (literal_start(one), literal_start(other));
            one.starts_with(other) || other.starts_with(one)
        }
    }
}

fn part_covers(first: &str, other: &str) -> bool {
    let is_one_part = other != ANY_PARTS;
    first == other || is_one_part && (first == "*" || is_plain(other) && matches(first, other))
}

fn matches(pattern: &str, text: &str) -> bool {
    let built = GlobBuilder::new(pattern).literal_separator(true).build();
    built.is_ok_and(|glob| glob.compile_matcher().is_match(text))
}

/// True if it stands for itself alone.
pub(super) fn is_plain(part: &str) -> bool {
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
            assert_eq!(covers(first, other), expected, "{first} {other}");
        }
    }
}

//! Names of tags in the order of their bytes, in one piece of memory.
//!
//! A list may have tens of thousands and is asked for again and again: a text of its own for each would cost more than looking it up.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use forebay_oci::Tag;
use serde::{Serialize, Serializer};

/// Names of tags, each once, in the order of their bytes. Clones, and [`after`](Self::after), share the memory.
#[derive(Clone, Default)]
pub struct TagNames {
    all: Arc<Names>,
    shown: Range<usize>,
}

#[derive(Default)]
struct Names {
    /// One after the other.
    text: String,
    /// Where each ends in it.
    ends: Vec<usize>,
}

impl TagNames {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.shown.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// Each, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.shown.clone().map(|index| self.all.name(index))
    }

    /// The last one.
    pub fn last(&self) -> Option<&str> {
        let index = self.shown.clone().next_back()?;
        Some(self.all.name(index))
    }

    /// Those after `after`, which need not be one of them, at most `limit`.
    #[must_use]
    pub fn after(&self, after: Option<&str>, limit: usize) -> Self {
        let first = after.map_or(self.shown.start, |after| self.first_above(after));
        let end = first.saturating_add(limit).min(self.shown.end);
        Self {
            all: Arc::clone(&self.all),
            shown: first..end,
        }
    }

    /// How much memory all that share it hold, in bytes.
    pub fn memory(&self) -> usize {
        self.all.text.capacity() + self.all.ends.capacity() * size_of::<usize>()
    }

    /// The index of the first name above `text`, or the end.
    fn first_above(&self, text: &str) -> usize {
        let (mut low, mut high) = (self.shown.start, self.shown.end);
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.all.name(middle) <= text {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

impl Names {
    fn name(&self, index: usize) -> &str {
        let begin = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[begin..self.ends[index]]
    }
}

/// Of tags that are in the order of their bytes, each once.
impl FromIterator<Tag> for TagNames {
    fn from_iter<T: IntoIterator<Item = Tag>>(tags: T) -> Self {
        let mut names = Names::default();
        for tag in tags {
            names.text.push_str(tag.as_str());
            names.ends.push(names.text.len());
        }
        names.text.shrink_to_fit();
        names.ends.shrink_to_fit();
        Self {
            shown: 0..names.ends.len(),
            all: Arc::new(names),
        }
    }
}

/// As a list of texts.
impl Serialize for TagNames {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl PartialEq for TagNames {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for TagNames {}

impl fmt::Debug for TagNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(texts: &[&str]) -> TagNames {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_page_of_names_is_what_is_above_and_no_more_than_asked() {
        let all = names(&["1.0", "1.10", "1.9", "latest", "v"]);
        let table: [(Option<&str>, usize, &[&str]); 10] = [
            (None, 9, &["1.0", "1.10", "1.9", "latest", "v"]),
            (None, 2, &["1.0", "1.10"]),
            (None, 0, &[]),
            (Some(""), 2, &["1.0", "1.10"]),
            (Some("1.0"), 2, &["1.10", "1.9"]),
            (Some("1.1"), 1, &["1.10"]),
            (Some("a\0é"), 9, &["latest", "v"]),
            (Some("latest"), usize::MAX, &["v"]),
            (Some("v"), 9, &[]),
            (Some("é"), 9, &[]),
        ];
        for (after, limit, expected) in table {
            let page = all.after(after, limit);
            assert_eq!(page, names(expected), "{limit} after {after:?}");
            assert_eq!(page.len(), expected.len());
            assert_eq!(page.is_empty(), expected.is_empty());
            assert_eq!(page.last(), expected.last().copied());
        }
    }

    #[test]
    fn a_page_of_a_page_stays_within_it() {
        let page = names(&["a", "b", "c", "d"]).after(Some("a"), 2);
        assert_eq!(page, names(&["b", "c"]));
        assert_eq!(page.after(None, 9), names(&["b", "c"]));
        assert_eq!(page.after(Some("b"), 9), names(&["c"]));
        assert_ne!(page, names(&["b", "d"]));
    }

    #[test]
    fn names_are_written_as_a_list() {
        let written = serde_json::to_string(&names(&["1.0", "a_b"])).unwrap();
        assert_eq!(written, r#"["1.0","a_b"]"#);
        assert_eq!(serde_json::to_string(&TagNames::default()).unwrap(), "[]");
        assert_eq!(format!("{:?}", names(&["a"])), r#"["a"]"#);
    }

    #[test]
    fn names_hold_little_more_memory_than_their_letters() {
        let one = names(&["a.long.name.of.a.tag"]);
        assert_eq!(one.memory(), 20 + size_of::<usize>());
        assert_eq!(one.after(None, 0).memory(), one.memory());
        assert_eq!(TagNames::default().memory(), 0);
    }
}

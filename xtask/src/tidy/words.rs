//! Words that have no place in what is finished: markers of work to do, and lints that are silenced for good.

use crate::finding::Finding;
use crate::tree::{File, Tree};

/// Markers, written so that this file has none.
const MARKERS: [&str; 5] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("to", "do!"),
    concat!("unimplemen", "ted!"),
];

/// How a lint is silenced without a check that it still speaks.
const SILENCERS: [&str; 2] = [concat!("#[", "allow("), concat!("#![", "allow(")];

/// Checks every text for markers and every Rust source for silenced lints.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let markers = tree
        .files
        .iter()
        .filter(|file| !is_made_by_a_tool(file))
        .flat_map(find_markers);
    let silencers = tree.rust().flat_map(find_silencers);
    markers.chain(silencers).collect()
}

fn is_made_by_a_tool(file: &File) -> bool {
    file.has_extension("lock") || file.has_extension("snap")
}

fn find_markers(file: &File) -> Vec<Finding> {
    file.lines()
        .filter_map(|(number, line)| {
            let marker = MARKERS.iter().find(|marker| has_word(line, marker))?;
            let what = format!("the marker {marker}");
            let advice = "finish it, or say what is so without a marker";
            Some(Finding::failure(file.path.clone(), number, what, advice))
        })
        .collect()
}

fn find_silencers(file: &File) -> Vec<Finding> {
    file.lines()
        .filter(|(_, line)| {
            let line = line.trim_start();
            SILENCERS.iter().any(|silencer| line.starts_with(silencer))
        })
        .map(|(number, _)| {
            let what = "a lint is allowed";
            let advice = "mend it, or #[expect(lint, reason = \"…\")]";
            Finding::failure(file.path.clone(), number, what, advice)
        })
        .collect()
}

/// Whether `word` stands in `line` with no letter, digit or underscore beside it.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        !before.is_some_and(is_part) && (word.ends_with('!') || !after.is_some_and(is_part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::sample::tree;

    #[test]
    fn a_marker_is_found_as_a_word_only() {
        for marker in MARKERS {
            let text = format!("fine\n// {marker}: later\n");
            let found = check(&tree(&[("a.md", &text)]));
            assert_eq!(found.len(), 1, "{marker}");
            assert_eq!(found[0].line, 2);
            let inside = format!("A{marker}B methodo!\n");
            assert_eq!(check(&tree(&[("a.md", &inside)])), [], "{marker}");
            assert_eq!(check(&tree(&[("a.snap", &text)])), []);
        }
    }

    #[test]
    fn a_silenced_lint_is_found_in_rust_only() {
        for silencer in SILENCERS {
            let text = format!("    {silencer}dead_code)]\n");
            assert_eq!(check(&tree(&[("a.rs", &text)])).len(), 1);
            assert_eq!(check(&tree(&[("a.md", &text)])), []);
        }
        let expected = "#[expect(dead_code, reason = \"x\")]\n";
        assert_eq!(check(&tree(&[("a.rs", expected)])), []);
    }
}

//! What differs between two texts, line by line, as a patch has it.

use forebay_rewrite::Edit;
use forebay_rewrite::rules::unified_diff;

/// The most lines compared with each other; beyond it a change is shown as one block.
const MAX_COMPARED: usize = 4_000_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Same,
    Gone,
    New,
}

/// The difference of a file's texts, which `patch -p1` takes below the root; empty if there is none.
pub fn difference(path: &str, before: &str, after: &str) -> String {
    let edits = edits(before, after);
    if edits.is_empty() {
        return String::new();
    }
    unified_diff(path.trim_start_matches('/').as_bytes(), before, &edits)
}

/// The lines that change, those beside each other as one.
fn edits(before: &str, after: &str) -> Vec<Edit> {
    let (old, new) = (lines(before), lines(after));
    let mut edits: Vec<Edit> = Vec::new();
    let (mut at, mut is_open) = (0, false);
    for (mark, line) in mark(&old, &new) {
        if mark == Mark::Same {
            is_open = false;
        } else if !is_open {
            is_open = true;
            let (start, end, new) = (at, at, String::new());
            edits.push(Edit { start, end, new });
        }
        match (mark, edits.last_mut()) {
            (Mark::Gone, Some(edit)) => edit.end += line.len(),
            (Mark::New, Some(edit)) => edit.new.push_str(line),
            _ => {}
        }
        at += if mark == Mark::New { 0 } else { line.len() };
    }
    edits
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Each line of both, in order: the longest common subsequence stays.
fn mark<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(Mark, &'a str)> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let tails = old[head..].iter().rev().zip(new[head..].iter().rev());
    let tail = tails.take_while(|(a, b)| a == b).count();
    let (gone, come) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);
    let same = |lines: &[&'a str]| {
        lines
            .iter()
            .map(|line| (Mark::Same, *line))
            .collect::<Vec<_>>()
    };
    let mut marked = same(&old[..head]);
    marked.extend(between(gone, come));
    marked.extend(same(&old[old.len() - tail..]));
    marked
}

fn between<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(Mark, &'a str)> {
    let mut marked = Vec::new();
    let (mut i, mut j) = (0, 0);
    if old.len() * new.len() <= MAX_COMPARED {
        let common = common_lengths(old, new);
        let width = new.len() + 1;
        while i < old.len() && j < new.len() {
            if old[i] == new[j] {
                marked.push((Mark::Same, old[i]));
                (i, j) = (i + 1, j + 1);
            } else if common[(i + 1) * width + j] >= common[i * width + j + 1] {
                marked.push((Mark::Gone, old[i]));
                i += 1;
            } else {
                marked.push((Mark::New, new[j]));
                j += 1;
            }
        }
    }
    marked.extend(old[i..].iter().map(|line| (Mark::Gone, *line)));
    marked.extend(new[j..].iter().map(|line| (Mark::New, *line)));
    marked
}

/// How many lines the rests from each pair of places on have in common, row by row.
fn common_lengths(old: &[&str], new: &[&str]) -> Vec<u32> {
    let width = new.len() + 1;
    let mut common = vec![0; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i * width + j] = if old[i] == new[j] {
                common[(i + 1) * width + j + 1] + 1
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
        }
    }
    common
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn one_text_and_the_edits_make_the_other(before in "([ab]\r?\n){0,12}[ab]?", after in "([ab]\r?\n){0,12}[ab]?") {
            let made = forebay_rewrite::apply(&before, edits(&before, &after));
            prop_assert_eq!(made.ok(), Some(after));
        }
    }

    #[test]
    fn changes_are_shown_with_what_is_around_them() {
        let before = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n";
        let after = "1\n2\n3\n4\nfive\n6\n7\n8\n9\n10\n11\n12\n13";
        assert_eq!(
            difference("/etc/a", before, after),
            "--- a/etc/a\n+++ b/etc/a\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n@@ -10,3 +10,4 @@\n 10\n 11\n 12\n+13\n\\ No \
             newline at end of file\n"
        );
        assert_eq!(difference("f", "a\n", "a\n"), "");
        assert_eq!(
            difference("f", "", "a\n"),
            "--- a/f\n+++ b/f\n@@ -0,0 +1 @@\n+a\n"
        );
        assert_eq!(
            difference("f", "a\nb\n", "b\nc\n"),
            "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n-a\n b\n+c\n"
        );
    }
}

//! What differs between two texts, line by line, with a few lines around.

use std::fmt::Write as _;

/// Lines shown around a change.
const AROUND: usize = 3;

/// The most lines compared with each other; beyond it a change is shown as one block.
const MAX_COMPARED: usize = 4_000_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Same,
    Gone,
    New,
}

/// The difference as `diff -u` shows it, without the names of files; empty if there is none.
pub fn difference(before: &str, after: &str) -> String {
    let (old, new) = (lines(before), lines(after));
    let marked = mark(&old, &new);
    let mut shown = vec![false; marked.len()];
    for (at, (mark, _)) in marked.iter().enumerate() {
        if *mark != Mark::Same {
            let from = at.saturating_sub(AROUND);
            let to = (at + AROUND + 1).min(shown.len());
            shown[from..to].fill(true);
        }
    }
    let mut text = String::new();
    let (mut old_line, mut new_line) = (1_usize, 1_usize);
    let mut was_shown = false;
    for ((mark, line), is_shown) in marked.iter().zip(shown) {
        if is_shown && !was_shown {
            let _ = writeln!(text, "@@ -{old_line} +{new_line} @@");
        }
        was_shown = is_shown;
        if is_shown {
            let sign = match mark {
                Mark::Same => ' ',
                Mark::Gone => '-',
                Mark::New => '+',
            };
            text.push(sign);
            text.push_str(line.trim_end_matches(['\n', '\r']));
            text.push('\n');
        }
        old_line += usize::from(*mark != Mark::New);
        new_line += usize::from(*mark != Mark::Gone);
    }
    text
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
    use super::difference;

    #[test]
    fn changes_are_shown_with_what_is_around_them() {
        let before = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n";
        let after = "1\n2\n3\n4\nfive\n6\n7\n8\n9\n10\n11\n12\n13";
        assert_eq!(
            difference(before, after),
            "@@ -2 +2 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n@@ -10 +10 @@\n 10\n 11\n 12\n+13\n"
        );
        assert_eq!(difference("a\n", "a\n"), "");
        assert_eq!(difference("", "a\n"), "@@ -1 +1 @@\n+a\n");
    }
}

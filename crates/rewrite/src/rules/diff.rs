//! A unified diff, made from the edits themselves: nothing has to be compared.

use std::fmt::Write as _;
use std::ops::Range;

use super::quote::quoted_name;
use crate::Edit;

/// Lines shown before and after what changes.
const CONTEXT_LINES: usize = 3;

/// The diff of a text and its sorted edits, as `diff -u` writes it; the file's name as git does.
pub fn unified_diff(path: &[u8], text: &str, edits: &[Edit]) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut starts = Vec::with_capacity(lines.len() + 1);
    let mut at = 0;
    for line in &lines {
        starts.push(at);
        at += line.len();
    }
    starts.push(at);
    let blocks = blocks(&starts, text, edits);
    let mut out = String::new();
    for (sign, side) in [("---", "a/"), ("+++", "b/")] {
        let name = [side.as_bytes(), path].concat();
        let name = quoted_name(&name);
        // A tab says where a name with spaces ends.
        let end = if name.contains(' ') && !name.starts_with('"') {
            "\t"
        } else {
            ""
        };
        let _ = writeln!(out, "{sign} {name}{end}");
    }
    let mut shift = 0_isize;
    for hunk in hunks(&blocks, lines.len()) {
        write_hunk(&mut out, &hunk, &lines, &mut shift);
    }
    out
}

/// Lines that go, and what takes their place.
struct Block {
    lines: Range<usize>,
    new: String,
}

/// Edits by the lines that they touch.
fn blocks(starts: &[usize], text: &str, edits: &[Edit]) -> Vec<Block> {
    let last_line = starts.len().saturating_sub(2);
    let line_of = |at: usize| {
        starts
            .partition_point(|start| *start <= at)
            .saturating_sub(1)
    };
    let mut blocks: Vec<(Range<usize>, Vec<&Edit>)> = Vec::new();
    for edit in edits {
        let is_line_insertion = edit.start == edit.end
            && (edit.new.ends_with('\n') || edit.start == text.len())
            && starts.binary_search(&edit.start).is_ok();
        let lines = if is_line_insertion {
            let line = line_of(edit.start).min(starts.len() - 1);
            line..line
        } else {
            let first = line_of(edit.start).min(last_line);
            let end = edit.end.max(edit.start + 1) - 1;
            first..line_of(end).min(last_line) + 1
        };
        match blocks.last_mut() {
            // Lines beside each other are one change, as `diff` has it.
            Some((before, edits)) if lines.start <= before.end => {
                before.end = before.end.max(lines.end);
                edits.push(edit);
            }
            _ => blocks.push((lines, vec![edit])),
        }
    }
    let block = |(lines, edits): (Range<usize>, Vec<&Edit>)| {
        let mut new = String::new();
        let mut at = starts[lines.start];
        for edit in edits {
            new.push_str(&text[at..edit.start]);
            new.push_str(&edit.new);
            at = edit.end;
        }
        new.push_str(&text[at..starts[lines.end].max(at)]);
        Block { lines, new }
    };
    blocks.into_iter().map(block).collect()
}

/// Blocks that share context, and the lines that they show.
struct Hunk<'a> {
    shown: Range<usize>,
    blocks: Vec<&'a Block>,
}

fn hunks(blocks: &[Block], count: usize) -> Vec<Hunk<'_>> {
    let mut hunks: Vec<Hunk<'_>> = Vec::new();
    for block in blocks {
        let start = block.lines.start.saturating_sub(CONTEXT_LINES);
        let end = (block.lines.end + CONTEXT_LINES).min(count);
        match hunks.last_mut() {
            Some(hunk) if start <= hunk.shown.end => {
                hunk.shown.end = end;
                hunk.blocks.push(block);
            }
            _ => hunks.push(Hunk {
                shown: start..end,
                blocks: vec![block],
            }),
        }
    }
    hunks
}

fn write_hunk(out: &mut String, hunk: &Hunk<'_>, lines: &[&str], shift: &mut isize) {
    let removed: usize = hunk.blocks.iter().map(|block| block.lines.len()).sum();
    let added: usize = hunk
        .blocks
        .iter()
        .map(|block| block.new.lines().count())
        .sum();
    let old_count = hunk.shown.len();
    let new_count = old_count - removed + added;
    let first = hunk.shown.start + 1;
    let _ = writeln!(
        out,
        "@@ -{} +{} @@",
        place(first, old_count),
        place(first.saturating_add_signed(*shift), new_count)
    );
    *shift += added.cast_signed() - removed.cast_signed();
    let mut at = hunk.shown.start;
    for block in &hunk.blocks {
        for line in &lines[at..block.lines.start] {
            write_line(out, ' ', line);
        }
        for line in &lines[block.lines.clone()] {
            write_line(out, '-', line);
        }
        for line in block.new.split_inclusive('\n') {
            write_line(out, '+', line);
        }
        at = block.lines.end;
    }
    for line in &lines[at..hunk.shown.end] {
        write_line(out, ' ', line);
    }
}

/// `3,7`, as the format has it: one line is not counted.
fn place(first: usize, count: usize) -> String {
    match count {
        0 => format!("{},0", first - 1),
        1 => first.to_string(),
        _ => format!("{first},{count}"),
    }
}

fn write_line(out: &mut String, sign: char, line: &str) {
    out.push(sign);
    out.push_str(line);
    if !line.ends_with('\n') {
        out.push_str("\n\\ No newline at end of file\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(text: &str, old: &str, new: &str) -> Edit {
        let start = text.find(old).unwrap();
        Edit {
            start,
            end: start + old.len(),
            new: new.to_owned(),
        }
    }

    #[test]
    fn a_changed_line_is_shown_with_three_around_it() {
        let text = "1\n2\n3\n4\nx: a\n6\n7\n8\n9\n";
        let diff = unified_diff(b"x.yml", text, &[edit(text, "a", "b")]);
        assert_eq!(
            diff,
            "--- a/x.yml\n+++ b/x.yml\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-x: a\n+x: b\n 6\n 7\n 8\n"
        );
    }

    #[test]
    fn a_name_that_is_no_plain_word_is_written_as_git_writes_it() {
        let header = |path: &[u8]| {
            let diff = unified_diff(path, "a\n", &[edit("a\n", "a", "b")]);
            diff.lines().next().unwrap_or_default().to_owned()
        };
        assert_eq!(header(b"x y"), "--- a/x y\t");
        assert_eq!(header(b"x\ty"), "--- \"a/x\\ty\"");
        assert_eq!(header(b"\xff"), "--- \"a/\\377\"");
    }

    #[test]
    fn two_edits_of_one_line_are_one_change_and_a_missing_line_end_is_told() {
        let text = "a b";
        let diff = unified_diff(b"x", text, &[edit(text, "a", "c"), edit(text, "b", "d")]);
        assert!(
            diff.ends_with(
                "@@ -1 +1 @@\n-a b\n\\ No newline at end of file\n+c d\n\\ No newline at end of file\n"
            ),
            "{diff}"
        );
    }

    #[test]
    fn lines_that_are_put_between_others_take_none_away() {
        let text = "a\nb\n";
        let put = Edit {
            start: 4,
            end: 4,
            new: "c\n".to_owned(),
        };
        let diff = unified_diff(b"x", text, &[put]);
        assert!(diff.ends_with("@@ -1,2 +1,3 @@\n a\n b\n+c\n"), "{diff}");
        let put = |start, new: &str| Edit {
            start,
            end: start,
            new: new.to_owned(),
        };
        let diff = unified_diff(b"x", text, &[put(4, "c")]);
        assert!(
            diff.ends_with("@@ -1,2 +1,3 @@\n a\n b\n+c\n\\ No newline at end of file\n"),
            "{diff}"
        );
        let diff = unified_diff(b"x", "", &[put(0, "c\n")]);
        assert!(diff.ends_with("@@ -0,0 +1 @@\n+c\n"), "{diff}");
    }
}

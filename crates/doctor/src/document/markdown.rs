//! A document as Markdown, fit to be sent on.
//!
//! What was quoted from logs cannot become markup: see `inert`.

use super::inert::{begin_inert, inert};
use super::{Block, Code, Document};

/// The shortest fence.
const MIN_FENCE: usize = 3;

/// Writes it.
pub(super) fn write(document: &Document) -> String {
    let mut out = format!("# {}\n", inert(&document.title));
    for section in &document.sections {
        let end = out.trim_end().len();
        out.truncate(end);
        out.push_str("\n\n");
        if !section.title.is_empty() {
            out.push_str("## ");
            out.push_str(&inert(&section.title));
            out.push_str("\n\n");
        }
        let mut is_list = false;
        for block in &section.blocks {
            let is_point = matches!(
                block,
                Block::Point(_) | Block::Numbered(..) | Block::Labelled(..)
            );
            if is_list && !is_point {
                out.push('\n');
            }
            write_block(block, &mut out);
            is_list = is_point;
        }
    }
    let end = out.trim_end().len();
    out.truncate(end);
    out.push('\n');
    out
}

fn write_block(block: &Block, out: &mut String) {
    let text = match block {
        Block::Paragraph(text) => format!("{}\n\n", begin_inert(text)),
        Block::Point(text) => format!("- {}\n", begin_inert(text)),
        Block::Labelled(label, text) if label.is_empty() => format!("  {}\n", begin_inert(text)),
        Block::Labelled(label, text) => format!("- {}: {}\n", begin_inert(label), inert(text)),
        Block::Numbered(number, text) => format!("{number}. {}\n", begin_inert(text)),
        Block::Warning(text) => format!("> **Careful:** {}\n\n", inert(text)),
        Block::Code(code) => return write_code(code, out),
        Block::Table(rows) => return write_table(rows, out),
    };
    out.push_str(&text);
}

fn write_code(code: &Code, out: &mut String) {
    let fence = "`".repeat(longest_run(&code.text, '`').max(MIN_FENCE - 1) + 1);
    out.push_str(&fence);
    out.push_str(code.language);
    out.push('\n');
    out.push_str(code.text.trim_end());
    out.push('\n');
    out.push_str(&fence);
    out.push_str("\n\n");
}

fn write_table(rows: &[Vec<String>], out: &mut String) {
    for (number, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row.iter().map(|cell| inert(cell)).collect();
        let text = format!("| {} |\n", cells.join(" | "));
        out.push_str(&text);
        if number == 0 {
            out.push_str(&"|---".repeat(row.len()));
            out.push_str("|\n");
        }
    }
    out.push('\n');
}

/// How often a character stands in a row, at most.
pub(super) fn longest_run(text: &str, wanted: char) -> usize {
    let runs = text.split(|c| c != wanted).map(str::len);
    runs.max().unwrap_or(0) / wanted.len_utf8()
}

//! A document as Markdown, fit to be sent on.
//!
//! What was quoted from logs cannot become markup: the characters that begin any are escaped.

use super::{Block, Code, Document};

/// Characters that would begin markup.
const MARKUP: [char; 11] = ['\\', '`', '*', '_', '[', ']', '<', '>', '|', '#', '~'];

/// Writes it.
pub(super) fn write(document: &Document) -> String {
    let mut out = format!("# {}\n", escape(&document.title));
    for section in &document.sections {
        let end = out.trim_end().len();
        out.truncate(end);
        out.push_str("\n\n## ");
        out.push_str(&escape(&section.title));
        out.push_str("\n\n");
        let mut is_list = false;
        for block in &section.blocks {
            let is_point = matches!(block, Block::Point(_) | Block::Numbered(..));
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
    match block {
        Block::Paragraph(text) => {
            out.push_str(&escape(text));
            out.push_str("\n\n");
        }
        Block::Point(text) => {
            out.push_str("- ");
            out.push_str(&escape(text));
            out.push('\n');
        }
        Block::Numbered(number, text) => {
            let text = format!("{number}. {}\n", escape(text));
            out.push_str(&text);
        }
        Block::Warning(text) => {
            let text = format!("> **Careful:** {}\n\n", escape(text));
            out.push_str(&text);
        }
        Block::Code(code) => write_code(code, out),
        Block::Table(rows) => write_table(rows, out),
    }
}

fn write_code(code: &Code, out: &mut String) {
    out.push_str("```");
    out.push_str(code.language);
    out.push('\n');
    out.push_str(code.text.trim_end());
    out.push_str("\n```\n\n");
}

fn write_table(rows: &[Vec<String>], out: &mut String) {
    for (number, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row.iter().map(|cell| escape(cell)).collect();
        let text = format!("| {} |\n", cells.join(" | "));
        out.push_str(&text);
        if number == 0 {
            out.push_str(&"|---".repeat(row.len()));
            out.push_str("|\n");
        }
    }
    out.push('\n');
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if MARKUP.contains(&c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

//! A document as text for a terminal.
//!
//! Commands begin with `$ `; nothing is wrapped, and no line within a command has one, so that they can be copied.

use super::{Block, Code, Document};

/// Between a label and what it says.
const LABEL_GAP: usize = 2;

/// Writes it.
pub(super) fn write(document: &Document) -> String {
    let mut out = String::new();
    for section in &document.sections {
        if !out.is_empty() {
            out.push('\n');
        }
        if !section.title.is_empty() {
            line(&section.title, &mut out);
        }
        let labels = section.blocks.iter().filter_map(|block| match block {
            Block::Labelled(label, _) => Some(label.chars().count() + LABEL_GAP),
            _ => None,
        });
        let width = labels.max().unwrap_or(0);
        for block in &section.blocks {
            write_block(block, width, &mut out);
        }
    }
    out
}

fn write_block(block: &Block, width: usize, out: &mut String) {
    match block {
        Block::Paragraph(text) => line(&format!("  {text}"), out),
        Block::Point(text) => line(&format!("  - {text}"), out),
        Block::Labelled(label, text) => line(&format!("  {label:<width$}{text}"), out),
        Block::Numbered(number, text) => line(&format!("  {number}. {text}"), out),
        Block::Warning(text) => line(&format!("  ! {text}"), out),
        Block::Code(code) => write_code(code, out),
        Block::Table(rows) => write_table(rows, out),
    }
}

fn write_code(code: &Code, out: &mut String) {
    // A prompt only where a line is a command by itself.
    let mut goes_on = false;
    let mut is_in_loop = false;
    let mut input_until: Option<&str> = None;
    for text in code.text.lines() {
        let is_input =
            goes_on || is_in_loop || input_until.is_some() || text.starts_with([' ', '#']);
        let prompt = if code.language == "sh" && !is_input {
            "$ "
        } else {
            "  "
        };
        line(format!("      {prompt}{text}").trim_end(), out);
        goes_on = text.ends_with('\\');
        is_in_loop = text.ends_with("; do") || is_in_loop && text != "done";
        input_until = match input_until {
            Some(end) if end == text => None,
            None => text
                .split_once("<<'")
                .map(|(_, end)| end.trim_end_matches('\'')),
            inside => inside,
        };
    }
}

fn write_table(rows: &[Vec<String>], out: &mut String) {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    for row in rows {
        let mut text = String::from("   ");
        for (column, cell) in row.iter().enumerate() {
            let padding = width(column).saturating_sub(cell.chars().count());
            text.push_str("  ");
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', padding));
        }
        line(text.trim_end(), out);
    }
}

fn line(text: &str, out: &mut String) {
    out.push_str(text);
    out.push('\n');
}

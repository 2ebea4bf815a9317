//! What is said to people: sections of paragraphs, lists, commands and tables.
//!
//! Said once, and written as plain text or as Markdown. Every text loses control characters, accounts and tokens here, so
//! that no way to print can forget it; commands are made of names that were checked before (`facts`).

mod inert;
mod markdown;
mod text;

use forebay_limits::shown;
use serde::Serialize;

/// The most bytes of a paragraph.
const MAX_TEXT_BYTES: usize = 4_096;

/// What is said, from its title on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    /// The title of all of it.
    pub title: String,
    /// Its sections.
    pub sections: Vec<Section>,
}

/// A heading and what stands below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The heading; empty if it has none.
    pub title: String,
    /// What stands below it.
    pub blocks: Vec<Block>,
}

/// A part of a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// A paragraph.
    Paragraph(String),
    /// A point of a list.
    Point(String),
    /// A label and what it says, in one line; lines that go on have no label.
    Labelled(String, String),
    /// A numbered point.
    Numbered(usize, String),
    /// Something that must not be overlooked.
    Warning(String),
    /// What is typed or put into a file.
    Code(Code),
    /// Rows of cells, the first of which is the head.
    Table(Vec<Vec<String>>),
}

/// What is typed or put into a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Code {
    /// What it is written in, as Markdown calls it: `sh`, `hcl`, `yaml`.
    pub language: &'static str,
    /// The text, of one line or several. What stands in angle brackets is not known and has to be put in.
    pub text: String,
}

impl Section {
    /// A section without anything in it.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: clean(&title.into()),
            blocks: Vec::new(),
        }
    }

    /// The same with a paragraph.
    #[must_use]
    pub fn paragraph(mut self, text: impl AsRef<str>) -> Self {
        self.blocks.push(Block::Paragraph(clean(text.as_ref())));
        self
    }

    /// The same with a point.
    #[must_use]
    pub fn point(mut self, text: impl AsRef<str>) -> Self {
        self.blocks.push(Block::Point(clean(text.as_ref())));
        self
    }

    /// The same with a labelled line.
    #[must_use]
    pub fn labelled(mut self, label: impl AsRef<str>, text: impl AsRef<str>) -> Self {
        let (label, text) = (clean(label.as_ref()), clean(text.as_ref()));
        self.blocks.push(Block::Labelled(label, text));
        self
    }

    /// The same with a numbered point.
    #[must_use]
    pub fn numbered(mut self, number: usize, text: impl AsRef<str>) -> Self {
        self.blocks
            .push(Block::Numbered(number, clean(text.as_ref())));
        self
    }

    /// The same with a warning.
    #[must_use]
    pub fn warning(mut self, text: impl AsRef<str>) -> Self {
        self.blocks.push(Block::Warning(clean(text.as_ref())));
        self
    }

    /// The same with something to type.
    #[must_use]
    pub fn code(mut self, mut code: Code) -> Self {
        code.text.retain(|c| c == '\n' || !c.is_control());
        self.blocks.push(Block::Code(code));
        self
    }

    /// The same with a table, if it has rows below its head.
    #[must_use]
    pub fn table(mut self, rows: Vec<Vec<String>>) -> Self {
        if rows.len() > 1 {
            let clean_row = |row: Vec<String>| row.iter().map(|cell| clean(cell)).collect();
            self.blocks
                .push(Block::Table(rows.into_iter().map(clean_row).collect()));
        }
        self
    }

    /// Whether nothing stands below the heading.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }
}

impl Code {
    /// Commands of a shell.
    pub fn shell(text: impl Into<String>) -> Self {
        Self {
            language: "sh",
            text: text.into(),
        }
    }

    /// A text in a language.
    pub fn of(language: &'static str, text: impl Into<String>) -> Self {
        Self {
            language,
            text: text.into(),
        }
    }
}

impl Document {
    /// The document with those of the sections in which something stands.
    pub fn new(title: impl Into<String>, sections: impl IntoIterator<Item = Section>) -> Self {
        let is_told = |section: &Section| !section.is_empty();
        Self {
            title: clean(&title.into()),
            sections: sections.into_iter().filter(is_told).collect(),
        }
    }

    /// As text for a terminal.
    pub fn to_text(&self) -> String {
        text::write(self)
    }

    /// As Markdown.
    pub fn to_markdown(&self) -> String {
        markdown::write(self)
    }
}

/// One line, without secrets and without what a terminal would obey.
fn clean(text: &str) -> String {
    shown(text, MAX_TEXT_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Document {
        let section = Section::new("Cause")
            .paragraph(
                "toomanyrequests: You have reached your pull rate limit as 'buildbot42'\u{1b}[31m",
            )
            .point("a | b")
            .numbered(1, "first")
            .warning("careful")
            .code(Code::shell("echo 1\necho 2"))
            .table(vec![
                vec!["what".to_owned(), "cost".to_owned()],
                vec!["a|b".to_owned(), "$1".to_owned()],
            ]);
        Document::new("Diagnosis", [section, Section::new("Empty")])
    }

    #[test]
    fn a_text_shows_no_account_and_no_control_character() {
        let text = document().to_text();
        assert!(
            !text.contains("buildbot42") && !text.contains('\u{1b}'),
            "{text}"
        );
        assert!(!text.contains("Empty"), "{text}");
        assert!(
            text.contains("  $ echo 1") && text.contains("! careful"),
            "{text}"
        );
    }

    #[test]
    fn nothing_that_a_terminal_obeys_comes_through_a_title_or_a_command() {
        let section = Section::new("pod w\u{1b}[31m\nX").code(Code::shell("a\u{1b}]0;x\u{7}\nb"));
        let document = Document::new("t\u{9b}1m", [section]);
        for text in [document.to_text(), document.to_markdown()] {
            assert!(
                !text.contains(|c: char| c.is_control() && c != '\n'),
                "{text:?}"
            );
            assert!(!text.contains("\nX"), "{text:?}");
        }
    }

    #[test]
    fn a_loop_and_its_end_are_copied_as_one_command() {
        let code = Code::shell("for one in a b; do\n  echo \"$one\"\ndone\necho 2");
        let text = Document::new("t", [Section::new("x").code(code)]).to_text();
        let expected =
            "      $ for one in a b; do\n          echo \"$one\"\n        done\n      $ echo 2\n";
        assert!(text.ends_with(expected), "{text}");
    }

    #[test]
    fn markdown_keeps_tables_whole_and_commands_in_fences() {
        let markdown = document().to_markdown();
        assert!(
            markdown.contains("```sh\necho 1\necho 2\n```"),
            "{markdown}"
        );
        assert!(markdown.contains("| a\\|b | $1 |"), "{markdown}");
        assert!(markdown.contains("> **Careful:** careful"), "{markdown}");
    }

    #[test]
    fn a_quoted_line_cannot_leave_its_paragraph_in_markdown() {
        let section = Section::new("x").point("``` <img src=x> [a](b) # *");
        let markdown = Document::new("t", [section]).to_markdown();
        assert!(
            markdown.contains("\\<img") && markdown.contains("\\[a\\](b)"),
            "{markdown}"
        );
    }
}

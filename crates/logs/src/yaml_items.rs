//! Takes the items out of what `kubectl get … -o yaml` prints, while it comes.
//!
//! By indentation alone: what an item says is for a parser of YAML. Only one item is held at a time.

use crate::json_items::{Found, Item, MAX_ITEM_BYTES};

/// What an object of Kubernetes begins with, its members in the order of their names.
const BEGIN: &str = "apiVersion: ";

/// The member of a list that holds its items.
const ITEMS: &str = "items:";

/// The last line in which the first document may begin: behind a mark, or the command that was typed.
const MAX_FIRST_LINE: u64 = 2;

/// What parts documents.
const NEXT_DOCUMENT: &str = "---";

/// The scanner's state.
#[derive(Debug, Default)]
pub struct YamlItems {
    state: State,
}

#[derive(Debug, Default)]
enum State {
    /// Behind a document, another may begin.
    Before,
    Inside(Document),
    /// The text is something else.
    #[default]
    Outside,
}

/// A document that is being read.
#[derive(Debug, Default)]
struct Document {
    is_list: bool,
    /// How far the items of its list are indented, as soon as there is one.
    indent: Option<usize>,
    item: Option<Open>,
}

/// An item that may go on: of a document that is no list, all of it.
#[derive(Debug)]
struct Open {
    text: String,
    first_line: u64,
    last_line: u64,
    is_too_long: bool,
}

impl YamlItems {
    /// Whether a document is open.
    pub const fn is_inside(&self) -> bool {
        matches!(self.state, State::Inside(_))
    }

    /// Reads a line, the first of which has the number 1; `None` if it is of no document.
    pub fn push_line(&mut self, line: &str, number: u64) -> Option<Found> {
        let mut found = Found::default();
        let is_mark = line.trim_end() == NEXT_DOCUMENT;
        let may_begin = number <= MAX_FIRST_LINE || matches!(self.state, State::Before);
        match &mut self.state {
            State::Inside(document) if is_mark => {
                document.close(&mut found);
                self.state = State::Before;
            }
            State::Inside(document) => {
                found.is_broken = !document.line(line, number, &mut found);
                if found.is_broken {
                    document.close(&mut found);
                    self.state = State::Outside;
                }
            }
            _ if may_begin && line.starts_with(BEGIN) => {
                let mut document = Document::default();
                document.line(line, number, &mut found);
                self.state = State::Inside(document);
            }
            _ => {
                self.state = State::Outside;
                return None;
            }
        }
        Some(found)
    }

    /// The end of the text.
    pub fn finish(&mut self) -> Found {
        let mut found = Found::default();
        if let State::Inside(document) = &mut self.state {
            document.close(&mut found);
        }
        self.state = State::Outside;
        found
    }
}

impl Document {
    /// Reads a line; whether it can be one of the document.
    fn line(&mut self, line: &str, number: u64, found: &mut Found) -> bool {
        let rest = line.trim_start_matches(' ');
        let indent = line.len() - rest.len();
        let is_blank = rest.trim_end().is_empty();
        let is_item = self.is_list
            && (rest.starts_with("- ") || rest.trim_end() == "-")
            && self.indent.is_none_or(|of_items| of_items == indent);
        if is_item {
            self.close(found);
            self.indent = Some(indent);
            let text = format!("{:indent$} {}", "", &rest[1..]);
            self.item = Some(Open::of(text, number));
            return true;
        }
        if indent == 0 && !is_blank {
            if !is_member(rest) {
                return false;
            }
            if self.is_list {
                // The list's other members.
                self.close(found);
                return true;
            }
            if rest.trim_end() == ITEMS {
                self.is_list = true;
                self.item = None;
                return true;
            }
        }
        match &mut self.item {
            Some(item) => item.push(line, number),
            None if !self.is_list => self.item = Some(Open::of(line.to_owned(), number)),
            None => {}
        }
        true
    }

    /// Ends the item that is open.
    fn close(&mut self, found: &mut Found) {
        match self.item.take() {
            None => {}
            Some(item) if item.is_too_long => {
                found.problems.push("an item is too long to be read");
            }
            Some(item) => found.items.push(Item {
                text: item.text,
                first_line: item.first_line,
                last_line: item.last_line,
            }),
        }
    }
}

impl Open {
    const fn of(text: String, line: u64) -> Self {
        Self {
            text,
            first_line: line,
            last_line: line,
            is_too_long: false,
        }
    }

    fn push(&mut self, line: &str, number: u64) {
        self.last_line = number;
        self.is_too_long |= self.text.len() + line.len() >= MAX_ITEM_BYTES;
        if !self.is_too_long {
            self.text.push('\n');
            self.text.push_str(line);
        }
    }
}

/// Whether a line without indentation is a member, a comment, or what ends a document.
fn is_member(line: &str) -> bool {
    if line.starts_with('#') || line.trim_end() == "..." {
        return true;
    }
    let Some((name, value)) = line.split_once(':') else {
        return false;
    };
    let is_word = name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_word
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && matches!(value.as_bytes().first(), None | Some(b' ' | b'\r'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<String>, usize) {
        let mut scanner = YamlItems::default();
        let (mut items, mut others) = (Vec::new(), 0);
        let mut take = |found: Found| {
            let told = |item: Item| format!("{}-{} {}", item.first_line, item.last_line, item.text);
            items.extend(found.items.into_iter().map(told));
        };
        for (index, line) in text.lines().enumerate() {
            match scanner.push_line(line, index as u64 + 1) {
                Some(found) => {
                    others += usize::from(found.is_broken);
                    take(found);
                }
                None => others += 1,
            }
        }
        take(scanner.finish());
        assert!(!scanner.is_inside());
        (items, others)
    }

    #[test]
    fn the_elements_of_a_list_are_its_items_however_it_is_indented() {
        let list = "apiVersion: v1\nitems:\n- a: 1\n  b:\n  - c\n- a: |\n    - x\n\n    y\nkind: List\nmetadata:\n  resourceVersion: \"\"\n";
        let items = ["3-5   a: 1\n  b:\n  - c", "6-9   a: |\n    - x\n\n    y"];
        assert_eq!(read(list), (items.map(str::to_owned).to_vec(), 0));
        let indented =
            "---\napiVersion: v1\nkind: List\nitems:\n  - a: 1\n    b:\n      - c\n  - a: 2\n";
        let items = ["5-7     a: 1\n    b:\n      - c", "8-8     a: 2"];
        assert_eq!(read(indented), (items.map(str::to_owned).to_vec(), 1));
        assert_eq!(read("apiVersion: v1\nitems: []\nkind: List\n").0.len(), 1);
    }

    #[test]
    fn a_document_that_is_no_list_is_one_item() {
        let documents = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - a\n---\napiVersion: v1\nkind: Pod\n";
        let items = [
            "1-5 apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - a",
            "7-8 apiVersion: v1\nkind: Pod",
        ];
        assert_eq!(read(documents), (items.map(str::to_owned).to_vec(), 0));
    }

    #[test]
    fn what_cannot_be_yaml_ends_it() {
        for (text, others) in [
            ("a\nb\napiVersion: v1\n", 3),
            ("apiVersion: v1\nError from server: x\nkind: Pod\n", 2),
            ("apiVersion: v1\n$ kubectl get pods\n", 1),
            ("---\nx\napiVersion: v1\n", 3),
        ] {
            assert_eq!(read(text).1, others, "{text}");
        }
    }

    #[test]
    fn an_item_beyond_the_bound_is_given_up_and_the_next_is_read() {
        let long = "x".repeat(MAX_ITEM_BYTES);
        let text = format!("apiVersion: v1\nitems:\n- a: 1\n  b: {long}\n- a: 2\n");
        assert_eq!(read(&text).0, ["5-5   a: 2"]);
    }
}

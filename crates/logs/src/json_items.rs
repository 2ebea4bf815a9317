//! Takes the items out of a JSON text while it comes, however long it is or wherever it was cut.
//!
//! An item is an element of the list that a tool's answer holds (`items`, `tasks`, `StackEvents` …), or an object of its own.
//! Only one item is held at a time.

/// The most bytes of one item.
pub const MAX_ITEM_BYTES: usize = 1 << 20;

/// The deepest nesting that is followed.
const MAX_DEPTH: usize = 128;

/// The longest name of a member that is compared.
const MAX_KEY_BYTES: usize = 64;

/// The members of an answer that hold its items.
const LISTS: [&str; 11] = [
    "pullThroughCacheRules",
    "items",
    "tasks",
    "services",
    "StackEvents",
    "stackEvents",
    "Stacks",
    "taskDefinitions",
    "events",
    "imageDetails",
    "Images",
];

/// One item's text and the lines it stood on.
#[derive(Debug, PartialEq, Eq)]
pub struct Item {
    /// The whole item.
    pub text: String,
    /// The number of its first line, as it was given.
    pub first_line: u64,
    /// The number of its last line.
    pub last_line: u64,
}

/// What a line held.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The items that ended in it.
    pub items: Vec<Item>,
    /// Items given up, each with why.
    pub problems: Vec<&'static str>,
    /// The line is no JSON: it may be anything else.
    pub is_broken: bool,
}

/// The scanner's state.
#[derive(Debug, Default)]
pub struct JsonItems {
    /// Open brackets, with whether an array's elements are items.
    stack: Vec<Bracket>,
    in_string: bool,
    is_escaped: bool,
    /// The last string of the outermost object: its members' names are among them.
    key: String,
    item: Option<Open>,
    /// The whole of an outermost object that shows no list.
    whole: Option<Open>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bracket {
    Object,
    List,
    Array,
}

/// An item that is not closed yet.
#[derive(Debug)]
struct Open {
    text: String,
    depth: usize,
    line: u64,
    is_too_long: bool,
}

impl JsonItems {
    /// Whether a bracket is open.
    pub fn is_inside(&self) -> bool {
        !self.stack.is_empty()
    }

    /// Whether a line outside of any bracket begins a JSON text.
    pub fn begins(line: &str) -> bool {
        let line = line.trim();
        match line.as_bytes() {
            [b'{' | b'['] => true,
            [b'{', rest @ ..] => {
                rest.trim_ascii_start().starts_with(b"\"")
                    || rest.trim_ascii_start().starts_with(b"}")
            }
            [b'[', rest @ ..] => rest.trim_ascii_start().starts_with(b"{"),
            _ => false,
        }
    }

    /// Reads a line. Where it turns out to be no JSON at all, the text is given up, and what follows may begin another.
    pub fn push_line(&mut self, line: &str, number: u64) -> Found {
        let mut found = self.push(line, number);
        // No string goes over a line's end.
        if self.in_string {
            self.give_up(&mut found);
        }
        self.keep("\n");
        found
    }

    /// Reads a part of a line.
    pub fn push(&mut self, part: &str, number: u64) -> Found {
        let mut found = Found::default();
        let mut rest = part;
        while let Some(c) = rest.chars().next() {
            let run = self.plain_run(rest);
            if !self.in_string && !rest.bytes().take(run).all(is_plain) {
                found.is_broken = true;
                self.give_up(&mut found);
                return found;
            }
            let width = run.max(c.len_utf8());
            self.keep(&rest[..width]);
            if run == 0 {
                self.step(c, number, &mut found);
            } else if self.in_string && self.stack.len() == 1 && self.key.len() < MAX_KEY_BYTES {
                self.key.push_str(&rest[..width]);
            }
            rest = &rest[width..];
        }
        found
    }

    fn give_up(&mut self, found: &mut Found) {
        *self = Self::default();
        found
            .problems
            .push("the JSON text is broken: an item is lost");
    }

    /// The end of the text: what is open is lost, and said so.
    pub fn finish(&mut self) -> Option<&'static str> {
        let was_cut = self.is_inside();
        *self = Self::default();
        was_cut.then_some("the JSON text is cut off: its last item is lost")
    }

    /// Bytes at the front that change nothing.
    fn plain_run(&self, text: &str) -> usize {
        if self.is_escaped {
            return 0;
        }
        let means_something = |byte: &u8| {
            if self.in_string {
                matches!(byte, b'"' | b'\\')
            } else {
                matches!(byte, b'"' | b'{' | b'}' | b'[' | b']')
            }
        };
        text.bytes()
            .position(|byte| means_something(&byte))
            .unwrap_or(text.len())
    }

    fn keep(&mut self, text: &str) {
        for open in [&mut self.item, &mut self.whole].into_iter().flatten() {
            if open.text.len() + text.len() > MAX_ITEM_BYTES {
                open.is_too_long = true;
            } else if !open.is_too_long {
                open.text.push_str(text);
            }
        }
    }

    fn step(&mut self, c: char, line: u64, found: &mut Found) {
        if self.in_string {
            let was_escaped = std::mem::take(&mut self.is_escaped);
            match c {
                '\\' if !was_escaped => self.is_escaped = true,
                '"' if !was_escaped => self.in_string = false,
                _ => {}
            }
            return;
        }
        match c {
            '"' => {
                self.in_string = true;
                if self.stack.len() == 1 {
                    self.key.clear();
                }
            }
            '{' => self.open_object(line),
            '[' => self.open_array(),
            '}' | ']' => self.close(line, found),
            _ => {}
        }
    }

    fn open_object(&mut self, line: u64) {
        let depth = self.stack.len();
        let is_item = self.stack.last() == Some(&Bracket::List);
        if depth < MAX_DEPTH {
            self.stack.push(Bracket::Object);
        }
        let open = || {
            Some(Open {
                text: "{".to_owned(),
                depth,
                line,
                is_too_long: false,
            })
        };
        if depth == 0 {
            self.whole = open();
        } else if is_item {
            self.item = open();
        }
    }

    fn open_array(&mut self) {
        let is_list = match self.stack.as_slice() {
            [] => true,
            [Bracket::Object] => LISTS.contains(&self.key.as_str()),
            _ => false,
        };
        if is_list {
            self.whole = None;
        }
        if self.stack.len() < MAX_DEPTH {
            self.stack.push(if is_list {
                Bracket::List
            } else {
                Bracket::Array
            });
        }
    }

    fn close(&mut self, line: u64, found: &mut Found) {
        self.stack.pop();
        let depth = self.stack.len();
        for slot in [&mut self.item, &mut self.whole] {
            if slot.as_ref().is_some_and(|open| open.depth == depth)
                && let Some(open) = slot.take()
            {
                if open.is_too_long {
                    found.problems.push("an item is too long to be read");
                } else {
                    found.items.push(Item {
                        text: open.text,
                        first_line: open.line,
                        last_line: line,
                    });
                }
            }
        }
    }
}

/// What may stand outside of strings and brackets: numbers, `true`, `false`, `null`, and what parts them.
const fn is_plain(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'\t' | b'\r' | b'\n' | b',' | b':' | b'0'..=b'9' | b'+' | b'-' | b'.' | b'E'
    ) || matches!(
        byte,
        b't' | b'r' | b'u' | b'e' | b'f' | b'a' | b'l' | b's' | b'n'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(text: &str) -> Vec<String> {
        let mut scanner = JsonItems::default();
        let mut all = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let found = scanner.push_line(line, number as u64 + 1);
            all.extend(
                found
                    .items
                    .into_iter()
                    .map(|item| item.text.replace('\n', "")),
            );
        }
        all
    }

    #[test]
    fn the_elements_of_an_answers_list_are_its_items() {
        assert_eq!(
            items(r#"{"items": [{"a": "}"}, {"b": [{"c": 1}]}], "kind": "List"}"#),
            [r#"{"a": "}"}"#, r#"{"b": [{"c": 1}]}"#]
        );
        assert_eq!(
            items("[\n{\"a\": 1},\n{\"b\": \"\\\"]\"}\n]"),
            [r#"{"a": 1}"#, r#"{"b": "\"]"}"#]
        );
        assert_eq!(
            items("{\"a\": 1}\n{\"b\": 2}"),
            [r#"{"a": 1}"#, r#"{"b": 2}"#]
        );
        assert_eq!(
            items(r#"{"kind": "Pod", "status": {"items": [{"x": 1}]}}"#).len(),
            1
        );
    }

    #[test]
    fn what_came_before_a_cut_is_read_and_the_cut_is_told() {
        let mut scanner = JsonItems::default();
        let found = scanner.push_line(r#"{"tasks": [{"a": 1}, {"b": "#, 1);
        assert_eq!(found.items.len(), 1);
        assert!(scanner.is_inside());
        assert!(scanner.finish().is_some());
        assert!(!scanner.is_inside());
    }

    #[test]
    fn what_is_no_json_is_given_up_at_once() {
        let mut scanner = JsonItems::default();
        scanner.push_line("{", 1);
        let found = scanner.push_line("level=info", 2);
        assert!(found.is_broken && !scanner.is_inside());
        scanner.push_line("{\"a\": \"cut", 3);
        assert!(!scanner.is_inside());
    }

    #[test]
    fn an_item_beyond_the_bound_is_given_up_and_the_next_is_read() {
        let long = "x".repeat(MAX_ITEM_BYTES);
        let mut scanner = JsonItems::default();
        let found = scanner.push_line(&format!(r#"[{{"a": "{long}"}}, {{"b": 1}}]"#), 1);
        assert_eq!((found.items.len(), found.problems.len()), (1, 1));
    }
}

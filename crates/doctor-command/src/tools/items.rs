//! A list in JSON, as `kubectl` answers, in its items: each is read when it is whole, and none is kept.
//!
//! Pure. However long the list is, one item of it takes room at a time.

use serde_json::Value;

use super::answer;
use super::program::Trouble;

/// The most bytes of an item: Kubernetes stores 1.5 MiB of one at most.
const MAX_ITEM_BYTES: usize = 4 << 20;

/// The most bytes of what stands beside the items.
const MAX_FRAME_BYTES: usize = 64 << 10;

/// What holds the items.
const ITEMS: &[u8] = b"\"items\"";

/// How deep in brackets an item begins: in the list, and in its `items`.
const DEPTH: u32 = 2;

/// A list that is being read.
pub(crate) struct Items<'a> {
    take: &'a mut dyn FnMut(&Value),
    /// The list without its items.
    frame: Vec<u8>,
    item: Vec<u8>,
    depth: u32,
    /// In a string; whether the next byte of it means itself.
    string: Option<bool>,
    is_within: bool,
    trouble: Option<Trouble>,
}

impl<'a> Items<'a> {
    /// Nothing of it so far; each item is handed on.
    pub(crate) fn new(take: &'a mut dyn FnMut(&Value)) -> Self {
        Self {
            take,
            frame: Vec::new(),
            item: Vec::new(),
            depth: 0,
            string: None,
            is_within: false,
            trouble: None,
        }
    }

    /// Reads on in it.
    pub(crate) fn push(&mut self, part: &[u8]) {
        for &byte in part {
            if self.trouble.is_some() {
                return;
            }
            self.take_in(byte);
        }
    }

    /// That was all.
    ///
    /// # Errors
    /// It is no list in JSON, or a refusal, or there is too much in one item. Some may have been taken.
    pub(crate) fn finish(mut self) -> Result<(), Trouble> {
        if let Some(trouble) = self.trouble.take() {
            return Err(trouble);
        }
        let frame = answer::read(&self.frame)?;
        if let Some(said) = answer::find_refusal(&self.frame) {
            return Err(Trouble::Refused(said));
        }
        let is_list = |items: &Value| items.is_array();
        if frame.is_object() && frame.get("items").is_none_or(is_list) {
            Ok(())
        } else {
            Err(Trouble::Rubbish)
        }
    }

    fn take_in(&mut self, byte: u8) {
        let before = self.depth;
        if !self.is_of_string(byte) {
            match byte {
                b'[' if before + 1 == DEPTH => self.is_within = self.is_items(),
                b']' if before == DEPTH && self.is_within => {
                    self.end_item();
                    self.is_within = false;
                }
                _ => {}
            }
            match byte {
                b'[' | b'{' => self.depth += 1,
                b']' | b'}' => self.depth = before.saturating_sub(1),
                _ => {}
            }
        }
        if !self.is_within || before < DEPTH {
            self.keep(byte);
        } else if before == DEPTH && self.string.is_none() && byte == b',' {
            self.end_item();
        } else if self.item.len() < MAX_ITEM_BYTES {
            self.item.push(byte);
        } else {
            self.trouble = Some(Trouble::TooRich);
        }
    }

    /// Whether it is in a string, or begins or ends one.
    fn is_of_string(&mut self, byte: u8) -> bool {
        let was_in = self.string.is_some();
        self.string = match (self.string, byte) {
            (Some(true), _) | (None, b'"') => Some(false),
            (Some(false), b'\\') => Some(true),
            (Some(false), b'"') => None,
            (before, _) => before,
        };
        was_in || self.string.is_some()
    }

    /// Whether the list that begins now is that of the items.
    fn is_items(&self) -> bool {
        let before = self.frame.trim_ascii_end().strip_suffix(b":");
        before.is_some_and(|before| before.trim_ascii_end().ends_with(ITEMS))
    }

    fn keep(&mut self, byte: u8) {
        if self.frame.len() < MAX_FRAME_BYTES {
            self.frame.push(byte);
        } else {
            self.trouble = Some(Trouble::Rubbish);
        }
    }

    fn end_item(&mut self) {
        if self.item.trim_ascii().is_empty() {
            return;
        }
        match answer::read(&self.item) {
            Ok(item) => (self.take)(&item),
            Err(trouble) => self.trouble = Some(trouble),
        }
        self.item.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, part_bytes: usize) -> Result<Vec<String>, Trouble> {
        let mut all = Vec::new();
        let mut take = |item: &Value| all.push(item.to_string());
        let mut items = Items::new(&mut take);
        text.as_bytes()
            .chunks(part_bytes)
            .for_each(|part| items.push(part));
        items.finish().map(|()| all)
    }

    #[test]
    fn items_are_read_one_by_one_in_whatever_parts_they_come() {
        let text = r#"{"kind": "List", "metadata": {"items": [1]}, "items" : [
            {"kind": "Po,d", "items": [{"name": "a\"],["}]}, {}
        , {"name": "[\\"}], "other": [{"kind": "Pod"}]}"#;
        let wanted = [
            r#"{"items":[{"name":"a\"],["}],"kind":"Po,d"}"#,
            "{}",
            r#"{"name":"[\\"}"#,
        ];
        for part_bytes in [1, 2, 7, 1_000] {
            assert_eq!(read(text, part_bytes).unwrap(), wanted, "{part_bytes}");
        }
        for none in ["{}", r#"{"items": []}"#, r#"{"items":[ ],"kind":"List"}"#] {
            assert!(read(none, 3).unwrap().is_empty(), "{none}");
        }
    }

    #[test]
    fn each_item_has_room_of_its_own_and_what_is_no_list_is_told() {
        let list = |items: &str| format!("{{\"kind\": \"List\", \"items\": [{items}]}}");
        let item = |values| format!("{{\"reason\": [{}0]}}", "0,".repeat(values));
        let much = item(60_000);
        let read = |text: &str| read(text, 64 << 10).map(|all| all.len());
        assert_eq!(read(&list(&format!("{much},{much},{{}}"))).unwrap(), 3);
        for too_much in [item(200_000), item(MAX_ITEM_BYTES / 2)] {
            assert!(matches!(read(&list(&too_much)), Err(Trouble::TooRich)));
        }
        let long = " ".repeat(2 * MAX_FRAME_BYTES);
        for text in [
            "",
            "[]",
            "[{}]",
            "{\"items\": {}}",
            "{\"items\": [{}}",
            "{\"items\": [{}]",
            "{\"items\": [{]}",
            "{\"items\": [tru]}",
            "{\"items\": [\"",
            "{} {}",
            "]{}",
            &long,
        ] {
            assert!(matches!(read(text), Err(Trouble::Rubbish)), "{text}");
        }
    }
}

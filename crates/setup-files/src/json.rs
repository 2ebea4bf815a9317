//! JSON files changed in place: what is not ours keeps its order, its spaces and its line ends.
//!
//! A text is checked by a real parser first; what walks over it here may rely on its being JSON.

use std::ops::Range;

use serde_json::Value;

use crate::edits::Edits;
use crate::error::SetupError;

const FORMAT: &str = "JSON";

/// An object, or an array, of a text that is known to be JSON.
pub struct Place<'a> {
    path: &'a str,
    text: &'a str,
    span: Range<usize>,
}

/// A member of an object.
pub struct Member {
    /// Its key.
    pub key: String,
    key_start: usize,
    /// The bytes of its value.
    pub value: Range<usize>,
}

/// Has the list `key` of the object that a file is begin with `item`, and hold it once; makes list and object where
/// they are missing.
pub fn put_first(path: &str, text: &str, (key, item): (&str, &str)) -> Result<String, SetupError> {
    let quoted = quote(item);
    if text.trim().is_empty() {
        return Ok(format!("{{\n  {}: [{quoted}]\n}}\n", quote(key)));
    }
    let object = Place::root(path, text)?;
    let Some(member) = object.find(key)? else {
        return object.add(key, &format!("[{quoted}]"));
    };
    let list = object.at(&member.value);
    if !list.raw().starts_with('[') {
        let what = format!("{key} is no list");
        return Err(SetupError::unmergeable(
            path,
            what,
            "make it a list of addresses",
        ));
    }
    Ok(list.put_item_first(&quoted, |other| {
        other.trim_end_matches('/') == item.trim_end_matches('/')
    }))
}

impl<'a> Place<'a> {
    /// The object that a whole file is.
    pub fn root(path: &'a str, text: &'a str) -> Result<Self, SetupError> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| SetupError::broken(path, FORMAT, error))?;
        if !value.is_object() {
            return Err(SetupError::broken(path, FORMAT, "it is no object"));
        }
        let start = skip_space(text, 0);
        let span = start..skip_value(text, start);
        Ok(Self { path, text, span })
    }

    /// What stands in these bytes of the text.
    #[must_use]
    pub fn at(&self, span: &Range<usize>) -> Place<'a> {
        Place {
            path: self.path,
            text: self.text,
            span: span.clone(),
        }
    }

    /// It, as it is written.
    pub fn raw(&self) -> &'a str {
        &self.text[self.span.clone()]
    }

    /// The member of this key, which an object may hold once only.
    pub fn find(&self, key: &str) -> Result<Option<Member>, SetupError> {
        let mut found = self
            .members()
            .into_iter()
            .filter(|member| member.key == key);
        let first = found.next();
        if found.next().is_some() {
            let what = format!("{key} stands there twice");
            return Err(SetupError::unmergeable(
                self.path,
                what,
                "leave one of them",
            ));
        }
        Ok(first)
    }

    /// The members of an object, in order.
    pub fn members(&self) -> Vec<Member> {
        let mut members = Vec::new();
        let mut at = skip_space(self.text, self.span.start + 1);
        while self.text[at..].starts_with('"') {
            let key_end = skip_string(self.text, at);
            let key = serde_json::from_str(&self.text[at..key_end]).unwrap_or_default();
            let colon = skip_space(self.text, key_end);
            let start = skip_space(self.text, colon + 1);
            let value = start..skip_value(self.text, start);
            let end = value.end;
            members.push(Member {
                key,
                key_start: at,
                value,
            });
            at = skip_comma(self.text, end);
        }
        members
    }

    /// The items of an array, in order.
    pub fn items(&self) -> Vec<Range<usize>> {
        let mut items = Vec::new();
        let mut at = skip_space(self.text, self.span.start + 1);
        while at + 1 < self.span.end {
            let end = skip_value(self.text, at);
            items.push(at..end);
            at = skip_comma(self.text, end);
        }
        items
    }

    /// The text with one member more at the end of this object, spaced as the others are.
    pub fn add(&self, key: &str, value: &str) -> Result<String, SetupError> {
        let mut edits = Edits::default();
        self.add_to(&mut edits, key, value);
        let changed = edits.apply(self.text);
        serde_json::from_str::<Value>(&changed)
            .map_err(|error| SetupError::broken(self.path, FORMAT, error))?;
        Ok(changed)
    }

    /// Adds a member at the end of this object.
    pub fn add_to(&self, edits: &mut Edits, key: &str, value: &str) {
        let members = self.members();
        let inside = self.span.start + 1;
        let Some((first, last)) = members.first().zip(members.last()) else {
            let member = format!("\n  {}: {value}\n", quote(key));
            edits.replace(inside, self.span.end - 1, member);
            return;
        };
        let space = &self.text[inside..first.key_start];
        let space = if space.is_empty() && members.len() == 1 {
            " "
        } else {
            space
        };
        let colon = self.colon(first);
        edits.insert(
            last.value.end,
            format!(",{space}{}{colon}{value}", quote(key)),
        );
    }

    /// What stands between the key and the value of a member.
    fn colon(&self, member: &Member) -> &'a str {
        let key_end = skip_string(self.text, member.key_start);
        &self.text[key_end..member.value.start]
    }

    fn put_item_first(&self, quoted: &str, is_same: impl Fn(&str) -> bool) -> String {
        let items = self.items();
        let inside = self.span.start + 1;
        let is_ours = |item: &Range<usize>| {
            let value: Option<String> = serde_json::from_str(&self.text[item.clone()]).ok();
            value.is_some_and(|value| is_same(&value))
        };
        let mut edits = Edits::default();
        let Some(first) = items.first() else {
            edits.replace(inside, self.span.end - 1, quoted);
            return edits.apply(self.text);
        };
        if !is_ours(first) {
            let space = &self.text[inside..first.start];
            let space = if space.contains('\n') { space } else { " " };
            edits.insert(first.start, format!("{quoted},{space}"));
        }
        for pair in items.windows(2) {
            if is_ours(&pair[1]) {
                edits.replace(pair[0].end, pair[1].end, "");
            }
        }
        edits.apply(self.text)
    }
}

/// A text as a JSON string.
pub fn quote(text: &str) -> String {
    Value::from(text).to_string()
}

fn skip_space(text: &str, from: usize) -> usize {
    let is_space = |byte: &u8| byte.is_ascii_whitespace();
    from + text.as_bytes()[from..]
        .iter()
        .take_while(|byte| is_space(byte))
        .count()
}

/// Over white space, and a comma with the white space after it.
fn skip_comma(text: &str, from: usize) -> usize {
    let at = skip_space(text, from);
    if text[at..].starts_with(',') {
        skip_space(text, at + 1)
    } else {
        at
    }
}

fn skip_string(text: &str, from: usize) -> usize {
    let mut is_escaped = false;
    for (offset, byte) in text.bytes().enumerate().skip(from + 1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return offset + 1,
            _ => {}
        }
    }
    text.len()
}

fn skip_value(text: &str, from: usize) -> usize {
    let (mut at, mut depth) = (from, 0_usize);
    while let Some(&byte) = text.as_bytes().get(at) {
        match byte {
            b'"' => at = skip_string(text, at),
            b'{' | b'[' => (at, depth) = (at + 1, depth + 1),
            b'}' | b']' if depth > 0 => (at, depth) = (at + 1, depth - 1),
            b'}' | b']' | b',' if depth == 0 => break,
            _ if depth == 0 && byte.is_ascii_whitespace() => break,
            _ => {
                at += 1;
                continue;
            }
        }
        if depth == 0 {
            break;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "http://127.0.0.1:5000";

    fn put(text: &str) -> String {
        put_first("daemon.json", text, ("mirrors", URL)).expect("JSON")
    }

    #[test]
    fn a_list_is_made_where_there_is_none() {
        for (before, after) in [
            ("", "{\n  \"mirrors\": [\"URL\"]\n}\n"),
            ("{}", "{\n  \"mirrors\": [\"URL\"]\n}"),
            ("{\n}\n", "{\n  \"mirrors\": [\"URL\"]\n}\n"),
            ("{\"a\":1}", "{\"a\":1, \"mirrors\":[\"URL\"]}"),
            (
                "{\n\t\"a\": {\"b\": [\"}\", 2]},\n\t\"c\": -1.5e3\n}\n",
                "{\n\t\"a\": {\"b\": [\"}\", 2]},\n\t\"c\": -1.5e3,\n\t\"mirrors\": [\"URL\"]\n}\n",
            ),
        ] {
            assert_eq!(put(before), after.replace("URL", URL));
        }
    }

    #[test]
    fn ours_is_the_first_of_a_list_and_there_once() {
        for (before, after) in [
            ("{\"mirrors\": []}", "{\"mirrors\": [\"URL\"]}"),
            (
                "{\"mirrors\": [ \"a\" ]}",
                "{\"mirrors\": [ \"URL\", \"a\" ]}",
            ),
            (
                "{\"mirrors\": [\n    \"a\",\n    \"b\\\"\"\n  ]}",
                "{\"mirrors\": [\n    \"URL\",\n    \"a\",\n    \"b\\\"\"\n  ]}",
            ),
            (
                "{\"mirrors\": [\"a\", \"URL/\"]}",
                "{\"mirrors\": [\"URL\", \"a\"]}",
            ),
            (
                "{\"mirrors\": [\"URL/\", \"a\"]}",
                "{\"mirrors\": [\"URL/\", \"a\"]}",
            ),
        ] {
            let before = before.replace("URL", URL);
            let once = put(&before);
            assert_eq!(once, after.replace("URL", URL));
            assert_eq!(put(&once), once);
        }
    }

    #[test]
    fn what_is_no_object_or_no_list_is_refused() {
        for text in [
            "{",
            "[]",
            "{\"a\": 1,}",
            "// no\n{}",
            "\u{feff}{}",
            "{\"mirrors\": \"a\"}",
            "{\"mirrors\": [], \"mirrors\": []}",
        ] {
            assert!(put_first("f", text, ("mirrors", URL)).is_err(), "{text}");
        }
    }
}

//! Messages that journald writes as lists of bytes, in `journalctl -o json`: read as texts, part by part as they come.
//!
//! It does so with what has an escape or is no UTF-8: dockerd's own colours, for one (systemd, "Journal JSON Format"). Pure.

use std::borrow::Cow;
use std::mem::take;

use memchr::memmem;

/// The member that holds what was said.
const NAME: &[u8] = b"\"MESSAGE\"";

/// The most bytes of a list, as it is written: four for each byte of the longest line that is read, and blanks as older journald
/// and `-o json-pretty` have them.
const MAX_LIST_BYTES: usize = 512 << 10;

/// A text that is being read, and how much of it is held: a list whose end has not come, half a MiB at most.
#[derive(Debug, Default)]
pub struct ByteLists {
    /// What came and may be a list whose end has not come.
    held: Vec<u8>,
}

/// What stands where a list may begin.
enum Read {
    /// No list of bytes.
    Other,
    /// It may be one when more has come.
    Cut,
    /// One, with what stands before it, and where it ends.
    List {
        start: usize,
        bytes: Vec<u8>,
        end: usize,
    },
}

impl ByteLists {
    /// The next part, with a text of JSON in the place of each list, and the ends of lines that stood in it behind that. All else is
    /// as it is; what may be the beginning of a list comes with a later part.
    pub fn decode<'a>(&mut self, part: &'a [u8]) -> Cow<'a, [u8]> {
        if self.held.is_empty() {
            return match self.replace(part) {
                None => Cow::Borrowed(part),
                Some(text) => Cow::Owned(text),
            };
        }
        let mut all = take(&mut self.held);
        all.extend_from_slice(part);
        let text = self.replace(&all);
        Cow::Owned(text.unwrap_or(all))
    }

    /// The end of the text: what is held, as it came.
    pub fn finish(&mut self) -> Vec<u8> {
        take(&mut self.held)
    }

    /// `None` if the bytes are to be read as they are, all of them.
    fn replace(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let (mut text, mut copied) = (Vec::new(), 0);
        let mut end = bytes.len();
        for at in memmem::find_iter(bytes, NAME) {
            match read_member(&bytes[at + NAME.len()..]) {
                Read::Cut if bytes.len() - at <= MAX_LIST_BYTES => {
                    end = at;
                    break;
                }
                Read::Cut | Read::Other => {}
                Read::List {
                    start,
                    bytes: list,
                    end,
                } => {
                    let behind = at + NAME.len();
                    text.extend_from_slice(&bytes[copied..behind + start]);
                    push_text(&mut text, &list);
                    // Ends of lines stay, so that what comes behind is where it was.
                    let written = &bytes[behind + start..behind + end];
                    text.extend(written.iter().filter(|byte| **byte == b'\n'));
                    copied = behind + end;
                }
            }
        }
        if end == bytes.len() {
            end -= begun_name(&bytes[copied..]);
        }
        if copied == 0 && end == bytes.len() {
            return None;
        }
        text.extend_from_slice(&bytes[copied..end]);
        self.held = bytes[end..].to_vec();
        Some(text)
    }
}

/// How much of the name the bytes end with, if not all of it.
fn begun_name(bytes: &[u8]) -> usize {
    let mut lengths = (1..NAME.len()).rev();
    let begun = lengths.find(|length| bytes.ends_with(&NAME[..*length]));
    begun.unwrap_or(0)
}

/// What stands behind the name: `:[104,105]`, with blanks where JSON may have them.
fn read_member(rest: &[u8]) -> Read {
    let mut at = 0;
    for mark in [b':', b'['] {
        at += blanks(&rest[at..]);
        match rest.get(at) {
            None => return Read::Cut,
            Some(byte) if *byte == mark => at += 1,
            Some(_) => return Read::Other,
        }
    }
    let start = at - 1;
    let mut bytes = Vec::new();
    while let Some(item) = rest[at..]
        .iter()
        .position(|byte| matches!(byte, b',' | b']'))
    {
        let written = rest[at..at + item].trim_ascii();
        let Some(byte) = std::str::from_utf8(written)
            .ok()
            .and_then(|text| text.parse().ok())
        else {
            return Read::Other;
        };
        bytes.push(byte);
        at += item + 1;
        if rest[at - 1] == b']' {
            return Read::List {
                start,
                bytes,
                end: at,
            };
        }
        if at > MAX_LIST_BYTES {
            return Read::Other;
        }
    }
    let is_list = |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_whitespace();
    if rest[at..].iter().all(is_list) {
        Read::Cut
    } else {
        Read::Other
    }
}

fn blanks(bytes: &[u8]) -> usize {
    let is_blank = |byte: &&u8| byte.is_ascii_whitespace();
    bytes.iter().take_while(is_blank).count()
}

/// Writes bytes as a text of JSON.
fn push_text(out: &mut Vec<u8>, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    out.extend_from_slice(serde_json::Value::from(text).to_string().as_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8], part_bytes: usize) -> String {
        let mut lists = ByteLists::default();
        let mut text = Vec::new();
        for part in bytes.chunks(part_bytes) {
            text.extend_from_slice(&lists.decode(part));
        }
        text.extend(lists.finish());
        String::from_utf8(text).unwrap()
    }

    fn listed(text: &[u8], between: &str) -> String {
        let numbers: Vec<String> = text.iter().map(u8::to_string).collect();
        numbers.join(between)
    }

    #[test]
    fn a_message_in_bytes_is_a_text_in_whatever_parts_it_comes() {
        let said = "\u{1b}[31mError\u{1b}[0m: \"x\"\n–".as_bytes();
        let text = r#""\u001b[31mError\u001b[0m: \"x\"\n–""#;
        let table = [
            (
                format!(
                    "{{\"_PID\":\"1\",\"MESSAGE\":[{}],\"A\":\"b\"}}\n",
                    listed(said, ",")
                ),
                format!("{{\"_PID\":\"1\",\"MESSAGE\":{text},\"A\":\"b\"}}\n"),
            ),
            (
                format!("{{ \"MESSAGE\" : [ {} ] }}\n{{}}\n", listed(said, ", ")),
                format!("{{ \"MESSAGE\" : {text} }}\n{{}}\n"),
            ),
            (
                "{\n\t\"MESSAGE\" : [\n\t\t104,\n\t\t255\n\t],\n\t\"A\" : \"b\"\n}\n".to_owned(),
                "{\n\t\"MESSAGE\" : \"h\u{fffd}\"\n\n\n,\n\t\"A\" : \"b\"\n}\n".to_owned(),
            ),
        ];
        for (json, wanted) in table {
            for part_bytes in [1, 2, 3, 7, 64, 10_000] {
                assert_eq!(read(json.as_bytes(), part_bytes), wanted, "{part_bytes}");
            }
        }
    }

    #[test]
    fn what_is_no_list_of_bytes_is_as_it_is() {
        for text in [
            "",
            "\"",
            "\"MESSAGE\"",
            "{\"MESSAGE\":\"[1,2]\"}\n",
            "{\"MESSAGE\":null}\n{\"MESSAGE\":[]}\n",
            "{\"MESSAGE\":[\"a\",\"b\"]}",
            "{\"MESSAGE\":[1,256]}",
            "{\"MESSAGE\":[1,-2]}",
            "{\"MESSAGE\":[1,[2]]}",
            "{\"MESSAGE\":[1,2",
            "{\"a\":\"\\\"MESSAGE\\\":[104]\"}",
        ] {
            for part_bytes in [1, 4, 1_000] {
                assert_eq!(read(text.as_bytes(), part_bytes), text, "{part_bytes}");
            }
        }
    }

    #[test]
    fn of_a_list_without_an_end_only_so_much_is_held() {
        let begin = b"{\"MESSAGE\":[";
        let mut lists = ByteLists::default();
        let mut read = lists.decode(begin).len();
        for _ in 0..10 {
            read += lists.decode(&b"104,".repeat(MAX_LIST_BYTES / 16)).len();
            assert!(lists.held.len() <= MAX_LIST_BYTES);
        }
        assert_eq!(
            read + lists.finish().len(),
            begin.len() + 10 * (MAX_LIST_BYTES / 4)
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_is_read_alike_in_whatever_parts_it_comes(pieces in proptest::collection::vec("(\"MESSAGE\"|:|\\[|[0-9]{1,3},|\\]|[ \n]|\"|MESS)", 0..40), part_bytes in 1..9_usize) {
            let text = pieces.concat();
            prop_assert_eq!(read(text.as_bytes(), part_bytes), read(text.as_bytes(), text.len().max(1)));
        }
    }
}

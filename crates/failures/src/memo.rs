//! What was said of a message is remembered for its repetitions: a storm is one message, over and over.
//!
//! Repetitions differ in the digits of their prefix, in times and process ids, in the ids of traces, and nowhere else. What
//! tells of nothing tells of nothing with other idle numbers, ids and times, too.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, DefaultHasher, Hasher as _, RandomState};

use crate::prefix::split;

/// The most messages that are remembered; then all are forgotten and it begins anew.
const MAX_MESSAGES: usize = 2_048;

/// The most forms of messages that tell of nothing, eight bytes each; then all are forgotten.
const MAX_FORMS: usize = 16_384;

/// What daemons write before the id of a span or of a trace, which no message shares with another.
const ID: &str = "ID=";

/// How many hexadecimal digits an id has at least.
const MIN_ID_BYTES: usize = 16;

/// Whether a number says nothing of a failure by its value: it is no status, no exit code, no small count.
pub(crate) fn is_idle(digits: &[u8]) -> bool {
    match digits {
        [b'2', b'5', b'6'..=b'9'] | [b'2', b'6'..=b'9', _] | [b'3' | b'6'..=b'9', _, _] => true,
        _ => digits.len() > 3,
    }
}

/// Messages that were looked at lately, by hashes that nobody outside can foresee.
#[derive(Debug)]
pub(crate) struct Memo<T> {
    known: HashMap<u64, T>,
    /// The forms of those that tell of nothing.
    nothing: HashSet<u64>,
    /// The form of the message that is asked for.
    form: Vec<u8>,
    seed: RandomState,
}

impl<T> Default for Memo<T> {
    fn default() -> Self {
        Self {
            known: HashMap::new(),
            nothing: HashSet::new(),
            form: Vec::new(),
            seed: RandomState::new(),
        }
    }
}

impl<T> Memo<T> {
    /// What `message` says, remembered or found out.
    pub(crate) fn said(
        &mut self,
        message: &str,
        find_out: impl FnOnce(&str) -> Option<T>,
    ) -> Option<&T> {
        let (prefix, says) = split(message);
        let key = self.key(prefix, says);
        if !self.known.contains_key(&key) {
            let form = self.form(prefix, says);
            if self.nothing.contains(&form) {
                return None;
            }
            let Some(said) = find_out(message) else {
                self.note_nothing(form);
                return None;
            };
            if self.known.len() >= MAX_MESSAGES {
                self.known.clear();
            }
            self.known.insert(key, said);
        }
        self.known.get(&key)
    }

    fn note_nothing(&mut self, form: u64) {
        if self.nothing.len() >= MAX_FORMS {
            self.nothing.clear();
        }
        self.nothing.insert(form);
    }

    fn key(&self, prefix: &str, says: &str) -> u64 {
        let mut hasher = self.hasher(prefix);
        let mut parts = says.split(ID);
        hasher.write(parts.next().unwrap_or_default().as_bytes());
        for part in parts {
            hasher.write_u8(u8::MAX);
            hasher.write(behind_id(part).as_bytes());
        }
        hasher.finish()
    }

    fn form(&mut self, prefix: &str, says: &str) -> u64 {
        self.form.clear();
        write_form(says.as_bytes(), &mut self.form);
        let mut hasher = self.hasher(prefix);
        hasher.write(&self.form);
        hasher.finish()
    }

    /// One that has the prefix without its digits.
    fn hasher(&self, prefix: &str) -> DefaultHasher {
        let mut hasher = self.seed.build_hasher();
        for part in prefix.split(|c: char| c.is_ascii_digit()) {
            hasher.write(part.as_bytes());
        }
        hasher.write_u8(u8::MAX);
        hasher
    }
}

/// What follows an id.
fn behind_id(text: &str) -> &str {
    let length = hex_length(text.as_bytes());
    &text[if length >= MIN_ID_BYTES { length } else { 0 }..]
}

/// How long the id is that stands behind an equals sign, where daemons write one.
pub(crate) fn id_length(text: &[u8], equals: usize) -> Option<usize> {
    let length = hex_length(&text[equals + 1..]);
    (text[..=equals].ends_with(ID.as_bytes()) && length >= MIN_ID_BYTES).then_some(length)
}

fn hex_length(text: &[u8]) -> usize {
    text.iter()
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count()
}

/// A text with the lengths of idle numbers and ids in their place, and without times of the day.
fn write_form(text: &[u8], form: &mut Vec<u8>) {
    for word in
        text.chunk_by(|one, other| one.is_ascii_alphanumeric() == other.is_ascii_alphanumeric())
    {
        if is_id(word) {
            form.extend([b'#', length(word)]);
            continue;
        }
        for part in word.chunk_by(|one, other| one.is_ascii_digit() == other.is_ascii_digit()) {
            let is_number = part.first().is_some_and(u8::is_ascii_digit);
            let is_alone = part.len() > 3 || part.len() == word.len();
            if is_number && is_alone && is_idle(part) {
                form.extend([b'0', length(part)]);
            } else {
                form.extend_from_slice(part);
                if is_number && part.len() == 2 {
                    forget_time(form);
                }
            }
        }
    }
}

fn length(run: &[u8]) -> u8 {
    u8::try_from(run.len()).unwrap_or(u8::MAX)
}

fn is_id(word: &[u8]) -> bool {
    word.len() >= MIN_ID_BYTES
        && word.iter().all(u8::is_ascii_hexdigit)
        && word.iter().any(u8::is_ascii_digit)
}

/// Makes one of all times of the day with which the form may end.
fn forget_time(form: &mut Vec<u8>) {
    const TIME: &[u8] = b"00:00:00";
    let start = form.len().saturating_sub(TIME.len());
    let end = &form[start..];
    let is_time = end.len() == TIME.len()
        && end.iter().zip(TIME).all(|(byte, of_time)| match of_time {
            b':' => byte == of_time,
            _ => byte.is_ascii_digit(),
        });
    if is_time {
        form.truncate(start);
        form.extend_from_slice(TIME);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Vec<u8> {
        let mut form = Vec::new();
        write_form(text.as_bytes(), &mut form);
        form
    }

    #[test]
    fn messages_are_of_one_form_if_they_differ_in_what_says_nothing() {
        for (one, other) in [
            ("veth4711: up", "veth1234: up"),
            (
                "at 2025-11-03T08:12:44.120Z x",
                "at 2025-11-03T23:59:01.120Z x",
            ),
            ("trace 9e3779b97f4a7c15 x", "trace 00000000000000ab x"),
            ("m=17621575641 ü", "m=99999999999 ü"),
            ("/images/256.png", "/images/999.png"),
            ("n=377 of 600", "n=300 of 899"),
        ] {
            assert_eq!(form(one), form(other), "{one} / {other}");
        }
        for (one, other) in [
            ("answered 429", "answered 500"),
            ("exit code 0", "exit code 1"),
            ("exited (137)", "exited (0)"),
            ("exited (255)", "exited (256)"),
            ("answered 599", "answered 600"),
            ("sha256:x", "sha384:x"),
            ("veth4711: up", "veth47110: up"),
            ("10.0.0.2:53: x", "10.0.0.2:80: x"),
            ("defaced beefed facade", "defaced beefed decade"),
            ("deadbeefdeadbeef", "feedbeefdeadbeef"),
        ] {
            assert_ne!(form(one), form(other), "{one} / {other}");
        }
    }

    #[test]
    fn what_was_found_out_is_not_found_out_again() {
        let mut memo = Memo::default();
        let mut asked = 0;
        let mut ask = |message: &str, says: Option<&'static str>| {
            let said = memo.said(message, |_| {
                asked += 1;
                says
            });
            (said.copied(), asked)
        };
        assert_eq!(ask("nothing of 4711", None), (None, 1));
        assert_eq!(ask("nothing of 4712", None), (None, 1));
        assert_eq!(ask("a pull of acme/a:4711", Some("a")), (Some("a"), 2));
        assert_eq!(ask("a pull of acme/a:4711", None), (Some("a"), 2));
        assert_eq!(ask("a pull of acme/a:4712", Some("b")), (Some("b"), 3));
    }
}

//! What was said of a message is remembered for its repetitions: a storm is one message, over and over.
//!
//! Repetitions differ in the digits of their prefix, in times and process ids, in the ids of traces, and nowhere else.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, DefaultHasher, Hasher as _, RandomState};

use forebay_limits::{printable, redact};

use crate::Verdict;
use crate::classify::classify_views;
use crate::clean::clean;
use crate::prefix::split;
use crate::scanner::MAX_EXCERPT_BYTES;
use crate::views::Views;

/// The most messages that are remembered; then all are forgotten and it begins anew.
const MAX_MESSAGES: usize = 2_048;

/// What daemons write before the id of a span or of a trace, which no message shares with another.
const ID: &str = "ID=";

/// How many hexadecimal digits such an id has at least.
const MIN_ID_BYTES: usize = 16;

/// Messages that were looked at lately, by a hash that nobody outside can foresee.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    known: HashMap<u64, Option<Said>>,
    seed: RandomState,
}

/// What a message says.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) verdict: Verdict,
    /// Its words in one line, without secrets and accounts.
    pub(crate) excerpt: String,
}

impl Memo {
    /// What `message` says, remembered or found out.
    pub(crate) fn said(&mut self, message: &str) -> Option<&Said> {
        let key = self.key(message);
        if self.known.len() >= MAX_MESSAGES && !self.known.contains_key(&key) {
            self.known.clear();
        }
        self.known
            .entry(key)
            .or_insert_with(|| find_out(message))
            .as_ref()
    }

    fn key(&self, message: &str) -> u64 {
        let (prefix, says) = split(message);
        let mut hasher: DefaultHasher = self.seed.build_hasher();
        for part in prefix.split(|c: char| c.is_ascii_digit()) {
            hasher.write(part.as_bytes());
        }
        hasher.write_u8(u8::MAX);
        let mut parts = says.split(ID);
        hasher.write(parts.next().unwrap_or_default().as_bytes());
        for part in parts {
            hasher.write_u8(u8::MAX);
            hasher.write(behind_id(part).as_bytes());
        }
        hasher.finish()
    }
}

/// What follows an id.
fn behind_id(text: &str) -> &str {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_hexdigit());
    if text.len() - rest.len() >= MIN_ID_BYTES {
        rest
    } else {
        text
    }
}

fn find_out(message: &str) -> Option<Said> {
    let views = Views::of(&clean(message));
    let verdict = classify_views(&views)?;
    Some(Said {
        verdict,
        excerpt: printable(&redact(&views.spaced), MAX_EXCERPT_BYTES),
    })
}

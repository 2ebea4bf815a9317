//! The words by which registries' limiters are known.
//!
//! The texts of all eras live side by side, in proxies' copies too. The phrases are chosen so that no repository's name,
//! which error bodies repeat, can be mistaken for one.

use std::borrow::Cow;

use serde_json::Value;

use crate::Limiter;
use crate::limited::{Account, Identity};
use crate::retry_after::RetryAfter;

/// The longest account name that is taken from a text, in bytes: Docker's names have at most 30, a mail address 254.
const MAX_ACCOUNT_BYTES: usize = 254;

/// Docker Hub's pull limit since 2020; never the looser "pull rate limit", which is Seqera Wave's too.
const PULL_LIMIT: [&str; 4] = [
    "docker.com/increase-rate-limit",
    "docker.com/docker-hub/download-rate-limit",
    "reached your pull rate limit",
    "reached your unauthenticated pull rate limit",
];

/// Docker Hub's abuse limit since 2018.
const ABUSE_LIMIT: &str = "too many requests (hap429)";

/// Docker Hub's login lockout.
const LOGIN_LOCKOUT: &str = "failed login attempts";

/// Other registries: GHCR, ECR Public, ECR, Artifact Registry, GCR, ACR, Wave.
const OTHERS: [&str; 7] = [
    "retry-after: ",
    "rate exceeded",
    "data limit exceeded",
    "quota exceeded",
    "aka.ms/acr/skus",
    "request exceeded pull rate limit",
    "this endpoint has been requested too many times",
];

/// What a body says, in one piece, its quotes and white space made plain.
pub(crate) struct Wording {
    /// The text as it came.
    text: String,
    /// The same in lower case; indices are the same, for only ASCII letters are folded.
    folded: String,
    /// Whether it holds the error code `TOOMANYREQUESTS`.
    pub(crate) has_code: bool,
}

impl Wording {
    /// Reads a body or the start of one: the messages of JSON, or all of any other text.
    pub(crate) fn of(body: &[u8]) -> Self {
        let raw = String::from_utf8_lossy(body);
        // A repository's name is in lower case and has no quotes: no body can repeat one that reads like this.
        let has_code = raw.contains("\"TOOMANYREQUESTS\"");
        let raw = match serde_json::from_slice(body) {
            Ok(value) => Cow::Owned(messages_of(&value)),
            // Also the start of a JSON document that was cut.
            Err(_) => raw,
        };
        let text = plain(&raw);
        let folded = text.to_ascii_lowercase();
        Self {
            text,
            folded,
            has_code,
        }
    }

    /// The limiter that uses these words and no other.
    pub(crate) fn limiter(&self) -> Option<Limiter> {
        // The order matters: a lockout's text also holds "toomanyrequests", and a proxy may quote a pull limit
        // inside words of its own.
        if self.has_any(&PULL_LIMIT) {
            Some(Limiter::PullLimit)
        } else if self.has(ABUSE_LIMIT) {
            Some(Limiter::AbuseLimit)
        } else if self.has(LOGIN_LOCKOUT) {
            Some(Limiter::LoginLockout)
        } else if self.has_any(&OTHERS) || self.is_throttling_exception() {
            Some(Limiter::Other)
        } else {
            None
        }
    }

    /// Whether this is the HTTP reason and nothing else, as some hosts send it for a body.
    pub(crate) fn is_bare(&self) -> bool {
        !self.has_code && self.folded.trim_end_matches('.') == "too many requests"
    }

    /// Whether this is the throttle of AWS's APIs.
    pub(crate) fn is_throttling_exception(&self) -> bool {
        self.text.contains("ThrottlingException")
    }

    /// Whom the words say that they count.
    pub(crate) fn identity(&self) -> Option<Identity> {
        if self.has("unauthenticated pull rate limit") {
            return Some(Identity::Address(None));
        }
        if let Some(rest) = self.after("rate limit for ip ") {
            return Some(Identity::Address(first_word(rest).parse().ok()));
        }
        let rest = self.after("pull rate limit as ")?;
        Some(Identity::Account(quoted(rest).map(Account::new)))
    }

    /// The time that GHCR names inside its body.
    pub(crate) fn retry_after(&self) -> Option<RetryAfter> {
        RetryAfter::parse(first_word(self.after("retry-after: ")?))
    }

    fn has(&self, phrase: &str) -> bool {
        self.folded.contains(phrase)
    }

    fn has_any(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.has(phrase))
    }

    fn after(&self, phrase: &str) -> Option<&str> {
        let start = self.folded.find(phrase)?;
        self.text.get(start + phrase.len()..)
    }
}

/// Joins the human words of an error document: of its `errors`, or of its top.
fn messages_of(value: &Value) -> String {
    const KEYS: [&str; 7] = [
        "code", "message", "detail", "details", "error", "__type", "Message",
    ];
    let errors = value.get("errors").and_then(Value::as_array);
    let documents = errors.map_or(std::slice::from_ref(value), Vec::as_slice);
    let words = documents.iter().flat_map(|document| {
        let of_keys = KEYS.iter().filter_map(|key| document.get(key));
        of_keys
            .chain(std::iter::once(document))
            .filter_map(Value::as_str)
    });
    words.collect::<Vec<_>>().join(" ")
}

/// One line, with ASCII quotes and dashes: some bodies passed through a person's editor.
fn plain(raw: &str) -> String {
    let words: Vec<&str> = raw.split_whitespace().collect();
    words
        .join(" ")
        .replace(['\u{2018}', '\u{2019}'], "'")
        .replace(['\u{201c}', '\u{201d}'], "\"")
        .replace(['\u{2013}', '\u{2014}'], "-")
        .replace("\\/", "/")
}

fn first_word(text: &str) -> &str {
    text.split([' ', ',', ';', '"']).next().unwrap_or_default()
}

/// The text inside the quotes that open `text`; `None` if they hold nothing, or more than a name.
fn quoted(text: &str) -> Option<String> {
    let text = text.trim_start_matches('\\');
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let (name, _) = text[1..].split_once(quote)?;
    let name = name.trim_end_matches('\\');
    (!name.is_empty() && name.len() <= MAX_ACCOUNT_BYTES).then(|| name.to_owned())
}

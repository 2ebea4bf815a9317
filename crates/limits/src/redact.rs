//! Takes secrets and names out of a text that an upstream wrote.
//!
//! Docker Hub prints the account and a session's id into its 429, registries repeat URLs with signatures, clients' errors
//! repeat credentials. What is not recognised as one of these is left alone: the words are what helps.

use std::borrow::Cow;

/// Stands where something was taken out.
const MARK: &str = "***";

/// Query parameters that hold no secret and help to understand a failure; every other's value is taken out.
const HARMLESS_PARAMETERS: [&str; 12] = [
    "artifactType",
    "client_id",
    "digest",
    "from",
    "last",
    "mount",
    "n",
    "ns",
    "offline_token",
    "platform",
    "scope",
    "service",
];

/// How tokens of known makers begin, with the fewest characters after it that make one.
const TOKEN_PREFIXES: [(&str, usize); 11] = [
    ("dckr_", 4),
    ("ghp_", 16),
    ("gho_", 16),
    ("ghu_", 16),
    ("ghs_", 16),
    ("ghr_", 16),
    ("github_pat_", 16),
    ("glpat-", 16),
    ("gldt-", 16),
    // Begins every JSON Web Token, and every piece of one.
    ("eyJ", 16),
    ("AKIA", 16),
];

/// Names before a `:` or `=` whose value is a secret, in JSON, headers and forms alike.
const SECRET_NAMES: [&str; 12] = [
    "access_token",
    "account",
    "authorization",
    "client_secret",
    "identitytoken",
    "password",
    "passwd",
    "refresh_token",
    "registrytoken",
    "secret",
    "token",
    "username",
];

/// Takes account names, tokens, credentials, userinfo and signed queries out of a text.
///
/// Idempotent. A text without any of them comes back borrowed.
pub fn redact(text: &str) -> Cow<'_, str> {
    let mut clean = String::new();
    let mut copied = 0;
    let mut at = 0;
    while at < text.len() {
        if let Some(found) = find_secret(text, at) {
            clean.push_str(&text[copied..found.start]);
            clean.push_str(&found.instead);
            copied = found.end;
            at = found.end;
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    clean.push_str(&text[copied..]);
    Cow::Owned(clean)
}

/// What to put instead of `text[start..end]`.
struct Found {
    start: usize,
    end: usize,
    instead: Cow<'static, str>,
}

impl Found {
    /// A secret that is the whole of the range.
    fn whole(start: usize, end: usize) -> Option<Self> {
        (end > start).then_some(Self {
            start,
            end,
            instead: Cow::Borrowed(MARK),
        })
    }
}

/// Looks for a secret that is announced at `at`; never one that ends there, so that every find makes progress.
fn find_secret(text: &str, at: usize) -> Option<Found> {
    let starts_word = !text[..at].ends_with(is_word_char);
    match text.as_bytes()[at] {
        b':' => find_userinfo(text, at),
        b'?' => find_query(text, at),
        byte if byte.is_ascii_alphabetic() && starts_word => find_account(text, at)
            .or_else(|| find_authorization(text, at))
            .or_else(|| find_named_secret(text, at))
            .or_else(|| find_token(text, at)),
        // A token may be glued to what stands before it, as in `Bearer:xeyJ…`.
        b'e' | b'd' => find_token(text, at),
        _ => None,
    }
    .filter(|found| found.end > at && &text[found.start..found.end] != found.instead)
}

/// Docker Hub's "pull rate limit as '<user>'", whatever its quotes.
fn find_account(text: &str, at: usize) -> Option<Found> {
    const PHRASE: &str = "rate limit as ";
    let after = at + strip_ignoring_case(&text[at..], PHRASE)?;
    let quotes = text[after..].len() - text[after..].trim_start_matches(is_quote).len();
    let start = after + quotes;
    let end = match quotes {
        0 => {
            start
                + run(&text[start..], |c| {
                    !c.is_whitespace() && c != ':' && c != ','
                })
        }
        _ => start + run(&text[start..], |c| !is_quote(c) && !c.is_control()),
    };
    Found::whole(start, end)
}

/// `Bearer <token>` and `Basic <credentials>`, but not a challenge's `Bearer realm="…"`.
fn find_authorization(text: &str, at: usize) -> Option<Found> {
    let scheme = ["bearer", "basic"]
        .iter()
        .find_map(|scheme| strip_ignoring_case(&text[at..], scheme))?;
    let rest = &text[at + scheme..];
    let gap = run(rest, |c| c == ' ' || c == '\t');
    if gap == 0 {
        return None;
    }
    let start = at + scheme + gap;
    let end = start + run(&text[start..], is_token_char);
    let is_challenge = text[end..].starts_with('"') && text[start..end].ends_with('=');
    if is_challenge {
        return None;
    }
    Found::whole(start, end)
}

/// `"access_token":"…"`, `password=…`, `Authorization: …` and their kin.
fn find_named_secret(text: &str, at: usize) -> Option<Found> {
    let name_length = run(&text[at..], is_word_char);
    let name = &text[at..at + name_length];
    if !SECRET_NAMES
        .iter()
        .any(|secret| name.eq_ignore_ascii_case(secret))
    {
        return None;
    }
    let rest = &text[at + name_length..];
    let to_sign = run(rest, |c| is_quote(c) || c == ' ');
    let sign = rest[to_sign..]
        .starts_with([':', '='])
        .then_some(to_sign + 1)?;
    let to_value = sign + run(&rest[sign..], |c| c == ' ');
    let quotes = run(&rest[to_value..], is_quote);
    let start = at + name_length + to_value + quotes;
    let end = start + value_length(&text[start..], name, quotes > 0);
    Found::whole(start, end)
}

/// How far a named secret's value reaches.
fn value_length(text: &str, name: &str, is_quoted: bool) -> usize {
    if is_quoted {
        run(text, |c| !is_quote(c) && !c.is_control())
    } else if name.eq_ignore_ascii_case("authorization") {
        // A scheme and its credentials: all of the line.
        run(text, |c| !c.is_control() && !is_quote(c))
    } else {
        run(text, |c| {
            !c.is_whitespace() && !is_quote(c) && !matches!(c, '&' | ',' | ';' | '}')
        })
    }
}

fn find_token(text: &str, at: usize) -> Option<Found> {
    let (prefix, least) = TOKEN_PREFIXES
        .iter()
        .find(|(prefix, _)| text[at..].starts_with(prefix))?;
    let length = run(&text[at..], is_token_char);
    (length >= prefix.len() + least).then(|| Found::whole(at, at + length))?
}

/// `scheme://user:password@host`.
fn find_userinfo(text: &str, at: usize) -> Option<Found> {
    let start = at + text[at..].strip_prefix("://").map(|_| "://".len())?;
    let authority = run(&text[start..], |c| {
        !matches!(c, '/' | '?' | '#' | '<' | '>') && !is_quote(c) && !c.is_whitespace()
    });
    let end = start + text[start..start + authority].rfind('@')?;
    Found::whole(start, end)
}

/// `?key=value&…`: signatures, states and accounts, but not what tells a scope from another.
fn find_query(text: &str, at: usize) -> Option<Found> {
    let start = at + 1;
    let end = start
        + run(&text[start..], |c| {
            !c.is_whitespace()
                && !c.is_control()
                && !matches!(c, '<' | '>' | '"' | '\'' | '`' | '#')
        });
    let query = &text[start..end];
    if !query.contains('=') {
        return None;
    }
    Some(Found {
        start,
        end,
        instead: Cow::Owned(redact_query(query)),
    })
}

fn redact_query(query: &str) -> String {
    // An ampersand that JSON or HTML has escaped could hide a parameter's start: then nothing of it is kept.
    if query.contains(['\\', ';']) {
        return MARK.to_owned();
    }
    let parts = query.split('&').map(|part| match part.split_once('=') {
        Some((name, _)) if HARMLESS_PARAMETERS.contains(&name) => part.to_owned(),
        Some((name, _)) if is_plain_name(name) => format!("{name}={MARK}"),
        _ => MARK.to_owned(),
    });
    parts.collect::<Vec<_>>().join("&")
}

fn is_plain_name(name: &str) -> bool {
    const MAX_NAME_BYTES: usize = 40;
    name.len() <= MAX_NAME_BYTES && name.chars().all(is_word_char)
}

/// The length of `prefix` if `text` begins with it in any case.
fn strip_ignoring_case(text: &str, prefix: &str) -> Option<usize> {
    let start = text.as_bytes().get(..prefix.len())?;
    start
        .eq_ignore_ascii_case(prefix.as_bytes())
        .then_some(prefix.len())
}

/// The length in bytes of the characters at the front that `belongs` accepts.
fn run(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

fn is_quote(c: char) -> bool {
    matches!(
        c,
        '"' | '\'' | '`' | '\\' | '\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}'
    )
}

fn is_word_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

fn is_token_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~' | '+' | '/' | '=')
}

#[cfg(test)]
mod tests;

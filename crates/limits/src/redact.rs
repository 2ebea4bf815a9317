//! Takes secrets and names out of a text that an upstream wrote.
//!
//! Docker Hub prints the account and a session's id into its 429, registries repeat URLs with signatures, clients' errors
//! repeat credentials. What is not recognised as one of these is left alone: the words are what helps.

mod accounts;
mod escapes;
mod flags;
mod named;
mod names;
mod pairs;
mod piped;
mod tokens;
mod urls;

use std::borrow::Cow;

use accounts::find_account;
use flags::find_flag;
use named::find_named_secret;
pub use names::is_setting_secret;
use piped::find_piped;
use tokens::{find_authorization, find_private_key, find_token, has_token};
use urls::{find_bare_userinfo, find_query, find_userinfo};

/// How far before a place and behind it a secret is looked for that begins there, in bytes: whoever writes the text decides how
/// many places there are. One that is longer is measured by itself.
const MAX_BEFORE_BYTES: usize = 1024;
const MAX_BEHIND_BYTES: usize = 2048;

/// Stands where something was taken out.
const MARK: &str = "***";

/// Takes account names, tokens, credentials, userinfo and signed queries out of a text.
///
/// A text without any of them comes back borrowed. Whoever shows a text does so by `shown`, which sees through what hides a name.
pub(crate) fn redact(text: &str) -> Cow<'_, str> {
    redact_by(text, find_secret)
}

/// Takes out only what is a secret whatever it is called: tokens of known makers, credentials of a scheme, userinfo in URLs, private
/// keys, passwords given by flags.
pub fn redact_tokens(text: &str) -> Cow<'_, str> {
    redact_by(text, find_unnamed)
}

fn redact_by(text: &str, find: impl Fn(&str, usize) -> Option<Found>) -> Cow<'_, str> {
    let mut clean = String::new();
    let mut copied = 0;
    let mut at = 0;
    while at < text.len() {
        if let Some(found) = find_near(text, at, &find) {
            at = found.end;
            // What is clean already stays as it is: a text may pass here more than once on its way.
            if text[found.start..found.end] != found.instead {
                clean.push_str(&text[copied..found.start]);
                clean.push_str(&found.instead);
                copied = found.end;
            }
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

/// Looks for a secret that is announced at `at`, with as much of the text as one may need. What comes near the end of that is
/// looked at with all of the text: it goes on, and so do we behind it.
fn find_near(text: &str, at: usize, find: impl Fn(&str, usize) -> Option<Found>) -> Option<Found> {
    let from = text.floor_char_boundary(at.saturating_sub(MAX_BEFORE_BYTES));
    let to = text.floor_char_boundary(text.len().min(at + MAX_BEHIND_BYTES));
    let in_text = |found: Found| Found {
        start: found.start + from,
        end: found.end + from,
        ..found
    };
    let near = in_text(find(&text[from..to], at - from)?);
    if to == text.len() || near.end < at + MAX_BEHIND_BYTES / 2 {
        return Some(near);
    }
    let whole = find(&text[from..], at - from).map(in_text);
    whole.filter(|whole| whole.end > near.end).or(Some(near))
}

/// What to put instead of `text[start..end]`.
struct Found {
    start: usize,
    end: usize,
    instead: String,
}

impl Found {
    /// A secret that is the whole of the range.
    fn whole(start: usize, end: usize) -> Option<Self> {
        Self::instead(start, end, MARK.to_owned())
    }

    fn instead(start: usize, end: usize, instead: String) -> Option<Self> {
        (end > start).then_some(Self {
            start,
            end,
            instead,
        })
    }
}

/// Looks for a secret that is announced at `at`; never one that ends there, so that every find makes progress.
fn find_secret(text: &str, at: usize) -> Option<Found> {
    let before = text[..at].chars().next_back();
    let starts_word = !before.is_some_and(is_word_char);
    match text.as_bytes()[at] {
        b':' | b'%' => find_userinfo(text, at),
        b'?' => find_query(text, at),
        b'-' if starts_word => find_private_key(text, at).or_else(|| find_flag(text, at)),
        b'<' => find_piped(text, at),
        // npm's names begin so: `_authToken`.
        b'_' if starts_word => find_named_secret(text, at),
        byte if byte.is_ascii_alphabetic() && starts_word => find_account(text, at)
            .or_else(|| find_authorization(text, at))
            .or_else(|| find_token(text, at))
            .or_else(|| find_bare_userinfo(text, at))
            .or_else(|| find_piped(text, at))
            .or_else(|| find_named_secret(text, at)),
        // A token may be glued to what stands before it.
        byte if byte.is_ascii_alphabetic() => find_token(text, at),
        _ => None,
    }
}

/// The same of what needs no name.
fn find_unnamed(text: &str, at: usize) -> Option<Found> {
    let before = text[..at].chars().next_back();
    let starts_word = !before.is_some_and(is_word_char);
    match text.as_bytes()[at] {
        b':' | b'%' => find_userinfo(text, at),
        b'-' if starts_word => find_private_key(text, at).or_else(|| {
            let flag = &text[at..at + run(&text[at..], is_word_char)];
            let is_account = flag == "-u" || names::is_account(flag.trim_start_matches('-'));
            let found = find_flag(text, at)?;
            (!is_account || text[found.start..found.end].contains(':')).then_some(found)
        }),
        byte if byte.is_ascii_alphabetic() && starts_word => {
            find_authorization(text, at).or_else(|| find_token(text, at))
        }
        byte if byte.is_ascii_alphabetic() => find_token(text, at),
        _ => None,
    }
}

/// The length of `prefix` if `text` begins with it in any case.
fn strip_ignoring_case(text: &str, prefix: &str) -> Option<usize> {
    let start = text.as_bytes().get(..prefix.len())?;
    start
        .eq_ignore_ascii_case(prefix.as_bytes())
        .then_some(prefix.len())
}

/// The length in bytes of the characters at the front that `belongs` accepts.
fn run(text: &str, mut belongs: impl FnMut(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

/// The length of the token at the front, without the full stop of a sentence.
fn token_run(text: &str) -> usize {
    token_run_with(text, '/')
}

/// The same of one that has another character, too.
fn token_run_with(text: &str, more: char) -> usize {
    let length = run(text, |c| is_token_char(c) || c == more);
    text[..length].trim_end_matches('.').len()
}

/// The length of a string's inside behind its opening quotes, over the quotes that are escaped in it; `None` where it has none.
fn quoted_length(text: &str, opening: &str) -> Option<usize> {
    match opening {
        "" => None,
        "\"" => Some(string_length(text, '"')),
        "'" => Some(string_length(text, '\'')),
        _ => Some(run(text, |c| !is_quote(c) && !c.is_control())),
    }
}

/// The same of a string that ends in its line: in a sentence a quote may be something else.
fn closed_length(text: &str, opening: &str) -> Option<usize> {
    let length = quoted_length(text, opening)?;
    let is_closed = text[length..].starts_with(is_quote) && !text[..length].contains('\n');
    is_closed.then_some(length)
}

fn string_length(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    run(text, |c| {
        let belongs = is_escaped || c != quote;
        is_escaped = !is_escaped && c == '\\';
        belongs
    })
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

//! Takes secrets and names out of a text that an upstream wrote.
//!
//! Docker Hub prints the account and a session's id into its 429, registries repeat URLs with signatures, clients' errors
//! repeat credentials. What is not recognised as one of these is left alone: the words are what helps.

mod names;
mod urls;

use std::borrow::Cow;

pub use names::is_setting_secret;
use urls::{find_bare_userinfo, find_query, find_userinfo};

/// Stands where something was taken out.
const MARK: &str = "***";

/// How tokens of known makers begin, with the fewest characters after it that make one.
const TOKEN_PREFIXES: [(&str, usize); 25] = [
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
    ("ASIA", 16),
    ("npm_", 16),
    ("xoxb-", 16),
    ("xoxp-", 16),
    ("xoxa-", 16),
    ("xoxr-", 16),
    ("sk-proj-", 16),
    ("sk_live_", 16),
    ("sk_test_", 16),
    ("AIza", 16),
    ("hf_", 16),
    ("pypi-", 16),
    ("SG.", 16),
    ("ya29.", 16),
];

/// How a key in PEM begins, and how the line ends that ends it.
const PRIVATE_KEY: (&str, &str) = ("-----BEGIN ", "PRIVATE KEY-----");

/// Flags before a secret, beside those that are named for one.
const LOGIN_FLAGS: [&str; 2] = ["-p", "-u"];

/// A bare word after `token:` is a sentence's next, unless it is at least this long.
const LEAST_BARE_TOKEN_BYTES: usize = 16;

/// Takes account names, tokens, credentials, userinfo and signed queries out of a text.
///
/// A text without any of them comes back borrowed.
pub fn redact(text: &str) -> Cow<'_, str> {
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
        if let Some(found) = find(text, at) {
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
        b':' => find_userinfo(text, at),
        b'?' => find_query(text, at),
        b'-' if starts_word => find_private_key(text, at).or_else(|| find_flag(text, at)),
        byte if byte.is_ascii_alphabetic() && starts_word => find_account(text, at)
            .or_else(|| find_authorization(text, at))
            .or_else(|| find_token(text, at))
            .or_else(|| find_bare_userinfo(text, at))
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
        b':' => find_userinfo(text, at),
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

/// Docker Hub's "pull rate limit as '<user>'", whatever its quotes.
fn find_account(text: &str, at: usize) -> Option<Found> {
    const PHRASE: &str = "rate limit as ";
    let after = at + strip_ignoring_case(&text[at..], PHRASE)?;
    let quotes = run(&text[after..], is_quote);
    let start = after + quotes;
    let is_of_name = |c: char| match quotes {
        0 => !c.is_whitespace() && !matches!(c, ':' | ','),
        _ => !is_quote(c) && !c.is_control(),
    };
    let end = start + run(&text[start..], is_of_name);
    Found::whole(start, end)
}

/// `Bearer <token>` and `Basic <credentials>`, but not a challenge's `Bearer realm="…"`.
fn find_authorization(text: &str, at: usize) -> Option<Found> {
    const PROSE: [&str; 5] = ["auth", "authentication", "authorization", "token", "tokens"];
    let scheme = ["bearer", "basic"]
        .iter()
        .find_map(|scheme| strip_ignoring_case(&text[at..], scheme))?;
    let rest = &text[at + scheme..];
    let gap = run(rest, |c| c == ' ' || c == '\t');
    if gap == 0 {
        return None;
    }
    let start = at + scheme + gap;
    let end = start + token_run(&text[start..]);
    let is_challenge = text[end..].starts_with('"')
        && text[start..end]
            .strip_suffix('=')
            .is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_lowercase()));
    let is_prose = PROSE
        .iter()
        .any(|word| text[start..end].eq_ignore_ascii_case(word));
    if is_challenge || is_prose {
        return None;
    }
    Found::whole(start, end)
}

/// `"access_token":"…"`, `AWS_SECRET_ACCESS_KEY=…`, `Authorization: …`, `user "…"` and their kin.
fn find_named_secret(text: &str, at: usize) -> Option<Found> {
    let name_length = run(&text[at..], is_word_char);
    let name = &text[at..at + name_length];
    // After a slash it is a part of a path, as in `…/token: 429 Too Many Requests`.
    if text[..at].ends_with('/') {
        return None;
    }
    let rest = &text[at + name_length..];
    if text[..at].ends_with('<') && rest.starts_with('>') && names::is_secret(name) {
        let start = at + name_length + 1;
        return Found::whole(start, start + run(&text[start..], |c| c != '<'));
    }
    let to_sign = run(rest, |c| is_quote(c) || c == ' ');
    let sign = Sign::at(&rest[to_sign..]);
    let Some((sign, sign_length)) = sign else {
        return find_quoted_account(text, at, name).or_else(|| find_bare_password(text, at, name));
    };
    let after_sign = to_sign + sign_length;
    let to_value = after_sign + run(&rest[after_sign..], |c| c == ' ');
    let quotes = run(&rest[to_value..], is_quote);
    if !sign.makes_secret(name, quotes > 0) {
        return None;
    }
    let start = at + name_length + to_value + quotes;
    let opening = &rest[to_value..to_value + quotes];
    let length = value_length(&text[start..], name, opening);
    let is_bare_word =
        length < LEAST_BARE_TOKEN_BYTES || text[start..start + length].contains(MARK);
    let is_prose = sign == Sign::Colon && quotes == 0 && is_bare_word && names::is_token(name);
    // containerd: `… may require authorization: server message: insufficient_scope: …`. What follows is looked at by itself.
    let is_told = sign == Sign::Colon && text[start..].starts_with("server message: ");
    if is_prose || is_told {
        return None;
    }
    // A token may be glued to the name.
    let from = if has_token(name) { at } else { start };
    Found::whole(from, start + length)
}

/// What comes between a name and its value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    Colon,
    /// `=`, in a form also `%3D`, in a program also `:=`.
    Equals,
}

impl Sign {
    /// The sign at the front, and its length in bytes.
    fn at(text: &str) -> Option<(Self, usize)> {
        match text.as_bytes().first()? {
            b':' if text.starts_with(":=") => Some((Self::Equals, 2)),
            b':' => Some((Self::Colon, 1)),
            b'=' => Some((Self::Equals, 1)),
            _ => strip_ignoring_case(text, "%3d").map(|length| (Self::Equals, length)),
        }
    }

    fn makes_secret(self, name: &str, is_quoted: bool) -> bool {
        names::is_secret(name)
            || (self == Self::Equals && names::is_secret_if_assigned(name))
            || (is_quoted && names::is_secret_if_quoted(name))
    }
}

/// `user "alice"`, `user alice@corp.example` and `password "hunter2"`, but not Kubernetes' `User "system:…"`, which is no account at
/// a registry.
fn find_quoted_account(text: &str, at: usize, name: &str) -> Option<Found> {
    let gap = at + name.len() + strip_ignoring_case(&text[at + name.len()..], " ")?;
    let quotes = run(&text[gap..], is_quote);
    let start = gap + quotes;
    let is_of_kubernetes = text[start..].starts_with("system:");
    let is_told = names::is_account(name) || (quotes > 0 && names::is_password(name));
    if !is_told || has_token(name) || is_of_kubernetes {
        return None;
    }
    if quotes == 0 {
        let address = token_run_with(&text[start..], '@');
        let is_address = text[start..start + address].contains('@');
        return is_address.then(|| Found::whole(start, start + address))?;
    }
    let end = start + run(&text[start..], |c| !is_quote(c) && !c.is_control());
    Found::whole(start, end)
}

/// `passwd hunter2`, but not what is said of `passwd` itself.
fn find_bare_password(text: &str, at: usize, name: &str) -> Option<Found> {
    const PROSE: [&str; 18] = [
        "and", "cannot", "command", "database", "entries", "entry", "failed", "field", "file",
        "for", "from", "has", "in", "is", "not", "of", "or", "was",
    ];
    let gap = run(&text[at + name.len()..], |c| c == ' ');
    if !names::is_bare_password(name) || gap == 0 {
        return None;
    }
    let start = at + name.len() + gap;
    let length = run(&text[start..], |c| {
        !c.is_whitespace() && !is_quote(c) && !matches!(c, '&' | ',' | ';' | '}')
    });
    let word = text[start..start + length].trim_end_matches(['.', ':']);
    let is_prose = PROSE.iter().any(|prose| word.eq_ignore_ascii_case(prose));
    (!is_prose && !word.starts_with('-')).then(|| Found::whole(start, start + length))?
}

/// `--password hunter2`, `docker login -p hunter2`, `curl -u alice:hunter2`.
fn find_flag(text: &str, at: usize) -> Option<Found> {
    let name_length = run(&text[at..], is_word_char);
    let flag = &text[at..at + name_length];
    let name = flag.trim_start_matches('-');
    let is_of_login = text[..at].contains("login");
    let is_named = names::is_secret(name) || names::is_account(name);
    let mut glued = LOGIN_FLAGS.iter();
    if let Some(glued) = glued.find(|login| flag.len() > login.len() && flag.starts_with(**login))
        && is_of_login
        && !is_named
    {
        let start = at + glued.len();
        let value = run(&text[start..], |c| !c.is_whitespace() && !is_quote(c));
        return Found::whole(start, start + value);
    }
    let is_login = LOGIN_FLAGS.contains(&flag);
    if has_token(flag) || (!is_login && !is_named) {
        return None;
    }
    let rest = &text[at + name_length..];
    let gap = run(rest, |c| matches!(c, ' ' | '=' | '"' | '\''));
    let start = at + name_length + gap;
    let value = run(&text[start..], |c| !c.is_whitespace() && !is_quote(c));
    let value = &text[start..start + value];
    // A placeholder, a variable or the next flag is no secret; nor is a port or a user's number.
    let is_none = value.starts_with(['<', '$', '-']) || value.contains(MARK);
    let is_of_login = match flag {
        "-p" => is_of_login,
        "-u" => {
            let is_pair = value.contains(':') && value.contains(|c: char| c.is_ascii_alphabetic());
            is_of_login || is_pair
        }
        _ => true,
    };
    if gap == 0 || is_none || !is_of_login {
        return None;
    }
    Found::whole(start, start + value.len())
}

/// A private key in PEM, to its last line or to the end of the text.
fn find_private_key(text: &str, at: usize) -> Option<Found> {
    let (begin, end) = PRIVATE_KEY;
    let inside = &text[at + strip_ignoring_case(&text[at..], begin)?..];
    let first_line = inside.find(end)? + end.len();
    if inside[..first_line].contains('\n') {
        return None;
    }
    let start = text.len() - inside.len() + first_line;
    let length = text[start..]
        .find("-----END ")
        .unwrap_or(text.len() - start);
    Found::whole(start, start + length)
}

/// How far a named secret's value reaches behind its opening quotes.
fn value_length(text: &str, name: &str, opening: &str) -> usize {
    let mut quotes = opening.chars().filter(|&c| c != '\\');
    if let (Some(first), Some(second)) = (quotes.next(), quotes.next())
        && first == second
    {
        // An empty string, opened and closed.
        0
    } else if opening == "\"" {
        string_length(text, '"')
    } else if opening == "'" {
        string_length(text, '\'')
    } else if !opening.is_empty() {
        run(text, |c| !is_quote(c) && !c.is_control())
    } else if names::takes_the_line(name) {
        // A scheme and its credentials: all of the line.
        run(text, |c| !c.is_control() && !is_quote(c))
    } else {
        run(text, |c| {
            !c.is_whitespace() && !is_quote(c) && !matches!(c, '&' | ',' | ';' | '}')
        })
    }
}

/// The length of a string's inside, over the quotes that are escaped in it.
fn string_length(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    run(text, |c| {
        let belongs = is_escaped || c != quote;
        is_escaped = !is_escaped && c == '\\';
        belongs
    })
}

fn find_token(text: &str, at: usize) -> Option<Found> {
    let (prefix, least) = TOKEN_PREFIXES
        .iter()
        .find(|(prefix, _)| text[at..].starts_with(prefix))?;
    let length = token_run(&text[at..]);
    (length >= prefix.len() + least).then(|| Found::whole(at, at + length))?
}

fn has_token(text: &str) -> bool {
    text.char_indices()
        .any(|(at, _)| find_token(text, at).is_some())
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

//! What is secret in a URL: who asks, and what signs the query.

use super::{Found, MARK, has_token, is_quote, is_word_char, run, strip_ignoring_case};

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

/// `://` in a URL that is a part of another.
const ENCODED_SIGN: &str = "%3a%2f%2f";

/// The longest user and password before a host that are known without a scheme, in bytes.
const MAX_USERINFO_BYTES: usize = 256;

/// `scheme://user:password@host`, also with its signs escaped.
pub(super) fn find_userinfo(text: &str, at: usize) -> Option<Found> {
    // The second form is the first in JSON of makers who escape the slash, the last one in a URL within a URL.
    let sign = ["://", r":\/\/", ENCODED_SIGN]
        .iter()
        .find_map(|sign| strip_ignoring_case(&text[at..], sign))?;
    let start = at + sign;
    let authority = run(&text[start..], |c| {
        !matches!(c, '/' | '?' | '#' | '<' | '>') && !is_quote(c) && !c.is_whitespace()
    });
    let mut authority = &text[start..start + authority];
    if sign == ENCODED_SIGN.len() {
        let end = find_ignoring_case(authority, "%2f");
        authority = &authority[..end.unwrap_or(authority.len())];
    }
    let end = authority.rfind('@').or_else(|| authority.rfind("%40"));
    let length = end.or_else(|| broken_userinfo(&text[start..]))?;
    Found::whole(start, start + length)
}

/// The same of a password that nobody has escaped: `user:pass/word@host`. Not a path with a digest or a scope in it.
fn broken_userinfo(text: &str) -> Option<usize> {
    let length = run(text, |c| {
        !matches!(c, '<' | '>') && !is_quote(c) && !c.is_whitespace()
    });
    let text = &text[..length];
    let (user, secret) = text.split_once(':')?;
    let is_port = secret
        .split(['/', '?', '#'])
        .next()
        .is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    let at = text.rfind('@')?;
    let host = &text[at + 1..];
    let host = &host[..run(host, |c| {
        c.is_ascii_alphanumeric() || matches!(c, '.' | '-')
    })];
    let is_host = host.contains('.') || host == "localhost";
    let is_user = !user.is_empty() && !user.contains(['/', '?', '#', '[']);
    let is_whole = is_user && is_host && !is_port && at <= MAX_USERINFO_BYTES;
    is_whole.then_some(at)
}

/// Where a text holds one of small letters, in any case.
fn find_ignoring_case(text: &str, small: &str) -> Option<usize> {
    let mut ends = (0..text.len()).filter(|at| text.is_char_boundary(*at));
    ends.find(|at| strip_ignoring_case(&text[*at..], small).is_some())
}

/// `user:password@host`, where somebody left the scheme out; not an image's tag with its digest.
pub(super) fn find_bare_userinfo(text: &str, at: usize) -> Option<Found> {
    let length = pair_length(&text[at..]).or_else(|| encoded_pair_length(&text[at..]))?;
    let behind = &text[at + length..];
    let host = behind.strip_prefix('@');
    let host = host.or_else(|| behind.strip_prefix("%40"))?;
    let host_length = run(host, |c| {
        c.is_ascii_alphanumeric() || matches!(c, '.' | '-')
    });
    let name = &host[..host_length];
    let is_port = host[host_length..].starts_with(':');
    let is_digest = is_port && !name.contains('.') && name != "localhost";
    let is_host = name.contains('.') || host[host_length..].starts_with('/') || is_port;
    if length > MAX_USERINFO_BYTES || !is_host || is_digest {
        return None;
    }
    Found::whole(at, at + length)
}

/// The length of `user:password`.
fn pair_length(text: &str) -> Option<usize> {
    let user = run(text, is_of_userinfo);
    let secret = run(text[user..].strip_prefix(':')?, is_of_userinfo);
    (secret > 0).then_some(user + 1 + secret)
}

/// The same with its signs escaped, up to an `@` or an escaped one.
fn encoded_pair_length(text: &str) -> Option<usize> {
    let pair = &text[..run(text, is_of_userinfo)];
    let pair = &pair[..pair.rfind("%40").unwrap_or(pair.len())];
    let has = |sign| find_ignoring_case(pair, sign).is_some();
    (has("%3a") && !has("%2f")).then_some(pair.len())
}

fn is_of_userinfo(c: char) -> bool {
    c.is_ascii_graphic() && !is_quote(c) && !matches!(c, ':' | '/' | '@' | '<' | '>' | '?')
}

/// `?key=value&…`: signatures, states and accounts, but not what tells a scope from another.
pub(super) fn find_query(text: &str, at: usize) -> Option<Found> {
    let start = at + 1;
    // The question mark of a sentence; and of several in a row, the last one begins the query.
    if text[start..].starts_with(['?', ')', ']', '.', ',', '!']) {
        return None;
    }
    let end = start
        + run(&text[start..], |c| {
            !c.is_whitespace()
                && !c.is_control()
                && !matches!(c, '<' | '>' | '"' | '\'' | '`' | '#')
        });
    Found::instead(start, end, redact_query(&text[start..end]))
}

fn redact_query(query: &str) -> String {
    // An ampersand that JSON or HTML has escaped could hide a parameter's start: then nothing of it is kept.
    if query.contains(['\\', ';']) {
        return MARK.to_owned();
    }
    let parts = query.split('&').map(|part| match part.split_once('=') {
        None if part.is_empty() => String::new(),
        _ if has_token(part) => MARK.to_owned(),
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

//! What is secret in a URL: who asks, and what signs the query.

use super::escapes::{find_within, sign_at};
use super::{Found, MARK, has_token, is_quote, is_word_char, run};

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

/// The longest user and password before a host that are known without a scheme, in bytes.
const MAX_USERINFO_BYTES: usize = 256;

/// What stands before the address where Go's driver of `MySQL` is told a database: `user:password@tcp(host)/name`.
const PROTOCOLS: [&str; 2] = ["@tcp(", "@unix("];

/// `scheme://user:password@host`, also with its signs escaped: in JSON the slashes, in a URL within a URL all of them.
pub(super) fn find_userinfo(text: &str, at: usize) -> Option<Found> {
    let (colon, mut depth) = sign_at(&text[at..], ':')?;
    let mut start = at + colon;
    for _ in 0..2 {
        start += usize::from(text[start..].starts_with('\\'));
        let (slash, escaped) = sign_at(&text[start..], '/')?;
        start += slash;
        depth = depth.max(escaped);
    }
    // Most addresses have no user: they are done with at once.
    if !text[start..].contains('@') && !text[start..].contains("40") {
        return None;
    }
    let word = &text[start..start + run(&text[start..], is_of_address)];
    let length = find_within(word, depth, |word| {
        let authority = run(word, |c| !matches!(c, '/' | '?' | '#') && is_of_address(c));
        let authority = &word[..authority];
        let end = authority.rfind('@').or_else(|| authority.rfind("%40"));
        end.or_else(|| broken_userinfo(word))
    })?;
    Found::whole(start, start + length)
}

/// The same of a password that nobody has escaped: `user:pass/word@host`. Not a path with a digest or a scope in it.
fn broken_userinfo(text: &str) -> Option<usize> {
    let text = &text[..run(text, is_of_address)];
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

/// `user:password@host`, where somebody left the scheme out; not an image's tag with its digest.
pub(super) fn find_bare_userinfo(text: &str, at: usize) -> Option<Found> {
    let text = &text[at..];
    let user = run(text, is_of_userinfo);
    let mut percents = text[..user].match_indices('%');
    let escaped = percents.find_map(|(sign, _)| sign_at(&text[sign..], ':'));
    let depth = match text[user..].chars().next() {
        Some(':' | '/') if escaped.is_none() => 0,
        _ => escaped?.1,
    };
    let word = &text[..run(text, is_of_address)];
    let length = find_within(word, depth, bare_userinfo)?;
    if length > MAX_USERINFO_BYTES {
        return None;
    }
    Found::whole(at, at + length)
}

/// The length of a user and a password before a host.
fn bare_userinfo(text: &str) -> Option<usize> {
    let user = run(text, is_of_userinfo);
    // Oracle's `scott/tiger@//host`.
    if let Some(secret) = text[user..].strip_prefix('/') {
        let length = run(secret, is_of_userinfo);
        let is_told = length > 0 && secret[length..].starts_with("@//");
        return is_told.then_some(user + 1 + length);
    }
    let secret = text[user..].strip_prefix(':')?;
    let known = &secret[..secret.floor_char_boundary(secret.len().min(MAX_USERINFO_BYTES))];
    let mut of_database = PROTOCOLS.iter().filter_map(|sign| known.rfind(sign));
    if let Some(length) = of_database.next() {
        return Some(user + 1 + length);
    }
    let secret = &secret[..run(secret, |c| c == '@' || is_of_userinfo(c))];
    let length = secret.rfind('@').filter(|length| *length > 0)?;
    let end = user + 1 + length;
    let host = &text[end + 1..];
    let (name, behind) = host.split_at(run(host, |c| {
        c.is_ascii_alphanumeric() || matches!(c, '.' | '-')
    }));
    let is_port = behind.starts_with(':');
    let is_digest = is_port && !name.contains('.') && name != "localhost";
    let is_host = name.contains('.') || behind.starts_with('/') || is_port;
    (is_host && !is_digest).then_some(end)
}

/// Whether an address may go on with it.
fn is_of_address(c: char) -> bool {
    !matches!(c, '<' | '>') && !is_quote(c) && !c.is_whitespace()
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

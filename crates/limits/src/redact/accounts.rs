//! Which account a sentence tells of.
//!
//! Registries and clients name it behind a phrase of their own.

use super::named::is_random;
use super::{Found, is_quote, run, strip_ignoring_case};

/// What stands before an account: Docker Hub's "pull rate limit as '<user>'" and what clients say of a login.
const PHRASES: [&str; 4] = [
    "rate limit as ",
    "logged in as ",
    "login succeeded for ",
    "as user ",
];

/// Who runs a program in a container, and is no account at a registry.
const LOCAL_USERS: [&str; 3] = ["root", "nobody", "nonroot"];

/// The account behind one of the phrases, whatever its quotes.
pub(super) fn find_account(text: &str, at: usize) -> Option<Found> {
    let phrase = PHRASES
        .iter()
        .find_map(|phrase| strip_ignoring_case(&text[at..], phrase));
    let Some(phrase) = phrase else {
        return find_bare_account(text, at);
    };
    let after = at + phrase;
    let after = after + strip_ignoring_case(&text[after..], "user ").unwrap_or(0);
    let quotes = run(&text[after..], is_quote);
    let start = after + quotes;
    let is_of_name = |c: char| match quotes {
        0 => !c.is_whitespace() && !matches!(c, ':' | ',' | ')' | ';'),
        _ => !is_quote(c) && !c.is_control(),
    };
    let name = &text[start..start + run(&text[start..], is_of_name)];
    let name = if quotes == 0 {
        name.trim_end_matches('.')
    } else {
        name
    };
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
    let is_local = is_number || LOCAL_USERS.contains(&name) || text[start..].starts_with("system:");
    (!is_local).then(|| Found::whole(start, start + name.len()))?
}

/// `account bob1999`, where the word is none of a sentence; not Kubernetes' service account.
fn find_bare_account(text: &str, at: usize) -> Option<Found> {
    let start = at + strip_ignoring_case(&text[at..], "account ")?;
    let length = run(&text[start..], |c| {
        !c.is_whitespace() && !is_quote(c) && !matches!(c, ',' | ')' | ';')
    });
    let word = text[start..start + length].trim_end_matches('.');
    let is_of_kubernetes = text[..at].ends_with("service ");
    (is_random(word) && !is_of_kubernetes).then(|| Found::whole(start, start + word.len()))?
}

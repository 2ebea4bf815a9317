//! What is a secret whatever it is called: tokens of known makers, credentials behind their scheme, private keys.
//!
//! Each is known by how it begins.

use super::{Found, run, strip_ignoring_case, token_run};

/// How tokens of known makers begin, with the fewest characters after it that make one.
const TOKEN_PREFIXES: [(&str, usize); 34] = [
    // Our own, of robots.
    ("fbt_", 16),
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
    ("xoxb-", 8),
    ("xoxp-", 8),
    ("xoxa-", 8),
    ("xoxr-", 8),
    ("sk-proj-", 16),
    ("sk_live_", 16),
    ("sk_test_", 16),
    ("AIza", 16),
    ("hf_", 16),
    ("pypi-", 16),
    ("SG.", 16),
    ("ya29.", 16),
    // Vault's.
    ("hvs.", 8),
    ("hvb.", 8),
    // DigitalOcean's.
    ("dop_v1_", 16),
    ("doo_v1_", 16),
    ("glrt-", 16),
    ("rk_live_", 16),
    // The path is what lets anybody write there.
    ("hooks.slack.com/services/", 8),
    ("discord.com/api/webhooks/", 8),
];

/// How a key in PEM begins, and how the line ends that ends it.
const PRIVATE_KEY: (&str, &str) = ("-----BEGIN ", "PRIVATE KEY-----");

/// `Bearer <token>` and `Basic <credentials>`, but not a challenge's `Bearer realm="…"`.
pub(super) fn find_authorization(text: &str, at: usize) -> Option<Found> {
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

/// A private key in PEM, to its last line or to the end of the text.
pub(super) fn find_private_key(text: &str, at: usize) -> Option<Found> {
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

pub(super) fn find_token(text: &str, at: usize) -> Option<Found> {
    let (prefix, least) = TOKEN_PREFIXES
        .iter()
        .find(|(prefix, _)| text[at..].starts_with(prefix))?;
    let length = token_run(&text[at..]);
    (length >= prefix.len() + least).then(|| Found::whole(at, at + length))?
}

pub(super) fn has_token(text: &str) -> bool {
    text.char_indices()
        .any(|(at, _)| find_token(text, at).is_some())
}

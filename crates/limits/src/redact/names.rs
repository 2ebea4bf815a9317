//! The names whose value is a secret or an account.
//!
//! Systems put a name of their own before one that everybody uses (`AWS_SECRET_ACCESS_KEY`, `PGPASSWORD`, `x-api-key`), so
//! it is how a name ends that counts.

/// The last part of a name, after `_` or `-`.
const LAST_PARTS: [&str; 4] = ["account", "pwd", "secret", "username"];

/// How a name ends that is written in one, whatever stands between its words.
const ENDINGS: [&str; 9] = [
    "accesskey",
    "accountkey",
    "apikey",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secretkey",
    "token",
];

/// Names that are secret as a whole, without what stands between their words.
const WHOLE: [&str; 5] = [
    "authorization",
    "clientsecret",
    "cookie",
    "setcookie",
    "xregistryauth",
];

/// The longest name that is looked at, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// Whether the value of what is called so is secret, whether `:` or `=` comes between.
pub(super) fn is_secret(name: &str) -> bool {
    if name.len() > MAX_NAME_BYTES {
        return false;
    }
    let plain: String = name
        .chars()
        .filter(|c| !matches!(c, '_' | '-'))
        .map(|c| c.to_ascii_lowercase())
        .collect();
    has_last_part(name, &LAST_PARTS)
        || ENDINGS.iter().any(|ending| plain.ends_with(ending))
        || WHOLE.contains(&plain.as_str())
}

/// Whether it is if `=` comes between: before a colon these begin a sentence.
pub(super) fn is_secret_if_assigned(name: &str) -> bool {
    has_last_part(name, &["credential", "signature", "user"])
}

/// Whether it is if a quotation comes between: docker's `"auth":"…"`, and without a sign `user "…"`.
pub(super) fn is_secret_if_quoted(name: &str) -> bool {
    has_last_part(name, &["auth"])
}

/// Whether it is a token's; `token:` also begins a sentence.
pub(super) fn is_of_token(name: &str) -> bool {
    let last = name.len().saturating_sub("token".len());
    name.get(last..)
        .is_some_and(|end| end.eq_ignore_ascii_case("token"))
}

/// Whether it tells an account.
pub(super) fn is_account(name: &str) -> bool {
    has_last_part(name, &["account", "user", "username"])
}

/// Whether all of the line is its value.
pub(super) fn takes_the_line(name: &str) -> bool {
    ["authorization", "cookie", "set-cookie"]
        .iter()
        .any(|header| name.eq_ignore_ascii_case(header))
}

fn has_last_part(name: &str, parts: &[&str]) -> bool {
    let last = name.rsplit(['_', '-']).next().unwrap_or(name);
    parts.iter().any(|part| last.eq_ignore_ascii_case(part))
}

//! The names whose value is a secret or an account.
//!
//! Systems put a name of their own before one that everybody uses (`AWS_SECRET_ACCESS_KEY`, `PGPASSWORD`, `x-api-key`), so
//! it is how a name ends that counts.

/// The last part of a name, after `_` or `-`.
const LAST_PARTS: [&str; 5] = ["account", "pass", "pwd", "secret", "username"];

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

/// Names of flags before a password, or before a user with one, beside those that are secrets' anywhere.
const FLAGS: [&str; 2] = ["requirepass", "masterauth"];

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
    has_last_part(name, &LAST_PARTS)
        || ENDINGS.iter().any(|ending| ends_with(name, ending))
        || WHOLE
            .iter()
            .any(|whole| letters(name).eq(whole.bytes().rev()))
}

/// Whether what follows a flag of this name is secret: `--requirepass hunter2`, `--src-creds bob:hunter2`.
pub(super) fn is_flag(name: &str) -> bool {
    has_last_part(name, &["creds"]) || FLAGS.contains(&name)
}

/// Whether what is called so in a file of settings is a password or its like; an account's name is none.
pub fn is_setting_secret(name: &str) -> bool {
    is_secret(name) && !is_account(name) || has_last_part(name, &["auth", "credential"])
}

/// Whether it is a password's, which in quotes needs no sign before it.
pub(super) fn is_password(name: &str) -> bool {
    name.len() <= MAX_NAME_BYTES
        && ["passwd", "password", "passphrase"]
            .iter()
            .any(|ending| ends_with(name, ending))
}

/// Whether it is a word of systems and of no sentence, behind which a password may stand without any sign.
pub(super) fn is_bare_password(name: &str) -> bool {
    name.eq_ignore_ascii_case("passwd")
}

/// Whether it is if `=` comes between: before a colon these begin a sentence.
pub(super) fn is_secret_if_assigned(name: &str) -> bool {
    has_last_part(name, &["credential", "sig", "signature", "user"])
}

/// Whether it is if a quotation comes between: docker's `"auth":"…"`, and without a sign `user "…"`.
pub(super) fn is_secret_if_quoted(name: &str) -> bool {
    has_last_part(name, &["auth", "email", "user"])
}

/// Whether it is a bare `token`, which with a colon also begins a sentence.
pub(super) fn is_token(name: &str) -> bool {
    let is_one_word = !name.contains(['_', '-']);
    is_one_word && ends_with(name, "token")
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

/// Whether a name ends so, whatever stands between its words.
fn ends_with(name: &str, ending: &str) -> bool {
    let mut letters = letters(name);
    ending
        .bytes()
        .rev()
        .all(|byte| letters.next() == Some(byte))
}

/// A name's letters in lower case from its end, without what stands between its words.
fn letters(name: &str) -> impl Iterator<Item = u8> + '_ {
    let bytes = name.bytes().rev();
    bytes
        .filter(|byte| !matches!(byte, b'_' | b'-'))
        .map(|byte| byte.to_ascii_lowercase())
}

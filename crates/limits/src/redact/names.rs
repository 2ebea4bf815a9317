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

/// The last part of a name that is a credential's in settings, and in a sentence what goes wrong.
const CREDENTIALS: [&str; 16] = [
    "auth",
    "cred",
    "credential",
    "credentials",
    "creds",
    "dockercfg",
    "dockerconfigjson",
    "jwt",
    "mfa",
    "otp",
    "pass",
    "passwd",
    "pat",
    "pwd",
    "sas",
    "secret",
];

/// What stands before `key` in a name whose value is no secret.
const HARMLESS_KEYS: [&str; 26] = [
    "annotation",
    "blob",
    "cache",
    "config",
    "env",
    "foreign",
    "group",
    "hash",
    "index",
    "label",
    "lease",
    "map",
    "node",
    "object",
    "parameter",
    "partition",
    "primary",
    "pub",
    "public",
    "resource",
    "routing",
    "snapshot",
    "sort",
    "tag",
    "topology",
    "variable",
];

/// Names of flags before a password, or before a user with one, beside those that are secrets' anywhere.
const FLAGS: [&str; 2] = ["requirepass", "masterauth"];

/// Names that are secret as a whole, without what stands between their words.
const WHOLE: [&str; 6] = [
    "authorization",
    "clientsecret",
    "cookie",
    "proxyauthorization",
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
    is_secret(name) && !is_account(name) || is_credential(name)
}

/// Whether what is called so is a credential in settings. Before a colon it may begin a sentence.
pub(super) fn is_credential(name: &str) -> bool {
    if name.len() > MAX_NAME_BYTES {
        return false;
    }
    let (before, last) = split_last_part(name);
    let is_any =
        |parts: &[&str], part: &str| parts.iter().any(|one| part.eq_ignore_ascii_case(one));
    let (_, kind) = split_last_part(before);
    let is_key = is_any(&["key"], last) && !kind.is_empty() && !is_any(&HARMLESS_KEYS, kind);
    is_key || is_any(&CREDENTIALS, last)
}

/// Whether a variable, or a parameter, of this name holds a secret or an account.
pub(super) fn is_of_secret(name: &str) -> bool {
    is_secret(name) || is_credential(name)
}

/// Whether it is written as variables of an environment are, which begin no sentence: `GH_PAT`.
pub(super) fn is_variable(name: &str) -> bool {
    let is_of_name = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    name.contains('_') && name.bytes().all(is_of_name)
}

/// Whether it is such a variable's that holds a secret, behind which one may stand without any sign.
pub(super) fn is_secret_variable(name: &str) -> bool {
    is_variable(name) && is_of_secret(name)
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
    has_last_part(name, &["login", "sig", "signature", "user"])
}

/// Whether it is if a quotation comes between: docker's `"auth":"…"`, and without a sign `user "…"`.
pub(super) fn is_secret_if_quoted(name: &str) -> bool {
    has_last_part(name, &["email", "login", "user"])
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
    [
        "authorization",
        "cookie",
        "proxy-authorization",
        "set-cookie",
    ]
    .iter()
    .any(|header| name.eq_ignore_ascii_case(header))
}

fn has_last_part(name: &str, parts: &[&str]) -> bool {
    let last = name.rsplit(['_', '-']).next().unwrap_or(name);
    parts.iter().any(|part| last.eq_ignore_ascii_case(part))
}

/// A name without its last part, and that: after `_` or `-`, or where capitals begin.
fn split_last_part(name: &str) -> (&str, &str) {
    let bytes = name.as_bytes();
    let begins = |&at: &usize| {
        let is_capital = bytes[at].is_ascii_uppercase() && !bytes[at - 1].is_ascii_uppercase();
        matches!(bytes[at - 1], b'_' | b'-') || is_capital
    };
    let at = (1..bytes.len()).rev().find(begins).unwrap_or(0);
    let (before, last) = name.split_at(at);
    (before.trim_end_matches(['_', '-']), last)
}

/// Whether a name ends so, whatever stands between its words.
pub(super) fn ends_with(name: &str, ending: &str) -> bool {
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

//! What is secret behind a flag of a command.
//!
//! Short flags mean another thing to each command: `-p` is a password, a port, a project, a path.

use super::tokens::has_token;
use super::{Found, MARK, closed_length, is_quote, is_word_char, names, run};

/// Flags before a secret, beside those that are named for one.
const LOGIN_FLAGS: [&str; 2] = ["-p", "-u"];

/// Commands that are given a password by `-p`, and the flag of an account that stands beside it.
const TAKING_PASSWORDS: [&str; 7] = [
    "login",
    "mysql",
    "mariadb",
    "mongo",
    "sshpass",
    "clickhouse",
    " -u",
];

/// Commands that are given a password by `-a`, which to others means all.
const TAKING_AUTH: [&str; 3] = ["redis-cli", "valkey-cli", "keydb-cli"];

/// Where a command is looked for before its flag, in bytes.
const MAX_COMMAND_BYTES: usize = 512;

/// The fewest bytes of a value that looks like a password whatever command it is given to.
const LEAST_PASSWORD_BYTES: usize = 6;

/// `--password hunter2`, `docker login -p hunter2`, `mysql -phunter2`, `curl -u alice:hunter2`, `["--password", "hunter2"]`.
pub(super) fn find_flag(text: &str, at: usize) -> Option<Found> {
    let name_length = run(&text[at..], is_word_char);
    let flag = &text[at..at + name_length];
    let name = flag.trim_start_matches('-');
    let is_named = names::is_secret(name) || names::is_account(name) || names::is_flag(name);
    if let Some(start) = find_glued(text, at, flag).filter(|_| !is_named) {
        let value = run(&text[start..], |c| !c.is_whitespace() && !is_quote(c));
        return Found::whole(start, start + value);
    }
    let is_auth = flag == "-a" && is_near(&text[..at], &TAKING_AUTH);
    let is_login = LOGIN_FLAGS.contains(&flag) || is_auth;
    if has_token(flag) || (!is_login && !is_named) {
        return None;
    }
    let rest = &text[at + name_length..];
    let gap = gap(rest);
    let start = at + name_length + gap;
    let opening = rest[..gap].rsplit([' ', '=', ',']).next();
    let quoted = closed_length(&text[start..], opening.unwrap_or_default());
    let to_gap = || run(&text[start..], |c| !c.is_whitespace() && !is_quote(c));
    let value = &text[start..start + quoted.unwrap_or_else(to_gap)];
    // A placeholder, a variable or the next flag is no secret; nor is a port or a user's number.
    let is_none = value.starts_with(['<', '$', '-']) || value.contains(MARK);
    let is_secret = match flag {
        "-p" => is_password(&text[..at], value),
        "-u" => {
            let is_pair = value.contains(':') && value.contains(|c: char| c.is_ascii_alphabetic());
            text[..at].contains("login") || is_pair
        }
        _ => true,
    };
    if gap == 0 || is_none || !is_secret {
        return None;
    }
    Found::whole(start, start + value.len())
}

/// Where the value begins that has no gap before it: of `docker login -phunter2`, `mysql -phunter2`.
fn find_glued(text: &str, at: usize, flag: &str) -> Option<usize> {
    let mut login = LOGIN_FLAGS.iter();
    let login = login.find(|login| flag.len() > login.len() && flag.starts_with(**login))?;
    let start = at + login.len();
    let value = &text[start..start + run(&text[start..], |c| !c.is_whitespace())];
    let is_taken = *login == "-p" && takes_password(&text[..at]) && !is_port(value);
    (text[..at].contains("login") || is_taken).then_some(start)
}

/// Between a flag and its value: white space, `=`, quotes; in a list of a command's words also a comma.
fn gap(text: &str) -> usize {
    let between = run(text, |c| matches!(c, ' ' | '=' | '"' | '\'' | '\\' | ','));
    if text.starts_with([' ', '=', ',']) && text[..between].contains(',') {
        return run(text, |c| matches!(c, ' ' | '=' | '"' | '\''));
    }
    between
}

/// Whether what follows `-p` is a password, and no port, project or path.
fn is_password(before: &str, value: &str) -> bool {
    if before.contains("login") {
        return true;
    }
    if value.contains(['/', ':']) || is_port(value) {
        return false;
    }
    takes_password(before) || looks_random(value)
}

fn takes_password(before: &str) -> bool {
    is_near(before, &TAKING_PASSWORDS)
}

fn is_near(before: &str, commands: &[&str]) -> bool {
    let from = before.ceil_char_boundary(before.len().saturating_sub(MAX_COMMAND_BYTES));
    let near = &before[from..];
    commands.iter().any(|command| near.contains(command))
}

/// `3306`, `8080:80`, `127.0.0.1:53:53/udp`.
fn is_port(value: &str) -> bool {
    let ports = value.trim_end_matches(|c: char| is_quote(c) || matches!(c, ']' | ',' | ';'));
    let ports = ports.trim_end_matches("/tcp").trim_end_matches("/udp");
    ports
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b':' | b'-'))
}

/// Whether nobody would call a project so: capitals among digits or small letters, beyond the first.
fn looks_random(value: &str) -> bool {
    let has_digit = value.contains(|c: char| c.is_ascii_digit());
    let has_small = value.contains(|c: char| c.is_ascii_lowercase());
    let has_capital = value.chars().skip(1).any(|c| c.is_ascii_uppercase());
    value.len() >= LEAST_PASSWORD_BYTES && has_capital && (has_digit || has_small)
}

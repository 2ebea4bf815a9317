//! What is secret by the name that stands before it.
//!
//! The name and its value are in JSON, a form, a header, a program's source, or a sentence.

use super::escapes::sign_at;
use super::tokens::has_token;
use super::{
    Found, MARK, closed_length, is_quote, is_word_char, names, pairs, quoted_length, run,
    strip_ignoring_case, token_run_with,
};

/// A bare word after `token:` is a sentence's next, unless it is at least this long.
const LEAST_BARE_TOKEN_BYTES: usize = 16;

/// The fewest bytes of a word that is known for a secret by its digits among letters.
const LEAST_RANDOM_BYTES: usize = 6;

/// Words with digits that stand in sentences about secrets.
const WORDS_WITH_DIGITS: [&str; 4] = ["base64", "oauth2", "oauth1", "ed25519"];

/// `"access_token":"…"`, `AWS_SECRET_ACCESS_KEY=…`, `Authorization: …`, `user "…"` and their kin.
pub(super) fn find_named_secret(text: &str, at: usize) -> Option<Found> {
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
        return find_quoted_account(text, at, name)
            .or_else(|| find_bare_password(text, at, name))
            .or_else(|| find_bare_token(text, at, name));
    };
    let after_sign = to_sign + sign_length;
    let to_value = after_sign + run(&rest[after_sign..], |c| c == ' ');
    let to_value = to_value + literal_mark(&rest[to_value..]);
    let quotes = run(&rest[to_value..], is_quote);
    let start = at + name_length + to_value + quotes;
    let opening = &rest[to_value..to_value + quotes];
    let is_value = pairs::is_value(name);
    if !is_value && !sign.may_make_secret(name, quotes > 0) {
        return None;
    }
    let length = value_length(&text[start..], name, opening);
    let word = &text[start..start + length];
    let is_named = if is_value {
        pairs::is_of_secret(&text[..at], &text[start + length..])
    } else {
        sign.makes_secret(name, quotes > 0) || is_random(word)
    };
    if !is_named {
        return None;
    }
    let is_bare_word = !is_random(word) && length < LEAST_BARE_TOKEN_BYTES || word.contains(MARK);
    let is_prose = sign == Sign::Colon && quotes == 0 && is_bare_word && names::is_token(name);
    // containerd: `… may require authorization: server message: insufficient_scope: …`. What follows is looked at by itself.
    let is_told = sign == Sign::Colon && text[start..].starts_with("server message: ");
    if is_prose || is_told || is_of_kubernetes(&text[start..]) {
        return None;
    }
    // A token may be glued to the name.
    let from = if has_token(name) { at } else { start };
    Found::whole(from, start + length)
}

/// What comes between a name and its value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// `:`, in a program or a list also `=>` and `->`.
    Colon,
    /// `=`, in a form also `%3D`, in a program also `:=`.
    Equals,
}

impl Sign {
    /// The sign at the front, and its length in bytes.
    fn at(text: &str) -> Option<(Self, usize)> {
        match text.as_bytes().first()? {
            b':' if text.starts_with(":=") => Some((Self::Equals, 2)),
            b'=' | b'-' if text[1..].starts_with('>') => Some((Self::Colon, 2)),
            b':' => Some((Self::Colon, 1)),
            b'=' => Some((Self::Equals, 1)),
            _ => sign_at(text, '=').map(|(length, _)| (Self::Equals, length)),
        }
    }

    /// Whether it does, or would if the value were no word of a sentence.
    fn may_make_secret(self, name: &str, is_quoted: bool) -> bool {
        names::is_credential(name) || self.makes_secret(name, is_quoted)
    }

    fn makes_secret(self, name: &str, is_quoted: bool) -> bool {
        let is_assigned = self == Self::Equals || names::is_variable(name);
        names::is_secret(name)
            || (is_assigned && names::is_secret_if_assigned(name))
            || (is_quoted && names::is_secret_if_quoted(name))
            || ((is_assigned || is_quoted) && names::is_credential(name))
    }
}

/// `user "alice"`, `user alice@corp.example` and `password "hunter2"`, but not Kubernetes' `User "system:…"`, which is no account at
/// a registry.
fn find_quoted_account(text: &str, at: usize, name: &str) -> Option<Found> {
    let gap = at + name.len() + strip_ignoring_case(&text[at + name.len()..], " ")?;
    let quotes = run(&text[gap..], is_quote);
    let start = gap + quotes;
    let is_password = names::is_password(name) || names::is_secret_variable(name);
    let is_told = names::is_account(name) || (quotes > 0 && is_password);
    if !is_told || has_token(name) || is_of_kubernetes(&text[start..]) {
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

/// Whether it is a user of Kubernetes, which is no account at a registry.
fn is_of_kubernetes(user: &str) -> bool {
    user.starts_with("system:")
}

/// The length of the letter that Python puts before a string of bytes or of Unicode: `b'…'`, `u"…"`.
fn literal_mark(text: &str) -> usize {
    let is_marked = matches!(text.as_bytes(), [b'b' | b'u', b'\'' | b'"', ..]);
    usize::from(is_marked)
}

/// `passwd hunter2`, `password Hunter2`, `password is Hunter2` and `ENV NPM_TOKEN hunter2`, but not what is said of a password
/// itself.
fn find_bare_password(text: &str, at: usize, name: &str) -> Option<Found> {
    const PROSE: [&str; 18] = [
        "and", "cannot", "command", "database", "entries", "entry", "failed", "field", "file",
        "for", "from", "has", "in", "is", "not", "of", "or", "was",
    ];
    let gap = run(&text[at + name.len()..], |c| c == ' ');
    let is_password = names::is_password(name);
    let is_variable = names::is_secret_variable(name);
    let is_set = gap > 0 && names::is_of_secret(name) && is_set(&text[..at]);
    let is_bare = names::is_bare_password(name) || is_set;
    if gap == 0 || !(is_bare || is_password || is_variable) {
        return None;
    }
    let mut start = at + name.len() + gap;
    let said = ["is ", "was "]
        .iter()
        .find_map(|word| strip_ignoring_case(&text[start..], word));
    let mut opening = "";
    if let Some(said) = said {
        start += said;
        let opened = run(&text[start..], |c| c == ' ' || is_quote(c));
        opening = text[start..start + opened].trim_start();
        start += opened;
    }
    let to_gap = || {
        run(&text[start..], |c| {
            !c.is_whitespace() && !is_quote(c) && !matches!(c, '&' | ',' | ';' | '}')
        })
    };
    let length = closed_length(&text[start..], opening).unwrap_or_else(to_gap);
    let word = text[start..start + length].trim_end_matches(['.', ':']);
    let is_prose = PROSE.iter().any(|prose| word.eq_ignore_ascii_case(prose));
    // A sentence about passwords goes on in words.
    let is_told = is_bare && said.is_none()
        || is_variable && is_random(word) && !names::is_variable(word)
        || is_password && stands_out(word) && !name.bytes().all(|c| c.is_ascii_uppercase());
    // Nor is a variable, or a flag.
    (is_told && !is_prose && !word.starts_with(['-', '$']))
        .then(|| Found::whole(start, start + length))?
}

/// `token 0123456789abcdef`, also in quotes: a word that no sentence about tokens goes on with.
fn find_bare_token(text: &str, at: usize, name: &str) -> Option<Found> {
    let behind = &text[at + name.len()..];
    let gap = run(behind, |c| c == ' ' || is_quote(c));
    let start = at + name.len() + gap;
    let word = run(&text[start..], |c| {
        !c.is_whitespace() && !is_quote(c) && !matches!(c, ',' | ';' | ')')
    });
    let word = &text[start..start + word];
    let is_told = names::is_token(name) && behind.starts_with(' ') && is_random(word);
    (is_told && word.len() >= LEAST_BARE_TOKEN_BYTES)
        .then(|| Found::whole(start, start + word.len()))?
}

/// Whether the next word is the name of what is set: `ENV NAME value`, `npm config set //r.example/:_authToken value`.
fn is_set(before: &str) -> bool {
    let before = before.trim_end_matches(|c: char| !c.is_whitespace());
    let before = before.trim_end();
    ["ENV", "setx", "config set"]
        .iter()
        .any(|setting| before.ends_with(setting))
}

/// Whether something is no word of a sentence: it has digits or capitals, beyond the first letter.
fn stands_out(word: &str) -> bool {
    // What registries and systems shout.
    const SHOUTED: [&str; 10] = [
        "DENIED",
        "EOF",
        "ERROR",
        "HTTP",
        "HTTPS",
        "ID",
        "NULL",
        "REQUIRED",
        "TOOMANYREQUESTS",
        "UNAUTHORIZED",
    ];
    let is_of_word = |c: char| c.is_ascii_lowercase() || matches!(c, '-' | '_' | '\u{2019}');
    let begins = word.starts_with(|c: char| c.is_ascii_alphanumeric());
    let is_status = word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_digit());
    begins
        && !is_status
        && !word.contains(MARK)
        && !word.contains("://")
        && !SHOUTED.contains(&word)
        && word.chars().skip(1).any(|c| !is_of_word(c))
}

/// Whether a word is none of a sentence, but a secret or a name: digits among its letters, and no part of a place.
pub(super) fn is_random(word: &str) -> bool {
    let has_digit = word.contains(|c: char| c.is_ascii_digit());
    let has_letter = word.contains(|c: char| c.is_ascii_alphabetic());
    let is_date = matches!(
        word.as_bytes(),
        [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'-', ..]
    );
    // What ends in a colon begins a clause: `x509: certificate …`.
    has_digit
        && has_letter
        && !is_date
        && word.len() >= LEAST_RANDOM_BYTES
        && !word.contains(['/', '.'])
        && !word.ends_with(':')
        && !word.starts_with("sha256:")
        && !word.contains(MARK)
        && !WORDS_WITH_DIGITS.contains(&word)
}

/// How far a named secret's value reaches behind its opening quotes.
fn value_length(text: &str, name: &str, opening: &str) -> usize {
    let mut quotes = opening.chars().filter(|&c| c != '\\');
    if let (Some(first), Some(second)) = (quotes.next(), quotes.next())
        && first == second
    {
        // An empty string, opened and closed.
        0
    } else if let Some(length) = quoted_length(text, opening) {
        length
    } else if names::takes_the_line(name) {
        // A scheme and its credentials: all of the line, and Digest's are quoted.
        let is_digest = strip_ignoring_case(text, "digest ").is_some();
        run(text, |c| !c.is_control() && (is_digest || !is_quote(c)))
    } else {
        run(text, |c| {
            !c.is_whitespace() && !is_quote(c) && !matches!(c, '&' | ',' | ';' | '}')
        })
    }
}

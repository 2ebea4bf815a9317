//! One cleaned message in the two forms in which it is looked at.
//!
//! Tools wrap lines anywhere, also inside a word. So phrases are looked for in a text without any white space, in lower
//! case, where no wrapping can hide them; names, which need their ends, in a text with single spaces.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use crate::registry::pattern;

/// HTTP's words for the status 429, where no wrapping has cut into them.
static REASON_PHRASE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)(^|[^a-z])too\s+many\s+requests"));

/// How Docker's API, and who calls it, wraps what a registry said: no word of the registry's own trouble.
static ENGINE_ERROR: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?:apierror:)?500servererror(?:forhttp\+docker[^(]*|(?:for[^(]{0,400}?)?:internalservererror)|\(?httpcode500\)servererror|apierror\(500\)|",
        r#"status500:\{"message"|statuscode=internalservererror|statuscode:?500"?internalservererror"?andmessage|"#,
        r"internalservererrorexception:status500",
    ))
});

/// A cleaned message.
#[derive(Debug)]
pub(crate) struct Views {
    /// With single spaces, in the case that it came in.
    pub(crate) spaced: String,
    /// Whether it has line breaks, which may stand inside a name.
    pub(crate) is_broken: bool,
    /// Without white space, in lower case.
    pub(crate) tight: String,
}

/// Programs name the status in mixed case, in their source and in other services' errors: registries do not.
fn uncoded(text: &str) -> Cow<'_, str> {
    if !text.contains("ooManyRequests") {
        return Cow::Borrowed(text);
    }
    let apart = text.replace("ooManyRequests", "ooMany_Requests");
    // The name of an error of AWS's clients.
    Cow::Owned(apart.replace("ooMany_RequestsException", "ooManyRequestsException"))
}

/// The text in one line, if a terminal has broken it after each so many characters: its lines are all of one width.
fn unwrap_hard(clean: &str) -> Option<String> {
    const MIN_COLUMNS: usize = 20;
    let lines: Vec<&str> = clean.trim_end().split('\n').collect();
    let (last, full) = lines.split_last()?;
    let columns = full.first()?.chars().count();
    let is_wrapped = full.len() > 1
        && columns >= MIN_COLUMNS
        && full.iter().all(|line| line.chars().count() == columns)
        && last.chars().count() <= columns;
    is_wrapped.then(|| lines.concat())
}

impl Views {
    /// Makes both of a text that `clean` has cleaned.
    pub(crate) fn of(clean: &str) -> Self {
        let unwrapped = unwrap_hard(clean);
        let clean = unwrapped.as_deref().unwrap_or(clean);
        let mut spaced = String::with_capacity(clean.len());
        for word in clean.split_whitespace() {
            if !spaced.is_empty() {
                spaced.push(' ');
            }
            spaced.push_str(word);
        }
        // A sentence says "Too Many Requests", a registry's error code is one word: the tight view keeps them apart.
        let marked = REASON_PHRASE.replace_all(&spaced, "${1}too_many_requests");
        let mut tight: String = uncoded(&marked).split(' ').collect();
        tight.make_ascii_lowercase();
        if tight.contains("500") || tight.contains("=internalservererror") {
            tight = ENGINE_ERROR.replace_all(&tight, "").into_owned();
        }
        Self {
            spaced,
            is_broken: clean.trim().contains('\n'),
            tight,
        }
    }
}

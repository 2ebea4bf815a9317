//! What `--to`, `--set` and `--crd` say.

use std::path::Path;

use forebay_rewrite::Crd;
use forebay_rewrite::rules::{Goal, PRESETS, RulesError, quoted_name};
use forebay_terminal::Failure;
use forebay_terminal::plain_file::read_text;

/// The largest file of rules.
const MAX_RULES_BYTES: u64 = 1 << 20;

/// The goal that a preset or a file of rules is.
///
/// # Errors
/// It is neither, or the rules are wrong.
pub(super) fn read(given: &str) -> Result<Goal, Failure> {
    let shown = quoted_name(given.as_bytes());
    let wrong = |error: RulesError| Failure::failed(format!("cannot rewrite to {shown}"), error);
    if let Some(goal) = Goal::find_preset(given) {
        return goal.map_err(wrong);
    }
    let presets: Vec<&str> = PRESETS.iter().map(|(form, _)| *form).collect();
    let text = read_text(Path::new(given), MAX_RULES_BYTES).map_err(|error| {
        Failure::failed(format!("cannot read the rules {shown}"), error)
            .with_hint(format!("presets are {}", presets.join(", ")))
    })?;
    Goal::of_file(&text).map_err(wrong)
}

/// `NAME=VALUE`.
pub(in crate::commands) fn setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        _ if text.contains(char::is_control) => {
            Err("there is a line end or another control character in it".to_owned())
        }
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a value is set as NAME=VALUE".to_owned()),
    }
}

/// `KIND=path.to[].image`.
pub(in crate::commands) fn crd(text: &str) -> Result<Crd, String> {
    let wrong = "a kind is given as KIND=path.to[].image";
    let (kind, path) = text.split_once('=').ok_or(wrong)?;
    let is_key = |part: &str| !part.strip_suffix("[]").unwrap_or(part).is_empty();
    if kind.is_empty() || !path.split('.').all(is_key) {
        return Err(wrong.to_owned());
    }
    Ok(Crd {
        kind: kind.to_owned(),
        path: path.to_owned(),
    })
}

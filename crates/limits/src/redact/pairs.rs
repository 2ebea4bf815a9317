//! A name and its value in two fields: `{"name":"DB_PASSWORD","value":"…"}`.
//!
//! So Kubernetes, ECS, `CodeBuild` and `CloudFormation` write the variables of a container, or parameters.

use super::{is_quote, is_word_char, names, run};

/// Where the field with the name is looked for, in bytes before and behind the value.
const MAX_FIELD_BYTES: usize = 256;

/// Whether a field is the value of a pair, by what it is called: `value`, `ParameterValue`.
pub(super) fn is_value(name: &str) -> bool {
    names::ends_with(name, "value")
}

/// Whether the pair's other field, before or behind the value, is the name of a secret.
pub(super) fn is_of_secret(before: &str, behind: &str) -> bool {
    let from = before.ceil_char_boundary(before.len().saturating_sub(MAX_FIELD_BYTES));
    let before = before[from..].rsplit(['{', '[']).next();
    let to = behind.floor_char_boundary(behind.len().min(MAX_FIELD_BYTES));
    let behind = behind[..to].split(['{', '}', ']']).next();
    // Of what stands before, the field that is nearest; a list without braces has several pairs.
    let last = before.and_then(|before| find_names(before).last());
    let first = || behind.and_then(|behind| find_names(behind).next());
    last.or_else(first).is_some_and(names::is_of_secret)
}

/// The values of fields that are called a name or a key.
fn find_names(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            rest = &rest[rest.find(|c: char| c.is_ascii_alphabetic())?..];
            let (field, behind) = rest.split_at(run(rest, is_word_char));
            rest = behind;
            let is_name = ["name", "key"]
                .iter()
                .any(|end| names::ends_with(field, end));
            let sign = run(behind, |c| is_quote(c) || matches!(c, ' ' | ':' | '='));
            if is_name && behind[..sign].contains([':', '=']) {
                let value = &behind[sign..];
                let (value, behind) = value.split_at(run(value, is_word_char));
                rest = behind;
                return Some(value);
            }
        }
    })
}

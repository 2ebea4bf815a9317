//! A command as one writes it in a shell.
//!
//! Whatever a word holds, the shell takes it for this one word, with what variables in it stand for.

use forebay_limits::shell_word;

/// A word in which the shell still puts what `$NAME` and `${NAME}` stand for, and which is one word whatever that is.
pub(crate) fn quoted_with_variables(word: &str) -> String {
    let parts = word.split('$').skip(1);
    if !parts.clone().any(is_variable) {
        return shell_word(word);
    }
    let mut text = String::from("\"");
    for (number, part) in word.split('$').enumerate() {
        let is_first = number == 0;
        text.push_str(match (is_first, is_variable(part)) {
            (true, _) => "",
            (false, true) => "$",
            (false, false) => "\\$",
        });
        for c in part.chars() {
            if matches!(c, '"' | '\\' | '`') {
                text.push('\\');
            }
            text.push(c);
        }
    }
    text.push('"');
    text
}

/// Whether what follows a `$` is a variable's name, and no command or arithmetic.
fn is_variable(part: &str) -> bool {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_begin = |c: char| c.is_ascii_alphabetic() || c == '_';
    match part.strip_prefix('{') {
        Some(inner) => inner
            .split_once('}')
            .is_some_and(|(name, _)| name.starts_with(is_begin) && name.chars().all(is_of_name)),
        None => part.starts_with(is_begin),
    }
}

/// Program and arguments in one line.
pub fn command_line<W: AsRef<str>>(command: &[W]) -> String {
    let words: Vec<String> = command
        .iter()
        .map(|word| shell_word(word.as_ref()))
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stays_one_word_with_its_variables() {
        for (word, written) in [
            ("team/app:1", "team/app:1"),
            ("my dir", "'my dir'"),
            ("a b; id", "'a b; id'"),
            ("$(id)", "'$(id)'"),
            ("app:$CI_COMMIT_SHA", "\"app:$CI_COMMIT_SHA\""),
            ("${TAG}`id`\"$(id)", "\"${TAG}\\`id\\`\\\"\\$(id)\""),
            ("${TAG:-$(id)}", "'${TAG:-$(id)}'"),
            ("$A${B-x}", "\"$A\\${B-x}\""),
            ("", "''"),
        ] {
            assert_eq!(quoted_with_variables(word), written);
        }
    }
}

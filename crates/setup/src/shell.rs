//! A command as one writes it in a shell.
//!
//! Whatever a word holds, the shell takes it for this one word.

/// A word, in quotes where it needs them.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Program and arguments in one line.
pub fn command_line<W: AsRef<str>>(command: &[W]) -> String {
    let words: Vec<String> = command.iter().map(|word| quoted(word.as_ref())).collect();
    words.join(" ")
}

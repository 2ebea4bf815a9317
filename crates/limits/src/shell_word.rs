//! A word as one writes it in a shell of POSIX.
//!
//! Whatever it holds, the shell takes it for this one word.

/// A word, in quotes where it needs them.
pub fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_in_quotes_where_it_needs_them() {
        for (word, written) in [
            ("team/app:1", "team/app:1"),
            (
                "arn:aws:eks:us-east-1:1:cluster/c",
                "arn:aws:eks:us-east-1:1:cluster/c",
            ),
            ("my dir", "'my dir'"),
            ("$(id)", "'$(id)'"),
            ("it's", "'it'\\''s'"),
            ("", "''"),
        ] {
            assert_eq!(shell_word(word), written);
        }
    }
}

//! Makes a stranger's text fit to be shown: without its secrets, in one line, and bounded.
//!
//! What nobody sees goes first, for a colour or a zero-width space within a secret's name would keep that from being known.
//! The cut comes last, for it could take the name away from its secret.

use crate::printable::{printable, visible};
use crate::redact::redact;

/// One line of at most `max_bytes` bytes, without secrets, accounts and what a terminal would obey.
pub fn shown(text: &str, max_bytes: usize) -> String {
    printable(&without_secrets(text), max_bytes)
}

/// The same of a text that keeps its lines and its length.
pub fn without_secrets(text: &str) -> String {
    let seen: String = visible(text)
        .map(|c| {
            let is_gap = c.is_whitespace() && !matches!(c, '\n' | '\r');
            if is_gap { ' ' } else { c }
        })
        .collect();
    redact(&seen).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_behind_colours_and_letters_that_nobody_sees() {
        for text in [
            "\u{1b}[31mERRO\u{1b}[0m x \u{1b}[36mpassword\u{1b}[0m=HUNTER2",
            "\u{1b}[31mtoken\u{1b}[0m=\u{1b}[32mHUNTER2\u{1b}[0m",
            "pass\u{1b}[31mword=HUNTER2",
            "pass\u{200b}word=HUNTER2",
            "Pa\0ssword=HUNTER2",
            "password\t:\t HUNTER2",
            "password\u{a0}= HUNTER2",
            "x https://bob:HUN\u{200b}TER2@r.example/v2/",
        ] {
            let line = shown(text, 100);
            assert!(!line.contains("TER2"), "{line}");
            assert!(!without_secrets(text).contains("TER2"));
        }
    }

    #[test]
    fn the_cut_comes_after_the_secrets_are_gone() {
        assert_eq!(
            shown("https://bob:HUNTER2@r.example/x", 20),
            "https://***@r.exa…"
        );
        assert_eq!(shown("a\n password=HUNTER2\nb", 100), "a password=*** b");
        assert_eq!(
            without_secrets("a\npassword=HUNTER2\nb"),
            "a\npassword=***\nb"
        );
    }
}

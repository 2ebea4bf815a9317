//! The words of a message as they are shown: in one line, without secrets and accounts.
//!
//! Made where they are shown: a log tells of the same again and again, and shows the first.

use std::fmt;
use std::sync::Arc;

use forebay_limits::shown;

use crate::Class;
use crate::clean::clean;
use crate::in_json::words_in_json;
use crate::views::Views;

/// The longest excerpt of a message, in bytes.
pub const MAX_EXCERPT_BYTES: usize = 600;

/// The longest message that is held until its words are shown, in bytes; those of a longer one are made at once.
const MAX_HELD_BYTES: usize = 1_024;

/// The words of a message that tells of a failure.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Excerpt {
    text: Arc<str>,
    /// What the text tells of, if it is the message as it came.
    class: Option<Class>,
}

impl Excerpt {
    /// The words with which a message tells of a failure of a class.
    pub(crate) fn of(message: &str, class: Class) -> Self {
        if message.len() > MAX_HELD_BYTES {
            return Self {
                text: words(message, class).into(),
                class: None,
            };
        }
        Self {
            text: message.into(),
            class: Some(class),
        }
    }

    /// The words in one line of at most [`MAX_EXCERPT_BYTES`] bytes, without secrets and accounts.
    pub fn text(&self) -> String {
        self.class
            .map_or_else(|| (*self.text).to_owned(), |class| words(&self.text, class))
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(f)
    }
}

fn words(message: &str, class: Class) -> String {
    let words = words_in_json(message, class);
    let words = Views::of(&clean(words.as_deref().unwrap_or(message))).spaced;
    shown(&words, MAX_EXCERPT_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_of_a_message_is_shown_however_long_it_is_held() {
        for length in [1, MAX_HELD_BYTES] {
            let message = format!("password=HUNTER2 denied\n{}", "x".repeat(length));
            let excerpt = Excerpt::of(&message, Class::Auth);
            for text in [excerpt.text(), format!("{excerpt:?}")] {
                assert!(
                    text.contains("denied") && !text.contains("HUNTER2"),
                    "{text}"
                );
            }
        }
    }
}

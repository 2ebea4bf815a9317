//! Keys that take one of a few words.

use forebay_oci::Act;
use tracing::Level;

use super::TextValue;
use crate::error::Wrong;
use crate::nearest::find_nearest;
use crate::resolved::{Authorize, ClientAuth, LogFormat, OnGone, WebhookForm};

/// Gives a type its words, in the order in which they are told.
macro_rules! choice {
    ($type:ty, $wanted:literal, $($word:literal => $value:expr),+) => {
        impl TextValue for $type {
            const FORM: &'static str = $wanted;
            const WORDS: &'static [&'static str] = &[$($word),+];

            fn from_text(text: &str) -> Result<Self, Wrong> {
                match text {
                    $($word => Ok($value),)+
                    other => Err(unknown(other, Self::FORM, Self::WORDS)),
                }
            }

            fn text(&self) -> String {
                let words = [$(($word, $value)),+];
                let word = words.iter().find(|(_, value)| value == self);
                word.map(|(word, _)| (*word).to_owned()).unwrap_or_default()
            }
        }
    };
}

choice!(OnGone, "\"serve\" or \"refuse\"", "serve" => Self::Serve, "refuse" => Self::Refuse);

choice!(LogFormat, "\"text\" or \"json\"", "text" => Self::Text, "json" => Self::Json);

choice!(
    ClientAuth,
    "\"required\" or \"optional\"",
    "required" => Self::Required,
    "optional" => Self::Optional
);

choice!(
    Authorize,
    "\"policy\" or \"client\"",
    "policy" => Self::Policy,
    "client" => Self::Client
);

choice!(WebhookForm, "\"json\" or \"slack\"", "json" => Self::Json, "slack" => Self::Slack);

choice!(
    Act,
    "\"pull\", \"push\", \"delete\" or \"admin\"",
    "pull" => Self::Pull,
    "push" => Self::Push,
    "delete" => Self::Delete,
    "admin" => Self::Admin
);

choice!(
    Level,
    "\"error\", \"warn\", \"info\", \"debug\" or \"trace\"",
    "error" => Self::ERROR,
    "warn" => Self::WARN,
    "info" => Self::INFO,
    "debug" => Self::DEBUG,
    "trace" => Self::TRACE
);

fn unknown(word: &str, wanted: &str, words: &[&str]) -> Wrong {
    let wrong = Wrong::new(format!("is {word:?}, wanted {wanted}"));
    let lower = word.to_ascii_lowercase();
    match find_nearest(&lower, words.iter().copied()) {
        Some(nearest) => wrong.hint(format!("the nearest is \"{nearest}\"")),
        None => wrong,
    }
}

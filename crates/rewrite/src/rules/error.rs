//! What is wrong with rules, and why a rule does not fit an image.

use super::quote::quoted_name;
use super::template::{InvalidTemplate, Lacking};
use super::version::InvalidRange;

/// What is wrong with rules.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// The file is no TOML, or has keys that there are not.
    #[error("the rules cannot be read")]
    File(#[source] toml::de::Error),
    /// No rule is there.
    #[error("there is no rule: each begins with [[rule]]")]
    Empty,
    /// More rules than [`super::MAX_RULES`].
    #[error("there are {0} rules, and at most {limit} are taken", limit = super::MAX_RULES)]
    TooMany(usize),
    /// A rule's template is none. Rules are counted from 1.
    #[error("rule {number}: {text:?} is no template")]
    Template {
        /// Which.
        number: usize,
        /// As it is written.
        text: String,
        /// What is wrong.
        source: InvalidTemplate,
    },
    /// A rule's range of versions is none.
    #[error("rule {number}: the version cannot be read")]
    Range {
        /// Which.
        number: usize,
        /// What is wrong.
        source: InvalidRange,
    },
    /// A rule says neither or both of `to` and `keep = true`.
    #[error(
        "rule {0} says neither where images go (to = \"…\") nor that they stay (keep = true), or both"
    )]
    Action(usize),
    /// What a rule makes is taken up by a rule again: twice would not be once.
    #[error("rule {first} makes {once} of {image}, of which rule {again} makes {twice}: {what}")]
    Unsettled {
        /// The rule that is first.
        first: usize,
        /// The rule that takes up what it makes.
        again: usize,
        /// An image for which it is so.
        image: String,
        /// What becomes of it first.
        once: String,
        /// And then.
        twice: String,
        /// Whether that ends.
        what: &'static str,
    },
    /// A preset with wrong arguments.
    #[error("{} is not written as {form}{}", quoted_name(given.as_bytes()), placeholders(form))]
    Preset {
        /// What was given.
        given: String,
        /// How it is written.
        form: &'static str,
    },
}

/// What stands for the words of a preset's form, where they do not say it themselves.
fn placeholders(form: &str) -> &'static str {
    if form.contains("ACCOUNT:REGION") {
        ": ACCOUNT is 12 digits, REGION one such as us-east-1"
    } else {
        ""
    }
}

/// Why a rule that matches an image cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It asks for a part that the image does not have.
    #[error(transparent)]
    Lacking(#[from] Lacking),
    /// What it makes is no image reference.
    #[error("rule {0} makes {1}, which is no image reference")]
    NoImage(usize, String),
    /// What it makes would be changed again.
    #[error("rule {0} makes {1}, which a rule takes up again")]
    Unsettled(usize, String),
    /// Which tag it has decides, and that is not known.
    #[error("rule {0} asks for its tag, which is not known here")]
    AsksTag(usize),
}

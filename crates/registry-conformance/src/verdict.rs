//! How a case ends, and what ends it early.

/// Why a case did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The registry did something else than it should: what, to which request.
    Failed(String),
    /// The registry said, as the spec lets it, that it has not what is asked for.
    Skipped(String),
}

/// What a case, or a part of one, comes to.
pub type Verdict<T = ()> = Result<T, Stop>;

impl Stop {
    /// A failure, in words.
    pub fn failed(why: impl Into<String>) -> Self {
        Self::Failed(why.into())
    }

    /// A skip, in words.
    pub fn skipped(why: impl Into<String>) -> Self {
        Self::Skipped(why.into())
    }

    /// The same with what it was about in front.
    #[must_use]
    pub fn about(self, what: &str) -> Self {
        match self {
            Self::Failed(why) => Self::Failed(format!("{what}: {why}")),
            Self::Skipped(why) => Self::Skipped(format!("{what}: {why}")),
        }
    }
}

/// Fails the case with a formatted text unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($why:tt)+) => {
        if !$condition {
            return Err($crate::verdict::Stop::Failed(format!($($why)+)));
        }
    };
}
pub(crate) use ensure;

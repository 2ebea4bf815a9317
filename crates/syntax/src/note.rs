//! What there is to say about a file that was read: what could not be, and what is good to know.

/// A remark about a file, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Where, if at one place: a byte offset.
    pub at: Option<usize>,
    /// One clause.
    pub text: String,
    /// True for what is good to know; false where something of the file was not read.
    pub is_advice: bool,
}

impl Note {
    /// About the whole file.
    pub fn whole(text: impl Into<String>) -> Self {
        Self {
            at: None,
            text: text.into(),
            is_advice: false,
        }
    }

    /// About what is at a byte offset.
    pub fn at(offset: usize, text: impl Into<String>) -> Self {
        Self {
            at: Some(offset),
            text: text.into(),
            is_advice: false,
        }
    }

    /// About what is at a byte offset and was read.
    pub fn advice(offset: usize, text: impl Into<String>) -> Self {
        Self {
            is_advice: true,
            ..Self::at(offset, text)
        }
    }
}

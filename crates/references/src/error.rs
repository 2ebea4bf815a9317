//! Why a reference cannot be written to its place.

/// What keeps a new reference out of a place. The file is left as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It has characters that no reference has.
    #[error("`{0}` is not an image reference")]
    NoReference(String),
    /// A split place has no value for what is new, or would lose one.
    #[error("the file has no place for the {0} of `{1}`")]
    NoPart(&'static str, String),
    /// The values of a format: one would have to go, and another to stay.
    #[error("some of the format's values would go and others stay: write `{0}` by hand")]
    SomeValues(String),
    /// A function makes the image of what is given to it.
    #[error("a function puts it together: write `{0}` by hand")]
    Function(String),
    /// The image is a variable here, and written in another file.
    #[error("`{0}` sets it: change it there")]
    SetIn(String),
    /// A change of the image alone would do harm: what to do.
    #[error("{0}")]
    ByHand(&'static str),
    /// Two edits of the same bytes that are not the same.
    #[error("two rules want different things at byte {0}")]
    Conflict(usize),
    /// The place is not of this text.
    #[error("bytes {0} to {1} are not in this text")]
    Elsewhere(usize, usize),
}

//! How a secret is shown where it must be mentioned.

pub use forebay_upstream::Secret;

/// What stands where a secret would be shown.
pub(super) const REDACTED: &str = "***";

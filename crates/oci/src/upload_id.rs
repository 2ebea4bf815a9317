//! The name of an upload that is under way.

use std::fmt;
use std::str::FromStr;

/// How many hexadecimal digits it is written with.
const DIGITS: usize = 32;

/// The name of an upload that is under way: 128 random bits, so that nobody guesses another's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UploadId(u128);

/// A text that names no upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an upload is named by {DIGITS} lower-case hexadecimal digits")]
pub struct InvalidUploadId;

impl UploadId {
    /// The name made of these bits, which the caller has drawn by chance.
    pub const fn new(random: u128) -> Self {
        Self(random)
    }
}

impl FromStr for UploadId {
    type Err = InvalidUploadId;

    fn from_str(text: &str) -> Result<Self, InvalidUploadId> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != DIGITS || !text.bytes().all(is_digit) {
            return Err(InvalidUploadId);
        }
        let bits = u128::from_str_radix(text, 16).map_err(|_| InvalidUploadId)?;
        Ok(Self(bits))
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0DIGITS$x}", self.0)
    }
}

/// Whoever has the name may go on with the upload, if the repository lets it: so no log shows more than where it begins.
impl fmt::Debug for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06x}…", self.0 >> 104)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_prints_as_it_was_parsed() {
        for bits in [0, 1, u128::MAX, 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef] {
            let id = UploadId::new(bits);
            assert_eq!(id.to_string().parse(), Ok(id));
        }
    }

    #[test]
    fn anything_else_is_none() {
        let upper = "A".repeat(32);
        let sign = format!("+{}", "0".repeat(31));
        for text in [
            "",
            "0",
            &"0".repeat(31),
            &"0".repeat(33),
            &upper,
            &sign,
            "../../../../../../../../etc/passw",
        ] {
            assert_eq!(text.parse::<UploadId>(), Err(InvalidUploadId), "{text}");
        }
    }
}

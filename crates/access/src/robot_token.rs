//! Robots' tokens: `fbt_ID_SECRET`, recognisable wherever they leak, with a checksum that tells a torn one without asking
//! anybody.

use std::fmt::Write as _;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use forebay_content::{RobotId, Secret};

/// How every token begins: the mark that secret scanners look for.
pub const ROBOT_TOKEN_PREFIX: &str = "fbt_";

/// Hexadecimal digits of the secret, 256 bits, and of the checksum after it, 32 bits.
const SECRET_DIGITS: usize = 64;
const SUM_DIGITS: usize = 8;

/// A robot's token: who it says it is, and what proves it.
#[derive(Clone)]
pub(crate) struct RobotToken {
    /// By what it is found.
    pub(crate) id: RobotId,
    secret: [u8; 32],
}

impl RobotToken {
    /// A token of this id and this secret.
    pub(crate) fn new(id: RobotId, secret: [u8; 32]) -> Self {
        Self { id, secret }
    }

    /// Reads a token; `None` for any other text, and for one of which a part is missing or wrong.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(ROBOT_TOKEN_PREFIX)?;
        let (id, digits) = rest.split_once('_')?;
        let id: RobotId = id.parse().ok()?;
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if digits.len() != SECRET_DIGITS + SUM_DIGITS || !digits.bytes().all(is_digit) {
            return None;
        }
        let (secret, sum) = digits.split_at(SECRET_DIGITS);
        if u32::from_str_radix(sum, 16).ok()? != checksum(&id, secret) {
            return None;
        }
        let mut bytes = [0; 32];
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&secret[2 * place..2 * place + 2], 16).ok()?;
        }
        Some(Self { id, secret: bytes })
    }

    /// As it is given away, once.
    pub(crate) fn text(&self) -> Secret {
        let mut digits = String::with_capacity(SECRET_DIGITS);
        for byte in self.secret {
            // Writing to a text cannot fail.
            let _ = write!(digits, "{byte:02x}");
        }
        let sum = checksum(&self.id, &digits);
        Secret::new(format!("{ROBOT_TOKEN_PREFIX}{}_{digits}{sum:08x}", self.id))
    }

    /// What is kept of it. A hash that is fast will do: there are 256 random bits to guess.
    pub(crate) fn hash(&self) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, &self.secret).as_ref());
        hash
    }

    /// True if `kept` is the hash of its secret; compared in constant time.
    pub(crate) fn is_kept_as(&self, kept: &[u8; 32]) -> bool {
        verify_slices_are_equal(&self.hash(), kept).is_ok()
    }
}

/// CRC32C of all that stands before it.
fn checksum(id: &RobotId, digits: &str) -> u32 {
    let sum = crc32c::crc32c(ROBOT_TOKEN_PREFIX.as_bytes());
    let sum = crc32c::crc32c_append(sum, id.as_str().as_bytes());
    crc32c::crc32c_append(sum, digits.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> RobotToken {
        RobotToken::new(
            RobotId::of_random([5; 12]),
            *b"0123456789abcdef0123456789abcdef",
        )
    }

    #[test]
    fn a_token_is_read_as_it_was_given_away() {
        let text = token().text();
        let text = text.expose();
        assert!(text.starts_with("fbt_ffffffffffff_3031"), "{text}");
        assert_eq!(text.len(), 4 + 12 + 1 + 64 + 8);
        let read = RobotToken::parse(text).unwrap();
        assert_eq!(read.id, token().id);
        assert!(read.is_kept_as(&token().hash()));
        assert!(!read.is_kept_as(&[0; 32]));
    }

    #[test]
    fn a_torn_or_changed_token_is_none() {
        let text = token().text().expose().to_owned();
        for place in 0..text.len() {
            assert!(RobotToken::parse(&text[..place]).is_none());
            assert!(RobotToken::parse(&text[place + 1..]).is_none());
            for other in ["0", "z", "_", "+", "é", "A"] {
                let mut changed = text.clone();
                changed.replace_range(place..=place, other);
                if changed != text {
                    assert!(RobotToken::parse(&changed).is_none(), "{changed}");
                }
            }
        }
        assert!(RobotToken::parse(&format!("{text}0")).is_none());
        assert!(RobotToken::parse(&text.to_uppercase()).is_none());
    }
}

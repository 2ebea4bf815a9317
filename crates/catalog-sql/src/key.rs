//! How digests, list keys and pages are written as bytes.
//!
//! Compact, because there may be millions, and ordered like the texts they stand for. What is written here is at rest in
//! users' files: a change is a new format.

use forebay_content::ListKey;
use forebay_oci::{Digest, Page};

use crate::error::SqlError;

const SHA256: u8 = 1;
const SHA512: u8 = 2;

/// The key of a digest by SHA-512, in bytes.
const LONGEST_KEY: usize = 65;

const TAGS: u8 = 1;
const REFERRERS: u8 = 2;

const ABSENT: u8 = 0;
const PRESENT: u8 = 1;

/// One byte for the algorithm, then the hash value: 33 or 65 bytes. Ordered as `sha256:…` and `sha512:…` are as texts.
pub(crate) fn digest_key(digest: &Digest) -> Vec<u8> {
    let algorithm = match digest {
        Digest::Sha256(_) => SHA256,
        Digest::Sha512(_) => SHA512,
    };
    let mut key = Vec::with_capacity(1 + digest.hash().len());
    key.push(algorithm);
    key.extend_from_slice(digest.hash());
    key
}

/// The digest that `digest_key` wrote.
pub(crate) fn parse_digest(key: &[u8]) -> Result<Digest, SqlError> {
    const DAMAGED: SqlError = SqlError::Damaged("a digest");
    match key.split_first() {
        Some((&SHA256, hash)) => Ok(Digest::Sha256(hash.try_into().map_err(|_| DAMAGED)?)),
        Some((&SHA512, hash)) => {
            let hash: [u8; 64] = hash.try_into().map_err(|_| DAMAGED)?;
            Ok(Digest::Sha512(Box::new(hash)))
        }
        _ => Err(DAMAGED),
    }
}

/// What SQL wrote of a digest's key in hex.
pub(crate) fn parse_hex_digest(hex: &str) -> Result<Digest, SqlError> {
    const DAMAGED: SqlError = SqlError::Damaged("a digest");
    let mut key = [0; LONGEST_KEY];
    let key = key.get_mut(..hex.len() / 2).ok_or(DAMAGED)?;
    let (pairs, rest) = hex.as_bytes().as_chunks();
    for (byte, [high, low]) in key.iter_mut().zip(pairs) {
        *byte = hex_value(*high).ok_or(DAMAGED)? << 4 | hex_value(*low).ok_or(DAMAGED)?;
    }
    if rest.is_empty() {
        parse_digest(key)
    } else {
        Err(DAMAGED)
    }
}

fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// All parts of a list's key, each with its presence and at most the last without its length: no two keys are alike.
pub(crate) fn list_key(key: &ListKey) -> Vec<u8> {
    let mut bytes = Vec::new();
    match key {
        ListKey::Tags { n, last } => {
            bytes.push(TAGS);
            write_page(&mut bytes, *n, last.as_deref());
        }
        ListKey::Referrers {
            digest,
            artifact_type,
        } => {
            bytes.push(REFERRERS);
            bytes.extend_from_slice(&digest_key(digest));
            write_text(&mut bytes, artifact_type.as_deref());
        }
    }
    bytes
}

/// A page's `n` and `last`. Bytes and not text, for `last` comes from a client and may hold any character.
pub(crate) fn page_bytes(page: &Page) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_page(&mut bytes, page.n, page.last.as_deref());
    bytes
}

/// The page that `page_bytes` wrote.
pub(crate) fn parse_page(bytes: &[u8]) -> Result<Page, SqlError> {
    const DAMAGED: SqlError = SqlError::Damaged("a page of a list");
    let (n, rest) = match bytes.split_first().ok_or(DAMAGED)? {
        (&ABSENT, rest) => (None, rest),
        (&PRESENT, rest) => {
            let (n, rest) = rest.split_first_chunk().ok_or(DAMAGED)?;
            (Some(u64::from_be_bytes(*n)), rest)
        }
        _ => return Err(DAMAGED),
    };
    let last = match rest.split_first().ok_or(DAMAGED)? {
        (&ABSENT, []) => None,
        (&PRESENT, text) => Some(String::from_utf8(text.to_vec()).map_err(|_| DAMAGED)?),
        _ => return Err(DAMAGED),
    };
    Ok(Page { n, last })
}

fn write_page(bytes: &mut Vec<u8>, n: Option<u64>, last: Option<&str>) {
    match n {
        None => bytes.push(ABSENT),
        Some(n) => {
            bytes.push(PRESENT);
            bytes.extend_from_slice(&n.to_be_bytes());
        }
    }
    write_text(bytes, last);
}

fn write_text(bytes: &mut Vec<u8>, text: Option<&str>) {
    match text {
        None => bytes.push(ABSENT),
        Some(text) => {
            bytes.push(PRESENT);
            bytes.extend_from_slice(text.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use forebay_oci::Algorithm;

    use super::*;

    #[test]
    fn what_was_written_is_read_back() {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let digest = Digest::of(algorithm, b"content");
            let key = digest_key(&digest);
            assert_eq!(parse_digest(&key).unwrap(), digest);
            let mut hex = String::new();
            for byte in &key {
                write!(hex, "{byte:02X}").unwrap();
            }
            assert_eq!(parse_hex_digest(&hex).unwrap(), digest);
            for other in [
                &hex[1..],
                &hex[2..],
                &hex[..hex.len() - 1],
                &hex.to_lowercase(),
            ] {
                assert!(parse_hex_digest(other).is_err(), "{other}");
            }
            for other in [
                format!("{hex}0"),
                format!("{hex}00"),
                hex.replacen('0', "+", 1),
            ] {
                assert!(parse_hex_digest(&other).is_err(), "{other}");
            }
        }
        for n in [None, Some(0), Some(u64::MAX)] {
            for last in [None, Some(String::new()), Some("a\0é".to_owned())] {
                let page = Page { n, last };
                assert_eq!(parse_page(&page_bytes(&page)).unwrap(), page);
            }
        }
    }

    #[test]
    fn keys_are_ordered_as_their_texts() {
        let mut digests: Vec<Digest> = (0..40_u8)
            .flat_map(|n| [Algorithm::Sha256, Algorithm::Sha512].map(|of| Digest::of(of, &[n])))
            .collect();
        digests.sort_by_key(digest_key);
        assert!(digests.iter().map(Digest::to_string).is_sorted());
    }

    #[test]
    fn any_other_bytes_are_damage_and_no_panic() {
        let whole = digest_key(&Digest::sha256(b"content"));
        for len in 0..whole.len() {
            assert!(parse_digest(&whole[..len]).is_err(), "{len} bytes");
        }
        for first in [0, SHA512, 3, 255] {
            let mut other = whole.clone();
            other[0] = first;
            assert!(parse_digest(&other).is_err(), "algorithm {first}");
        }
        for bytes in [
            [].as_slice(),
            &[0],
            &[2, 0],
            &[1, 0, 0],
            &[0, 0, 1],
            &[0, 2],
            &[0, 1, 0xff],
        ] {
            assert!(parse_page(bytes).is_err(), "{bytes:?}");
        }
    }
}

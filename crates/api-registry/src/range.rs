//! The `Range` header of a blob request, and the `If-Range` that it depends on.
//!
//! Source: RFC 9110 §13.1.5 and §14; OCI distribution-spec, "Pulling blobs".

use forebay_content::ByteRange;
use forebay_oci::Digest;
use http::header::{IF_RANGE, RANGE};
use http::{HeaderMap, HeaderValue};

/// The range that a request for this blob asks for; `Ok(None)` for the whole.
///
/// A part of what a client had from elsewhere is of no use if that was another content: with `If-Range`, the range counts only
/// if the validator is this content's (§13.1.5). We give none out, and take the digest as an entity tag, as other registries
/// write it.
///
/// # Errors
/// Those of [`parse`].
pub(crate) fn read(headers: &HeaderMap, digest: &Digest) -> Result<Option<ByteRange>, Backwards> {
    let is_same = |validator: &HeaderValue| {
        let validator = validator.as_bytes();
        let tag = validator
            .strip_prefix(b"\"")
            .and_then(|tag| tag.strip_suffix(b"\""));
        tag == Some(digest.to_string().as_bytes())
    };
    if !headers.get(IF_RANGE).is_none_or(is_same) {
        return Ok(None);
    }
    parse(headers.get(RANGE))
}

/// Reads the header: `Ok(None)` if it is none that we know or names several ranges, which a server may ignore (§14.2).
///
/// # Errors
/// A range whose first byte lies behind its last. That is invalid (§14.1.1), which a server may ignore or reject (§14.2); the
/// conformance suite asks for 416.
fn parse(header: Option<&HeaderValue>) -> Result<Option<ByteRange>, Backwards> {
    let Some(text) = header.and_then(|header| header.to_str().ok()) else {
        return Ok(None);
    };
    let Some((first, last)) = text
        .strip_prefix("bytes=")
        .and_then(|range| range.trim().split_once('-'))
    else {
        return Ok(None);
    };
    let range = match (number(first), number(last)) {
        (Some(first), Some(last)) if first > last => return Err(Backwards),
        (Some(first), Some(last)) => Some(ByteRange::Between { first, last }),
        (Some(first), None) if last.is_empty() => Some(ByteRange::From { first }),
        (None, Some(length)) if first.is_empty() => Some(ByteRange::Last { length }),
        _ => None,
    };
    Ok(range)
}

/// The first byte lies behind the last.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Backwards;

/// Digits only: `parse` would take a plus sign. A number too large to write is past any end.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_read_and_anything_else_is_the_whole() {
        for (text, range) in [
            ("bytes=0-", Ok(Some(ByteRange::From { first: 0 }))),
            (
                "bytes=500-1499",
                Ok(Some(ByteRange::Between {
                    first: 500,
                    last: 1499,
                })),
            ),
            ("bytes=-500", Ok(Some(ByteRange::Last { length: 500 }))),
            ("bytes=500-0", Err(Backwards)),
            (
                "bytes=99999999999999999999-",
                Ok(Some(ByteRange::From { first: u64::MAX })),
            ),
            ("bytes=0-1,5-6", Ok(None)),
            ("bytes=-", Ok(None)),
            ("bytes=+1-2", Ok(None)),
            ("bytes=a-b", Ok(None)),
            ("chunks=0-1", Ok(None)),
            ("", Ok(None)),
        ] {
            assert_eq!(
                parse(Some(&HeaderValue::from_static(text))),
                range,
                "{text}"
            );
        }
        assert_eq!(parse(None), Ok(None));
    }

    #[test]
    fn a_range_of_another_content_is_the_whole() {
        let digest = Digest::sha256(b"content");
        let range = || Ok(Some(ByteRange::From { first: 5 }));
        for (validator, expected) in [
            (None, range()),
            (Some(format!("\"{digest}\"")), range()),
            (Some(digest.to_string()), Ok(None)),
            (Some(format!("W/\"{digest}\"")), Ok(None)),
            (Some("\"other\"".into()), Ok(None)),
            (Some("Sat, 21 Nov 2026 06:49:00 GMT".into()), Ok(None)),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RANGE, HeaderValue::from_static("bytes=5-"));
            if let Some(validator) = &validator {
                headers.insert(IF_RANGE, validator.parse().unwrap());
            }
            assert_eq!(read(&headers, &digest), expected, "{validator:?}");
        }
    }
}

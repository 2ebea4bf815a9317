//! The `Range` header of a blob request.
//!
//! Source: RFC 9110 §14.1.1 (a range that ends before it begins is invalid) and §14.2; OCI distribution-spec, "Pulling
//! blobs".

use forebay_content::ByteRange;
use http::HeaderValue;

/// Reads the header: `Ok(None)` if it is none that we know or names several ranges, which RFC 9110 lets us ignore.
///
/// # Errors
/// A range whose first byte lies behind its last: the conformance suite asks for 416.
pub(crate) fn parse(header: Option<&HeaderValue>) -> Result<Option<ByteRange>, Backwards> {
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
}

//! Single byte ranges: what a Range header asks of a body of known length.
//!
//! Pure. RFC 9110 §14; where the RFC lets us choose, the OCI conformance suite's reading is taken.

use http::HeaderValue;

/// What to send of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteRange {
    /// All of it: no range was asked for, several were, or something that is not a byte range.
    Whole,
    /// The bytes from `first` to `last`, both included.
    Part {
        /// Offset of the first byte.
        first: u64,
        /// Offset of the last byte; less than the body's length.
        last: u64,
    },
    /// None of the bytes asked for exist: 416.
    Unsatisfiable,
}

impl ByteRange {
    /// Reads the Range header of a request for a body of `length` bytes.
    ///
    /// One `bytes=` range is understood: `0-`, `500-1499` (cut at the end), `-500`. A range that begins at or after the end,
    /// a suffix of nothing, and one that ends before it begins are unsatisfiable: RFC 9110 would let us ignore the
    /// last, the OCI suite wants 416. Anything else is ignored, as RFC 9110 §14.2 allows.
    pub fn parse(header: Option<&HeaderValue>, length: u64) -> Self {
        let text = header.and_then(|value| value.to_str().ok());
        text.and_then(|text| parse_single(text, length))
            .unwrap_or(Self::Whole)
    }

    /// The Content-Range header to send with it, for a body of `length` bytes; none where all of it is sent.
    pub fn content_range(self, length: u64) -> Option<HeaderValue> {
        let text = match self {
            Self::Whole => return None,
            Self::Part { first, last } => format!("bytes {first}-{last}/{length}"),
            Self::Unsatisfiable => format!("bytes */{length}"),
        };
        HeaderValue::from_str(&text).ok()
    }

    /// How many bytes of a body of `length` bytes are sent.
    pub fn count(self, length: u64) -> u64 {
        match self {
            Self::Whole => length,
            Self::Part { first, last } => last - first + 1,
            Self::Unsatisfiable => 0,
        }
    }
}

/// None where the text is not one byte range.
fn parse_single(text: &str, length: u64) -> Option<ByteRange> {
    let (unit, range) = text.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    let (first, last) = (first.trim_end(), last.trim_start());
    if first.is_empty() {
        return parse_offset(last).map(|suffix| last_bytes(suffix, length));
    }
    let first = parse_offset(first)?;
    let last = if last.is_empty() {
        u64::MAX
    } else {
        parse_offset(last)?
    };
    Some(if first > last || first >= length {
        ByteRange::Unsatisfiable
    } else {
        ByteRange::Part {
            first,
            last: last.min(length - 1),
        }
    })
}

fn last_bytes(suffix: u64, length: u64) -> ByteRange {
    if suffix == 0 || length == 0 {
        return ByteRange::Unsatisfiable;
    }
    ByteRange::Part {
        first: length.saturating_sub(suffix),
        last: length - 1,
    }
}

/// Digits only; more than 64 bits of them are as good as infinity.
fn parse_offset(digits: &str) -> Option<u64> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_ranges_are_read_as_the_rfc_and_the_oci_suite_want_them() {
        use ByteRange::{Unsatisfiable, Whole};
        let part = |first, last| ByteRange::Part { first, last };
        let table = [
            ("bytes=0-", 1000, part(0, 999)),
            ("bytes=0-0", 1000, part(0, 0)),
            ("bytes=500-1499", 1000, part(500, 999)),
            ("bytes=500-999", 1000, part(500, 999)),
            ("bytes=999-", 1000, part(999, 999)),
            ("bytes=-500", 1000, part(500, 999)),
            ("bytes=-5000", 1000, part(0, 999)),
            ("Bytes = 1-2", 1000, part(1, 2)),
            ("bytes=0-99999999999999999999999", 1000, part(0, 999)),
            ("bytes=1000-", 1000, Unsatisfiable),
            ("bytes=5000-10000", 1000, Unsatisfiable),
            ("bytes=500-0", 1000, Unsatisfiable),
            ("bytes=-0", 1000, Unsatisfiable),
            ("bytes=0-", 0, Unsatisfiable),
            ("bytes=-1", 0, Unsatisfiable),
            ("bytes=99999999999999999999999-", 1000, Unsatisfiable),
            ("bytes=0-1,5-6", 1000, Whole),
            ("bytes=", 1000, Whole),
            ("bytes=-", 1000, Whole),
            ("bytes=a-b", 1000, Whole),
            ("bytes=+1-2", 1000, Whole),
            ("bytes=1-2-3", 1000, Whole),
            ("items=0-1", 1000, Whole),
            ("", 1000, Whole),
        ];
        for (text, length, expected) in table {
            let header = HeaderValue::from_str(text).unwrap();
            assert_eq!(
                ByteRange::parse(Some(&header), length),
                expected,
                "{text} of {length}"
            );
        }
        assert_eq!(ByteRange::parse(None, 1000), Whole);
    }

    #[test]
    fn content_range_says_what_is_sent() {
        let part = ByteRange::Part { first: 5, last: 9 };
        assert_eq!(part.content_range(20).unwrap(), "bytes 5-9/20");
        assert_eq!(part.count(20), 5);
        assert_eq!(
            ByteRange::Unsatisfiable.content_range(20).unwrap(),
            "bytes */20"
        );
        assert_eq!(ByteRange::Whole.content_range(20), None);
        assert_eq!(ByteRange::Whole.count(20), 20);
    }
}

//! Reads the head of a registry's answer about a blob, and holds its body to what the head said.
//!
//! The bytes are not hashed here: a fill may resume, and only who keeps the bytes sees all of them.

use std::ops::Range;

use bytes::Bytes;
use forebay_content::{BlobStream, ByteRange, SourceError};
use forebay_http_kit::ReplyBody;
use futures::{StreamExt, stream};
use http::{HeaderMap, StatusCode, header};

use crate::failure;
use crate::lanes::Place;
use crate::manifest::content_length;

/// What the head of a 2xx answer says of the bytes that follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// The whole blob's size in bytes, if told.
    pub(crate) size: Option<u64>,
    /// Which bytes of it follow, if it is a part.
    pub(crate) range: Option<Range<u64>>,
}

/// A `Content-Range` of bytes: RFC 9110 §14.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ContentRange {
    first: u64,
    last: u64,
    size: Option<u64>,
}

/// The value of the `Range` header.
pub(crate) fn range_value(range: ByteRange) -> String {
    match range {
        ByteRange::From { first } => format!("bytes={first}-"),
        ByteRange::Between { first, last } => format!("bytes={first}-{last}"),
        ByteRange::Last { length } => format!("bytes=-{length}"),
    }
}

/// Reads the head; a 206 has to be what was asked for.
pub(crate) fn measure(
    status: StatusCode,
    headers: &HeaderMap,
    asked: Option<ByteRange>,
) -> Result<Extent, SourceError> {
    let length = content_length(headers);
    match (status, asked) {
        // Also to a request for a part: whoever asked sees that this is the whole.
        (StatusCode::OK, _) => Ok(Extent {
            size: length,
            range: None,
        }),
        (StatusCode::PARTIAL_CONTENT, Some(asked)) => {
            let given =
                read_content_range(headers).ok_or_else(|| invalid("one readable Content-Range"))?;
            let range = given.first..given.last + 1;
            if !is_what_was_asked(given, asked) {
                return Err(invalid("the range that was asked for"));
            }
            if length.is_some_and(|length| length != range.end - range.start) {
                return Err(invalid("the length of its range"));
            }
            Ok(Extent {
                size: given.size,
                range: Some(range),
            })
        }
        (status, _) => Err(SourceError::Invalid {
            why: format!("it answered {status} where a blob belongs"),
        }),
    }
}

/// The size that a 416 tells: `Content-Range: bytes */<size>`.
pub(crate) fn unsatisfied_size(headers: &HeaderMap) -> Option<u64> {
    let value = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    parse_number(value.strip_prefix("bytes */")?)
}

/// The body as a stream of the caller's errors, of exactly the bytes that the head promised. `host` is who sends it.
pub(crate) fn stream_of(
    body: ReplyBody,
    expected: Option<u64>,
    host: String,
    place: Place,
) -> BlobStream {
    struct Flow {
        body: ReplyBody,
        left: Option<u64>,
        host: String,
        // Given back when the body has come or is dropped.
        _place: Place,
    }
    let flow = Flow {
        body,
        left: expected,
        host,
        _place: place,
    };
    stream::unfold(Some(flow), |flow| async move {
        let mut flow = flow?;
        let next = match flow.body.next_chunk().await {
            None => match flow.left {
                None | Some(0) => return None,
                Some(left) => Err(SourceError::Unavailable {
                    why: format!("{}: the body ended {left} bytes short", flow.host),
                    retry_after: None,
                }),
            },
            Some(Ok(chunk)) => take(&mut flow.left, chunk),
            Some(Err(error)) => Err(failure::of_body(&error, &flow.host)),
        };
        // After an error there is nothing more, and the connection goes.
        let rest = next.is_ok().then_some(flow);
        Some((next, rest))
    })
    .boxed()
}

fn take(left: &mut Option<u64>, chunk: Bytes) -> Result<Bytes, SourceError> {
    if let Some(left) = left {
        *left = left
            .checked_sub(chunk.len() as u64)
            .ok_or_else(|| invalid("the length that it announced"))?;
    }
    Ok(chunk)
}

fn is_what_was_asked(given: ContentRange, asked: ByteRange) -> bool {
    let Some(size) = given.size else {
        return match asked {
            ByteRange::From { first } => given.first == first,
            ByteRange::Between { first, last } => given.first == first && given.last <= last,
            // Without the size nobody knows where these begin.
            ByteRange::Last { .. } => false,
        };
    };
    asked.resolve(size) == Ok(given.first..given.last + 1)
}

/// The one `Content-Range` of an answer; of two nobody knows which is true.
fn read_content_range(headers: &HeaderMap) -> Option<ContentRange> {
    let mut values = headers.get_all(header::CONTENT_RANGE).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (range, size) = value.strip_prefix("bytes ")?.trim().split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last) = (parse_number(first)?, parse_number(last)?);
    let size = match size {
        "*" => None,
        size => Some(parse_number(size)?),
    };
    let is_sane = first <= last && last < size.unwrap_or(u64::MAX);
    is_sane.then_some(ContentRange { first, last, size })
}

fn parse_number(text: &str) -> Option<u64> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.parse().ok())?
}

fn invalid(expected: &str) -> SourceError {
    SourceError::Invalid {
        why: format!("its answer does not have {expected}"),
    }
}

#[cfg(test)]
mod tests;

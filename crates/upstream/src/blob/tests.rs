use http::HeaderValue;

use super::*;

fn headers(pairs: &[(http::HeaderName, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name, HeaderValue::from_static(value));
    }
    headers
}

fn between(first: u64, last: u64) -> ByteRange {
    ByteRange::Between { first, last }
}

#[test]
fn ranges_are_written_as_http_has_them() {
    assert_eq!(range_value(ByteRange::From { first: 5 }), "bytes=5-");
    assert_eq!(range_value(between(0, 9)), "bytes=0-9");
    assert_eq!(range_value(ByteRange::Last { length: 3 }), "bytes=-3");
}

#[test]
fn a_206_is_what_was_asked_for_or_invalid() {
    let from = |first| ByteRange::From { first };
    let last = |length| ByteRange::Last { length };
    for (asked, given, expected) in [
        (from(5), "bytes 5-9/10", Some((5..10, Some(10)))),
        (from(5), "bytes 5-9/*", Some((5..10, None))),
        (from(5), "bytes 5-8/10", None),
        (from(5), "bytes 4-9/10", None),
        (from(5), "bytes 0-9/10", None),
        (between(2, 3), "bytes 2-3/10", Some((2..4, Some(10)))),
        (between(2, 30), "bytes 2-9/10", Some((2..10, Some(10)))),
        (between(2, 3), "bytes 2-4/10", None),
        (between(2, 5), "bytes 2-4/*", Some((2..5, None))),
        (between(2, 3), "bytes 2-4/*", None),
        (last(3), "bytes 7-9/10", Some((7..10, Some(10)))),
        (last(3), "bytes 6-9/10", None),
        (last(3), "bytes 7-9/*", None),
        (from(0), "bytes 0-10/10", None),
        (from(0), "bytes 9-0/10", None),
        (from(0), "bytes 0-18446744073709551615/*", None),
        (from(0), "bytes -1-9/10", None),
        (from(0), "bytes +0-9/10", None),
        (from(0), "bytes */10", None),
        (from(0), "0-9", None),
        (from(0), "items 0-9/10", None),
    ] {
        let headers = headers(&[(header::CONTENT_RANGE, given)]);
        let found = measure(StatusCode::PARTIAL_CONTENT, &headers, Some(asked));
        let found = found
            .ok()
            .map(|extent| (extent.range.unwrap(), extent.size));
        assert_eq!(found, expected, "{asked:?} {given}");
    }
}

#[test]
fn doubled_or_missing_ranges_and_false_lengths_are_invalid() {
    let one = (header::CONTENT_RANGE, "bytes 0-9/10");
    let asked = Some(between(0, 9));
    for headers in [
        headers(&[]),
        headers(&[one.clone(), (header::CONTENT_RANGE, "bytes 0-9/10")]),
        headers(&[one, (header::CONTENT_LENGTH, "9")]),
    ] {
        assert!(
            measure(StatusCode::PARTIAL_CONTENT, &headers, asked).is_err(),
            "{headers:?}"
        );
    }
    let unasked = headers(&[(header::CONTENT_RANGE, "bytes 0-9/10")]);
    assert!(measure(StatusCode::PARTIAL_CONTENT, &unasked, None).is_err());
    assert!(measure(StatusCode::NO_CONTENT, &headers(&[]), None).is_err());
}

#[test]
fn a_200_is_the_whole_whatever_was_asked_for() {
    let told = headers(&[(header::CONTENT_LENGTH, "10")]);
    for asked in [None, Some(between(2, 3))] {
        let extent = measure(StatusCode::OK, &told, asked).unwrap();
        assert_eq!(
            extent,
            Extent {
                size: Some(10),
                range: None
            }
        );
    }
    assert_eq!(
        measure(StatusCode::OK, &headers(&[]), None).unwrap().size,
        None
    );
}

#[test]
fn a_416_tells_the_size_or_nothing() {
    let told = |value| unsatisfied_size(&headers(&[(header::CONTENT_RANGE, value)]));
    assert_eq!(told("bytes */10"), Some(10));
    assert_eq!(told("bytes 0-9/10"), None);
    assert_eq!(unsatisfied_size(&headers(&[])), None);
}

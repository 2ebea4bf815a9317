//! The next page, as a registry names it.
//!
//! Pure. Of the link only `n` and `last` are taken, never its host or path: where the next page is asked for is ours to say.
//! Sources: RFC 8288; OCI distribution-spec, "Listing Tags".

use forebay_oci::{Page, Query};

/// The longest header value that is looked at, in bytes.
const MAX_VALUE_BYTES: usize = 4 * 1024;

/// The page after the one asked for with `asked`; `None` where there is none, or where it would be the same again.
pub(crate) fn find_next(value: &str, asked: &Page) -> Option<Page> {
    let target = find_target(value)?;
    let (_, query) = target.split_once('?')?;
    let page = Query::parse(query).ok()?.page;
    let last = page.last.as_deref().filter(|last| !last.is_empty())?;
    (asked.last.as_deref() != Some(last)).then_some(page)
}

/// What stands between the angle brackets of the link whose relation is `next`.
pub(crate) fn find_target(value: &str) -> Option<&str> {
    if value.len() > MAX_VALUE_BYTES {
        return None;
    }
    let mut rest = value;
    while let Some((_, opened)) = rest.split_once('<') {
        let (target, after) = opened.split_once('>')?;
        let parameters = after.split('<').next().unwrap_or_default();
        if is_next(parameters) {
            return Some(target);
        }
        rest = after;
    }
    None
}

fn is_next(parameters: &str) -> bool {
    parameters.split([';', ',']).any(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let value = value.trim().trim_matches('"');
        name.trim().eq_ignore_ascii_case("rel")
            && value
                .split_ascii_whitespace()
                .any(|relation| relation.eq_ignore_ascii_case("next"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(n: Option<u64>, last: &str) -> Page {
        Page {
            n,
            last: Some(last.to_owned()),
        }
    }

    #[test]
    fn only_the_place_in_the_list_is_taken() {
        for (value, expected) in [
            (
                r#"</v2/x/tags/list?last=b&n=2>; rel="next""#,
                Some(page(Some(2), "b")),
            ),
            (
                "</v2/x/tags/list?n=2&last=b%2Bc>;rel=next",
                Some(page(Some(2), "b+c")),
            ),
            (
                r#"<http://169.254.169.254/?last=b>; rel="next""#,
                Some(page(None, "b")),
            ),
            (
                r#"<?last=a>; rel="prev", <?last=c>; rel="last next""#,
                Some(page(None, "c")),
            ),
            (r#"</v2/x/tags/list?last=a&n=2>; rel="next""#, None),
            (r#"</v2/x/tags/list?last=&n=2>; rel="next""#, None),
            (r#"</v2/x/tags/list?n=2>; rel="next""#, None),
            (r#"</v2/x/tags/list?last=b&n=-1>; rel="next""#, None),
            (r#"</v2/x/tags/list?last=b>; rel="prev""#, None),
            ("</v2/x/tags/list?last=b", None),
            ("", None),
            ("<<<>>>;=,", None),
        ] {
            assert_eq!(find_next(value, &page(Some(2), "a")), expected, "{value}");
        }
        let huge = format!("<?last={}>; rel=next", "x".repeat(MAX_VALUE_BYTES));
        assert_eq!(find_next(&huge, &Page::default()), None);
    }
}

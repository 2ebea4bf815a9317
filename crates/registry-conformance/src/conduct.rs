//! What holds for every answer, whatever the case: checked on each of them.
//!
//! Sources: OCI distribution-spec, "Error Codes", "Warnings", "Pulling manifests", "Pulling blobs"; RFC 9110 for 401, 405
//! and `Location`.

use http::Method;

use crate::answer::Answer;
use crate::digest::Digest;
use crate::verdict::{Verdict, ensure};

/// The codes that the spec has. What it lists is all that a 4xx may say.
const CODES: [&str; 14] = [
    "BLOB_UNKNOWN",
    "BLOB_UPLOAD_INVALID",
    "BLOB_UPLOAD_UNKNOWN",
    "DIGEST_INVALID",
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID",
    "MANIFEST_UNKNOWN",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "SIZE_INVALID",
    "UNAUTHORIZED",
    "DENIED",
    "UNSUPPORTED",
    "TOOMANYREQUESTS",
];

/// The most bytes of warnings in one answer, over all headers.
const MAX_WARNING_BYTES: usize = 4096;

/// Checks an answer against what holds for all. `is_strict` wants an error's body in the spec's JSON, where the spec lets
/// it have any other form as well.
pub(crate) fn check(answer: &Answer, is_strict: bool) -> Verdict {
    check_error(answer, is_strict)?;
    check_warnings(answer)?;
    check_digest(answer)?;
    check_location(answer)?;
    // A blob's bytes are what its digest is of: a coding on the way would be undone by some clients and not by others.
    answer.without("content-encoding")?;
    match answer.status {
        401 => drop(answer.header("www-authenticate")?),
        405 => drop(answer.header("allow")?),
        429 => drop(answer.header("retry-after")?),
        _ => {}
    }
    Ok(())
}

fn check_error(answer: &Answer, is_strict: bool) -> Verdict {
    if answer.status < 400 || answer.method == Method::HEAD {
        return Ok(());
    }
    let content_type = answer.find_header("content-type").unwrap_or("nothing");
    let essence = content_type.split(';').next().map(str::trim);
    if essence != Some("application/json") {
        ensure!(
            !is_strict,
            "{answer} as {content_type}, not as application/json"
        );
        return Ok(());
    }
    let body = answer.json()?;
    let errors = body["errors"].as_array();
    let errors = errors.filter(|errors| !errors.is_empty());
    ensure!(errors.is_some(), "{answer} without a list of errors");
    for error in errors.into_iter().flatten() {
        let code = error["code"].as_str().unwrap_or_default();
        // The spec binds the codes of 4xx only.
        let known = answer.status >= 500 || CODES.contains(&code);
        ensure!(
            known,
            "{answer} with the code {code:?}, which the spec has not"
        );
        let message = &error["message"];
        ensure!(
            message.is_string() || message.is_null(),
            "{answer} with a message that is no text"
        );
    }
    Ok(())
}

fn check_warnings(answer: &Answer) -> Verdict {
    let mut bytes = 0;
    for value in answer.headers.get_all("warning") {
        let text = value.to_str().unwrap_or_default();
        bytes += value.len();
        let quoted = text.strip_prefix("299 - \"");
        let closed = quoted.is_some_and(|rest| rest.ends_with('"'));
        ensure!(closed, "{answer} with the warning {text}, not 299 - \"…\"");
    }
    ensure!(
        bytes <= MAX_WARNING_BYTES,
        "{answer} with {bytes} bytes of warnings"
    );
    Ok(())
}

fn check_digest(answer: &Answer) -> Verdict {
    let Some(digest) = answer.find_header("docker-content-digest") else {
        return Ok(());
    };
    let is_content = answer.target.contains("/manifests/") || answer.target.contains("/blobs/");
    if answer.method == Method::GET && answer.status == 200 && is_content {
        ensure!(
            Digest::fits(digest, &answer.body),
            "{answer} with Docker-Content-Digest: {digest}, which the body has not"
        );
    }
    Ok(())
}

/// Some clients glue a `Location` that is neither a path from the root nor a whole URL to a scheme.
fn check_location(answer: &Answer) -> Verdict {
    let Some(location) = answer.find_header("location") else {
        return Ok(());
    };
    let rooted = location.starts_with('/') && !location.starts_with("//");
    let whole = location.starts_with("http://") || location.starts_with("https://");
    ensure!(
        rooted || whole,
        "{answer} with Location: {location}, neither a path from the root nor a URL"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Answer {
        let headers = headers.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        Answer {
            asked: "GET /v2/a/manifests/b".to_owned(),
            method: Method::GET,
            target: "/v2/a/manifests/b".to_owned(),
            status,
            headers: headers.collect::<HeaderMap>(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    const JSON: (&str, &str) = ("content-type", "application/json");
    const ERROR: &str = r#"{"errors":[{"code":"NAME_UNKNOWN","message":"no"}]}"#;
    const DIGEST: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

    #[test]
    fn what_the_spec_wants_of_every_answer_passes() {
        let warning = ("warning", "299 - \"soon gone\"");
        let right = [
            answer(200, &[("docker-content-digest", DIGEST)], "{}"),
            answer(404, &[JSON], ERROR),
            answer(
                404,
                &[("content-type", "application/json; charset=utf-8")],
                ERROR,
            ),
            answer(405, &[JSON, ("allow", "GET")], ERROR),
            answer(500, &[JSON], r#"{"errors":[{"code":"UNKNOWN"}]}"#),
            answer(202, &[("location", "/v2/a/blobs/uploads/1")], ""),
            answer(201, &[("location", "http://r/v2/a/blobs/x")], ""),
            answer(200, &[warning], ""),
        ];
        for answer in right {
            assert_eq!(check(&answer, true), Ok(()), "{answer:?}");
        }
    }

    #[test]
    fn what_no_answer_may_be_is_told() {
        let long = format!("299 - \"{}\"", "w".repeat(MAX_WARNING_BYTES));
        let mut warned = answer(200, &[], "");
        warned
            .headers
            .insert("warning", HeaderValue::from_str(&long).unwrap());
        let wrong = [
            answer(200, &[("docker-content-digest", DIGEST)], "{ }"),
            answer(404, &[JSON], "{}"),
            answer(404, &[JSON], r#"{"errors":[]}"#),
            answer(404, &[JSON], r#"{"errors":[{"code":"UNKNOWN"}]}"#),
            answer(401, &[JSON], ERROR),
            answer(405, &[JSON], ERROR),
            answer(429, &[JSON], ERROR),
            answer(202, &[("location", "uploads/1")], ""),
            answer(202, &[("location", "//elsewhere/v2/")], ""),
            answer(200, &[("warning", "110 - \"stale\"")], ""),
            answer(200, &[("content-encoding", "gzip")], ""),
            warned,
        ];
        for answer in wrong {
            assert!(check(&answer, false).is_err(), "{answer:?}");
        }
    }

    #[test]
    fn an_error_in_another_form_is_the_specs_to_allow_and_a_strict_runs_to_refuse() {
        let html = answer(404, &[("content-type", "text/html")], "<html>");
        assert_eq!(check(&html, false), Ok(()));
        assert!(check(&html, true).is_err());
    }
}

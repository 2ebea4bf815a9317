//! Blobs: the registry's redirect to a signed address, and the host that serves it.
//!
//! The blob host refuses every `Authorization`, as the object stores behind Docker Hub do.

use crate::answer::Answer;
use crate::blob::Blob;
use crate::refusal::oci_error;
use crate::registry::Visit;
use crate::request::Request;
use crate::rope::mix_text;
use crate::route::Call;
use crate::state::{Inner, State};
use serde_json::json;
use std::ops::Range;
use std::time::Duration;

/// The registry's answer for a blob: 307 to where it is, or the blob itself where blobs are served in line.
pub(crate) fn redirect(visit: &Visit<'_>, inner: &Inner) -> Answer {
    let name = visit.call.repository.as_deref().unwrap_or_default();
    let digest = visit.call.reference.as_deref().unwrap_or_default();
    let found = inner
        .store
        .find(name)
        .and_then(|repository| repository.find_blob(digest));
    let Some(blob) = found else {
        let detail = json!({"digest": digest});
        return oci_error(
            404,
            "BLOB_UNKNOWN",
            "blob unknown to registry",
            Some(detail),
        );
    };
    if visit.state.settings.blobs_inline {
        return content(&blob, visit.request).header("docker-content-digest", digest);
    }
    let path = path_of(name, digest);
    let expires = (visit.now + visit.state.settings.signed_url_ttl).as_secs();
    let signature = sign(&path, expires);
    let location = format!(
        "{}{path}&expires={expires}&signature={signature}",
        visit.state.blob_url()
    );
    Answer::new(307)
        .header("content-type", "application/octet-stream")
        .header("docker-content-digest", digest)
        .header("location", location)
}

/// Answers one request to the blob host.
pub(crate) fn answer(state: &State, request: &Request, call: &Call) -> Answer {
    if request.find_header("authorization").is_some() {
        return s3_error(400, "InvalidArgument", "Only one auth mechanism allowed");
    }
    let Some(digest) = &call.reference else {
        return s3_error(404, "NoSuchKey", "The specified key does not exist.");
    };
    if !is_signed(request, state.clock.now()) {
        return forbidden("Request has expired");
    }
    match state.inner().store.find_blob(digest) {
        Some(blob) => content(&blob, request),
        None => s3_error(404, "NoSuchKey", "The specified key does not exist."),
    }
}

/// 403 as an object store says it.
pub(crate) fn forbidden(message: &str) -> Answer {
    s3_error(403, "AccessDenied", message)
}

/// The whole of a blob, or the range that was asked for.
pub(crate) fn content(blob: &Blob, request: &Request) -> Answer {
    let etag = etag_of(blob);
    let ranged = request.find_header("range").filter(|_| {
        request
            .find_header("if-range")
            .is_none_or(|tag| tag == etag)
    });
    let size = blob.size();
    let answer = |status| {
        Answer::new(status)
            .header("content-type", "application/octet-stream")
            .header("accept-ranges", "bytes")
            .header("etag", &etag)
    };
    match ranged.map(|value| parse_range(value, size)) {
        None | Some(Asked::All) => answer(200).body(blob.content().clone()),
        Some(Asked::Part(range)) => answer(206)
            .header(
                "content-range",
                format!("bytes {}-{}/{size}", range.start, range.end - 1),
            )
            .body(blob.content().slice(range)),
        Some(Asked::Beyond) => s3_error(
            416,
            "InvalidRange",
            "The requested range is not satisfiable",
        )
        .header("content-range", format!("bytes */{size}")),
    }
}

/// The `ETag` that the blob host gives a blob.
fn etag_of(blob: &Blob) -> String {
    format!("\"{:016x}\"", mix_text(blob.digest()))
}

fn s3_error(status: u16, code: &str, message: &str) -> Answer {
    Answer::new(status)
        .header("content-type", "application/xml")
        .text(&format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        ))
}

fn path_of(repository: &str, digest: &str) -> String {
    let (algorithm, hex) = digest.split_once(':').unwrap_or(("sha256", digest));
    let shard = hex.get(..2).unwrap_or_default();
    format!(
        "/registry-v2/docker/registry/v2/blobs/{algorithm}/{shard}/{hex}/data?repository={repository}"
    )
}

fn sign(path: &str, expires: u64) -> String {
    format!("{:016x}", mix_text(&format!("{path}#{expires}")))
}

fn is_signed(request: &Request, now: Duration) -> bool {
    let expires = request
        .find_query("expires")
        .and_then(|text| text.parse::<u64>().ok());
    let (Some(expires), Some((path, _))) = (expires, request.target.split_once("&expires=")) else {
        return false;
    };
    request.find_query("signature") == Some(sign(path, expires))
        && now < Duration::from_secs(expires)
}

#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// Nothing that can be understood as one range: everything.
    All,
    Part(Range<u64>),
    Beyond,
}

fn parse_range(value: &str, size: u64) -> Asked {
    let Some((first, last)) = value
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'))
    else {
        return Asked::All;
    };
    let range = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Ok(first), Err(_)) if last.is_empty() => first..size,
        (Err(_), Ok(suffix)) if first.is_empty() => size.saturating_sub(suffix)..size,
        _ => return Asked::All,
    };
    if range.is_empty() {
        Asked::Beyond
    } else {
        Asked::Part(range)
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, parse_range};

    #[test]
    fn one_range_is_understood_in_its_three_forms() {
        let table = [
            ("bytes=0-9", Asked::Part(0..10)),
            ("bytes=90-", Asked::Part(90..100)),
            ("bytes=-10", Asked::Part(90..100)),
            ("bytes=50-1000", Asked::Part(50..100)),
            ("bytes=100-", Asked::Beyond),
            ("bytes=0-1,5-6", Asked::All),
            ("bytes=9-3", Asked::All),
            ("lines=1-2", Asked::All),
        ];
        for (value, expected) in table {
            assert_eq!(parse_range(value, 100), expected, "{value}");
        }
    }
}

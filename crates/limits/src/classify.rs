//! Which limiter refused us.
//!
//! Docker Hub's four limiters answer alike and mean different things; other registries have limits of their own. Words
//! decide where there are any, then the place that the refusal came from.

use crate::allowance::Dialect;
use crate::limited::{Identity, Limited, Limiter};
use crate::reading::{Reading, read_headers};
use crate::wording::Wording;
use crate::{Answer, HostKind, Method, Source};

/// How many bytes of a body, or of a malformed head, are looked at: the longest known text has 200.
pub const MAX_BODY_BYTES: usize = 8 * 1024;

const BAD_REQUEST: u16 = 400;
const UNAUTHORIZED: u16 = 401;
const FORBIDDEN: u16 = 403;
const TOO_MANY_REQUESTS: u16 = 429;
const SERVICE_UNAVAILABLE: u16 = 503;

/// Says which limiter refused a request; `None` if none did.
///
/// Of a 429 there is always an answer, for whatever it says it asks us to slow down.
pub fn classify(answer: &Answer<'_>) -> Option<Limited> {
    let wording = Wording::of(prefix_of(answer.body_prefix));
    let limiter = match answer.status {
        TOO_MANY_REQUESTS => wording
            .limiter()
            .unwrap_or_else(|| limiter_by_place(answer, &wording)),
        // Another cache may answer its containerd clients so, and then says it by the code.
        SERVICE_UNAVAILABLE if wording.has_code => wording.limiter().unwrap_or(Limiter::Other),
        // ECR's throttle. Other words do not count here: a full storage quota is a 400 too.
        BAD_REQUEST if wording.is_throttling_exception() => Limiter::Other,
        UNAUTHORIZED | FORBIDDEN if wording.limiter() == Some(Limiter::LoginLockout) => {
            Limiter::LoginLockout
        }
        _ => return None,
    };
    Some(describe(limiter, answer.reading, &wording))
}

/// Reads an answer that the HTTP parser refused: Docker Hub's abuse limit has been sent with bare line feeds and
/// a body where headers belong. `None` if the bytes speak of no limit.
pub fn classify_malformed_head(head: &[u8]) -> Option<Limited> {
    let head = prefix_of(head);
    let wording = Wording::of(head);
    let is_429 = head.starts_with(b"HTTP/1") && status_of(head) == Some(TOO_MANY_REQUESTS);
    let limiter = match wording.limiter() {
        Some(Limiter::AbuseLimit) => Limiter::AbuseLimit,
        // A header line may read like another registry's body, so `Other` is no evidence here.
        Some(limiter) if is_429 && limiter != Limiter::Other => limiter,
        _ if is_429 => Limiter::AbuseLimit,
        _ => return None,
    };
    Some(describe(limiter, &read_loose_headers(head), &wording))
}

/// Decides by the place of a 429 whose words are nobody's own.
fn limiter_by_place(answer: &Answer<'_>, wording: &Wording) -> Limiter {
    let allowance = answer.reading.allowance;
    let is_pull = answer.host_kind == HostKind::Registry && answer.method == Method::Get;
    if allowance.is_some_and(|allowance| allowance.dialect == Dialect::XRateLimit) {
        Limiter::ApiLimit
    } else if is_pull && allowance.is_some_and(|allowance| allowance.is_exhausted()) {
        Limiter::PullLimit
    } else if !answer.is_docker_hub {
        Limiter::Other
    } else if is_pull && wording.has_code && !is_plain_text(answer) {
        // Docker has reworded this text four times; only the pull limit answers a manifest GET in JSON.
        Limiter::PullLimit
    } else if !is_pull || wording.is_bare() {
        // Only a GET counts as a pull: a HEAD, a token, a blob or a push can be refused by the abuse limit alone.
        Limiter::AbuseLimit
    } else {
        Limiter::Other
    }
}

fn is_plain_text(answer: &Answer<'_>) -> bool {
    answer
        .content_type
        .is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/"))
}

fn describe(limiter: Limiter, reading: &Reading, wording: &Wording) -> Limited {
    let allowance = reading.allowance;
    let reset = allowance.and_then(|allowance| allowance.reset);
    Limited {
        limiter,
        identity: identity_of(limiter, reading.source.as_ref(), wording),
        retry_after: reading
            .retry_after
            .or_else(|| wording.retry_after())
            .or(reset),
        window: allowance.and_then(|allowance| allowance.window),
    }
}

/// Joins what the words and the headers say of whom is counted; the words name the kind, the header the address.
fn identity_of(limiter: Limiter, source: Option<&Source>, wording: &Wording) -> Option<Identity> {
    let address = source.and_then(Source::address);
    match (limiter, wording.identity()) {
        (Limiter::LoginLockout, _) => Some(Identity::Account(None)),
        (Limiter::AbuseLimit, _) | (_, Some(Identity::Address(None))) => {
            Some(Identity::Address(address))
        }
        (_, Some(identity)) => Some(identity),
        (Limiter::PullLimit | Limiter::ApiLimit, None) => match source? {
            Source::Account(_) => Some(Identity::Account(None)),
            Source::Address(_) | Source::Prefix64(_) => Some(Identity::Address(address)),
            Source::Other(_) => None,
        },
        (Limiter::Other, None) => None,
    }
}

fn prefix_of(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(MAX_BODY_BYTES)]
}

fn status_of(head: &[u8]) -> Option<u16> {
    let line = head.split(|&byte| byte == b'\n').next()?;
    let line = str::from_utf8(line).ok()?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Reads `name: value` lines, however they end, and skips what is none.
fn read_loose_headers(head: &[u8]) -> Reading {
    let lines = head.split(|&byte| byte == b'\n').skip(1);
    read_headers(lines.filter_map(|line| {
        let colon = line.iter().position(|&byte| byte == b':')?;
        let name = str::from_utf8(&line[..colon]).ok()?;
        Some((name, &line[colon + 1..]))
    }))
}

#[cfg(test)]
mod tests;

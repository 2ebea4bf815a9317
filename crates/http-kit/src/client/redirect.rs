//! Where a redirect leads, and whether it may be followed.
//!
//! Pure. The addresses behind the new host are the connector's to judge.

use http::header::LOCATION;
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use url::Url;

use super::outgoing::Redirects;
use crate::error::{RedirectRefusal, SendError};

/// Headers that another origin may see. Everything else could be a secret that the first one was given.
const FOR_ANY_ORIGIN: [HeaderName; 7] = [
    header::ACCEPT,
    header::RANGE,
    header::IF_RANGE,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::CACHE_CONTROL,
    header::USER_AGENT,
];

/// An answer's part in the decision.
pub(super) struct Answer<'a> {
    pub(super) method: &'a Method,
    /// Who answered.
    pub(super) url: &'a Url,
    pub(super) status: StatusCode,
    pub(super) headers: &'a HeaderMap,
}

/// The URL to ask next; none where the answer is no redirect. `hops` were followed already.
pub(super) fn next_url(
    answer: &Answer<'_>,
    redirects: Redirects,
    hops: u8,
) -> Result<Option<Url>, SendError> {
    if !matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = answer
        .headers
        .get(LOCATION)
        .and_then(|value| value.to_str().ok());
    let next = location.and_then(|location| answer.url.join(location).ok());
    let refuse = |why| SendError::Redirect {
        from: host_of(Some(answer.url)),
        to: host_of(next.as_ref()),
        why,
    };
    let can_follow = matches!(*answer.method, Method::GET | Method::HEAD);
    match redirects {
        Redirects::Follow { max } if can_follow && hops >= max => {
            return Err(refuse(RedirectRefusal::TooMany));
        }
        Redirects::Follow { .. } if can_follow => {}
        _ => return Err(refuse(RedirectRefusal::NotFollowed)),
    }
    match next.as_ref() {
        None => Err(refuse(RedirectRefusal::BadLocation)),
        Some(url) => match find_flaw(answer.url, url) {
            Some(why) => Err(refuse(why)),
            None => Ok(Some(url.clone())),
        },
    }
}

/// The headers for a hop to another origin.
pub(super) fn headers_for_stranger(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    for name in headers.keys() {
        if !FOR_ANY_ORIGIN.contains(name) {
            kept.remove(name);
        }
    }
    kept
}

fn find_flaw(from: &Url, to: &Url) -> Option<RedirectRefusal> {
    if !matches!(to.scheme(), "http" | "https") || to.host_str().is_none() {
        Some(RedirectRefusal::BadLocation)
    } else if from.scheme() == "https" && to.scheme() == "http" {
        Some(RedirectRefusal::ToPlainHttp)
    } else if !to.username().is_empty() || to.password().is_some() {
        Some(RedirectRefusal::Userinfo)
    } else {
        None
    }
}

fn host_of(url: Option<&Url>) -> String {
    url.and_then(Url::host_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;

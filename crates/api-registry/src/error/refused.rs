//! What who asks may not: the address, the page, the account.

use std::sync::Arc;
use std::time::Duration;

use forebay_content::ClientKind;
use forebay_oci::{Act, ErrorCode, Target};
use http::StatusCode;

use super::source::limited_status;
use super::{OciError, allow};
use crate::{CLIENT_LIMITED, door};

impl OciError {
    /// A client that may not ask at all.
    pub(crate) fn stranger() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            ErrorCode::Denied,
            "this address may not ask here; the operator lists it in clients.allow",
        )
    }

    /// A web page in somebody's browser.
    pub(crate) fn page() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            ErrorCode::Denied,
            "web pages may not ask here; clients of a registry send neither Origin nor Sec-Fetch-Site",
        )
    }

    /// A client of this kind that asks more often than the operator lets it.
    pub(crate) fn too_often(wait: Duration, client: ClientKind) -> Self {
        Self {
            retry_after: Some(wait),
            word: CLIENT_LIMITED,
            ..Self::new(
                limited_status(client),
                ErrorCode::TooManyRequests,
                "this client asks too often: the operator limits it in clients.limits",
            )
        }
    }

    /// A change of an upstream's repository.
    pub(crate) fn not_ours(target: &Target) -> Self {
        let message = format!(
            "{target} is an upstream's, and can be pulled, not changed: push to a name of one part, such as {}, or to a namespace that the operator reserves with `local`",
            target.repository.components().last().unwrap_or_default()
        );
        Self {
            headers: allow("GET, HEAD"),
            ..Self::new(
                StatusCode::METHOD_NOT_ALLOWED,
                ErrorCode::Unsupported,
                message,
            )
        }
    }

    /// A change while nobody is known who might make one.
    pub(crate) fn not_writable() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            ErrorCode::Denied,
            "nothing is pushed or deleted here until the operator says who may, in `[access]`; where no proxy on this machine asks for others, `clients.loopback_push = true` lets its own programs do it, at localhost",
        )
    }

    /// A request for which one has to log in, or with another token; `challenge` says how.
    pub(crate) fn login(challenge: &str) -> Self {
        Self {
            headers: Some(Arc::new(door::challenge(challenge))),
            word: "unauthorized",
            ..Self::new(
                StatusCode::UNAUTHORIZED,
                ErrorCode::Unauthorized,
                "authentication required: log in, or with an account that may do this",
            )
        }
    }

    /// A repository that whoever asks may not even see: it looks like one that is not there.
    pub(crate) fn hidden() -> Self {
        Self {
            word: "not_found",
            ..Self::new(
                StatusCode::NOT_FOUND,
                ErrorCode::NameUnknown,
                "no such repository, or none that is shown to you",
            )
        }
    }

    /// A login that an upstream does not greet, and of which it does not say that it is wrong.
    pub(crate) fn not_greeted(upstream: &str) -> Self {
        Self {
            word: "denied",
            ..Self::new(
                StatusCode::FORBIDDEN,
                ErrorCode::Denied,
                format!(
                    "{upstream} does not greet this login, which does not mean that it is wrong: pull an image that it may read"
                ),
            )
        }
    }

    /// What whoever asks may not do to a repository that they see.
    pub(crate) fn not_allowed(act: Act) -> Self {
        Self {
            word: "denied",
            ..Self::new(
                StatusCode::FORBIDDEN,
                ErrorCode::Denied,
                format!("you may pull from this repository, and not {act}"),
            )
        }
    }

    /// What is about all repositories is for who may administer each of them.
    pub(crate) fn no_admin() -> Self {
        Self {
            word: "denied",
            ..Self::new(
                StatusCode::FORBIDDEN,
                ErrorCode::Denied,
                "this is for whom a rule or token gives the action admin on all repositories (**)",
            )
        }
    }

    /// A request of ours to an upstream that came back to us: without this it would go round until its time is over.
    pub(crate) fn our_own() -> Self {
        Self::new(
            StatusCode::LOOP_DETECTED,
            ErrorCode::Unsupported,
            "this request is our own: the url of one of our upstreams leads back to this server",
        )
    }
}

//! What a registry's answers to clients' questions say of their rights and logins.
//!
//! A page for people with browsers gives nothing, whatever its status; nor does a host that the registry redirects to take anything
//! away.

use forebay_content::{ClientRight, Missing, SourceError};
use http::{StatusCode, header};

use crate::exchange::{Granted, Heard, Refusal};
use crate::upstream::is_web_page;
use crate::{failure, tags};

/// What a registry says of each manifest (distribution-spec, "Pulling manifests").
const CONTENT_DIGEST: &str = "docker-content-digest";

/// What the registry was shown that gave an answer, and so what its giving says of the login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Nothing: it gives to everybody.
    Nothing,
    /// The login; whether it would give to nobody as well is not known.
    Login,
    /// The login, after it refused nobody the very same.
    LoginAfterRefusal,
    /// A token, which its service gives to nobody with a wrong login.
    Token,
}

/// What an answer of the registry says of a right. A page for people with browsers gives none, whatever its status; nor does a host
/// that the registry redirects to take one away.
pub(super) fn of_content(
    heard: &Heard,
    shown: Shown,
    missing: Missing,
) -> Result<ClientRight, SourceError> {
    let refusal = match heard {
        Heard::Reply(granted) if is_web_page(&granted.reply.headers) => {
            return Err(SourceError::Invalid {
                why: "it answers with a web page".to_owned(),
            });
        }
        Heard::Reply(_) => {
            let is_login_proven = matches!(shown, Shown::LoginAfterRefusal | Shown::Token);
            return Ok(ClientRight::Given { is_login_proven });
        }
        Heard::Refusal(refusal) => refusal,
    };
    let Refusal { status, body, .. } = refusal;
    if !refusal.is_own {
        return Err(SourceError::Invalid {
            why: failure::answered(*status, body),
        });
    }
    match failure::of_refusal(*status, body, missing) {
        SourceError::NotFound(missing) => Ok(ClientRight::Absent(missing)),
        SourceError::Unauthorized | SourceError::Denied => Ok(ClientRight::Refused {
            is_login_proven: shown == Shown::Token,
        }),
        other => Err(other),
    }
}

/// What the answer to a greeting with a login says of it.
///
/// | answer | of the login |
/// |---|---|
/// | 2xx to its token, or to it after nobody was refused | it is good |
/// | 2xx to it, or to who shows none | nothing, unless nobody is refused |
/// | 401 to it | it is wrong |
/// | 401 to its token | it is good: its token was given; and it is not greeted |
/// | 403, 451: who may not greet | nothing, or as its token says: some registries say so to who has no right there |
/// | 404, 410: there is no greeting | the same |
/// | 429, 5xx, any other | nothing: it is a limit, trouble, or no registry |
///
/// Sources: distribution-spec, "Determining Support" (401 and 404); RFC 9110, sections 15.5.2 and 15.5.4.
pub(super) fn of_greeting(heard: &Heard, shown: Shown) -> Result<ClientRight, SourceError> {
    let is_shown = matches!(shown, Shown::Login | Shown::LoginAfterRefusal);
    let right = of_content(heard, shown, Missing::Repository)?;
    Ok(match (right, heard) {
        (ClientRight::Refused { .. }, Heard::Refusal(refusal))
            if is_shown && refusal.status == StatusCode::UNAUTHORIZED =>
        {
            ClientRight::WrongLogin
        }
        (ClientRight::Absent(_), _) => ClientRight::Refused {
            is_login_proven: shown == Shown::Token,
        },
        (right, _) => right,
    })
}

/// Whether an answer is a registry's, to just this: a page to log in at, or a gateway's that tells of an outage, says 200 to
/// everybody, some in JSON.
pub(super) async fn is_what_was_asked(
    granted: Granted,
    missing: Missing,
) -> Result<bool, SourceError> {
    let headers = &granted.reply.headers;
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|value| value.to_str().ok());
    let kind = kind.unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = kind.starts_with("application/json");
    let is_page = kind.starts_with("text/") || kind.starts_with("application/xhtml");
    let is_kind = match missing {
        Missing::Manifest => {
            kind.starts_with("application/vnd.") || headers.contains_key(CONTENT_DIGEST)
        }
        // Of stores of blobs each has a type of its own, but none of text.
        Missing::Blob if is_json => headers.contains_key(CONTENT_DIGEST),
        Missing::Blob => kind.starts_with("application/") || kind.starts_with("binary/"),
        Missing::Repository => is_json,
    };
    if granted.reply.status != StatusCode::OK || is_page || !is_kind {
        return Ok(false);
    }
    match missing {
        Missing::Repository => tags::is_list(granted).await,
        Missing::Manifest | Missing::Blob => Ok(true),
    }
}

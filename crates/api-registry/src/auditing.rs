//! Tells the audit log of a change that a client made, or tried to make.

use forebay_content::{Audit, AuditEntry};
use forebay_http_kit::{Body, RequestId};
use forebay_oci::{Endpoint, Reference, Target, Verb};
use http::Response;

use crate::OciError;
use crate::answer::DOCKER_CONTENT_DIGEST;
use crate::asking::Asked;
use crate::door::Visitor;

/// Tells of what `asked` came to. Of an upload's steps only the last one changes anything.
pub(crate) fn tell(
    audit: &dyn Audit,
    (asked, visitor): (&Asked<'_>, &Visitor<'_>),
    target: &Target,
    answered: &Result<Response<Body>, OciError>,
) {
    let Some((act, object)) = change(asked, target) else {
        return;
    };
    let (outcome, digest) = match answered {
        Ok(response) => ("done", response.headers().get(DOCKER_CONTENT_DIGEST)),
        Err(error) => (error.word, None),
    };
    let request = asked.head.extensions.get::<RequestId>();
    audit.record(&AuditEntry {
        who: &visitor.name(),
        from: asked.client,
        act,
        object: &object,
        digest: digest.and_then(|digest| digest.to_str().ok()),
        outcome,
        request: request.map(ToString::to_string).as_deref(),
    });
}

/// What is changed, and how; `None` for a step on the way to a change.
fn change(asked: &Asked<'_>, target: &Target) -> Option<(&'static str, String)> {
    let at = |reference: &Reference| match reference {
        Reference::Tag(tag) => format!("{target}:{tag}"),
        Reference::Digest(digest) => format!("{target}@{digest}"),
    };
    Some(match (&asked.endpoint, asked.verb) {
        (Endpoint::Manifest { reference, .. }, Verb::Put) => ("push-manifest", at(reference)),
        (Endpoint::Manifest { reference, .. }, Verb::Delete) => {
            let act = match reference {
                Reference::Tag(_) => "delete-tag",
                Reference::Digest(_) => "delete-manifest",
            };
            (act, at(reference))
        }
        (Endpoint::Blob { digest, .. }, Verb::Delete) => {
            ("delete-blob", format!("{target}@{digest}"))
        }
        (
            Endpoint::Upload {
                digest: Some(digest),
                ..
            },
            Verb::Put,
        ) => ("push-blob", format!("{target}@{digest}")),
        (Endpoint::Uploads { start, .. }, Verb::Post) => {
            let (act, digest) = match (&start.digest, &start.mount) {
                (Some(digest), _) => ("push-blob", digest),
                (None, Some(digest)) => ("mount-blob", digest),
                (None, None) => return None,
            };
            (act, format!("{target}@{digest}"))
        }
        _ => return None,
    })
}

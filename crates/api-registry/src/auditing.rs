//! Tells the audit log of a change that a client made, or tried to make.

use std::sync::Arc;

use forebay_content::{Audit, AuditEntry};
use forebay_http_kit::{Body, RequestId};
use forebay_oci::{Endpoint, Reference, Target, Verb};
use http::{Response, StatusCode};

use crate::OciError;
use crate::answer::DOCKER_CONTENT_DIGEST;
use crate::asking::Asked;
use crate::door::Visitor;

/// What a mount is called.
const MOUNT: &str = "mount-blob";

/// A change that is being made, or tried. Whatever becomes of it is told, also where the client leaves before it is known: the
/// change may have been made all the same.
pub(crate) struct Audited<'a> {
    audit: &'a dyn Audit,
    asked: &'a Asked<'a>,
    who: Arc<str>,
    /// None for a step on the way to a change, and once it is told.
    change: Option<(&'static str, String)>,
    /// Whether it is told where it was refused: strangers could fill the log with what they may not do.
    tells_refusals: bool,
}

impl<'a> Audited<'a> {
    /// Of an upload's steps only the last one changes anything.
    pub(crate) fn begin(
        audit: &'a dyn Audit,
        (asked, visitor): (&'a Asked<'a>, &Visitor<'_>),
        target: &Target,
    ) -> Self {
        Self {
            audit,
            asked,
            who: visitor.name(),
            change: change(asked, target),
            tells_refusals: visitor.is_known() && target.is_local(),
        }
    }

    /// Tells what came of it.
    pub(crate) fn end(mut self, answered: &Result<Response<Body>, OciError>) {
        match answered {
            // A mount that could not be had began an upload, which is a step.
            Ok(response) if response.status() == StatusCode::ACCEPTED && self.is_mount() => {
                self.change = None;
            }
            Ok(response) => {
                let digest = response.headers().get(DOCKER_CONTENT_DIGEST);
                self.tell("done", digest.and_then(|digest| digest.to_str().ok()));
            }
            Err(error) if self.tells_refusals => self.tell(error.word, None),
            Err(_) => self.change = None,
        }
    }

    fn is_mount(&self) -> bool {
        matches!(self.change, Some((MOUNT, _)))
    }

    fn tell(&mut self, outcome: &str, digest: Option<&str>) {
        let Some((act, object)) = self.change.take() else {
            return;
        };
        let request = self.asked.head.extensions.get::<RequestId>();
        self.audit.record(&AuditEntry {
            who: &self.who,
            from: self.asked.client,
            act,
            object: &object,
            digest,
            outcome,
            request: request.map(ToString::to_string).as_deref(),
        });
    }
}

impl Drop for Audited<'_> {
    fn drop(&mut self) {
        self.tell("client_left", None);
    }
}

/// What is changed, and how; `None` for a step on the way to a change.
fn change(asked: &Asked<'_>, target: &Target) -> Option<(&'static str, String)> {
    let at = |reference: &Reference| match reference {
        Reference::Tag(tag) => format!("{target}:{tag}"),
        Reference::Digest(digest) => {
            let tags = asked.query.tags.iter().map(|tag| format!(" :{tag}"));
            format!("{target}@{digest}{}", tags.collect::<String>())
        }
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
                (None, Some(digest)) => (MOUNT, digest),
                (None, None) => return None,
            };
            (act, format!("{target}@{digest}"))
        }
        _ => return None,
    })
}

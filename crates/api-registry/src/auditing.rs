//! Tells the audit log of a change that a client made, or tried to make.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use forebay_content::{Audit, AuditEntry, Clock};
use forebay_http_kit::{Body, RequestId};
use forebay_oci::{Digest, Endpoint, Reference, Target, Verb};
use forebay_registry::PushError;
use http::{Response, StatusCode};

use crate::asking::Asked;
use crate::door::Visitor;
use crate::refusals::Refusals;
use crate::{OciError, error};

/// What refused tries within an hour that have no line of their own are called.
const FURTHER_TRIES: &str = "further-tries";

/// A change that is being tried, until it [begins](Self::begin_change) or is refused. Where the client leaves before, nothing was
/// changed.
pub(crate) struct Audited {
    /// None for a step on the way to a change, and once it has begun.
    line: Option<Line>,
    /// Whether it is told where it was refused: strangers could fill the log with what they may not do.
    tells_refusals: bool,
}

/// A change that has begun. What comes of it is told where it ends, whoever waits for that.
pub(crate) struct BegunChange {
    line: Option<Line>,
    tells_refusals: bool,
}

/// What came of a change.
pub(crate) enum Made {
    /// It was made; the digest is of what was pushed.
    Change(Option<Digest>),
    /// There was nothing to change after all.
    Nothing,
}

/// Where changes are written down.
#[derive(Clone)]
pub(crate) struct Book {
    pub(crate) audit: Arc<dyn Audit>,
    pub(crate) refusals: Arc<Refusals>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// A line to be written, but for the outcome.
struct Line {
    book: Book,
    who: Arc<str>,
    from: Option<IpAddr>,
    act: &'static str,
    object: String,
    request: Option<RequestId>,
}

impl Book {
    /// Tells how many tries had no line within an hour that is over by `now`.
    pub(crate) fn sum_up(&self, now: Duration) {
        for untold in self.refusals.take_untold(now) {
            let object = untold.tries.to_string();
            let entry = AuditEntry::of(&untold.who, FURTHER_TRIES, &object);
            self.audit.record(&AuditEntry {
                outcome: "refused",
                ..entry
            });
        }
    }
}

impl Audited {
    /// Of an upload's steps only the last one changes anything.
    pub(crate) fn begin(
        book: Book,
        (asked, visitor): (&Asked<'_>, &Visitor<'_>),
        target: &Target,
    ) -> Self {
        let line = change(asked, target).map(|(act, object)| Line {
            book,
            who: visitor.name(),
            from: asked.client,
            act,
            object,
            request: asked.head.extensions.get().copied(),
        });
        Self {
            line,
            tells_refusals: visitor.is_known() && target.is_local(),
        }
    }

    /// The change begins now: it goes on though its client leaves.
    pub(crate) fn begin_change(&mut self) -> BegunChange {
        BegunChange {
            line: self.line.take(),
            tells_refusals: self.tells_refusals,
        }
    }

    /// Tells of one that never began why, if it was refused. Who is asked for another token is not: clients show the one that they have
    /// first.
    pub(crate) fn end(mut self, answered: &Result<Response<Body>, OciError>) {
        let line = self.line.take().filter(|_| self.tells_refusals);
        if let (Err(error), Some(line)) = (answered, line)
            && error.status != StatusCode::UNAUTHORIZED
        {
            line.tell_refusal(error.word);
        }
    }
}

impl Drop for Audited {
    fn drop(&mut self) {
        if let Some(line) = self.line.take().filter(|_| self.tells_refusals) {
            line.tell_refusal("client_left");
        }
    }
}

impl BegunChange {
    /// Tells what came of it.
    pub(crate) fn end(mut self, made: Result<&Made, &PushError>) {
        let Some(line) = self.line.take() else {
            return;
        };
        match made {
            Ok(Made::Change(digest)) => {
                let digest = digest.as_ref().map(ToString::to_string);
                line.tell("done", digest.as_deref());
            }
            // It was made, whoever did it.
            Err(error @ PushError::Unjournaled(_)) => line.tell(error::word_of_push(error), None),
            Err(error) if self.tells_refusals => line.tell_refusal(error::word_of_push(error)),
            Ok(Made::Nothing) | Err(_) => {}
        }
    }
}

impl Drop for BegunChange {
    fn drop(&mut self) {
        if let Some(line) = self.line.take() {
            line.tell("broken_off", None);
        }
    }
}

impl Line {
    /// Tells of a try that changed nothing, as far as its account has lines left.
    fn tell_refusal(self, outcome: &str) {
        if self
            .book
            .refusals
            .count(&self.who, self.book.clock.monotonic())
        {
            self.tell(outcome, None);
        }
    }

    fn tell(&self, outcome: &str, digest: Option<&str>) {
        self.book.audit.record(&AuditEntry {
            who: &self.who,
            from: self.from,
            act: self.act,
            object: &self.object,
            detail: None,
            digest,
            outcome,
            request: self.request.map(|id| id.to_string()).as_deref(),
        });
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
                (None, Some(digest)) => ("mount-blob", digest),
                (None, None) => return None,
            };
            (act, format!("{target}@{digest}"))
        }
        _ => return None,
    })
}

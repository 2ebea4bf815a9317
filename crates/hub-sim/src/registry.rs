//! Answers requests to the registry host: who may read, what it costs, what is there.
//!
//! The order is Docker Hub's: token, access, existence, limit.

use crate::answer::Answer;
use crate::blobs;
use crate::limits::Standing;
use crate::listing;
use crate::manifest::Manifest;
use crate::refusal::{oci_error, pull_limited};
use crate::request::{Credentials, Request};
use crate::route::{Call, On};
use crate::state::{Inner, State};
use crate::store::{ALWAYS_LIMITED, PREVIEW, Repository};
use serde_json::json;
use std::time::Duration;

/// One request to the registry, with all that is known about it.
pub(crate) struct Visit<'a> {
    pub(crate) state: &'a State,
    pub(crate) request: &'a Request,
    pub(crate) call: &'a Call,
    pub(crate) now: Duration,
    /// Whose token it carries; none is anonymous.
    account: Option<String>,
}

/// What came of asking somebody to pay.
enum Charge {
    Standing(Standing),
    Refused,
}

impl<'a> Visit<'a> {
    pub(crate) fn new(state: &'a State, request: &'a Request, call: &'a Call) -> Self {
        let account = match request.credentials() {
            Some(Credentials::Bearer(token)) => {
                state.inner().grants.find_owner(&token).map(str::to_owned)
            }
            _ => None,
        };
        Self {
            state,
            request,
            call,
            now: state.clock.now(),
            account,
        }
    }

    /// The usual answer.
    pub(crate) fn answer(&self) -> Answer {
        if self.call.endpoint == On::Other {
            return Answer::new(404)
                .header("content-type", "text/plain")
                .text("404 page not found\n");
        }
        let mut inner = self.state.inner();
        let answer = self.admit(&inner).map(|()| self.serve(&mut inner));
        answer
            .unwrap_or_else(|refusal| refusal)
            .header("docker-distribution-api-version", "registry/2.0")
    }

    /// 401 that sends the client to the usual realm for a token.
    pub(crate) fn challenge(&self, inner: &Inner, error: Option<&str>) -> Answer {
        let realm = format!("{}/token", self.state.token_url());
        self.challenge_with(inner, &realm, error)
    }

    /// 401 that sends the client to `realm` for a token.
    pub(crate) fn challenge_with(&self, inner: &Inner, realm: &str, error: Option<&str>) -> Answer {
        let name = self.call.repository.as_deref();
        let scope = name.map_or_else(String::new, |name| {
            format!(",scope=\"repository:{name}:pull\"")
        });
        let error = error.map_or_else(String::new, |error| format!(",error=\"{error}\""));
        let detail = name.map(
            |name| json!([{"Type": "repository", "Class": "", "Name": name, "Action": "pull"}]),
        );
        oci_error(401, "UNAUTHORIZED", "authentication required", detail)
            .header(
                "www-authenticate",
                format!("Bearer realm=\"{realm}\",service=\"registry.docker.io\"{scope}{error}"),
            )
            .header(
                "docker-ratelimit-source",
                inner.source_of(None, self.request.peer),
            )
    }

    /// 429 of the pull limit for whoever asks.
    pub(crate) fn limited(&self, inner: &mut Inner) -> Answer {
        let settings = &self.state.settings;
        let account = self.account.as_deref();
        let mut answer = pull_limited(account, settings.pull_limit_text);
        let standing = inner.standing(account, self.request.peer, self.now);
        answer = self.tell_limits(inner, answer, standing);
        match &settings.pull_retry_after {
            Some(shape) => answer.header("retry-after", shape.value(self.now)),
            None => answer,
        }
    }

    /// Turns away whoever has no token, or not one for this.
    fn admit(&self, inner: &Inner) -> Result<(), Answer> {
        if self.state.settings.open {
            return Ok(());
        }
        let Some(Credentials::Bearer(token)) = self.request.credentials() else {
            return Err(self.challenge(inner, None));
        };
        let Some(grant) = inner.grants.find(&token, self.now) else {
            return Err(self.challenge(inner, Some("invalid_token")));
        };
        match &self.call.repository {
            Some(name) if !grant.repositories.contains(name) => {
                Err(self.challenge(inner, Some("insufficient_scope")))
            }
            _ => Ok(()),
        }
    }

    fn serve(&self, inner: &mut Inner) -> Answer {
        if self.call.endpoint == On::Ping {
            return Answer::new(200).json(&json!({}));
        }
        if !matches!(self.request.method.as_str(), "GET" | "HEAD") {
            return oci_error(405, "UNSUPPORTED", "The operation is unsupported.", None);
        }
        let name = self.call.repository.as_deref().unwrap_or_default();
        if name == ALWAYS_LIMITED {
            return self.limited(inner);
        }
        if let Err(refusal) = self.check_access(inner, name) {
            return refusal;
        }
        match self.call.endpoint {
            On::Manifest => self.serve_manifest(inner, name),
            On::Blob => blobs::redirect(self, inner),
            On::Tags => listing::tags(self, inner),
            On::Referrers => listing::referrers(self, inner),
            _ => oci_error(404, "UNSUPPORTED", "no such endpoint", None),
        }
    }

    /// A repository that is not there looks like one that may not be read, as at Docker Hub.
    fn check_access(&self, inner: &Inner, name: &str) -> Result<(), Answer> {
        let Some(repository) = inner.store.find(name) else {
            if self.state.settings.missing_is_404 {
                let detail = json!({"name": name});
                let message = "repository name not known to registry";
                return Err(oci_error(404, "NAME_UNKNOWN", message, Some(detail)));
            }
            return Err(self.challenge(inner, Some("insufficient_scope")));
        };
        match (&repository.readers, &self.account) {
            (None, _) => Ok(()),
            (Some(readers), Some(account)) if readers.contains(account) => Ok(()),
            (Some(_), Some(_)) => {
                let message = "requested access to the resource is denied";
                Err(oci_error(403, "DENIED", message, None))
            }
            (Some(_), None) => Err(self.challenge(inner, Some("insufficient_scope"))),
        }
    }

    fn serve_manifest(&self, inner: &mut Inner, name: &str) -> Answer {
        let reference = self.call.reference.as_deref().unwrap_or_default();
        let Some(repository) = inner.store.find(name) else {
            return unknown_manifest(reference);
        };
        let Some(manifest) = repository.find_manifest(reference) else {
            return unknown_manifest(reference);
        };
        let metered = !repository.unmetered;
        let price = self.price(repository, &manifest);
        let price = price - self.discount(inner, price, &manifest);
        let standing = match self.charge(inner, price).filter(|_| metered) {
            Some(Charge::Refused) => return self.limited(inner),
            Some(Charge::Standing(standing)) => Some(standing),
            None => None,
        };
        let mut answer = Answer::new(200)
            .header("content-type", &manifest.media_type)
            .header("docker-content-digest", &manifest.digest)
            .header("etag", format!("\"{}\"", manifest.digest))
            .body(manifest.bytes.clone().into());
        answer.charged = price > 0;
        self.tell_limits(inner, answer, standing)
    }

    /// Takes the price from whoever asks; none when there is no limit to take it from.
    fn charge(&self, inner: &mut Inner, price: u64) -> Option<Charge> {
        let account = self.account.as_deref();
        let before = inner.standing(account, self.request.peer, self.now)?;
        let source = inner.source_of(account, self.request.peer);
        if price > 0 && before.remaining == 0 {
            if self.state.settings.denied_pulls_count {
                inner.pulls.is_over(&source, before.limit, self.now);
            }
            return Some(Charge::Refused);
        }
        inner.pulls.spend(&source, price, self.now);
        inner
            .standing(account, self.request.peer, self.now)
            .map(Charge::Standing)
    }

    /// What this request costs in pulls, if it is answered.
    fn price(&self, repository: &Repository, manifest: &Manifest) -> u64 {
        let free = self.request.is_head()
            || repository.unmetered
            || (self.state.settings.index_is_free && manifest.is_index());
        u64::from(!free)
    }

    /// What an index that was paid for takes off the price.
    fn discount(&self, inner: &mut Inner, price: u64, manifest: &Manifest) -> u64 {
        if price == 0 || !self.state.settings.child_is_free {
            return 0;
        }
        let source = inner.source_of(self.account.as_deref(), self.request.peer);
        if manifest.is_index() {
            inner.note_index(&source, &manifest.parts);
            return 0;
        }
        u64::from(inner.take_child(&source, &manifest.digest))
    }

    fn tell_limits(&self, inner: &Inner, answer: Answer, standing: Option<Standing>) -> Answer {
        let Some(standing) = standing else {
            return answer;
        };
        let source = inner.source_of(self.account.as_deref(), self.request.peer);
        answer
            .header("ratelimit-limit", standing.limit_header())
            .header("ratelimit-remaining", standing.remaining_header())
            .header("docker-ratelimit-source", source)
    }
}

fn unknown_manifest(reference: &str) -> Answer {
    let detail = json!({"unknown": {"Tag": reference}});
    oci_error(404, "MANIFEST_UNKNOWN", "manifest unknown", Some(detail))
}

/// Makes the repository that tells how one stands with the limit.
pub(crate) fn add_preview(inner: &mut Inner) {
    inner
        .store
        .push(&format!("{PREVIEW}:latest"), &crate::image::Image::small());
}

//! Clients' own sequences: the same requests in the same order with the same headers.
//!
//! Written from what is known of the clients' sources, not captured from them: a client that is at hand is better asked
//! itself (`e2e`).

mod buildkit;
mod containerd;
mod crane;
mod docker;
mod helm;
mod oras;
mod podman;

use bytes::Bytes;
use http::Method;

use crate::answer::Answer;
use crate::ask::Ask;
use crate::document::Document;
use crate::noise::Blob;
use crate::repository::Repository;
use crate::suite::Suite;
use crate::verdict::{Verdict, ensure};

pub(super) async fn run(suite: &Suite) {
    Box::pin(helm::run(suite)).await;
    Box::pin(oras::run(suite)).await;
    Box::pin(buildkit::run(suite)).await;
    Box::pin(containerd::run(suite)).await;
    Box::pin(docker::run(suite)).await;
    Box::pin(podman::run(suite)).await;
    Box::pin(crane::run(suite)).await;
}

/// A client that speaks to one repository.
struct Talk {
    repo: Repository,
    agent: &'static str,
}

impl Talk {
    fn new(suite: &Suite, agent: &'static str, repository: &str) -> Self {
        Self {
            repo: suite.repository(repository),
            agent,
        }
    }

    /// Asks as this client.
    async fn ask(&self, ask: Ask) -> Verdict<Answer> {
        self.repo.ask(ask.header("user-agent", self.agent)).await
    }

    /// HEAD for a blob, which is not there yet.
    async fn misses_blob(&self, blob: &Blob, accept: &str) -> Verdict {
        let ask = with_accept(Ask::head(self.repo.blob(&blob.digest)), accept);
        self.ask(ask).await?.is(404)?;
        Ok(())
    }

    /// HEAD for a manifest, which is not there yet.
    async fn misses_manifest(&self, reference: &str, accept: &str) -> Verdict {
        let ask = with_accept(Ask::head(self.repo.manifest(reference)), accept);
        self.ask(ask).await?.is(404)?;
        Ok(())
    }

    /// POST that begins an upload, and where it goes on.
    async fn begin(&self, query: &str) -> Verdict<String> {
        let answer = self.ask(Ask::post(self.repo.uploads(query))).await?;
        answer.is(202)?;
        self.repo.registry.follow(&answer)
    }

    /// PUT that closes an upload, what its location has of a query kept.
    async fn put(&self, location: &str, blob: &Blob, bytes: Option<Bytes>) -> Verdict {
        let separator = if location.contains('?') { '&' } else { '?' };
        // As Go's url.Values writes a digest.
        let digest = blob.digest.as_str().replace(':', "%3A");
        let ask = Ask::put(format!("{location}{separator}digest={digest}"));
        let ask = match bytes {
            Some(bytes) => ask.octets(bytes),
            None => ask.header("content-type", "application/octet-stream"),
        };
        let answer = self.ask(ask).await?;
        answer.is(201)?;
        self.repo.registry.follow(&answer)?;
        Ok(())
    }

    /// POST and PUT: how most Go clients push a blob.
    async fn push_blob(&self, blob: &Blob) -> Verdict {
        let location = self.begin("").await?;
        self.put(&location, blob, Some(blob.bytes.clone())).await
    }

    /// PUT of a manifest, by tag or digest.
    async fn push_manifest(&self, reference: &str, document: &Document) -> Verdict<Answer> {
        let ask = Ask::put(self.repo.manifest(reference));
        let ask = ask.sending(&document.media_type, document.bytes.clone());
        let answer = self.ask(ask).await?;
        answer.is(201)?;
        Ok(answer)
    }

    /// HEAD or GET of a manifest that is there.
    async fn manifest(
        &self,
        method: Method,
        reference: &str,
        accept: &str,
        document: &Document,
    ) -> Verdict {
        let ask = Ask::new(method.clone(), self.repo.manifest(reference));
        let answer = self.ask(with_accept(ask, accept)).await?;
        answer.is(200)?;
        answer.header_is("docker-content-digest", document.digest.as_str())?;
        answer.header_is("content-type", &document.media_type)?;
        answer.header_is("content-length", &document.bytes.len().to_string())?;
        if method == Method::GET {
            answer.bytes_are(&document.bytes)?;
        }
        Ok(())
    }

    /// GET of a blob that is there.
    async fn blob(&self, blob: &Blob, headers: &[(&str, &str)]) -> Verdict {
        let mut ask = Ask::get(self.repo.blob(&blob.digest));
        for (name, value) in headers {
            ask = ask.header(name, *value);
        }
        let answer = self.ask(ask).await?;
        ensure!(
            answer.status == 200 || answer.status == 206,
            "{answer}, not with the blob"
        );
        answer.bytes_are(&blob.bytes)?;
        Ok(())
    }
}

/// With `Accept`, where the client sends one.
fn with_accept(ask: Ask, accept: &str) -> Ask {
    if accept.is_empty() {
        return ask;
    }
    ask.header("accept", accept)
}

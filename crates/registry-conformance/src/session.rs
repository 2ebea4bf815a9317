//! An upload session, driven request by request.

use bytes::Bytes;

use crate::answer::Answer;
use crate::ask::Ask;
use crate::digest::Digest;
use crate::noise::Blob;
use crate::repository::Repository;
use crate::verdict::{Stop, Verdict, ensure};

/// An upload that has begun.
#[derive(Clone, Debug)]
pub struct Session {
    repository: Repository,
    /// Where the next request goes, as path and query.
    pub(crate) location: String,
    /// The least bytes of a chunk that is not the last, if the registry said.
    pub(crate) min_chunk: usize,
    /// How many bytes were taken so far.
    pub(crate) offset: usize,
}

impl Repository {
    /// Where uploads begin.
    pub(crate) fn uploads(&self, query: &str) -> String {
        self.path(&format!("blobs/uploads/{query}"))
    }

    /// Begins an upload, with a query or without.
    pub async fn begin(&self, query: &str) -> Verdict<Session> {
        let answer = self.ask(Ask::post(self.uploads(query))).await?;
        Session::of(self, &answer)
    }
}

impl Session {
    /// The session that an answer to a POST has begun.
    pub(crate) fn of(repository: &Repository, answer: &Answer) -> Verdict<Self> {
        answer.is(202)?;
        let min_chunk = match answer.find_header("oci-chunk-min-length") {
            Some(text) => text
                .parse()
                .map_err(|_| Stop::failed(format!("{answer} with OCI-Chunk-Min-Length: {text}")))?,
            None => 0,
        };
        Ok(Self {
            location: repository.registry.follow(answer)?,
            repository: repository.clone(),
            min_chunk,
            offset: 0,
        })
    }

    /// The location with a digest in its query, as a closing request has it. What the query had already is kept.
    pub(crate) fn closing(&self, digest: &str) -> String {
        let separator = if self.location.contains('?') {
            '&'
        } else {
            '?'
        };
        format!("{}{separator}digest={digest}", self.location)
    }

    /// Sends the next chunk, which is taken.
    pub async fn patch(&mut self, bytes: Bytes) -> Verdict {
        let end = self.offset + bytes.len();
        let range = format!("{}-{}", self.offset, end.saturating_sub(1));
        let ask = Ask::patch(&self.location).octets(bytes);
        let answer = self.ask(ask.header("content-range", range)).await?;
        self.took(&answer, end)
    }

    /// Streams bytes without saying how many, which are taken.
    pub async fn stream(&mut self, pieces: Vec<Bytes>) -> Verdict {
        let end = self.offset + pieces.iter().map(Bytes::len).sum::<usize>();
        let answer = self.ask(Ask::patch(&self.location).stream(pieces)).await?;
        self.took(&answer, end)
    }

    /// Reads from the answer to a chunk where the session now stands.
    pub(crate) fn took(&mut self, answer: &Answer, end: usize) -> Verdict {
        answer.is(202)?;
        if end > 0 {
            answer.header_is("range", &format!("0-{}", end - 1))?;
        }
        self.location = self.repository.registry.follow(answer)?;
        self.offset = end;
        Ok(())
    }

    /// Sends a chunk with a range of one's choice, and returns the answer, whatever it is.
    pub(crate) async fn send_range(&self, range: &str, bytes: Bytes) -> Verdict<Answer> {
        let ask = Ask::patch(&self.location).octets(bytes);
        self.ask(ask.header("content-range", range)).await
    }

    /// The registry knows how far the session is.
    pub async fn check_status(&mut self) -> Verdict {
        let answer = self.ask(Ask::get(&self.location)).await?;
        answer.is(204)?;
        let range = answer.header("range")?;
        if self.offset == 0 {
            // Nothing is written as a range with nothing in it in more than one way.
            ensure!(range.starts_with("0-"), "{answer} with Range: {range}");
        } else {
            answer.header_is("range", &format!("0-{}", self.offset - 1))?;
        }
        self.location = self.repository.registry.follow(&answer)?;
        Ok(())
    }

    /// Closes the session with the rest of the bytes, and follows the `Location`.
    pub async fn close(&self, blob: &Blob) -> Verdict {
        let answer = self
            .try_close(blob.digest.as_str(), self.rest(blob))
            .await?;
        check_pushed(&self.repository, &answer, blob).await
    }

    /// What the blob still has to come.
    pub(crate) fn rest(&self, blob: &Blob) -> Bytes {
        blob.bytes.slice(self.offset.min(blob.bytes.len())..)
    }

    /// Closes the session with these bytes, and returns the answer, whatever it is.
    pub(crate) async fn try_close(&self, digest: &str, rest: Bytes) -> Verdict<Answer> {
        let mut ask = Ask::put(self.closing(digest));
        if !rest.is_empty() {
            if self.offset > 0 {
                let end = self.offset + rest.len() - 1;
                ask = ask.header("content-range", format!("{}-{end}", self.offset));
            }
            ask = ask.octets(rest);
        }
        self.ask(ask).await
    }

    /// Gives the upload up.
    pub async fn cancel(&self) -> Verdict {
        let answer = self.ask(Ask::delete(&self.location)).await?;
        answer.unless_unsupported("giving an upload up")?.is(204)?;
        Ok(())
    }

    /// Nobody knows the session: neither to read, nor to add, to close or to cancel.
    pub async fn is_unknown_at(&self, location: &str, digest: &Digest) -> Verdict {
        let elsewhere = Self {
            location: location.to_owned(),
            ..self.clone()
        };
        let asks = [
            Ask::get(location),
            Ask::patch(location).octets(Bytes::from_static(b"more")),
            Ask::put(elsewhere.closing(digest.as_str())),
            Ask::delete(location),
        ];
        for ask in asks {
            let answer = self.ask(ask).await?;
            let codes = ["BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID", "NAME_UNKNOWN"];
            answer.refused(&[404], &codes)?;
        }
        Ok(())
    }

    async fn ask(&self, ask: Ask) -> Verdict<Answer> {
        self.repository.ask(ask).await
    }
}

/// Checks the answer that ends an upload, and follows its `Location`.
pub(crate) async fn check_pushed(repository: &Repository, answer: &Answer, blob: &Blob) -> Verdict {
    answer.is(201)?;
    answer.header_is("docker-content-digest", blob.digest.as_str())?;
    let location = repository.registry.follow(answer)?;
    let followed = repository.get_blob_at(&location, blob).await;
    followed.map_err(|stop| stop.about("its Location"))
}

//! The ways in which clients upload a blob.

use bytes::Bytes;

use crate::answer::Answer;
use crate::ask::Ask;
use crate::digest::Algorithm;
use crate::noise::Blob;
use crate::repository::Repository;
use crate::session::{Session, check_pushed};
use crate::verdict::{Stop, Verdict};

/// How many chunks a blob is cut into where it is.
const CHUNKS: usize = 3;

/// A way to upload a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// One POST with all of it. The spec lets registries decline it.
    PostOnly,
    /// POST, then PUT with all of it.
    PostPut,
    /// POST, then PUT with all of it and without its length.
    PostPutStreamed,
    /// POST, PATCH with all of it, PUT.
    OneChunk,
    /// POST, PATCH for each chunk, PUT.
    Chunks,
    /// POST, PATCH for each chunk but the last, which the PUT brings.
    LastChunkInPut,
    /// POST, PATCH without a length or a range, PUT.
    Streamed,
}

impl Way {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::PostOnly,
        Self::PostPut,
        Self::PostPutStreamed,
        Self::OneChunk,
        Self::Chunks,
        Self::LastChunkInPut,
        Self::Streamed,
    ];

    /// Its name in cases' names.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PostOnly => "post-only",
            Self::PostPut => "post-put",
            Self::PostPutStreamed => "post-put-streamed",
            Self::OneChunk => "one-chunk",
            Self::Chunks => "chunked",
            Self::LastChunkInPut => "chunked-last-in-put",
            Self::Streamed => "streamed",
        }
    }

    /// Uploads a blob, checks every answer on the way, and follows the `Location`.
    pub async fn push(self, repository: &Repository, blob: &Blob) -> Verdict {
        let (answer, declined) = self.try_push(repository, blob).await?;
        check_pushed(repository, &answer, blob).await?;
        if declined {
            let why = "a blob in the POST is not supported: it went by PUT";
            return Err(Stop::skipped(why));
        }
        Ok(())
    }

    /// Uploads bytes under a digest that they may not have, and returns the last answer; and whether the registry
    /// declined a single POST, so that a PUT had to follow.
    pub(crate) async fn try_push(
        self,
        repository: &Repository,
        blob: &Blob,
    ) -> Verdict<(Answer, bool)> {
        let digest = blob.digest.as_str();
        if self == Self::PostOnly {
            let target = repository.uploads(&format!("?digest={digest}"));
            let ask = Ask::post(target).octets(blob.bytes.clone());
            let answer = repository.ask(ask).await?;
            if answer.status != 202 {
                return Ok((answer, false));
            }
            let session = Session::of(repository, &answer)?;
            let closed = session.try_close(digest, blob.bytes.clone()).await?;
            return Ok((closed, true));
        }
        let mut session = repository.begin(algorithm_query(digest)).await?;
        match self {
            Self::PostPutStreamed => {
                let ask = Ask::put(session.closing(digest)).stream(pieces(&blob.bytes));
                return Ok((repository.ask(ask).await?, false));
            }
            Self::OneChunk => patch(&mut session, blob.bytes.clone()).await?,
            Self::Chunks | Self::LastChunkInPut => {
                let size = (blob.bytes.len() / CHUNKS + 1).max(session.min_chunk);
                let by_patch = if self == Self::Chunks {
                    CHUNKS
                } else {
                    CHUNKS - 1
                };
                for _ in 0..by_patch {
                    let rest = session.rest(blob);
                    patch(&mut session, rest.slice(..size.min(rest.len()))).await?;
                }
            }
            Self::Streamed => session.stream(pieces(&blob.bytes)).await?,
            Self::PostOnly | Self::PostPut => {}
        }
        Ok((session.try_close(digest, session.rest(blob)).await?, false))
    }
}

/// The algorithm is said at the beginning where it is not the one that is taken for granted.
pub(crate) fn algorithm_query(digest: &str) -> &'static str {
    if digest.starts_with(Algorithm::Sha512.as_str()) {
        "?digest-algorithm=sha512"
    } else {
        ""
    }
}

/// A chunk, unless there is nothing in it: no range says nothing.
async fn patch(session: &mut Session, bytes: Bytes) -> Verdict {
    if bytes.is_empty() {
        return Ok(());
    }
    session.patch(bytes).await
}

/// Bytes in pieces of uneven sizes, the first of one byte.
pub(crate) fn pieces(bytes: &Bytes) -> Vec<Bytes> {
    let mut rest = bytes.clone();
    let mut pieces = Vec::new();
    let mut size = 1;
    while !rest.is_empty() {
        pieces.push(rest.split_to(size.min(rest.len())));
        size = (size * 3).min(16 * 1024);
    }
    pieces
}

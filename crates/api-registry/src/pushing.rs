//! Asks a local repository for a change, and makes the answer.
//!
//! Source: OCI distribution-spec, "Push", "Content Management".

use std::sync::Arc;

use forebay_http_kit::{Body, RequestBody, RequestBodyError};
use forebay_oci::{
    Digest, Endpoint, MAX_MANIFEST_BYTES, MediaType, Reference, RepositoryName, Tag, UploadId,
    UploadStart, Verb,
};
use forebay_registry::{LocalRegistry, Mounted, PushError, Upload, Uploader};
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE};
use http::{HeaderMap, Response};

use crate::auditing::{Audited, Made};
use crate::door::Visitor;
use crate::{OciError, answer};

/// A change of a local repository.
pub(crate) struct Pushing<'a> {
    pub(crate) registry: &'a LocalRegistry,
    /// Told of the change once it begins.
    pub(crate) audited: &'a mut Audited,
    /// The repository as the client wrote it, for the addresses that it is told.
    pub(crate) name: &'a RepositoryName,
    pub(crate) uploader: Uploader,
    pub(crate) headers: &'a HeaderMap,
    /// The further tags of a manifest that is pushed by its digest.
    pub(crate) tags: &'a [Tag],
    pub(crate) visitor: &'a Visitor<'a>,
    /// The repository of ours that the client says a blob is to be mounted from, if it may pull from it.
    pub(crate) mount_from: Option<RepositoryName>,
}

/// The part of a blob that a request says it sends: where it begins, and one past its end.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part(std::ops::Range<u64>);

type Answer = Result<Response<Body>, OciError>;

impl Pushing<'_> {
    /// Makes the change that `endpoint` with this method means.
    pub(crate) async fn answer(
        &mut self,
        (endpoint, verb): (&Endpoint, Verb),
        body: RequestBody,
    ) -> Answer {
        match (endpoint, verb) {
            (Endpoint::Uploads { start, .. }, Verb::Post) => self.begin(start, body).await,
            (Endpoint::Upload { session, .. }, Verb::Get | Verb::Head) => {
                let received = self.registry.received(&self.uploader, *session)?;
                answer::upload_status(self.name, *session, received)
            }
            (Endpoint::Upload { session, .. }, Verb::Patch) => self.append(*session, body).await,
            (
                Endpoint::Upload {
                    session, digest, ..
                },
                Verb::Put,
            ) => {
                let digest = digest.as_ref().ok_or_else(OciError::no_digest)?;
                self.finish((*session, digest), body).await
            }
            (Endpoint::Upload { session, .. }, Verb::Delete) => {
                let upload = self.registry.upload(&self.uploader, *session).await?;
                self.registry.cancel_upload(upload);
                Ok(answer::no_content())
            }
            (Endpoint::Manifest { reference, .. }, Verb::Put) => {
                self.push_manifest(reference, body).await
            }
            (Endpoint::Manifest { reference, .. }, Verb::Delete) => {
                self.drop_manifest(reference).await
            }
            (Endpoint::Blob { digest, .. }, Verb::Delete) => self.drop_blob(digest.clone()).await,
            _ => Err(OciError::unsupported(&endpoint.allowed())),
        }
    }

    /// Begins an upload, unless the blob can be mounted or is in this very request.
    async fn begin(&mut self, start: &UploadStart, body: RequestBody) -> Answer {
        if start.digest.is_none()
            && let Some(digest) = &start.mount
            && self.mount(digest, start.from.is_some()).await?
        {
            return answer::created_blob(self.name, digest);
        }
        let algorithm = start.digest.as_ref().map(Digest::algorithm);
        let algorithm = algorithm.or(start.algorithm);
        let begun = self.registry.begin_upload(self.uploader.clone(), algorithm);
        let session = begun.await?;
        let Some(digest) = &start.digest else {
            return answer::upload_begun(self.name, session);
        };
        let finished = self.finish((session, digest), body).await;
        if finished.is_err()
            && let Ok(upload) = self.registry.upload(&self.uploader, session).await
        {
            // Its client was told no name by which it could go on.
            self.registry.cancel_upload(upload);
        }
        finished
    }

    /// Mounts the blob from where the client says, or, if it does not say, from wherever it may pull. True if that was possible.
    async fn mount(&mut self, digest: &Digest, is_named: bool) -> Result<bool, OciError> {
        let from = match &self.mount_from {
            Some(from) => Some(from.clone()),
            None if is_named => None,
            None => {
                let holders = self.registry.holders(digest).await?;
                self.visitor.choose_source(holders)?
            }
        };
        let Some(from) = from else {
            return Ok(false);
        };
        let (to, digest) = (self.uploader.repository.clone(), digest.clone());
        let mounted = self.make(async move |registry| {
            let mounted = registry.mount(&from, &to, &digest).await?;
            let made = match mounted {
                Mounted::Done => Made::Change(Some(digest)),
                Mounted::NotThere => Made::Nothing,
            };
            Ok((mounted, made))
        });
        Ok(mounted.await? == Mounted::Done)
    }

    async fn append(&self, session: UploadId, body: RequestBody) -> Answer {
        let mut upload = self.turn(session).await?;
        receive(&mut upload, body).await?;
        answer::upload_accepted(self.name, session, upload.received())
    }

    async fn finish(
        &mut self,
        (session, digest): (UploadId, &Digest),
        body: RequestBody,
    ) -> Answer {
        let mut upload = self.turn(session).await?;
        receive(&mut upload, body).await?;
        let (uploader, pushed) = (self.uploader.clone(), digest.clone());
        let finished = self.make(async move |registry| {
            registry.finish_upload(&uploader, upload, &pushed).await?;
            Ok(((), Made::Change(Some(pushed))))
        });
        finished.await?;
        answer::created_blob(self.name, digest)
    }

    /// A turn at the upload, once the part that is sent is known to go on where the last one ended.
    async fn turn(&self, session: UploadId) -> Result<Upload, OciError> {
        let part = Part::read(self.headers)?;
        let upload = self.registry.upload(&self.uploader, session).await?;
        let received = upload.received();
        match part {
            Some(Part(bytes)) if bytes.start != received => {
                let sent = bytes.start;
                let error = OciError::from(PushError::OutOfOrder { sent, received });
                let place = answer::upload_place(self.name, session, received)?;
                Err(OciError {
                    headers: Some(Arc::new(place)),
                    ..error
                })
            }
            _ => Ok(upload),
        }
    }

    async fn push_manifest(&mut self, reference: &Reference, body: RequestBody) -> Answer {
        let content_type = match self.headers.get(CONTENT_TYPE) {
            Some(value) => {
                let text = value.to_str().ok().and_then(MediaType::parse);
                Some(text.ok_or_else(OciError::bad_content_type)?)
            }
            None => None,
        };
        let (bytes, room) = body.read_capped(MAX_MANIFEST_BYTES).await?.into_parts();
        let repository = self.uploader.repository.clone();
        let (reference, tags) = (reference.clone(), self.tags.to_vec());
        let pushed = self.make(async move |registry| {
            let _room = room;
            let (place, content) = ((&reference, &*tags), (bytes, content_type.as_ref()));
            let pushed = registry.push_manifest(&repository, place, content).await?;
            let made = Made::Change(Some(pushed.digest.clone()));
            Ok((pushed, made))
        });
        let pushed = pushed.await?;
        answer::created_manifest(self.name, &pushed)
    }

    async fn drop_manifest(&mut self, reference: &Reference) -> Answer {
        let (repository, reference) = (self.uploader.repository.clone(), reference.clone());
        let dropped = self.make(async move |registry| {
            match &reference {
                Reference::Tag(tag) => registry.drop_tag(&repository, tag).await?,
                Reference::Digest(digest) => registry.drop_manifest(&repository, digest).await?,
            }
            Ok(((), Made::Change(None)))
        });
        dropped.await?;
        Ok(answer::accepted())
    }

    async fn drop_blob(&mut self, digest: Digest) -> Answer {
        let repository = self.uploader.repository.clone();
        let dropped = self.make(async move |registry| {
            registry.drop_blob(&repository, &digest).await?;
            Ok(((), Made::Change(None)))
        });
        dropped.await?;
        Ok(answer::accepted())
    }

    /// Makes the change to its end, where it is written down, before it is answered: its client may have left by then.
    async fn make<T, F>(
        &mut self,
        change: impl FnOnce(Arc<LocalRegistry>) -> F + Send,
    ) -> Result<T, OciError>
    where
        T: Send + 'static,
        F: Future<Output = Result<(T, Made), PushError>> + Send + 'static,
    {
        let begun = self.audited.begin_change();
        let made = self.registry.to_the_end(|registry| {
            let change = change(registry);
            async move {
                let made = change.await;
                begun.end(made.as_ref().map(|(_, made)| made));
                made
            }
        });
        Ok(made.await?.0)
    }
}

impl Part {
    /// What `Content-Range` says: `<first>-<last>`, as the spec writes it ("Pushing a blob in chunks"), or as RFC 9110, section
    /// 14.4 does. None if there is no such header.
    ///
    /// # Errors
    /// It says something else, or another length than `Content-Length`.
    fn read(headers: &HeaderMap) -> Result<Option<Self>, OciError> {
        let Some(value) = headers.get(CONTENT_RANGE) else {
            return Ok(None);
        };
        let text = value.to_str().unwrap_or_default();
        let text = text.strip_prefix("bytes ").unwrap_or(text);
        let text = text.split('/').next().unwrap_or_default();
        let number = |text: &str| {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| text.parse::<u64>().ok()).flatten()
        };
        let range = text
            .split_once('-')
            .and_then(|(first, last)| Some((number(first)?, number(last)?)))
            .and_then(|(first, last)| Some(first..last.checked_add(1)?))
            .filter(|range| !range.is_empty());
        let range = range.ok_or_else(OciError::bad_content_range)?;
        let length = headers
            .get(CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok());
        let said = range.end - range.start;
        match length.and_then(number) {
            Some(found) if found != said => Err(PushError::Length { said, found }.into()),
            _ => Ok(Some(Self(range))),
        }
    }
}

/// Takes the whole body. What came before a failure stays: the client may go on from there.
async fn receive(upload: &mut Upload, mut body: RequestBody) -> Result<(), OciError> {
    while let Some(chunk) = body.next_chunk().await {
        upload.write(chunk?).await?;
    }
    Ok(())
}

impl From<RequestBodyError> for OciError {
    fn from(error: RequestBodyError) -> Self {
        Self::of_body(error)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(range: &str, length: Option<u64>) -> Result<Option<std::ops::Range<u64>>, ()> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_RANGE, HeaderValue::try_from(range).unwrap());
        if let Some(length) = length {
            headers.insert(CONTENT_LENGTH, length.into());
        }
        let part = Part::read(&headers).map_err(|_| ())?;
        Ok(part.map(|part| part.0))
    }

    #[test]
    fn a_part_is_said_by_its_first_and_last_byte() {
        for (range, length, part) in [
            ("0-0", Some(1), Ok(Some(0..1))),
            ("0-1023", Some(1024), Ok(Some(0..1024))),
            ("1024-1025", None, Ok(Some(1024..1026))),
            ("bytes 5-6/*", Some(2), Ok(Some(5..7))),
            ("bytes 5-6/7", Some(2), Ok(Some(5..7))),
            ("0-1023", Some(1023), Err(())),
            ("6-5", None, Err(())),
            ("-5", None, Err(())),
            ("5-", None, Err(())),
            ("+1-2", None, Err(())),
            ("0-18446744073709551615", None, Err(())),
            ("", None, Err(())),
            ("a-b", None, Err(())),
        ] {
            assert_eq!(read(range, length), part, "{range}");
        }
        assert!(matches!(Part::read(&HeaderMap::new()), Ok(None)));
    }
}

//! Pushes blobs and manifests as docker and podman do, on a connection that is kept.

use forebay_oci::Digest;
use serde_json::json;

use crate::client::{ACCEPT, Answer, Connection, Content, Url};
use crate::error::Error;

/// What docker sends at once: Go copies 32 KiB at a time, each a chunk.
const CHUNK_BYTES: usize = 32 * 1024;

/// The bytes by which one blob differs from the next.
const MARK_BYTES: usize = 64;

/// A blob that is all its own by its first bytes; the rest is shared with others, so that a gigabyte of them takes no more memory
/// than one.
#[derive(Clone, Debug)]
pub(crate) struct Blob<'a> {
    mark: [u8; MARK_BYTES],
    rest: &'a [u8],
    pub(crate) digest: String,
}

/// How a blob is uploaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// POST, PATCH of all of it in chunks of unknown number, PUT: docker, containerd.
    Streamed,
    /// POST, PUT of all of it: podman, crane.
    Whole,
}

/// A client that pushes.
pub(crate) struct Pusher {
    connection: Connection,
    at: Url,
}

impl<'a> Blob<'a> {
    /// The blob of that number.
    pub(crate) fn new(number: u64, rest: &'a [u8]) -> Self {
        let mut mark = [0; MARK_BYTES];
        mark[..8].copy_from_slice(&number.to_le_bytes());
        let mut hasher = forebay_oci::Hasher::new(forebay_oci::Algorithm::Sha256);
        hasher.update(&mark);
        hasher.update(rest);
        Self {
            mark,
            rest,
            digest: hasher.finish().to_string(),
        }
    }

    /// All of it in two pieces.
    pub(crate) fn parts(&self) -> [&[u8]; 2] {
        [&self.mark, self.rest]
    }

    /// All of it in one piece.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        [&self.mark, self.rest].concat()
    }

    pub(crate) fn size(&self) -> usize {
        MARK_BYTES + self.rest.len()
    }
}

/// A manifest with these blobs, the first of them as its configuration.
pub(crate) fn manifest(blobs: &[Blob<'_>], name: &str) -> Vec<u8> {
    let described: Vec<_> = blobs
        .iter()
        .map(|blob| {
            json!({
                "mediaType": "application/vnd.oci.image.layer.v1.tar",
                "digest": blob.digest,
                "size": blob.size(),
            })
        })
        .collect();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": ACCEPT,
        "config": described.first(),
        "layers": described.get(1..).unwrap_or_default(),
        "annotations": { "name": name },
    });
    manifest.to_string().into_bytes()
}

impl Pusher {
    pub(crate) fn open(at: &Url) -> Result<Self, Error> {
        Ok(Self {
            connection: Connection::open(at.address)?,
            at: at.clone(),
        })
    }

    /// Pushes a blob to a repository that has it not.
    pub(crate) fn push_blob(
        &mut self,
        repository: &str,
        blob: &Blob<'_>,
        way: Way,
    ) -> Result<(), Error> {
        let known = format!("/v2/{repository}/blobs/{}", blob.digest);
        self.ask("HEAD", &known, 404, Content::Nothing)?;
        let uploads = format!("/v2/{repository}/blobs/uploads/");
        let begun = self.ask("POST", &uploads, 202, Content::Nothing)?;
        let mut place = self.place(&begun)?;
        let mut rest: &[&[u8]] = &[&blob.mark, blob.rest];
        if way == Way::Streamed {
            let chunks = std::iter::once(&blob.mark[..]).chain(blob.rest.chunks(CHUNK_BYTES));
            let chunks: Vec<&[u8]> = chunks.collect();
            let sent = self.ask("PATCH", &place, 202, Content::Streamed(&chunks))?;
            place = self.place(&sent)?;
            rest = &[];
        }
        let separator = if place.contains('?') { '&' } else { '?' };
        let end = format!("{place}{separator}digest={}", blob.digest);
        self.ask("PUT", &end, 201, Content::Sized(rest))?;
        Ok(())
    }

    /// Pushes a manifest under a tag or its digest, which is told.
    pub(crate) fn push_manifest(
        &mut self,
        repository: &str,
        reference: &str,
        bytes: &[u8],
    ) -> Result<String, Error> {
        let path = format!("/v2/{repository}/manifests/{reference}");
        let url = Url::new(self.at.address, path);
        let typed = [("Content-Type", ACCEPT)];
        let content = (&typed[..], Content::Sized(&[bytes]));
        let answer = self.send("PUT", &url, content)?;
        if answer.status != 201 {
            return Err(refused(&url, "PUT", &answer));
        }
        Ok(Digest::sha256(bytes).to_string())
    }

    fn ask(
        &mut self,
        method: &str,
        path: &str,
        status: u16,
        content: Content<'_>,
    ) -> Result<Answer, Error> {
        let url = Url::new(self.at.address, path);
        let typed = [("Content-Type", "application/octet-stream")];
        let fields = match content {
            Content::Nothing => &[][..],
            _ => &typed[..],
        };
        let answer = self.send(method, &url, (fields, content))?;
        if answer.status != status {
            return Err(refused(&url, method, &answer));
        }
        Ok(answer)
    }

    /// Sends it, and opens another connection if the server closes this one with its answer.
    fn send(
        &mut self,
        method: &str,
        url: &Url,
        request: (&[(&str, &str)], Content<'_>),
    ) -> Result<Answer, Error> {
        let answer = self.connection.send(method, url, request)?;
        if !answer.is_kept_open() {
            self.connection = Connection::open(self.at.address)?;
        }
        Ok(answer)
    }

    /// Where an upload goes on, as path and query.
    fn place(&self, answer: &Answer) -> Result<String, Error> {
        let location = answer.find_field("location").unwrap_or_default();
        if location.starts_with('/') {
            return Ok(location.to_owned());
        }
        Ok(self.at.redirected(location)?.path)
    }
}

fn refused(url: &Url, method: &str, answer: &Answer) -> Error {
    let body = String::from_utf8_lossy(&answer.body);
    url.wrong(format!("{method} was answered {}: {body}", answer.status))
}

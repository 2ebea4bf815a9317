//! A request, before it is sent.

use std::fmt;

use bytes::Bytes;
use http::Method;

/// The most of a path and query that is shown, in characters: some registries keep a session's state there.
const SHOWN: usize = 200;

/// A request for a registry.
#[derive(Clone, Debug)]
pub struct Ask {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Payload,
}

/// What a request carries.
#[derive(Clone, Debug)]
pub(crate) enum Payload {
    /// Nothing; `Content-Length: 0` where the method may have a body.
    Nothing,
    /// Bytes whose number is announced.
    Sized(Bytes),
    /// Pieces sent with `Transfer-Encoding: chunked`.
    Streamed(Vec<Bytes>),
}

impl Ask {
    /// A request with any method.
    pub fn new(method: Method, target: impl Into<String>) -> Self {
        Self {
            method,
            target: target.into(),
            headers: Vec::new(),
            body: Payload::Nothing,
        }
    }

    /// A GET.
    pub fn get(target: impl Into<String>) -> Self {
        Self::new(Method::GET, target)
    }

    /// A HEAD.
    pub fn head(target: impl Into<String>) -> Self {
        Self::new(Method::HEAD, target)
    }

    /// A POST.
    pub fn post(target: impl Into<String>) -> Self {
        Self::new(Method::POST, target)
    }

    /// A PUT.
    pub fn put(target: impl Into<String>) -> Self {
        Self::new(Method::PUT, target)
    }

    /// A PATCH.
    pub fn patch(target: impl Into<String>) -> Self {
        Self::new(Method::PATCH, target)
    }

    /// A DELETE.
    pub fn delete(target: impl Into<String>) -> Self {
        Self::new(Method::DELETE, target)
    }

    /// With this header besides what it has.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// With a body of known length, of a type.
    #[must_use]
    pub fn sending(mut self, content_type: &str, bytes: impl Into<Bytes>) -> Self {
        self.body = Payload::Sized(bytes.into());
        self.header("content-type", content_type)
    }

    /// With the bytes of a blob.
    #[must_use]
    pub fn octets(self, bytes: impl Into<Bytes>) -> Self {
        self.sending("application/octet-stream", bytes)
    }

    /// With the bytes of a blob in pieces, their number not announced.
    #[must_use]
    pub fn stream(mut self, pieces: Vec<Bytes>) -> Self {
        self.body = Payload::Streamed(pieces);
        self.header("content-type", "application/octet-stream")
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = self.target.chars().take(SHOWN).collect();
        let cut = if shown.len() < self.target.len() {
            "…"
        } else {
            ""
        };
        write!(f, "{} {shown}{cut}", self.method)?;
        for (name, value) in &self.headers {
            // What tells one request from another; the rest is the same in all.
            if matches!(
                name.as_str(),
                "content-range" | "range" | "content-type" | "accept"
            ) && value != "application/octet-stream"
            {
                write!(f, " [{name}: {value}]")?;
            }
        }
        match &self.body {
            Payload::Nothing => Ok(()),
            Payload::Sized(bytes) => write!(f, " ({} bytes)", bytes.len()),
            Payload::Streamed(pieces) => {
                let bytes: usize = pieces.iter().map(Bytes::len).sum();
                write!(f, " ({bytes} bytes in {} pieces)", pieces.len())
            }
        }
    }
}

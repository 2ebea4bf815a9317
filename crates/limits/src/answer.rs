//! One answer of an upstream, as far as limits are concerned.
//!
//! A plain borrow of what the HTTP client has at hand, so that classifying needs no HTTP crate.

use crate::Reading;

/// One answer, refused or not, with as much of its body as was read.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The HTTP status code.
    pub status: u16,
    /// The `Content-Type` header, if it was text.
    pub content_type: Option<&'a str>,
    /// The first bytes of the body; at most [`MAX_BODY_BYTES`](crate::MAX_BODY_BYTES) of them are looked at.
    pub body_prefix: &'a [u8],
    /// What [`read_headers`](crate::read_headers) found in this answer.
    pub reading: &'a Reading,
    /// The part that the answering host plays for its registry.
    pub host_kind: HostKind,
    /// The method of the request.
    pub method: Method,
    /// Whether the registry is Docker Hub, whose limiters are told apart by where they strike.
    pub is_docker_hub: bool,
}

/// The part that a host plays for its registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HostKind {
    /// The registry's API, `/v2/…`.
    Registry,
    /// The token service.
    Token,
    /// The host that blobs are redirected to.
    Blob,
}

/// The method of a request: only GET counts as a pull, and an answer to HEAD has no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// GET.
    Get,
    /// HEAD.
    Head,
    /// Any other: POST, PUT, PATCH, DELETE.
    Other,
}

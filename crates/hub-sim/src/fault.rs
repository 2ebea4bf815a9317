//! The ways in which an upstream misbehaves, one variant each.
//!
//! What a fault does to one answer is here; which requests it strikes is in `rules`.

use crate::answer::{Answer, Ending, Framing};
use crate::gate::Gate;
use crate::gzip;
use crate::refusal::{abuse_limited, malformed_abuse, oci_error};
use crate::rope::Rope;
use crate::route::On;
use bytes::Bytes;
use std::time::Duration;

/// A way to misbehave. Several that strike the same request add up.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    // Before anything is answered.
    /// The request waits at a gate, then is answered as usual.
    Hold(Gate),
    /// The answer comes this much later, in real time.
    Delay(Duration),
    /// Nothing is ever answered; the connection stays open.
    Hang,
    /// The connection is closed without an answer.
    Close,
    /// The connection is reset without an answer.
    Reset,

    // Another answer than the usual one.
    /// An error of this status as OCI JSON with a matching code.
    Status(u16),
    /// An error of this status as an HTML page.
    Html(u16),
    /// An error of this status with an empty body.
    Empty(u16),
    /// The pull limit's 429, whatever was used up. By default on manifests.
    PullLimited,
    /// The abuse limit's plain-text 429.
    AbuseLimited,
    /// The abuse limit's 429 as of 2020, which is no valid HTTP: bare line feeds, the body in place of a header.
    MalformedAbuse,
    /// 401 with `error="invalid_token"`, whatever the token. By default on the registry.
    TokenRefused,
    /// 401 that names this as the realm to ask for tokens. By default on the registry.
    Realm(String),
    /// 307 to this `Location`. By default on the registry's blobs.
    Redirect(String),
    /// This status and this `Location`.
    RedirectWith(u16, String),
    /// 307 to the same path again, for ever.
    RedirectLoop,
    /// 403 of the blob host, as when a signature has expired.
    SignatureExpired,
    /// Any answer: status, headers, body.
    Reply(u16, Vec<(String, String)>, Bytes),
    /// Exactly these bytes on the wire, then a close.
    Raw(Bytes),

    // The usual answer, spoilt. By default on the bytes of blobs.
    /// The connection ends after so many bytes of a blob.
    CutBlobAt(u64),
    /// The connection ends after so many bytes of the body.
    CutAt(u64),
    /// The connection is reset after so many bytes of the body.
    ResetAt(u64),
    /// One bit in the middle of the body is wrong.
    WrongBytes,
    /// One bit of the byte at this position is wrong.
    WrongByteAt(u64),
    /// The body is so many bytes shorter, and `Content-Length` says so.
    ShorterBy(u64),
    /// The body is so many bytes longer, and `Content-Length` says so.
    LongerBy(u64),
    /// `Content-Length` says this, whatever the body is.
    ContentLength(String),
    /// No `Content-Length`: the body ends when the connection does.
    NoLength,
    /// No `Content-Length`: the body comes in chunks.
    Chunked,
    /// At most so many bytes a second.
    Drip(u64),
    /// Nothing comes after so many bytes of the body; the connection stays open.
    StallAt(u64),
    /// What comes after so many bytes of the body waits at a gate.
    HoldBodyAt(u64, Gate),
    /// The body never ends (chunked).
    Endless,
    /// The body is compressed although nobody asked, and `Content-Encoding: gzip` says so.
    Gzip,
    /// A `Content-Encoding: gzip` body that would inflate to this many zero bytes.
    GzipBomb(u64),
    /// A `Range` is ignored: 200 and everything.
    IgnoreRange,
    /// `Docker-Content-Digest` says this. By default on manifests.
    ContentDigest(String),
    /// `Link` says this. By default on tag lists.
    Link(String),
    /// A header, added or put in the place of the usual one.
    Header(String, String),
    /// A header, left out.
    WithoutHeader(String),
}

/// When in the making of an answer a fault has its say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Before,
    Instead,
    After,
}

impl Fault {
    /// What it strikes when the test does not say.
    pub(crate) fn default_target(&self) -> On {
        match self {
            Self::PullLimited | Self::ContentDigest(_) => On::Manifest,
            Self::Redirect(_) => On::Blob,
            Self::Realm(_) | Self::TokenRefused => On::Registry,
            Self::Link(_) => On::Tags,
            Self::SignatureExpired
            | Self::CutBlobAt(_)
            | Self::CutAt(_)
            | Self::ResetAt(_)
            | Self::WrongBytes
            | Self::WrongByteAt(_)
            | Self::ShorterBy(_)
            | Self::LongerBy(_)
            | Self::ContentLength(_)
            | Self::NoLength
            | Self::Chunked
            | Self::Drip(_)
            | Self::StallAt(_)
            | Self::HoldBodyAt(..)
            | Self::Endless
            | Self::Gzip
            | Self::GzipBomb(_)
            | Self::IgnoreRange => On::BlobContent,
            _ => On::Any,
        }
    }

    pub(crate) fn stage(&self) -> Stage {
        match self {
            Self::Hold(_) | Self::Delay(_) | Self::Hang | Self::Close | Self::Reset => {
                Stage::Before
            }
            Self::Status(_)
            | Self::Html(_)
            | Self::Empty(_)
            | Self::PullLimited
            | Self::AbuseLimited
            | Self::MalformedAbuse
            | Self::TokenRefused
            | Self::Realm(_)
            | Self::Redirect(_)
            | Self::RedirectWith(..)
            | Self::RedirectLoop
            | Self::SignatureExpired
            | Self::Reply(..)
            | Self::Raw(_) => Stage::Instead,
            _ => Stage::After,
        }
    }

    /// Does to a finished answer what a fault of the last stage does.
    pub(crate) fn spoil(&self, answer: &mut Answer) {
        match self {
            Self::CutBlobAt(at) | Self::CutAt(at) => {
                answer.flow.cut_at = Some((*at, Ending::Close));
            }
            Self::ResetAt(at) => answer.flow.cut_at = Some((*at, Ending::Reset)),
            Self::StallAt(at) => answer.flow.stall_at = Some(*at),
            Self::HoldBodyAt(at, gate) => answer.flow.hold_at = Some((*at, gate.clone())),
            Self::Drip(rate) => answer.flow.drip = Some(*rate),
            Self::ContentLength(value) => answer.framing = Framing::Lie(value.clone()),
            Self::NoLength => answer.framing = Framing::UntilClose,
            Self::Chunked => answer.framing = Framing::Chunked,
            Self::ContentDigest(digest) => answer.replace_header("docker-content-digest", digest),
            Self::Link(value) => answer.replace_header("link", value),
            Self::Header(name, value) => answer.replace_header(name, value),
            Self::WithoutHeader(name) => answer.remove_header(name),
            _ => self.spoil_body(answer),
        }
    }

    fn spoil_body(&self, answer: &mut Answer) {
        let body = &answer.body;
        match self {
            Self::WrongBytes => answer.body = body.with_flipped_byte(body.len() / 2),
            Self::WrongByteAt(at) => answer.body = body.with_flipped_byte(*at),
            Self::ShorterBy(missing) => {
                answer.body = body.slice(0..body.len().saturating_sub(*missing));
            }
            Self::LongerBy(extra) => answer.body = body.clone().then(Rope::zeros(*extra)),
            Self::Endless => {
                answer.body = body.clone().then(Rope::zeros(u64::MAX));
                answer.framing = Framing::Chunked;
            }
            Self::Gzip => {
                answer.body = gzip::stored(&body.to_bytes()).into();
                answer.replace_header("content-encoding", "gzip");
            }
            Self::GzipBomb(size) => {
                answer.body = gzip::bomb(*size).into();
                answer.replace_header("content-encoding", "gzip");
            }
            _ => {}
        }
    }

    /// The answer of a fault of the middle stage, where it needs to know nothing about the request.
    pub(crate) fn reply(&self) -> Option<Answer> {
        Some(match self {
            Self::Status(status) => oci_error(
                *status,
                code_of(*status),
                "the simulator was told to say so",
                None,
            ),
            Self::Html(status) => Answer::new(*status)
                .header("content-type", "text/html")
                .text("<html><body><h1>Something went wrong</h1></body></html>\n"),
            Self::Empty(status) => Answer::new(*status),
            Self::AbuseLimited => abuse_limited(),
            Self::MalformedAbuse => Answer::raw(429, Bytes::from_static(malformed_abuse())),
            Self::Redirect(location) => Answer::new(307).header("location", location),
            Self::RedirectWith(status, location) => {
                Answer::new(*status).header("location", location)
            }
            Self::SignatureExpired => crate::blobs::forbidden("Request has expired"),
            Self::Reply(status, headers, body) => {
                let answer = Answer::new(*status).body(Rope::from(body.clone()));
                let add =
                    |answer: Answer, (name, value): &(String, String)| answer.header(name, value);
                headers.iter().fold(answer, add)
            }
            Self::Raw(bytes) => Answer::raw(0, bytes.clone()),
            _ => return None,
        })
    }
}

/// The distribution spec's code for a status.
fn code_of(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHORIZED",
        403 => "DENIED",
        404 => "MANIFEST_UNKNOWN",
        405 => "UNSUPPORTED",
        429 => "TOOMANYREQUESTS",
        _ => "UNKNOWN",
    }
}

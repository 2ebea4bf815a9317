//! A request and what came back of it, in the words that the rest of this crate uses.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use forebay_content::{Request, UpstreamCall};
use forebay_http_kit::{Outgoing, Reply, ReplyBody};
use forebay_limits::{HostKind, MAX_BODY_BYTES, Method, Priority, Reading, read_headers};
use forebay_oci::Reference;
use http::{HeaderMap, StatusCode};

use crate::gate::Part;
use crate::lanes::Place;
use crate::login::Fingerprint;

/// How long a refusal's body may take: its status has said the most already.
const REFUSAL_BODY_LIMIT: Duration = Duration::from_secs(5);

/// A request.
pub(crate) struct Question {
    /// What kind it is.
    pub(crate) call: UpstreamCall,
    /// Which repository it is about; for a token, the scope.
    pub(crate) repository: Arc<str>,
    /// For whom it is asked, and after which manifest; `None` for a token, which serves many.
    pub(crate) about: Option<About>,
    /// Whether somebody waits for it, and until when by the monotonic clock: for a turn at asking, that is.
    pub(crate) urgency: (Priority, Duration),
    /// What is sent.
    pub(crate) outgoing: Outgoing,
    /// Whose login it carries, if it is for a token.
    pub(crate) login: Option<Fingerprint>,
}

/// Why a question is asked.
pub(crate) struct About {
    /// The request that needs the answer.
    pub(crate) request: Request,
    /// The manifest that it asks for, if it is one.
    pub(crate) reference: Option<Reference>,
}

/// What came back: anything that is neither a limit nor a server error.
pub(crate) enum Heard {
    /// 2xx.
    Reply(Box<Granted>),
    /// Anything else.
    Refusal(Refusal),
}

/// A 2xx answer whose body is still to come.
pub(crate) struct Granted {
    /// The answer.
    pub(crate) reply: Reply,
    /// Held until the body has come.
    pub(crate) place: Place,
    /// Whether it came from where it was asked for, and no other place that was redirected to.
    pub(crate) is_direct: bool,
}

/// An answer that is none, with the start of its body.
pub(crate) struct Refusal {
    /// The status.
    pub(crate) status: StatusCode,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// What came first of the body, at most [`MAX_BODY_BYTES`].
    pub(crate) body: Bytes,
    /// Who refused.
    pub(crate) part: Part,
    /// Whether it was the registry itself, and no host that it redirects to.
    pub(crate) is_own: bool,
}

/// True for what may be redirected to a host of blobs.
pub(crate) fn is_blob(call: UpstreamCall) -> bool {
    matches!(call, UpstreamCall::GetBlob | UpstreamCall::HeadBlob)
}

/// What an answer's headers say of limits.
pub(crate) fn read(headers: &HeaderMap) -> Reading {
    read_headers(
        headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes())),
    )
}

/// What of a reading speaks of the registry's own budgets: nothing that a host of blobs or of tokens said, which counts something
/// else, or lies.
pub(crate) fn said_by_registry(part: Part, reading: &Reading) -> &Reading {
    if part == Part::Registry {
        reading
    } else {
        &Reading::NOTHING
    }
}

/// The part, as `limits` calls it.
pub(crate) fn host_kind(part: Part) -> HostKind {
    match part {
        Part::Registry => HostKind::Registry,
        Part::Token => HostKind::Token,
        Part::Blob => HostKind::Blob,
    }
}

/// The method, as `limits` calls it.
pub(crate) fn method_of(method: &http::Method) -> Method {
    if method == http::Method::GET {
        Method::Get
    } else if method == http::Method::HEAD {
        Method::Head
    } else {
        Method::Other
    }
}

/// The first bytes of a refusal's body, as far as they come in time.
pub(crate) async fn read_start(mut body: ReplyBody) -> Bytes {
    let mut start = BytesMut::new();
    let reading = async {
        while start.len() < MAX_BODY_BYTES
            && let Some(Ok(chunk)) = body.next_chunk().await
        {
            let room = MAX_BODY_BYTES - start.len();
            start.extend_from_slice(&chunk[..chunk.len().min(room)]);
        }
    };
    // Whether it ended or was cut off: the status stands, and the words that came are what there is.
    let _ = tokio::time::timeout(REFUSAL_BODY_LIMIT, reading).await;
    start.freeze()
}

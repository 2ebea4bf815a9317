//! A request and what came back of it, in the words that the rest of this crate uses.

use std::net::IpAddr;
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
    /// How long it waits for a turn at asking, and before whom.
    pub(crate) urgency: Urgency,
    /// What is sent.
    pub(crate) outgoing: Outgoing,
    /// Whose login it carries, if it is for a token; of clients' questions, whose it is.
    pub(crate) login: Option<Fingerprint>,
}

/// How urgently something is asked, and for whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Urgency {
    /// Whether somebody waits for it.
    pub(crate) priority: Priority,
    /// Until when, by the monotonic clock.
    pub(crate) deadline: Duration,
    /// The address that all of the client's count as; `None` for our own work.
    pub(crate) client: Option<IpAddr>,
    /// Whom they are counted among.
    pub(crate) asker: Asker,
}

/// Who asks, as far as that decides how much of the pace is theirs, and whom it stops what they meet with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Asker {
    /// We, or who shows a login that has worked.
    Known,
    /// Who shows a login that was never seen to work.
    Unproven,
    /// Who shows none.
    Nobody,
}

/// For whom is asked by a way to an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Askers {
    /// We, for all.
    Ourselves,
    /// These clients, each as who they are there.
    Clients(Asker),
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
    /// Who gave it.
    pub(crate) giver: Giver,
}

/// Who gave an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Giver {
    /// The registry, where it was asked.
    Registry,
    /// The registry, at another of its places that it redirected to.
    Itself,
    /// Another host that it redirected to.
    Another,
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

impl Urgency {
    /// Whether something is owed more than what was asked so.
    pub(crate) fn is_greater_than(&self, other: &Self) -> bool {
        let is_lifted =
            self.priority == Priority::Interactive && other.priority == Priority::Background;
        is_lifted || self.priority == other.priority && self.deadline > other.deadline
    }
}

/// What an answer's headers say of limits.
pub(crate) fn read(headers: &HeaderMap) -> Reading {
    read_headers(
        headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes())),
    )
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

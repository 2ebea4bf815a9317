//! Follows one request to its end and then tells the access log.
//!
//! The end is the drop: of the response's body, or of the request itself where the client went before an answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::USER_AGENT;
use http::{Extensions, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Instant;

use super::access::{AccessEntry, AccessLabels, AccessLog};
use super::activity::Activity;
use super::body::{Body, BoxError};
use super::request::{Peer, RequestId};

/// What the log says where the client went away before there was an answer; nginx's number for it.
const CLIENT_GONE: u16 = 499;

/// What a handler has to add that adds nothing.
static NO_LABELS: AccessLabels = AccessLabels(Vec::new());

/// One request on its way.
pub(super) struct Record {
    log: Arc<dyn AccessLog>,
    activity: Arc<Activity>,
    peer: Peer,
    id: RequestId,
    method: Method,
    path_and_query: Box<str>,
    version: Version,
    user_agent: Option<HeaderValue>,
    began: Instant,
    status: StatusCode,
    extensions: Extensions,
    sent: u64,
    completed: bool,
}

impl Record {
    pub(super) fn begin<B>(
        log: Arc<dyn AccessLog>,
        activity: Arc<Activity>,
        peer: Peer,
        id: RequestId,
        request: &Request<B>,
    ) -> Self {
        activity.begin_request();
        // Copies: clones would hold on to the connection's read buffer as long as the response lasts, and hyper then takes
        // another one of 8 KiB to notice the client's leaving.
        let path_and_query = request
            .uri()
            .path_and_query()
            .map_or("", |path| path.as_str());
        let user_agent = request.headers().get(USER_AGENT);
        let user_agent =
            user_agent.and_then(|agent| HeaderValue::from_bytes(agent.as_bytes()).ok());
        Self {
            log,
            activity,
            peer,
            id,
            method: request.method().clone(),
            path_and_query: path_and_query.into(),
            version: request.version(),
            user_agent,
            began: Instant::now(),
            status: StatusCode::from_u16(CLIENT_GONE).unwrap_or(StatusCode::BAD_REQUEST),
            extensions: Extensions::new(),
            sent: 0,
            completed: false,
        }
    }

    /// Goes with the response from here on.
    pub(super) fn follow(mut self, response: Response<Body>) -> Response<Recorded> {
        let (mut parts, body) = response.into_parts();
        self.status = parts.status;
        self.extensions = std::mem::take(&mut parts.extensions);
        // These have no body to wait for, whatever the handler gave.
        self.completed = self.method == Method::HEAD
            || matches!(
                parts.status,
                StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
            );
        let recorded = Recorded {
            body,
            chunk_is_out: false,
            record: self,
        };
        Response::from_parts(parts, recorded)
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.activity.end_request();
        self.log.record(&AccessEntry {
            peer: self.peer,
            method: &self.method,
            path_and_query: &self.path_and_query,
            version: self.version,
            status: self.status,
            bytes_sent: self.sent,
            duration: self.began.elapsed(),
            user_agent: self.user_agent.as_ref(),
            request_id: self.id,
            completed: self.completed,
            labels: self.extensions.get().unwrap_or(&NO_LABELS),
            extensions: &self.extensions,
        });
    }
}

/// A response's body that counts.
pub(super) struct Recorded {
    body: Body,
    /// True while hyper holds a chunk of it.
    chunk_is_out: bool,
    record: Record,
}

impl Recorded {
    fn settle_chunk(&mut self) {
        if std::mem::take(&mut self.chunk_is_out) {
            self.record.activity.take_chunk();
        }
    }
}

impl HttpBody for Recorded {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if this.record.version < Version::HTTP_2 && this.record.activity.is_write_blocked() {
            // hyper asks ahead as soon as a part of the last chunk has gone, and a slow reader would hold two. Nobody needs
            // to be woken: under HTTP/1 it is this very task that waits for the socket, and it asks again when that has moved.
            return Poll::Pending;
        }
        this.settle_chunk();
        let frame = std::task::ready!(Pin::new(&mut this.body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                this.record.sent += frame.data_ref().map_or(0, |data| data.len() as u64);
                this.record.activity.hand_chunk();
                this.chunk_is_out = true;
            }
            None => this.record.completed = true,
            Some(Err(_)) => this.record.completed = false,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        self.settle_chunk();
        self.record.completed |= self.body.is_end_stream();
    }
}

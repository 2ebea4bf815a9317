//! Takes one request from hyper to the handler and the response back.
//!
//! A handler that panics answers 500; the connection and its neighbours live on.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use http::header::{CONNECTION, TRANSFER_ENCODING};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use http_body::Body as _;
use hyper::body::Incoming;

use super::activity::Activity;
use super::body::Body;
use super::host;
use super::limits::MAX_TARGET_BYTES;
use super::record::{Record, Recorded};
use super::request::{Peer, RequestBody};
use super::{Handler, Shared};

/// Answers `request`.
pub(super) async fn answer<H: Handler>(
    shared: Arc<Shared<H>>,
    activity: Arc<Activity>,
    peer: Peer,
    request: Request<Incoming>,
) -> Response<Recorded> {
    let id = shared.ids.next();
    let record = Record::begin(shared.log.clone(), activity, peer, id, &request);
    // hyper drops a Content-Length beside a Transfer-Encoding without a word. A proxy in front of us may have believed the
    // other one, so nothing that follows on this connection is trusted to be a request (RFC 9112 §6.1).
    let mut ends_connection =
        request.version() < Version::HTTP_2 && request.headers().contains_key(TRANSFER_ENCODING);
    let needs_length = request.version() < Version::HTTP_11 && request.method() != Method::HEAD;
    let mut response = if is_too_long(request.uri()) {
        empty(StatusCode::URI_TOO_LONG)
    } else if !host::is_clear(&request) {
        ends_connection = true;
        empty(StatusCode::BAD_REQUEST)
    } else {
        let buffers = Arc::clone(&shared.buffers);
        let mut request =
            request.map(|body| RequestBody::new(body, &shared.limits, (buffers, peer)));
        request.extensions_mut().insert(id);
        let handled = AssertUnwindSafe(shared.handler.handle(request, peer)).catch_unwind();
        handled.await.unwrap_or_else(|_| {
            tracing::error!(request_id = %id, "a handler panicked");
            empty(StatusCode::INTERNAL_SERVER_ERROR)
        })
    };
    if needs_length && response.body().size_hint().exact().is_none() {
        tracing::error!(request_id = %id, "a handler gave a body without a length to a client below HTTP/1.1");
        response = empty(StatusCode::INTERNAL_SERVER_ERROR);
    }
    if ends_connection {
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    record.follow(response)
}

fn is_too_long(uri: &Uri) -> bool {
    uri.path_and_query()
        .is_some_and(|target| target.as_str().len() > MAX_TARGET_BYTES)
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    response
}

//! Takes one request from hyper to the handler and the response back.
//!
//! A handler that panics answers 500; the connection and its neighbours live on.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use http::header::{CONNECTION, RETRY_AFTER, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use http_body::Body as _;
use hyper::body::Incoming;

use super::access::ClientAddress;
use super::activity::Activity;
use super::body::Body;
use super::buffers::{Buffers, Holder, NoRoom};
use super::host;
use super::limits::{COUNTED_BYTES, MAX_TARGET_BYTES, SHARED_BYTES};
use super::record::{Record, Recorded};
use super::refusal::{Words, refuse};
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
    let mut ends_connection =
        request.version() < Version::HTTP_2 && !is_clearly_framed(request.headers());
    let needs_length = request.version() < Version::HTTP_11 && request.method() != Method::HEAD;
    let mut response = if is_too_long(request.uri()) {
        refuse(StatusCode::URI_TOO_LONG, H::refusal)
    } else if !host::is_clear(&request) {
        ends_connection = true;
        refuse(StatusCode::BAD_REQUEST, H::refusal)
    } else {
        let buffers = Arc::clone(&shared.buffers);
        let mut request =
            request.map(|body| RequestBody::new(body, &shared.limits, (buffers, peer)));
        request.extensions_mut().insert(id);
        let handled = AssertUnwindSafe(shared.handler.handle(request, peer)).catch_unwind();
        handled.await.unwrap_or_else(|_| {
            tracing::error!(request_id = %id, "a handler panicked");
            refuse(StatusCode::INTERNAL_SERVER_ERROR, H::refusal)
        })
    };
    if counted(&shared.answers, &mut response, peer).await == Err(NoRoom) {
        tracing::debug!(request_id = %id, "too much of what was answered is not read yet");
        response = instead(response, H::refusal);
    }
    if needs_length && response.body().size_hint().exact().is_none() {
        tracing::error!(request_id = %id, "a handler gave a body without a length to a client below HTTP/1.1");
        response = refuse(StatusCode::INTERNAL_SERVER_ERROR, H::refusal);
    }
    if ends_connection {
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    record.follow(response)
}

/// Counts an answer that is whole in memory, for as long as it is.
///
/// # Errors
/// There is no room for it among those that are not read, or its client has all that one may.
async fn counted(
    answers: &Buffers,
    response: &mut Response<Body>,
    peer: Peer,
) -> Result<(), NoRoom> {
    let length = match response.body() {
        Body::Full(bytes) if bytes.len() > SHARED_BYTES => bytes.len(),
        Body::Full(bytes) if bytes.len() > COUNTED_BYTES && bytes.is_unique() => bytes.len(),
        _ => return Ok(()),
    };
    let client = response
        .extensions()
        .get()
        .map(|&ClientAddress(client)| client);
    let mut room = answers.room_for(Holder {
        address: client.or_else(|| peer.address.map(|address| address.ip())),
        is_let_in: true,
    });
    answers.grow(&mut room, length).await?;
    let body = std::mem::take(response.body_mut());
    *response.body_mut() = body.held_in(room);
    Ok(())
}

/// What is said in the place of an answer for which there is no room; the access log hears what it would have of that.
fn instead(mut response: Response<Body>, words: Words) -> Response<Body> {
    let mut refused = refuse(StatusCode::SERVICE_UNAVAILABLE, words);
    let soon = HeaderValue::from_static("1");
    refused.headers_mut().insert(RETRY_AFTER, soon);
    *refused.extensions_mut() = std::mem::take(response.extensions_mut());
    refused
}

/// False where a proxy in front of us may have seen another end of the request's body than we do: then nothing that follows on
/// the connection is trusted to be a request (RFC 9112 §6.1, §11.2). Clear is a single Transfer-Encoding that says `chunked` in
/// these very letters, as all clients write it; where a Content-Length stands beside it, of which we are not told, hyper ends
/// the connection by itself.
fn is_clearly_framed(headers: &HeaderMap) -> bool {
    let mut encodings = headers.get_all(TRANSFER_ENCODING).iter();
    match (encodings.next(), encodings.next()) {
        (None, _) => true,
        (Some(only), None) => only.as_bytes() == b"chunked",
        (Some(_), Some(_)) => false,
    }
}

fn is_too_long(uri: &Uri) -> bool {
    uri.path_and_query()
        .is_some_and(|target| target.as_str().len() > MAX_TARGET_BYTES)
}

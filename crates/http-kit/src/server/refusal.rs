//! What the server answers without the handler, in the handler's words.
//!
//! hyper answers a head that is none, or is too long, by itself and without a body: here it gets one.

use std::io::IoSlice;

use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};

use super::activity::Activity;
use super::body::Body;

/// The JSON that is said with a status: [`Handler::refusal`](super::Handler::refusal).
pub(super) type Words = fn(StatusCode) -> String;

/// The whole answer on an HTTP/1 connection that ends with it; `headers` are whole lines.
pub(super) fn last_words(status: StatusCode, headers: &str, words: Words) -> String {
    let body = words(status);
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\n{headers}content-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
}

/// The answer to a request that the handler is not asked about, or gave nothing for that can be sent.
pub(super) fn refuse(status: StatusCode, words: Words) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::from(words(status))));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

/// Knows which of hyper's bytes on an HTTP/1 connection are an answer of its own, and has what goes out in their place.
#[derive(Debug)]
pub(super) struct OwnAnswer {
    words: Words,
    /// How many requests had begun, and all ended, when all that hyper had to say was sent; none while one was under way.
    settled: Option<u64>,
    answer: String,
    sent: usize,
}

impl OwnAnswer {
    pub(super) fn new(words: Words) -> Self {
        Self {
            words,
            settled: Some(0),
            answer: String::new(),
            sent: 0,
        }
    }

    /// All that hyper has said so far is on its way.
    pub(super) fn note_flushed(&mut self, activity: &Activity) {
        self.settled = activity.requests_if_idle();
    }

    /// What is to be sent in the place of `bufs`, where hyper says them by itself: no request has begun since all answers were
    /// sent, so that they belong to none. They are a whole head, for hyper writes it at once.
    pub(super) fn in_place_of(
        &mut self,
        bufs: &[IoSlice<'_>],
        activity: &Activity,
    ) -> Option<&[u8]> {
        if self.settled.is_none() || self.settled != activity.requests_if_idle() {
            return None;
        }
        if self.answer.is_empty() {
            let status = bufs.first().and_then(|head| find_status(head))?;
            self.answer = last_words(status, "", self.words);
        }
        Some(&self.answer.as_bytes()[self.sent..])
    }

    /// So many bytes of it were sent.
    pub(super) fn advance(&mut self, count: usize) {
        self.sent += count;
    }
}

/// The status of a response's head.
fn find_status(head: &[u8]) -> Option<StatusCode> {
    let digits = head.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    StatusCode::from_bytes(digits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";

    fn own() -> OwnAnswer {
        OwnAnswer::new(|status| format!("{{\"status\":{}}}", status.as_u16()))
    }

    fn replaced(own: &mut OwnAnswer, activity: &Activity) -> bool {
        own.in_place_of(&[IoSlice::new(HEAD)], activity).is_some()
    }

    #[test]
    fn an_answer_is_hypers_own_where_it_belongs_to_no_request() {
        let (mut own, activity) = (own(), Activity::default());
        assert!(replaced(&mut own, &activity), "before the first request");
        activity.begin_request();
        assert!(!replaced(&mut own, &activity), "an answer");
        own.note_flushed(&activity);
        assert!(!replaced(&mut own, &activity), "a piece of its body");
        activity.end_request();
        assert!(!replaced(&mut own, &activity), "its last piece");
        own.note_flushed(&activity);
        assert!(replaced(&mut own, &activity), "after it");
    }

    #[test]
    fn it_goes_out_with_a_body_piece_by_piece() {
        let (mut own, activity) = (own(), Activity::default());
        let mut sent = Vec::new();
        let bufs = [IoSlice::new(HEAD)];
        while let Some([first, ..]) = own.in_place_of(&bufs, &activity) {
            sent.push(*first);
            own.advance(1);
        }
        assert_eq!(
            String::from_utf8(sent).unwrap(),
            "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: 14\r\n\r\n{\"status\":400}"
        );
    }

    #[test]
    fn what_is_no_head_goes_out_as_it_is() {
        let activity = Activity::default();
        for odd in ["", "HTTP/1.1 ", "HTTP/1.1 4x0 \r\n", "hello"] {
            let bufs = [IoSlice::new(odd.as_bytes())];
            assert_eq!(own().in_place_of(&bufs, &activity), None, "{odd}");
        }
    }
}

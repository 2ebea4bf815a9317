//! What goes back to a client: status, headers, a rope of bytes, and how it is put on the wire.
//!
//! Unlike an HTTP library's response it can lie about its length, stop half way or never end.

use crate::gate::Gate;
use crate::rope::Rope;
use bytes::Bytes;
use serde_json::Value;

/// An answer before it is written.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Rope,
    pub(crate) framing: Framing,
    /// Boxed because few answers need it and all are passed around.
    pub(crate) flow: Box<Flow>,
    /// Whether this cost a pull.
    pub(crate) charged: bool,
}

/// How the client can tell where the body ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// `Content-Length`, as long as the body is.
    Length,
    /// `Content-Length` with whatever this says.
    Lie(String),
    /// Chunked, ended by an empty chunk if the body ends.
    Chunked,
    /// The connection is closed after the body.
    UntilClose,
}

/// What happens on the wire while an answer goes out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flow {
    /// These bytes instead of everything, then a close.
    pub(crate) raw: Option<Bytes>,
    /// No answer at all.
    pub(crate) abort: Option<Ending>,
    /// The connection ends after so many bytes of the body.
    pub(crate) cut_at: Option<(u64, Ending)>,
    /// Nothing more is sent after so many bytes of the body; the connection stays.
    pub(crate) stall_at: Option<u64>,
    /// The rest waits at a gate after so many bytes of the body.
    pub(crate) hold_at: Option<(u64, Gate)>,
    /// At most so many bytes of the body a second.
    pub(crate) drip: Option<u64>,
}

/// How a connection is ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// FIN.
    Close,
    /// RST.
    Reset,
}

impl Answer {
    pub(crate) fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Rope::default(),
            framing: Framing::Length,
            flow: Box::default(),
            charged: false,
        }
    }

    /// An answer that is never given: the connection ends instead.
    pub(crate) fn abort(ending: Ending) -> Self {
        let mut answer = Self::new(0);
        answer.flow.abort = Some(ending);
        answer
    }

    /// These bytes on the wire and nothing else. `status` is for the record.
    pub(crate) fn raw(status: u16, bytes: Bytes) -> Self {
        let mut answer = Self::new(status);
        answer.flow.raw = Some(bytes);
        answer
    }

    /// Adds a header.
    #[must_use]
    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Puts a header in the place of those of the same name.
    pub(crate) fn replace_header(&mut self, name: &str, value: &str) {
        self.remove_header(name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn remove_header(&mut self, name: &str) {
        self.headers
            .retain(|(key, _)| !key.eq_ignore_ascii_case(name));
    }

    #[must_use]
    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json")
            .text(&body.to_string())
    }

    #[must_use]
    pub(crate) fn text(mut self, body: &str) -> Self {
        self.body = Rope::from(body.as_bytes().to_vec());
        self
    }

    #[must_use]
    pub(crate) fn body(mut self, body: Rope) -> Self {
        self.body = body;
        self
    }
}

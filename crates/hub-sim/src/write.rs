//! Writes an answer on the wire, with all its faults.
//!
//! Large pieces when nothing holds them back, small ones under a rate.

use crate::answer::{Answer, Ending, Framing};
use crate::clock::http_date;
use crate::pace::Pace;
use crate::request::Request;
use crate::serve::{Wire, departure};
use crate::state::State;
use bytes::{Bytes, BytesMut};
use std::fmt::Write as _;
use tokio::io::AsyncWriteExt as _;

/// The largest piece that is written at once, in bytes.
const PIECE: u64 = 1 << 20;

/// What came of writing an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    /// Bytes of the body, without framing.
    pub(crate) sent: u64,
    pub(crate) complete: bool,
    pub(crate) reused: Reused,
}

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reused {
    Yes,
    Close,
    Reset,
}

/// Writes `answer` to the request, as far as its faults and the client let it.
pub(crate) async fn write_answer<S: Wire>(
    state: &State,
    stream: &mut S,
    request: &Request,
    answer: &Answer,
) -> Written {
    if let Some(ending) = answer.flow.abort {
        return Written::cut(0, ending);
    }
    if let Some(raw) = &answer.flow.raw {
        let complete = stream.write_all(raw).await.is_ok() && stream.flush().await.is_ok();
        let sent = raw.len() as u64;
        return Written {
            sent,
            complete,
            reused: Reused::Close,
        };
    }
    let head = head_of(state, request, answer);
    if stream.write_all(head.as_bytes()).await.is_err() {
        return Written::cut(0, Ending::Close);
    }
    let body_less = request.is_head() || matches!(answer.status, 204 | 304);
    let written = if body_less {
        Written {
            sent: 0,
            complete: true,
            reused: Reused::Yes,
        }
    } else {
        write_body(state, stream, answer).await
    };
    let flushed = stream.flush().await.is_ok();
    match written.reused {
        Reused::Yes if !flushed => Written::cut(written.sent, Ending::Close),
        _ => written,
    }
}

fn head_of(state: &State, request: &Request, answer: &Answer) -> String {
    let mut head = format!("HTTP/1.1 {} {}\r\n", answer.status, reason(answer.status));
    let mut put = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = write!(head, "{name}: {value}\r\n");
    };
    put("date", &http_date(state.clock.now()));
    for (name, value) in &answer.headers {
        put(name, value);
    }
    match &answer.framing {
        Framing::Length => put("content-length", &answer.body.len().to_string()),
        Framing::Lie(value) => put("content-length", value),
        Framing::Chunked => put("transfer-encoding", "chunked"),
        Framing::UntilClose => put("connection", "close"),
    }
    if request.wants_close() && answer.framing != Framing::UntilClose {
        put("connection", "close");
    }
    head.push_str("\r\n");
    head
}

async fn write_body<S: Wire>(state: &State, stream: &mut S, answer: &Answer) -> Written {
    let own_pace = answer.flow.drip.or(state.settings.rate).map(Pace::new);
    let paces = [own_pace.as_ref(), state.total_pace.as_ref()];
    let chunked = answer.framing == Framing::Chunked;
    let mut sent = 0_u64;
    loop {
        if let Some(ending) = interrupt(stream, answer, sent).await {
            return Written::cut(sent, ending);
        }
        let most = next_stop(answer, sent).min(smallest_piece(paces));
        let Some(piece) = answer.body.chunk_at(sent, most) else {
            break;
        };
        for pace in paces.into_iter().flatten() {
            pace.admit(piece.len() as u64).await;
        }
        if write_piece(stream, &piece, chunked).await.is_err() {
            return Written::cut(sent, Ending::Close);
        }
        sent += piece.len() as u64;
    }
    if chunked && stream.write_all(b"0\r\n\r\n").await.is_err() {
        return Written::cut(sent, Ending::Close);
    }
    let reused = match answer.framing {
        Framing::Length | Framing::Chunked => Reused::Yes,
        // After a lie about the length nobody knows where the next answer would begin.
        Framing::Lie(_) | Framing::UntilClose => Reused::Close,
    };
    Written {
        sent,
        complete: true,
        reused,
    }
}

/// Lets the faults that are due after `sent` bytes have their say: a wait, or the end of the connection.
async fn interrupt<S: Wire>(stream: &mut S, answer: &Answer, sent: u64) -> Option<Ending> {
    let flow = &answer.flow;
    let cut = flow.cut_at.filter(|(at, _)| *at == sent);
    let stalled = flow.stall_at == Some(sent);
    let gate = flow.hold_at.as_ref().filter(|(at, _)| *at == sent);
    if cut.is_none() && !stalled && gate.is_none() {
        return None;
    }
    // What was sent so far has reached the client before anything is broken.
    let _ = stream.flush().await;
    let mut ignored = BytesMut::new();
    if let Some((_, gate)) = gate {
        tokio::select! {
            () = gate.pass() => {}
            () = departure(stream, &mut ignored) => return Some(Ending::Close),
        }
    }
    if stalled {
        departure(stream, &mut ignored).await;
        return Some(Ending::Close);
    }
    cut.map(|(_, ending)| ending)
}

/// How many bytes may go before the next fault has its say.
fn next_stop(answer: &Answer, sent: u64) -> u64 {
    let flow = &answer.flow;
    let stops = [
        flow.cut_at.map(|(at, _)| at),
        flow.stall_at,
        flow.hold_at.as_ref().map(|(at, _)| *at),
    ];
    let ahead = stops
        .into_iter()
        .flatten()
        .filter(|&at| at > sent)
        .map(|at| at - sent);
    ahead.min().unwrap_or(u64::MAX)
}

fn smallest_piece(paces: [Option<&Pace>; 2]) -> u64 {
    let pieces = paces.into_iter().flatten().map(Pace::piece);
    pieces.min().unwrap_or(PIECE).min(PIECE)
}

async fn write_piece<S: Wire>(stream: &mut S, piece: &Bytes, chunked: bool) -> std::io::Result<()> {
    if !chunked {
        return stream.write_all(piece).await;
    }
    stream
        .write_all(format!("{:x}\r\n", piece.len()).as_bytes())
        .await?;
    stream.write_all(piece).await?;
    stream.write_all(b"\r\n").await
}

impl Written {
    fn cut(sent: u64, ending: Ending) -> Self {
        let reused = match ending {
            Ending::Close => Reused::Close,
            Ending::Reset => Reused::Reset,
        };
        Self {
            sent,
            complete: false,
            reused,
        }
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        416 => "Range Not Satisfiable",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Answer",
    }
}

//! Reads a connection's first request head, and says which protocol it is.
//!
//! Only a whole head is worth hyper's buffers and state: ten thousand half-open connections cost what they have sent.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use super::limits::MAX_HEAD_BYTES;

/// What every HTTP/2 connection begins with (RFC 9113 §3.4).
const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Read at once, on the stack.
const PIECE_BYTES: usize = 4 * 1024;

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// The first bytes of `socket`, up to a whole head or as many as a head may have; none where it ends before.
pub(super) async fn read_preface<S: AsyncRead + Unpin>(
    socket: &mut S,
) -> io::Result<Option<(Protocol, Vec<u8>)>> {
    let mut bytes = Vec::new();
    loop {
        let count = poll_fn(|cx| poll_piece(Pin::new(socket), cx, &mut bytes)).await?;
        if count == 0 {
            return Ok(None);
        }
        if let Some(protocol) = find_protocol(&bytes, count) {
            return Ok(Some((protocol, bytes)));
        }
    }
}

/// Not async, so that the piece is no part of any task.
fn poll_piece<S: AsyncRead>(
    socket: Pin<&mut S>,
    cx: &mut Context<'_>,
    bytes: &mut Vec<u8>,
) -> Poll<io::Result<usize>> {
    let mut piece = [0; PIECE_BYTES];
    let mut piece = ReadBuf::new(&mut piece);
    ready!(socket.poll_read(cx, &mut piece))?;
    bytes.extend_from_slice(piece.filled());
    Poll::Ready(Ok(piece.filled().len()))
}

/// The protocol, once that is certain and the head is whole; `new` bytes of `bytes` were not looked at before.
fn find_protocol(bytes: &[u8], new: usize) -> Option<Protocol> {
    if bytes.starts_with(H2_PREFACE) {
        return Some(Protocol::Http2);
    }
    if H2_PREFACE.starts_with(bytes) {
        return None;
    }
    // A TLS hello, most often: hyper answers it with a 400, by which Go's clients know that we speak plain HTTP. There is
    // no more of such a head to wait for.
    if bytes
        .first()
        .is_some_and(|first| !may_begin_request(*first))
    {
        return Some(Protocol::Http1);
    }
    // An empty line may have begun in the bytes before.
    let unseen = bytes.len().saturating_sub(new + 3);
    let tail = &bytes[unseen..];
    let is_whole = tail.windows(2).any(|pair| pair == b"\n\n")
        || tail.windows(3).any(|three| three == b"\n\r\n");
    (is_whole || bytes.len() >= MAX_HEAD_BYTES).then_some(Protocol::Http1)
}

/// A method begins with a token's character (RFC 9110 §5.6.2); empty lines before it are to be ignored (RFC 9112 §2.2).
pub(super) fn may_begin_request(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~\r\n".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_whole_at_its_empty_line_however_it_came_in_pieces() {
        let table: [(&[u8], Option<Protocol>); 9] = [
            (b"\x16", Some(Protocol::Http1)),
            (b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", Some(Protocol::Http1)),
            (b"GET / HTTP/1.1\nhost: a\n\n", Some(Protocol::Http1)),
            (b"GET / HTTP/1.1\r\nhost: a\r\n", None),
            (b"GET / HTTP/1.1\r\nhost: a\r\n\r", None),
            (b"P", None),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r", None),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Some(Protocol::Http2)),
            (b"PRI * HTTP/1.1\r\n\r\n", Some(Protocol::Http1)),
        ];
        for (bytes, expected) in table {
            let pieces = (1..=bytes.len()).find_map(|end| find_protocol(&bytes[..end], 1));
            assert_eq!(pieces, expected, "{}", String::from_utf8_lossy(bytes));
            assert_eq!(find_protocol(bytes, bytes.len()), expected);
        }
    }

    #[test]
    fn a_head_that_never_ends_is_given_up_at_its_limit() {
        let endless = vec![b'a'; MAX_HEAD_BYTES];
        assert_eq!(find_protocol(&endless, 1), Some(Protocol::Http1));
    }
}

//! Waits for a TLS client's first words without taking them out of the kernel.
//!
//! Only a whole record is worth rustls's state: ten thousand that never finish theirs cost their sockets.

use std::io;

use rustix::io::{Errno, ioctl_fionread};
use rustix::net::{RecvFlags, recv};
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::super::preface::may_begin_request;

/// A record's type, version and length (RFC 8446 §5.1).
const RECORD_HEAD_BYTES: usize = 5;
/// The type of a record that holds handshake messages.
const HANDSHAKE: u8 = 0x16;
/// The most that a record may hold in clear; what claims more is rustls's to refuse.
const MAX_RECORD_BYTES: u64 = 1 << 14;

/// What a client begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hello {
    /// A whole record, its hello most likely.
    Tls,
    /// A request in clear.
    Request,
    /// Neither, or nothing before it left.
    Neither,
}

/// Waits until it is known what `socket` begins with; nothing is read.
pub(super) async fn wait_for_hello(socket: &TcpStream) -> io::Result<Hello> {
    loop {
        let ready = socket.ready(Interest::READABLE).await?;
        // That a hello is not whole counts as nothing there: more of it makes the socket readable again.
        match socket.try_io(Interest::READABLE, || peek(socket)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            hello => return hello,
        }
        // There is no more of it to come, and a socket at its end stays readable: to ask again would be to ask without a pause.
        if ready.is_read_closed() {
            return Ok(Hello::Neither);
        }
    }
}

fn peek(socket: &TcpStream) -> io::Result<Hello> {
    let mut head = [0; RECORD_HEAD_BYTES];
    let (_, count) = recv(socket, &mut head[..], RecvFlags::PEEK)?;
    if count == 0 {
        return Ok(Hello::Neither);
    }
    if head[0] != HANDSHAKE {
        return Ok(if may_begin_request(head[0]) {
            Hello::Request
        } else {
            Hello::Neither
        });
    }
    let length = u64::from(u16::from_be_bytes([head[3], head[4]])).min(MAX_RECORD_BYTES);
    let is_whole =
        count == RECORD_HEAD_BYTES && ioctl_fionread(socket)? >= length + RECORD_HEAD_BYTES as u64;
    if is_whole {
        Ok(Hello::Tls)
    } else {
        Err(Errno::WOULDBLOCK.into())
    }
}

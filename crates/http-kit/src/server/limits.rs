//! What the listener puts up with.
//!
//! Every wait and every size has a name here.

use std::time::Duration;

/// The longest path and query that is answered with anything but 414, in bytes.
pub const MAX_TARGET_BYTES: usize = 8 * 1024;
/// The longest request head that is answered with anything but 431, in bytes. Over HTTP/2 that 431 has no body: hyper gives it.
pub const MAX_HEAD_BYTES: usize = 64 * 1024;
/// Connections too many that are heard out before they are told so; more are told at once.
pub(super) const SHED_AT_ONCE: usize = 64;
/// Connections at once that may be within a TLS handshake, or after one and before their first request: each costs about
/// 20 KiB. More wait for their turn as they came, at the cost of a socket.
pub(super) const HANDSHAKES_AT_ONCE: usize = 1024;
/// Of these, a single address (of IPv6: a /64) gets one in so many at most: they are done in milliseconds, so that a whole
/// site behind one address is not held up, and who holds them up does so for few.
pub(super) const HANDSHAKE_SHARE: usize = 8;
/// For a handshake, from its turn on: a few times there and back on the slowest line. So whoever begins many and finishes none
/// gives its turns back soon.
pub(super) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// An answer up to this long is not counted, in bytes: nearly all manifests, and as much as a socket takes at once.
pub(super) const COUNTED_BYTES: usize = 16 * 1024;

/// Nor is one up to this long, in bytes, that others have too: an index that a whole fleet pulls at once is in memory once.
pub(super) const SHARED_BYTES: usize = 256 * 1024;

/// What the listener puts up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServeLimits {
    /// Connections at once, over all listeners of the server; the next one gets a 503 and is closed. So does the next one
    /// of a single address (of IPv6: a /64) that has seven eighths of them.
    pub max_connections: usize,
    /// For a whole request head, from its first byte (the first head: from the connection's start, so that a TLS handshake is
    /// within it).
    pub header_timeout: Duration,
    /// Between requests of one connection.
    pub keep_alive_idle: Duration,
    /// How long may be waited for 16 KiB of a request's body, or for its end.
    pub body_idle: Duration,
    /// For a request's body that is read whole, from the moment in which it is asked for: one that is sent a byte at a time is
    /// never idle.
    pub body_within: Duration,
    /// Bytes of such bodies at once, over all connections; the next one waits a moment, and is told to come again. So is the
    /// next one of a single address (of IPv6: a /64) that has half of them. Those whose login is in the body have an eighth of them
    /// together, of which one address has an eighth.
    pub max_buffered_bytes: usize,
    /// Bytes at once of answers that are whole in memory and not sent yet, over all connections, of each that has more
    /// than 16 KiB; the next one becomes a 503. So does the next one of a single client's address (of IPv6: a /64) that has half of
    /// them.
    pub max_answer_bytes: usize,
    /// How long a reader may take nothing at all; a slow one that takes some lives.
    pub write_stall: Duration,
    /// HTTP/2 streams at once on a connection.
    pub max_streams: u32,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self {
            max_connections: 16_384,
            header_timeout: Duration::from_secs(15),
            keep_alive_idle: Duration::from_secs(75),
            body_idle: Duration::from_secs(30),
            body_within: Duration::from_mins(1),
            max_buffered_bytes: 32 * 1024 * 1024,
            max_answer_bytes: 64 * 1024 * 1024,
            write_stall: Duration::from_mins(1),
            max_streams: 128,
        }
    }
}

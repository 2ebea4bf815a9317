//! TLS towards clients: rustls with aws-lc-rs, TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1 by ALPN.
//!
//! What a connection costs before it has shown that it means it is kept to a socket: its hello waits in the kernel, and
//! handshakes are taken in turns.

mod arrival;
mod certificate;
mod hello;
mod setup;
mod turns;

pub use certificate::{AlternativeName, Certificate};
pub use setup::{ServerTls, TlsClients, TlsError, TlsMaterial, TlsPart, TlsProblem, TlsSetup};

pub(super) use arrival::SecureListener;
pub(super) use turns::{Handshakes, Turn};

/// What TLS knows of who asks. In the extensions of each request that came over TLS, as an [`Arc`](std::sync::Arc).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secured {
    /// The certificate that the client has shown, whose key it holds and which a client authority has signed; none where none
    /// was shown. It was good when the connection began.
    pub client: Option<Certificate>,
}

//! The simulator does what Docker Hub does, shown by a client that speaks HTTP through hyper.
#![expect(
    clippy::unwrap_used,
    reason = "a test's helper fails as the test does: by panicking"
)]

mod client;
mod faults;
mod limits;
mod pull;
mod tls;

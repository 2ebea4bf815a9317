//! The simulator does what Docker Hub does, shown by a client that speaks HTTP through hyper.

mod client;
mod faults;
mod limits;
mod pull;
mod tls;

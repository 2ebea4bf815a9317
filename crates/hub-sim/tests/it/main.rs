//! The simulator does what Docker Hub does, shown by a client that speaks HTTP through hyper.

mod client;
mod limits;
mod pull;

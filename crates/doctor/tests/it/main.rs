//! The crate from outside.
#![expect(
    clippy::format_push_string,
    reason = "logs are told line by line, and read so"
)]

mod advice;
mod aws;
mod costs;
mod elsewhere;
mod found;
mod night;
mod pasted;
mod sayings;
mod stopping;
mod tls;

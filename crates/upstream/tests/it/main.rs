//! An upstream against a Docker Hub in a box, and against bytes that no hub would send.

#![expect(clippy::unwrap_used, reason = "a test fails by panics")]

mod aws;
mod basic;
mod budget;
mod client_rights;
mod content;
mod limits;
mod logs;
mod moto;
mod pace;
mod raw;
mod realm;
mod redirect;
mod restart;
mod rig;
mod strangers;
mod tokens;
mod trouble;

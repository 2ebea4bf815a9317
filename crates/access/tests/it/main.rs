//! Stories of who gets in, and who does not.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panics"
)]

mod client_rights;
mod flow;
mod login_guesses;
mod orders;
mod policies;
mod rig;
mod rights_rig;
mod robots;
mod secrets;
mod seeds;
mod tokens;
mod users;
mod workloads;

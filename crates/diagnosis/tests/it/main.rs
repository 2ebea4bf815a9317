//! The crate from outside.
#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::format_push_string,
    clippy::too_many_lines,
    reason = "the world of the incidents is made of small numbers and long texts"
)]

mod bounds;
mod bystanders;
mod found;
mod incidents;
mod past;
mod stories;
mod told;
mod unready;
mod waiting;
mod world;

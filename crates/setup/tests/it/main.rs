//! What plans make of files that are there already: nothing is lost, twice is once, undone is as before.

#![expect(
    clippy::expect_used,
    reason = "a test whose set-up fails stops where it failed"
)]

mod access;
mod apart;
mod disk;
mod hostile;
mod merging;
mod undoing;
mod workflows;

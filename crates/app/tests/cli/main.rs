//! Transcripts of the command line: the built program, run with a scrubbed environment.
//!
//! Each module is a subject; `program` runs and prints.

#![expect(
    clippy::expect_used,
    reason = "a test whose set-up fails stops where it failed"
)]

mod accounts;
mod commands;
mod doctor;
mod doctor_bounds;
mod doctor_tools;
mod environment;
mod following;
mod forecast;
mod help;
mod incidents;
mod ledger;
mod lifecycle;
mod program;
mod reference;
mod rewrite;
mod rewrite_copies;
mod rewrite_files;
mod rewrite_kustomize;
mod rewrite_records;
mod rewrite_together;
mod rewrite_trouble;
mod secrets;
mod setup;
mod setup_files;
mod setup_logins;
mod setup_pipelines;
mod show;
mod upstreams;
mod wrong_file;

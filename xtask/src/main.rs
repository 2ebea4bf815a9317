//! The repository's own commands, run as `cargo xtask <command>`.
//!
//! Reads the tree and cargo's metadata, prints findings one a line, and changes nothing.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a developer's command: printing is all it does"
)]

mod error;
mod finding;
mod graph;
mod licences;
mod metadata;
mod tidy;
mod tree;
mod version;

use std::process::ExitCode;

use error::Error;
use finding::Finding;

const USAGE: &str = "\
usage: cargo xtask <command>

commands:
  tidy      check layers, sizes, bans, names, documents and hygiene of the tree
  licences  check that everything we ship with is under a permissive licence";

fn main() -> ExitCode {
    let command = std::env::args().nth(1);
    let findings = match command.as_deref() {
        Some("tidy") => tidy::run(),
        Some("licences") => licences::run(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match findings {
        Ok(findings) => report(command.as_deref().unwrap_or_default(), &findings),
        Err(error) => fail(&error),
    }
}

fn report(command: &str, findings: &[Finding]) -> ExitCode {
    for finding in findings {
        println!("{finding}");
    }
    let failures = findings.iter().filter(|finding| finding.is_failure).count();
    let flags = findings.len() - failures;
    println!("{command}: {failures} failures, {flags} flags");
    if failures == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn fail(error: &Error) -> ExitCode {
    eprintln!("error: {error}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        eprintln!("  caused by: {cause}");
        source = cause.source();
    }
    ExitCode::from(3)
}

//! Runs the suite against a registry, and prints what each case came to.

mod args;

use std::process::ExitCode;

use args::Args;
use clap::Parser as _;
use registry_conformance::registry::Registry;
use registry_conformance::suite::{CaseResult, Suite};

/// A wrong command line.
const USAGE: u8 = 2;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Args {
        registry,
        repo,
        user,
        strict,
        only,
    } = Args::parse();
    match Registry::new(&registry, &repo, user.as_deref(), strict) {
        Ok(registry) => run(Suite::new(registry, print).only(only)).await,
        Err(why) => complain(&why),
    }
}

#[expect(clippy::print_stdout, reason = "printing is this program's work")]
async fn run(suite: Suite) -> ExitCode {
    let report = Box::pin(suite.run()).await;
    println!("{report}");
    if report.failed().next().is_some() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

#[expect(clippy::print_stdout, reason = "printing is this program's work")]
fn print(result: &CaseResult) {
    println!("{result}");
}

#[expect(clippy::print_stderr, reason = "there is nobody else to tell")]
fn complain(why: &str) -> ExitCode {
    eprintln!("error: {why}");
    ExitCode::from(USAGE)
}

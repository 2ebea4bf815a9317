//! `forebay doctor`: reads what failed pulls left behind, and says what they mean.
//!
//! Reads and prints; what a text means is the failures crate's work.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use forebay_failures::{Failure as Failed, Finding, Findings, Scanner};
use serde::Serialize;

use super::with_exit_codes;
use crate::error::Failure;
use crate::exit::ExitStatus;
use crate::printer::Printer;

/// How much is read at once, in bytes.
const READ_BYTES: usize = 128 * 1024;

/// Stands for standard input.
const STDIN: &str = "-";

const EXAMPLES: &str = "\
Examples:
  kubectl get events -A | forebay doctor
  forebay doctor /var/log/messages --json";

/// Reads logs and events, and says why pulls failed
///
/// Takes what docker, containerd, podman, the kubelet, Swarm, ECS, CloudFormation and CI systems write, wrapped or not, in
/// JSON or not. Account names and tokens are not shown.
#[expect(
    clippy::doc_markdown,
    reason = "the help is no Markdown: backticks would be printed"
)]
#[derive(Debug, clap::Args)]
#[command(after_help = with_exit_codes(EXAMPLES))]
pub(super) struct Args {
    /// Files to read, - for standard input; without any, standard input is read
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Print the findings as one JSON object
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    findings: &'a [Finding],
    /// How many messages found no place among the findings.
    #[serde(skip_serializing_if = "is_zero")]
    left_off: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Runs `doctor`.
///
/// # Errors
/// Which file cannot be read, and why.
pub(super) fn run(args: &Args, printer: &Printer) -> Result<ExitStatus, Failure> {
    let mut findings = Findings::new();
    if args.files.is_empty() {
        read(Path::new(STDIN), &mut findings)?;
    }
    for file in &args.files {
        read(file, &mut findings)?;
    }
    let (findings, left_off) = findings.finish();
    if args.json {
        let report = Report {
            findings: &findings,
            left_off,
        };
        printer.line(serde_json::to_string(&report).unwrap_or_default());
    } else {
        print(&findings, left_off, printer);
    }
    Ok(if findings.is_empty() {
        ExitStatus::Ok
    } else {
        ExitStatus::Findings
    })
}

/// Reads one file or standard input to its end.
fn read(path: &Path, findings: &mut Findings) -> Result<(), Failure> {
    let cannot = |error| Failure::failed(format!("cannot read {}", path.display()), error);
    let mut source: Box<dyn Read> = if path == Path::new(STDIN) {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).map_err(cannot)?)
    };
    let mut scanner = Scanner::new();
    let mut bytes = vec![0; READ_BYTES];
    let mut found = |failed: Failed| findings.add(failed);
    loop {
        match source.read(&mut bytes) {
            Ok(0) => break,
            Ok(length) => scanner.push(&bytes[..length], &mut found),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(cannot(error)),
        }
    }
    scanner.finish(&mut found);
    Ok(())
}

fn print(findings: &[Finding], left_off: u64, printer: &Printer) {
    if findings.is_empty() {
        printer.line("nothing here tells of a failed pull");
    }
    for finding in findings {
        let (first, last) = finding.lines;
        let lines = if first == last {
            format!("line {first}")
        } else {
            format!("lines {first} to {last}")
        };
        let certainty = if finding.certain { "" } else { ", probably" };
        printer.line(format_args!(
            "{}{certainty}: {} × in {lines}",
            finding.class, finding.count
        ));
        let identity = finding.identity.as_ref().map(ToString::to_string);
        for (name, value) in [
            ("registry", finding.registry.as_deref()),
            ("identity", identity.as_deref()),
            ("image", finding.image.as_deref()),
            ("example", Some(finding.example.as_str())),
        ] {
            if let Some(value) = value {
                printer.line(format_args!("  {name:<9} {value}"));
            }
        }
    }
    if left_off > 0 {
        printer.line(format_args!("and {left_off} more messages"));
    }
}

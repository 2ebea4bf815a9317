//! `forebay repo import`: lifecycle rules that were written for another registry.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use forebay_lifecycle_rules::ecr::{MAX_POLICY_BYTES, import};
use forebay_oci::RepositoryPattern;
use forebay_terminal::{ExitStatus, Failure, Printer};

/// What stands for standard input.
const STDIN: &str = "-";

/// Read another registry's lifecycle rules, and print them as tables of the configuration
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, Subcommand)]
enum From {
    EcrLifecycle(EcrLifecycle),
}

/// Read the JSON of an Amazon ECR lifecycle policy
///
/// The policy itself, or what aws ecr get-lifecycle-policy prints. The rules go to standard output as [[lifecycle]] tables; what
/// has no equal here is told on standard error and makes the command end with 1. Nothing is changed: put the tables into the
/// configuration, or see what they would do by forebay repo expire --rules FILE --dry-run.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  forebay repo import ecr-lifecycle policy.json --repo 'team/*' >>forebay.toml\n  aws ecr get-lifecycle-policy --repository-name app | forebay repo import ecr-lifecycle - --repo team/app\n\nExit codes:\n  0  done\n  1  done, and rules were left out\n  2  the command line is wrong\n  3  failed"
)]
struct EcrLifecycle {
    /// The file, or - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// A pattern of the repositories that the rules are to be about; may be given more than once
    #[arg(long = "repo", value_name = "PATTERN", default_value = "**", value_parser = pattern)]
    repositories: Vec<RepositoryPattern>,
}

/// Runs `repo import`.
pub(super) fn run(args: &Args, printer: &Printer) -> Result<ExitStatus, Failure> {
    let From::EcrLifecycle(args) = &args.from;
    let cannot = |error: Box<dyn std::error::Error + Send + Sync>| {
        Failure::failed(format!("cannot read {}", args.file.display()), error)
    };
    let text = read(&args.file).map_err(|error| cannot(error.into()))?;
    let imported = import(&text, &args.repositories).map_err(|error| cannot(error.into()))?;
    let tables: Vec<String> = imported.rules.iter().map(ToString::to_string).collect();
    if !tables.is_empty() {
        printer.line(tables.join("\n").trim_end());
    }
    for left_out in &imported.left_out {
        printer.note(left_out);
    }
    Ok(if imported.left_out.is_empty() {
        ExitStatus::Ok
    } else {
        ExitStatus::Findings
    })
}

/// The text, and a byte more than is taken where it is too long.
fn read(path: &Path) -> io::Result<String> {
    let source: Box<dyn Read> = if path.as_os_str() == STDIN {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path)?)
    };
    let mut text = String::new();
    let most = MAX_POLICY_BYTES as u64 + 1;
    source.take(most).read_to_string(&mut text)?;
    Ok(text)
}

fn pattern(text: &str) -> Result<RepositoryPattern, String> {
    text.parse().map_err(|why| format!("the pattern {why}"))
}

//! `forebay rewrite`: sends images elsewhere in files, and nothing else in them.

mod files;
mod follow;
mod goals;
mod json;
mod later;
mod pins;
mod replace;
mod text;
mod together;
mod undo;
mod write;

use std::path::PathBuf;

use forebay_config::{Environment, load};
use forebay_rewrite::Crd;
use forebay_rewrite::rules::Goal;
use forebay_terminal::{ExitStatus, Failure, Printer, SourceArgs, report};

use files::{Planned, Search, plan_all};
pub(super) use goals::{crd, setting};

/// Where the record is kept unless another place is named.
const DEFAULT_RECORD: &str = ".forebay-rewrite.json";

/// The end of the command's help.
const AFTER_HELP: &str = "\
Rules are a TOML file, or one of these presets:
  ecr-pull-through:ACCOUNT:REGION[:PREFIX]  Docker Hub through an ECR pull-through cache rule (prefix: docker-hub)
  ecr:ACCOUNT:REGION                        Docker Hub's images as repositories of one's own in ECR
  ghcr:OWNER, quay:ORG                      the same at GitHub, at Quay
  mirror.gcr.io, public.ecr.aws             Docker Hub's official images at Google's mirror, at ECR Public
  forebay:HOST                              all public registries through Forebay
  cortex[:VERSION]                          Cortex's images at Quay, as its version wants them

Examples:
  forebay rewrite . --to ecr-pull-through:123456789012:us-east-1
  forebay rewrite infrastructure --to rules.toml --set docker_username=me --write
  forebay rewrite . --to forebay:cache.example --check   # for CI: 1 if something would change
  forebay rewrite --undo

Exit codes:
  0  done; with --check: nothing would change
  1  with --check: something would change
  2  the command line, the rules or the configuration is wrong
  3  failed: a file could not be read or written; what could be was. With --check also: one could not be read as what it is;
     with --write: one names more images than are looked at";

/// Sends images to another registry in every file that names them, and changes nothing else
///
/// Reads Kubernetes manifests, Compose, Helm, Kustomize, Dockerfiles, Terraform, CloudFormation, ECS, GitHub Actions,
/// GitLab CI, shell scripts, and CDK and Pulumi in Python and TypeScript. What a file alone does not tell is listed with
/// its line, and left as it is. Without --write or --check it prints what would change, as a diff.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
#[expect(
    clippy::struct_excessive_bools,
    clippy::doc_markdown,
    reason = "each is a switch of the command line, whose help is shown as it is written"
)]
pub(super) struct Args {
    /// Files, and folders with all that is in them, hidden files too; but not links, nor history and copies of others' work,
    /// such as .git, node_modules and .terraform
    #[arg(value_name = "PATH", required_unless_present = "undo")]
    paths: Vec<PathBuf>,

    /// Where images go: a file of rules, or a preset
    #[arg(long, value_name = "RULES", required_unless_present = "undo")]
    to: Option<String>,

    /// What a variable is that files do not tell: docker_username=me. It goes before what they tell
    #[arg(long, value_name = "NAME=VALUE", value_parser = goals::setting)]
    set: Vec<(String, String)>,

    /// Where an own kind of Kubernetes object names an image: Fleet=spec.workers[].image. `*` is each kind; may be repeated
    #[arg(long, value_name = "KIND=PATH", value_parser = goals::crd)]
    crd: Vec<Crd>,

    /// Print what would change as a unified diff; this is the default
    #[arg(long, conflicts_with_all = ["write", "check", "undo"])]
    diff: bool,

    /// Change the files, and keep a record by which --undo takes it back
    #[arg(long, conflicts_with_all = ["check", "undo"])]
    write: bool,

    /// Change nothing, and exit with 1 if something would change
    #[arg(long, conflicts_with = "undo")]
    check: bool,

    /// Add the digest that each tag has now, asked for by a HEAD
    #[arg(long, conflicts_with = "undo")]
    pin: bool,

    /// Read the fences of Markdown, too
    #[arg(long)]
    markdown: bool,

    /// Print JSON instead of text
    #[arg(long, conflicts_with = "undo")]
    json: bool,

    /// Take back what the last --write on the record did; refused where a file has changed since. Files that do not lie below the record's
    /// folder, or that folders are not searched for, are to be named again
    #[arg(long, conflicts_with_all = ["to", "set", "crd", "markdown"])]
    undo: bool,

    /// Where the record of what was written is kept
    #[arg(long, value_name = "FILE", default_value = DEFAULT_RECORD)]
    record: PathBuf,

    #[command(flatten)]
    source: SourceArgs,
}

/// Runs `rewrite`.
///
/// # Errors
/// What is wrong with the configuration, or why nothing could be done.
pub(super) async fn run(
    args: Args,
    environment: Environment,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    if args.undo {
        return undo::undo(&args.record, &args.paths, printer);
    }
    let given = args.to.clone().unwrap_or_default();
    let goal = match goals::read(&given) {
        Ok(goal) => goal,
        Err(failure) => {
            report(&failure, printer);
            return Ok(ExitStatus::Usage);
        }
    };
    let search = Search::new(&args);
    let files = search.files()?;
    let mut planned = if args.pin {
        let sources = args.source.without_listen(environment);
        let config = load(&sources)?;
        pins::plan_pinned(&files, &search, &goal, (&sources, &config)).await?
    } else {
        plan_all(&files, &search, &goal, None)
    };
    follow::follow_names(&mut planned);
    finish(&args, (&given, &goal), &mut planned, printer)
}

/// Shows or writes what was planned.
fn finish(
    args: &Args,
    (given, goal): (&str, &Goal),
    planned: &mut Planned,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    let changes = planned.files.iter().any(|file| !file.plan.edits.is_empty());
    if args.write {
        let order = write::Order {
            to: given,
            record: &args.record,
            is_silent: args.json,
        };
        write::write(planned, &order, printer)?;
    }
    if args.json {
        json::print(planned, goal, args.write, printer)?;
    } else {
        tell(args, goal, planned, printer);
    }
    let unread = planned.files.iter().any(|file| file.is_unread);
    let is_cut = planned.files.iter().any(|file| file.is_cut);
    if args.check && unread || args.write && is_cut {
        return Ok(ExitStatus::Failed);
    }
    Ok(match (planned.failed, args.check && changes) {
        (0, false) => ExitStatus::Ok,
        (0, true) => ExitStatus::Findings,
        _ => ExitStatus::Failed,
    })
}

/// Says as text what was planned, and what is left to a person.
fn tell(args: &Args, goal: &Goal, planned: &Planned, printer: &Printer) {
    if args.check {
        text::changes(planned, printer);
    } else if !args.write {
        text::diff(planned, printer);
    }
    text::remarks(planned, args.write, printer);
    if !args.check {
        text::copy_first(planned, goal, printer);
    }
    let is_written = planned.files.iter().any(|file| !file.plan.edits.is_empty());
    if args.write && is_written {
        text::way_back(planned, &args.record, &args.paths, printer);
    }
}

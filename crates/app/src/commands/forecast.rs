//! `forebay forecast`: what a deploy costs in pulls, and whether it can work, before it runs.

mod asking;
mod gather;
mod links;
mod login;
mod parts;
mod preflight;
mod text;
mod tools;
mod verdict;
mod warm;

use std::path::PathBuf;

use clap::ValueEnum;
use forebay_config::{Config, Environment, Sources, load};
use forebay_forecast::preflight::{Finding, State};
use forebay_forecast::{Egress, Fit, Fleet, Forecast, Runtime, foresee};
use forebay_rewrite::Crd;
use forebay_terminal::{ExitStatus, Failure, Json, Printer, SourceArgs};
use serde::Serialize;

use super::rewrite::{crd, setting};
use asking::ask;
use gather::{Gathered, gather};

/// The end of the command's help.
const AFTER_HELP: &str = "\
Examples:
  forebay forecast deploy/ --nodes 12
  helm template web ./chart | forebay forecast - --nodes 12 --runtime cri-o
  forebay forecast deploy/ --nodes 12 --through forebay --warm
  forebay forecast template.json --replicas 4 --preflight --stack web

Exit codes:
  0  it fits, and no image is missing
  1  it does not fit, or may not; an image is missing; with --preflight: something is in the way
  2  the command line or the configuration is wrong
  3  failed, or too little is known to tell";

/// Foresees what a deploy costs in pulls, whether it fits, and which images would fail
///
/// Finds the images in Kubernetes manifests, Compose, Dockerfiles, ECS, CloudFormation, Terraform, workflows and all else that
/// forebay rewrite reads, and counts by replicas, nodes and pull policy. Asks registries by HEADs alone, which cost no pull,
/// through the running server or by itself. No node is taken to have any of the images yet.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
#[expect(
    clippy::struct_excessive_bools,
    clippy::doc_markdown,
    reason = "each is a switch of the command line, whose help is shown as it is written"
)]
pub(super) struct Args {
    /// Files, folders with all that is in them, or - for standard input
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    /// How many nodes there are: each pulls an image once, whatever runs on it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    nodes: Option<u64>,

    /// How many run of what does not say so itself: ECS task definitions, Helm values
    #[arg(long, value_name = "N")]
    replicas: Option<u64>,

    /// What pulls on the nodes: cri-o asks for the manifest at each start where imagePullPolicy is Always
    #[arg(long, value_name = "RUNTIME", value_enum, default_value = "containerd")]
    runtime: RuntimeArg,

    /// How nodes reach registries: per-node where each has an address, and so a budget, of its own
    #[arg(long, value_name = "WAY", value_enum, default_value = "shared")]
    egress: EgressArg,

    /// By which way the exit code judges; forebay with --warm, else registry
    #[arg(long, value_name = "WAY", value_enum)]
    through: Option<Through>,

    /// Where an own kind of Kubernetes object names an image: Fleet=spec.workers[].image. `*` is each kind; may be repeated
    #[arg(long, value_name = "KIND=PATH", value_parser = crd)]
    crd: Vec<Crd>,

    /// What a variable is that files do not tell: TAG=1.2
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,

    /// Ask no registry: what was seen and written down before has to do
    #[arg(long, conflicts_with_all = ["warm", "preflight"])]
    offline: bool,

    /// Fetch the images into the cache first, as far as the reserve for clients allows
    #[arg(long)]
    warm: bool,

    /// Also look at what deploys fail of: repositories, secrets, the stack of the last try; by your own aws
    #[arg(long)]
    preflight: bool,

    /// With --preflight: the CloudFormation stack that is to be deployed
    #[arg(long, value_name = "NAME", requires = "preflight")]
    stack: Option<String>,

    /// With --preflight: the region of the stack
    #[arg(long, value_name = "REGION", requires = "stack")]
    region: Option<String>,

    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    source: SourceArgs,
}

/// What pulls, as the command line names it.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum RuntimeArg {
    Containerd,
    CriO,
    Docker,
}

/// How nodes reach registries, as the command line names it.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum EgressArg {
    Shared,
    PerNode,
}

/// A way of pulling, as the command line names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Through {
    Registry,
    Forebay,
}

/// All that is told, as `--json` prints it.
#[derive(Serialize)]
struct Told {
    /// By which way it is judged.
    judged: Through,
    /// What it is judged for.
    #[serde(skip)]
    fleet: Fleet,
    fit: Fit,
    #[serde(flatten)]
    forecast: Forecast,
    /// What is named in files, and not known, and what could not be read of them.
    unsure: Vec<String>,
    preflight: Vec<Finding>,
}

/// Runs `forecast`.
///
/// # Errors
/// What is wrong with the configuration, or why nothing can be told.
pub(super) async fn run(
    args: Args,
    environment: Environment,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    let sources = args.source.without_listen(environment);
    let config = load(&sources)?;
    let fleet = Fleet {
        nodes: args.nodes,
        replicas: args.replicas,
        runtime: args.runtime.into(),
        egress: args.egress.into(),
    };
    let gathered = gather(&args, &fleet)?;
    for note in &gathered.notes {
        printer.note(text::plain(note));
    }
    let mut failed = gathered.failed > 0;
    if args.warm {
        failed |= !warm::warm(&gathered.images, (&sources, &config), printer).await?;
    }
    let told = foretell(&args, gathered, &fleet, (&sources, &config, printer)).await?;
    if args.json {
        printer.line(Json::indented(&told));
    } else {
        printer.line(text::told(&told, args.offline));
    }
    Ok(status(&told, failed))
}

/// Finds out what is not in the files, and puts it together.
async fn foretell(
    args: &Args,
    gathered: Gathered,
    fleet: &Fleet,
    (sources, config, printer): (&Sources, &Config, &Printer),
) -> Result<Told, Failure> {
    let mut survey = ask(&gathered.images, (sources, config), !args.offline, printer).await?;
    let login = login::unsay_refused(&gathered.images, &mut survey, config);
    let mut preflight = Vec::new();
    if args.preflight {
        let stack = (args.stack.as_deref(), args.region.as_deref());
        preflight = preflight::look(&gathered, &survey, stack).await;
        preflight.extend(login);
    }
    let images = gathered.images.into_iter().zip(survey.facts).collect();
    let forecast = foresee(images, &survey.budgets, fleet);
    let judged = args.through.unwrap_or(if args.warm {
        Through::Forebay
    } else {
        Through::Registry
    });
    Ok(Told {
        judged,
        fleet: *fleet,
        fit: forecast.fit(judged == Through::Forebay),
        forecast,
        unsure: gathered.unsure,
        preflight,
    })
}

impl Told {
    /// Whether nothing is left open that could make it not fit.
    fn is_known(&self) -> bool {
        self.fit != Fit::Unknown
            && self.unsure.is_empty()
            && self.forecast.unknown().next().is_none()
    }
}

fn status(told: &Told, has_failed: bool) -> ExitStatus {
    let is_any = |state: State| {
        let mut found = told.preflight.iter();
        found.any(|finding| finding.state == state)
    };
    let is_found = matches!(told.fit, Fit::DoesNot | Fit::MayNot)
        || told.forecast.missing().next().is_some()
        || is_any(State::Bad);
    if is_found {
        ExitStatus::Findings
    } else if has_failed || !told.is_known() || is_any(State::Failed) {
        ExitStatus::Failed
    } else {
        ExitStatus::Ok
    }
}

impl From<EgressArg> for Egress {
    fn from(arg: EgressArg) -> Self {
        match arg {
            EgressArg::Shared => Self::Shared,
            EgressArg::PerNode => Self::PerNode,
        }
    }
}

impl From<RuntimeArg> for Runtime {
    fn from(arg: RuntimeArg) -> Self {
        match arg {
            RuntimeArg::Containerd => Self::Containerd,
            RuntimeArg::CriO => Self::CriO,
            RuntimeArg::Docker => Self::Docker,
        }
    }
}

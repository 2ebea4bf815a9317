//! `forebay doctor`: from failed pulls to their cause, who brings it about, and the ways out.
//!
//! Reads, asks and prints. What a text means is the failures crate's work, what follows from it the doctor crate's.

use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use forebay_config::{Environment, byte_size};
use forebay_content::{Clock as _, SystemClock};
use forebay_doctor::{Context, Egress, Moment, Usage, WayKind};
use forebay_terminal::{
    ExitStatus, Failure, Printer, SourceArgs, Together, report, with_exit_codes,
};

use crate::gathering::Gathering;
use crate::show::Found;
use crate::source::STDIN;
use crate::tools::Asked;
use crate::{follow, ledger, read, report_file, show, tools, written};

const EXAMPLES: &str = "\
Examples:
  kubectl get events -A | forebay doctor
  forebay doctor events.txt --way authenticate
  forebay doctor /var/log/messages services.json --report incident.md
  forebay doctor --ecs my-cluster --stack my-stack --image-size 500MB
  journalctl -fu docker | forebay doctor --follow";

/// Reads logs and events, and says why pulls failed, who brings it about, and what to do
///
/// Takes what docker, containerd, podman, the kubelet, Swarm, ECS, CloudFormation and CI systems write, wrapped or not, in
/// JSON or not, or asks their tools. Says it on one screen: the cause, who brings it about, when it ends, and what to do now;
/// --all says all of it. Account names and tokens are not shown.
#[expect(
    clippy::doc_markdown,
    reason = "the help is no Markdown: backticks would be printed"
)]
#[derive(Debug, clap::Args)]
#[command(after_help = with_exit_codes(EXAMPLES))]
pub struct Args {
    /// Files to read, - for standard input; without any, and with nobody to ask, standard input is read
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// How the machines reach registries, where you know it
    #[arg(long, value_enum, value_name = "WAY")]
    egress: Option<EgressWord>,

    /// Keep reading as a file grows and is rotated, or as input comes, and tell when the diagnosis changes; Ctrl-C ends it
    #[arg(long, conflicts_with_all = ["report", "support"])]
    follow: bool,

    /// Read Forebay's own ledger, too: who pulled what through it in the last six hours
    #[arg(long)]
    ledger: bool,

    /// When the files were gathered, as 2026-01-15T14:45:00Z: ages count back from it; without it now
    #[arg(long, value_name = "TIME", value_parser = moment)]
    as_of: Option<Moment>,

    /// The zone of times that name none, as +02:00; without it UTC
    #[arg(long, value_name = "OFFSET", value_parser = offset_seconds, allow_hyphen_values = true)]
    utc_offset: Option<i32>,

    #[command(flatten)]
    source: SourceArgs,

    #[command(flatten)]
    pub(crate) output: OutputArgs,

    #[command(flatten)]
    pub(crate) tools: tools::Args,
}

/// What is shown, and how.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "What is shown")]
pub(crate) struct OutputArgs {
    /// Print all of it: every line that shows it, what it is not, why it worked before, each way out and what it costs
    #[arg(long, conflicts_with_all = ["json", "support"])]
    pub(crate) all: bool,

    /// Print one way out with its commands and its costs, by the name that the short text gives; may be given again
    #[arg(long, value_name = "NAME", value_parser = way_kinds(), conflicts_with_all = ["all", "json", "support"])]
    pub(crate) way: Vec<WayKind>,

    /// Print findings, diagnosis and ways out as one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    /// Write an incident report in Markdown, fit to be sent; - for standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,

    /// Print what a registry's support asks for: addresses, times, rates
    #[arg(long, conflicts_with = "json")]
    pub(crate) support: bool,

    /// The compressed size of images that the evidence does not tell, or of one, for what the ways out cost: 500MB, nginx=70MB
    #[arg(long, value_name = "[IMAGE=]SIZE", value_parser = image_size)]
    image_size: Vec<(Option<String>, u64)>,

    /// How many pulls there are in a month, for the same; without it, estimated from the evidence
    #[arg(long, value_name = "NUMBER")]
    pulls: Option<u64>,
}

impl OutputArgs {
    /// Whether two things are to be written to standard output.
    fn find_conflict(&self) -> Option<Failure> {
        let other = if self.json {
            "--json"
        } else if self.support {
            "--support"
        } else {
            return None;
        };
        let is_output = self.report.as_deref() == Some(Path::new(STDIN));
        is_output.then(|| {
            Failure::plain(format!(
                "--report - and {other} are both written to standard output"
            ))
            .with_hint(format!("--report incident.md {other}"))
        })
    }
}

/// How machines reach registries.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum EgressWord {
    /// Through one address: a NAT gateway, a proxy
    Shared,
    /// Each with an address of its own
    PerNode,
}

/// Runs `doctor`.
///
/// # Errors
/// Which file cannot be read or written, and why; or why nobody could be asked.
pub async fn run(
    args: Args,
    environment: Environment,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    if let Some(failure) = args
        .output
        .find_conflict()
        .or_else(|| args.find_overwritten())
    {
        report(&failure, printer);
        return Ok(ExitStatus::Usage);
    }
    if let Some(failure) = args.tools.find_unknown_context().await {
        report(&failure, printer);
        return Ok(ExitStatus::Usage);
    }
    let sources = args.source.without_listen(environment);
    let mut gathering = Gathering::new(args.context());
    // A file beside it may be of any day.
    if args.tools.asks_programs() && args.files.is_empty() {
        gathering.note_asked();
    }
    let together = args.tools.asks().then(Together::begin).transpose();
    let together = together.map_err(|error| Failure::failed("cannot listen to signals", error))?;
    let asked = tools::gather(&args.tools, &sources, &mut gathering, printer).await?;
    if args.ledger {
        ledger::read(&sources, &mut gathering).await?;
    }
    if args.follow {
        return follow::follow(&args, gathering, (&asked, printer), together).await;
    }
    let empty = read::read_all(&args.files, args.reads_input(), &mut gathering)?;
    if !(gathering.is_empty() && args.reads_alone()) {
        for name in empty {
            printer.note(format_args!("note: there is nothing in {name}"));
        }
    }
    conclude(gathering, &asked, &args, printer)
}

/// Shows what follows from all that was gathered, and says how the command ends.
///
/// # Errors
/// Nothing was read or nobody answered, which is no word that all is well; or a report cannot be written.
pub(crate) fn conclude(
    gathering: Gathering,
    asked: &Asked,
    args: &Args,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    if gathering.is_empty() && args.reads_alone() {
        return Err(read::nothing_read(&args.files));
    }
    let gathered = gathering.finish();
    if let Some(why) = gathered.why_rubbish().filter(|_| args.reads_alone()) {
        return Err(read::nothing_understood(&args.files, why));
    }
    let is_open = asked.status(ExitStatus::Failed) == ExitStatus::Failed;
    if let Some(cluster) = args.tools.ecs()
        && is_open
        && gathered.tells_nothing()
        && !asked.is_unknown()
        && !args.reads_too()
    {
        return Err(read::nothing_of_ecs(cluster));
    }
    if args.as_of.is_none() {
        written::note_old(&args.files, &gathered.evidence, args.now(), printer);
    }
    let found = Found::of(gathered, args);
    // A reader of JSON finds in it who could not be asked, and why.
    if !found.is_bad() && asked.is_unknown() && !args.reads_too() && !args.output.json {
        return Err(
            Failure::plain("nobody answered: nothing is known").with_hint(
                "the notes say who was asked and why they told nothing: mend that and ask again, or write what they tell into a file where they answer, and give that",
            ),
        );
    }
    if args.follow && !args.output.json {
        printer.line("--- at the end");
    }
    show::show(&found, asked, args, printer)?;
    let status = if found.is_bad() {
        ExitStatus::Findings
    } else {
        ExitStatus::Ok
    };
    Ok(asked.status(status))
}

impl Args {
    pub(crate) fn context(&self) -> Context {
        Context {
            now: self.now(),
            utc_offset_seconds: self.utc_offset.unwrap_or(0),
        }
    }

    /// Whether standard input is read though nobody has named it.
    fn reads_input(&self) -> bool {
        self.files.is_empty() && !self.tools.asks() && !self.ledger
    }

    /// Whether the report would take the place of what it is made of.
    fn find_overwritten(&self) -> Option<Failure> {
        let report = self.output.report.as_deref()?;
        let input = self.reads_input().then_some(Path::new(STDIN));
        let files = self.files.iter().map(PathBuf::as_path);
        report_file::find_conflict(report, files.chain(self.tools.files()).chain(input))
    }

    /// Whether there is nothing but files and standard input to tell anything.
    fn reads_alone(&self) -> bool {
        !self.tools.asks() && !self.ledger
    }

    /// Whether something is read besides what is asked.
    fn reads_too(&self) -> bool {
        self.follow || self.ledger || !self.files.is_empty()
    }

    /// When the evidence was gathered.
    pub(crate) fn now(&self) -> Moment {
        let now = || Moment::from_unix_ms(SystemClock::new().now().0);
        self.as_of.unwrap_or_else(now)
    }

    pub(crate) fn egress(&self) -> Egress {
        match self.egress {
            Some(EgressWord::Shared) => Egress::Shared,
            Some(EgressWord::PerNode) => Egress::PerNode,
            None => Egress::Unknown,
        }
    }

    pub(crate) fn usage(&self) -> Usage {
        let mut usage = Usage {
            pulls_per_month: self.output.pulls,
            ..Usage::default()
        };
        for (image, bytes) in &self.output.image_size {
            match image {
                Some(image) => {
                    usage.image_bytes.insert(image.clone(), *bytes);
                }
                None => usage.other_image_bytes = Some(*bytes),
            }
        }
        usage
    }
}

/// The names of ways out.
fn way_kinds() -> impl TypedValueParser<Value = WayKind> {
    let names = WayKind::ALL.map(WayKind::name);
    PossibleValuesParser::new(names)
        .try_map(|name| WayKind::find(&name).ok_or("no way out is called so"))
}

/// A moment as RFC 3339 writes it.
fn moment(text: &str) -> Result<Moment, String> {
    let wrong = |_| "wanted a time such as 2026-01-15T14:45:00Z".to_owned();
    let at: jiff::Timestamp = text.parse().map_err(wrong)?;
    Ok(Moment::from_unix_ms(at.as_millisecond()))
}

/// `500MB`, or `nginx:1.27=70MB` with the image in its full form.
fn image_size(text: &str) -> Result<(Option<String>, u64), String> {
    let Some((image, size)) = text.rsplit_once('=') else {
        return Ok((None, byte_size(text)?));
    };
    let name: forebay_oci::ImageName = image
        .parse()
        .map_err(|error: forebay_oci::InvalidImageName| error.to_string())?;
    Ok((Some(name.to_string()), byte_size(size)?))
}

/// `+02:00`, `-0530`, `Z`, in seconds east of UTC.
fn offset_seconds(text: &str) -> Result<i32, String> {
    let wrong = || "wanted an offset such as +02:00".to_owned();
    if matches!(text, "Z" | "z" | "UTC") {
        return Ok(0);
    }
    let (sign, rest) = match text.split_at_checked(1).ok_or_else(wrong)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return Err(wrong()),
    };
    let digits: String = rest.chars().filter(|c| *c != ':').collect();
    let is_whole = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let (hours, minutes) = digits
        .split_at_checked(2)
        .filter(|_| is_whole)
        .ok_or_else(wrong)?;
    let number = |text: &str| text.parse::<i32>().map_err(|_| wrong());
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    if hours > 14 || minutes > 59 {
        return Err(wrong());
    }
    Ok(sign * (hours * 3_600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_read_as_iso_8601_writes_it() {
        for (text, seconds) in [("+02:00", 7_200), ("-0530", -19_800), ("Z", 0)] {
            assert_eq!(offset_seconds(text), Ok(seconds), "{text}");
        }
        for text in ["2", "+2", "02:00", "+99:00", "+02:60", "+é12"] {
            assert!(offset_seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_size_is_of_one_image_or_of_all() {
        assert_eq!(image_size("500MB"), Ok((None, 500_000_000)));
        let nginx = "docker.io/library/nginx:latest".to_owned();
        assert_eq!(image_size("nginx=70MB"), Ok((Some(nginx), 70_000_000)));
        assert!(image_size("nginx=70").is_err());
    }
}

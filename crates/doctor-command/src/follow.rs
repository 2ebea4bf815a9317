//! `--follow`: keeps reading what grows, tells when the diagnosis changes, and all of it at the end.
//!
//! Memory is bounded as in a single run. It ends with its input, when somebody ends it, or when nobody reads it any more.

mod growing;
mod input;

use std::fs::{self, Metadata};
use std::path::Path;
use std::time::Duration;

use forebay_doctor::{Class, Diagnosis, Document, WaysOut, brief, diagnose, explain};
use forebay_terminal::{ExitStatus, Failure, Printer, Together};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::command::{Args, conclude};
use crate::gathering::Gathering;
use crate::source::{STDIN, cannot_read, name_of};
use crate::tools::Asked;
use growing::Growing;

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// After so many parts in a row a diagnosis is made, though more is there to be read.
const MAX_PARTS: usize = 64;

/// The most culprits by which diagnoses are told apart.
const MAX_CULPRITS: usize = 5;

/// The section that says what another run would tell.
const MORE: &str = "More, by running it again with";

/// What makes one diagnosis another: counts alone do not.
type Essence = (Option<Class>, Option<String>, Vec<String>);

/// The diagnosis that was told last.
struct Teller<'a> {
    args: &'a Args,
    printer: &'a Printer,
    told: Option<Essence>,
}

/// How an operator ends it.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

/// Follows until standard input ends or somebody ends it, and then says all that a run without it says.
///
/// # Errors
/// Which file cannot be read, and why; or more than one is named.
pub(crate) async fn follow(
    args: &Args,
    mut gathering: Gathering,
    (asked, printer): (&Asked, &Printer),
    asking: Option<Together>,
) -> Result<ExitStatus, Failure> {
    // From here on: who ends it while a part is being read, wants to see what was found as well.
    let mut stop = Stop::prepare()?;
    drop(asking);
    let mut teller = Teller {
        args,
        printer,
        told: None,
    };
    match args.files.as_slice() {
        [] => follow_stream(Path::new(STDIN), &mut gathering, &mut teller, &mut stop).await?,
        [file] if is_stream(file) => {
            follow_stream(file, &mut gathering, &mut teller, &mut stop).await?;
        }
        [file] => follow_file(file, &mut gathering, &mut teller, &mut stop).await?,
        _ => {
            let what = "--follow reads one file, as lines of several would be one text";
            return Err(Failure::plain(what).with_hint("tail -F one two | forebay doctor --follow"));
        }
    }
    conclude(gathering, asked, args, printer)
}

/// Whether it comes once, and cannot be looked at again: standard input, a pipe, a device.
fn is_stream(path: &Path) -> bool {
    let is_file = |about: Metadata| about.is_file() || about.is_dir();
    path == Path::new(STDIN) || fs::metadata(path).is_ok_and(|about| !is_file(about))
}

async fn follow_stream(
    path: &Path,
    gathering: &mut Gathering,
    teller: &mut Teller<'_>,
    stop: &mut Stop,
) -> Result<(), Failure> {
    gathering.begin(&name_of(path));
    let mut parts = input::parts(path);
    let mut since = 0;
    loop {
        let part = tokio::select! {
            part = parts.recv() => part,
            () = stop.asked_for() => None,
        };
        let Some(part) = part else { return Ok(()) };
        let part = part.map_err(|error| cannot_read(path, error))?;
        gathering.push(&part);
        since += 1;
        if parts.is_empty() || since >= MAX_PARTS {
            since = 0;
            teller.look(gathering);
            if teller.printer.is_closed() {
                return Ok(());
            }
        }
    }
}

async fn follow_file(
    path: &Path,
    gathering: &mut Gathering,
    teller: &mut Teller<'_>,
    stop: &mut Stop,
) -> Result<(), Failure> {
    let failed = |error| cannot_read(path, error);
    let mut growing = Growing::open(path, gathering).map_err(failed)?;
    let mut looked_at = 0;
    loop {
        let is_at_end = growing.read_on(gathering).map_err(failed)?;
        if gathering.steps() != looked_at {
            looked_at = gathering.steps();
            teller.look(gathering);
        }
        if teller.printer.is_closed() {
            return Ok(());
        }
        if stop.comes_within(is_at_end.then_some(LOOK_EVERY)).await {
            break;
        }
    }
    // What is there by now belongs to it; who asks once more does not wait for that.
    let mut rest = growing.rest(gathering).map_err(failed)?;
    while rest.read_on(gathering).map_err(failed)? {
        if stop.comes_within(None).await {
            break;
        }
    }
    Ok(())
}

impl Stop {
    fn prepare() -> Result<Self, Failure> {
        let failed = |error| Failure::failed("cannot listen to signals", error);
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
        })
    }

    /// Whether it is asked for within this time; without one, by now.
    async fn comes_within(&mut self, time: Option<Duration>) -> bool {
        let passed = async {
            match time {
                Some(time) => tokio::time::sleep(time).await,
                None => tokio::task::yield_now().await,
            }
        };
        tokio::select! {
            biased;
            () = self.asked_for() => true,
            () = passed => false,
        }
    }

    async fn asked_for(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

impl Teller<'_> {
    /// Tells the diagnosis, if it is another than before.
    fn look(&mut self, gathering: &Gathering) {
        let context = self.args.context();
        let found = diagnose(gathering.so_far(), &context, self.args.egress());
        let essence = essence(&found);
        if self.told.as_ref() == Some(&essence) || (self.told.is_none() && essence.0.is_none()) {
            return;
        }
        self.tell(&found);
        self.told = Some(essence);
    }

    fn tell(&self, found: &Diagnosis) {
        if self.args.output.json {
            self.printer
                .line(serde_json::to_string(found).unwrap_or_default());
        } else {
            let head = if self.told.is_some() {
                "the diagnosis has changed"
            } else {
                "a diagnosis"
            };
            self.printer.line(format_args!("--- {head}"));
            self.printer.raw(interim(found).to_text().as_bytes());
        }
        self.printer.flush();
    }
}

/// As short as it can be told. The ways out are for the end: while it goes on, they would hide what changes.
fn interim(found: &Diagnosis) -> Document {
    let ways = WaysOut::default();
    if found.cause.is_none() {
        return explain(found, &ways);
    }
    let mut document = brief(found, &ways);
    document.sections.retain(|section| section.title != MORE);
    document
}

fn essence(found: &Diagnosis) -> Essence {
    let cause = found.cause.as_ref();
    let culprits = found.culprits.iter().take(MAX_CULPRITS);
    (
        cause.map(|cause| cause.class),
        cause.and_then(|cause| cause.registry.clone()),
        culprits.map(|culprit| culprit.name.clone()).collect(),
    )
}

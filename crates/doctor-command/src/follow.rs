//! `--follow`: keeps reading what grows, and tells when the diagnosis changes.
//!
//! Memory is bounded as in a single run. A file that became shorter was begun anew, and is read from its beginning.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use forebay_doctor::{Class, Diagnosis, diagnose, explain};
use forebay_terminal::{ExitStatus, Failure, Printer};

use crate::command::Args;
use crate::gathering::Gathering;
use crate::read::{INPUT_NAME, READ_BYTES, STDIN, cannot_read};

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// After so many parts in a row a diagnosis is made, though more is there to be read.
const MAX_PARTS: usize = 64;

/// The most culprits by which diagnoses are told apart.
const MAX_CULPRITS: usize = 5;

/// What makes one diagnosis another: counts alone do not.
type Essence = (Option<Class>, Option<String>, Vec<String>);

/// The diagnosis that was told last.
struct Teller<'a> {
    args: &'a Args,
    printer: &'a Printer,
    told: Option<Essence>,
}

/// A file, and up to where it was read.
struct Growing {
    path: PathBuf,
    read: u64,
}

/// Follows until standard input ends, or for ever.
///
/// # Errors
/// Which file cannot be read, and why; or more than one is named.
pub(crate) async fn follow(
    args: &Args,
    mut gathering: Gathering,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    let mut teller = Teller {
        args,
        printer,
        told: None,
    };
    match args.files.as_slice() {
        [] => follow_input(&mut gathering, &mut teller)?,
        [file] if file == Path::new(STDIN) => follow_input(&mut gathering, &mut teller)?,
        [file] => follow_file(file, &mut gathering, &mut teller).await?,
        _ => {
            let what = "--follow reads one file, as lines of several would be one text";
            return Err(Failure::plain(what).with_hint("tail -F one two | forebay doctor --follow"));
        }
    }
    Ok(teller.status())
}

fn follow_input(gathering: &mut Gathering, teller: &mut Teller<'_>) -> Result<(), Failure> {
    gathering.begin(INPUT_NAME);
    let mut input = io::stdin().lock();
    let mut bytes = vec![0; READ_BYTES];
    let mut parts = 0;
    loop {
        match input.read(&mut bytes) {
            Ok(0) => break,
            Ok(length) => {
                gathering.push(&bytes[..length]);
                parts += 1;
                // A part that is not full is the last that is there.
                if length < READ_BYTES || parts >= MAX_PARTS {
                    parts = 0;
                    teller.look(gathering);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(cannot_read(Path::new(STDIN), error)),
        }
    }
    gathering.settle();
    teller.look(gathering);
    Ok(())
}

async fn follow_file(
    path: &Path,
    gathering: &mut Gathering,
    teller: &mut Teller<'_>,
) -> Result<(), Failure> {
    let mut growing = Growing {
        path: path.to_owned(),
        read: 0,
    };
    gathering.begin(&path.display().to_string());
    loop {
        growing
            .read_on(gathering)
            .map_err(|error| cannot_read(path, error))?;
        teller.look(gathering);
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = tokio::signal::ctrl_c() => return Ok(()),
        }
    }
}

impl Growing {
    /// Reads what was added. A file that is not there at the moment is being rotated.
    fn read_on(&mut self, gathering: &mut Gathering) -> io::Result<()> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.read > 0 => {
                self.read = 0;
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if file.metadata()?.len() < self.read {
            self.read = 0;
            gathering.begin(&self.path.display().to_string());
        }
        file.seek(SeekFrom::Start(self.read))?;
        let mut bytes = vec![0; READ_BYTES];
        for _ in 0..MAX_PARTS {
            let length = file.read(&mut bytes)?;
            if length == 0 {
                break;
            }
            gathering.push(&bytes[..length]);
            self.read += length as u64;
        }
        Ok(())
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
            // The ways out are for the end: while it goes on, they would hide what changes.
            self.printer.raw(explain(found, &[]).to_text().as_bytes());
        }
        self.printer.flush();
    }

    fn status(&self) -> ExitStatus {
        match &self.told {
            Some((Some(_), ..)) => ExitStatus::Findings,
            _ => ExitStatus::Ok,
        }
    }
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

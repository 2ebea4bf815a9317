//! What is to be done to set a client up: files, and what a person does or has done afterwards.
//!
//! A plan says the whole new text of each file. Whoever carries it out writes all files or none.

use std::collections::BTreeMap;

use forebay_setup_files::SetupError;

use crate::access::PullSecrets;
use crate::address::Address;
use crate::client::Client;
use crate::password::Password;

/// The longest client file that is read, in bytes: all of them are written by hand or by a small program.
pub const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// What is asked for: that a client pull through Forebay.
#[derive(Clone, Debug)]
pub struct Order {
    /// Which client.
    pub client: Client,
    /// Where it finds Forebay.
    pub address: Address,
    /// Registries whose images it shall ask Forebay for, as image names begin: `docker.io`.
    pub upstreams: Vec<String>,
    /// Where those are found that stand apart, which a host of their own alone means: clients log in there with the account that they
    /// have at the registry.
    pub doors: BTreeMap<String, Address>,
    /// What the paths of a registry's images may begin with instead of its name: the operator's own prefix, or nothing where a
    /// bare path means it.
    pub paths: BTreeMap<String, String>,
    /// Whether it may go on to the registry itself when Forebay does not answer.
    pub fall_back: bool,
    /// Whether the address was given, and is not the one where Forebay's own configuration has it listen.
    pub is_address_given: bool,
    /// The client's own file, where it is not at its usual place.
    pub file: Option<String>,
}

impl Order {
    /// Where a registry's images are asked for.
    pub(crate) fn address_of(&self, registry: &str) -> &Address {
        self.doors.get(registry).unwrap_or(&self.address)
    }

    /// Whether a registry stands apart.
    pub(crate) fn is_apart(&self, registry: &str) -> bool {
        self.doors.contains_key(registry)
    }

    /// Those of its registries that stand apart, and where.
    pub(crate) fn apart(&self) -> impl Iterator<Item = (&str, &Address)> {
        let names = self.upstreams.iter().map(String::as_str);
        names.filter_map(|name| Some((name, self.doors.get(name)?)))
    }
}

/// Reads what is there. Paths are the client's own: whoever implements this puts another root before them.
pub trait Files {
    /// The text of a file; `None` if it is not there.
    fn read(&self, path: &str) -> Result<Option<String>, SetupError>;

    /// The names in a folder, in any order; none if it is not there.
    fn list(&self, path: &str) -> Result<Vec<String>, SetupError>;
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Files to write, those too that are right as they are.
    pub files: Vec<FileChange>,
    /// What is not a file of its own: arguments, and pieces for a file that is not known.
    pub snippets: Vec<Snippet>,
    /// What is run afterwards, by whoever carries the plan out or by a person.
    pub steps: Vec<Step>,
    /// What is run to undo those steps that were run, or left to a person.
    pub undo: Vec<Step>,
    /// What is asked before any of them is run.
    pub guard: Option<Guard>,
    /// What happens when Forebay does not answer.
    pub fall_through: Option<FallThrough>,
    /// What else should be known.
    pub notes: Vec<String>,
}

/// A file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    /// Its path, as the client knows it.
    pub path: String,
    /// What stands there; `None` if there is no such file.
    pub before: Option<String>,
    /// What shall stand there.
    pub after: String,
}

/// A piece of text to put where it belongs by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snippet {
    /// Where it belongs.
    pub title: &'static str,
    /// The text: whole lines.
    pub text: String,
}

/// A command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Program and arguments.
    pub command: Vec<String>,
    /// What goes to its standard input.
    pub input: Input,
    /// What it is for.
    pub why: &'static str,
    /// Whether it is run as a part of the set-up, or left to a person.
    pub is_run: bool,
    /// What is run instead where what it makes is there already.
    pub otherwise: Option<Otherwise>,
}

/// What is asked before steps are run: whether what they change or take away is a set-up's own, and what belongs to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Programs and arguments, asked in this order.
    pub questions: [Vec<String>; 2],
    /// What the steps are about, as a sentence goes on: `the secret a in the namespace b`.
    pub what: String,
    /// What can be done where it is somebody else's.
    pub hint: String,
    /// What knows the answers' meaning.
    pub(crate) reader: PullSecrets,
}

impl Guard {
    /// How what the steps are about stands, by what the questions were answered; `None` where it is somebody else's.
    pub fn weigh(&self, answers: &[String; 2]) -> Option<Standing> {
        self.reader.weigh(answers)
    }
}

/// How what steps are about stands, and what is run with them for that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is not there.
    Absent {
        /// What is run after the steps.
        then: Option<Step>,
    },
    /// It is a set-up's own.
    Own {
        /// What is run after the steps.
        then: Option<Step>,
        /// What is run before the steps that undo.
        undo: Option<Step>,
        /// What should be known when it is undone.
        note: Option<&'static str>,
    },
}

/// The command for what is there already, with the same input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Otherwise {
    /// What the first command says where it fails for that.
    pub said: &'static str,
    /// Program and arguments.
    pub command: Vec<String>,
}

/// What goes to a command's standard input.
#[derive(Clone, PartialEq, Eq)]
pub enum Input {
    /// Nothing.
    Nothing,
    /// This text, which may be shown.
    Text(String),
    /// This text, which holds a password.
    Secret {
        /// The text.
        text: String,
        /// The password in it.
        password: Password,
    },
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nothing => f.write_str("Nothing"),
            Self::Text(text) => f.debug_tuple("Text").field(text).finish(),
            Self::Secret { .. } => f.write_str("Secret(***)"),
        }
    }
}

/// What a client does when Forebay does not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FallThrough {
    /// It asks nobody else: how that is so.
    Closed(&'static str),
    /// It goes on to the registry, under the pull limit of its own address: why, and what could be done.
    Open(&'static str),
}

impl Plan {
    /// With a note more.
    #[must_use]
    pub(crate) fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// With a note more, if it is so.
    #[must_use]
    pub(crate) fn note_if(self, is_so: bool, text: &str) -> Self {
        if is_so { self.note(text) } else { self }
    }

    /// With a command that a person runs afterwards.
    #[must_use]
    pub(crate) fn then(mut self, why: &'static str, command: &[&str]) -> Self {
        self.steps.push(Step::by_hand(why, command));
        self
    }

    /// With what happens when Forebay does not answer.
    #[must_use]
    pub(crate) fn falls(mut self, fall_through: FallThrough) -> Self {
        self.fall_through = Some(fall_through);
        self
    }

    /// With a piece of text more.
    #[must_use]
    pub(crate) fn snippet(mut self, snippet: Snippet) -> Self {
        self.snippets.push(snippet);
        self
    }

    /// With a file more.
    #[must_use]
    pub(crate) fn file(mut self, change: FileChange) -> Self {
        self.files.push(change);
        self
    }
}

impl FileChange {
    /// Whether there is anything to write.
    pub fn is_change(&self) -> bool {
        self.before.as_deref() != Some(self.after.as_str())
    }
}

impl Step {
    pub(crate) fn by_hand(why: &'static str, command: &[&str]) -> Self {
        Self {
            command: command.iter().map(|&part| part.to_owned()).collect(),
            input: Input::Nothing,
            why,
            is_run: false,
            otherwise: None,
        }
    }

    pub(crate) fn run(why: &'static str, command: &[&str], input: Input) -> Self {
        Self {
            input,
            is_run: true,
            ..Self::by_hand(why, command)
        }
    }

    /// With another command where the first one fails and says this.
    #[must_use]
    pub(crate) fn or_where_it_says(mut self, said: &'static str, command: &[&str]) -> Self {
        let command = command.iter().map(|&part| part.to_owned()).collect();
        self.otherwise = Some(Otherwise { said, command });
        self
    }
}

/// Makes a plan, and makes it again on what it made: one that would not come out the same is not to be trusted with the
/// files, however it came about.
pub(crate) fn made_once(
    files: &dyn Files,
    make: impl Fn(&dyn Files) -> Result<Plan, SetupError>,
) -> Result<Plan, SetupError> {
    let plan = make(files)?;
    let is_done = |again: Plan| !again.files.iter().any(FileChange::is_change);
    let after = After {
        files,
        changes: &plan.files,
    };
    if make(&after).is_ok_and(is_done) {
        return Ok(plan);
    }
    let changed = plan.files.iter().find(|change| change.is_change());
    let path = changed.map_or("a file", |change| &change.path);
    let what = "it is written in a way that cannot be added to";
    let hint = "write it in the usual form, as lines with indentation, or add by hand what is printed without the file";
    Err(SetupError::unmergeable(path, what, hint))
}

/// The files as they are after changes.
struct After<'a> {
    files: &'a dyn Files,
    changes: &'a [FileChange],
}

impl Files for After<'_> {
    fn read(&self, path: &str) -> Result<Option<String>, SetupError> {
        let change = self.changes.iter().find(|change| change.path == path);
        match change.filter(|change| change.is_change()) {
            Some(change) => Ok(Some(change.after.clone())),
            None => self.files.read(path),
        }
    }

    fn list(&self, path: &str) -> Result<Vec<String>, SetupError> {
        self.files.list(path)
    }
}

/// What must be known of the loopback address by clients in a network of their own.
pub(crate) fn refuse_loopback(order: &Order, whose: &str) -> Result<(), SetupError> {
    if !order.address.is_loopback() {
        return Ok(());
    }
    let what = format!(
        "{} is a loopback address, and {whose} has one of its own, where no Forebay listens",
        order.address
    );
    let hint = "say where it is seen from there, such as --address http://172.17.0.1:5000, and let Forebay listen \
                there: `listen` and `clients.allow` in its configuration";
    Err(SetupError::impossible(what, hint))
}

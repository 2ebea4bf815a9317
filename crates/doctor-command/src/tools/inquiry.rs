//! Asks one after the other, and hands the answers to who reads them.
//!
//! What cannot be asked is told, once where several calls meet the same.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use forebay_content::Clock;
use forebay_doctor::Moment;
use forebay_limits::counted;
use forebay_terminal::Printer;
use forebay_terminal::programs::keep_first;

use super::docker::{self, Ids, Kind, Past};
use super::ecs::Ear;
use super::log_files::Since;
use super::program::{Call, Tools, Trouble};
use super::{Args, log_files};
use crate::gathering::Gathering;

/// The first bytes of an answer that are kept: more than a refusal has.
const MAX_HEAD_BYTES: usize = 16 << 10;

/// Who is asked, and what came of it so far.
pub(super) struct Inquiry<'a, T> {
    tools: &'a T,
    gathering: &'a mut Gathering,
    printer: &'a Printer,
    answers: usize,
    /// Something was not answered without which nobody can say that nothing is wrong.
    is_open: bool,
    troubles: BTreeSet<String>,
    /// How many calls of a program met a trouble, by both.
    alike: BTreeMap<(&'static str, String), u64>,
}

/// How it went.
pub(super) struct Ended {
    /// Nobody said anything.
    pub(super) is_silent: bool,
    /// Something was not answered without which nobody can say that nothing is wrong.
    pub(super) is_open: bool,
    /// Who could not be asked, and why.
    pub(super) troubles: BTreeSet<String>,
}

impl<'a, T: Tools> Inquiry<'a, T> {
    pub(super) fn new(tools: &'a T, gathering: &'a mut Gathering, printer: &'a Printer) -> Self {
        Self {
            tools,
            gathering,
            printer,
            answers: 0,
            is_open: false,
            troubles: BTreeSet::new(),
            alike: BTreeMap::new(),
        }
    }

    /// Asks all who are to be asked.
    pub(super) async fn ask(&mut self, args: &Args, clock: &dyn Clock) {
        let past = Past {
            now: clock.now(),
            since: args.since,
        };
        if let Some(cluster) = args.cluster() {
            self.read_all(&cluster.calls()).await;
        }
        if args.docker {
            self.read_all(&docker::docker(past)).await;
            self.inspect(Kind::Containers).await;
        }
        if args.swarm {
            self.inspect(Kind::Services).await;
        }
        if args.journal {
            self.read_journal(past, &args.root).await;
        }
        if let Some(deployment) = args.deployment() {
            deployment.ask(self.tools, self).await;
        }
    }

    /// Reads the journal, and the log files of machines that have none.
    async fn read_journal(&mut self, past: Past, root: &Path) {
        let (before, was_empty) = (self.answers, self.gathering.is_empty());
        self.read(&docker::journal(past, root)).await;
        self.read_logs(root, past);
        let is_silent = was_empty && self.gathering.is_empty();
        // A runtime that has nothing to do is silent for days; a machine that keeps no journal tells nothing.
        self.is_open |= self.answers == before || is_silent && !log_files::has_journal(root);
        if is_silent {
            self.tell(format!(
                "neither a journal of docker, containerd or kubelet nor a log file under {} tells anything of that time: --root names another place, --since asks for more",
                root.display()
            ));
        }
    }

    /// What is to be known of the asking itself.
    pub(super) fn end(mut self) -> Ended {
        self.tell_alike();
        Ended {
            is_silent: self.answers == 0 && !self.troubles.is_empty(),
            is_open: self.is_open,
            troubles: self.troubles,
        }
    }

    async fn inspect(&mut self, kind: Kind) {
        let call = docker::list(kind);
        let mut ids = Ids::default();
        let listed = self.tools.run(&call, &mut |part| ids.push(part)).await;
        let told = ids.finish();
        if let Err(trouble) = listed.and(told.as_ref().map(drop).map_err(|()| Trouble::NoIds)) {
            self.note(&call, &trouble);
        }
        let (ids, left) = told.unwrap_or_default();
        if left > 0 {
            let looked_at = ids.len();
            self.tell(format!(
                "{call} names {left} more than the {looked_at} that are looked at: forebay doctor reads what docker inspect prints of them, too"
            ));
        }
        self.read_all(&docker::inspect(kind, &ids)).await;
    }

    async fn read_all(&mut self, calls: &[Call]) {
        for call in calls {
            if !self.read(call).await {
                return;
            }
        }
    }

    /// Reads what a program says; false if it is not there to be asked again.
    async fn read(&mut self, call: &Call) -> bool {
        self.begin(call);
        let gathering = &mut *self.gathering;
        let mut begin = Vec::new();
        let hear = &mut |part: &[u8]| {
            keep_first(&mut begin, part, MAX_HEAD_BYTES);
            gathering.push(part);
        };
        let ended = self.tools.run(call, hear).await;
        let ended = ended.and_then(|()| call.form.judge(&begin));
        let ended = self.settle(ended);
        let is_over = matches!(ended, Err(Trouble::Missing | Trouble::GivenUp(_)));
        self.count(call, ended);
        !is_over
    }

    /// A program that ended well may have told less than there is.
    fn settle(&mut self, ended: Result<(), Trouble>) -> Result<(), Trouble> {
        let is_whole = self.gathering.settle();
        ended.and(if is_whole {
            Ok(())
        } else {
            Err(Trouble::Broken)
        })
    }

    fn count(&mut self, call: &Call, ended: Result<(), Trouble>) {
        match ended {
            Ok(()) => self.answers += 1,
            Err(trouble) => self.note(call, &trouble),
        }
    }

    fn read_logs(&mut self, root: &Path, past: Past) {
        let from = Moment::from_unix_ms(past.now.0).before(past.since);
        let since = Since::new(from, self.gathering.context());
        for path in log_files::candidates(root) {
            self.gathering.begin(&path.display().to_string());
            let gathering = &mut *self.gathering;
            match log_files::read_tail(&path, since, &mut |part| gathering.push(part)) {
                Ok(skipped) => {
                    self.answers += 1;
                    if skipped > 0 {
                        let path = path.display();
                        self.tell(format!("the first {skipped} bytes of {path} were not read"));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => self.tell(format!("{} cannot be read: {error}", path.display())),
            }
        }
    }

    /// Tells it of the first call that meets it: with no credentials, say, they all do.
    fn note(&mut self, call: &Call, trouble: &Trouble) {
        self.is_open |= !call.is_beside;
        let is_of_program = matches!(trouble, Trouble::Missing | Trouble::GivenUp(_));
        if !is_of_program {
            let both = (call.program, trouble.to_string());
            let calls = self.alike.entry(both).or_default();
            *calls += 1;
            if *calls > 1 {
                return;
            }
        }
        let who = if is_of_program {
            call.program.to_owned()
        } else {
            call.to_string()
        };
        self.tell(format!("{who} {trouble}"));
    }

    /// Tells how many more calls met the same.
    fn tell_alike(&mut self) {
        let alike = std::mem::take(&mut self.alike);
        for ((program, _), calls) in alike.iter().filter(|(_, calls)| **calls > 1) {
            let more = counted(calls - 1, "more call");
            self.tell(format!("{program}: {more} failed in the same way"));
        }
    }

    /// Tells it once.
    fn tell(&mut self, trouble: String) {
        if !self.troubles.contains(&trouble) {
            self.printer.note(format_args!("note: {trouble}"));
            self.troubles.insert(trouble);
        }
    }
}

impl<T: Tools> Ear for Inquiry<'_, T> {
    fn begin(&mut self, call: &Call) {
        self.gathering.begin(&call.to_string());
    }

    fn hear(&mut self, part: &[u8]) {
        self.gathering.push(part);
    }

    fn left_out(&mut self, told: String) {
        self.tell(told);
    }

    /// Much of it may be denied, and the rest tell enough; of an answer that did not come as a whole, nobody knows what it told.
    fn end_of(&mut self, call: &Call, ended: Result<(), Trouble>) {
        let ended = self.settle(ended);
        let is_denied = matches!(ended, Err(Trouble::Failed { .. } | Trouble::Missing));
        self.is_open |= ended.is_err() && !is_denied;
        self.count(call, ended);
    }
}

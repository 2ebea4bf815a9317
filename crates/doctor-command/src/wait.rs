//! `--wait`: asks again and again until what was deployed runs, has failed for good, or takes too long.
//!
//! Only asks. What the answers mean is judged in `wait/`, without asking anybody.

mod ecs;
mod hopeless;
mod kube;
mod rollout;
mod standing;

use std::time::Duration;

use forebay_content::Clock;
use forebay_terminal::{Failure, Printer};
use serde::Serialize;
use serde_json::Value;

use crate::tools::{Bounded, Call, Deployment, Ear, KubeCluster, Tools, Trouble, read_answer};
use ecs::Scope;
use standing::Standing;

/// How often it is asked.
const ASK_EVERY: Duration = Duration::from_secs(10);

/// How often in a row nobody may answer.
const MAX_SILENCES: u32 = 6;

/// The most bytes of an answer that are read: of ten services, a hundred tasks, or a stack.
const MAX_ANSWER_BYTES: usize = 8 << 20;

/// What is waited for.
#[derive(Clone, Debug)]
pub(crate) struct Awaited {
    /// A cluster of Kubernetes.
    pub(crate) cluster: Option<KubeCluster>,
    /// A cluster of ECS.
    pub(crate) deployment: Option<Deployment>,
    /// For how long.
    pub(crate) timeout: Duration,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "end", content = "why")]
pub(crate) enum Ended {
    /// All of it runs.
    Runs(String),
    /// It will not run without being changed.
    Failed(String),
    /// It does not run yet.
    TookTooLong(String),
}

impl Ended {
    pub(crate) const fn is_good(&self) -> bool {
        matches!(self, Self::Runs(_))
    }
}

/// Waits for all of it.
///
/// # Errors
/// Nobody answers.
pub(crate) async fn wait(
    awaited: &Awaited,
    (tools, clock): (&impl Tools, &dyn Clock),
    printer: &Printer,
) -> Result<Ended, Failure> {
    let until = clock.monotonic() + awaited.timeout;
    let (mut silences, mut last, mut beside) = (0, String::new(), Vec::new());
    // Whether it was ever told how it stands.
    let mut is_told = false;
    let is_last = || clock.monotonic() + ASK_EVERY > until;
    loop {
        // One that hangs now may answer at the next look.
        let bounded = Bounded::new(tools, clock);
        let (standing, notes) = ask(awaited, &bounded).await;
        for note in notes.iter().filter(|note| !beside.contains(*note)) {
            printer.note(format_args!("note: {note}"));
        }
        beside = notes;
        match standing {
            Ok(Standing::Runs(what)) => return Ok(tell(Ended::Runs(what), printer)),
            Ok(Standing::Failed(why)) => return Ok(tell(Ended::Failed(why), printer)),
            Ok(Standing::Waits(why)) => {
                silences = 0;
                is_told = true;
                if why != last {
                    printer.note(format_args!("waiting: {why}"));
                    last = why;
                }
            }
            Err(silence) => {
                silences += 1;
                last = silence.told();
                let is_over = silences == MAX_SILENCES || !is_told && is_last();
                if is_over || matches!(silence.trouble, Trouble::Missing) {
                    return Err(silence.failure());
                }
                printer.note(format_args!("note: {last}"));
            }
        }
        if is_last() {
            return Ok(tell(Ended::TookTooLong(last), printer));
        }
        clock.sleep(ASK_EVERY).await;
    }
}

fn tell(ended: Ended, printer: &Printer) -> Ended {
    match &ended {
        Ended::Runs(what) => printer.note(format_args!("it runs: {what}")),
        Ended::Failed(why) => printer.note(format_args!("it has failed for good: {why}")),
        Ended::TookTooLong(why) => printer.note(format_args!("it does not run in time: {why}")),
    }
    ended
}

/// Nobody answered.
struct Silence {
    call: Call,
    trouble: Trouble,
}

/// What tells which services are a stack's, and the right for it: without it, all services of the cluster are judged.
const RESOURCES: (&str, &str) = ("list-stack-resources", "cloudformation:ListStackResources");

impl Silence {
    /// What it is judged by without this, if the others tell how it stands; who is not installed will tell nothing.
    fn told_beside(&self) -> Option<String> {
        let (act, right) = RESOURCES;
        let is_beside = self.call.args.get(1).is_some_and(|said| said == act)
            && matches!(self.trouble, Trouble::Failed { .. });
        is_beside.then(|| {
            format!(
                "{}; judged without it, by all services of the cluster: the right for it is {right}",
                self.told()
            )
        })
    }

    fn told(&self) -> String {
        format!("{} {}", self.call, self.trouble)
    }

    fn failure(self) -> Failure {
        let is_too_much = matches!(
            self.trouble,
            Trouble::SaidTooMuch(_) | Trouble::TooRich | Trouble::TookTooLong(_)
        );
        let is_whole = self.call.args.iter().any(|arg| arg == "--all-namespaces");
        let failure = Failure::failed(
            format!("nobody says whether it runs: {}", self.call.program),
            self.trouble,
        );
        if is_too_much && is_whole {
            failure.with_hint("--namespace NAME asks for one namespace alone")
        } else {
            failure
        }
    }
}

/// How it stands, and what there is to note beside.
async fn ask(awaited: &Awaited, tools: &impl Tools) -> (Result<Standing, Silence>, Vec<String>) {
    let mut heard = Heard::default();
    let standing = ask_all(awaited, tools, &mut heard).await;
    (standing, heard.notes)
}

async fn ask_all(
    awaited: &Awaited,
    tools: &impl Tools,
    heard: &mut Heard,
) -> Result<Standing, Silence> {
    let mut standing = Vec::new();
    if let Some(cluster) = &awaited.cluster {
        standing.push(ask_cluster(cluster, tools, heard).await?);
    }
    if let Some(deployment) = &awaited.deployment {
        let are_of_stack = deployment.ask_standing(tools, heard).await;
        if let Some(silence) = heard.silence.take() {
            return Err(silence);
        }
        let scope = match &deployment.stack {
            None => Scope::Cluster,
            Some(_) if are_of_stack => Scope::Stack,
            Some(_) => Scope::ClusterAndStack,
        };
        standing.push(ecs::judge(&heard.answers, scope));
    }
    Ok(Standing::of_all(standing))
}

async fn ask_cluster(
    cluster: &KubeCluster,
    tools: &impl Tools,
    heard: &mut Heard,
) -> Result<Standing, Silence> {
    let call = cluster.standing();
    let mut judge = kube::Judge::default();
    let asked = tools.ask_items(&call, &mut |item| judge.add(item)).await;
    asked.map_err(|trouble| Silence { call, trouble })?;
    if judge.wants_sets() {
        let call = cluster.replica_sets();
        let asked = tools.ask_items(&call, &mut |set| judge.add_set(set)).await;
        if let Err(trouble) = asked {
            let told = Silence { call, trouble }.told();
            heard.notes.push(format!(
                "{told}; without it nobody knows which pods are of the newest revision"
            ));
        }
    }
    Ok(judge.told())
}

/// What is answered of a deployment, as far as it is judged.
#[derive(Default)]
struct Heard {
    partial: Vec<u8>,
    is_cut: bool,
    answers: Vec<Value>,
    /// The first that was not answered.
    silence: Option<Silence>,
    /// What else is to be told.
    notes: Vec<String>,
}

impl Ear for Heard {
    fn begin(&mut self, _: &Call) {
        self.partial.clear();
        self.is_cut = false;
    }

    fn hear(&mut self, part: &[u8]) {
        self.is_cut |= self.partial.len() + part.len() > MAX_ANSWER_BYTES;
        if !self.is_cut {
            self.partial.extend_from_slice(part);
        }
    }

    fn left_out(&mut self, told: String) {
        self.notes.push(told);
    }

    fn end_of(&mut self, call: &Call, ended: Result<(), Trouble>) {
        let read = ended.and_then(|()| {
            if self.is_cut {
                return Err(Trouble::SaidTooMuch(MAX_ANSWER_BYTES as u64));
            }
            read_answer(&self.partial)
        });
        match read {
            Ok(answer) => self.answers.push(answer),
            Err(trouble) => {
                let silence = Silence {
                    call: call.clone(),
                    trouble,
                };
                if let Some(told) = silence.told_beside() {
                    self.notes.push(told);
                } else {
                    self.silence.get_or_insert(silence);
                }
            }
        }
    }
}

#[cfg(test)]
mod any_answers;
#[cfg(test)]
mod tests;

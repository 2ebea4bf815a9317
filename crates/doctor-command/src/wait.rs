//! `--wait`: asks again and again until what was deployed runs, has failed for good, or takes too long.
//!
//! Only asks. What the answers mean is judged in `wait/`, without asking anybody.

mod ecs;
mod kube;
mod standing;

use std::time::Duration;

use forebay_content::Clock;
use forebay_terminal::{Failure, Printer};
use serde::Serialize;
use serde_json::Value;

use crate::tools::{Bounded, Call, Deployment, Ear, KubeCluster, Tools, Trouble, read_answer};
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
/// Nothing was named to wait for, or nobody answers.
pub(crate) async fn wait(
    awaited: &Awaited,
    (tools, clock): (&impl Tools, &dyn Clock),
    printer: &Printer,
) -> Result<Ended, Failure> {
    if awaited.cluster.is_none() && awaited.deployment.is_none() {
        return Err(Failure::plain(
            "--wait wants --kube or --ecs: what is waited for",
        ));
    }
    let until = clock.monotonic() + awaited.timeout;
    let (mut silences, mut last) = (0, String::new());
    // Whether it was ever told how it stands.
    let mut is_told = false;
    let is_last = || clock.monotonic() + ASK_EVERY > until;
    loop {
        // One that hangs now may answer at the next look.
        let bounded = Bounded::new(tools, clock);
        match ask(awaited, &bounded).await {
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

impl Silence {
    fn told(&self) -> String {
        format!("{} {}", self.call, self.trouble)
    }

    fn failure(self) -> Failure {
        Failure::failed(
            format!("nobody says whether it runs: {}", self.call.program),
            self.trouble,
        )
    }
}

async fn ask(awaited: &Awaited, tools: &impl Tools) -> Result<Standing, Silence> {
    let mut standing = Vec::new();
    if let Some(cluster) = &awaited.cluster {
        let call = cluster.standing();
        let mut judge = kube::Judge::default();
        match tools.ask_items(&call, &mut |item| judge.add(item)).await {
            Ok(()) => standing.push(judge.told()),
            Err(trouble) => return Err(Silence { call, trouble }),
        }
    }
    if let Some(deployment) = &awaited.deployment {
        let mut heard = Heard::default();
        deployment.ask(tools, &mut heard).await;
        if let Some(silence) = heard.silence {
            return Err(silence);
        }
        let answers: Vec<&Value> = heard.answers.iter().collect();
        standing.push(ecs::judge(&answers, deployment.stack.is_some()));
    }
    Ok(Standing::of_all(standing))
}

/// What is answered of a deployment, as far as it is judged.
#[derive(Default)]
struct Heard {
    partial: Vec<u8>,
    is_cut: bool,
    answers: Vec<Value>,
    /// The first that was not answered.
    silence: Option<Silence>,
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
                let call = call.clone();
                self.silence.get_or_insert(Silence { call, trouble });
            }
        }
    }
}

#[cfg(test)]
mod tests;

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

use crate::tools::{Call, Deployment, KubeCluster, Tools, Trouble};
use standing::Standing;

/// How often it is asked.
const ASK_EVERY: Duration = Duration::from_secs(10);

/// How often in a row nobody may answer.
const MAX_SILENCES: u32 = 6;

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
        match ask(awaited, tools).await {
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
        match tools.ask(&call).await {
            Ok(answer) => standing.push(kube::judge(&answer.value)),
            Err(trouble) => return Err(Silence { call, trouble }),
        }
    }
    if let Some(deployment) = &awaited.deployment {
        let told = deployment.ask(tools).await;
        if let Some((call, trouble)) = told.troubles.into_iter().next() {
            return Err(Silence { call, trouble });
        }
        let answers: Vec<_> = told
            .answers
            .iter()
            .map(|(_, answer)| &answer.value)
            .collect();
        standing.push(ecs::judge(&answers, deployment.stack.is_some()));
    }
    Ok(Standing::of_all(standing))
}

#[cfg(test)]
mod tests;

//! The first way out of a flood that nothing explains: find who makes it. What comes after helps only once it has stopped.
//!
//! The commands are the diagnosis' open questions.

use super::{Ground, WayKind, WayOut};
use crate::Platform;

/// Docker tells in its log which service or container asks.
const LOGS: &str =
    "sudo forebay doctor --swarm --journal   # on a manager; reads /var/log/messages, too";

/// The way.
pub(super) fn way(ground: &Ground<'_>) -> WayOut {
    let why = "Every request of the address counts, and none succeeds until the flood stops: no account, plan or waiting helps before. \
               What was read does not name anything that can be stopped by a command.";
    let way = WayOut::new(WayKind::FindTheFlood, "find what floods the registry", why);
    let questions = ground.diagnosis.missing.iter();
    let asked: Vec<&str> = questions
        .filter(|missing| missing.is_who())
        .map(|missing| missing.command.as_str())
        .collect();
    let mut commands = if asked.is_empty() {
        "forebay doctor --connections   # on each machine".to_owned()
    } else {
        asked.join("\n")
    };
    let is_docker = !matches!(
        ground.facts.platform,
        Some(Platform::Kubernetes | Platform::Ecs | Platform::Ci)
    );
    if is_docker && !commands.contains("--journal") {
        commands.push('\n');
        commands.push_str(LOGS);
    }
    let text = if is_docker {
        "Ask where it is counted, and what Docker's logs say: both name who asks most."
    } else {
        "Ask where it is counted: it names who asks most."
    };
    way.run(
        text,
        commands,
    )
    .step(
        "Stop what they name: a container that restarts without a pause, a wrong tag that is asked for again and again, a job that pulls in a loop. About a minute later the registry answers again.",
        None,
    )
}

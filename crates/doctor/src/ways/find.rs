//! The first way out of a flood that nothing explains: find who makes it. What comes after helps only once it has stopped.
//!
//! The commands are the diagnosis' open questions.

use super::{Ground, WayKind, WayOut};

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
    let commands = if asked.is_empty() {
        "forebay doctor --connections   # on each machine".to_owned()
    } else {
        asked.join("\n")
    };
    way.run(
        "Ask where it is counted: each names who asks most.",
        commands,
    )
    .step(
        "Stop what they name: a container that restarts without a pause, a wrong tag that is asked for again and again, a job that pulls in a loop. About a minute later the registry answers again.",
        None,
    )
}

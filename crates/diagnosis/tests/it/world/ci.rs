//! CI's view: what runners print.

use super::{Say, World, iso};

/// `gh run view --log` of a run whose jobs are a matrix.
pub(crate) fn github(world: &World) -> String {
    let mut text = String::new();
    for (tick, actor) in world.in_order() {
        let stamp = iso(tick.at).replace('Z', ".9271701Z");
        let job = if actor.kind == "matrix" {
            format!("{} ({}, ubuntu)", actor.name, tick.run)
        } else {
            actor.name.clone()
        };
        let line = match &tick.say {
            Say::Pulling => format!("##[command]/usr/bin/docker pull {}", actor.image),
            Say::Pulled => format!("Status: Downloaded newer image for {}", actor.image),
            Say::Failed(why) => format!("##[error]Error response from daemon: {why}"),
            Say::Died(..) | Say::Waits => continue,
        };
        text += &format!(
            "{job}\tInitialize containers\t{stamp} {line}\n{job}\tInitialize containers\t{stamp} ##[endgroup]\n"
        );
    }
    text
}

/// The traces of GitLab's jobs, one for each run, by name.
pub(crate) fn gitlab(world: &World) -> Vec<(String, String)> {
    let mut traces: Vec<(String, String)> = Vec::new();
    for (tick, actor) in world.in_order() {
        let name = format!("{}-{}.log", actor.name, tick.run);
        let line = match &tick.say {
            Say::Pulling => format!("Pulling docker image {} ...", actor.image),
            Say::Pulled => format!(
                "Using docker image sha256:aa for {} with digest x@sha256:bb ...",
                actor.image
            ),
            Say::Failed(why) => format!(
                "WARNING: Failed to pull image with policy \"always\": Error response from daemon: {why} (manager.go:237:0s)"
            ),
            Say::Died(..) | Say::Waits => continue,
        };
        let stamped = format!("{} {line}\n", iso(tick.at));
        let head = format!(
            "Running with gitlab-runner 17.0.0 (44feccdf)\n  on {} x8a, system ID: r_1\n",
            actor.node
        );
        append(&mut traces, name, (&head, &stamped));
    }
    traces
}

/// The console of Jenkins' jobs, one after the other.
pub(crate) fn jenkins(world: &World) -> Vec<(String, String)> {
    let mut consoles: Vec<(String, String)> = Vec::new();
    for (tick, actor) in world.in_order() {
        let name = format!("{}.log", actor.name);
        let line = match &tick.say {
            Say::Pulling => format!("+ docker pull {}", actor.image),
            Say::Pulled => format!("Status: Downloaded newer image for {}", actor.image),
            Say::Failed(why) => format!("Error response from daemon: {why}"),
            Say::Died(..) | Say::Waits => continue,
        };
        let stamped = format!("{} {line}\n", iso(tick.at));
        let head = format!(
            "Started by timer\nRunning on {} in /var/lib/jenkins\n[Pipeline] stage\n",
            actor.node
        );
        append(&mut consoles, name, (&head, &stamped));
    }
    consoles
}

/// Adds a line to the log of that name, which begins with a head.
fn append(logs: &mut Vec<(String, String)>, name: String, (head, line): (&str, &str)) {
    if let Some((_, log)) = logs.iter_mut().find(|(known, _)| *known == name) {
        log.push_str(line);
    } else {
        logs.push((name, format!("{head}{line}")));
    }
}

//! The first way out of a crash loop: stop who floods the registry, mend what kills it, and let it pause between tries.
//!
//! Scaling to zero keeps the service and its settings; removing it is only suggested, with a warning.

use forebay_diagnosis::facts::safe;

use super::commands::{
    Aim, is_burst_of_jobs, lines, look, more_memory, numbers, pull_if_missing, scale_all,
    swarm_services,
};
use super::known::find_misnamed;
use super::{Ground, WayKind, WayOut};
use crate::document::Code;
use crate::{Class, OwnerKind, Suspect, Trigger};

/// The most patches of pull policies.
const MAX_PATCHES: usize = 3;

/// From so many services on, the command that brings them back has no room on one screen.
const MANY: usize = 9;

/// What stopping anything means.
const STOPS: &str =
    "what it does, nobody does until it runs again: this stops what still runs of it, too";

/// Stopping culprits, if there are any that a command can stop.
pub(super) fn way(ground: &Ground<'_>) -> Option<WayOut> {
    let culprits = &ground.diagnosis.culprits;
    let cause = ground.diagnosis.cause.as_ref()?;
    let trigger = cause.trigger.as_ref()?;
    let fault = match trigger {
        Trigger::CrashLoop { .. } => {
            "its containers cannot run, and each new try asks the registry"
        }
        Trigger::WrongImage => "it asks for an image that is not there, again and again",
        Trigger::WrongCredentials => "it shows credentials that are refused, again and again",
        _ => return None,
    };
    let first = culprits.first()?;
    let stop = all(ground, Aim::Stop);
    if stop.is_empty() {
        return None;
    }
    if !cause.class.is_limit() {
        return Some(before_a_flood(ground, trigger, stop));
    }
    let title = match culprits.len() + ground.diagnosis.more_culprits {
        1 => format!("stop {} first", first.name),
        number => format!("stop the {number} that flood the registry first"),
    };
    let why = format!(
        "{}: {fault}. As long as it goes on, no limit recovers, and no account, address or plan helps.",
        first.name
    );
    let mut way = WayOut::new(WayKind::StopTheCulprit, title, why);
    way = note_numbers(way, ground);
    way = way.run(
        "Stop it now. It keeps its settings; the last steps bring it back.",
        stop,
    );
    way = careful(way, culprits);
    way = mend(way, trigger, ground);
    way = pause(way, ground);
    way = way.run(
        "Let it run again, and see that it stays up.",
        all(ground, Aim::Start),
    );
    if swarm_services(culprits).len() >= MANY {
        way = way.can_wait();
    }
    Some(remove(way, culprits))
}

/// Where no limit is reached yet, mending goes first; stopping is for who cannot mend it now.
fn before_a_flood(ground: &Ground<'_>, trigger: &Trigger, stop: String) -> WayOut {
    let culprits = &ground.diagnosis.culprits;
    let name = culprits.first().map_or("it", |first| first.name.as_str());
    let why = "No limit was met. But what fails again and again may ask the registry each time, and use up the limit of all.";
    let way = if matches!(trigger, Trigger::CrashLoop { .. }) {
        let title = format!("mend {name}");
        let way = WayOut::new(WayKind::Mend, title, why);
        pause(mend(way, trigger, ground), ground)
    } else {
        let title = format!("let {name} rest, if it cannot be mended now");
        WayOut::new(WayKind::StopTheCulprit, title, why)
    };
    let way = note_numbers(way, ground).run(
        "If it cannot be mended now: stop it meanwhile. It keeps its settings.",
        stop,
    );
    careful(way, culprits).run(
        "When it is mended: let it run again.",
        all(ground, Aim::Start),
    )
}

/// What has to be known to stop it, and to bring it back as it was.
fn note_numbers(way: WayOut, ground: &Ground<'_>) -> WayOut {
    let way = match find_misnamed(&ground.diagnosis.culprits) {
        None => way,
        Some(owner) => way.step(
            format!(
                "Find its true name: no {} can be called {}, so that the commands leave it blank.",
                owner.kind, owner.name
            ),
            None,
        ),
    };
    let commands = numbers(&ground.diagnosis.culprits, ground.facts);
    if commands.is_empty() {
        return way;
    }
    way.run("Note first how it runs, to bring it back so.", commands)
}

fn careful(way: WayOut, culprits: &[Suspect]) -> WayOut {
    let mut owners = culprits.iter().filter_map(|culprit| culprit.owner.as_ref());
    if owners.any(|owner| owner.kind == OwnerKind::Pod) {
        return way.careful("a pod alone cannot be scaled, only deleted: what is in it is lost, and whatever made it may make it again. Keep its manifest first, as the command does");
    }
    if culprits.iter().any(is_burst_of_jobs) {
        return way.careful("this cancels all running jobs of that workflow, whoever started them");
    }
    way.careful(STOPS)
}

fn mend(way: WayOut, trigger: &Trigger, ground: &Ground<'_>) -> WayOut {
    match trigger {
        Trigger::CrashLoop { reason, exit_code } => {
            let code = exit_code.map_or_else(String::new, |code| format!(" (exit code {code})"));
            let meaning = exit_code.and_then(meaning).unwrap_or("its own log says what");
            let text = if reason.is_empty() {
                format!("Mend what ends its containers{code}: {meaning}.")
            } else {
                format!("Mend what ends its containers{code}: \u{201c}{reason}\u{201d}.")
            };
            let mount = reason.contains("bind source path does not exist");
            let first = ground.diagnosis.culprits.first();
            let look = first.and_then(|first| look(first, ground.facts));
            let step = way.step(text, look.map(Code::shell));
            if mount {
                let path = reason
                    .rsplit(": ")
                    .next()
                    .and_then(safe)
                    .unwrap_or_else(|| "<path>".to_owned());
                step.run(
                    "The folder has to be there on every node where it may run, or the mount has to name one that is.",
                    format!("ls -ld {path}   # on each node\nsudo mkdir -p {path}"),
                )
            } else if reason.contains("OOMKilled") || *exit_code == Some(137) {
                let raise = first.and_then(more_memory);
                step.step(
                    "Where it was out of memory: raise its limit, or have it use less.",
                    raise.map(Code::shell),
                )
            } else {
                step
            }
        }
        Trigger::WrongImage => way.step(
            "Correct the name or tag of its image; docker buildx imagetools inspect tells whether there is one.",
            None,
        ),
        _ => way.step(
            "Give it a login that is right; after a lockout wait 15 minutes without any try.",
            None,
        ),
    }
}

fn pause(way: WayOut, ground: &Ground<'_>) -> WayOut {
    let culprits = &ground.diagnosis.culprits;
    let has = |kind: OwnerKind| {
        let mut owners = culprits.iter().filter_map(|culprit| culprit.owner.as_ref());
        owners.any(|owner| owner.kind == kind)
    };
    if has(OwnerKind::SwarmService) {
        let policy = "deploy:\n  restart_policy:\n    condition: on-failure\n    delay: 30s\n    max_attempts: 5\n    window: 2m";
        return way
            .step(
                "Let a service that cannot run pause and give up, in the stack's file.",
                Some(Code::of("yaml", policy)),
            )
            .can_wait()
            .run(
                "The same for services that run already.",
                format!(
                    "for service in {}; do\n  docker service update --detach --restart-condition on-failure --restart-delay 30s --restart-max-attempts 5 \"$service\"\ndone",
                    swarm_services(culprits).join(" ")
                ),
            )
            .can_wait()
            .step(
                "Deploy without --with-registry-auth where images are public or already on the nodes, and name images by digest: then a new try asks nobody.",
                None,
            )
            .can_wait();
    }
    if has(OwnerKind::EcsService) {
        let region = ground.facts.region();
        return way.run(
            "Make ECS give up failing deployments.",
            lines(culprits, |kind, name, cluster| {
                (kind == OwnerKind::EcsService).then(|| {
                    format!("aws ecs update-service --region {region} --cluster {cluster} --service {name} --deployment-configuration 'deploymentCircuitBreaker={{enable=true,rollback=true}}'")
                })
            }),
        );
    }
    let asks = |culprit: &&Suspect| {
        let at_restart = culprit.at_restart.as_ref();
        at_restart.is_some_and(|at_restart| at_restart.asks != Some(false))
    };
    let patches = culprits.iter().filter(asks).filter_map(pull_if_missing);
    let patches: Vec<String> = patches.take(MAX_PATCHES).collect();
    if patches.is_empty() {
        return way;
    }
    way.run(
        "Where the tag does not move, set imagePullPolicy: IfNotPresent, so that a restart asks nobody. New pods come up with it.",
        patches.join("\n"),
    )
    .can_wait()
}

fn remove(way: WayOut, culprits: &[Suspect]) -> WayOut {
    let services = swarm_services(culprits);
    if services.is_empty() {
        return way;
    }
    way.run(
        "Only if it is not needed any more: remove it.",
        format!("docker service rm {}", services.join(" ")),
    )
    .careful(
        "this destroys the service and its settings; it cannot be undone. Keep its stack's file or docker service inspect's answer first",
    )
    .can_wait()
}

/// What an exit code most likely means.
const fn meaning(code: i64) -> Option<&'static str> {
    Some(match code {
        125..=127 => {
            "its command cannot be run: it is not there, not executable, or made for another processor"
        }
        134 | 139 => "its program crashes",
        137 => "it was killed: out of memory most likely, or by a liveness probe that failed",
        143 => "it was asked to end, by a liveness probe that failed most likely",
        _ => return None,
    })
}

/// One way for who pulls most and has no fault that could be mended: it rests, if it may.
pub(super) fn rest(ground: &Ground<'_>) -> Option<WayOut> {
    let culprits = &ground.diagnosis.culprits;
    let cause = ground.diagnosis.cause.as_ref()?;
    let first = culprits.first().filter(|_| cause.class.is_limit())?;
    let is_at_fault = way(ground).is_some();
    let stop = all(ground, Aim::Stop);
    if is_at_fault || stop.is_empty() {
        return None;
    }
    let why = match cause.class {
        Class::LoginLockout => {
            "Each further try with a wrong login begins the lockout anew, whoever makes it."
        }
        Class::PullLimit => {
            "It pulls most of those that were seen. While it rests, the pulls that become free are left for the others."
        }
        _ => "It pulls most of those that were seen. While it rests, the registry is asked less.",
    };
    let title = format!("let {} rest, if it may", first.name);
    let way = WayOut::new(WayKind::StopTheCulprit, title, why);
    let way = note_numbers(way, ground).run("Stop it meanwhile. It keeps its settings.", stop);
    Some(careful(way, culprits).run("Let it run again.", all(ground, Aim::Start)))
}

/// The commands for all that are named, and how many are not.
fn all(ground: &Ground<'_>, aim: Aim) -> String {
    let commands = scale_all(&ground.diagnosis.culprits, ground.facts, aim);
    match ground.diagnosis.more_culprits {
        more if more == 0 || commands.is_empty() => commands,
        more => format!(
            "{commands}\n# {more} more do the same, and are not named here: once these rest, run forebay doctor again on what is new"
        ),
    }
}

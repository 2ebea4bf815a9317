//! The first way out of a crash loop: stop who floods the registry, mend what kills it, and let it pause between tries.
//!
//! Scaling to zero keeps the service and its settings; removing it is only suggested, with a warning.

use super::{Ground, WayKind, WayOut};
use crate::document::Code;
use crate::facts::{MAX_NAMES, safe};
use crate::{OwnerKind, Suspect, Trigger};

/// The most services that one command names.
const MAX_SERVICES: usize = 40;

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
    let stop = scale_all(ground, Aim::Stop);
    if stop.is_empty() {
        return None;
    }
    if !cause.class.is_limit() {
        return Some(before_a_flood(ground, trigger, stop));
    }
    let title = match culprits.len() {
        1 => format!("stop {} first", first.name),
        number => format!("stop the {number} that flood the registry first"),
    };
    let why = format!(
        "{}: {fault}. As long as it goes on, no limit recovers, and no account, address or plan helps.",
        first.name
    );
    let mut way = WayOut::new(WayKind::StopTheCulprit, title, why);
    way = way.run(
        "Stop it now. It keeps its settings; the command that brings it back stands below.",
        stop,
    );
    way = careful_of_pods(way, culprits);
    way = mend(way, trigger, culprits);
    way = pause(way, ground);
    way = way.run(
        "Let it run again, and see that it stays up.",
        scale_all(ground, Aim::Start),
    );
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
        pause(mend(way, trigger, culprits), ground)
    } else {
        let title = format!("let {name} rest, if it cannot be mended now");
        WayOut::new(WayKind::StopTheCulprit, title, why)
    };
    let way = way.run(
        "If it cannot be mended now: stop it meanwhile. It keeps its settings.",
        stop,
    );
    careful_of_pods(way, culprits).run(
        "When it is mended: let it run again.",
        scale_all(ground, Aim::Start),
    )
}

fn careful_of_pods(way: WayOut, culprits: &[Suspect]) -> WayOut {
    let mut owners = culprits.iter().filter_map(|culprit| culprit.owner.as_ref());
    if owners.any(|owner| owner.kind == OwnerKind::Pod) {
        return way.careful("a pod alone cannot be scaled, only deleted: what is in it is lost, and whatever made it may make it again. Keep its manifest first, as the command does");
    }
    way
}

fn mend(way: WayOut, trigger: &Trigger, culprits: &[Suspect]) -> WayOut {
    match trigger {
        Trigger::CrashLoop { reason, exit_code } => {
            let code = exit_code.map_or_else(String::new, |code| format!(" (exit code {code})"));
            let text = if reason.is_empty() {
                format!("Mend what ends its containers{code}: its own log says what.")
            } else {
                format!("Mend what ends its containers{code}: \u{201c}{reason}\u{201d}.")
            };
            let mount = reason.contains("bind source path does not exist");
            let look = lines(&culprits[..culprits.len().min(1)], look);
            let step = way.step(text, (!look.is_empty()).then(|| Code::shell(look)));
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
            .run(
                "The same for services that run already.",
                format!(
                    "for service in {}; do\n  docker service update --detach --restart-condition on-failure --restart-delay 30s --restart-max-attempts 5 \"$service\"\ndone",
                    swarm_services(culprits).join(" ")
                ),
            )
            .step(
                "Deploy without --with-registry-auth where images are public or already on the nodes, and name images by digest: then a new try asks nobody.",
                None,
            );
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
    if has(OwnerKind::Container) {
        return way;
    }
    way.step(
        "Where the tag does not move, set imagePullPolicy: IfNotPresent, so that a restart asks nobody.",
        None,
    )
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
}

/// One command for each of the first culprits, and how many more there are.
fn lines(
    culprits: &[Suspect],
    command: impl Fn(OwnerKind, &str, &str) -> Option<String>,
) -> String {
    let mut commands: Vec<String> = culprits
        .iter()
        .filter_map(|culprit| {
            let owner = culprit.owner.as_ref()?;
            let namespace = culprit.namespace.as_deref().and_then(safe);
            let cluster = culprit.cluster.as_deref().and_then(safe);
            let place = if owner.kind == OwnerKind::EcsService {
                cluster.unwrap_or_else(|| "<cluster>".to_owned())
            } else {
                namespace.unwrap_or_else(|| "<namespace>".to_owned())
            };
            command(owner.kind, &safe(&owner.name)?, &place)
        })
        .collect();
    let more = commands.len().saturating_sub(MAX_NAMES);
    commands.truncate(MAX_NAMES);
    if more > 0 {
        commands.push(format!(
            "# and the same for the other {more}: --json names them all"
        ));
    }
    commands.join("\n")
}

/// What is done to all culprits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Aim {
    Stop,
    Start,
}

/// Stops all of them, or brings them back to what they were; empty if no command can.
fn scale_all(ground: &Ground<'_>, aim: Aim) -> String {
    let culprits = &ground.diagnosis.culprits;
    let facts = ground.facts;
    let number = |kind: OwnerKind, name: &str| match aim {
        Aim::Stop => "0".to_owned(),
        Aim::Start => {
            let known = facts.replicas.get(&(kind, name.to_owned()));
            known.map_or_else(|| "<replicas>".to_owned(), u64::to_string)
        }
    };
    let (global, replicated): (Vec<String>, Vec<String>) = swarm_services(culprits)
        .into_iter()
        .partition(|name| facts.once_per_node.contains(name));
    let mut commands = Vec::new();
    if !replicated.is_empty() {
        let scales: Vec<String> = replicated
            .iter()
            .map(|name| format!("{name}={}", number(OwnerKind::SwarmService, name)))
            .collect();
        commands.push(format!(
            "docker service scale --detach {}",
            scales.join(" ")
        ));
    }
    commands.extend(global.iter().map(|name| pause_global(name, aim)));
    let others = lines(culprits, |kind, name, place| {
        if kind == OwnerKind::EcsService {
            let count = number(kind, name);
            return Some(format!(
                "aws ecs update-service --region {} --cluster {place} --service {name} --desired-count {count}",
                facts.region()
            ));
        }
        match aim {
            Aim::Stop => stop(kind, name, place),
            Aim::Start => start(kind, name, place, &number(kind, name)),
        }
    });
    commands.extend((!others.is_empty()).then_some(others));
    commands.join("\n")
}

/// Docker refuses to scale a global service; a constraint that no node meets has the same effect.
fn pause_global(name: &str, aim: Aim) -> String {
    let flag = match aim {
        Aim::Stop => "--constraint-add",
        Aim::Start => "--constraint-rm",
    };
    format!("docker service update --detach {flag} node.labels.forebay-paused==true {name}")
}

/// The Swarm services among them: one command takes them all.
fn swarm_services(culprits: &[Suspect]) -> Vec<String> {
    let owners = culprits.iter().filter_map(|culprit| culprit.owner.as_ref());
    let services = owners.filter(|owner| owner.kind == OwnerKind::SwarmService);
    services
        .filter_map(|owner| safe(&owner.name))
        .take(MAX_SERVICES)
        .collect()
}

fn stop(kind: OwnerKind, name: &str, place: &str) -> Option<String> {
    Some(match kind {
        OwnerKind::Pod => format!(
            "kubectl --namespace {place} get pod {name} -o yaml > {name}.yaml && kubectl --namespace {place} delete pod {name}"
        ),
        OwnerKind::Container => format!("docker stop {name}"),
        OwnerKind::DaemonSet => patch_daemon_set(name, place, "\"true\""),
        OwnerKind::CronJob | OwnerKind::Job => suspend(kind, name, place, true),
        _ => return scale(kind, name, place, "0"),
    })
}

fn start(kind: OwnerKind, name: &str, place: &str, number: &str) -> Option<String> {
    Some(match kind {
        OwnerKind::Pod => format!("kubectl --namespace {place} apply -f {name}.yaml"),
        OwnerKind::Container => format!("docker start {name}"),
        OwnerKind::DaemonSet => patch_daemon_set(name, place, "null"),
        OwnerKind::CronJob | OwnerKind::Job => suspend(kind, name, place, false),
        _ => return scale(kind, name, place, number),
    })
}

fn scale(kind: OwnerKind, name: &str, place: &str, number: &str) -> Option<String> {
    let object = match kind {
        OwnerKind::Deployment => format!("deployment/{name} --replicas={number}"),
        OwnerKind::StatefulSet => format!("statefulset/{name} --replicas={number}"),
        OwnerKind::Workload => {
            format!("deployment/{name} --replicas={number}   # or statefulset/{name}")
        }
        _ => return None,
    };
    Some(format!("kubectl --namespace {place} scale {object}"))
}

fn suspend(kind: OwnerKind, name: &str, place: &str, is_suspended: bool) -> String {
    let object = if kind == OwnerKind::Job {
        "job"
    } else {
        "cronjob"
    };
    format!(
        "kubectl --namespace {place} patch {object} {name} --patch '{{\"spec\":{{\"suspend\":{is_suspended}}}}}'"
    )
}

/// A daemon set has no number: a label that no node has stops it.
fn patch_daemon_set(name: &str, place: &str, label: &str) -> String {
    format!(
        "kubectl --namespace {place} patch daemonset {name} --patch '{{\"spec\":{{\"template\":{{\"spec\":{{\"nodeSelector\":{{\"forebay-paused\":{label}}}}}}}}}}}}}'"
    )
}

fn look(kind: OwnerKind, name: &str, place: &str) -> Option<String> {
    Some(match kind {
        OwnerKind::SwarmService => format!("docker service ps --no-trunc {name}"),
        OwnerKind::EcsService => format!(
            "aws ecs describe-services --cluster {place} --services {name} --query 'services[].events[:5].message'"
        ),
        OwnerKind::Container => format!("docker logs --tail 50 {name}"),
        OwnerKind::Pod => format!("kubectl --namespace {place} logs {name} --previous --tail 50"),
        OwnerKind::Deployment | OwnerKind::Workload => {
            format!("kubectl --namespace {place} logs deployment/{name} --previous --tail 50")
        }
        OwnerKind::StatefulSet => {
            format!("kubectl --namespace {place} logs statefulset/{name} --previous --tail 50")
        }
        _ => return None,
    })
}

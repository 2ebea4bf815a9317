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
    let trigger = ground.diagnosis.cause.as_ref()?.trigger.as_ref()?;
    let fault = match trigger {
        Trigger::CrashLoop { .. } => {
            "its containers cannot run, and each new try asks the registry"
        }
        Trigger::WrongImage => "it asks for an image that is not there, again and again",
        Trigger::WrongCredentials => "it shows credentials that are refused, again and again",
        _ => return None,
    };
    let first = culprits.first()?;
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
        "Stop it now. It keeps its settings, and comes back by the same command.",
        scale_all(ground, true),
    );
    way = mend(way, trigger, culprits);
    way = pause(way, culprits);
    way = way.run(
        "Let it run again, and see that it stays up.",
        scale_all(ground, false),
    );
    Some(remove(way, culprits))
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
            let step = way.run(text, lines(&culprits[..culprits.len().min(1)], look));
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

fn pause(way: WayOut, culprits: &[Suspect]) -> WayOut {
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
    if has(OwnerKind::EcsService) || has(OwnerKind::EcsTaskFamily) {
        return way.run(
            "Let ECS give a deployment up that cannot work.",
            lines(culprits, |kind, name, cluster| {
                (kind == OwnerKind::EcsService).then(|| {
                    format!("aws ecs update-service --cluster {cluster} --service {name} --deployment-configuration 'deploymentCircuitBreaker={{enable=true,rollback=true}}'")
                })
            }),
        );
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

/// Stops all of them, or brings them back to what they were.
fn scale_all(ground: &Ground<'_>, is_stop: bool) -> String {
    let culprits = &ground.diagnosis.culprits;
    let number = |kind: OwnerKind, name: &str| {
        let known = ground.facts.replicas.get(&(kind, name.to_owned()));
        if is_stop {
            0
        } else {
            known.copied().unwrap_or(1)
        }
    };
    let services = swarm_services(culprits);
    if services.len() > 1 {
        let scales: Vec<String> = services
            .iter()
            .map(|name| format!("{name}={}", number(OwnerKind::SwarmService, name)))
            .collect();
        return format!("docker service scale --detach {}", scales.join(" "));
    }
    lines(culprits, |kind, name, place| {
        scale(kind, name, place, number(kind, name))
    })
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

fn scale(kind: OwnerKind, name: &str, place: &str, number: u64) -> Option<String> {
    Some(match kind {
        OwnerKind::SwarmService => format!("docker service scale {name}={number}"),
        OwnerKind::EcsService => format!(
            "aws ecs update-service --cluster {place} --service {name} --desired-count {number}"
        ),
        OwnerKind::Deployment | OwnerKind::StatefulSet => format!(
            "kubectl --namespace {place} scale {}/{name} --replicas={number}",
            if kind == OwnerKind::Deployment {
                "deployment"
            } else {
                "statefulset"
            }
        ),
        OwnerKind::Workload => format!(
            "kubectl --namespace {place} scale deployment/{name} --replicas={number}   # or statefulset/{name}"
        ),
        OwnerKind::CronJob => format!(
            "kubectl --namespace {place} patch cronjob {name} --patch '{{\"spec\":{{\"suspend\":{}}}}}'",
            number == 0
        ),
        OwnerKind::Job => format!(
            "kubectl --namespace {place} patch job {name} --patch '{{\"spec\":{{\"suspend\":{}}}}}'",
            number == 0
        ),
        OwnerKind::Container if number == 0 => format!("docker stop {name}"),
        OwnerKind::Container => format!("docker start {name}"),
        _ => return None,
    })
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

//! The commands that stop, start and look at what a platform runs, by its kind.
//!
//! Stopping keeps a thing and its settings. Names come through `known`: what is no name of its kind is left blank.

use forebay_diagnosis::facts::{Facts, MAX_NAMES, in_namespace};

use super::ci;
use super::known::{is_aws, is_kube, name_of};
use crate::{OwnerKind, Suspect, Trigger};

/// The most services that one command names; who is to be stopped beyond them is so by the next.
const SERVICES_A_COMMAND: usize = 40;

/// How many digits the minutes since 1970 have, from 1989 to 2160.
const MINUTE_DIGITS: usize = 8;

/// What is done to a culprit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    Stop,
    Start,
}

/// Stops all of them, or brings them back to what they were; empty if no command can.
pub(super) fn scale_all(culprits: &[Suspect], facts: &Facts, aim: Aim) -> String {
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
    for some in replicated.chunks(SERVICES_A_COMMAND) {
        let scales: Vec<String> = some
            .iter()
            .map(|name| format!("{name}={}", number(OwnerKind::SwarmService, name)))
            .collect();
        commands.push(format!(
            "docker service scale --detach {}",
            scales.join(" ")
        ));
    }
    commands.extend(global.iter().map(|name| pause_global(name, aim)));
    let others = lines(culprits, |kind, name, place| match (kind, aim) {
        (OwnerKind::EcsService, _) => Some(format!(
            "aws ecs update-service --region {} --cluster {place} --service {name} --desired-count {}",
            facts.region(),
            number(kind, name)
        )),
        (OwnerKind::Container, _) => Some(container(name, facts, aim)),
        (OwnerKind::EcsTaskFamily, _) => Some(schedule(name, facts, aim)),
        (_, Aim::Stop) => stop(kind, name, place),
        (_, Aim::Start) => start(kind, name, place, &number(kind, name)),
    });
    commands.extend((!others.is_empty()).then_some(others));
    commands.extend(jobs_of_cron_jobs(culprits, aim));
    if culprits.iter().any(is_burst_of_jobs) {
        commands.extend(ci::cancel(facts.ci, aim));
    }
    commands.join("\n")
}

/// The Jobs that `CronJob`s have made already: these go on, whatever becomes of their maker.
fn jobs_of_cron_jobs(culprits: &[Suspect], aim: Aim) -> Vec<String> {
    let mut named = Vec::new();
    let mut open = Vec::new();
    for culprit in culprits {
        let owner = culprit.owner.as_ref();
        let Some(owner) = owner.filter(|owner| owner.kind == OwnerKind::CronJob) else {
            continue;
        };
        let place = place_of(culprit);
        let jobs = culprit
            .tasks
            .iter()
            .filter_map(|pod| job_of(pod, &owner.name));
        let before = named.len();
        named.extend(jobs.map(|job| suspend(OwnerKind::Job, job, &place, aim == Aim::Stop)));
        if named.len() == before {
            let any = suspend(OwnerKind::Job, "<job>", &place, aim == Aim::Stop);
            open.push(format!(
                "{any}   # each that still runs: kubectl --namespace {place} get jobs"
            ));
        }
    }
    first_of(each_once(named.into_iter().chain(open)))
}

/// `importer-28401230` of its pod `importer-28401230-xk2lm`: the minute for which the `CronJob` made it, since 1970.
fn job_of<'a>(pod: &'a str, cron_job: &str) -> Option<&'a str> {
    let (job, _) = pod.rsplit_once('-').filter(|_| is_kube(pod))?;
    let minute = job.strip_prefix(cron_job)?.strip_prefix('-')?;
    let is_minute =
        minute.len() >= MINUTE_DIGITS && minute.bytes().all(|byte| byte.is_ascii_digit());
    is_minute.then_some(job)
}

/// Jobs that run at once: one job alone has ended by the pull that failed, and there is nothing to cancel.
pub(super) fn is_burst_of_jobs(culprit: &Suspect) -> bool {
    let owner = culprit.owner.as_ref();
    owner.is_some_and(|owner| owner.kind == OwnerKind::CiJob)
        && culprit.trigger == Some(Trigger::CiBurst)
}

/// Shows how many run, or how it is restarted, of those of whom nothing tells; empty if all is known.
pub(super) fn numbers(culprits: &[Suspect], facts: &Facts) -> String {
    let is_unknown =
        |kind: OwnerKind, name: &str| !facts.replicas.contains_key(&(kind, name.to_owned()));
    let mut commands = Vec::new();
    let is_open = |name: &String| {
        !facts.once_per_node.contains(name) && is_unknown(OwnerKind::SwarmService, name)
    };
    if swarm_services(culprits).iter().any(is_open) {
        commands.push("docker service ls".to_owned());
    }
    let others = lines(culprits, |kind, name, place| {
        match kind {
        OwnerKind::Container => (!facts.restart_policies.contains_key(name)).then(|| {
            format!(
                "docker inspect --format '{{{{.HostConfig.RestartPolicy.Name}}}}:{{{{.HostConfig.RestartPolicy.MaximumRetryCount}}}}' {name}"
            )
        }),
        _ if !is_unknown(kind, name) => None,
        OwnerKind::EcsService => Some(format!(
            "aws ecs describe-services --region {} --cluster {place} --services {name} --query 'services[].[serviceName,desiredCount]' --output text",
            facts.region()
        )),
        OwnerKind::Deployment => Some(format!("kubectl --namespace {place} get deployment/{name}")),
        OwnerKind::StatefulSet => {
            Some(format!("kubectl --namespace {place} get statefulset/{name}"))
        }
        OwnerKind::Workload => {
            Some(format!("kubectl --namespace {place} get deployments,statefulsets,daemonsets"))
        }
        _ => None,
    }
    });
    commands.extend((!others.is_empty()).then_some(others));
    commands.join("\n")
}

/// One command for each of the first culprits, and how many more there are.
pub(super) fn lines(
    culprits: &[Suspect],
    command: impl Fn(OwnerKind, &str, &str) -> Option<String>,
) -> String {
    let commands = each_once(culprits.iter().filter_map(|culprit| {
        let owner = culprit.owner.as_ref()?;
        command(owner.kind, &name_of(owner)?, &place_of(culprit))
    }));
    first_of(commands).join("\n")
}

/// The first commands, and how many more there are.
fn first_of(mut commands: Vec<String>) -> Vec<String> {
    let more = commands.len().saturating_sub(MAX_NAMES);
    commands.truncate(MAX_NAMES);
    if more > 0 {
        commands.push(format!(
            "# and the same for the other {more}: --json names them all"
        ));
    }
    commands
}

/// The cluster of ECS, or the namespace.
pub(super) fn place_of(suspect: &Suspect) -> String {
    let is_of_ecs = |owner: &crate::Owner| {
        matches!(owner.kind, OwnerKind::EcsService | OwnerKind::EcsTaskFamily)
    };
    let (name, open) = if suspect.owner.as_ref().is_some_and(is_of_ecs) {
        (
            suspect.cluster.as_deref().filter(|name| is_aws(name)),
            "<cluster>",
        )
    } else {
        (namespace_of(suspect), "<namespace>")
    };
    name.unwrap_or(open).to_owned()
}

fn namespace_of(suspect: &Suspect) -> Option<&str> {
    suspect.namespace.as_deref().filter(|name| is_kube(name))
}

fn container_of(suspect: &Suspect) -> Option<&str> {
    suspect.container.as_deref().filter(|name| is_kube(name))
}

/// The Swarm services among them: one command takes many.
pub(super) fn swarm_services(culprits: &[Suspect]) -> Vec<String> {
    let owners = culprits.iter().filter_map(|culprit| culprit.owner.as_ref());
    let services = owners.filter(|owner| owner.kind == OwnerKind::SwarmService);
    each_once(services.filter_map(name_of))
}

/// Of several that are left blank, one is filled in after the other.
fn each_once(all: impl Iterator<Item = String>) -> Vec<String> {
    let mut once = Vec::new();
    for one in all {
        if !once.contains(&one) {
            once.push(one);
        }
    }
    once
}

/// What its containers say themselves.
pub(crate) fn look(suspect: &Suspect, facts: &Facts) -> Option<String> {
    let owner = suspect.owner.as_ref()?;
    let (name, place) = (name_of(owner)?, place_of(suspect));
    let namespace = in_namespace(namespace_of(suspect));
    let region = facts.region();
    let pod = suspect.tasks.iter().find(|task| is_kube(task));
    let container = container_of(suspect);
    let container = container.map_or_else(String::new, |name| format!(" --container {name}"));
    let logs_of =
        |target: &str| format!("kubectl{namespace} logs {target} --previous --tail 50{container}");
    Some(match (owner.kind, pod) {
        (OwnerKind::SwarmService, _) => {
            format!("docker service ps --no-trunc {name}\ndocker service logs --tail 50 {name}")
        }
        (OwnerKind::EcsService, _) => format!(
            "aws ecs describe-services --region {region} --cluster {place} --services {name} --query 'services[].events[:5].message'\n\
             aws logs tail {} --region {region} --since 1h",
            facts.log_group()
        ),
        (OwnerKind::EcsTaskFamily, _) => {
            format!(
                "aws logs tail {} --region {region} --since 1h",
                facts.log_group()
            )
        }
        (OwnerKind::Container, _) => format!("docker logs --tail 50 {name}"),
        (OwnerKind::CiJob | OwnerKind::Client, _) | (OwnerKind::Job | OwnerKind::CronJob, None) => {
            return None;
        }
        (_, Some(pod)) => format!("{}\nkubectl{namespace} describe pod {pod}", logs_of(pod)),
        (OwnerKind::Pod, None) => logs_of(&name),
        (OwnerKind::Deployment | OwnerKind::Workload, None) => {
            logs_of(&format!("deployment/{name}"))
        }
        (OwnerKind::StatefulSet, None) => logs_of(&format!("statefulset/{name}")),
        (OwnerKind::DaemonSet, None) => logs_of(&format!("daemonset/{name}")),
    })
}

/// Has the kubelet ask only for what is not there.
pub(super) fn pull_if_missing(suspect: &Suspect) -> Option<String> {
    let (kind, name) = maker_of_pods(suspect)?;
    let container = container_of(suspect).unwrap_or("<container>");
    Some(format!(
        "kubectl --namespace {} patch {kind} {name} --patch '{{\"spec\":{{\"template\":{{\"spec\":{{\"containers\":[{{\"name\":\"{container}\",\"imagePullPolicy\":\"IfNotPresent\"}}]}}}}}}}}'",
        place_of(suspect)
    ))
}

/// Lets its containers have more memory.
pub(super) fn more_memory(suspect: &Suspect) -> Option<String> {
    let owner = suspect.owner.as_ref()?;
    if owner.kind == OwnerKind::SwarmService {
        let name = name_of(owner)?;
        return Some(format!(
            "docker service update --detach --limit-memory <memory> {name}"
        ));
    }
    let (kind, name) = maker_of_pods(suspect)?;
    let container = container_of(suspect);
    let container = container.map_or_else(String::new, |name| format!(" --containers {name}"));
    Some(format!(
        "kubectl --namespace {} set resources {kind} {name}{container} --limits memory=<memory>",
        place_of(suspect)
    ))
}

/// What makes its pods anew when it is changed.
fn maker_of_pods(suspect: &Suspect) -> Option<(&'static str, String)> {
    let owner = suspect.owner.as_ref()?;
    let kind = match owner.kind {
        OwnerKind::Deployment | OwnerKind::Workload => "deployment",
        OwnerKind::StatefulSet => "statefulset",
        OwnerKind::DaemonSet => "daemonset",
        _ => return None,
    };
    Some((kind, name_of(owner)?))
}

/// Docker refuses to scale a global service; a constraint that no node meets has the same effect.
fn pause_global(name: &str, aim: Aim) -> String {
    let flag = match aim {
        Aim::Stop => "--constraint-add",
        Aim::Start => "--constraint-rm",
    };
    format!("docker service update --detach {flag} node.labels.forebay-paused==true {name}")
}

/// A restart policy would start it again.
fn container(name: &str, facts: &Facts, aim: Aim) -> String {
    let policy = facts.restart_policies.get(name);
    match aim {
        Aim::Stop => format!(
            "docker update --restart=no {name} && docker stop {name}   # where a unit of systemd runs it: sudo systemctl stop <unit>"
        ),
        Aim::Start => format!(
            "docker update --restart={} {name} && docker start {name}",
            policy.map_or("<policy>", String::as_str)
        ),
    }
}

/// Tasks of no service are started by somebody: a rule of `EventBridge`, most often.
fn schedule(family: &str, facts: &Facts, aim: Aim) -> String {
    let verb = match aim {
        Aim::Stop => "disable-rule",
        Aim::Start => "enable-rule",
    };
    format!(
        "aws events {verb} --region {} --name <rule>   # the one that starts tasks of {family}",
        facts.region()
    )
}

fn stop(kind: OwnerKind, name: &str, place: &str) -> Option<String> {
    Some(match kind {
        OwnerKind::Pod => format!(
            "kubectl --namespace {place} get pod {name} -o yaml > {name}.yaml && kubectl --namespace {place} delete pod {name}"
        ),
        OwnerKind::DaemonSet => patch_daemon_set(name, place, "\"true\""),
        OwnerKind::CronJob | OwnerKind::Job => suspend(kind, name, place, true),
        _ => return scale(kind, name, place, "0"),
    })
}

fn start(kind: OwnerKind, name: &str, place: &str, number: &str) -> Option<String> {
    Some(match kind {
        OwnerKind::Pod => format!("kubectl --namespace {place} apply -f {name}.yaml"),
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
            let label = if number == "0" { "\"true\"" } else { "null" };
            let of_daemon_set = patch_daemon_set(name, place, label);
            format!(
                "deployment/{name} --replicas={number}   # or statefulset/{name}; if it is a DaemonSet: {of_daemon_set}"
            )
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
        "kubectl --namespace {place} patch daemonset {name} --patch '{{\"spec\":{{\"template\":{{\"spec\":{{\"nodeSelector\":{{\"forebay-paused\":{label}}}}}}}}}}}'"
    )
}

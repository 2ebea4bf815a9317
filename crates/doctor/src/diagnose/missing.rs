//! What the evidence cannot tell, and the exact command that would.
//!
//! Commands only read; names that are not known stand in angle brackets.

use serde::Serialize;

use super::culprit::Suspect;
use super::platform::Platform;
use super::scope::Scope;
use crate::facts::safe;
use crate::{Class, Egress, Event, Evidence, Format, What};

/// The most questions.
const MAX_QUESTIONS: usize = 8;

/// A question that is open, and how to answer it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// What is not known.
    pub question: &'static str,
    /// The command whose output would tell.
    pub command: String,
}

impl Missing {
    /// Whether it asks who makes the requests.
    pub(crate) fn is_who(&self) -> bool {
        self.question == WHO
    }
}

/// The question for the culprit.
const WHO: &str = "who makes the requests?";

/// What is known so far.
pub(crate) struct Known<'a> {
    pub(crate) evidence: &'a Evidence,
    pub(crate) class: Class,
    pub(crate) platforms: &'a [Platform],
    pub(crate) culprits: &'a [Suspect],
    pub(crate) scope: &'a Scope,
}

/// The open questions, the most useful first.
pub(crate) fn missing(known: &Known<'_>) -> Vec<Missing> {
    let mut questions = Vec::new();
    if !known.class.is_cause() {
        questions.extend(why(known));
    }
    if known.culprits.is_empty() && known.class.is_limit() {
        questions.extend(who(known));
    }
    if known.class.is_limit() && known.scope.egress == Egress::Unknown {
        questions.push(Missing {
            question: "do the machines share an address?",
            command: "curl -4 -s https://checkip.amazonaws.com   # on two machines; or: forebay doctor --egress shared".to_owned(),
        });
    }
    questions.truncate(MAX_QUESTIONS);
    questions
}

/// Only symptoms are known: where the cause stands.
fn why(known: &Known<'_>) -> Vec<Missing> {
    let question = "why did the pull fail?";
    let symptom = known
        .evidence
        .events
        .iter()
        .find(|event| matches!(event.what, What::PullFailed | What::BackedOff));
    let commands: Vec<String> = known
        .platforms
        .iter()
        .flat_map(|platform| commands_for_cause(*platform, symptom))
        .collect();
    let commands = if commands.is_empty() {
        vec!["journalctl -u docker -u containerd --since '-1 h' | forebay doctor -".to_owned()]
    } else {
        commands
    };
    commands
        .into_iter()
        .map(|command| Missing { question, command })
        .collect()
}

/// Names come from the evidence, which anybody may have written: what a shell would take for more than a name stays open.
fn commands_for_cause(platform: Platform, symptom: Option<&Event>) -> Vec<String> {
    let place = symptom.map(|event| &event.place);
    let task = place.and_then(|place| place.task.as_deref()).and_then(safe);
    match platform {
        Platform::Kubernetes => {
            let namespace = place.and_then(|place| place.namespace.as_deref());
            let (pod, namespace) = (or(task, "<pod>"), or_open(namespace, "<namespace>"));
            vec![
                format!("kubectl describe pod {pod} --namespace {namespace} | forebay doctor -"),
                "kubectl get events -A --sort-by=.lastTimestamp | forebay doctor -".to_owned(),
            ]
        }
        Platform::Swarm | Platform::Docker => {
            let node = or_open(place.and_then(|place| place.node.as_deref()), "<node>");
            let owner = place.and_then(|place| place.owner.as_ref());
            let service = or_open(owner.map(|owner| owner.name.as_str()), "<service>");
            let mut commands = vec![format!(
                "ssh {node} journalctl -u docker --since \"'-1 h'\" | forebay doctor -"
            )];
            if platform == Platform::Swarm {
                commands.push(format!(
                    "docker service ps --no-trunc {service} | forebay doctor -"
                ));
            }
            commands
        }
        Platform::Ecs => {
            let cluster = place.and_then(|place| place.cluster.as_deref());
            let cluster = or_open(cluster, "<cluster>");
            let stopped = format!(
                "$(aws ecs list-tasks --cluster {cluster} --desired-status STOPPED --query 'taskArns[]' --output text)"
            );
            let tasks = or(task, &stopped);
            vec![format!(
                "aws ecs describe-tasks --cluster {cluster} --tasks {tasks} | forebay doctor -"
            )]
        }
        Platform::Ci => vec!["gh run view --log-failed <run> | forebay doctor -".to_owned()],
    }
}

/// The name, if it is nothing but one, or what stands for it.
fn or_open(name: Option<&str>, open: &str) -> String {
    or(name.and_then(safe), open)
}

fn or(name: Option<String>, open: &str) -> String {
    name.unwrap_or_else(|| open.to_owned())
}

/// The limit is known, but not who used it up.
fn who(known: &Known<'_>) -> Vec<Missing> {
    let has = |format: Format| {
        known
            .evidence
            .events
            .iter()
            .any(|event| event.format == format)
    };
    let ask = |command: &str| Missing {
        question: WHO,
        command: command.to_owned(),
    };
    let mut questions = Vec::new();
    for platform in known.platforms {
        match platform {
            Platform::Kubernetes if !has(Format::KubeEvents) => questions.push(ask("kubectl get events -A --sort-by=.lastTimestamp | forebay doctor -")),
            Platform::Kubernetes => questions.push(ask("kubectl get pods -A -o json | forebay doctor -   # restarts and pull policies")),
            Platform::Swarm if !has(Format::Dockerd) => questions.push(ask("journalctl -u docker --since '-6 h' | forebay doctor -   # on each node: it names the service")),
            Platform::Swarm => questions.push(ask("docker service inspect $(docker service ls -q) | forebay doctor -   # restart policies")),
            Platform::Docker => questions.push(ask("docker events --since 6h --until 0s --format '{{json .}}' | forebay doctor -")),
            Platform::Ecs => questions.push(ask("aws ecs describe-services --cluster <cluster> --services <service> | forebay doctor -")),
            Platform::Ci => questions.push(ask("gh run list --limit 200 --json name,createdAt,event   # how many jobs ran in the last six hours")),
        }
    }
    let others = if known.scope.egress == Egress::Shared {
        "forebay doctor --flow-logs <file>   # of the NAT gateway: other machines share its address"
    } else {
        "forebay doctor --connections   # on each machine: connections to registries by process, container and service"
    };
    questions.push(ask(others));
    questions
}

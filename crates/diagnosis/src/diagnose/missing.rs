//! What the evidence cannot tell, and the exact command that would.
//!
//! Commands only read; names that are not known stand in angle brackets.

use forebay_evidence::{CiSystem, Class, Event, Evidence, Format, Owner, OwnerKind, Place, What};
use serde::Serialize;

use super::cause::is_own;
use super::culprit::Suspect;
use super::platform::{Platform, platform_of};
use super::scope::Scope;
use super::tally::named;
use crate::Egress;
use crate::facts::{MAX_NAMES, in_namespace, is_launch_type_told, main_ci, safe};

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
    /// Whether what to do depends on it.
    pub fn is_urgent(&self) -> bool {
        [WHY, WHY_IT_WAITS, WHO, DOES_IT_PULL, WHERE].contains(&self.question)
    }

    /// Whether it asks who makes the requests.
    pub fn is_who(&self) -> bool {
        self.question == WHO
    }
}

/// The most workloads of a platform of which it is asked why.
const MAX_SYMPTOMS: usize = 3;

/// How many services one call describes (API reference of ECS, `DescribeServices`).
const SERVICES_A_CALL: usize = 10;

/// The question for the cause.
const WHY: &str = "why did the pull fail?";

/// The question for what a restart asks.
const DOES_IT_PULL: &str = "does each restart pull?";

/// The same where nothing tells that a pull did.
pub(crate) const WHY_IT_WAITS: &str = "why does it not come up?";

/// The question for the culprit.
const WHO: &str = "who makes the requests?";

/// The question for the launch type: on Fargate there is no setting for a mirror.
const WHERE: &str = "does ECS run it on Fargate, or on machines of your own?";

/// What is known so far.
pub(crate) struct Known<'a> {
    pub(crate) evidence: &'a Evidence,
    pub(crate) class: Class,
    pub(crate) platforms: &'a [Platform],
    /// Whether nothing is told but that something waits.
    pub(crate) only_waits: bool,
    pub(crate) culprits: &'a [Suspect],
    pub(crate) victims: &'a [Suspect],
    pub(crate) scope: &'a Scope,
}

impl Known<'_> {
    /// The cluster of ECS, where any event names it.
    fn cluster(&self) -> Option<&str> {
        let of_ecs = |event: &&Event| matches!(event.format, Format::Ecs | Format::EcsEvents);
        let mut events = self.evidence.events.iter().filter(of_ecs);
        events.find_map(|event| event.place.cluster.as_deref())
    }
}

/// The open questions, the most useful first.
pub(crate) fn missing(known: &Known<'_>) -> Vec<Missing> {
    let mut questions = Vec::new();
    let explained = |event: &Event| {
        let owner = event.place.owner.as_ref();
        let mut suspects = known.culprits.iter().chain(known.victims);
        suspects.any(|suspect| suspect.owner.as_ref() == owner)
    };
    let is_beside = |event: &&Event| {
        is_symptom(event)
            && event.failure.is_some()
            && event.place.owner.is_some()
            && !explained(event)
    };
    // What one workload does itself, does not explain why the pulls of another fail.
    let is_left =
        is_own(known.class) && known.evidence.events.iter().any(|event| is_beside(&event));
    if is_left || !known.class.is_cause() {
        questions.extend(why(known));
    }
    questions.extend(known.culprits.iter().find_map(does_it_pull));
    if known.culprits.is_empty() && known.class.is_limit() {
        questions.extend(who(known));
    }
    questions.extend(where_it_runs(known));
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
    let ask = |command| Missing {
        question: if known.only_waits { WHY_IT_WAITS } else { WHY },
        command,
    };
    let cluster = known.cluster();
    let mut commands: Vec<String> = Vec::new();
    for platform in known.platforms {
        let symptoms = known
            .evidence
            .events
            .iter()
            .filter(|event| is_symptom(event));
        let of_platform = symptoms.filter(|event| platform_of(event) == Some(*platform));
        let mut told: Vec<String> = Vec::new();
        for event in of_platform {
            if told.len() >= MAX_SYMPTOMS {
                break;
            }
            let command = command_for(*platform, event, (known, cluster));
            if !told.contains(&command) {
                told.push(command);
            }
        }
        commands.extend(told);
        commands.extend(command_for_all(*platform, known));
    }
    if commands.is_empty() {
        commands.push(
            "journalctl -u docker -u containerd --since '-1 h' | forebay doctor -".to_owned(),
        );
    }
    commands.into_iter().map(ask).collect()
}

/// A pod whose pull policy is not told: its own description as JSON has it.
fn does_it_pull(culprit: &Suspect) -> Option<Missing> {
    let pod = culprit.tasks.iter().find_map(|task| safe(task))?;
    let is_open = culprit.at_restart.as_ref()?.asks.is_none();
    let namespace = in_namespace(culprit.namespace.as_deref());
    is_open.then(|| Missing {
        question: DOES_IT_PULL,
        command: format!("kubectl get pod {pod}{namespace} -o json | forebay doctor -   # pull policy, image, exit code"),
    })
}

/// Whether an event shows that something went wrong, and not why.
pub(crate) fn is_symptom(event: &Event) -> bool {
    let failure = event.failure.as_ref();
    failure.is_some_and(|failure| !failure.class.is_cause())
        || failure.is_none() && matches!(event.what, What::Waits | What::GaveUp)
}

/// Names come from the evidence, which anybody may have written: what a shell would take for more than a name stays open.
fn command_for(
    platform: Platform,
    event: &Event,
    (known, cluster): (&Known<'_>, Option<&str>),
) -> String {
    let place = &event.place;
    let task = place.task.as_deref().and_then(safe);
    let owner = place
        .owner
        .as_ref()
        .map(|owner| named(owner, known.evidence));
    let service = or_open(owner.as_ref().map(|owner| owner.name.as_str()), "<service>");
    let node = or_open(place.node.as_deref(), "<node>");
    match platform {
        Platform::Kubernetes => format!(
            "kubectl describe pod {}{} | forebay doctor -",
            or(task, "<pod>"),
            in_namespace(place.namespace.as_deref())
        ),
        Platform::Swarm => format!(
            "ssh {node} journalctl -u docker --since \"'-1 h'\" | forebay doctor -   # {service} was tried there"
        ),
        Platform::Docker => {
            format!("ssh {node} journalctl -u docker --since \"'-1 h'\" | forebay doctor -")
        }
        // The task itself was read: it holds no more than that.
        Platform::Ecs if event.format == Format::Ecs => format!(
            "docker pull {} 2>&1 | forebay doctor -   # from the same subnets: ECS cut its reason off",
            or_open(event.image.as_deref(), "<image>")
        ),
        // A stack has the names of its own resources, which are none of a cluster or a task.
        Platform::Ecs if event.format == Format::CloudFormation && owner.is_none() => {
            command_for_tasks(&Place::default(), None, cluster)
        }
        Platform::Ecs => command_for_tasks(place, owner.as_ref(), cluster),
        Platform::Ci => match main_ci(known.evidence) {
            Some(CiSystem::GithubActions) => {
                "gh run view --log-failed <run> | forebay doctor -".to_owned()
            }
            Some(CiSystem::GitlabCi) => "glab ci trace <job> | forebay doctor -".to_owned(),
            Some(CiSystem::CircleCi | CiSystem::Jenkins) | None => {
                "forebay doctor <log>   # the whole log of the job, with the lines before its error"
                    .to_owned()
            }
        },
    }
}

/// The task that an event names, or all stopped ones of its service.
pub(crate) fn command_for_tasks(
    place: &Place,
    owner: Option<&Owner>,
    cluster: Option<&str>,
) -> String {
    let cluster = or_open(place.cluster.as_deref().or(cluster), "<cluster>");
    let of_service = owner.map_or_else(String::new, |owner| {
        let name = or_open(Some(&owner.name), "<service>");
        match owner.kind {
            OwnerKind::EcsService => format!(" --service-name {name}"),
            OwnerKind::EcsTaskFamily => format!(" --family {name}"),
            _ => String::new(),
        }
    });
    let stopped = format!(
        "$(aws ecs list-tasks --cluster {cluster}{of_service} --desired-status STOPPED --query 'taskArns[]' --output text)"
    );
    let tasks = or(place.task.as_deref().and_then(safe), &stopped);
    format!("aws ecs describe-tasks --cluster {cluster} --tasks {tasks} | forebay doctor -")
}

/// What tells of all workloads of a platform at once.
fn command_for_all(platform: Platform, known: &Known<'_>) -> Option<String> {
    let symptoms = known
        .evidence
        .events
        .iter()
        .filter(|event| is_symptom(event));
    let services = symptoms
        .filter_map(|event| event.place.owner.as_ref())
        .filter(|owner| owner.kind == OwnerKind::SwarmService);
    let mut names: Vec<String> = services
        .filter_map(|owner| safe(&named(owner, known.evidence).name))
        .collect();
    names.sort();
    names.dedup();
    names.truncate(MAX_NAMES);
    match platform {
        Platform::Kubernetes => {
            Some("kubectl get events -A --sort-by=.lastTimestamp | forebay doctor -".to_owned())
        }
        Platform::Swarm if !names.is_empty() => Some(format!(
            "docker service ps --no-trunc {} | forebay doctor -",
            names.join(" ")
        )),
        _ => None,
    }
}

/// The name, if it is nothing but one, or what stands for it.
fn or_open(name: Option<&str>, open: &str) -> String {
    or(name.and_then(safe), open)
}

fn or(name: Option<String>, open: &str) -> String {
    name.unwrap_or_else(|| open.to_owned())
}

/// Where ECS runs it, if nothing says so: the way out depends on it.
fn where_it_runs(known: &Known<'_>) -> Option<Missing> {
    let is_of_ecs = known.platforms.first() == Some(&Platform::Ecs);
    if !is_of_ecs || !known.class.is_limit() || is_launch_type_told(known.evidence) {
        return None;
    }
    let suspects = known.culprits.iter().chain(known.victims);
    let mut owners = suspects.filter_map(|suspect| suspect.owner.as_ref());
    let service = owners.find(|owner| owner.kind == OwnerKind::EcsService);
    let (cluster, service) = (
        or_open(known.cluster(), "<cluster>"),
        or_open(service.map(|owner| owner.name.as_str()), "<service>"),
    );
    Some(Missing {
        question: WHERE,
        command: format!(
            "aws ecs describe-services --cluster {cluster} --services {service} | forebay doctor - <log>   # with what was read before"
        ),
    })
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
            Platform::Ecs => questions.push(Missing { question: WHO, command: who_of_ecs(known) }),
            Platform::Ci if main_ci(known.evidence).is_some_and(|system| system != CiSystem::GithubActions) => {}
            Platform::Ci => questions.push(ask("gh run list --limit 200 --json name,createdAt,event   # how many jobs ran in the last six hours")),
        }
    }
    let others = if known.scope.egress == Egress::Shared {
        "forebay doctor --flow-logs <flow-logs>   # of the NAT gateway: other machines share its address"
    } else {
        "forebay doctor --connections   # on each machine: connections to registries by process, container and service"
    };
    questions.push(ask(others));
    questions
}

fn who_of_ecs(known: &Known<'_>) -> String {
    let cluster = or_open(known.cluster(), "<cluster>");
    format!(
        "aws ecs list-services --cluster {cluster} --query 'serviceArns[]' --output text | xargs -n {SERVICES_A_CALL} aws ecs describe-services --cluster {cluster} --services | forebay doctor -"
    )
}

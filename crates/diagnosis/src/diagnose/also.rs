//! What else went wrong beside the cause: one line and one next step for each kind and registry.
//!
//! A diagnosis tells one cause; what it leaves out would look as if it were explained.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use forebay_evidence::{Class, Event, Evidence, Format, Lines, OwnerKind};
use forebay_limits::shown;
use serde::Serialize;

use super::cause::is_own;
use super::relevance::{Relevance, registry_of};
use super::tally::{Tally, named};
use super::tls::TlsFault;
use crate::facts::{in_namespace, name_and_port, safe};

/// The most findings.
const MAX_FOUND: usize = 20;

/// The most names and images of one.
const MAX_NAMES: usize = 3;

/// The most bytes of a quote.
const MAX_QUOTE_BYTES: usize = 300;

/// Something else that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Also {
    /// Of which kind.
    pub class: Class,
    /// The registry, where known.
    pub registry: Option<String>,
    /// Whom it meets; the first few.
    pub who: Vec<String>,
    /// Whom it meets, in all.
    pub workloads: usize,
    /// The images; the first few.
    pub images: Vec<String>,
    /// How often.
    pub failures: u64,
    /// A line that shows it.
    pub lines: Option<Lines>,
    /// What it says, redacted.
    pub text: String,
    /// The next command.
    pub next: String,
}

/// What is gathered of one.
#[derive(Default)]
struct Found<'a> {
    who: BTreeSet<String>,
    images: BTreeSet<&'a str>,
    failures: u64,
    /// The first event, which is quoted.
    first: Option<&'a Event>,
}

/// What tells them apart.
type Key = (Class, Option<String>);

/// All that is not of the cause, what was met most first.
pub(crate) fn also(evidence: &Evidence, tally: &Tally, relevance: &Relevance<'_>) -> Vec<Also> {
    let others = || {
        let told = evidence.events.iter();
        told.filter_map(|event| Some((key_of(event, relevance)?, event)))
    };
    // Each registry is one: what is told of them is gathered only for those that are shown.
    let mut failures: BTreeMap<Key, u64> = BTreeMap::new();
    for (key, event) in others() {
        let failures = failures.entry(key).or_default();
        *failures = failures.saturating_add(event.count);
    }
    let mut most: Vec<(Key, u64)> = failures.into_iter().collect();
    most.sort_by_key(|(_, failures)| Reverse(*failures));
    most.truncate(MAX_FOUND);
    let mut all: BTreeMap<Key, Found<'_>> = BTreeMap::new();
    all.extend(most.into_iter().map(|(key, failures)| {
        let found = Found {
            failures,
            ..Found::default()
        };
        (key, found)
    }));
    for (key, event) in others() {
        let Some(found) = all.get_mut(&key) else {
            continue;
        };
        found.who.extend(name_of(event, evidence));
        found.images.extend(event.image.as_deref());
        found.first.get_or_insert(event);
    }
    let mut all: Vec<Also> = all
        .into_iter()
        .map(|(key, found)| told(key, &found, tally))
        .collect();
    all.sort_by_key(|also| Reverse(also.failures));
    all
}

/// Of which kind an event is, if the cause does not explain it.
fn key_of(event: &Event, relevance: &Relevance<'_>) -> Option<Key> {
    if relevance.is_open_beside(event) {
        return Some((Class::SymptomOnly, None));
    }
    let (class, registry) = kind_of(event)?;
    let is_trigger = is_own(class) && relevance.is_of_culprit(event);
    let is_cause = relevance.is_of_cause(class, registry.as_deref());
    (!is_trigger && !is_cause).then_some((class, registry))
}

fn kind_of(event: &Event) -> Option<Key> {
    match &event.failure {
        Some(failure) => failure.class.is_cause().then(|| {
            let image = || registry_of(event.image.as_deref()?);
            let registry = failure.registry.clone().or_else(image);
            // Of these the registry says nothing.
            let registry = registry.filter(|_| !is_of_machine(failure.class));
            (failure.class, registry)
        }),
        None => event.what.is_death().then_some((Class::StartFailure, None)),
    }
}

const fn is_of_machine(class: Class) -> bool {
    matches!(
        class,
        Class::NoSpace | Class::KubeletThrottle | Class::StartFailure
    )
}

fn name_of(event: &Event, evidence: &Evidence) -> Option<String> {
    let owner = named(event.place.owner.as_ref()?, evidence);
    Some(match &event.place.namespace {
        Some(namespace) => format!("{owner} in {namespace}"),
        None => owner.to_string(),
    })
}

fn told((class, registry): Key, found: &Found<'_>, tally: &Tally) -> Also {
    let names = found.who.iter().take(MAX_NAMES).cloned();
    let images: Vec<String> = found
        .images
        .iter()
        .take(MAX_NAMES)
        .map(|image| (*image).to_owned())
        .collect();
    // Several sources tell the same death.
    let workloads = tally.workloads.iter().chain(&tally.bystanders);
    let deaths = workloads
        .filter(|workload| found.who.contains(&workload.name()))
        .map(|workload| workload.counts().deaths())
        .sum();
    let failures = if class == Class::StartFailure && deaths > 0 {
        found.failures.min(deaths)
    } else {
        found.failures
    };
    Also {
        class,
        who: names.collect(),
        workloads: found.who.len(),
        failures,
        lines: found.first.map(|event| event.lines),
        text: found
            .first
            .map_or_else(String::new, |event| shown(&event.message, MAX_QUOTE_BYTES)),
        next: next(class, registry.as_deref(), found),
        registry,
        images,
    }
}

/// The command that tells more, or what is to be known.
fn next(class: Class, registry: Option<&str>, found: &Found<'_>) -> String {
    let image = found.images.iter().find_map(|image| safe(image));
    let image = image.unwrap_or_else(|| "<image>".to_owned());
    let registry = registry.and_then(safe);
    let host = match registry.as_deref() {
        Some("docker.io") => "registry-1.docker.io",
        Some(host) => host,
        None => "<registry>",
    };
    let (name, port) = name_and_port(host);
    match class {
        Class::PullLimit | Class::AbuseLimit => "forebay doctor --probe".to_owned(),
        Class::LoginLockout => {
            "docker login   # after 15 minutes without any try; each further wrong login begins the lockout anew".to_owned()
        }
        Class::HubApiLimit | Class::NotFound => format!("docker buildx imagetools inspect {image}"),
        Class::OtherRegistryLimit => format!("forebay setup containerd --upstream {host} --write"),
        Class::Auth if host == "registry-1.docker.io" => {
            format!("docker login && docker manifest inspect {image}")
        }
        Class::Auth => format!("docker login {host} && docker manifest inspect {image}"),
        Class::Dns => format!("getent hosts {name}   # on the machine that pulls"),
        Class::Tls if is_plain(found.first) => {
            format!("curl -sS -o /dev/null -w '%{{http_code}}\\n' http://{host}/v2/   # does it speak plain HTTP?")
        }
        Class::Tls => format!(
            "openssl s_client -connect {name}:{port} -servername {name} </dev/null | openssl x509 -noout -issuer -dates"
        ),
        Class::Timeout | Class::Network => {
            format!("curl -sS -o /dev/null -w '%{{http_code}} %{{time_total}}s\\n' https://{host}/v2/")
        }
        Class::NoSpace => "df -h /var/lib/docker /var/lib/containerd".to_owned(),
        Class::KubeletThrottle => {
            "kubectl get --raw /api/v1/nodes/<node>/proxy/configz   # registryPullQPS, registryBurst".to_owned()
        }
        Class::StartFailure => look(found.first),
        Class::SymptomOnly => ask_why(found.first),
        Class::Other => String::new(),
    }
}

/// Whether what answers speaks no TLS, so that there is no certificate to look at.
fn is_plain(event: Option<&Event>) -> bool {
    event.is_some_and(|event| TlsFault::of(&event.message) == TlsFault::NoTls)
}

/// Kubernetes tells in a pod's events; elsewhere the open questions ask.
fn ask_why(event: Option<&Event>) -> String {
    let of_kube = |event: &&Event| {
        matches!(
            event.format,
            Format::KubePods | Format::KubeEvents | Format::Kubelet
        )
    };
    let place = event.filter(of_kube).map(|event| &event.place);
    let pod = place.and_then(|place| safe(place.task.as_deref()?));
    let namespace = in_namespace(place.and_then(|place| place.namespace.as_deref()));
    pod.map_or_else(String::new, |pod| {
        format!("kubectl describe pod {pod}{namespace} | forebay doctor -")
    })
}

fn look(event: Option<&Event>) -> String {
    let place = event.map(|event| &event.place);
    let owner = place.and_then(|place| place.owner.as_ref());
    let name = owner.and_then(|owner| safe(&owner.name));
    let task = place.and_then(|place| safe(place.task.as_deref()?));
    let namespace = place.and_then(|place| safe(place.namespace.as_deref()?));
    let node = place.and_then(|place| safe(place.node.as_deref()?));
    let known = |name: Option<String>, unknown: &str| name.unwrap_or_else(|| unknown.to_owned());
    match owner.map(|owner| owner.kind) {
        Some(OwnerKind::SwarmService) => {
            format!("docker service ps --no-trunc {}", known(name, "<service>"))
        }
        Some(OwnerKind::EcsService) => format!(
            "aws ecs describe-services --cluster {} --services {} --query 'services[].events[:5].message'",
            known(
                place.and_then(|place| safe(place.cluster.as_deref()?)),
                "<cluster>"
            ),
            known(name, "<service>")
        ),
        Some(OwnerKind::Container) => {
            format!("docker logs --tail 50 {}", known(name, "<container>"))
        }
        None if task.is_none() && node.is_some() => {
            format!("kubectl describe node {}", known(node, "<node>"))
        }
        _ => format!(
            "kubectl{} logs {} --previous --tail 50",
            in_namespace(namespace.as_deref()),
            known(task, "<pod>")
        ),
    }
}

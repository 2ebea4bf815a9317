//! The chain from the cause to what people saw, link by link.
//!
//! A link that the evidence shows points to its lines; the others follow from how the platform works, and say so.

use forebay_evidence::{Class, Event, Evidence, Lines, SettingKind, What};
use serde::Serialize;

use super::cause::Trigger;
use super::platform::Platform;
use super::relevance::Relevance;

/// The most lines that a link points to.
const MAX_LINES: usize = 3;

/// A link of the chain.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// What kind of link it is.
    pub kind: StepKind,
    /// In a sentence.
    pub text: &'static str,
    /// Lines that show it; none if it follows from the one before.
    pub seen: Vec<Lines>,
}

/// The kinds of links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each has its sentence in `STEPS`")]
pub enum StepKind {
    ContainersDie,
    WrongImageAsked,
    WrongLogin,
    ManyJobs,
    AnonymousPulls,
    AskedAgain,
    AskedWithLogin,
    LimitReached,
    AddressBlocked,
    AccountLocked,
    RegistryThrottles,
    NameNotFound,
    NoAnswer,
    NoTls,
    DiskFull,
    ImageMissing,
    LoginRefused,
    CacheNotFilled,
    KubeletThrottles,
    PullsFail,
    BacksOff,
    TasksNeverStart,
    ServicesDown,
    NoLogs,
    HealthChecksFail,
    StackWaits,
    ScaleUpStalls,
    JobsHang,
    JobsFail,
    StepsFail,
    WorksAgain,
}

/// Whether an event shows a link.
type Shows = fn(&Event) -> bool;

/// Each link's sentence, and the events that show it.
const STEPS: [(StepKind, &str, Shows); 31] = [
    (
        StepKind::ContainersDie,
        "containers end as soon as they start, though their image is good",
        |event| event.what.is_death(),
    ),
    (
        StepKind::WrongImageAsked,
        "an image that the registry does not have is asked for, again and again",
        |event| is(event, Class::NotFound),
    ),
    (
        StepKind::WrongLogin,
        "the registry is asked without a login, or with one that is not right, again and again",
        |event| is(event, Class::Auth),
    ),
    (
        StepKind::ManyJobs,
        "many CI jobs pull the same images at once, each on a machine that has none",
        |event| event.what == What::PullAttempted,
    ),
    (
        StepKind::AnonymousPulls,
        "images are pulled without an account, so that every pull counts against the address",
        |_| false,
    ),
    (
        StepKind::AskedAgain,
        "each new container asks the registry for the image, even if it is already there",
        |event| event.what == What::PullAttempted,
    ),
    (
        StepKind::AskedWithLogin,
        "the login was sent along with the service, and each start shows it to the registry",
        |_| false,
    ),
    (
        StepKind::LimitReached,
        "the pulls of the window are used up, and the registry refuses more",
        |event| is(event, Class::PullLimit),
    ),
    (
        StepKind::AddressBlocked,
        "the registry takes the requests for abuse and refuses all of them from this address, whatever the account",
        |event| is(event, Class::AbuseLimit),
    ),
    (
        StepKind::AccountLocked,
        "the registry locks the account out, so that the right password fails as well",
        |event| is(event, Class::LoginLockout),
    ),
    (
        StepKind::RegistryThrottles,
        "the registry's own limit is reached; it is no limit of Docker Hub",
        |event| is(event, Class::OtherRegistryLimit) || is(event, Class::HubApiLimit),
    ),
    (
        StepKind::NameNotFound,
        "the registry's name cannot be looked up",
        |event| is(event, Class::Dns),
    ),
    (
        StepKind::NoAnswer,
        "the registry cannot be reached, or does not answer in time",
        |event| is(event, Class::Timeout) || is(event, Class::Network),
    ),
    (
        StepKind::NoTls,
        "no connection by TLS comes about, and nothing is asked for before it does",
        |event| is(event, Class::Tls),
    ),
    (
        StepKind::DiskFull,
        "there is no room for the image's layers",
        |event| is(event, Class::NoSpace),
    ),
    (
        StepKind::ImageMissing,
        "the image, its tag or its platform is not in the registry",
        |event| is(event, Class::NotFound),
    ),
    (
        StepKind::LoginRefused,
        "the registry refuses the credentials, or there are none",
        |event| is(event, Class::Auth),
    ),
    (
        StepKind::CacheNotFilled,
        "the first pull of an image has to make its repository and bring it in, by the rights of who pulls",
        |event| is(event, Class::NotFound) || is(event, Class::Auth),
    ),
    (
        StepKind::KubeletThrottles,
        "the kubelet itself begins no more pulls for a moment",
        |event| is(event, Class::KubeletThrottle),
    ),
    (StepKind::PullsFail, "pulls fail", |event| {
        event.what == What::PullFailed
    }),
    (
        StepKind::BacksOff,
        "the kubelet waits longer and longer before it pulls again, up to five minutes",
        |event| event.what == What::BackedOff,
    ),
    (StepKind::TasksNeverStart, "tasks never start", |event| {
        event.what == What::PullFailed
    }),
    (
        StepKind::ServicesDown,
        "other services that need an image at that moment do not come up",
        |event| event.what == What::PullFailed,
    ),
    (
        StepKind::NoLogs,
        "so there are no logs of the application: it never ran",
        |_| false,
    ),
    (
        StepKind::HealthChecksFail,
        "health checks fail, as nobody is there to answer them",
        |event| event.what == What::HealthFailed,
    ),
    (
        StepKind::StackWaits,
        "the deployment or stack waits for healthy tasks that do not come",
        |event| matches!(event.what, What::Waits | What::GaveUp),
    ),
    (
        StepKind::ScaleUpStalls,
        "running pods go on, but new ones do not start: scaling up stalls",
        |event| event.what == What::BackedOff,
    ),
    (
        StepKind::JobsHang,
        "batch jobs stay in progress, waiting for pods that cannot start",
        |_| false,
    ),
    (
        StepKind::JobsFail,
        "jobs fail before their first step",
        |event| event.what == What::PullFailed,
    ),
    (
        StepKind::StepsFail,
        "the steps that pull or build fail, and their jobs with them",
        |event| event.what == What::PullFailed,
    ),
    (
        StepKind::WorksAgain,
        "when the window moves on some pulls work again, until it is used up anew: works, fails, works again",
        |event| event.what == What::PullSucceeded,
    ),
];

/// Of which cause the chain is.
pub(crate) struct Ground<'a> {
    pub(crate) class: Class,
    /// Whether each new start of what dies asks the registry.
    pub(crate) asks_again: bool,
    /// Whether nothing is told but that something waits.
    pub(crate) only_waits: bool,
    /// Whether a pull-through cache of ECR could not be filled.
    pub(crate) cannot_fill: bool,
    pub(crate) relevance: &'a Relevance<'a>,
}

/// The chain of a cause on a platform.
pub(crate) fn chain(
    evidence: &Evidence,
    ground: &Ground<'_>,
    trigger: Option<&Trigger>,
    platform: Option<Platform>,
) -> Vec<Step> {
    let class = ground.class;
    let sends_login = evidence
        .settings
        .iter()
        .any(|setting| setting.kind == SettingKind::RegistryAuthSent);
    let mut kinds = beginning(trigger, ground.asks_again, sends_login);
    // What is wrong itself sets off nothing else: it may have been asked for once.
    if matches!(class, Class::NotFound | Class::Auth) {
        kinds.clear();
    }
    if ground.cannot_fill {
        kinds = vec![StepKind::CacheNotFilled];
    }
    kinds.extend(refusal(class));
    if ground.only_waits {
        kinds.push(StepKind::StackWaits);
    } else {
        kinds.extend(consequences(class, platform, evidence.failed_in_steps > 0));
    }
    let mut known = Vec::new();
    kinds.retain(|kind| {
        !known.contains(kind) && {
            known.push(*kind);
            true
        }
    });
    kinds
        .into_iter()
        .filter_map(|kind| step(kind, evidence, ground.relevance))
        .collect()
}

fn beginning(trigger: Option<&Trigger>, asks_again: bool, sends_login: bool) -> Vec<StepKind> {
    match trigger {
        Some(Trigger::CrashLoop { .. }) if !asks_again => vec![StepKind::ContainersDie],
        Some(Trigger::CrashLoop { .. }) if sends_login => vec![
            StepKind::ContainersDie,
            StepKind::AskedAgain,
            StepKind::AskedWithLogin,
        ],
        Some(Trigger::CrashLoop { .. }) => vec![StepKind::ContainersDie, StepKind::AskedAgain],
        Some(Trigger::WrongImage) => vec![StepKind::WrongImageAsked],
        Some(Trigger::WrongCredentials) => vec![StepKind::WrongLogin],
        Some(Trigger::CiBurst) => vec![StepKind::ManyJobs],
        Some(Trigger::NoCredentials) => vec![StepKind::AnonymousPulls],
        Some(Trigger::ManyPulls | Trigger::ManyPullers) | None => Vec::new(),
    }
}

const fn refusal(class: Class) -> Option<StepKind> {
    Some(match class {
        Class::PullLimit => StepKind::LimitReached,
        Class::AbuseLimit => StepKind::AddressBlocked,
        Class::LoginLockout => StepKind::AccountLocked,
        Class::HubApiLimit | Class::OtherRegistryLimit => StepKind::RegistryThrottles,
        Class::Auth => StepKind::LoginRefused,
        Class::NotFound => StepKind::ImageMissing,
        Class::Dns => StepKind::NameNotFound,
        Class::Tls => StepKind::NoTls,
        Class::Timeout | Class::Network => StepKind::NoAnswer,
        Class::NoSpace => StepKind::DiskFull,
        Class::KubeletThrottle => StepKind::KubeletThrottles,
        Class::StartFailure => StepKind::ContainersDie,
        Class::SymptomOnly | Class::Other => return None,
    })
}

fn consequences(class: Class, platform: Option<Platform>, is_in_steps: bool) -> Vec<StepKind> {
    if class == Class::StartFailure {
        if platform == Some(Platform::Docker) {
            return Vec::new();
        }
        return vec![StepKind::HealthChecksFail, StepKind::StackWaits];
    }
    let mut kinds = match platform {
        Some(Platform::Ecs) => {
            vec![
                StepKind::PullsFail,
                StepKind::TasksNeverStart,
                StepKind::NoLogs,
                StepKind::HealthChecksFail,
                StepKind::StackWaits,
            ]
        }
        Some(Platform::Kubernetes) => vec![
            StepKind::PullsFail,
            StepKind::BacksOff,
            StepKind::ScaleUpStalls,
            StepKind::JobsHang,
        ],
        Some(Platform::Swarm) if class.is_cause() => {
            vec![StepKind::PullsFail, StepKind::ServicesDown]
        }
        Some(Platform::Ci) if is_in_steps => vec![StepKind::PullsFail, StepKind::StepsFail],
        Some(Platform::Ci) => vec![StepKind::PullsFail, StepKind::JobsFail],
        Some(Platform::Swarm | Platform::Docker) | None => vec![StepKind::PullsFail],
    };
    if class == Class::PullLimit {
        kinds.push(StepKind::WorksAgain);
    }
    kinds
}

fn step(kind: StepKind, evidence: &Evidence, relevance: &Relevance<'_>) -> Option<Step> {
    let (_, text, shows) = STEPS.iter().find(|(known, _, _)| *known == kind)?;
    let mut seen: Vec<Lines> = Vec::new();
    let events = evidence.events.iter();
    for event in events.filter(|event| shows(event) && relevance.holds(event)) {
        // A line of JSON may tell all of it.
        if seen.len() < MAX_LINES && !seen.contains(&event.lines) {
            seen.push(event.lines);
        }
    }
    Some(Step { kind, text, seen })
}

fn is(event: &Event, class: Class) -> bool {
    event
        .failure
        .as_ref()
        .is_some_and(|failure| failure.class == class)
}

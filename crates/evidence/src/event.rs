//! What one piece of evidence says: when, where, which image, what happened.
//!
//! Readers make events of lines, the diagnosis works on events only. All texts in them are bounded; none is redacted yet.

use std::fmt;

use forebay_failures::{Class, Identity};
use serde::Serialize;

use crate::Moment;

/// The most times that one event happened: what a log claims is added up, and no sum may overflow.
pub const MAX_COUNT: u64 = u32::MAX as u64;

/// The most of a message that an event keeps, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 2_048;

/// One thing that happened, once or often.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What happened.
    pub what: What,
    /// Where.
    pub place: Place,
    /// The image as the evidence names it.
    pub image: Option<String>,
    /// When it was first seen.
    pub first: Option<Moment>,
    /// When it was last seen.
    pub last: Option<Moment>,
    /// Whether these times are ages that were counted back from when the evidence was gathered.
    pub is_by_age: bool,
    /// How it stands with it since.
    pub since: Since,
    /// How often; never 0.
    pub count: u64,
    /// How often it was said, where that is more: a kubelet says at each look at a pod that it waits.
    pub said: u64,
    /// How many tries of a pull that is, where who made them says so: a failure of ECS stands for all its retries.
    pub tries: u64,
    /// The bytes of the image, or of a pull of it in the mean, where who saw it says so beside the message.
    pub image_bytes: Option<u64>,
    /// What the message says of a failed pull.
    pub failure: Option<Failure>,
    /// Whether another program than a runtime has said it, as any container can.
    pub is_hearsay: bool,
    /// The message itself, not redacted.
    pub message: String,
    /// The lines that said so.
    pub lines: Lines,
    /// What was read.
    pub format: Format,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// A pull began.
    PullAttempted,
    /// A pull ended well.
    PullSucceeded,
    /// A pull failed.
    PullFailed,
    /// A client waits before it pulls again.
    BackedOff,
    /// A container runs.
    Started,
    /// A container ended, with its exit code where known.
    Died(Option<i64>),
    /// A container could not be started: a mount, a command, memory.
    StartFailed,
    /// A container was started again.
    Restarted,
    /// A health check failed.
    HealthFailed,
    /// A deployment, a rollout or a stack waits.
    Waits,
    /// A deployment or a stack failed or is rolled back.
    GaveUp,
    /// Something was said of a failure that is counted elsewhere.
    Told,
    /// A line that no reader knows, before it is judged; no evidence holds one.
    #[serde(skip)]
    Unread,
}

impl What {
    /// Whether it means that a container ended or never began.
    pub const fn is_death(self) -> bool {
        matches!(self, Self::Died(_) | Self::StartFailed | Self::Restarted)
    }
}

/// How it stands since something happened, where a list says what is now and what was before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Since {
    /// It is over: the container runs again, or nobody wants it to run. The list may be younger than anything that it tells.
    Over,
    /// Nothing is told of it.
    #[default]
    Unknown,
    /// It is still so, however long ago it began.
    StillSo,
}

/// Where something happened; whatever of it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// What wants the container to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// The Kubernetes namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The pod, the Swarm task or the ECS task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The container's name or id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The machine, or the CI runner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The cluster or the stack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
}

/// What wants a container to run: it is what people can change.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Owner {
    /// What kind of thing it is.
    pub kind: OwnerKind,
    /// Its name, or its id where no name is known.
    pub name: String,
}

/// The kinds of owners.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is called as its platform calls it")]
pub enum OwnerKind {
    Deployment,
    StatefulSet,
    DaemonSet,
    Job,
    CronJob,
    Pod,
    Workload,
    SwarmService,
    EcsService,
    EcsTaskFamily,
    CiJob,
    Container,
    Client,
}

impl fmt::Display for OwnerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Job => "Job",
            Self::CronJob => "CronJob",
            Self::Pod => "pod",
            Self::Workload => "workload",
            Self::SwarmService => "Swarm service",
            Self::EcsService => "ECS service",
            Self::EcsTaskFamily => "ECS task family",
            Self::CiJob => "CI job",
            Self::Container => "container",
            Self::Client => "client",
        })
    }
}

/// The CI systems that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is called as it is called")]
pub enum CiSystem {
    GithubActions,
    GitlabCi,
    CircleCi,
    Jenkins,
}

/// A failed pull, as the classifier understood it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Failure {
    /// Of which kind.
    pub class: Class,
    /// The registry that failed, where known.
    pub registry: Option<String>,
    /// Whom the registry counts, where it says so.
    pub identity: Option<Identity>,
}

impl Failure {
    /// One of which nothing but its kind is known.
    pub(crate) const fn bare(class: Class) -> Self {
        Self {
            class,
            registry: None,
            identity: None,
        }
    }
}

/// The lines of a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Lines {
    /// Which of the sources, from 0.
    pub source: usize,
    /// The first line, from 1.
    pub first: u64,
    /// The last line.
    pub last: u64,
}

/// What kind of text an event was read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Events of Kubernetes, as table, text or JSON.
    KubeEvents,
    /// Pods of Kubernetes, as table, text or JSON.
    KubePods,
    /// The log of dockerd.
    Dockerd,
    /// The log of containerd.
    Containerd,
    /// The log of a kubelet.
    Kubelet,
    /// `docker events`.
    DockerEvents,
    /// `docker ps`, `docker service …`, `docker inspect`.
    DockerLists,
    /// ECS tasks and services.
    Ecs,
    /// Events and rollouts of ECS services, and reasons of ECS that stand alone.
    EcsEvents,
    /// Stack events of `CloudFormation`.
    CloudFormation,
    /// The log of a CI job.
    Ci,
    /// Forebay's own ledger: who pulled what through it.
    Ledger,
    /// Any other text.
    #[default]
    Text,
}

impl Event {
    /// An event of which only what happened is known.
    pub fn new(what: What, format: Format) -> Self {
        Self {
            what,
            place: Place::default(),
            image: None,
            first: None,
            last: None,
            is_by_age: false,
            since: Since::Unknown,
            count: 1,
            said: 1,
            tries: 1,
            image_bytes: None,
            failure: None,
            is_hearsay: false,
            message: String::new(),
            lines: Lines::default(),
            format,
        }
    }

    /// The same, once, at a moment.
    #[must_use]
    pub fn at(mut self, moment: Option<Moment>) -> Self {
        self.first = moment;
        self.last = moment;
        self
    }

    /// The same, so long before the evidence was gathered.
    #[must_use]
    pub(crate) fn by_age(mut self, moment: Option<Moment>) -> Self {
        self.is_by_age = moment.is_some();
        self.at(moment)
    }

    /// The same, of which is told how it stands since.
    #[must_use]
    pub(crate) const fn since(mut self, since: Since) -> Self {
        self.since = since;
        self
    }

    /// The same, of an image.
    #[must_use]
    pub fn of(mut self, image: Option<impl Into<String>>) -> Self {
        self.image = image.map(Into::into);
        self
    }

    /// The same, at a place.
    #[must_use]
    pub fn within(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// The same, with a message, cut to its bound.
    #[must_use]
    pub fn saying(mut self, message: &str) -> Self {
        let end = message.floor_char_boundary(MAX_MESSAGE_BYTES);
        message[..end].clone_into(&mut self.message);
        self
    }

    /// The same, so many times, once at least and at most [`MAX_COUNT`].
    #[must_use]
    pub fn times(mut self, count: u64) -> Self {
        self.count = count.clamp(1, MAX_COUNT);
        (self.said, self.tries) = (self.count, self.count);
        self
    }

    /// The same, of which it was said so many times.
    #[must_use]
    pub(crate) fn said(mut self, count: u64) -> Self {
        self.said = count.clamp(self.count, MAX_COUNT);
        self
    }
}

impl Owner {
    /// An owner of a kind.
    pub fn new(kind: OwnerKind, name: impl Into<String>) -> Self {
        Self {
            kind,
            name: name.into(),
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

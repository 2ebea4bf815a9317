//! What uses an image, as far as its file says: how often it starts, where, and when it pulls.

use crate::Scaled;

/// The owner of a place. What a format does not say is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// `Deployment`, `Compose service`, `Dockerfile stage`, …
    pub kind: String,
    /// Its name; of a Dockerfile's stage its `AS`, of a job its key.
    pub name: Option<String>,
    /// Its Kubernetes namespace.
    pub namespace: Option<String>,
    /// The container's name within it.
    pub container: Option<String>,
    /// Replicas at one time.
    pub replicas: Option<u32>,
    /// Between which bounds its replicas are held, where its own file says so.
    pub scaled: Option<Scaled>,
    /// How many of it there are, replicas and all, where one block stands for several.
    pub copies: Option<Scaled>,
    /// What has to be for it to start at all, as a clause: `only with its profile`.
    pub condition: Option<&'static str>,
    /// Says how many run, but the file alone does not tell the number.
    pub is_count_unknown: bool,
    /// When it starts, if by a timetable: a `CronJob`'s five fields, as they are written.
    pub schedule: Option<String>,
    /// Its image is built by who runs it, and has its name from them.
    pub is_built: bool,
    /// Runs on every node: a `DaemonSet`, a global service.
    pub per_node: bool,
    /// Pods of a job at one time.
    pub parallelism: Option<u32>,
    /// Pods of a job from its beginning to its end, if none fails.
    pub completions: Option<u32>,
    /// When it pulls.
    pub pull_policy: Option<PullPolicy>,
    /// `linux/arm64`.
    pub platform: Option<String>,
    /// What happens when it ends.
    pub restart: Option<Restart>,
}

/// When a container's image is pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullPolicy {
    /// At each start; Compose's `daily` and its like too, which are due now as far as a file can tell.
    Always,
    /// Where it is not there.
    IfAbsent,
    /// Never; built here, too.
    Never,
}

/// A restart policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restart {
    /// In its format's own word: `Always`, `on-failure`, `unless-stopped`.
    pub condition: String,
    /// The pause before it.
    pub delay: Option<String>,
    /// How often.
    pub max_attempts: Option<u32>,
}

impl Owner {
    /// An owner of which only the kind is known.
    pub fn of_kind(kind: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            ..Self::default()
        }
    }

    /// An owner with a name.
    pub fn named(kind: &str, name: &str) -> Self {
        Self {
            name: Some(name.to_owned()),
            ..Self::of_kind(kind)
        }
    }
}

//! What Kubernetes says, in whatever form: reasons and messages become events, pod names owners.
//!
//! The tables, the text of `describe` and JSON all come through here.

use std::time::Duration;

use forebay_failures::Class;
use forebay_logs::{quoted_after, word_after};

use crate::event::{Event, Failure, Format, Owner, OwnerKind, Place, What};

/// The letters that Kubernetes takes for random suffixes: no vowels, and nothing that looks like another.
const SUFFIX_LETTERS: &str = "bcdfghjklmnpqrstvwxz2456789";

/// How long the random suffix of a pod is.
const SUFFIX_LENGTH: usize = 5;

/// The kubelet's first wait before it starts a container again, in seconds; it doubles up to the last.
const FIRST_WAIT_SECONDS: u64 = 10;

/// Its longest wait.
const LAST_WAIT_SECONDS: u64 = 300;

/// A Kubernetes event, as its fields say it.
#[derive(Debug, Default)]
pub(crate) struct KubeEvent<'a> {
    pub(crate) reason: &'a str,
    pub(crate) message: &'a str,
    /// `pod`, `job`, `node`, in lower case.
    pub(crate) kind: &'a str,
    pub(crate) name: &'a str,
    pub(crate) namespace: Option<&'a str>,
    pub(crate) node: Option<&'a str>,
}

/// Reasons whose meaning does not depend on the message.
const REASONS: [(&str, What); 18] = [
    ("Pulling", What::PullAttempted),
    ("Started", What::Started),
    ("Unhealthy", What::HealthFailed),
    ("FailedMount", What::Waits),
    ("FailedAttachVolume", What::Waits),
    ("FailedCreatePodContainer", What::StartFailed),
    ("FailedPostStartHook", What::StartFailed),
    ("OOMKilling", What::Died(Some(137))),
    ("ProgressDeadlineExceeded", What::Waits),
    ("BackoffLimitExceeded", What::GaveUp),
    ("DeadlineExceeded", What::GaveUp),
    ("FailedScheduling", What::Waits),
    ("FreeDiskSpaceFailed", What::Told),
    ("ImageGCFailed", What::Told),
    ("NodeHasDiskPressure", What::Told),
    ("EvictionThresholdMet", What::Told),
    ("Evicted", What::Told),
    ("InspectFailed", What::PullFailed),
];

/// Reasons that say that a pod waits for its volume. Nothing has been pulled or started by then, whatever words the message has.
const VOLUMES: [&str; 2] = ["FailedMount", "FailedAttachVolume"];

impl KubeEvent<'_> {
    /// The event, if it tells of images or containers.
    pub(crate) fn read(&self) -> Option<Event> {
        let what = self.what()?;
        let image =
            quoted_after(self.message, "image ").or_else(|| quoted_after(self.message, "Image "));
        let node = self.node.or((self.kind == "node").then_some(self.name));
        let place = Place {
            owner: (self.kind != "node").then(|| owner_of(self.kind, self.name)),
            namespace: self
                .namespace
                .or_else(|| self.told_namespace())
                .map(str::to_owned),
            task: (self.kind == "pod").then(|| self.name.to_owned()),
            container: word_after(self.message, "failed container ").map(str::to_owned),
            node: node.map(str::to_owned),
            cluster: None,
        };
        let image = image.filter(|image| !image.is_empty());
        let mut event = Event::new(what, Format::KubeEvents)
            .of(image)
            .within(place)
            .saying(self.message);
        if VOLUMES.contains(&self.reason) {
            event.failure = Some(Failure::bare(Class::SymptomOnly));
        }
        Some(event)
    }

    /// `Back-off restarting failed container app in pod web-0_shop(1b2c…)`: a table of one namespace has no column for it.
    fn told_namespace(&self) -> Option<&str> {
        let pod = word_after(self.message, " in pod ")?;
        let rest = pod.strip_prefix(self.name)?.strip_prefix('_')?;
        let namespace = rest.split('(').next()?;
        (!namespace.is_empty()).then_some(namespace)
    }

    fn what(&self) -> Option<What> {
        let message = self.message;
        match self.reason {
            "Pulled" => message
                .contains("Successfully pulled")
                .then_some(What::PullSucceeded),
            "BackOff" if message.contains("ulling image") => Some(What::BackedOff),
            "BackOff" => Some(What::Restarted),
            "Failed" if message.contains("Failed to pull image") => Some(What::PullFailed),
            // What `Failed to pull image` has said already.
            "Failed"
                if message.starts_with("Error: ErrImage")
                    || message.starts_with("Error: ImagePull") =>
            {
                None
            }
            "FailedCreatePodSandBox" if message.contains("pull") => Some(What::PullFailed),
            "Failed" | "FailedCreatePodSandBox" => Some(What::StartFailed),
            reason => REASONS
                .iter()
                .find(|(known, _)| *known == reason)
                .map(|(_, what)| *what),
        }
    }
}

/// The most restarts of a pod within a time. `Back-off restarting failed container` is said at each look at a pod that
/// waits, some twenty times for each restart.
pub(crate) fn restarts_within(time: Duration) -> u64 {
    let (mut left, mut wait, mut restarts) = (time.as_secs(), FIRST_WAIT_SECONDS, 1);
    while wait < LAST_WAIT_SECONDS && left >= wait {
        left -= wait;
        wait *= 2;
        restarts += 1;
    }
    if wait < LAST_WAIT_SECONDS {
        return restarts;
    }
    restarts + left / LAST_WAIT_SECONDS
}

/// Who made a thing of this kind and name: for a pod, what its name tells.
pub(crate) fn owner_of(kind: &str, name: &str) -> Owner {
    let kind = match kind {
        "pod" => return owner_of_pod(name),
        "deployment" => OwnerKind::Deployment,
        "replicaset" => return Owner::new(OwnerKind::Deployment, strip_hash(name).unwrap_or(name)),
        "statefulset" => OwnerKind::StatefulSet,
        "daemonset" => OwnerKind::DaemonSet,
        "job" => return owner_of_job(name),
        "cronjob" => OwnerKind::CronJob,
        _ => OwnerKind::Workload,
    };
    Owner::new(kind, name)
}

/// Who made a pod that tells of nobody: somebody by hand, unless its name has the hash or the minute that no hand gives.
pub(crate) fn owner_of_bare_pod(name: &str) -> Owner {
    let owner = owner_of_pod(name);
    if matches!(owner.kind, OwnerKind::Deployment | OwnerKind::CronJob) {
        return owner;
    }
    Owner::new(OwnerKind::Pod, name)
}

/// The owner of a job: the `CronJob`, where the name ends in the minute it was made for.
fn owner_of_job(name: &str) -> Owner {
    match split_number(name) {
        Some((cron, digits)) if digits >= 8 => Owner::new(OwnerKind::CronJob, cron),
        _ => Owner::new(OwnerKind::Job, name),
    }
}

/// The image in the message of a kubelet or a runtime.
pub(crate) fn image_in(message: &str) -> Option<String> {
    let quoted = [
        "pull image ",
        "pulling image ",
        "PullImage ",
        "unpack image ",
        "resolve reference ",
        "image=",
    ]
    .iter()
    .find_map(|phrase| quoted_after(message, phrase))
    .map(std::borrow::Cow::into_owned);
    quoted
        .or_else(|| {
            word_after(message, "resolve ref ").map(|image| image.trim_end_matches(':').to_owned())
        })
        .or_else(|| word_after(message, "No such image: ").map(str::to_owned))
        .filter(|image| !image.is_empty() && !image.contains(' '))
}

fn owner_of_pod(pod: &str) -> Owner {
    let Some(above) = strip_random(pod) else {
        return match split_number(pod) {
            Some((set, _)) => Owner::new(OwnerKind::StatefulSet, set),
            None => Owner::new(OwnerKind::Pod, pod),
        };
    };
    if let Some(deployment) = strip_hash(above) {
        return Owner::new(OwnerKind::Deployment, deployment);
    }
    match split_number(above) {
        Some((cron, digits)) if digits >= 8 => Owner::new(OwnerKind::CronJob, cron),
        _ => Owner::new(OwnerKind::Workload, above),
    }
}

fn strip_random(name: &str) -> Option<&str> {
    let (above, suffix) = name.rsplit_once('-')?;
    let is_random =
        suffix.len() == SUFFIX_LENGTH && suffix.chars().all(|c| SUFFIX_LETTERS.contains(c));
    is_random.then_some(above)
}

/// Strips a pod template's hash: 6 to 10 letters of the same kind, with a digit among them.
fn strip_hash(name: &str) -> Option<&str> {
    let (above, hash) = name.rsplit_once('-')?;
    let is_hash = (6..=10).contains(&hash.len())
        && hash
            .chars()
            .all(|c| SUFFIX_LETTERS.contains(c) || c.is_ascii_digit())
        && hash.contains(|c: char| c.is_ascii_digit())
        && hash.contains(|c: char| c.is_ascii_alphabetic());
    is_hash.then_some(above)
}

/// `name-123` and how many digits there are.
fn split_number(name: &str) -> Option<(&str, usize)> {
    let (above, digits) = name.rsplit_once('-')?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some((above, digits.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pods_name_tells_what_made_it() {
        let table = [
            ("web-7d4b9c6f8d-x2x7k", "Deployment web"),
            ("report-28471230-bbdfg", "CronJob report"),
            ("db-0", "StatefulSet db"),
            ("agent-zx9vk", "workload agent"),
            ("debug", "pod debug"),
        ];
        for (pod, owner) in table {
            assert_eq!(owner_of("pod", pod).to_string(), owner, "{pod}");
        }
    }

    #[test]
    fn a_pod_restarts_as_often_as_the_kubelet_lets_it() {
        let table = [
            (0, 1),
            (9, 1),
            (10, 2),
            (30, 3),
            (310, 6),
            (1_800, 10),
            (3_600, 16),
        ];
        for (seconds, restarts) in table {
            let within = restarts_within(Duration::from_secs(seconds));
            assert_eq!(within, restarts, "{seconds}");
        }
    }

    #[test]
    fn a_reason_and_its_message_are_one_happening() {
        let read = |reason, message| {
            let event = KubeEvent {
                reason,
                message,
                kind: "pod",
                name: "web-0",
                ..KubeEvent::default()
            };
            event.read().map(|event| (event.what, event.image))
        };
        let nginx = || Some("nginx".to_owned());
        assert_eq!(
            read("Pulling", r#"Pulling image "nginx""#),
            Some((What::PullAttempted, nginx()))
        );
        assert_eq!(
            read("Failed", r#"Failed to pull image "nginx": x"#),
            Some((What::PullFailed, nginx()))
        );
        assert_eq!(
            read("BackOff", r#"Back-off pulling image "nginx""#),
            Some((What::BackedOff, nginx()))
        );
        assert_eq!(
            read("BackOff", "Back-off restarting failed container"),
            Some((What::Restarted, None))
        );
        assert_eq!(
            read(
                "Pulled",
                r#"Container image "nginx" already present on machine"#
            ),
            None
        );
        assert_eq!(read("Failed", "Error: ErrImagePull"), None);
        assert_eq!(read("Scheduled", "Successfully assigned"), None);
    }
}

//! Who starts an image, how often, and on how many machines: what the owner of a place comes to in a fleet.
//!
//! No machine is taken to have any image yet: what a deploy costs at most is asked, and nodes come and go.

use forebay_oci::{ImageName, Reference};
use forebay_references::{Owner, PullPolicy};
use serde::Serialize;

use crate::schedule::most_starts;
use crate::{Fleet, Interval};

/// The kinds of Kubernetes objects of which one pod runs if they do not say how many.
const ONE_POD: [&str; 10] = [
    "Pod",
    "Deployment",
    "StatefulSet",
    "ReplicaSet",
    "ReplicationController",
    "DeploymentConfig",
    "Rollout",
    "Job",
    "CronJob",
    "Service",
];

/// What the other kinds begin with of which one runs if they do not say how many.
const ONE_EACH: [&str; 6] = [
    "Compose",
    "Dockerfile",
    "GitHub",
    "GitLab",
    "docker_",
    "kubernetes_",
];

/// What the kinds begin with that run on machines of their own, which the nodes do not bound: builders, runners, tasks of
/// Fargate.
const ELSEWHERE: [&str; 6] = ["Dockerfile", "GitHub", "GitLab", "ECS", "AWS::", "aws_"];

/// What the kinds begin with that are none of Kubernetes', and pull what is not there, `latest` or not.
const NOT_KUBERNETES: [&str; 8] = [
    "Compose",
    "Dockerfile",
    "GitHub",
    "GitLab",
    "ECS",
    "AWS::",
    "aws_",
    "docker_",
];

/// Who starts an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImageUse {
    /// Where it says so: `deploy.yaml:12`.
    pub at: String,
    /// `Deployment web, container app`.
    pub owner: String,
    /// How often it is started.
    pub starts: Interval,
    /// On how many machines.
    pub machines: Interval,
    /// Whether those machines are the fleet's nodes, and are shared with what else runs there.
    pub is_on_nodes: bool,
    /// When it is pulled.
    #[serde(serialize_with = "word_of")]
    pub policy: PullPolicy,
    /// `linux/arm64`, if its file says so.
    pub platform: Option<String>,
}

impl ImageUse {
    /// What `owner`, found at `at`, comes to in `fleet` with this image; `scaled` is between which bounds an autoscaler holds
    /// its replicas, if one does.
    pub fn of(
        (owner, scaled): (&Owner, Option<Interval>),
        at: String,
        image: &ImageName,
        fleet: &Fleet,
    ) -> Self {
        let starts = starts(owner, scaled, fleet);
        let is_on_nodes = owner.per_node || !is_of(&ELSEWHERE, &owner.kind);
        let machines = if owner.per_node {
            starts
        } else {
            let spread = Interval {
                least: starts.least.min(1),
                most: starts.most,
            };
            spread.capped(fleet.nodes.filter(|_| is_on_nodes))
        };
        Self {
            at,
            owner: told(owner),
            starts,
            machines,
            is_on_nodes,
            policy: policy(owner, image),
            platform: owner.platform.clone(),
        }
    }
}

/// How often it is started by one deploy; by a timetable, in the six hours for which registries count.
fn starts(owner: &Owner, scaled: Option<Interval>, fleet: &Fleet) -> Interval {
    // A workload of which none shall run is not scaled, either (Kubernetes' "implicit maintenance-mode deactivation").
    if let Some(bounds) = scaled.filter(|_| owner.replicas != Some(0)) {
        let said = owner.replicas.map(|count| Interval::exactly(count.into()));
        return said.map_or(bounds, |said| bounds.around(said));
    }
    if owner.per_node {
        return fleet.nodes.map_or(Interval::at_least(1), Interval::exactly);
    }
    if let Some(schedule) = &owner.schedule {
        let each = u64::from(owner.parallelism.unwrap_or(1));
        return match most_starts(schedule) {
            Some(most) => Interval::from(most.min(1)..=most).times(Interval::exactly(each)),
            None => Interval::at_least(1),
        };
    }
    let said = match owner.replicas {
        // A job that is suspended starts nothing, however many at a time.
        Some(0) => Some(0),
        replicas => owner.parallelism.or(replicas).map(u64::from),
    };
    let is_one = !owner.is_count_unknown
        && (ONE_POD.contains(&owner.kind.as_str()) || is_of(&ONE_EACH, &owner.kind));
    match said.or(is_one.then_some(1)).or(fleet.replicas) {
        Some(count) => Interval::exactly(count),
        None => Interval::at_least(1),
    }
}

/// When it is pulled, by the format's own rule where its file does not say.
fn policy(owner: &Owner, image: &ImageName) -> PullPolicy {
    let is_latest = matches!(&image.reference, Reference::Tag(tag) if tag.as_str() == "latest");
    owner.pull_policy.unwrap_or({
        // kubernetes.io/docs/concepts/containers/images: `Always` for `:latest` and for no tag.
        if is_latest && !is_of(&NOT_KUBERNETES, &owner.kind) {
            PullPolicy::Always
        } else {
            PullPolicy::IfAbsent
        }
    })
}

fn is_of(kinds: &[&str], kind: &str) -> bool {
    kinds.iter().any(|one| kind.starts_with(one))
}

fn told(owner: &Owner) -> String {
    let kind = if owner.kind.is_empty() {
        "an object"
    } else {
        &owner.kind
    };
    let mut told = kind.to_owned();
    if let Some(name) = &owner.name {
        told = format!("{told} {name}");
    }
    match &owner.container {
        Some(container) => format!("{told}, container {container}"),
        None => told,
    }
}

const fn word(policy: PullPolicy) -> &'static str {
    match policy {
        PullPolicy::Always => "always",
        PullPolicy::IfAbsent => "if-absent",
        PullPolicy::Never => "never",
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the form that serde asks for"
)]
fn word_of<S: serde::Serializer>(policy: &PullPolicy, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(word(*policy))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(owner: &Owner, image: &str, nodes: Option<u64>) -> ImageUse {
        let fleet = Fleet {
            nodes,
            ..Fleet::default()
        };
        let image = image.parse().expect("an image");
        ImageUse::of((owner, None), "a:1".to_owned(), &image, &fleet)
    }

    fn replicas(kind: &str, replicas: Option<u32>) -> Owner {
        Owner {
            replicas,
            ..Owner::named(kind, "web")
        }
    }

    #[test]
    fn replicas_spread_over_one_node_to_all_of_them() {
        for (count, nodes, starts, machines) in [
            (Some(5), Some(3), "5", "1 to 3"),
            (Some(5), Some(9), "5", "1 to 5"),
            (Some(5), None, "5", "1 to 5"),
            (Some(0), Some(3), "0", "0"),
            (None, Some(3), "1", "1"),
        ] {
            let found = used(&replicas("Deployment", count), "nginx:1", nodes);
            assert_eq!(found.starts.to_string(), starts, "{count:?} on {nodes:?}");
            assert_eq!(
                found.machines.to_string(),
                machines,
                "{count:?} on {nodes:?}"
            );
        }
    }

    #[test]
    fn what_runs_on_every_node_needs_their_number() {
        let owner = Owner {
            per_node: true,
            ..replicas("DaemonSet", None)
        };
        assert_eq!(
            used(&owner, "nginx:1", Some(7)).machines,
            Interval::exactly(7)
        );
        assert_eq!(
            used(&owner, "nginx:1", None).machines,
            Interval::at_least(1)
        );
    }

    #[test]
    fn what_does_not_say_how_many_run_is_not_guessed() {
        let owner = replicas("ECS task definition", None);
        assert_eq!(
            used(&owner, "nginx:1", Some(3)).starts,
            Interval::at_least(1)
        );
        // Fargate's machines are nobody's nodes.
        let four = replicas("ECS task definition", Some(4));
        assert_eq!(used(&four, "nginx:1", Some(3)).machines, (1..=4).into());
    }

    #[test]
    fn replicas_that_a_file_does_not_tell_are_at_least_one() {
        let unknown = Owner {
            is_count_unknown: true,
            ..replicas("Deployment", None)
        };
        assert_eq!(used(&unknown, "a:1", Some(3)).starts, Interval::at_least(1));
        assert_eq!(used(&unknown, "a:1", Some(3)).machines, (1..=3).into());
    }

    #[test]
    fn an_autoscaler_runs_between_its_bounds_and_what_the_file_says() {
        let image = "a:1".parse().expect("an image");
        for (said, starts, machines) in [
            (None, "3 to 40", "1 to 12"),
            (Some(50), "3 to 50", "1 to 12"),
            (Some(1), "1 to 40", "1 to 12"),
            (Some(0), "0", "0"),
        ] {
            let owner = replicas("Deployment", said);
            let fleet = Fleet {
                nodes: Some(12),
                ..Fleet::default()
            };
            let scaled = Some((3..=40).into());
            let found = ImageUse::of((&owner, scaled), String::new(), &image, &fleet);
            assert_eq!(found.starts.to_string(), starts, "{said:?}");
            assert_eq!(found.machines.to_string(), machines, "{said:?}");
        }
    }

    #[test]
    fn a_timetable_tells_how_often_it_starts_and_the_nodes_how_often_it_is_fetched() {
        for (schedule, parallelism, starts, machines) in [
            ("* * * * *", None, "1 to 360", "1 to 3"),
            ("*/15 * * * *", Some(2), "2 to 48", "1 to 3"),
            ("0 3 * * *", None, "1", "1"),
            ("{{ .Values.when }}", None, "at least 1", "1 to 3"),
        ] {
            let owner = Owner {
                schedule: Some(schedule.to_owned()),
                parallelism,
                ..replicas("CronJob", None)
            };
            let found = used(&owner, "a:1", Some(3));
            assert_eq!(found.starts.to_string(), starts, "{schedule}");
            assert_eq!(found.machines.to_string(), machines, "{schedule}");
        }
        let suspended = Owner {
            parallelism: Some(5),
            ..replicas("CronJob", Some(0))
        };
        assert_eq!(used(&suspended, "a:1", Some(3)).starts, Interval::ZERO);
    }

    #[test]
    fn latest_is_always_pulled_by_kubernetes_alone() {
        for (kind, image, expected) in [
            ("Deployment", "nginx", PullPolicy::Always),
            ("Deployment", "nginx:latest", PullPolicy::Always),
            ("Deployment", "nginx:1", PullPolicy::IfAbsent),
            ("Compose service", "nginx", PullPolicy::IfAbsent),
            ("GitHub job", "nginx", PullPolicy::IfAbsent),
        ] {
            let found = used(&replicas(kind, None), image, None);
            assert_eq!(found.policy, expected, "{kind} {image}");
        }
    }
}

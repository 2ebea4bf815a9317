//! Two of the stories that this project began with, from what the people there saw.
//!
//! `swarm-hap429`: thirty services with a bad mount, each asked for anew all the time, and Docker Hub's abuse limit for all.
//! `ecs-deployment-429`: a stack that waits for ever, because its tasks pull without an account.

use forebay_diagnosis::{Diagnosis, Egress, EndKind, FlagKind, Platform, StepKind, Trigger};
use forebay_evidence::{Class, Identity};

use crate::found::{find, kinds};

fn myths(found: &Diagnosis) -> Vec<&'static str> {
    found.myths.iter().map(|myth| myth.kind).collect()
}

/// 2020-06-09 14:10 UTC.
const SWARM_NOW: i64 = 1_591_711_800;

const MESSAGES: &str =
    include_str!("../../../evidence/tests/it/fixtures/swarm-hap429/messages.log");

#[test]
fn the_swarm_services_with_a_bad_mount_are_the_culprits_and_the_others_are_victims() {
    let sources = [
        ("/var/log/messages", MESSAGES),
        (
            "docker service ls",
            include_str!("../../../evidence/tests/it/fixtures/swarm-hap429/service-ls.txt"),
        ),
        (
            "docker service inspect",
            include_str!("../../../evidence/tests/it/fixtures/swarm-hap429/service-inspect.json"),
        ),
        (
            "deploy.sh",
            include_str!("../../../evidence/tests/it/fixtures/swarm-hap429/deploy.sh"),
        ),
    ];
    let found = find(&sources, SWARM_NOW, Egress::Unknown);
    let cause = found.cause.as_ref().unwrap();
    assert_eq!(cause.class, Class::AbuseLimit);
    assert_eq!(found.platforms.first(), Some(&Platform::Swarm));
    let Some(Trigger::CrashLoop { reason, .. }) = &cause.trigger else {
        panic!("{:?}", cause.trigger);
    };
    assert!(
        reason.contains("bind source path does not exist"),
        "{reason}"
    );
    assert_eq!(found.culprits.len(), 30);
    assert!(
        found
            .culprits
            .iter()
            .all(|culprit| culprit.name.starts_with("Swarm service tenants_dyn")),
        "{:?}",
        found.culprits[0]
    );
    let mut victims: Vec<&str> = found
        .victims
        .iter()
        .map(|victim| victim.name.as_str())
        .collect();
    victims.sort_unstable();
    let expected = [
        "Swarm service mon_grafana",
        "Swarm service shop_api",
        "Swarm service shop_queue",
        "Swarm service shop_web",
    ];
    assert_eq!(victims, expected);
    assert_eq!(found.since.unwrap().to_string(), "2020-06-09T14:03:10Z");
    assert_eq!(
        kinds(&found),
        [
            StepKind::ContainersDie,
            StepKind::AskedAgain,
            StepKind::AskedWithLogin,
            StepKind::AddressBlocked,
            StepKind::PullsFail,
            StepKind::ServicesDown
        ]
    );
    assert_eq!(myths(&found), ["layers", "only-anonymous", "another-nat"]);
    let ends = found.ends.as_ref().unwrap();
    assert_eq!(
        (ends.kind, ends.latest),
        (EndKind::AfterTheFlood, None),
        "it goes on as long as they do"
    );
    for kind in [
        FlagKind::RegistryAuth,
        FlagKind::NoRestartDelay,
        FlagKind::NoMaxAttempts,
    ] {
        assert!(found.flags.iter().any(|flag| flag.kind == kind), "{kind:?}");
    }
    assert!(
        found
            .evidence
            .iter()
            .any(|quote| quote.text.contains("HAP429"))
    );
    let per_minute: u64 = found
        .culprits
        .iter()
        .map(|culprit| culprit.requests.peak_requests_per_minute[1])
        .sum();
    assert!(
        (1_000..4_000).contains(&per_minute),
        "one node's share of the 20,000 of the story: {per_minute}"
    );
}

#[test]
fn where_only_service_ps_is_seen_the_log_that_tells_is_named() {
    let ps = "ID             NAME         IMAGE            NODE      DESIRED STATE   CURRENT STATE            ERROR                              PORTS\n\
              i9k4hkg2bj4m   shop_web.1   acme/web:1.2.3   node-7    Ready           Rejected 3 seconds ago   \"No such image: acme/web:1.2.3\"\n";
    let found = find(&[("ps", ps)], SWARM_NOW, Egress::Unknown);
    let cause = found.cause.as_ref().unwrap();
    assert!(!cause.class.is_cause(), "{:?}", cause.class);
    let commands: Vec<&str> = found
        .missing
        .iter()
        .map(|missing| missing.command.as_str())
        .collect();
    assert!(
        commands
            .iter()
            .any(|command| command.contains("node-7 journalctl -u docker")),
        "{commands:?}"
    );
}

/// 2026-01-15 14:45 UTC.
const ECS_NOW: i64 = 1_768_488_300;

const TASKS: &str =
    include_str!("../../../evidence/tests/it/fixtures/ecs-deployment-429/describe-tasks.json");
const STACK: &str =
    include_str!("../../../evidence/tests/it/fixtures/ecs-deployment-429/stack-events.json");
const SERVICES: &str =
    include_str!("../../../evidence/tests/it/fixtures/ecs-deployment-429/describe-services.json");
const DEFINITION: &str = include_str!(
    "../../../evidence/tests/it/fixtures/ecs-deployment-429/describe-task-definition.json"
);

#[test]
fn the_stack_that_waits_for_ever_waits_for_pulls_without_an_account() {
    let sources = [
        ("tasks", TASKS),
        ("stack", STACK),
        ("services", SERVICES),
        ("definition", DEFINITION),
    ];
    let found = find(&sources, ECS_NOW, Egress::Shared);
    let cause = found.cause.as_ref().unwrap();
    assert_eq!(
        (cause.class, cause.registry.as_deref()),
        (Class::PullLimit, Some("docker.io"))
    );
    assert_eq!(cause.identity, Some(Identity::Address(None)));
    assert_eq!(cause.trigger, Some(Trigger::NoCredentials));
    assert_eq!(found.culprits.len(), 1);
    let culprit = &found.culprits[0];
    assert_eq!(culprit.name, "ECS service CourtCaseBackend");
    assert_eq!(culprit.images, ["iseepatterns/court-case-backend:latest"]);
    // Each "has been retried 7 time(s)" was tried eight times.
    assert_eq!((culprit.failed, culprit.requests.attempts), (6, 48));
    assert_eq!(
        kinds(&found),
        [
            StepKind::AnonymousPulls,
            StepKind::LimitReached,
            StepKind::PullsFail,
            StepKind::TasksNeverStart,
            StepKind::NoLogs,
            StepKind::HealthChecksFail,
            StepKind::StackWaits,
            StepKind::WorksAgain
        ]
    );
    let is_seen = |kind| {
        found
            .chain
            .iter()
            .any(|step| step.kind == kind && !step.seen.is_empty())
    };
    assert!(
        is_seen(StepKind::StackWaits)
            && is_seen(StepKind::HealthChecksFail)
            && !is_seen(StepKind::NoLogs)
    );
    let ends = found.ends.as_ref().unwrap();
    assert_eq!(ends.kind, EndKind::Window);
    assert_eq!(ends.latest.unwrap().to_string(), "2026-01-15T20:38:00Z");
    assert!(
        found
            .flags
            .iter()
            .any(|flag| flag.kind == FlagKind::NoCredentials)
    );
    assert!(
        found
            .flags
            .iter()
            .any(|flag| flag.kind == FlagKind::NoCircuitBreaker)
    );
    assert!(
        found
            .worked_before
            .iter()
            .any(|before| before.kind == "shared-address" && before.is_seen)
    );
    assert!(myths(&found).contains(&"layers"));
}

#[test]
fn a_list_of_task_names_is_not_taken_for_evidence() {
    let list = r#"{"taskArns": ["arn:aws:ecs:us-east-1:1:task/prod/1", "arn:aws:ecs:us-east-1:1:task/prod/2"]}"#;
    let found = find(&[("list-tasks", list)], ECS_NOW, Egress::Unknown);
    assert!(found.cause.is_none());
    assert!(
        found
            .notes
            .iter()
            .any(|note| note.text.contains("describe-tasks")),
        "{:?}",
        found.notes
    );
}

#[test]
fn a_pull_that_failed_without_a_word_why_is_a_finding_and_a_question() {
    let pods = "NAMESPACE   NAME                   READY   STATUS             RESTARTS   AGE\n\
                shop        web-7d4b9c6f8d-x2x7k   0/1     ErrImagePull       0          13m\n\
                shop        api-5c6d7f8b9-kkwz4    0/1     ImagePullBackOff   0          13m\n\
                shop        job-5c6d7f8b9-kkwz4    0/1     CrashLoopBackOff   9          13m\n";
    let found = find(&[("pods", pods)], ECS_NOW, Egress::Unknown);
    let cause = found.cause.as_ref().unwrap();
    assert!(
        !cause.class.is_cause(),
        "one crash loop does not explain the others: {:?}",
        cause.class
    );
    let commands: Vec<&str> = found
        .missing
        .iter()
        .map(|missing| missing.command.as_str())
        .collect();
    assert!(
        commands[0].starts_with("kubectl describe pod web-7d4b9c6f8d-x2x7k --namespace shop"),
        "{commands:?}"
    );
}

#[test]
fn nothing_wrong_is_nothing_found() {
    let log = "Mar  2 08:00:00 node-1 kubelet[1]: I0302 08:00:00.1     1 event.go:294] \"Event occurred\" object=\"a/b\" kind=\"Pod\" reason=\"Pulled\" message=\"Successfully pulled image \\\"nginx\\\" in 1s\"\nall is well\n";
    let found = find(&[("log", log)], ECS_NOW, Egress::Unknown);
    assert!(found.cause.is_none() && found.culprits.is_empty() && found.missing.is_empty());
}

#[test]
fn one_that_only_meets_the_limit_is_no_culprit() {
    let pod = r#"{"kind":"Event","metadata":{"name":"e"},"type":"Warning","reason":"Failed","count":4,
        "message":"Failed to pull image \"cortexlabs/python-predictor-cpu:0.20.0\": toomanyrequests: You have reached your pull rate limit.",
        "firstTimestamp":"2026-01-15T11:00:00Z","lastTimestamp":"2026-01-15T11:12:00Z",
        "involvedObject":{"kind":"Pod","namespace":"default","name":"api-iris-6b9f8b5c9d-x2x7k"}}"#;
    let found = find(&[("events", pod)], ECS_NOW, Egress::Unknown);
    assert_eq!(found.culprits.len(), 0, "{:?}", found.culprits);
    assert_eq!(found.victims.len(), 1, "{:?}", found.victims);
    assert!(found.missing.iter().any(forebay_diagnosis::Missing::is_who));
}

#[test]
fn services_of_ecs_are_described_by_tens() {
    let event = r#"{"events":[{"id":"1","createdAt":"2026-01-15T14:38:00Z","message":"(service web) failed to launch a task: CannotPullContainerError: toomanyrequests: You have reached your pull rate limit."}]}"#;
    let found = find(&[("events", event)], ECS_NOW, Egress::Unknown);
    let who: Vec<&str> = found
        .missing
        .iter()
        .filter(|missing| missing.is_who())
        .map(|missing| missing.command.as_str())
        .collect();
    let is_by_tens = |command: &&str| command.contains("| xargs -n 10 aws ecs describe-services");
    assert!(who.iter().any(is_by_tens), "{who:?} {found:#?}");
}

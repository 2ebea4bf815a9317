//! What people paste: without its heading, cut off, twice, or with more than one thing in it.

use forebay_evidence::{CiSystem, Class, Context, Event, Intake, Moment, What};

use crate::formats::read_all;

const HEADING: &str = "ID             NAME          IMAGE          NODE      DESIRED STATE   CURRENT STATE            ERROR                         PORTS\n";

const ROWS: &str = "\
x1y2z3a4b5c6   shop_web.1    acme/web:2.4   node-1    Ready           Rejected 3 seconds ago   \"No such image: acme/we…\"   \n\
p1y2z3a4b5c7    \\_ shop_web.1    acme/web:2.4   node-2    Shutdown        Rejected 8 seconds ago   \"No such image: acme/we…\"   \n\
q1y2z3a4b5c8    \\_ shop_web.1    acme/web:2.4   node-1    Shutdown        Failed 14 seconds ago    \"task: non-zero exit (1)\"   \n\
r1y2z3a4b5c9   shop_api.1    acme/api:1     node-2    Running         Preparing 2 seconds ago                                \n\
";

type Parts<'a> = (What, &'a str, Option<&'a str>, Option<&'a str>, u64);

fn parts(event: &Event) -> Parts<'_> {
    (
        event.what,
        event
            .place
            .owner
            .as_ref()
            .map_or("", |owner| owner.name.as_str()),
        event.place.node.as_deref(),
        event.image.as_deref(),
        event.count,
    )
}

#[test]
fn tasks_of_a_swarm_are_told_by_service_and_node_with_and_without_their_heading() {
    let squeezed: String = ROWS
        .lines()
        .map(|row| row.split_ascii_whitespace().collect::<Vec<_>>().join(" ") + "\n")
        .collect();
    let (web, api) = (Some("acme/web:2.4"), Some("acme/api:1"));
    let expected = [
        (What::PullFailed, "shop_web", Some("node-1"), web, 1),
        (What::PullFailed, "shop_web", Some("node-2"), web, 1),
        (What::Died(Some(1)), "shop_web", Some("node-1"), web, 1),
        (What::PullAttempted, "shop_api", Some("node-2"), api, 1),
    ];
    let asked_twice = format!("{HEADING}{ROWS}\n{HEADING}{ROWS}");
    for text in [
        format!("{HEADING}{ROWS}"),
        ROWS.to_owned(),
        squeezed,
        asked_twice,
    ] {
        let evidence = read_all(&[("tasks", &text)]);
        let found: Vec<_> = evidence.events.iter().map(parts).collect();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn a_task_that_went_on_is_told_in_its_new_state_as_well() {
    let later = ROWS.replace("Running         Preparing", "Shutdown        Rejected");
    let evidence = read_all(&[("first", ROWS), ("later", &later)]);
    let api: Vec<What> = evidence
        .events
        .iter()
        .filter(|event| parts(event).1 == "shop_api")
        .map(|event| event.what)
        .collect();
    assert_eq!(api, [What::PullAttempted, What::StartFailed]);
    assert_eq!(evidence.events.len(), 5);
}

#[test]
fn a_failure_of_ecs_stands_for_all_its_tries() {
    let reason = |retries: &str| {
        format!(
            "CannotPullContainerError: ref pull has been retried {retries} time(s): failed to copy: httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/a/b/manifests/1: 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit\n"
        )
    };
    for (retries, tries) in [("7", 8), ("1", 2), ("0", 1), ("99999999", 1), ("many", 1)] {
        let evidence = read_all(&[("reason", &reason(retries))]);
        let [event] = evidence.events.as_slice() else {
            panic!("{:?}", evidence.events);
        };
        assert_eq!((event.count, event.tries), (1, tries), "{retries}");
        let class = event.failure.as_ref().map(|failure| failure.class);
        assert_eq!(class, Some(Class::PullLimit));
    }
    let again = reason("7").repeat(3);
    let evidence = read_all(&[("reason", &again)]);
    assert_eq!(
        (evidence.events[0].count, evidence.events[0].tries),
        (3, 24)
    );
}

#[test]
fn the_table_of_one_namespace_tells_it_in_the_message() {
    let table = "LAST SEEN   TYPE      REASON    OBJECT                      MESSAGE\n\
                 12s         Warning   BackOff   pod/api-7d4b9c6f8d-x2x7k    Back-off restarting failed container app in pod api-7d4b9c6f8d-x2x7k_shop(1b2c)\n";
    let evidence = read_all(&[("events", table)]);
    let place = &evidence.events[0].place;
    assert_eq!(place.namespace.as_deref(), Some("shop"));
    assert_eq!(place.container.as_deref(), Some("app"));
}

#[test]
fn a_log_of_a_ci_job_tells_which_system_wrote_it() {
    let table = [
        (
            "2026-01-15T14:00:01.0Z ##[group]Initialize containers\n",
            CiSystem::GithubActions,
        ),
        (
            "Running with gitlab-runner 16.5.0 (853330f9)\n",
            CiSystem::GitlabCi,
        ),
        ("Build-agent version 1.0.1-a\n", CiSystem::CircleCi),
        (
            "  image cache not found on this host, downloading cimg/node:20.1\n",
            CiSystem::CircleCi,
        ),
        ("[Pipeline] sh\n", CiSystem::Jenkins),
    ];
    for (log, system) in table {
        let evidence = read_all(&[("log", log)]);
        assert_eq!(evidence.ci_systems.keys().next(), Some(&system), "{log}");
    }
}

#[test]
fn a_definition_tells_where_its_containers_log_and_a_rule_its_prefix() {
    use forebay_evidence::SettingKind::{LogGroup, PullThrough};
    let text = r#"{"taskDefinition": {"family": "api", "containerDefinitions": [{"name": "x", "image": "acme/api:9", "logConfiguration": {"options": {"awslogs-group": "/ecs/api"}}}]}}
{"pullThroughCacheRules": [{"ecrRepositoryPrefix": "hub", "upstreamRegistryUrl": "registry-1.docker.io"}]}
"#;
    let evidence = read_all(&[("aws", text)]);
    let kinds: Vec<_> = evidence
        .settings
        .iter()
        .map(|setting| &setting.kind)
        .collect();
    assert!(
        kinds.contains(&&LogGroup("/ecs/api".to_owned())),
        "{kinds:?}"
    );
    assert!(kinds.contains(&&PullThrough("hub".to_owned())), "{kinds:?}");
}

#[test]
fn a_described_pod_tells_how_its_container_ended_and_no_line_below_belongs_to_that() {
    let text = "\
Name:             api-7d4b9c6f8d-x2x7l
Namespace:        shop
Containers:
  app:
    Image:          acme/api:latest
    State:          Waiting
      Reason:       CrashLoopBackOff
    Last State:     Terminated
      Reason:       OOMKilled
      Exit Code:    137
    Ready:          False
    Restart Count:  9
    Environment:    <none>
Events:
  Type     Reason   Age                 From     Message
  ----     ------   ----                ----     -------
  Warning  BackOff  2m (x120 over 30m)  kubelet  Back-off restarting failed container app in pod api-7d4b9c6f8d-x2x7l_shop(1b2c)
";
    let evidence = read_all(&[("described", text)]);
    let found: Vec<_> = evidence
        .events
        .iter()
        .map(|event| (event.what, event.count, event.message.as_str()))
        .collect();
    let told = "Back-off restarting failed container app in pod api-7d4b9c6f8d-x2x7l_shop(1b2c)";
    assert_eq!(
        found,
        [
            (What::Died(Some(137)), 1, "OOMKilled"),
            (What::Restarted, 9, "Restart Count: 9"),
            // A kubelet cannot start it more often within that time, whatever it says.
            (What::Restarted, 10, told),
        ]
    );
}

#[test]
fn a_message_that_a_terminal_wrapped_amid_a_long_log_is_one_failure() {
    let noise = "2026-01-15T14:40:00Z app info request served in 3 ms\n".repeat(300);
    let wrapped = "\
Failed to pull image \"nginx:1.27\": rpc error: code = Unknown desc = failed to pull and
unpack image \"docker.io/library/nginx:1.27\": failed to resolve reference: too
many requests: toomanyreq
uests: You have reached your pull rate
limit. You may increase the limit by authenticating and upgrading:
https://www.docker.com/increase-rate-limit
";
    let stamped = wrapped.replacen("Failed", "2026-01-15T14:41:00Z app error: Failed", 1);
    for message in [wrapped, &stamped] {
        let text = format!("{noise}{message}{noise}{message}{noise}");
        for bytes in [text.len(), 1_000, 77] {
            let mut intake = Intake::new(Context {
                now: Moment::from_unix_ms(1_768_500_000_000),
                utc_offset_seconds: 0,
            });
            intake.begin("log");
            for piece in text.as_bytes().chunks(bytes) {
                intake.push(piece);
            }
            let evidence = intake.finish();
            let told = |event: &Event| {
                let class = event.failure.as_ref().map(|failure| failure.class);
                (event.what, class, event.image.clone(), event.count)
            };
            let found: Vec<_> = evidence.events.iter().map(told).collect();
            let image = Some("docker.io/library/nginx:1.27".to_owned());
            let pull = (What::PullFailed, Some(Class::PullLimit), image, 2);
            assert_eq!(found, [pull], "{bytes} {message}");
            assert_eq!(evidence.lines, 912);
        }
    }
}

#[test]
fn two_failures_amid_a_long_log_that_has_no_stamps_are_two() {
    let noise = "  -> step is done\n".repeat(600);
    let failures = "\
ERROR: failed to solve: nginx:1: 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit
after that, nothing else was tried
Error response from daemon: pull access denied for acme/x, repository does not exist or may require 'docker login'
";
    let evidence = read_all(&[("log", &format!("{noise}{failures}{noise}{failures}{noise}"))]);
    let counts: Vec<_> = evidence.events.iter().map(|event| event.count).collect();
    assert_eq!(counts, [2, 2], "{:?}", evidence.events);
}

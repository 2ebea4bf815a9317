//! Each form of evidence, as its tool prints it.

use forebay_evidence::{Class, Context, Event, Evidence, Intake, Moment, SettingKind, What};

/// 2026-01-15 12:00 UTC.
const NOW: i64 = 1_768_478_400_000;

pub(crate) fn read_all(sources: &[(&str, &str)]) -> Evidence {
    let context = Context {
        now: Moment::from_unix_ms(NOW),
        utc_offset_seconds: 0,
    };
    let mut intake = Intake::new(context);
    for (name, text) in sources {
        intake.begin(name);
        intake.push(text.as_bytes());
    }
    intake.finish()
}

fn read(text: &str) -> Vec<Event> {
    read_all(&[("test", text)]).events
}

/// One event's parts, for comparing.
fn parts(event: &Event) -> (What, Option<String>, Option<&str>, Option<&str>, u64) {
    let owner = event.place.owner.as_ref().map(ToString::to_string);
    (
        event.what,
        owner,
        event.image.as_deref(),
        event.place.node.as_deref(),
        event.count,
    )
}

fn one(text: &str) -> Event {
    let mut events = read(text);
    assert_eq!(events.len(), 1, "{events:#?}");
    events.remove(0)
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it stands for what an event may lack"
)]
fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

const LIMIT: &str = "toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit";

#[test]
fn kubectl_get_events_with_and_without_namespaces_and_when_watched() {
    let row = |front: &str| {
        format!(
            "{front}3m12s       Warning   Failed    pod/web-7d4b9c6f8d-x2x7k   Failed to pull image \"nginx:1\": {LIMIT}\n"
        )
    };
    let bare = format!(
        "LAST SEEN   TYPE      REASON    OBJECT                     MESSAGE\n{}",
        row("")
    );
    let all = format!(
        "NAMESPACE   LAST SEEN   TYPE      REASON    OBJECT                     MESSAGE\n{}",
        row("shop        ")
    );
    // `--watch` goes on with rows that keep to no column; people paste them without the header.
    let watched = row("shop   ");
    for (text, namespace) in [(bare, None), (all, Some("shop")), (watched, Some("shop"))] {
        let event = one(&text);
        assert_eq!(
            parts(&event),
            (
                What::PullFailed,
                some("Deployment web"),
                Some("nginx:1"),
                None,
                1
            ),
            "{text}"
        );
        assert_eq!(event.place.namespace.as_deref(), namespace);
        assert_eq!(event.failure.as_ref().unwrap().class, Class::PullLimit);
        assert_eq!(event.last.unwrap().to_string(), "2026-01-15T11:56:48Z");
    }
}

#[test]
fn a_wide_row_tells_its_node_count_and_first_time() {
    let header = "LAST SEEN   TYPE     REASON    OBJECT      SUBOBJECT               SOURCE            MESSAGE                                  FIRST SEEN   COUNT   NAME\n";
    let row = "12s         Normal   BackOff   pod/db-0    spec.containers{app}    kubelet, node-9   Back-off pulling image \"acme/db:3\"       90m          412     db-0.17f\n";
    let event = one(&(header.to_owned() + row));
    assert_eq!(
        parts(&event),
        (
            What::BackedOff,
            some("StatefulSet db"),
            Some("acme/db:3"),
            Some("node-9"),
            412
        )
    );
    assert_eq!(event.first.unwrap().to_string(), "2026-01-15T10:30:00Z");
}

#[test]
fn kubectl_get_pods_tells_what_is_down_and_how_often_it_restarted() {
    let text = "NAMESPACE     NAME                      READY   STATUS             RESTARTS       AGE\n\
                shop          web-7d4b9c6f8d-x2x7k      0/1     ImagePullBackOff   0              13m\n\
                shop          cart-5c6d7f8b9-kkwz4      0/1     CrashLoopBackOff   112 (31s ago)  9h\n\
                shop          fine-5c6d7f8b9-kkwz4      1/1     Running            0              9h\n";
    let events = read(text);
    let found: Vec<_> = events
        .iter()
        .map(|event| {
            (
                event.what,
                event.place.owner.as_ref().unwrap().name.as_str(),
                event.count,
            )
        })
        .collect();
    // Of the number it is told when the last was; the status is of now.
    assert_eq!(
        found,
        [
            (What::BackedOff, "web", 1),
            (What::Restarted, "cart", 1),
            (What::Restarted, "cart", 112)
        ]
    );
}

#[test]
fn a_described_pod_tells_its_owner_node_policy_and_wrapped_events() {
    let text = format!(
        "Name:             report-28471230-bbdfg\nNamespace:        batch\nNode:             ip-10-0-1-7/10.0.1.7\nControlled By:    Job/report-28471230\nContainers:\n  app:\n    Image:             acme/report:latest\n    Image Pull Policy: Always\n    Restart Count:     0\nEvents:\n  Type     Reason   Age                 From     Message\n  ----     ------   ----                ----     -------\n  Normal   Pulling  8m (x4 over 10m)    kubelet  Pulling image \"acme/report:latest\"\n  Warning  Failed   8m (x4 over 10m)    kubelet  Failed to pull image \"acme/report:latest\": rpc error: code = Unknown\ndesc = failed to pull and unpack image \"docker.io/acme/report:latest\":\n{LIMIT}\n  Warning  Failed   8m (x4 over 10m)    kubelet  Error: ErrImagePull\n"
    );
    let evidence = read_all(&[("describe", &text)]);
    let found: Vec<_> = evidence.events.iter().map(parts).collect();
    let image = Some("acme/report:latest");
    let node = Some("ip-10-0-1-7");
    assert_eq!(
        found,
        [
            (What::PullAttempted, some("CronJob report"), image, node, 4),
            (What::PullFailed, some("CronJob report"), image, node, 4)
        ]
    );
    let failed = &evidence.events[1];
    assert_eq!(failed.failure.as_ref().unwrap().class, Class::PullLimit);
    assert_eq!((failed.lines.first, failed.lines.last), (14, 16));
    assert!(
        evidence
            .settings
            .iter()
            .any(|setting| setting.kind == SettingKind::PullPolicy("Always".to_owned()))
    );
}

#[test]
fn pods_in_json_tell_waiting_reasons_dead_containers_and_policies() {
    let text = r#"{"apiVersion": "v1", "kind": "Pod",
      "metadata": {"name": "web-7d4b9c6f8d-x2x7k", "namespace": "shop", "ownerReferences": [{"kind": "ReplicaSet", "name": "web-7d4b9c6f8d"}]},
      "spec": {"nodeName": "node-2", "containers": [{"name": "app", "image": "nginx", "imagePullPolicy": "Always"}]},
      "status": {"startTime": "2026-01-15T11:00:00Z", "containerStatuses": [
        {"name": "app", "image": "nginx", "restartCount": 7,
         "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-01-15T11:59:00Z"}},
         "state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image \"nginx\": ErrImagePull: toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit"}}}]}}"#;
    let evidence = read_all(&[("pod", text)]);
    let found: Vec<_> = evidence
        .events
        .iter()
        .map(|event| {
            (
                event.what,
                event.count,
                event.failure.as_ref().map(|failure| failure.class),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (What::BackedOff, 1, Some(Class::PullLimit)),
            (What::Died(Some(137)), 1, None),
            (What::Restarted, 7, None)
        ]
    );
    assert_eq!(
        evidence.events[0].place.owner.as_ref().unwrap().to_string(),
        "Deployment web"
    );
    assert_eq!(evidence.settings.len(), 1);
}

#[test]
fn a_kubelets_lines_are_read_in_both_forms_of_klog() {
    let structured = r#"E0903 10:30:03.291420    1088 pod_workers.go:1298] "Error syncing pod, skipping" err="failed to \"StartContainer\" for \"app\" with ErrImagePull: \"pull QPS exceeded\"" pod="shop/web-0" podUID="x""#;
    let event = one(structured);
    assert_eq!(
        parts(&event),
        (What::PullFailed, some("StatefulSet web"), None, None, 1)
    );
    assert_eq!(
        event.failure.as_ref().unwrap().class,
        Class::KubeletThrottle
    );
    let plain = r#"Jan 15 10:30:03 node-4 kubelet[77]: E0115 10:30:03.291420      77 pod_workers.go:191] Error syncing pod 1b ("web-0_shop(1b)"), skipping: failed to "StartContainer" for "app" with CrashLoopBackOff: "back-off 5m0s restarting failed container""#;
    assert_eq!(
        parts(&one(plain)),
        (
            What::Restarted,
            some("StatefulSet web"),
            None,
            Some("node-4"),
            1
        )
    );
}

#[test]
fn containerds_lines_tell_pulls_by_image() {
    let text = format!(
        "time=\"2026-01-15T10:00:00Z\" level=info msg=\"PullImage \\\"nginx:1\\\"\"\n\
         time=\"2026-01-15T10:00:01Z\" level=info msg=\"PullImage \\\"nginx:1\\\" returns image reference \\\"sha256:ab\\\"\"\n\
         time=\"2026-01-15T10:00:02Z\" level=error msg=\"PullImage \\\"nginx:1\\\" failed\" error=\"rpc error: {LIMIT}\"\n\
         time=\"2026-01-15T10:00:03Z\" level=error msg=\"StartContainer for \\\"ab\\\" failed\" error=\"failed to create containerd task: no such file\"\n"
    );
    let found: Vec<_> = read(&text)
        .iter()
        .map(|event| (event.what, event.image.clone()))
        .collect();
    let nginx = some("nginx:1");
    assert_eq!(
        found,
        [
            (What::PullAttempted, nginx.clone()),
            (What::PullSucceeded, nginx.clone()),
            (What::PullFailed, nginx),
            (What::StartFailed, None)
        ]
    );
}

#[test]
fn dockerds_lines_name_the_service_in_every_journals_form() {
    let line = r#"time="2026-01-15T10:09:58.873953109+01:00" level=error msg="pulling image failed" error="toomanyrequests: Too Many Requests (HAP429)" module=node/agent/taskmanager node.id=n1 service.id=abcdefghijklmnop task.id=t1"#;
    let json = serde_json::json!({"__REALTIME_TIMESTAMP": "1768468198000000", "_HOSTNAME": "app03", "SYSLOG_IDENTIFIER": "dockerd", "MESSAGE": line});
    let forms = [
        format!("Jan 15 09:09:58 app03 dockerd[2445]: {line}\n"),
        format!("2026-01-15T09:09:58+0000 app03 dockerd[2445]: {line}\n"),
        format!("2026-01-15T09:09:58.123456+00:00 app03 dockerd: {line}\n"),
        format!("{json}\n"),
    ];
    for form in forms {
        let event = one(&form);
        assert_eq!(
            parts(&event),
            (
                What::PullFailed,
                some("Swarm service abcdefghijklmnop"),
                None,
                Some("app03"),
                1
            ),
            "{form}"
        );
        assert_eq!(event.failure.as_ref().unwrap().class, Class::AbuseLimit);
        assert_eq!(event.last.unwrap().to_string(), "2026-01-15T09:09:58Z");
    }
}

#[test]
fn docker_events_are_the_same_as_text_and_as_json() {
    let text = "2026-01-15T10:00:00.000000000Z container die 4386fb97867d (com.docker.swarm.service.name=web, exitCode=1, image=acme/web:2, name=web.1.x)\n\
                2026-01-15T10:00:01.000000000Z image pull acme/web:2 (name=acme/web)\n\
                2026-01-15T10:00:02.000000000Z container health_status: unhealthy 4386fb97867d (com.docker.compose.service=db, image=db, name=p-db-1)\n\
                2026-01-15T10:00:03.000000000Z container exec_start: sh 4386fb97867d (image=db, name=p-db-1)\n";
    let found: Vec<_> = read(text)
        .iter()
        .map(|event| {
            (
                event.what,
                event.place.owner.as_ref().map(ToString::to_string),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (What::Died(Some(1)), some("Swarm service web")),
            (What::PullSucceeded, None),
            (What::HealthFailed, some("container db"))
        ]
    );
    let json = r#"{"status":"die","id":"43","from":"acme/web:2","Type":"container","Action":"die","Actor":{"ID":"43","Attributes":{"com.docker.swarm.service.name":"web","exitCode":"1","image":"acme/web:2","name":"web.1.x"}},"scope":"local","time":1768471200,"timeNano":1768471200000000000}"#;
    let event = one(json);
    assert_eq!(
        parts(&event),
        (
            What::Died(Some(1)),
            some("Swarm service web"),
            Some("acme/web:2"),
            None,
            1
        )
    );
    assert_eq!(event.last.unwrap().to_string(), "2026-01-15T10:00:00Z");
}

#[test]
fn docker_service_ps_is_read_with_its_branches_and_its_cuts() {
    let text = "ID             NAME            IMAGE          NODE      DESIRED STATE   CURRENT STATE             ERROR                         PORTS\n\
                i9k4hkg2bj4m   web.1           acme/web:1     node-7    Ready           Rejected 3 seconds ago    \"No such image: acme/web:1\"   \n\
                abcdefghijkl    \\_ web.1       acme/web:1     node-7    Shutdown        Failed 2 minutes ago      \"task: non-zero exit (1)\"     \n\
                bbcdefghijkl    \\_ web.1       acme/web:1               Shutdown        Rejected 5 minutes ago    \"invalid mount config for t…\" \n";
    let events = read(text);
    let found: Vec<_> = events
        .iter()
        .map(|event| (event.what, event.place.node.as_deref()))
        .collect();
    assert_eq!(
        found,
        [
            (What::PullFailed, Some("node-7")),
            (What::Died(Some(1)), Some("node-7")),
            (What::StartFailed, None)
        ]
    );
    assert!(
        events
            .iter()
            .all(|event| event.place.owner.as_ref().unwrap().name == "web")
    );
    let json = r#"{"CurrentState":"Rejected 3 seconds ago","DesiredState":"Ready","Error":"No such image: acme/web:1","ID":"i9","Image":"acme/web:1","Name":"web.1","Node":"node-7","Ports":""}"#;
    assert_eq!(
        parts(&one(json)),
        (
            What::PullFailed,
            some("Swarm service web"),
            Some("acme/web:1"),
            Some("node-7"),
            1
        )
    );
}

#[test]
fn docker_ps_and_inspect_tell_containers_that_die() {
    let text = "CONTAINER ID   IMAGE         COMMAND    CREATED        STATUS                          PORTS     NAMES\n\
                4386fb97867d   acme/api:1    \"/api\"     2 hours ago    Restarting (1) 12 seconds ago             api\n\
                5386fb97867d   redis:7       \"redis\"    2 hours ago    Up 2 hours                                cache\n";
    let event = one(text);
    assert_eq!(
        parts(&event),
        (
            What::Died(Some(1)),
            some("container api"),
            Some("acme/api:1"),
            None,
            1
        )
    );
    let inspect = r#"[{"Id": "43", "Name": "/api", "RestartCount": 12, "State": {"ExitCode": 1, "Error": "", "FinishedAt": "2026-01-15T11:59:00Z"},
      "Config": {"Image": "acme/api:1", "Labels": {"com.docker.compose.service": "api"}}, "HostConfig": {"RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}}}]"#;
    let evidence = read_all(&[("inspect", inspect)]);
    let found: Vec<_> = evidence
        .events
        .iter()
        .map(|event| (event.what, event.count))
        .collect();
    assert_eq!(found, [(What::Died(Some(1)), 1), (What::Restarted, 12)]);
    let restarts = SettingKind::Restarts {
        condition: "always".to_owned(),
        delay: None,
        max_attempts: None,
    };
    assert_eq!(evidence.settings[0].kind, restarts);
}

#[test]
fn ecs_and_cloudformation_json_are_read_from_either_aws_cli() {
    let task = |created: &str| {
        format!(
            r#"{{"tasks": [{{"taskArn": "arn:aws:ecs:r:1:task/prod/t1", "clusterArn": "arn:aws:ecs:r:1:cluster/prod", "group": "service:web", "stoppedAt": {created},
            "stoppedReason": "Task failed to start", "containers": [{{"name": "app", "image": "acme/web:1", "reason": "CannotPullContainerError: {LIMIT}"}}]}}]}}"#
        )
    };
    for created in ["\"2026-01-15T06:00:00.5-05:00\"", "1768474800.5"] {
        let event = one(&task(created));
        assert_eq!(
            parts(&event),
            (
                What::PullFailed,
                some("ECS service web"),
                Some("acme/web:1"),
                None,
                1
            )
        );
        assert_eq!(event.last.unwrap().to_string(), "2026-01-15T11:00:00Z");
    }
    let stack = r#"{"StackEvents": [{"StackName": "S", "LogicalResourceId": "Svc", "ResourceType": "AWS::ECS::Service", "ResourceStatus": "CREATE_FAILED", "ResourceStatusReason": "Resource timed out waiting for completion", "Timestamp": "2026-01-15T11:00:00Z"}]}"#;
    assert_eq!(one(stack).what, What::GaveUp);
    let line = "(service web) was unable to place a task because no container instance met all of its requirements.";
    assert_eq!(
        parts(&one(line)),
        (What::Waits, some("ECS service web"), None, None, 1)
    );
}

#[test]
fn ci_logs_name_job_runner_and_image() {
    let github = format!(
        "build\tPull\t2026-01-15T10:00:00.1Z ##[command]/usr/bin/docker pull acme/ci:3\nbuild\tPull\t2026-01-15T10:00:01.1Z Error response from daemon: {LIMIT}\n"
    );
    let gitlab = format!(
        "Running with gitlab-runner 17.0.0 (44f)\n  on fleet-7 x8a, system ID: r_1\nPulling docker image acme/ci:3 ...\nERROR: Job failed: failed to pull image \"acme/ci:3\" with specified policies [always]: Error response from daemon: {LIMIT} (manager.go:237:0s)\n"
    );
    let jenkins = format!(
        "Started by user x\nRunning on agent-2 in /var/lib/jenkins\n[Pipeline] sh\n+ docker pull acme/ci:3\nError response from daemon: {LIMIT}\n"
    );
    for (name, text, job, runner) in [
        ("run.txt", github, "build", None),
        ("job.log", gitlab, "job", Some("fleet-7")),
        ("nightly.log", jenkins, "nightly", Some("agent-2")),
    ] {
        let events = read_all(&[(name, &text)]).events;
        let found: Vec<_> = events.iter().map(parts).collect();
        let owner = Some(format!("CI job {job}"));
        assert_eq!(
            found,
            [
                (
                    What::PullAttempted,
                    owner.clone(),
                    Some("acme/ci:3"),
                    runner,
                    1
                ),
                (What::PullFailed, owner, Some("acme/ci:3"), runner, 1)
            ],
            "{name}"
        );
    }
}

#[test]
fn unknown_text_is_read_line_by_line() {
    let event = one(&format!("hello\n19:28:33 {LIMIT}\nbye 429\n"));
    assert_eq!((event.what, event.lines.first), (What::PullFailed, 2));
    assert!(read("digest sha256:2bb501e6429 pulled, 429.4MB/1.02GB\n").is_empty());
}

#[test]
fn a_message_that_was_pasted_and_wrapped_is_read_as_one() {
    let text = "ResourceStatusReason says:\nCannotPullContainerError: pull image manifest has been retried 7 time(s):\nhttpReadSeeker: failed open: unexpected status code\nhttps://registry-1.docker.io/v2/acme/api/manifests/sha256:d1faca3f650b469373dcd774fba31726af5252f4dd2435e6aee308dff5e8d3f1:\n429 Too Many Requests - Server message: toomanyrequests:\nYou have reached your unauthenticated pull\nrate limit.\nhttps://www.docker.com/increase-rate-limit\n";
    let events = read(text);
    let classes: Vec<Class> = events
        .iter()
        .filter_map(|event| event.failure.as_ref())
        .map(|failure| failure.class)
        .collect();
    assert!(classes.contains(&Class::PullLimit), "{events:#?}");
}

#[test]
fn with_registry_auth_is_noticed_wherever_it_is_typed() {
    let evidence = read_all(&[(
        "history",
        "  512  docker stack deploy --with-registry-auth -c tenants.yml tenants\n",
    )]);
    assert_eq!(evidence.settings.len(), 1);
    assert_eq!(
        evidence.settings[0].place.cluster.as_deref(),
        Some("tenants")
    );
}

#[test]
fn what_happened_to_a_pod_is_its_makers_whichever_is_read_first() {
    let event = |pod: &str| {
        format!(
            r#"{{"kind": "Event", "metadata": {{"uid": "e-{pod}"}}, "involvedObject": {{"kind": "Pod", "name": "{pod}", "namespace": "mon"}}, "reason": "Failed", "message": "Failed to pull image \"grafana/promtail:2\": {LIMIT}"}}
"#
        )
    };
    let pod = |name: &str, kind: &str, owner: &str| {
        format!(
            r#"{{"kind": "Pod", "metadata": {{"name": "{name}", "namespace": "mon", "ownerReferences": [{{"kind": "{kind}", "name": "{owner}"}}]}}, "spec": {{}}, "status": {{}}}}
"#
        )
    };
    let told = [
        event("promtail-x2x7k"),
        event("nightly-28391-abcde"),
        event("gone-x2x7k"),
    ]
    .concat();
    let makers = [
        pod("promtail-x2x7k", "DaemonSet", "promtail"),
        pod("nightly-28391-abcde", "Job", "nightly-28391"),
        pod("gone-b2b7k", "DaemonSet", "gone"),
    ]
    .concat();
    for sources in [[&told, &makers], [&makers, &told]] {
        let sources = sources.map(|text| ("test", text.as_str()));
        let evidence = read_all(&sources);
        let owners = evidence
            .events
            .iter()
            .map(|event| event.place.owner.as_ref());
        let owners: Vec<String> = owners.flatten().map(ToString::to_string).collect();
        assert_eq!(
            owners,
            ["DaemonSet promtail", "Job nightly-28391", "DaemonSet gone"]
        );
    }
}

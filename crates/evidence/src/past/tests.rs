//! What is over, and what is not, in the forms in which it is told.

use jiff::Timestamp;

use super::*;
use crate::{Format, Intake, What};

fn at(text: &str) -> Moment {
    text.parse::<Timestamp>().unwrap().into()
}

/// What is over of a text that is read so long after [`START`], and what is not: by owner and what happened.
fn parted(text: &str, hours: u64) -> (Vec<String>, Vec<String>) {
    parted_of(text, hours, false)
}

/// The same, of what programs have answered.
fn parted_of(text: &str, hours: u64, are_asked: bool) -> (Vec<String>, Vec<String>) {
    let context = Context {
        now: at(START).after(Duration::from_hours(hours)),
        utc_offset_seconds: 0,
    };
    let mut intake = Intake::new(context);
    if are_asked {
        intake.note_asked();
    }
    intake.begin("standard input");
    intake.push(text.as_bytes());
    let evidence = intake.finish();
    let named = |events: &[Event]| {
        let told = events.iter().filter(|event| is_trouble(event));
        told.map(|event| {
            let owner = event.place.owner.as_ref();
            let owner = owner.map_or("nobody", |owner| owner.name.as_str());
            format!("{owner} {:?}", event.what)
        })
        .collect()
    };
    (named(&evidence.past), named(&evidence.events))
}

const START: &str = "2026-01-15T14:00:00Z";

const LIMIT: &str = "toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit";

/// A pod whose container was started again so often, with its state.
fn pod(name: &str, restarts: u64, phase: &str, state: &str) -> String {
    format!(
        r#"{{"kind": "Pod", "metadata": {{"name": "{name}-0", "namespace": "shop", "ownerReferences": [{{"kind": "StatefulSet", "name": "{name}"}}]}}, "status": {{"phase": "{phase}", "containerStatuses": [{{"name": "c", "image": "acme/{name}:1", "restartCount": {restarts}, {state}}}]}}}}
"#
    )
}

fn runs_since(moment: &str) -> String {
    format!(r#""state": {{"running": {{"startedAt": "{moment}"}}}}"#)
}

fn waits_for(reason: &str) -> String {
    format!(r#""state": {{"waiting": {{"reason": "{reason}"}}}}"#)
}

#[test]
fn a_pod_that_runs_again_is_over_after_a_window_and_one_that_waits_is_not() {
    let table = [
        // Restarts, when it is read, whether they are over.
        (pod("web", 60, "Running", &runs_since(START)), 7, true),
        (pod("web", 60, "Running", &runs_since(START)), 5, false),
        (
            pod("web", 60, "Running", &waits_for("CrashLoopBackOff")),
            900,
            false,
        ),
        (
            pod(
                "web",
                2,
                "Failed",
                r#""state": {"terminated": {"exitCode": 1, "finishedAt": "2026-01-15T14:00:00Z"}}"#,
            ),
            300,
            true,
        ),
        // A list that tells of no state, tells of its own time.
        (
            pod(
                "web",
                2,
                "Running",
                r#""lastState": {"terminated": {"exitCode": 1, "finishedAt": "2026-01-15T14:00:00Z"}}"#,
            ),
            300,
            false,
        ),
    ];
    for (text, hours, is_over) in table {
        let (past, now) = parted(&text, hours);
        assert_eq!(
            (past.is_empty(), now.is_empty()),
            (!is_over, is_over),
            "{text}"
        );
    }
}

#[test]
fn a_list_that_was_kept_with_its_events_is_of_their_time() {
    let event = format!(
        r#"{{"kind": "Event", "metadata": {{}}, "involvedObject": {{"kind": "Pod", "name": "api-0", "namespace": "shop"}}, "reason": "Failed", "message": "Failed to pull image \"acme/api:1\": {LIMIT}", "count": 9, "firstTimestamp": "2026-01-15T14:00:00Z", "lastTimestamp": "2026-01-15T14:30:00Z"}}
"#
    );
    for (started, is_over) in [
        ("2026-01-15T14:29:00Z", false),
        ("2026-01-10T14:29:00Z", true),
    ] {
        let text = pod("web", 60, "Running", &runs_since(started)) + &event;
        let (past, now) = parted(&text, 500);
        let web = "web Restarted".to_owned();
        assert_eq!(
            (past.contains(&web), now.contains(&web)),
            (is_over, !is_over)
        );
        assert!(now.contains(&"api PullFailed".to_owned()), "{now:?}");
    }
}

#[test]
fn tables_tell_by_their_ages() {
    let pods = "NAMESPACE     NAME      READY   STATUS             RESTARTS       AGE\n\
                shop          web-0     1/1     Running            60 (12d ago)   40d\n\
                shop          api-0     0/1     CrashLoopBackOff   12 (30s ago)   40d\n\
                shop          db-0      1/1     Running            1 (2h ago)     40d\n\
                shop          img-0     0/1     ImagePullBackOff   3 (3d ago)     3d\n";
    let (past, now) = parted(pods, 0);
    assert_eq!(past, ["web Restarted", "img Restarted"]);
    assert_eq!(
        now,
        [
            "api Restarted",
            "api Restarted",
            "db Restarted",
            "img BackedOff"
        ]
    );
    let tasks = "ID             NAME        IMAGE        NODE      DESIRED STATE   CURRENT STATE           ERROR                         PORTS\n\
                 abcd1234efgh   web.1       nginx:1.27   node1     Running         Running 2 weeks ago                                   \n\
                 ijkl1234mnop    \\_ web.1   nginx:1.27   node1     Shutdown        Failed 2 weeks ago      \"task: non-zero exit (137)\"   \n\
                 qrst1234uvwx   api.1       nginx:1.27   node2     Shutdown        Failed 3 weeks ago      \"task: non-zero exit (1)\"   \n";
    let (past, now) = parted(tasks, 0);
    assert_eq!(past, ["web Died(Some(137))"]);
    assert_eq!(
        now,
        ["api Died(Some(1))"],
        "nothing came after it: it is down"
    );
    let containers = "CONTAINER ID   IMAGE      COMMAND   CREATED        STATUS                       PORTS     NAMES\n\
                      1a2b3c4d5e6f   nginx      \"x\"       2 months ago   Exited (137) 2 months ago              old\n\
                      2a2b3c4d5e6f   nginx      \"x\"       3 weeks ago    Created                                never\n\
                      3a2b3c4d5e6f   nginx      \"x\"       3 weeks ago    Restarting (1) 3 seconds ago           loop\n";
    let (past, now) = parted(containers, 0);
    assert_eq!(past, ["old Died(Some(137))", "never StartFailed"]);
    assert_eq!(now, ["loop Died(Some(1))"]);
}

#[test]
fn events_that_are_still_seen_keep_their_beginning() {
    let row = |seen: &str| {
        format!(
            "shop   {seen}   Warning   Failed   pod/web-0   Failed to pull image \"acme/web:1\": {LIMIT}\n"
        )
    };
    let header = "NAMESPACE   LAST SEEN   TYPE   REASON   OBJECT   MESSAGE\n";
    let (past, now) = parted(
        &format!("{header}{}{}", row("2m (x5000 over 3d)"), row("2d")),
        0,
    );
    assert_eq!((past.len(), now.len()), (0, 2));
    let (past, now) = parted(&format!("{header}{}", row("2d")), 0);
    assert_eq!((past.len(), now.len()), (1, 0));
}

#[test]
fn a_described_pod_tells_when_it_ended() {
    let described = |state: &str, rest: &str| {
        format!(
            "Name:             web-0\nNamespace:        shop\nStatus:           Running\nContainers:\n  web:\n    Image:          acme/web:1\n    State:          {state}\n{rest}"
        )
    };
    let started = "      Started:      Thu, 15 Jan 2026 14:00:00 +0000\n";
    let last = "    Last State:     Terminated\n      Reason:       Error\n      Exit Code:    255\n      Started:      Wed, 14 Jan 2026 14:00:00 +0000\n      Finished:     Thu, 15 Jan 2026 13:59:00 +0000\n";
    let count = "    Ready:          True\n    Restart Count:  60\nEvents:           <none>\n";
    let both = ["web Died(Some(255))", "web Restarted"];
    for (state, rest, hours, is_over) in [
        ("Running", format!("{started}{last}{count}"), 7, true),
        ("Running", format!("{started}{last}{count}"), 5, false),
        (
            "Waiting",
            format!("      Reason:       CrashLoopBackOff\n{last}{count}"),
            70,
            false,
        ),
    ] {
        let (past, now) = parted(&described(state, &rest), hours);
        let (told, other) = if is_over { (past, now) } else { (now, past) };
        assert_eq!(told, both, "{state} {hours}");
        assert!(other.is_empty());
    }
    let (past, _) = parted(&described("Running", &format!("{started}{count}")), 70);
    assert_eq!(past, ["web Restarted"]);
    let cut = "      Exit Code:    255\n";
    let (_, now) = parted(&described("Terminated", cut), 0);
    assert_eq!(now, ["web Died(Some(255))"], "what was cut off is told");
}

#[test]
fn a_log_of_long_ago_tells_of_its_own_time() {
    let line =
        |time: &str, message: &str| format!("time=\"{time}\" level=error msg=\"{message}\"\n");
    let failed = format!("Handler for POST /v1.41/images/create returned error: {LIMIT}");
    let well = "time=\"2026-01-17T14:00:00Z\" level=info msg=\"PullImage \\\"acme/web:1\\\" returns image reference \\\"sha256:1\\\"\"\n";
    let text = line(START, &failed) + well;
    let (past, now) = parted(&text, 5_000);
    assert_eq!((past.len(), now.len()), (0, 1), "{past:?} {now:?}");
}

#[test]
fn what_only_the_past_tells_of_a_class_is_over() {
    let mut evidence = Evidence::default();
    let died = |format| Event::new(What::Died(Some(1)), format);
    evidence.past.push(died(Format::DockerLists));
    assert!(evidence.is_over(Class::StartFailure));
    assert!(!evidence.is_over(Class::PullLimit));
    evidence.events.push(died(Format::DockerEvents));
    assert!(!evidence.is_over(Class::StartFailure));
}

#[test]
fn a_limit_is_over_when_its_window_is_and_something_else_is_wrong_now() {
    let line = |time: &str, error: &str| {
        format!(
            "time=\"{time}\" level=error msg=\"Handler for POST /v1.41/images/create returned error: {error}\"\n"
        )
    };
    let limit = line(START, LIMIT);
    let dns = "dial tcp: lookup registry-1.docker.io on 10.0.0.2:53: no such host";
    let table = [
        // What else there is, whether programs were asked, whether the limit is over.
        (String::new(), false, false),
        (String::new(), true, true),
        (line("2026-01-15T19:00:00Z", dns), false, false),
        (line("2026-01-15T21:00:00Z", dns), false, true),
        (
            line("2026-01-15T21:00:00Z", dns) + &line("2026-01-15T20:00:00Z", LIMIT),
            false,
            false,
        ),
    ];
    for (other, are_asked, is_over) in table {
        let (past, _) = parted_of(&(limit.clone() + &other), 8, are_asked);
        assert_eq!(!past.is_empty(), is_over, "{other} {are_asked}");
    }
    let (past, now) = parted_of(&limit, 5, true);
    assert_eq!((past.len(), now.len()), (0, 1));
}

#[test]
fn a_pod_that_was_evicted_long_ago_is_over_and_one_of_today_is_not() {
    let evicted = r#"{"kind": "Pod", "metadata": {"name": "web-6d5f7c9b4d-x2x4x", "namespace": "shop"}, "status": {"phase": "Failed", "reason": "Evicted", "startTime": "2026-01-15T14:00:00Z", "message": "The node was low on resource: ephemeral-storage. Threshold quantity: 1, available: 0."}}"#;
    let counts = |hours| {
        let (past, now) = parted(evicted, hours);
        (past.len(), now.len())
    };
    assert_eq!(counts(240), (1, 0));
    assert_eq!(counts(1), (0, 1));
}

#[test]
fn a_task_that_should_not_run_any_more_is_over_where_its_service_runs_all_that_it_should() {
    let tasks = "ID NAME IMAGE NODE DESIRED STATE CURRENT STATE ERROR PORTS\n\
        aaaaaaaaaaaa web.1 acme/web:1.3 worker-1 Running Running 2 weeks ago\n\
        dddddddddddd api.1 acme/api:1 worker-1 Shutdown Failed 9 hours ago \"task: non-zero exit (1)\"\n";
    let services = |running: u64| {
        format!(
            "\nID             NAME      MODE         REPLICAS   IMAGE\nx1y2z3a4b5c6   api       replicated   {running}/1        acme/api:1\n"
        )
    };
    for (text, expected) in [
        (tasks.to_owned() + &services(1), (1, 0)),
        (tasks.to_owned() + &services(0), (0, 1)),
        // The list of a swarm of one machine, or of one machine of a swarm.
        (tasks.to_owned(), (0, 1)),
    ] {
        let (past, now) = parted(&text, 1);
        assert_eq!((past.len(), now.len()), expected, "{text}");
    }
}

/// Rows of events, of which one is that a pod's volume is not there.
fn events(rows: &str) -> String {
    format!("NAMESPACE   LAST SEEN   TYPE      REASON        OBJECT     MESSAGE\n{rows}")
}

#[test]
fn a_pod_that_has_run_since_it_waited_for_its_volume_is_over() {
    let waits = |pod: &str| {
        format!(
            "shop        10m         Warning   FailedMount   pod/{pod}   MountVolume.SetUp failed for volume \"cfg\" : configmap \"cfg\" not found\n"
        )
    };
    let started =
        "shop        10m         Normal    Started       pod/db-0   Started container db\n";
    let pods = "\nNAMESPACE   NAME   READY   STATUS   RESTARTS   AGE\nshop        db-0   1/1     Running   0          11m\n";
    let db = waits("db-0");
    for (text, expected) in [
        (events(&(db.clone() + started)), (1, 0)),
        (events(&db) + pods, (1, 0)),
        (
            events(&db) + &pod("db", 0, "Running", &runs_since(START)),
            (1, 0),
        ),
        (events(&db), (0, 1)),
        (events(&(db.clone() + &waits("db-1") + started)), (1, 1)),
        (events(&(waits("db-1") + started)), (0, 1)),
    ] {
        let (past, now) = parted(&text, 1);
        assert_eq!((past.len(), now.len()), expected, "{text}");
        assert!(now.iter().all(|event| event.ends_with("Waits")), "{now:?}");
    }
}

#[test]
fn pulls_that_went_well_at_last_are_over_if_all_did_and_nothing_else_is_wrong() {
    let failed = format!(
        "shop        60m         Warning   Failed   pod/api-0   Failed to pull image \"acme/api:1\": {LIMIT}\n"
    );
    let pulled = |pod: &str, age: &str| {
        format!(
            "shop        {age}         Normal   Pulled   pod/{pod}   Successfully pulled image \"acme/api:1\" in 2s\n"
        )
    };
    let died = "shop        5m         Warning   BackOff   pod/web-0   Back-off restarting failed container web in pod web-0\n";
    let well = || failed.clone() + &pulled("api-0", "50m");
    for (rows, expected) in [
        (well(), (1, 0)),
        (failed.clone() + &pulled("api-0", "70m"), (0, 1)),
        (failed.clone() + &pulled("api-1", "50m"), (0, 1)),
        (well() + &failed.replace("api-0", "web-0"), (0, 2)),
        (well() + died, (0, 2)),
    ] {
        let (past, now) = parted(&events(&rows), 0);
        assert_eq!((past.len(), now.len()), expected, "{rows}");
    }
}

#[test]
fn a_retry_of_a_job_and_a_build_of_what_cannot_be_pulled_make_it_good() {
    let job = "2026-01-15T14:00:00Z ##[command]/usr/bin/docker pull postgres:16\n\
        2026-01-15T14:00:01Z Error response from daemon: Get \"https://registry-1.docker.io/v2/\": net/http: TLS handshake timeout\n\
        2026-01-15T14:00:07Z ##[command]/usr/bin/docker pull postgres:16\n";
    let well = "2026-01-15T14:00:20Z Status: Downloaded newer image for postgres:16\n";
    let denied = " ! app Warning pull access denied for myapp, repository does not exist or may require 'docker login': denied: requested access to the resource is denied  1.0s\n";
    let built = " => => naming to docker.io/library/myapp\n";
    for (text, expected) in [
        (job.to_owned() + well, (1, 0)),
        (job.to_owned(), (0, 1)),
        (denied.to_owned() + built, (1, 0)),
        (denied.to_owned() + &built.replace("myapp", "other"), (0, 1)),
        (built.to_owned() + denied, (0, 1)),
    ] {
        let (past, now) = parted(&text, 1);
        assert_eq!((past.len(), now.len()), expected, "{text}");
    }
}

#[test]
fn what_a_service_of_ecs_met_before_it_was_steady_is_over_when_that_is_long_ago() {
    let service = |after: &str| {
        format!(
            r#"{{"services": [{{"serviceName": "web", "desiredCount": 1, "clusterArn": "arn:aws:ecs:us-east-1:123456789012:cluster/c", "events": [{after}{{"createdAt": "2026-01-15T13:00:00Z", "message": "(service web) (task a1) CannotPullContainerError: {LIMIT}"}}]}}]}}"#
        )
    };
    let steady = r#"{"createdAt": "2026-01-15T13:30:00Z", "message": "(service web) has reached a steady state."}, "#;
    for (after, hours, expected) in [
        (steady, 240, (1, 0)),
        (steady, 1, (0, 1)),
        ("", 240, (0, 1)),
    ] {
        let (past, now) = parted(&service(after), hours);
        assert_eq!((past.len(), now.len()), expected, "{after} {hours}");
    }
}

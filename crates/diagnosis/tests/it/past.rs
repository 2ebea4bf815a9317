//! What was wrong once: healthy machines and clusters that tell of it, alone and beside what is wrong now.

use forebay_diagnosis::{Diagnosis, Egress};
use forebay_evidence::Class;

use crate::incidents::{SEEDS, faults, find, incidents};
use crate::world::{GATHERED, HUB_ANONYMOUS, START};

/// Ends of weeks and months ago, as each tool tells of them, with how much of it a diagnosis is to tell.
const OLD_NEWS: [(&str, &str, &str, u64); 5] = [
    (
        "pods.json",
        r#"{"kind": "List", "items": [{"kind": "Pod", "metadata": {"name": "logship-5d4c8b7f9d-k7xzz", "namespace": "mon", "creationTimestamp": "2025-08-10T09:00:00Z"},
"spec": {"nodeName": "n1", "containers": [{"name": "c", "image": "acme/logship:latest", "imagePullPolicy": "Always"}]},
"status": {"phase": "Running", "startTime": "2025-08-10T09:00:00Z", "containerStatuses": [{"name": "c", "image": "acme/logship:latest",
"restartCount": 60, "state": {"running": {"startedAt": "2026-02-18T09:00:00Z"}}}]}}]}
"#,
        "Deployment logship in mon",
        60,
    ),
    (
        "pods.txt",
        "NAMESPACE     NAME                        READY   STATUS    RESTARTS       AGE\n\
         mon           logship-5d4c8b7f9d-k7xzz    1/1     Running   60 (12d ago)   204d\n\
         kube-system   kube-proxy-x7x8z            1/1     Running   0              204d\n",
        "Deployment logship in mon",
        60,
    ),
    (
        "describe.txt",
        "Name:             logship-5d4c8b7f9d-k7xzz\nNamespace:        mon\nNode:             n1/10.0.0.1\nStatus:           Running\n\
         Containers:\n  c:\n    Image:          acme/logship:latest\n    State:          Running\n\
         \x20     Started:      Wed, 18 Feb 2026 09:00:00 +0000\n    Last State:     Terminated\n      Reason:       Error\n\
         \x20     Exit Code:    255\n      Started:      Tue, 10 Feb 2026 09:00:00 +0000\n\
         \x20     Finished:     Wed, 18 Feb 2026 08:59:00 +0000\n    Ready:          True\n    Restart Count:  60\nEvents:           <none>\n",
        "Deployment logship in mon",
        60,
    ),
    (
        "docker service ps",
        "ID             NAME           IMAGE                 NODE      DESIRED STATE   CURRENT STATE           ERROR                         PORTS\n\
         abcd1234efgh   mon_ship.1     acme/logship:latest   node1     Running         Running 2 weeks ago                                   \n\
         ijkl1234mnop    \\_ mon_ship.1   acme/logship:latest   node1     Shutdown        Failed 2 weeks ago      \"task: non-zero exit (137)\"   \n\
         qrst1234uvwx    \\_ mon_ship.1   acme/logship:latest   node1     Shutdown        Failed 3 weeks ago      \"task: non-zero exit (137)\"   \n",
        "Swarm service mon_ship",
        2,
    ),
    (
        "docker ps",
        "CONTAINER ID   IMAGE          COMMAND                  CREATED        STATUS                      PORTS     NAMES\n\
         1a2b3c4d5e6f   nginx:1.27     \"/docker-entrypoint.…\"   3 weeks ago    Up 3 weeks (healthy)        80/tcp    front\n\
         3a2b3c4d5e6f   busybox        \"sh\"                     2 months ago   Exited (137) 2 months ago             old_job\n",
        "container old_job",
        1,
    ),
];

fn read(sources: &[(&str, &str)], now: i64) -> Diagnosis {
    crate::found::find(sources, now, Egress::Unknown)
}

#[test]
fn what_runs_well_and_ended_long_ago_is_told_and_no_finding() {
    for (name, text, who, deaths) in OLD_NEWS {
        let found = read(&[(name, text)], START);
        assert!(found.cause.is_none(), "{name}: {:?}", found.cause);
        assert!(found.culprits.is_empty() && found.also.is_empty(), "{name}");
        let [past] = found.past.as_slice() else {
            panic!("{name}: {:?}", found.past);
        };
        assert_eq!((past.name.as_str(), past.deaths), (who, deaths), "{name}");
        assert!(past.last.is_some());
    }
}

#[test]
fn beside_what_ended_long_ago_every_incident_is_found_as_without_it() {
    let mut wrong = Vec::new();
    let old_news = OLD_NEWS.iter().cycle();
    for (seed, ((name, make), (old, text, ..))) in (0..).zip(incidents().into_iter().zip(old_news))
    {
        let mut truth = make(seed % SEEDS);
        truth.sources.push(((*old).to_owned(), (*text).to_owned()));
        let found = find(&truth.sources, Egress::Unknown);
        let faults = faults(&truth, &found);
        wrong.extend(
            faults
                .iter()
                .map(|fault| format!("{name} and {old}: {fault}")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_still_seen_goes_on_however_long_ago_it_began() {
    let events = format!(
        "NAMESPACE   LAST SEEN              TYPE      REASON    OBJECT      MESSAGE\n\
         shop        2m (x5000 over 3d)     Warning   Failed    pod/web-0   Failed to pull image \"acme/web:1\": {HUB_ANONYMOUS}\n"
    );
    let pods = "NAMESPACE   NAME    READY   STATUS             RESTARTS     AGE\n\
                shop        web-0   0/1     ImagePullBackOff   3 (3d ago)   5d\n";
    let found = read(&[("events", events.as_str()), ("pods", pods)], START);
    assert_eq!(found.cause.unwrap().class, Class::PullLimit);
    assert_eq!(found.classes[&Class::PullLimit].failures, 5_000);
    let found = read(&[("pods", pods)], START);
    assert_eq!(found.cause.unwrap().class, Class::SymptomOnly);
    assert_eq!((found.past.len(), found.past[0].deaths), (1, 3));
}

#[test]
fn a_log_of_long_ago_is_diagnosed_as_on_its_own_day() {
    for (name, make) in incidents() {
        let truth = make(1);
        // Ages count from when they are read: of such, only --as-of tells when that was.
        let tells_ages = |text: &String| {
            text.contains(" ago") || text.contains("LAST SEEN") || text.contains("Age  ")
        };
        if truth.sources.iter().any(|(_, text)| tells_ages(text)) {
            continue;
        }
        let found =
            crate::found::find(&truth.sources, START + GATHERED + 90 * 86_400, truth.egress);
        let faults = faults(&truth, &found);
        assert!(faults.is_empty(), "{name}: {faults:?}");
    }
}

#[test]
fn a_storm_that_ended_is_the_cause_of_the_limit_that_it_used_up_however_long_the_log_goes_on() {
    let line = |hour: u64, minute: u64, rest: &str| {
        format!(
            "Nov 20 {hour:02}:{minute:02}:00 app03 dockerd[1]: time=\"2026-11-20T{hour:02}:{minute:02}:00Z\" level=error {rest}\n"
        )
    };
    let mut log = String::new();
    for at in 0..180 {
        let death = format!(
            "msg=\"fatal task error\" error=\"task: non-zero exit (1)\" service.id=svcapi task.id=t{at}"
        );
        log += &line(9 + at / 60, at % 60, &death);
    }
    for at in 0..10 {
        let refused = format!(
            "msg=\"pulling image failed\" error=\"{HUB_ANONYMOUS}\" service.id=svcweb task.id=w{at}"
        );
        log += &line(11 + at, 5, &refused);
    }
    let found = read(&[("docker.log", &log)], START + GATHERED + 400 * 86_400);
    assert_eq!(found.cause.unwrap().class, Class::PullLimit);
    let culprits: Vec<&str> = found.culprits.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(culprits, ["Swarm service svcapi"]);
    assert!(found.past.is_empty());
}

#[test]
fn of_a_pull_that_was_got_over_is_told_what_refused_it() {
    let events = format!(
        "NAMESPACE   LAST SEEN   TYPE      REASON    OBJECT      MESSAGE\n\
         shop        60m         Warning   Failed    pod/web-0   Failed to pull image \"acme/web:1\": {HUB_ANONYMOUS}\n\
         shop        50m         Normal    Pulled    pod/web-0   Successfully pulled image \"acme/web:1\" in 2s\n\
         shop        50m         Normal    Started   pod/web-0   Started container web\n"
    );
    let found = read(&[("events", events.as_str())], START);
    assert!(found.cause.is_none());
    let [past] = found.past.as_slice() else {
        panic!("{:?}", found.past);
    };
    assert_eq!((past.failed, past.class), (1, Some(Class::PullLimit)));
}

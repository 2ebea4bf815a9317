//! The loop: by a clock that tests move, and programs that they play.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;

use forebay_content::ManualClock;
use serde_json::json;

use super::*;

/// Plays `kubectl`: the phase of one pod, another each time.
struct Played(RefCell<VecDeque<Result<&'static str, Trouble>>>);

impl Tools for Played {
    async fn run(&self, _: &Call, take: &mut dyn FnMut(&[u8])) -> Result<(), Trouble> {
        let phase = self.0.borrow_mut().pop_front().unwrap_or(Ok("Pending"))?;
        let conditions = json!([{ "type": "Ready", "status": if phase == "Running" { "True" } else { "False" } }]);
        let pod = json!({ "kind": "Pod", "metadata": { "namespace": "shop", "name": "web" },
            "status": { "phase": phase, "conditions": conditions } });
        take(json!({ "items": [pod] }).to_string().as_bytes());
        Ok(())
    }
}

async fn ended(answers: Vec<Result<&'static str, Trouble>>) -> (Result<Ended, Failure>, Duration) {
    ended_within(Duration::from_mins(5), answers).await
}

async fn ended_within(
    timeout: Duration,
    answers: Vec<Result<&'static str, Trouble>>,
) -> (Result<Ended, Failure>, Duration) {
    let clock = ManualClock::default();
    let played = Played(RefCell::new(answers.into()));
    let printer = Printer::to(Box::new(io::sink()), Box::new(io::sink()));
    let awaited = Awaited {
        cluster: Some(KubeCluster::default()),
        deployment: None,
        timeout,
    };
    let waited = async {
        let told = wait(&awaited, (&played, &clock), &printer).await;
        (told, clock.monotonic())
    };
    let moved = async {
        loop {
            tokio::task::yield_now().await;
            clock.advance(Duration::from_secs(1));
        }
    };
    tokio::select! {
        told = waited => told,
        () = moved => unreachable!("it never ends"),
    }
}

#[tokio::test]
async fn it_ends_when_all_runs() {
    let (told, after) = ended(vec![Ok("Pending"), Ok("Pending"), Ok("Running")]).await;
    assert!(matches!(told, Ok(Ended::Runs(_))));
    assert!(after >= 2 * ASK_EVERY && after < 3 * ASK_EVERY, "{after:?}");
}

#[tokio::test]
async fn it_ends_at_once_when_it_has_failed_for_good() {
    let (told, _) = ended(vec![Ok("Pending"), Ok("Failed")]).await;
    assert!(matches!(told, Ok(Ended::Failed(why)) if why == "pod shop/web has failed"));
}

#[tokio::test]
async fn it_ends_in_time() {
    let (told, after) = ended(vec![]).await;
    assert!(matches!(told, Ok(Ended::TookTooLong(why)) if why == "pod shop/web is pending"));
    assert!(after <= Duration::from_mins(6), "{after:?}");
}

#[tokio::test]
async fn it_bears_some_silence_and_not_for_ever() {
    let silence = || Err(Trouble::Rubbish);
    let (told, _) = ended(vec![silence(), silence(), Ok("Running")]).await;
    assert!(matches!(told, Ok(Ended::Runs(_))));
    let (told, _) = ended((0..20).map(|_| silence()).collect()).await;
    assert!(told.is_err());
    let (told, after) = ended(vec![Err(Trouble::Missing)]).await;
    assert!(told.is_err());
    assert_eq!(after, Duration::ZERO, "nobody will install it meanwhile");
}

#[tokio::test]
async fn that_nobody_answers_in_time_is_no_word_of_how_it_stands() {
    let silence = || Err(Trouble::Rubbish);
    let short = Duration::from_secs(15);
    let (told, _) = ended_within(short, vec![silence(), silence(), silence()]).await;
    assert!(told.is_err(), "{told:?}");
    let (told, _) = ended_within(short, vec![Ok("Pending"), silence(), silence()]).await;
    assert!(matches!(told, Ok(Ended::TookTooLong(_))), "{told:?}");
}

/// What is waited for: the stack `shop`, in a cluster.
fn of_shop() -> Awaited {
    let deployment = Deployment {
        cluster: "c".to_owned(),
        stack: Some("shop".to_owned()),
        ..Deployment::default()
    };
    Awaited {
        cluster: None,
        deployment: Some(deployment),
        timeout: Duration::from_mins(5),
    }
}

/// Plays `aws`: a stack in progress and a service that waits, without the right to list the stack's resources.
struct Denied;

impl Tools for Denied {
    async fn run(&self, call: &Call, take: &mut dyn FnMut(&[u8])) -> Result<(), Trouble> {
        let answer = match &*call.args[1] {
            "list-stack-resources" => {
                return Err(Trouble::Failed {
                    code: "exit code 254".to_owned(),
                    complaint: "AccessDenied".to_owned(),
                });
            }
            "describe-stacks" => {
                json!({ "Stacks": [{ "StackName": "shop", "StackStatus": "CREATE_IN_PROGRESS" }] })
            }
            "list-services" => json!({ "serviceArns": ["web"] }),
            "describe-services" => {
                json!({ "services": [{ "serviceName": "web", "desiredCount": 2, "runningCount": 0 }] })
            }
            _ => json!({}),
        };
        take(answer.to_string().as_bytes());
        Ok(())
    }
}

#[tokio::test]
async fn a_right_that_is_missing_beside_is_named_and_the_rest_is_judged() {
    let (standing, notes) = ask(&of_shop(), &Denied).await;
    let told = "stack shop is CREATE_IN_PROGRESS; service web: 0 of 2 run; no task runs";
    assert!(matches!(standing, Ok(Standing::Waits(why)) if why == told));
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(
        notes[0].contains("cloudformation:ListStackResources"),
        "{notes:?}"
    );
}

/// Plays `aws`: a stack whose service runs, and a task of another stack's that does not.
#[derive(Default)]
struct Shared(RefCell<Vec<String>>);

impl Tools for Shared {
    async fn run(&self, call: &Call, take: &mut dyn FnMut(&[u8])) -> Result<(), Trouble> {
        let answer = match &*call.args[1] {
            "describe-stacks" => {
                json!({ "Stacks": [{ "StackName": "shop", "StackStatus": "CREATE_COMPLETE" }] })
            }
            "list-stack-resources" => json!({ "StackResourceSummaries": [
                { "ResourceType": "AWS::ECS::Service", "PhysicalResourceId": "arn/web" }] }),
            "describe-services" => {
                json!({ "services": [{ "serviceName": "web", "desiredCount": 1, "runningCount": 1 }] })
            }
            "list-tasks" => json!({ "taskArns": ["1", "2"], "NextToken": "more" }),
            "describe-tasks" => json!({ "tasks": [
                { "taskArn": "1", "lastStatus": "RUNNING", "healthStatus": "HEALTHY", "group": "service:web" },
                { "taskArn": "2", "lastStatus": "RUNNING", "healthStatus": "UNHEALTHY", "group": "service:another" },
            ] }),
            _ => json!({}),
        };
        self.0.borrow_mut().push(call.args[1].clone());
        take(answer.to_string().as_bytes());
        Ok(())
    }
}

#[tokio::test]
async fn of_a_stack_that_shares_its_cluster_only_what_is_its_own_is_judged_and_asked_for() {
    let shared = Shared::default();
    let (standing, notes) = ask(&of_shop(), &shared).await;
    let told = "stack shop is CREATE_COMPLETE, service web: 1 of 1 run";
    assert!(matches!(standing, Ok(Standing::Runs(what)) if what == told));
    let cut = "aws lists more tasks than the 500 that are looked at: ";
    assert!(notes.len() == 1 && notes[0].starts_with(cut), "{notes:?}");
    let calls = [
        "describe-stacks",
        "list-stack-resources",
        "describe-services",
        "list-tasks",
        "describe-tasks",
    ];
    assert_eq!(*shared.0.borrow(), calls);
}

/// Plays `kubectl`: this many pods of 4 KiB, the first with a name that is none, of a Deployment's newest revision.
struct Many(usize);

impl Tools for Many {
    async fn run(&self, call: &Call, take: &mut dyn FnMut(&[u8])) -> Result<(), Trouble> {
        let revision = json!({ "deployment.kubernetes.io/revision": "7" });
        let place =
            |name: &str| json!({ "namespace": "shop", "name": name, "annotations": revision });
        let owned = |name: &str, kind: &str, owner: &str| {
            let mut metadata = place(name);
            metadata["ownerReferences"] = json!([{ "kind": kind, "name": owner }]);
            metadata
        };
        if call.args.iter().any(|arg| arg == "replicasets") {
            let set =
                json!({ "kind": "ReplicaSet", "metadata": owned("web-5d", "Deployment", "web") });
            take(json!({ "items": [set] }).to_string().as_bytes());
            return Ok(());
        }
        let ready =
            json!({ "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] });
        let reason = json!([{ "state": { "waiting": { "reason": "InvalidImageName" } } }]);
        let bad = json!({ "phase": "Pending", "containerStatuses": reason });
        take(b"{\"items\": [");
        for number in 0..self.0 {
            let pod = json!({ "kind": "Pod", "metadata": owned("web-5d-x", "ReplicaSet", "web-5d"),
                "spec": { "command": "x".repeat(4 << 10) }, "status": if number == 0 { &bad } else { &ready } });
            take(format!("{pod},").as_bytes());
        }
        let web = json!({ "kind": "Deployment", "metadata": place("web"), "status": { "updatedReplicas": 1, "availableReplicas": 1 } });
        take(format!("{web}]}}").as_bytes());
        Ok(())
    }
}

#[tokio::test]
async fn a_cluster_is_judged_however_much_there_is_to_read_of_it() {
    let awaited = Awaited {
        cluster: Some(KubeCluster::default()),
        deployment: None,
        timeout: Duration::from_mins(5),
    };
    let (standing, notes) = ask(&awaited, &Many(5_000)).await;
    assert!(
        matches!(standing, Ok(Standing::Failed(why)) if why == "pod shop/web-5d-x: InvalidImageName")
    );
    assert!(notes.is_empty(), "{notes:?}");
}

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
    let deployment = Deployment {
        cluster: "c".to_owned(),
        stack: Some("shop".to_owned()),
        ..Deployment::default()
    };
    let awaited = Awaited {
        cluster: None,
        deployment: Some(deployment),
        timeout: Duration::from_mins(5),
    };
    let (standing, without) = ask(&awaited, &Denied).await;
    let told = "stack shop is CREATE_IN_PROGRESS; service web: 0 of 2 run; no task runs";
    assert!(matches!(standing, Ok(Standing::Waits(why)) if why == told));
    let without = without.unwrap();
    assert!(
        without.contains("cloudformation:ListStackResources"),
        "{without}"
    );
}

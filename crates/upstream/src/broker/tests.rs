use std::collections::VecDeque;
use std::sync::Mutex as StdMutex;

use forebay_content::ManualClock;

use super::*;
use crate::Secret;

type Answer = Result<(&'static str, Option<u64>), ()>;

/// Gives out logins by password, in turn; a fetch too many fails the test.
struct Script {
    answers: StdMutex<VecDeque<Answer>>,
}

#[async_trait]
impl FetchLogin for Script {
    async fn fetch(&self) -> Result<(Login, Option<Duration>), SourceError> {
        let next = self.answers.lock().unwrap().pop_front();
        match next.expect("nobody fetches more often than the script says") {
            Ok((password, good_for)) => Ok((login(password), good_for.map(Duration::from_secs))),
            Err(()) => Err(SourceError::Unavailable {
                why: "scripted".to_owned(),
                retry_after: None,
            }),
        }
    }
}

fn login(password: &str) -> Login {
    Login::new("alice", &Secret::new(password))
}

fn broker(answers: &[Answer]) -> (Fetched, ManualClock) {
    let clock = ManualClock::default();
    let script = Script {
        answers: StdMutex::new(answers.iter().copied().collect()),
    };
    (
        Fetched::new(Box::new(script), Arc::new(clock.clone())),
        clock,
    )
}

async fn is_current(fetched: &Fetched, password: &str) -> bool {
    fetched.current().await.unwrap().fingerprint == login(password).fingerprint
}

#[tokio::test]
async fn a_login_is_fetched_once_and_again_when_it_is_old() {
    let (fetched, clock) = broker(&[Ok(("a", Some(600))), Ok(("b", None)), Ok(("c", None))]);
    let all = futures::future::join_all((0..100).map(|_| fetched.current())).await;
    assert!(all.iter().all(Result::is_ok));
    clock.advance(Duration::from_secs(599));
    assert!(is_current(&fetched, "a").await);
    clock.advance(Duration::from_secs(1));
    assert!(is_current(&fetched, "b").await);
    clock.advance(MAX_AGE);
    assert!(is_current(&fetched, "c").await);
}

#[tokio::test]
async fn an_expiry_in_the_past_makes_no_loop() {
    let (fetched, clock) = broker(&[Ok(("a", Some(0))), Ok(("b", Some(0)))]);
    assert!(is_current(&fetched, "a").await);
    clock.advance(MIN_AGE.saturating_sub(Duration::from_secs(1)));
    assert!(is_current(&fetched, "a").await);
    clock.advance(Duration::from_secs(1));
    assert!(is_current(&fetched, "b").await);
}

#[tokio::test]
async fn a_refused_login_is_fetched_again_at_most_once_a_minute() {
    let (fetched, clock) = broker(&[Ok(("a", None)), Ok(("b", None)), Ok(("b", None))]);
    let a = fetched.current().await.unwrap().fingerprint.clone();
    assert!(fetched.renew(&a).await.unwrap().is_none());
    clock.advance(RENEWAL_PAUSE);
    let b = fetched
        .renew(&a)
        .await
        .unwrap()
        .unwrap()
        .fingerprint
        .clone();
    assert_eq!(b, login("b").fingerprint);
    // Somebody else's renewal is shared.
    assert!(fetched.renew(&a).await.unwrap().is_some());
    assert!(fetched.renew(&b).await.unwrap().is_none());
    clock.advance(RENEWAL_PAUSE);
    // The same again is no other.
    assert!(fetched.renew(&b).await.unwrap().is_none());
}

#[tokio::test]
async fn a_failed_fetch_is_not_repeated_at_once_and_the_old_login_serves_on() {
    let (fetched, clock) = broker(&[Err(()), Ok(("a", None)), Err(()), Ok(("b", None))]);
    for _ in 0..5 {
        assert!(fetched.current().await.is_err());
    }
    clock.advance(FAILURE_PAUSE);
    assert!(is_current(&fetched, "a").await);
    clock.advance(MAX_AGE);
    for _ in 0..5 {
        assert!(is_current(&fetched, "a").await);
    }
    clock.advance(FAILURE_PAUSE);
    assert!(is_current(&fetched, "b").await);
}

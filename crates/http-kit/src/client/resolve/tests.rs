//! A scripted resolver behind the cache.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use tokio::sync::Semaphore;

use super::*;

/// Gives its answers in turn, the last one for ever, each when the gate lets it.
#[derive(Clone)]
struct Scripted {
    answers: Arc<Mutex<VecDeque<Option<IpAddr>>>>,
    gate: Arc<Semaphore>,
    asked: Arc<AtomicUsize>,
}

impl Scripted {
    fn new(answers: &[Option<&str>], gate: usize) -> Self {
        let answers = answers
            .iter()
            .map(|answer| answer.map(|ip| ip.parse().unwrap()));
        Self {
            answers: Arc::new(Mutex::new(answers.collect())),
            gate: Arc::new(Semaphore::new(gate)),
            asked: Arc::default(),
        }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Resolve for Scripted {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.gate.acquire().await.unwrap().forget();
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 {
            answers.pop_front().flatten()
        } else {
            answers[0]
        };
        answer
            .map(|ip| vec![ip])
            .ok_or_else(|| io::Error::other("SERVFAIL"))
    }
}

fn first(answer: &Answer) -> String {
    answer.as_ref().unwrap()[0].to_string()
}

#[tokio::test]
async fn an_answer_is_kept_and_a_name_is_looked_up_once_for_all_who_wait() {
    let script = Scripted::new(&[Some("192.0.2.1"), Some("192.0.2.2")], 0);
    let resolver = Resolver::new(script.clone());
    let waiting = join_all((0..20).map(|_| resolver.addresses("a.example")));
    let (answers, ()) = futures::join!(waiting, async { script.gate.add_permits(1) });
    assert!(answers.iter().all(|answer| first(answer) == "192.0.2.1"));
    assert_eq!(first(&resolver.addresses("a.example").await), "192.0.2.1");
    assert_eq!(script.asked(), 1);
    script.gate.add_permits(1);
    assert_eq!(first(&resolver.addresses("b.example").await), "192.0.2.2");
}

#[tokio::test]
async fn an_expired_answer_is_asked_for_again_and_used_when_the_resolver_fails() {
    let script = Scripted::new(&[Some("192.0.2.1"), Some("192.0.2.2"), None], 100);
    let resolver = Resolver::keeping(script.clone(), Duration::ZERO);
    assert_eq!(first(&resolver.addresses("a.example").await), "192.0.2.1");
    assert_eq!(first(&resolver.addresses("a.example").await), "192.0.2.2");
    assert_eq!(first(&resolver.addresses("a.example").await), "192.0.2.2");
    assert_eq!(script.asked(), 3);
}

#[tokio::test]
async fn a_failure_is_not_kept() {
    let script = Scripted::new(&[None, Some("192.0.2.1")], 100);
    let resolver = Resolver::new(script.clone());
    assert!(resolver.addresses("a.example").await.is_err());
    assert_eq!(first(&resolver.addresses("a.example").await), "192.0.2.1");
}

#[tokio::test]
async fn a_lookup_that_everybody_left_is_begun_anew() {
    let script = Scripted::new(&[Some("192.0.2.1")], 0);
    let resolver = Resolver::new(script.clone());
    let left =
        tokio::time::timeout(Duration::from_millis(10), resolver.addresses("a.example")).await;
    assert!(left.is_err());
    script.gate.add_permits(1);
    assert_eq!(first(&resolver.addresses("a.example").await), "192.0.2.1");
    assert_eq!(script.asked(), 2);
}

#[tokio::test]
async fn a_lookup_ends_at_its_limit() {
    let names = Names {
        inner: Arc::new(Scripted::new(&[None], 0)),
        keep: KEEP_ANSWER,
        limit: Duration::from_millis(20),
        entries: Mutex::default(),
    };
    let resolver = Resolver {
        shared: Arc::new(names),
    };
    let error = resolver.addresses("slow.example").await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

#[tokio::test]
async fn names_are_remembered_up_to_their_bound() {
    let resolver = Resolver::new(Scripted::new(&[Some("192.0.2.1")], NAMES_KEPT * 3));
    for name in 0..NAMES_KEPT + 50 {
        resolver
            .addresses(&format!("{name}.example"))
            .await
            .unwrap();
    }
    assert!(resolver.entries().len() <= NAMES_KEPT);
}

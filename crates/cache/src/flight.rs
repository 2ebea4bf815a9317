//! One piece of work for all who want its result at the same time.
//!
//! The work is a task of its own: it belongs to none of those who wait, so that their leaving stops nothing.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use forebay_content::{Clock, SourceError, lock};
use forebay_jobs::Supervisor;
use tokio::sync::watch;

use crate::claim::{Claim, Wanted};

/// Work under way, by what it is for.
pub(crate) struct Flights<K, V> {
    supervisor: Supervisor,
    clock: Arc<dyn Clock>,
    running: Arc<Mutex<Running<K, V>>>,
}

type Running<K, V> = HashMap<K, Flight<V>>;

struct Flight<V> {
    result: watch::Receiver<Option<V>>,
    claim: Arc<Claim>,
    began: Duration,
}

/// A seat on a flight: the result to come.
pub(crate) struct Seat<V> {
    result: watch::Receiver<Option<V>>,
    claim: Arc<Claim>,
    wanted: Wanted,
}

/// The work ended without a result: it panicked, or the program is stopping.
#[derive(Debug, thiserror::Error)]
#[error("the work was given up")]
pub(crate) struct GivenUp;

// === impl Flights ===

impl<K, V> Flights<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(crate) fn new(supervisor: Supervisor, clock: Arc<dyn Clock>) -> Self {
        Self {
            supervisor,
            clock,
            running: Arc::default(),
        }
    }

    /// Joins the work for `key`, or begins it; the work is told the claim of all who wait for it.
    pub(crate) fn join<F>(
        &self,
        key: K,
        wanted: Wanted,
        work: impl FnOnce(Arc<Claim>) -> F,
    ) -> Seat<V>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut running = lock(&self.running);
        if let Some(flight) = running.get(&key) {
            flight.claim.join(wanted);
            return flight.seat(wanted);
        }
        let (announce, result) = watch::channel(None);
        let flight = Flight {
            result,
            claim: Arc::new(Claim::new(wanted)),
            began: self.clock.monotonic(),
        };
        let (seat, claim) = (flight.seat(wanted), Arc::clone(&flight.claim));
        running.insert(key.clone(), flight);
        drop(running);
        // The guard, not the work's end, takes the entry away: a panic must not leave one that nobody will ever end.
        let entry = Entry {
            running: Arc::clone(&self.running),
            key,
            claim: Arc::clone(&claim),
        };
        self.begin(entry, work(claim), announce);
        seat
    }

    fn begin(
        &self,
        entry: Entry<K, V>,
        work: impl Future<Output = V> + Send + 'static,
        announce: watch::Sender<Option<V>>,
    ) {
        let supervisor = self.supervisor.clone();
        self.supervisor.spawn("flight", async move {
            tokio::select! {
                value = work => {
                    announce.send_replace(Some(value));
                }
                () = entry.unwanted(&supervisor, &announce) => {}
            }
        });
    }

    /// For how long the work for `key` has been under way; zero if it is not.
    pub(crate) fn age(&self, key: &K) -> Duration {
        let began = lock(&self.running).get(key).map(|flight| flight.began);
        began.map_or(Duration::ZERO, |began| {
            self.clock.monotonic().saturating_sub(began)
        })
    }
}

impl<V> Flight<V> {
    fn seat(&self, wanted: Wanted) -> Seat<V> {
        Seat {
            result: self.result.clone(),
            claim: Arc::clone(&self.claim),
            wanted,
        }
    }
}

struct Entry<K: Eq + Hash, V> {
    running: Arc<Mutex<Running<K, V>>>,
    key: K,
    /// Which flight it is: another may have begun under its key.
    claim: Arc<Claim>,
}

impl<K: Eq + Hash, V> Entry<K, V> {
    /// Resolves when the program is stopping and nobody waits any more: a stop that waited for an upstream that hangs would
    /// keep a successor from serving what is warm.
    async fn unwanted(&self, supervisor: &Supervisor, announce: &watch::Sender<Option<V>>) {
        supervisor.stopping().await;
        self.remove();
        announce.closed().await;
    }

    fn remove(&self) {
        let mut running = lock(&self.running);
        let flight = running.get(&self.key);
        if flight.is_some_and(|flight| Arc::ptr_eq(&flight.claim, &self.claim)) {
            running.remove(&self.key);
        }
    }
}

impl<K: Eq + Hash, V> Drop for Entry<K, V> {
    fn drop(&mut self) {
        self.remove();
    }
}

// === impl Seat ===

impl<V: Clone> Seat<V> {
    /// Waits for the result.
    pub(crate) async fn result(mut self) -> Result<V, SourceError> {
        let value = self
            .result
            .wait_for(Option::is_some)
            .await
            .map_err(|_| SourceError::internal(GivenUp))?;
        value.clone().ok_or_else(|| SourceError::internal(GivenUp))
    }

    /// Waits for the result; while the work waits for a limit, no longer than this one has patience.
    pub(crate) async fn result_in_time(self, clock: &dyn Clock) -> Result<V, SourceError> {
        let (claim, wanted) = (Arc::clone(&self.claim), self.wanted);
        tokio::select! {
            biased;
            result = self.result() => result,
            refused = claim.out_of_patience(wanted, clock) => Err(refused),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use forebay_content::ManualClock;
    use forebay_limits::Priority;
    use tokio::sync::oneshot;

    use super::*;

    const ANYBODY: Wanted = Wanted {
        priority: Priority::Interactive,
        deadline: Duration::MAX,
    };

    fn flights<V: Clone + Send + Sync + 'static>(
        supervisor: Supervisor,
    ) -> Flights<&'static str, V> {
        Flights::new(supervisor, Arc::new(ManualClock::default()))
    }

    #[tokio::test]
    async fn all_who_ask_at_once_share_one_piece_of_work() {
        let flights = flights(Supervisor::new());
        let begun = Arc::new(AtomicU32::new(0));
        let (release, gate) = oneshot::channel::<()>();
        let mut gate = Some(gate);
        let tickets: Vec<_> = (0..100)
            .map(|_| {
                flights.join("key", ANYBODY, |_| {
                    begun.fetch_add(1, Ordering::Relaxed);
                    let gate = gate.take().unwrap();
                    async move { gate.await.is_ok() }
                })
            })
            .collect();
        release.send(()).unwrap();
        for ticket in tickets {
            assert!(ticket.result().await.unwrap());
        }
        assert_eq!(begun.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn the_work_goes_on_when_all_who_waited_have_left() {
        let flights = flights(Supervisor::new());
        let (release, gate) = oneshot::channel::<()>();
        let (ended, end) = oneshot::channel();
        drop(flights.join("key", ANYBODY, |_| async move {
            gate.await.unwrap();
            ended.send(()).unwrap();
        }));
        release.send(()).unwrap();
        end.await.unwrap();
    }

    #[tokio::test]
    async fn a_stop_waits_for_the_work_as_long_as_somebody_waits_for_its_result() {
        let supervisor = Supervisor::new();
        let flights = flights(supervisor.clone());
        let (release, gate) = oneshot::channel::<()>();
        let wanted = flights.join("wanted", ANYBODY, |_| async { gate.await.is_ok() });
        drop(flights.join("unwanted", ANYBODY, |_| std::future::pending()));
        supervisor.stop();
        assert!(!supervisor.drain(Duration::from_millis(10)).await);
        release.send(()).unwrap();
        assert!(wanted.result().await.unwrap());
        assert!(supervisor.drain(Duration::from_secs(10)).await);
    }

    #[tokio::test]
    async fn a_flight_that_ends_late_takes_no_newer_ones_place() {
        let flights = flights(Supervisor::new());
        let (release, gate) = oneshot::channel::<()>();
        let first = flights.join("key", ANYBODY, |_| async { gate.await.is_ok() });
        // As a stop does, so that whoever comes begins anew.
        lock(&flights.running).remove("key");
        let second = flights.join("key", ANYBODY, |_| std::future::pending());
        release.send(()).unwrap();
        assert!(first.result().await.unwrap());
        let third = flights.join("key", ANYBODY, |_| async { panic!("it runs") });
        assert!(Arc::ptr_eq(&second.claim, &third.claim));
    }

    #[tokio::test]
    async fn a_panic_is_an_error_for_those_who_wait_and_the_next_begins_anew() {
        let flights = flights(Supervisor::new());
        assert!(
            flights
                .join("key", ANYBODY, |_| async { panic!("on purpose") })
                .result()
                .await
                .is_err()
        );
        assert_eq!(
            flights
                .join("key", ANYBODY, |_| async { 7 })
                .result()
                .await
                .unwrap(),
            7
        );
    }
}

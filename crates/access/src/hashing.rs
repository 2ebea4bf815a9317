//! Turns at hashing: few at a time, away from the threads that serve, and a bounded line of those who wait, of which no address
//! fills more than its share.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use forebay_limits::Shares;
use tokio::sync::Semaphore;

/// Passwords that are checked at a time: each takes 19 MiB and one core.
const MAX_AT_ONCE: usize = 2;

/// Checks that wait or are under way; who comes then is told to come again.
const MAX_PENDING: usize = 64;

/// Of these, those of one address (of IPv6: of a /64): a quarter, and no more than are free, so that whoever tries passwords without
/// end, from however many addresses, leaves places to others. A site behind one address has as many logins at a time that were not
/// remembered.
const MAX_PENDING_OF_ONE: usize = MAX_PENDING / 4;

/// Who hashes.
#[derive(Debug)]
pub(crate) struct Hashing {
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    shares: Shares,
    done: Arc<AtomicU64>,
}

/// There are too many who wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Busy;

impl Hashing {
    pub(crate) fn new() -> Self {
        Self {
            places: Arc::new(Semaphore::new(MAX_PENDING)),
            turns: Arc::new(Semaphore::new(MAX_AT_ONCE)),
            shares: Shares::of_each(MAX_PENDING_OF_ONE),
            done: Arc::default(),
        }
    }

    /// Does `work` for who asks from this address when it is its turn; none is of ourselves, and has no share to keep to. Given up, it
    /// is done all the same once it has begun, and keeps its turn until then.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        from: Option<IpAddr>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let mut share = self.shares.share_of(from);
        let free = self.places.available_permits();
        share.take_up_to(free, 1).map_err(|_| Busy)?;
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| Busy)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|_| Busy)?;
        let done = Arc::clone(&self.done);
        let worked = tokio::task::spawn_blocking(move || {
            let result = work();
            done.fetch_add(1, Ordering::Relaxed);
            drop((turn, place, share));
            result
        });
        worked.await.map_err(|_| Busy)
    }

    /// How often it was done so far.
    pub(crate) fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, mpsc};

    use super::*;

    #[tokio::test]
    async fn who_comes_when_too_many_wait_is_told_so_and_the_others_get_their_turn() {
        let hashing = Arc::new(Hashing::new());
        let mut gates = Vec::new();
        let mut waiting = Vec::new();
        for _ in 0..MAX_PENDING {
            let (gate, opened) = mpsc::channel::<()>();
            gates.push(gate);
            let work = hashing.run(None, move || opened.recv().unwrap_or_default());
            let mut work = Box::pin(work);
            assert!(futures_poll(&mut work).await);
            waiting.push(work);
        }
        assert_eq!(hashing.run(None, || ()).await, Err(Busy));
        drop(gates);
        for work in waiting {
            work.await.unwrap();
        }
        assert_eq!(hashing.run(None, || 7).await, Ok(7));
        assert_eq!(hashing.done(), u64::try_from(MAX_PENDING).unwrap() + 1);
    }

    #[tokio::test]
    async fn however_many_addresses_fill_all_places_the_next_one_that_is_free_is_anothers() {
        let hashing = Arc::new(Hashing::new());
        let (gate, opened) = mpsc::channel::<()>();
        let opened = Arc::new(Mutex::new(opened));
        let of = |host: u8| {
            let opened = Arc::clone(&opened);
            let wait = move || opened.lock().unwrap().recv().unwrap_or_default();
            Box::pin(hashing.run(Some([198, 51, 100, host].into()), wait))
        };
        let mut waiting = Vec::new();
        for host in 1..40 {
            let mut work = of(host);
            while futures_poll(&mut work).await {
                waiting.push(work);
                work = of(host);
            }
        }
        // Those who have most go on asking, and one of theirs ends; those that are under way stay.
        for other in 100..110 {
            drop(waiting.remove(MAX_AT_ONCE));
            for host in 1..5 {
                let mut more = of(host);
                assert!(!futures_poll(&mut more).await, "{host} took it");
            }
            let mut other = of(other);
            assert!(futures_poll(&mut other).await);
            waiting.push(other);
        }
        drop(gate);
        for work in waiting {
            work.await.unwrap();
        }
    }

    #[tokio::test]
    async fn one_address_takes_its_share_of_places_and_no_more() {
        let hashing = Arc::new(Hashing::new());
        let (gate, opened) = mpsc::channel::<()>();
        let opened = Arc::new(Mutex::new(opened));
        let of = |address: &str| {
            let opened = Arc::clone(&opened);
            let wait = move || opened.lock().unwrap().recv().unwrap_or_default();
            Box::pin(hashing.run(Some(address.parse().unwrap()), wait))
        };
        let mut waiting = Vec::new();
        for host in 0..MAX_PENDING_OF_ONE {
            // Each of a /64 is the same client.
            let mut work = of(&format!("2001:db8::{host:x}"));
            assert!(futures_poll(&mut work).await);
            waiting.push(work);
        }
        assert_eq!(of("2001:db8::ffff").await, Err(Busy));
        let mut other = of("192.0.2.1");
        assert!(futures_poll(&mut other).await);
        // Who gives up before its turn gives its place back.
        drop(waiting.pop());
        let mut next = of("2001:db8::ffff");
        assert!(futures_poll(&mut next).await);
        drop(gate);
        waiting.extend([other, next]);
        for work in waiting {
            work.await.unwrap();
        }
        assert_eq!(hashing.shares.holders(), 0);
    }

    /// Polls once; true if it is pending.
    async fn futures_poll<F: Future + Unpin>(work: &mut F) -> bool {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(std::pin::Pin::new(&mut *work).poll(context).is_pending())
        })
        .await
    }
}

//! Who may be within a handshake: so many at once, and of these a part at most for one address.
//!
//! Who waits costs a socket. Whoever never finishes holds up itself, and of the others nobody but by eight addresses.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use forebay_limits::one_client;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::super::request::Peer;
use super::super::seldom::Seldom;

/// The turns of a server's listeners.
pub(in super::super) struct Handshakes {
    places: Arc<Semaphore>,
    share: usize,
    shares: Arc<Mutex<Shares>>,
    failures: Mutex<Failures>,
}

/// The share of each address that has somebody waiting or within.
type Shares = HashMap<IpAddr, Share>;

struct Share {
    places: Arc<Semaphore>,
    /// Who waits for a place of it or has one.
    users: usize,
}

#[derive(Default)]
struct Failures {
    told: Seldom,
    untold: u64,
}

/// The right to be within a handshake, until it is dropped.
pub(in super::super) struct Turn {
    _place: OwnedSemaphorePermit,
    _of_share: Option<(OwnedSemaphorePermit, User)>,
}

/// One who uses the share of an address; the last one takes it away.
struct User {
    address: IpAddr,
    shares: Arc<Mutex<Shares>>,
}

// === impl Handshakes ===

impl Handshakes {
    /// `most` at once, `share` of them for one address.
    pub(in super::super) fn up_to(most: usize, share: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(most)),
            share: share.max(1),
            shares: Arc::default(),
            failures: Mutex::default(),
        }
    }

    /// Waits for `peer`'s turn: that of its address, then its own.
    pub(super) async fn turn(&self, peer: Peer) -> Option<Turn> {
        let of_share = match peer.address {
            Some(address) => {
                let (user, places) = self.join(one_client(address.ip()));
                Some((places.acquire_owned().await.ok()?, user))
            }
            None => None,
        };
        Some(Turn {
            _place: Arc::clone(&self.places).acquire_owned().await.ok()?,
            _of_share: of_share,
        })
    }

    fn join(&self, address: IpAddr) -> (User, Arc<Semaphore>) {
        let mut shares = lock(&self.shares);
        let share = shares.entry(address).or_insert_with(|| Share {
            places: Arc::new(Semaphore::new(self.share)),
            users: 0,
        });
        share.users += 1;
        let user = User {
            address,
            shares: Arc::clone(&self.shares),
        };
        (user, Arc::clone(&share.places))
    }

    /// Tells the log of a handshake that failed, once in a while.
    pub(super) fn note_failure(&self, peer: Peer, why: &dyn fmt::Display) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if !failures.told.is_due() {
            failures.untold += 1;
            return;
        }
        let untold = std::mem::take(&mut failures.untold);
        drop(failures);
        let client = peer.address.map(|address| address.to_string());
        tracing::warn!(
            client,
            why = %why,
            others_since_the_last_of_these = untold,
            "a TLS handshake failed"
        );
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let mut shares = lock(&self.shares);
        if let Some(share) = shares.get_mut(&self.address) {
            share.users -= 1;
            if share.users == 0 {
                shares.remove(&self.address);
            }
        }
    }
}

/// Counts are whole after each statement: a panic elsewhere leaves nothing half done.
fn lock(shares: &Mutex<Shares>) -> MutexGuard<'_, Shares> {
    shares.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn peer(address: &str) -> Peer {
        Peer {
            address: Some(address.parse().unwrap()),
            ..Peer::default()
        }
    }

    fn turn(handshakes: &Handshakes, address: &str) -> Option<Turn> {
        handshakes.turn(peer(address)).now_or_never().flatten()
    }

    #[test]
    fn one_address_leaves_the_others_their_turns_and_nobody_is_remembered() {
        let handshakes = Handshakes::up_to(4, 2);
        let mut held = vec![
            turn(&handshakes, "10.0.0.1:1").unwrap(),
            turn(&handshakes, "[::ffff:10.0.0.1]:2").unwrap(),
        ];
        assert!(turn(&handshakes, "10.0.0.1:3").is_none());
        held.push(turn(&handshakes, "10.0.0.2:1").unwrap());
        held.push(turn(&handshakes, "[2001:db8::1]:1").unwrap());
        assert!(turn(&handshakes, "10.0.0.3:1").is_none(), "all are taken");
        held.remove(0);
        let next = turn(&handshakes, "10.0.0.3:1").unwrap();
        drop((held, next));
        assert_eq!(handshakes.places.available_permits(), 4);
        assert!(lock(&handshakes.shares).is_empty());
    }

    #[tokio::test]
    async fn who_waits_has_the_next_turn_and_who_leaves_takes_none() {
        let handshakes = Handshakes::up_to(1, 1);
        let first = turn(&handshakes, "10.0.0.1:1").unwrap();
        let mut gone = Box::pin(handshakes.turn(peer("10.0.0.2:1")));
        let mut waiting = Box::pin(handshakes.turn(peer("10.0.0.3:1")));
        assert!((&mut gone).now_or_never().is_none());
        assert!((&mut waiting).now_or_never().is_none());
        drop(gone);
        drop(first);
        assert!(waiting.await.is_some());
        assert!(lock(&handshakes.shares).is_empty());
    }
}

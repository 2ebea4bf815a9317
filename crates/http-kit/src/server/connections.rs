//! The places for connections, counted, and how many of them one address may take.
//!
//! Whoever takes all that it can get leaves some to the others.

use std::net::IpAddr;
use std::sync::Arc;

use forebay_limits::{Share, Shares};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::request::Peer;

/// The part of all places, one in so many, that no single address gets: for the others. The rest is its own to take, for a
/// proxy and a whole site behind one address are single addresses too.
const LEFT_TO_OTHERS: usize = 8;

/// How many connections of a server are open, over all its listeners. Clones count the same.
#[derive(Clone, Debug)]
pub struct Connections {
    places: Arc<Semaphore>,
    limit: usize,
    shares: Shares,
}

/// A place for a connection, free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _share: Share,
    _permit: OwnedSemaphorePermit,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// All are taken.
    Full,
    /// This address has all that one may have.
    ShareTaken(IpAddr),
}

// === impl Connections ===

impl Connections {
    /// None yet, and at most `limit`.
    pub(super) fn up_to(limit: usize) -> Self {
        let limit = limit.min(Semaphore::MAX_PERMITS);
        Self {
            places: Arc::new(Semaphore::new(limit)),
            limit,
            shares: Shares::of_each(most_of_one(limit)),
        }
    }

    /// A place for one more of `peer`'s, until it is dropped. Peers without an address have no share to keep to.
    pub(super) fn admit(&self, peer: Peer) -> Result<Place, NoPlace> {
        let permit = Arc::clone(&self.places).try_acquire_owned();
        let permit = permit.map_err(|_| NoPlace::Full)?;
        let mut share = self
            .shares
            .share_of(peer.address.map(|address| address.ip()));
        let taken = share.take(1);
        taken.map_err(|taken| NoPlace::ShareTaken(taken.holder))?;
        Ok(Place {
            _share: share,
            _permit: permit,
        })
    }

    /// How many are open.
    pub fn open(&self) -> usize {
        self.limit.saturating_sub(self.places.available_permits())
    }
}

/// How many of `limit` places one address may have: at least one, if there is one.
fn most_of_one(limit: usize) -> usize {
    limit - limit / LEFT_TO_OTHERS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> Peer {
        Peer {
            address: Some(address.parse().unwrap()),
            ..Peer::default()
        }
    }

    #[test]
    fn one_address_leaves_an_eighth_to_the_others() {
        let connections = Connections::up_to(16);
        let mut places: Vec<_> = (1..=14)
            .map(|port| {
                connections
                    .admit(peer(&format!("10.0.0.1:{port}")))
                    .unwrap()
            })
            .collect();
        for mapped_too in ["10.0.0.1:15", "[::ffff:10.0.0.1]:15"] {
            let refused = connections.admit(peer(mapped_too)).unwrap_err();
            assert_eq!(
                refused,
                NoPlace::ShareTaken("10.0.0.1".parse().unwrap()),
                "{mapped_too}"
            );
        }
        assert_eq!(connections.open(), 14, "a refusal takes no place");
        places.push(connections.admit(peer("10.0.0.2:1")).unwrap());
        places.push(connections.admit(Peer::default()).unwrap());
        assert_eq!(
            connections.admit(peer("10.0.0.2:2")).unwrap_err(),
            NoPlace::Full
        );
        places.remove(0);
        places.push(connections.admit(peer("10.0.0.1:16")).unwrap());
        drop(places);
        assert_eq!(connections.open(), 0);
        assert_eq!(connections.shares.holders(), 0, "nobody is remembered");
    }

    #[test]
    fn a_client_of_ipv6_is_its_network_of_64_bits() {
        let connections = Connections::up_to(8);
        let mut places: Vec<_> = (1..=7)
            .map(|host| {
                connections
                    .admit(peer(&format!("[2001:db8::{host}]:1")))
                    .unwrap()
            })
            .collect();
        assert!(connections.admit(peer("[2001:db8::ffff:1:2:3]:1")).is_err());
        places.push(connections.admit(peer("[2001:db8:0:1::1]:1")).unwrap());
    }

    #[test]
    fn where_there_are_few_places_one_address_may_have_them_all() {
        for (limit, most) in [
            (0, 0),
            (1, 1),
            (3, 3),
            (7, 7),
            (8, 7),
            (32, 28),
            (10_000, 8750),
        ] {
            assert_eq!(most_of_one(limit), most, "{limit}");
        }
    }
}

//! The bytes of requests' bodies that are held whole in memory, counted over all of a server, and how many one address may hold.
//!
//! Each such body has a cap of its own; many at once would still take all memory there is.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use forebay_limits::one_client;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::request::Peer;

/// What is counted at once, in bytes: a usual manifest fits into it.
const PAGE_BYTES: usize = 16 * 1024;

/// The part of all bytes, one in so many, that a single address may hold: half, for a proxy is a single address too.
const SHARE: usize = 2;

/// How long a body waits for others to go: those that are whole go within moments.
pub(super) const ROOM_WITHIN: Duration = Duration::from_secs(5);

/// How many bytes are held, over all listeners of a server.
#[derive(Debug)]
pub(super) struct Buffers {
    pages: Arc<Semaphore>,
    most_of_one: usize,
    /// How long a body waits for others to go.
    within: Duration,
    held: Arc<Mutex<Held>>,
}

/// How many pages each address holds. No more addresses than pages.
type Held = HashMap<IpAddr, usize>;

/// Room for a body that is held in memory, free again when this is dropped.
#[derive(Debug)]
pub struct Room {
    pages: Option<OwnedSemaphorePermit>,
    holder: Option<IpAddr>,
    /// What is counted of the holder's share, in pages.
    counted: usize,
    held: Arc<Mutex<Held>>,
}

/// There is no room for it, and there was none for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoRoom;

// === impl Buffers ===

impl Buffers {
    /// None yet, and at most `max_bytes`; one page at least.
    pub(super) fn up_to(max_bytes: usize, within: Duration) -> Self {
        let pages = (max_bytes / PAGE_BYTES).clamp(1, Semaphore::MAX_PERMITS);
        Self {
            pages: Arc::new(Semaphore::new(pages)),
            most_of_one: (pages / SHARE).max(1),
            within,
            held: Arc::default(),
        }
    }

    /// No room yet, for a body of `peer`'s. Peers without an address have no share to keep to.
    pub(super) fn room_for(&self, peer: Peer) -> Room {
        Room {
            pages: None,
            holder: peer.address.map(|address| one_client(address.ip())),
            counted: 0,
            held: Arc::clone(&self.held),
        }
    }

    /// Makes `room` large enough for `bytes`; waits for others to go.
    ///
    /// # Errors
    /// They do not, or the holder has all that one may. The room is of no use then.
    pub(super) async fn grow(&self, room: &mut Room, bytes: usize) -> Result<(), NoRoom> {
        let wanted = bytes.div_ceil(PAGE_BYTES).saturating_sub(room.pages());
        let more = match u32::try_from(wanted) {
            Ok(0) => return Ok(()),
            Ok(more) => more,
            Err(_) => return Err(NoRoom),
        };
        // Counted as the room's own at once: whoever gives up while it waits gives it back.
        self.take_share(room.holder, wanted)?;
        room.counted += wanted;
        let pages = Arc::clone(&self.pages).acquire_many_owned(more);
        let Ok(Ok(pages)) = tokio::time::timeout(self.within, pages).await else {
            return Err(NoRoom);
        };
        match &mut room.pages {
            Some(own) => own.merge(pages),
            none => *none = Some(pages),
        }
        Ok(())
    }

    fn take_share(&self, holder: Option<IpAddr>, pages: usize) -> Result<(), NoRoom> {
        let Some(address) = holder else {
            return Ok(());
        };
        let mut held = lock(&self.held);
        let so_far = held.get(&address).copied().unwrap_or_default();
        if so_far + pages > self.most_of_one {
            return Err(NoRoom);
        }
        held.insert(address, so_far + pages);
        Ok(())
    }
}

// === impl Room ===

impl Room {
    fn pages(&self) -> usize {
        self.pages
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let Some(address) = self.holder else {
            return;
        };
        if let Entry::Occupied(mut entry) = lock(&self.held).entry(address) {
            *entry.get_mut() = entry.get().saturating_sub(self.counted);
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

/// Counts are whole after each statement: a panic elsewhere leaves nothing half done.
fn lock(held: &Mutex<Held>) -> MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> Peer {
        Peer {
            address: Some(address.parse().unwrap()),
        }
    }

    #[tokio::test]
    async fn one_address_gets_its_share_and_all_get_no_more_than_there_is() {
        let buffers = Buffers::up_to(8 * PAGE_BYTES, Duration::ZERO);
        let room = |address| buffers.room_for(peer(address));
        let (mut first, mut second) = (room("10.0.0.1:1"), room("10.0.0.1:2"));
        assert_eq!(buffers.grow(&mut first, 1).await, Ok(()));
        assert_eq!(buffers.grow(&mut first, 3 * PAGE_BYTES).await, Ok(()));
        assert_eq!(buffers.grow(&mut second, 1).await, Ok(()));
        let mut third = room("10.0.0.1:3");
        assert_eq!(buffers.grow(&mut third, 1).await, Err(NoRoom));
        let mut other = room("10.0.0.2:1");
        assert_eq!(buffers.grow(&mut other, 3 * PAGE_BYTES).await, Ok(()));
        // One page is left, of which nobody has a share.
        let (mut large, mut small) = (room("10.0.0.3:1"), room("10.0.0.3:2"));
        assert_eq!(buffers.grow(&mut large, 2 * PAGE_BYTES).await, Err(NoRoom));
        drop(large);
        assert_eq!(buffers.grow(&mut small, 1).await, Ok(()));
        drop((first, second, third, other, small));
        assert!(lock(&buffers.held).is_empty());
        assert_eq!(buffers.pages.available_permits(), 8);
    }

    #[tokio::test]
    async fn who_waits_gets_what_becomes_free() {
        let buffers = Buffers::up_to(PAGE_BYTES, Duration::from_secs(20));
        let (mut first, mut late) = (
            buffers.room_for(peer("10.0.0.1:1")),
            buffers.room_for(peer("10.0.0.2:1")),
        );
        assert_eq!(buffers.grow(&mut first, 1).await, Ok(()));
        let waiting = buffers.grow(&mut late, 1);
        let going = async { drop(first) };
        assert_eq!(futures::join!(waiting, going).0, Ok(()));
    }
}

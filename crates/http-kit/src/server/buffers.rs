//! The bytes of requests' bodies that are held whole in memory, counted over all of a server, and how many one address may hold.
//!
//! Each such body has a cap of its own; many at once would still take all memory there is.

use std::sync::Arc;
use std::time::Duration;

use forebay_limits::{Share, Shares};
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
    /// Of the pages.
    shares: Shares,
    /// How long a body waits for others to go.
    within: Duration,
}

/// Room for a body that is held in memory, free again when this is dropped.
#[derive(Debug)]
pub struct Room {
    share: Share,
    pages: Option<OwnedSemaphorePermit>,
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
            shares: Shares::of_each((pages / SHARE).max(1)),
            within,
        }
    }

    /// No room yet, for a body of `peer`'s. Peers without an address have no share to keep to.
    pub(super) fn room_for(&self, peer: Peer) -> Room {
        Room {
            share: self
                .shares
                .share_of(peer.address.map(|address| address.ip())),
            pages: None,
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
        room.share.take(wanted).map_err(|_| NoRoom)?;
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
}

// === impl Room ===

impl Room {
    fn pages(&self) -> usize {
        self.pages
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits)
    }
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
        assert_eq!(buffers.shares.holders(), 0);
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

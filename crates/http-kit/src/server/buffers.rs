//! The bytes of bodies that are held whole in memory, of requests as of answers, counted over all of a server, and how many one
//! address may hold.
//!
//! Each such body has a cap of its own; many at once would still take all memory there is.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use forebay_limits::{Share, Shares};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What is counted at once, in bytes: a usual manifest fits into it.
const PAGE_BYTES: usize = 16 * 1024;

/// The part of all bytes, one in so many, that a single address may hold: half, for a proxy is a single address too.
const SHARE: usize = 2;

/// The part of all bytes, one in so many, that those may hold together whose login is not read yet: it is in the body.
const STRANGERS: usize = 8;

/// The part of what others leave of these, one in so many, that a single address may hold, a page at least: forms with logins are
/// small, and there are many addresses. So however much some hold, one more finds room, until they are as many as there are pages:
/// at the usual 256 pages it takes some 70 addresses (of IPv6: /64s) that hold all they may to fill them.
const STRANGER_SHARE: usize = 16;

/// How long a body waits for others to go: those that are whole go within moments.
pub(super) const ROOM_WITHIN: Duration = Duration::from_secs(5);

/// How many bytes are held, over all listeners of a server.
#[derive(Debug)]
pub(super) struct Buffers {
    all: Pool,
    /// Of all, those whose senders nobody has let in yet.
    strangers: Pool,
    /// How long a body waits for others to go.
    within: Duration,
}

/// Pages, and how many of them one address may hold.
#[derive(Debug)]
struct Pool {
    pages: Arc<Semaphore>,
    shares: Shares,
    /// One address may hold no more than this part of what is free, one in so many.
    of_free: Option<usize>,
}

/// Whose body it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    /// The client's address; none has no share to keep to.
    pub(super) address: Option<IpAddr>,
    /// Whether they were let in, as far as that takes a login.
    pub(super) is_let_in: bool,
}

/// Room for a body that is held in memory, free again when this is dropped.
#[derive(Debug)]
pub struct Room {
    of_all: Held,
    of_strangers: Option<Held>,
}

/// Pages of a pool.
#[derive(Debug)]
struct Held {
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
        let pages = max_bytes / PAGE_BYTES;
        Self {
            all: Pool::of(pages, SHARE),
            strangers: Pool {
                of_free: Some(STRANGER_SHARE),
                ..Pool::of(pages / STRANGERS, STRANGER_SHARE)
            },
            within,
        }
    }

    /// No room yet, for a body of this holder's.
    pub(super) fn room_for(&self, holder: Holder) -> Room {
        let of_strangers = (!holder.is_let_in).then(|| self.strangers.none_for(holder.address));
        Room {
            of_all: self.all.none_for(holder.address),
            of_strangers,
        }
    }

    /// Makes `room` large enough for `bytes`; waits for others to go.
    ///
    /// # Errors
    /// They do not, or the holder has all that one may. The room is of no use then.
    pub(super) async fn grow(&self, room: &mut Room, bytes: usize) -> Result<(), NoRoom> {
        let grown = async {
            if let Some(held) = &mut room.of_strangers {
                self.strangers.grow(held, bytes).await?;
            }
            self.all.grow(&mut room.of_all, bytes).await
        };
        tokio::time::timeout(self.within, grown)
            .await
            .unwrap_or(Err(NoRoom))
    }
}

// === impl Pool ===

impl Pool {
    /// So many pages, of which one address may hold one in so many; each at least one.
    fn of(pages: usize, share: usize) -> Self {
        let pages = pages.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            pages: Arc::new(Semaphore::new(pages)),
            shares: Shares::of_each((pages / share).max(1)),
            of_free: None,
        }
    }

    /// How many pages one address may hold now, so many of which it is about to take.
    fn most_of_one(&self, more: usize) -> usize {
        let free = self.pages.available_permits().saturating_sub(more);
        let most = self.of_free.map(|part| (free / part).max(1));
        most.unwrap_or(usize::MAX)
    }

    fn none_for(&self, address: Option<IpAddr>) -> Held {
        Held {
            share: self.shares.share_of(address),
            pages: None,
        }
    }

    async fn grow(&self, held: &mut Held, bytes: usize) -> Result<(), NoRoom> {
        let wanted = bytes.div_ceil(PAGE_BYTES).saturating_sub(held.count());
        let more = match u32::try_from(wanted) {
            Ok(0) => return Ok(()),
            Ok(more) => more,
            Err(_) => return Err(NoRoom),
        };
        // Counted as the holder's own at once: whoever gives up while it waits gives it back.
        let most = self.most_of_one(wanted);
        held.share.take_up_to(most, wanted).map_err(|_| NoRoom)?;
        let pages = Arc::clone(&self.pages).acquire_many_owned(more).await;
        let pages = pages.map_err(|_| NoRoom)?;
        match &mut held.pages {
            Some(own) => own.merge(pages),
            none => *none = Some(pages),
        }
        Ok(())
    }
}

// === impl Held ===

impl Held {
    fn count(&self) -> usize {
        self.pages
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn let_in(address: &str) -> Holder {
        Holder {
            address: Some(address.parse().unwrap()),
            is_let_in: true,
        }
    }

    fn stranger(address: &str) -> Holder {
        Holder {
            is_let_in: false,
            ..let_in(address)
        }
    }

    #[tokio::test]
    async fn one_address_gets_its_share_and_all_get_no_more_than_there_is() {
        let buffers = Buffers::up_to(8 * PAGE_BYTES, Duration::ZERO);
        let room = |address| buffers.room_for(let_in(address));
        let (mut first, mut second) = (room("10.0.0.1"), room("10.0.0.1"));
        assert_eq!(buffers.grow(&mut first, 1).await, Ok(()));
        assert_eq!(buffers.grow(&mut first, 3 * PAGE_BYTES).await, Ok(()));
        assert_eq!(buffers.grow(&mut second, 1).await, Ok(()));
        let mut third = room("10.0.0.1");
        assert_eq!(buffers.grow(&mut third, 1).await, Err(NoRoom));
        let mut other = room("10.0.0.2");
        assert_eq!(buffers.grow(&mut other, 3 * PAGE_BYTES).await, Ok(()));
        // One page is left, of which nobody has a share.
        let (mut large, mut small) = (room("10.0.0.3"), room("10.0.0.3"));
        assert_eq!(buffers.grow(&mut large, 2 * PAGE_BYTES).await, Err(NoRoom));
        drop(large);
        assert_eq!(buffers.grow(&mut small, 1).await, Ok(()));
        drop((first, second, third, other, small));
        assert_eq!(buffers.all.shares.holders(), 0);
        assert_eq!(buffers.all.pages.available_permits(), 8);
    }

    #[tokio::test]
    async fn strangers_have_a_part_of_their_own_and_however_much_some_hold_one_more_finds_room() {
        // As servers have: 256 pages are strangers'.
        let buffers = Buffers::up_to(2_048 * PAGE_BYTES, Duration::ZERO);
        let mut rooms = Vec::new();
        let mut held = Vec::new();
        while held.last() != Some(&0) && held.len() < 1_000 {
            let host = held.len();
            let holder = stranger(&format!("10.0.{}.{}", host / 256, host % 256));
            let before = rooms.len();
            loop {
                let mut room = buffers.room_for(holder);
                if buffers.grow(&mut room, 1).await.is_err() {
                    break;
                }
                rooms.push(room);
            }
            held.push(rooms.len() - before);
        }
        assert_eq!(held[0], 15, "a site's clients behind one address");
        assert!(held[8] >= 8, "the ninth logs in as well: {held:?}");
        assert!((60..80).contains(&held.len()), "{held:?}");
        // They hold nothing of what others may, but an eighth of it.
        assert_eq!(buffers.all.pages.available_permits(), 2_048 - 256);
        let mut known = buffers.room_for(let_in("10.0.0.1"));
        assert_eq!(buffers.grow(&mut known, 900 * PAGE_BYTES).await, Ok(()));
        drop((rooms, known));
        assert_eq!(buffers.strangers.shares.holders(), 0);
        assert_eq!(buffers.strangers.pages.available_permits(), 256);
        assert_eq!(buffers.all.pages.available_permits(), 2_048);
    }

    #[tokio::test]
    async fn who_waits_gets_what_becomes_free() {
        let buffers = Buffers::up_to(PAGE_BYTES, Duration::from_secs(20));
        let (mut first, mut late) = (
            buffers.room_for(let_in("10.0.0.1")),
            buffers.room_for(let_in("10.0.0.2")),
        );
        assert_eq!(buffers.grow(&mut first, 1).await, Ok(()));
        let waiting = buffers.grow(&mut late, 1);
        let going = async { drop(first) };
        assert_eq!(futures::join!(waiting, going).0, Ok(()));
    }
}

//! How much of something each address may have at a time, whoever comes in however many ways.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::one_client;

/// What each address has. Who has nothing is not remembered, so that there are no more addresses than there is to have. Clones count
/// the same.
#[derive(Clone, Debug)]
pub struct Shares {
    most: usize,
    held: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// What one address has by one of its ways, given back when this is dropped.
#[derive(Debug)]
pub struct Share {
    holder: Option<IpAddr>,
    taken: usize,
    shares: Shares,
}

/// The address has all that one may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShareTaken {
    /// Which one, as [`one_client`] has it.
    pub holder: IpAddr,
}

impl Shares {
    /// Nobody has anything yet, and each may have `most`.
    pub fn of_each(most: usize) -> Self {
        Self {
            most,
            held: Arc::default(),
        }
    }

    /// Nothing yet, for who comes from this address; who comes from none has no share to keep to.
    pub fn share_of(&self, address: Option<IpAddr>) -> Share {
        Share {
            holder: address.map(one_client),
            taken: 0,
            shares: self.clone(),
        }
    }

    /// How many addresses have something.
    pub fn holders(&self) -> usize {
        self.held().len()
    }

    /// Counts are whole after each statement: a panic elsewhere leaves nothing half done.
    fn held(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Takes so much more.
    ///
    /// # Errors
    /// All that the address has would be more than one may have. What it had before it keeps.
    pub fn take(&mut self, more: usize) -> Result<(), ShareTaken> {
        self.take_up_to(self.shares.most, more)
    }

    /// Takes so much more, where one may have `most` now.
    ///
    /// # Errors
    /// As for [`take`](Self::take).
    pub fn take_up_to(&mut self, most: usize, more: usize) -> Result<(), ShareTaken> {
        if let Some(holder) = self.holder {
            let mut held = self.shares.held();
            let so_far = held.get(&holder).copied().unwrap_or_default();
            if so_far + more > most.min(self.shares.most) {
                return Err(ShareTaken { holder });
            }
            held.insert(holder, so_far + more);
        }
        self.taken += more;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let Some(holder) = self.holder else {
            return;
        };
        if let Entry::Occupied(mut entry) = self.shares.held().entry(holder) {
            *entry.get_mut() -= self.taken;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(shares: &Shares, address: &str) -> Share {
        shares.share_of(Some(address.parse().unwrap()))
    }

    #[test]
    fn an_address_has_its_share_by_all_its_ways_together_and_gives_it_back() {
        let shares = Shares::of_each(4);
        let mut first = share(&shares, "2001:db8::1");
        let mut second = share(&shares, "2001:db8::2");
        assert_eq!(first.take(3), Ok(()));
        assert_eq!(second.take(1), Ok(()));
        let holder = one_client("2001:db8::".parse().unwrap());
        assert_eq!(second.take(1), Err(ShareTaken { holder }));
        // One may have less now, and those who have more keep it.
        assert_eq!(first.take_up_to(2, 1), Err(ShareTaken { holder }));
        // Others, and who has no address, have theirs.
        assert_eq!(share(&shares, "10.0.0.1").take(4), Ok(()));
        assert_eq!(shares.share_of(None).take(100), Ok(()));
        drop(first);
        assert_eq!(second.take(3), Ok(()));
        drop(second);
        assert_eq!(shares.holders(), 0, "nobody is remembered");
    }
}

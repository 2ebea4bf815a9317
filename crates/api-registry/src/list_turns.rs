//! The lists of what is in local repositories that are being made, counted by whom they are for.

use std::net::IpAddr;

use forebay_content::SourceError;
use forebay_limits::{Share, Shares};

/// The most that are made at a time for one address (of IPv6: a /64): each takes moments, and others' wait behind no more than these.
const OF_ONE: usize = 32;

/// How many each address has made now. Clones count the same.
#[derive(Clone, Debug)]
pub(crate) struct ListTurns(Shares);

impl Default for ListTurns {
    fn default() -> Self {
        Self(Shares::of_each(OF_ONE))
    }
}

impl ListTurns {
    /// A turn for one more, until it is dropped. Who comes from no address has no share to keep to.
    ///
    /// # Errors
    /// [`SourceError::Busy`] to who has as many made as one may.
    pub(crate) fn take(&self, client: Option<IpAddr>) -> Result<Share, SourceError> {
        let mut turn = self.0.share_of(client);
        turn.take(1).map_err(|_| SourceError::Busy)?;
        Ok(turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_no_more_made_than_its_share_and_others_have_theirs() {
        let turns = ListTurns::default();
        let take = |client: &str| turns.take(Some(client.parse().unwrap()));
        let mut taken: Vec<_> = (0..OF_ONE).map(|_| take("10.0.0.1").unwrap()).collect();
        assert!(matches!(take("10.0.0.1"), Err(SourceError::Busy)));
        assert!(take("10.0.0.2").is_ok());
        assert!(turns.take(None).is_ok());
        taken.pop();
        assert!(take("10.0.0.1").is_ok(), "as soon as one is made");
    }
}

//! What an upstream was asked, by kind, and what it charged.

use std::ops::AddAssign;

use hub_sim::{On, Record};

/// Requests that an upstream saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Manifest GETs that cost a pull.
    pub(crate) charged: u64,
    /// HEADs of manifests, which are free.
    pub(crate) heads: u64,
    /// GETs of manifests, those that were refused by the limit among them.
    pub(crate) gets: u64,
    /// Requests for blobs, at the registry and at the host that it redirects to.
    pub(crate) blobs: u64,
    /// Requests to the token service.
    pub(crate) tokens: u64,
    /// Requests that were answered with a challenge for a token.
    pub(crate) challenged: u64,
    /// Anything else: `/v2/`.
    pub(crate) others: u64,
}

impl Tally {
    pub(crate) fn of<'a>(requests: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut tally = Self::default();
        requests.into_iter().for_each(|request| tally.add(request));
        tally
    }

    fn add(&mut self, request: &Record) {
        self.charged += u64::from(request.charged);
        let kind = match request.endpoint {
            _ if request.status == Some(401) => &mut self.challenged,
            On::Manifest if request.is_head() => &mut self.heads,
            On::Manifest => &mut self.gets,
            On::Blob | On::BlobContent => &mut self.blobs,
            On::Token => &mut self.tokens,
            _ => &mut self.others,
        };
        *kind += 1;
    }

    /// All requests.
    pub(crate) fn sent(&self) -> u64 {
        self.heads + self.gets + self.blobs + self.tokens + self.challenged + self.others
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.charged += more.charged;
        self.heads += more.heads;
        self.gets += more.gets;
        self.blobs += more.blobs;
        self.tokens += more.tokens;
        self.challenged += more.challenged;
        self.others += more.others;
    }
}

//! What is drawn from a seed: the same for the same seed, whatever the registry answers.

use bytes::Bytes;

use crate::noise::splitmix;

/// A row of numbers that its seed decides.
#[derive(Clone, Debug)]
pub(super) struct Drawn(u64);

impl Drawn {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`, which is not 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        splitmix(&mut self.0) % end
    }

    /// True so many times in a hundred.
    pub(super) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of these, if there are any.
    pub(super) fn one<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let index = self.below((of.len() as u64).max(1));
        of.get(usize::try_from(index).unwrap_or_default())
    }

    pub(super) fn bytes(&mut self, len: u64) -> Bytes {
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let mut bytes = Vec::with_capacity(len + 8);
        while bytes.len() < len {
            bytes.extend_from_slice(&splitmix(&mut self.0).to_le_bytes());
        }
        bytes.truncate(len);
        bytes.into()
    }
}

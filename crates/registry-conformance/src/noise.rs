//! Content that no registry has seen: what is known already would be stored without being read.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use crate::digest::{Algorithm, Digest, hex};

/// Where content and names of one run come from. No two runs have the same.
#[derive(Debug)]
pub(crate) struct Noise {
    seed: u64,
    drawn: AtomicU64,
}

/// Bytes and the digest under which they are pushed.
#[derive(Clone, Debug)]
pub struct Blob {
    /// The bytes.
    pub bytes: Bytes,
    /// Their digest.
    pub digest: Digest,
}

impl Noise {
    pub(crate) fn new() -> Self {
        Self {
            // The standard library's hash keys are random for each process.
            seed: RandomState::new().build_hasher().finish(),
            drawn: AtomicU64::new(0),
        }
    }

    /// A word of this run, for names: lower-case hex.
    pub(crate) fn word(&self) -> String {
        format!("{:08x}", self.seed & 0xffff_ffff)
    }

    /// Bytes that were never there before.
    pub(crate) fn bytes(&self, len: usize) -> Bytes {
        let drawn = self.drawn.fetch_add(1, Ordering::Relaxed);
        let mut state = self.seed ^ (drawn + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut bytes = Vec::with_capacity(len + 8);
        while bytes.len() < len {
            bytes.extend_from_slice(&splitmix(&mut state).to_le_bytes());
        }
        bytes.truncate(len);
        bytes.into()
    }

    /// A text that was never there before.
    pub(crate) fn unique(&self) -> String {
        hex(&self.bytes(8))
    }

    /// A blob that was never there before.
    pub(crate) fn blob(&self, algorithm: Algorithm, len: usize) -> Blob {
        Blob::new(algorithm, self.bytes(len))
    }

    /// The digest of bytes that nobody has.
    pub(crate) fn absent(&self, algorithm: Algorithm) -> Digest {
        self.blob(algorithm, 32).digest
    }
}

/// `SplitMix64`: a step of a generator that is good enough to be incompressible.
pub(crate) fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl Blob {
    /// These bytes under a digest of this algorithm.
    pub fn new(algorithm: Algorithm, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self {
            digest: algorithm.of(&bytes),
            bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_draws_are_the_same() {
        let noise = Noise::new();
        assert_eq!(noise.bytes(13).len(), 13);
        assert_ne!(noise.bytes(64), noise.bytes(64));
        assert_ne!(Noise::new().bytes(64), Noise::new().bytes(64));
    }
}

//! Bytes that are described rather than held: a hundred megabytes of noise cost no memory.
//!
//! Noise is a function of (seed, position), so any range of it can be served without the rest.

use bytes::Bytes;
use std::ops::Range;
use std::sync::OnceLock;

/// Noise changes its pattern at each multiple of this many bytes.
const BLOCK: u64 = 1 << 20;
/// Each block of noise starts with its seed and number, so that no two blocks are alike.
const BLOCK_HEAD: u64 = 16;
/// Zeros are handed out in pieces of at most this many bytes.
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// A sequence of bytes made of pieces.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rope {
    strands: Vec<Strand>,
}

#[derive(Clone, Debug)]
struct Strand {
    fibre: Fibre,
    /// Where in the fibre this strand starts.
    start: u64,
    len: u64,
}

#[derive(Clone, Debug)]
enum Fibre {
    Held(Bytes),
    Noise { seed: u64 },
    Zeros,
}

impl Rope {
    /// `len` bytes of noise: the same for the same seed.
    pub(crate) fn noise(seed: u64, len: u64) -> Self {
        Self::of(Fibre::Noise { seed }, len)
    }

    /// `len` zero bytes; `u64::MAX` of them are an endless body.
    pub(crate) fn zeros(len: u64) -> Self {
        Self::of(Fibre::Zeros, len)
    }

    fn of(fibre: Fibre, len: u64) -> Self {
        let strands = vec![Strand {
            fibre,
            start: 0,
            len,
        }];
        Self { strands }
    }

    /// This rope with another tied to its end.
    #[must_use]
    pub(crate) fn then(mut self, next: Self) -> Self {
        self.strands.extend(next.strands);
        self
    }

    pub(crate) fn len(&self) -> u64 {
        self.strands
            .iter()
            .fold(0, |sum, strand| sum.saturating_add(strand.len))
    }

    /// The bytes of `range`, cut to what there is.
    #[must_use]
    pub(crate) fn slice(&self, range: Range<u64>) -> Self {
        let mut passed = 0_u64;
        let mut strands = Vec::new();
        for strand in &self.strands {
            let end = passed.saturating_add(strand.len);
            let from = range.start.clamp(passed, end);
            let to = range.end.clamp(from, end);
            if to > from {
                strands.push(Strand {
                    fibre: strand.fibre.clone(),
                    start: strand.start + (from - passed),
                    len: to - from,
                });
            }
            passed = end;
        }
        Self { strands }
    }

    /// Some bytes from `offset` on, at most `max`; none at the end.
    pub(crate) fn chunk_at(&self, offset: u64, max: u64) -> Option<Bytes> {
        let mut skip = offset;
        for strand in &self.strands {
            if skip < strand.len {
                let want = max.min(strand.len - skip);
                return Some(strand.fibre.chunk_at(strand.start.wrapping_add(skip), want));
            }
            skip -= strand.len;
        }
        None
    }

    /// This rope with one bit of the byte at `position` turned over.
    #[must_use]
    pub(crate) fn with_flipped_byte(&self, position: u64) -> Self {
        let Some(byte) = self
            .chunk_at(position, 1)
            .and_then(|chunk| chunk.first().copied())
        else {
            return self.clone();
        };
        self.slice(0..position)
            .then(Self::from(vec![byte ^ 1]))
            .then(self.slice(position + 1..u64::MAX))
    }

    /// All bytes in memory.
    pub(crate) fn to_bytes(&self) -> Bytes {
        let mut all = Vec::new();
        for chunk in self.chunks() {
            all.extend_from_slice(&chunk);
        }
        all.into()
    }

    /// The bytes in order, in large pieces.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = Bytes> {
        let mut offset = 0;
        std::iter::from_fn(move || {
            let chunk = self.chunk_at(offset, BLOCK)?;
            offset += chunk.len() as u64;
            Some(chunk)
        })
    }
}

impl From<Bytes> for Rope {
    fn from(bytes: Bytes) -> Self {
        let len = bytes.len() as u64;
        Self::of(Fibre::Held(bytes), len)
    }
}

impl From<Vec<u8>> for Rope {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

// === impl Fibre ===

impl Fibre {
    fn chunk_at(&self, position: u64, max: u64) -> Bytes {
        match self {
            Self::Held(bytes) => {
                let from = index(position);
                bytes.slice(from..from + index(max))
            }
            Self::Noise { seed } => noise_at(*seed, position, max),
            Self::Zeros => Bytes::from_static(&ZEROS).slice(..index(max).min(ZEROS.len())),
        }
    }
}

fn noise_at(seed: u64, position: u64, max: u64) -> Bytes {
    let (block, within) = (position / BLOCK, position % BLOCK);
    if within < BLOCK_HEAD {
        let mut head = Vec::with_capacity(index(BLOCK_HEAD));
        head.extend_from_slice(&seed.to_be_bytes());
        head.extend_from_slice(&block.to_be_bytes());
        let end = BLOCK_HEAD.min(within.saturating_add(max));
        return Bytes::from(head).slice(index(within)..index(end));
    }
    let shift = mix(seed ^ mix(block)) % BLOCK;
    let end = BLOCK.min(within.saturating_add(max));
    pattern().slice(index(shift + within)..index(shift + end))
}

/// Two blocks of incompressible bytes, made once; a block of noise is a window into them.
fn pattern() -> &'static Bytes {
    static PATTERN: OnceLock<Bytes> = OnceLock::new();
    PATTERN.get_or_init(|| {
        let words = 2 * BLOCK / 8;
        (0..words)
            .flat_map(|word| mix(word).to_be_bytes())
            .collect::<Vec<u8>>()
            .into()
    })
}

/// A well-mixed function of a word (the finalizer of splitmix64).
pub(crate) const fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}

/// A word that depends on every byte of a text.
pub(crate) fn mix_text(text: &str) -> u64 {
    text.bytes().fold(mix(text.len() as u64), |word, byte| {
        mix(word ^ u64::from(byte))
    })
}

fn index(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, Rope};

    #[test]
    fn any_range_of_a_rope_is_the_range_of_its_bytes() {
        let rope = Rope::from(b"head".to_vec())
            .then(Rope::noise(7, BLOCK + 1000))
            .then(Rope::zeros(100));
        let all = rope.to_bytes();
        assert_eq!(all.len() as u64, rope.len());
        for range in [
            0..2,
            2..9,
            3..BLOCK + 30,
            BLOCK..BLOCK + 1004,
            5..5,
            BLOCK + 1000..u64::MAX,
        ] {
            let end = usize::try_from(range.end.min(rope.len())).unwrap();
            let start = usize::try_from(range.start).unwrap();
            assert_eq!(rope.slice(range).to_bytes(), all.slice(start..end));
        }
    }

    #[test]
    fn noise_differs_by_seed_and_is_the_same_for_the_same_seed() {
        assert_eq!(
            Rope::noise(1, 5000).to_bytes(),
            Rope::noise(1, 5000).to_bytes()
        );
        assert_ne!(
            Rope::noise(1, 5000).to_bytes(),
            Rope::noise(2, 5000).to_bytes()
        );
    }

    #[test]
    fn a_flipped_byte_changes_exactly_that_byte() {
        let rope = Rope::noise(3, 4096);
        let (good, bad) = (rope.to_bytes(), rope.with_flipped_byte(100).to_bytes());
        let differing: Vec<usize> = (0..good.len()).filter(|&at| good[at] != bad[at]).collect();
        assert_eq!(differing, [100]);
        assert_eq!(good.len(), bad.len());
    }

    #[test]
    fn an_endless_rope_gives_chunks_at_any_offset() {
        let endless = Rope::from(b"{".to_vec()).then(Rope::zeros(u64::MAX));
        assert_eq!(endless.len(), u64::MAX);
        assert!(endless.chunk_at(1 << 40, 10).is_some());
    }
}

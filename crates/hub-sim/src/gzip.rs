//! Writes gzip without a compressor: stored blocks, and a bomb of zeros.
//!
//! Enough to see what a client does with an encoding that it did not ask for.

const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// Longest stored block of deflate, in bytes.
const MAX_STORED: usize = 65_535;
/// Longest match of deflate, in bytes.
const MATCH: u64 = 258;

/// These bytes as a valid gzip stream that compresses nothing.
pub(crate) fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut out = HEADER.to_vec();
    let mut blocks = bytes.chunks(MAX_STORED).peekable();
    if blocks.peek().is_none() {
        out.extend([1, 0, 0, 0xff, 0xff]);
    }
    while let Some(block) = blocks.next() {
        let [low, high, ..] = block.len().to_le_bytes();
        out.extend([u8::from(blocks.peek().is_none()), low, high, !low, !high]);
        out.extend(block);
    }
    out.extend(crc32(bytes).to_le_bytes());
    let size = u32::try_from(bytes.len() & 0xffff_ffff).unwrap_or(0);
    out.extend(size.to_le_bytes());
    out
}

/// A short gzip stream that inflates to at least `size` zero bytes. Its checksum is wrong: an inflater notices at the end.
pub(crate) fn bomb(size: u64) -> Vec<u8> {
    let mut bits = Bits {
        out: HEADER.to_vec(),
        held: 0,
        count: 0,
    };
    // Final block, fixed Huffman codes; one literal zero.
    bits.put(0b1, 1);
    bits.put(0b01, 2);
    bits.put_code(0b0011_0000, 8);
    for _ in 0..size.div_ceil(MATCH) {
        // Length 258 is code 285 (8 bits from 11000000 for 280), distance 1 is code 0 (5 bits).
        bits.put_code(0b1100_0101, 8);
        bits.put_code(0, 5);
    }
    bits.put_code(0, 7);
    let mut out = bits.finish();
    out.extend([0; 8]);
    out
}

/// Writes bits as deflate packs them: from the low end of each byte.
struct Bits {
    out: Vec<u8>,
    held: u8,
    count: u8,
}

impl Bits {
    fn put(&mut self, value: u16, len: u8) {
        for at in 0..len {
            if (value >> at) & 1 == 1 {
                self.held |= 1 << self.count;
            }
            self.count += 1;
            if self.count == 8 {
                self.out.push(self.held);
                (self.held, self.count) = (0, 0);
            }
        }
    }

    /// Huffman codes go in from their high end.
    fn put_code(&mut self, code: u16, len: u8) {
        for at in (0..len).rev() {
            self.put((code >> at) & 1, 1);
        }
    }

    fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.out.push(self.held);
        }
        self.out
    }
}

/// CRC-32 as gzip has it (IEEE, reflected).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xEDB8_8320 } else { 0 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{bomb, crc32, stored};

    #[test]
    fn the_checksum_is_the_well_known_one() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn stored_blocks_hold_the_bytes_as_they_are() {
        let text = vec![b'x'; 70_000];
        let packed = stored(&text);
        assert_eq!(packed.len(), 10 + 5 + 65_535 + 5 + 4_465 + 8);
        assert_eq!(&packed[10..15], &[0, 0xff, 0xff, 0, 0]);
    }

    #[test]
    fn a_bomb_is_a_hundred_times_shorter_than_what_it_inflates_to() {
        assert!(bomb(10_000_000).len() < 100_000);
    }
}

//! Layers that real clients can unpack: tars of one file of noise.
//!
//! Plain tars, so that a layer's diff id is its digest.

use crate::rope::Rope;

/// A tar of one file needs its header, and two empty blocks at the end.
const TAR_BLOCK: u64 = 512;
const SMALLEST_TAR: u64 = 3 * TAR_BLOCK;

/// Exactly `size` bytes: a tar of one file of noise, which real clients can unpack, or bare noise where that has no room.
pub(crate) fn layer_content(seed: u64, size: u64) -> Rope {
    if size < SMALLEST_TAR {
        return Rope::noise(seed, size);
    }
    let file = (size - SMALLEST_TAR) / TAR_BLOCK * TAR_BLOCK;
    Rope::from(tar_header(&format!("layer-{seed:016x}"), file))
        .then(Rope::noise(seed, file))
        .then(Rope::zeros(size - TAR_BLOCK - file))
}

/// A ustar header of a plain file owned by root.
fn tar_header(name: &str, size: u64) -> Vec<u8> {
    let mut header = vec![0_u8; 512];
    let mut put =
        |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{size:011o}\0"));
    put(136, "00000000000\0");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    let text = format!("{sum:06o}\0 ");
    header[148..156].copy_from_slice(text.as_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::layer_content;

    #[test]
    fn a_layer_has_exactly_the_size_asked_for() {
        for size in [0, 1, 300, 1535, 1536, 1537, 4096, 10_000, 1_234_567] {
            assert_eq!(layer_content(1, size).len(), size);
        }
    }
}

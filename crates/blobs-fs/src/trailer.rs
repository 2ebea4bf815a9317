//! What follows a blob's bytes in its file: a checksum for each chunk, and a footer that vouches for all of it.
//!
//! Pure. The file is the blob's bytes from offset 0 on, then a CRC32C per chunk (little-endian `u32`), then the footer:
//! magic (8 bytes), version and chunk size (`u32` each), blob length (`u64`), and a `u32`: the CRC32C of the digest's hash
//! value (which is not written), the checksums and the footer before it; all little-endian. A file that was cut, grown,
//! never ours, or put under another digest's name is noticed before a byte of it is used.

use forebay_content::BlobError;
use forebay_oci::Digest;

/// The footer's length in bytes.
pub(crate) const FOOTER_BYTES: usize = 28;

/// The chunk sizes that we read, in bytes: a size beyond them is damage, not a request for memory.
const CHUNK_SIZES: std::ops::RangeInclusive<u32> = 4096..=1 << 20;

const MAGIC: [u8; 8] = *b"forebayB";
const VERSION: u32 = 1;
const CHECKSUM_BYTES: u64 = 4;

/// A footer, as it says itself; the trailer's checksum has not been looked at yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Footer {
    pub(crate) chunk_bytes: u32,
    pub(crate) blob_bytes: u64,
    checksum: u32,
}

/// The bytes that follow a blob of `blob_bytes` cut into chunks of `chunk_bytes` with these checksums.
pub(crate) fn encode(
    digest: &Digest,
    blob_bytes: u64,
    chunk_bytes: u32,
    checksums: &[u32],
) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(checksums.len() * 4 + FOOTER_BYTES);
    for checksum in checksums {
        bytes.extend_from_slice(&checksum.to_le_bytes());
    }
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&chunk_bytes.to_le_bytes());
    bytes.extend_from_slice(&blob_bytes.to_le_bytes());
    let checksum = checksum_of(digest, &bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

/// Reads the last bytes of a file that is `file_bytes` long.
pub(crate) fn decode_footer(
    footer: &[u8; FOOTER_BYTES],
    file_bytes: u64,
) -> Result<Footer, BlobError> {
    if footer[..8] != MAGIC {
        return Err(BlobError::Corrupt("its file does not end as ours do"));
    }
    if u32_at(footer, 8) != VERSION {
        return Err(BlobError::Corrupt("its file has an unknown version"));
    }
    let found = Footer {
        chunk_bytes: u32_at(footer, 12),
        blob_bytes: u64::from(u32_at(footer, 16)) | u64::from(u32_at(footer, 20)) << 32,
        checksum: u32_at(footer, 24),
    };
    if !CHUNK_SIZES.contains(&found.chunk_bytes) {
        return Err(BlobError::Corrupt("its chunk size is out of range"));
    }
    if file_length(found.blob_bytes, found.chunk_bytes) != Some(file_bytes) {
        return Err(BlobError::Corrupt("its file has a wrong length"));
    }
    Ok(found)
}

/// Reads the whole trailer of the blob called `digest`, of which `footer` is the decoded end.
pub(crate) fn decode_checksums(
    digest: &Digest,
    trailer: &[u8],
    footer: Footer,
) -> Result<Box<[u32]>, BlobError> {
    let (covered, _) = trailer.split_at(trailer.len().saturating_sub(4));
    if checksum_of(digest, covered) != footer.checksum {
        return Err(BlobError::Corrupt(
            "its checksums are damaged or another blob's",
        ));
    }
    let checksums = trailer.len().saturating_sub(FOOTER_BYTES) / 4;
    Ok((0..checksums).map(|i| u32_at(trailer, i * 4)).collect())
}

/// How many chunks a blob has.
pub(crate) fn chunks(blob_bytes: u64, chunk_bytes: u32) -> u64 {
    blob_bytes.div_ceil(u64::from(chunk_bytes))
}

/// How long the trailer of a blob is, in bytes.
pub(crate) fn trailer_length(blob_bytes: u64, chunk_bytes: u32) -> u64 {
    chunks(blob_bytes, chunk_bytes) * CHECKSUM_BYTES + FOOTER_BYTES as u64
}

/// How long the file of a blob is, in bytes; `None` beyond what a file can be.
fn file_length(blob_bytes: u64, chunk_bytes: u32) -> Option<u64> {
    blob_bytes.checked_add(trailer_length(blob_bytes, chunk_bytes))
}

/// How long the blob in a file of `file_bytes` is, if any blob makes a file that long.
pub(crate) fn find_blob_length(file_bytes: u64, chunk_bytes: u32) -> Option<u64> {
    let body = file_bytes.checked_sub(FOOTER_BYTES as u64)?;
    let chunks = body.div_ceil(u64::from(chunk_bytes) + CHECKSUM_BYTES);
    let blob_bytes = body.checked_sub(chunks * CHECKSUM_BYTES)?;
    (file_length(blob_bytes, chunk_bytes) == Some(file_bytes)).then_some(blob_bytes)
}

fn checksum_of(digest: &Digest, covered: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(digest.hash()), covered)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNK: u32 = 65_536;

    fn digest() -> Digest {
        Digest::sha256(b"a blob")
    }

    fn footer_of(trailer: &[u8]) -> [u8; FOOTER_BYTES] {
        trailer[trailer.len() - FOOTER_BYTES..].try_into().unwrap()
    }

    #[test]
    fn a_trailer_reads_as_it_was_written() {
        for blob_bytes in [0, 1, 65_535, 65_536, 65_537, 1 << 24] {
            let count = u32::try_from(chunks(blob_bytes, CHUNK)).unwrap();
            let checksums: Vec<u32> = (0..count).map(|i| i * 7).collect();
            let trailer = encode(&digest(), blob_bytes, CHUNK, &checksums);
            assert_eq!(trailer.len() as u64, trailer_length(blob_bytes, CHUNK));
            let file_bytes = blob_bytes + trailer.len() as u64;
            let footer = decode_footer(&footer_of(&trailer), file_bytes).unwrap();
            assert_eq!(footer.blob_bytes, blob_bytes);
            assert_eq!(
                *decode_checksums(&digest(), &trailer, footer).unwrap(),
                *checksums
            );
        }
    }

    #[test]
    fn a_trailer_belongs_to_one_digest() {
        let trailer = encode(&digest(), 1, CHUNK, &[1]);
        let footer = decode_footer(&footer_of(&trailer), 1 + trailer.len() as u64).unwrap();
        let other = Digest::sha256(b"another");
        assert!(decode_checksums(&other, &trailer, footer).is_err());
    }

    #[test]
    fn any_one_flipped_bit_is_noticed() {
        let blob_bytes = u64::from(CHUNK) * 3 + 1;
        let sound = encode(&digest(), blob_bytes, CHUNK, &[1, 2, 3, 4]);
        let file_bytes = blob_bytes + sound.len() as u64;
        for bit in 0..sound.len() * 8 {
            let mut trailer = sound.clone();
            trailer[bit / 8] ^= 1 << (bit % 8);
            let read = decode_footer(&footer_of(&trailer), file_bytes)
                .and_then(|footer| decode_checksums(&digest(), &trailer, footer));
            assert!(matches!(read, Err(BlobError::Corrupt(_))), "bit {bit}");
        }
    }

    #[test]
    fn a_file_length_tells_the_blob_length() {
        for blob_bytes in (0..200_000).step_by(997).chain([65_536, 131_072]) {
            let file_bytes = file_length(blob_bytes, CHUNK).unwrap();
            assert_eq!(find_blob_length(file_bytes, CHUNK), Some(blob_bytes));
        }
        for too_short in 0..FOOTER_BYTES as u64 {
            assert_eq!(find_blob_length(too_short, CHUNK), None);
        }
        // One chunk and four bytes more: no blob is cut like that.
        assert_eq!(find_blob_length(65_536 + 4 + 3 + 28, CHUNK), None);
    }

    #[test]
    fn an_absurd_footer_is_damage() {
        let trailer = encode(&digest(), u64::MAX, CHUNK, &[]);
        assert!(decode_footer(&footer_of(&trailer), 28).is_err());
        let trailer = encode(&digest(), 0, 1, &[]);
        assert!(decode_footer(&footer_of(&trailer), 28).is_err());
    }
}

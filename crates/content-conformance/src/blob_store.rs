//! What every blob store does, one sentence a function.
//!
//! `blob_store_suite!(fresh)` makes a test of each; `fresh` is an async function that gives an empty store and whatever
//! must outlive it: `async fn fresh() -> (FsBlobs, TempDir)`.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a suite tells by panics what does not hold"
)]

mod reads;
mod shelf;
mod stages;

pub use reads::*;
pub use shelf::*;
pub use stages::*;

use bytes::Bytes;
use forebay_content::{BlobReader, BlobStore};
use forebay_oci::Digest;

/// Makes a test of every sentence about blob stores.
#[macro_export]
macro_rules! blob_store_suite {
    ($fresh:path) => {
        $crate::blob_store_suite!(@each $fresh;
            a_blob_is_invisible_until_committed,
            a_committed_blob_reads_back_as_it_was_written,
            a_blob_of_any_size_reads_back_from_any_offset,
            a_blob_reads_back_however_its_writes_were_cut,
            a_blob_may_have_a_sha512_digest,
            an_empty_blob_is_a_blob,
            a_read_past_the_end_gives_nothing,
            a_read_gives_at_least_one_byte_and_never_too_many,
            an_opened_blob_outlives_its_deletion,
            an_opened_blob_can_be_read_by_many_at_once,
            a_stage_tells_how_much_was_written,
            a_stage_is_read_from_any_offset_while_it_is_written,
            a_stage_is_read_by_others_while_it_is_written,
            a_stage_stays_readable_after_its_commit,
            a_stage_stays_readable_after_it_was_dropped,
            a_dropped_stage_leaves_nothing_visible,
            a_blob_committed_again_is_no_error,
            a_commit_takes_the_place_of_what_was_there,
            stages_of_the_same_blob_at_once_all_commit,
            stages_of_different_blobs_do_not_mix,
            a_blob_can_be_staged_without_knowing_its_size,
            a_stage_may_grow_beyond_what_was_expected,
            an_impossible_size_is_refused_at_once,
            what_is_not_there_is_not_found,
            a_deleted_blob_is_gone_and_others_stay,
            deleting_what_is_not_there_is_no_error,
            a_deleted_blob_can_be_committed_again,
            an_empty_store_lists_nothing,
            blobs_are_listed_once_with_their_sizes,
            blobs_are_listed_page_by_page_in_one_order,
            a_page_may_begin_after_a_blob_that_is_not_there,
        );
    };
    (@each $fresh:path; $($sentence:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $sentence() {
                let (store, _guard) = $fresh().await;
                $crate::blob_store::$sentence(&store).await;
            }
        )+
    };
}

/// The size around which stores cut their content, in bytes.
const CHUNK: usize = 64 * 1024;

/// No read may give more than this, in bytes: who serves a thousand slow clients holds a read for each.
const MAX_READ: usize = 1024 * 1024;

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    /// A number below `bound`, which is not 0.
    fn below(&mut self, bound: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
    }
}

/// `len` bytes, different for each seed and with no short period.
fn content(seed: u64, len: usize) -> Bytes {
    let mut numbers = Numbers(seed);
    (0..len)
        .map(|_| u8::try_from(numbers.below(256)).unwrap())
        .collect()
}

/// Keeps `content` in pieces of `piece` bytes.
async fn keep_in_pieces<S: BlobStore>(store: &S, content: &Bytes, piece: usize) -> Digest {
    let digest = Digest::sha256(content);
    let mut stage = store.stage(Some(content.len() as u64)).await.unwrap();
    for part in content.chunks(piece) {
        stage.write(content.slice_ref(part)).await.unwrap();
    }
    stage.commit(&digest).await.unwrap();
    digest
}

async fn keep<S: BlobStore>(store: &S, content: &Bytes) -> Digest {
    keep_in_pieces(store, content, CHUNK).await
}

/// Everything that a reader gives from `offset` on.
async fn read_from(reader: &dyn BlobReader, offset: usize) -> Vec<u8> {
    let mut read = Vec::new();
    loop {
        let bytes = reader.read((offset + read.len()) as u64).await.unwrap();
        if bytes.is_empty() {
            return read;
        }
        read.extend_from_slice(&bytes);
    }
}

async fn read_whole<S: BlobStore>(store: &S, digest: &Digest) -> Vec<u8> {
    read_from(&*store.open(digest).await.unwrap(), 0).await
}

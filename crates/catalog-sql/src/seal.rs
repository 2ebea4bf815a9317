//! A checksum in each row whose rot would do harm: a tag, a link, a manifest with its children, a page of a list. Those of local
//! repositories and of accounts are in `registry/seals.rs`.
//!
//! SQLite trusts what it reads. A flipped bit in a link's repository would show one tenant's content to another, one in a
//! media type would go out as a header. The names of upstream and repository are sealed, not their number, so that rot
//! in the numbering shows as well. Objects have none: their rot can only make the accounting wrong.

use forebay_content::{KeptList, KeptManifest, KeptTag};
use forebay_oci::{Digest, Tag, Target};

use crate::error::SqlError;
use crate::key::{digest_key, page_bytes};
use crate::row::kind_number;

/// CRC32C over the parts of a row, each with its length before it. At rest: the order of parts is part of the format.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seal(u32);

/// The seal of a tag's row.
pub(crate) fn of_tag(target: &Target, tag: &Tag, kept: &KeptTag) -> i64 {
    Seal::of_target(target)
        .bytes(tag.as_str().as_bytes())
        .bytes(&digest_key(&kept.digest))
        .bytes(kept.media_type.as_str().as_bytes())
        .optional(
            kept.size
                .map(u64::to_be_bytes)
                .as_ref()
                .map(<[u8; 8]>::as_slice),
        )
        .bytes(&kept.checked_at.0.to_be_bytes())
        .number()
}

/// The seal of a link's row.
pub(crate) fn of_link(target: &Target, digest: &Digest) -> i64 {
    Seal::of_target(target).bytes(&digest_key(digest)).number()
}

/// The seal of a manifest's row and of those of its children.
pub(crate) fn of_manifest(manifest: &KeptManifest) -> i64 {
    let whole = Seal::new()
        .bytes(&digest_key(&manifest.digest))
        .bytes(manifest.media_type.as_str().as_bytes())
        .bytes(&manifest.size.to_be_bytes());
    let children = manifest.children.iter();
    children
        .fold(whole, |seal, child| {
            seal.bytes(&digest_key(&child.digest))
                .bytes(&child.size.to_be_bytes())
                .bytes(&kind_number(child.kind).to_be_bytes())
        })
        .number()
}

/// The seal of a page's row.
pub(crate) fn of_list(target: &Target, key: &[u8], list: &KeptList) -> i64 {
    Seal::of_target(target)
        .bytes(key)
        .bytes(&list.json)
        .optional(list.more.as_ref().map(page_bytes).as_deref())
        .bytes(&[u8::from(list.filtered)])
        .bytes(&list.checked_at.0.to_be_bytes())
        .number()
}

/// Compares the seal at rest with that of what was read.
pub(crate) fn check(at_rest: i64, of_read: i64, what: &'static str) -> Result<(), SqlError> {
    if at_rest == of_read {
        Ok(())
    } else {
        Err(SqlError::Damaged(what))
    }
}

impl Seal {
    /// Of no parts yet.
    pub(crate) const fn new() -> Self {
        Self(0)
    }

    fn of_target(target: &Target) -> Self {
        Self::new()
            .bytes(target.upstream.as_bytes())
            .bytes(target.repository.as_str().as_bytes())
    }

    /// With this part after those before it.
    pub(crate) fn bytes(self, part: &[u8]) -> Self {
        let length = crc32c::crc32c_append(self.0, &(part.len() as u64).to_be_bytes());
        Self(crc32c::crc32c_append(length, part))
    }

    /// With a part that may be absent.
    pub(crate) fn optional(self, part: Option<&[u8]>) -> Self {
        match part {
            Some(part) => self.bytes(&[1]).bytes(part),
            None => self.bytes(&[0]),
        }
    }

    /// As it is stored.
    pub(crate) fn number(self) -> i64 {
        i64::from(self.0)
    }
}

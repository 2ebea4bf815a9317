//! Rows as the values they stand for.
//!
//! Nothing that was read is trusted: what is none of ours is damage, told as such.

use std::sync::Arc;

use forebay_content::{Child, ChildKind, KeptList, KeptManifest, KeptTag, Object, Timestamp};
use forebay_oci::{Digest, MediaType};
use sqlx::Row;
use sqlx::any::AnyRow;

use crate::error::SqlError;
use crate::key::{parse_digest, parse_page};

const MANIFEST: i16 = 0;
const BLOB: i16 = 1;

/// The number by which a kind of child is stored.
pub(crate) const fn kind_number(kind: ChildKind) -> i16 {
    match kind {
        ChildKind::Manifest => MANIFEST,
        ChildKind::Blob => BLOB,
    }
}

/// Columns: digest, media type, size, time of the check.
pub(crate) fn tag(row: &AnyRow) -> Result<KeptTag, SqlError> {
    let size: Option<i64> = row.try_get(2)?;
    Ok(KeptTag {
        digest: digest(row, 0)?,
        media_type: media_type(row, 1)?,
        size: size.map(i64::cast_unsigned),
        checked_at: time(row, 3)?,
    })
}

/// Columns: digest, size, time of the last use.
pub(crate) fn object(row: &AnyRow) -> Result<Object, SqlError> {
    Ok(Object {
        digest: digest(row, 0)?,
        size: count(row, 1)?,
        used_at: time(row, 2)?,
    })
}

/// Columns: media type, size, then of one child each row: digest, size, kind; these are NULL if there are none.
pub(crate) fn manifest(
    digest: &Digest,
    first: &AnyRow,
    rows: &[AnyRow],
) -> Result<KeptManifest, SqlError> {
    let childless = first.try_get::<Option<&[u8]>, _>(2)?.is_none();
    let children = if childless { &[] } else { rows };
    Ok(KeptManifest {
        digest: digest.clone(),
        media_type: media_type(first, 0)?,
        size: claimed_size(first, 1)?,
        children: children.iter().map(child).collect::<Result<_, _>>()?,
    })
}

/// Columns: JSON, page after it, whether filtered, time of the check.
pub(crate) fn list(row: &AnyRow) -> Result<KeptList, SqlError> {
    let more: Option<Vec<u8>> = row.try_get(1)?;
    Ok(KeptList {
        json: row.try_get::<Vec<u8>, _>(0)?.into(),
        more: more.map(|page| parse_page(&page)).transpose()?,
        filtered: flag(row, 2)?,
        checked_at: time(row, 3)?,
    })
}

/// A digest.
pub(crate) fn digest(row: &AnyRow, column: usize) -> Result<Digest, SqlError> {
    parse_digest(row.try_get::<&[u8], _>(column)?)
}

/// A number that is never below zero.
pub(crate) fn count(row: &AnyRow, column: usize) -> Result<u64, SqlError> {
    let number: i64 = row.try_get(column)?;
    u64::try_from(number).map_err(|_| SqlError::Damaged("a number"))
}

/// A text of which none is written as an empty one.
pub(crate) fn optional_text(row: &AnyRow, column: usize) -> Result<Option<Arc<str>>, SqlError> {
    let text: &str = row.try_get(column)?;
    Ok((!text.is_empty()).then(|| Arc::from(text)))
}

fn child(row: &AnyRow) -> Result<Child, SqlError> {
    Ok(Child {
        digest: digest(row, 2)?,
        size: claimed_size(row, 3)?,
        kind: match row.try_get::<i64, _>(4)? {
            0 => ChildKind::Manifest,
            1 => ChildKind::Blob,
            _ => return Err(SqlError::Damaged("the kind of a child")),
        },
    })
}

fn claimed_size(row: &AnyRow, column: usize) -> Result<u64, SqlError> {
    Ok(row.try_get::<i64, _>(column)?.cast_unsigned())
}

/// A time.
pub(crate) fn time(row: &AnyRow, column: usize) -> Result<Timestamp, SqlError> {
    Ok(Timestamp(row.try_get(column)?))
}

/// A media type.
pub(crate) fn media_type(row: &AnyRow, column: usize) -> Result<MediaType, SqlError> {
    MediaType::parse(row.try_get(column)?).ok_or(SqlError::Damaged("a media type"))
}

/// A flag.
pub(crate) fn flag(row: &AnyRow, column: usize) -> Result<bool, SqlError> {
    match row.try_get::<i64, _>(column)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(SqlError::Damaged("a flag")),
    }
}

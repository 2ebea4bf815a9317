//! Which errors of the disk the program goes on with, without what it could not make there.

use std::io::{self, ErrorKind};

/// Whether nothing can be made on the disk, for it is full or read-only.
pub(crate) fn is_full_or_read_only(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ReadOnlyFilesystem | ErrorKind::StorageFull | ErrorKind::QuotaExceeded
    )
}

/// Whether nothing can be made there, be it for want of leave.
pub(crate) fn is_unwritable(error: &io::Error) -> bool {
    is_full_or_read_only(error) || error.kind() == ErrorKind::PermissionDenied
}

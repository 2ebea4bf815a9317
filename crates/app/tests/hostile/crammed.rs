//! A disk that is full for the cache when it has so many bytes, while local repositories beside it find room.

use std::fs::{self, File};
use std::os::fd::AsRawFd as _;
use std::path::Path;

use forebay_disk_faults::FaultyDisk;

/// The disk, full for the cache in the data directory `data` at so many bytes.
pub(crate) fn crammed(disk: FaultyDisk, data: &Path, room_bytes: u64) -> FaultyDisk {
    let data = data.canonicalize().unwrap();
    let (blobs, staging) = (data.join("blobs"), data.join("staging"));
    disk.full_where(move |file, more| {
        let used = || bytes_below(&blobs) + bytes_below(&staging) + more as u64;
        is_below(file, &staging) && used() > room_bytes
    })
}

fn is_below(file: &File, folder: &Path) -> bool {
    let path = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()));
    path.is_ok_and(|path| path.starts_with(folder))
}

/// The bytes of all files below; what goes meanwhile counts for nothing.
fn bytes_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => bytes_below(&entry.path()),
            Ok(found) => found.len(),
            Err(_) => 0,
        })
        .sum()
}

//! The kernel's tables of sockets and of tracked connections, row by row: none is held as a text.
//!
//! All that are read in one look share a limit, however many networks there are.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use forebay_traffic::Socket;

/// The most rows of all tables together.
const MAX_ROWS: usize = 200_000;

/// The most bytes of a row; a longer one is read as several, which make no sense.
const MAX_ROW_BYTES: u64 = 1 << 10;

/// What was read of them.
pub(super) struct Tables {
    sockets: Vec<Socket>,
    rows_left: usize,
    is_missing: bool,
    is_cut: bool,
}

impl Tables {
    pub(super) const fn new() -> Self {
        Self::at_most(MAX_ROWS)
    }

    const fn at_most(rows: usize) -> Self {
        Self {
            sockets: Vec::new(),
            rows_left: rows,
            is_missing: true,
            is_cut: false,
        }
    }

    /// Reads another, each row by `find`; whether it is there.
    pub(super) fn read(&mut self, path: &Path, find: fn(&str) -> Option<Socket>) -> bool {
        let Ok(file) = File::open(path) else {
            return false;
        };
        self.is_missing = false;
        let mut table = BufReader::new(file);
        let mut row = Vec::new();
        loop {
            row.clear();
            let read = (&mut table).take(MAX_ROW_BYTES).read_until(b'\n', &mut row);
            if !read.is_ok_and(|length| length > 0) {
                return true;
            }
            if self.rows_left == 0 {
                self.is_cut = true;
                return true;
            }
            self.rows_left -= 1;
            self.sockets.extend(find(&String::from_utf8_lossy(&row)));
        }
    }

    /// What was read since this was asked last.
    pub(super) fn take(&mut self) -> Vec<Socket> {
        std::mem::take(&mut self.sockets)
    }

    /// Whether none was there.
    pub(super) const fn is_missing(&self) -> bool {
        self.is_missing
    }

    /// Whether there was more than is read.
    pub(super) const fn is_cut(&self) -> bool {
        self.is_cut
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use forebay_traffic::read_socket;

    use super::*;

    #[test]
    fn all_tables_share_a_limit_and_what_is_beyond_it_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let row = " 0: 0500000A:C350 070200C0:01BB 01 0:0 0:0 0 0 0 43 1\n";
        let paths = ["a", "b"].map(|name| folder.path().join(name));
        for path in &paths {
            fs::write(path, format!("header\n{}", row.repeat(3))).unwrap();
        }
        for (rows, found, is_cut) in [(8, 6, false), (7, 5, true), (4, 3, true)] {
            let mut tables = Tables::at_most(rows);
            assert!(paths.iter().all(|path| tables.read(path, read_socket)));
            assert_eq!((tables.take().len(), tables.is_cut()), (found, is_cut));
        }
        assert!(!Tables::new().read(&folder.path().join("nowhere"), read_socket));
    }

    #[test]
    fn a_row_without_an_end_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "x".repeat(10_000)).unwrap();
        let mut tables = Tables::new();
        assert!(tables.read(&path, read_socket));
        assert!(tables.take().is_empty());
    }
}

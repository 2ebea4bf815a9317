//! What SQLite says in words of its own.
//!
//! The only file that knows which database it is: types of the schema, settings of a connection, the shape of an address,
//! the meaning of an error code. All statements elsewhere are read alike by PostgreSQL.

use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The type of a column of bytes.
const BYTES: &str = "BLOB";

/// The type of a primary key that the database counts up by itself.
const IDENTITY: &str = "INTEGER PRIMARY KEY";

/// After a table whose rows are little more than their key: they then live in the key's tree and the key is not stored
/// twice.
const IN_KEY: &str = "WITHOUT ROWID";

/// A function that writes bytes in upper-case hex, and an empty text where there are none.
pub(crate) const HEX: &str = "hex";

/// Begins a transaction that writes. Asking for the lock at once makes a second process wait for it; a transaction that
/// began by reading could only fail.
pub(crate) const BEGIN_WRITE: &str = "BEGIN IMMEDIATE";

/// Names of the tables there are, and all of the schema's text, so that damage to it shows here.
pub(crate) const TABLES: &str =
    "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";

/// Checks the whole file; one row that says `ok`, or a row for each fault.
pub(crate) const INTEGRITY: &str = "PRAGMA integrity_check(10)";

/// How the writing connection is set. Durable: a commit that was answered survives a power loss. A page cache of 4 MiB,
/// no memory map (a damaged disk would be a signal, not an error), and the log cut back to 16 MiB after a burst.
pub(crate) const WRITER: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF; \
     PRAGMA cache_size = -4096; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY; \
     PRAGMA journal_size_limit = 16777216";

/// How a reading connection is set: a page cache of 1 MiB, and nothing it could change.
pub(crate) const READER: &str = "PRAGMA query_only = ON; PRAGMA cache_size = -1024; PRAGMA mmap_size = 0; \
     PRAGMA temp_store = MEMORY";

/// How a connection is set that fills a new file: no log, for what is half done is thrown away; whoever asks makes the file
/// durable.
pub(crate) const COPIER: &str = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; \
     PRAGMA cache_size = -4096; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY";

/// All but these is percent-encoded in an address.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.');

/// How a database is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// To read and write; created if it is not there.
    Write,
    /// To read what another connection may be changing.
    Read,
    /// To read what nobody can change, with no file beside it: for a read-only file system.
    Frozen,
}

/// What an error code of the database means to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CodeMeaning {
    /// The disk is full.
    NoSpace,
    /// The disk is broken or read-only.
    NotWritable,
    /// The file is damaged, or is no database.
    Corrupt,
    /// Another process holds it.
    Busy,
    /// Anything else.
    Other,
}

/// A statement of the schema with the dialect's words put in.
pub(crate) fn render(statement: &str) -> String {
    statement
        .replace("{bytes}", BYTES)
        .replace("{identity}", IDENTITY)
        .replace("{in_key}", IN_KEY)
}

/// The address of the database at an absolute path; `None` if the path is not Unicode.
pub(crate) fn address(path: &Path, access: Access) -> Option<String> {
    let mode = match access {
        Access::Write => "mode=rwc",
        Access::Read => "mode=ro",
        Access::Frozen => "mode=ro&immutable=1",
    };
    let path = utf8_percent_encode(path.to_str()?, PLAIN);
    Some(format!("sqlite://{path}?{mode}"))
}

/// What a database at an absolute path is attached by to be read beside another; `None` if the path is not Unicode. Source:
/// sqlite.org/uri.html.
pub(crate) fn attached(path: &Path) -> Option<String> {
    let path = utf8_percent_encode(path.to_str()?, PLAIN);
    Some(format!("file:{path}?mode=ro"))
}

/// The files that belong to the database at `path`, the database's own last.
pub fn files_of(path: &Path) -> [PathBuf; 3] {
    ["-wal", "-shm", ""].map(|suffix| beside(path, suffix))
}

/// The path with `suffix` after its file name.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// What an error code means. Source: sqlite.org/rescode.html, extended result codes.
pub(crate) fn meaning_of(code: &str) -> CodeMeaning {
    const IO_ERROR: i32 = 10;
    let Ok(code) = code.parse::<i32>() else {
        return CodeMeaning::Other;
    };
    // The low byte is the primary code, the next one says what of it.
    match (code & 0xff, code >> 8) {
        // SHORT_READ, CORRUPTFS
        (IO_ERROR, 2 | 33) | (11 | 26, _) => CodeMeaning::Corrupt,
        // READ, FSTAT, LOCK, CHECKRESERVEDLOCK, RDLOCK, NOMEM: says nothing of writing.
        (IO_ERROR, 1 | 7 | 9 | 12 | 14 | 15) => CodeMeaning::Other,
        // FULL
        (13, _) => CodeMeaning::NoSpace,
        // PERM, READONLY, CANTOPEN
        (IO_ERROR | 3 | 8 | 14, _) => CodeMeaning::NotWritable,
        // BUSY, LOCKED
        (5 | 6, _) => CodeMeaning::Busy,
        _ => CodeMeaning::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_survives_every_character_of_a_path() {
        let path = Path::new("/data/a b%41?c#d/ü;e=f&g/catalog.sqlite");
        assert_eq!(
            address(path, Access::Write).unwrap(),
            "sqlite:///data/a%20b%2541%3Fc%23d/%C3%BC%3Be%3Df%26g/catalog.sqlite?mode=rwc"
        );
    }

    #[test]
    fn codes_mean_what_the_caller_can_do() {
        for (code, meaning) in [
            ("13", CodeMeaning::NoSpace),       // SQLITE_FULL
            ("8", CodeMeaning::NotWritable),    // SQLITE_READONLY
            ("1032", CodeMeaning::NotWritable), // SQLITE_READONLY_DBMOVED
            ("778", CodeMeaning::NotWritable),  // SQLITE_IOERR_WRITE
            ("1034", CodeMeaning::NotWritable), // SQLITE_IOERR_FSYNC
            ("4874", CodeMeaning::NotWritable), // SQLITE_IOERR_SHMSIZE
            ("14", CodeMeaning::NotWritable),   // SQLITE_CANTOPEN
            ("266", CodeMeaning::Other),        // SQLITE_IOERR_READ
            ("11", CodeMeaning::Corrupt),       // SQLITE_CORRUPT
            ("779", CodeMeaning::Corrupt),      // SQLITE_CORRUPT_INDEX
            ("26", CodeMeaning::Corrupt),       // SQLITE_NOTADB
            ("522", CodeMeaning::Corrupt),      // SQLITE_IOERR_SHORT_READ
            ("5", CodeMeaning::Busy),           // SQLITE_BUSY
            ("1", CodeMeaning::Other),          // SQLITE_ERROR
            ("40P01", CodeMeaning::Other),
        ] {
            assert_eq!(meaning_of(code), meaning, "{code}");
        }
    }
}

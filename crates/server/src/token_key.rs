//! The key by which this installation's tokens are signed: made at random at the first start that needs it, kept in the data
//! directory, readable by its owner alone.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use forebay_access::{NoRandomness, Random, TokenKey};
use forebay_blobs_fs::{Disk, Patience};
use forebay_terminal::Failure;
use tracing::{debug, warn};

use crate::disk_trouble::is_unwritable;

/// What the file is called in the data directory.
const FILE: &str = forebay_backup::TOKEN_KEY;

/// What it is called until it is whole.
const UNFINISHED: &str = "token.key.new";

/// How long it is, in bytes: as long as what HMAC-SHA-256 gives (RFC 2104, section 3).
const KEY_BYTES: usize = 32;

/// What only others than its owner may do with a file.
const OTHERS: u32 = 0o077;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
enum NoKey {
    #[error("it cannot be read or made")]
    Io(#[from] io::Error),
    #[error("it has {0} bytes, and a key has {KEY_BYTES}")]
    Length(usize),
    #[error("others than its owner may read it or write to it (mode {0:03o})")]
    Mode(u32),
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

/// The key of the data directory `dir`. On a disk that takes none, one that lasts as long as the program runs.
///
/// # Errors
/// There is a file that is no key, or is not kept to its owner; the disk fails.
pub(crate) fn open(dir: &Path, disk: &dyn Disk, random: &dyn Random) -> Result<TokenKey, Failure> {
    let failed = |error: NoKey| {
        let path = dir.join(FILE);
        let what = format!("cannot use the key of tokens in {}", path.display());
        let anew = "the next start makes another, and clients log in anew";
        let hints = match &error {
            NoKey::Mode(_) => vec![
                format!("chmod 600 {}", path.display()),
                format!("if others may have read it, remove it: {anew}"),
            ],
            NoKey::Length(_) => vec![format!("remove it: {anew}")],
            NoKey::Io(_) | NoKey::Randomness(_) => Vec::new(),
        };
        let failure = Failure::failed(what, error);
        hints.into_iter().fold(failure, Failure::with_hint)
    };
    match read(dir, disk) {
        Ok(Some(key)) => Ok(key),
        Ok(None) => make(dir, disk, random).map_err(failed),
        Err(error) => Err(failed(error)),
    }
}

fn read(dir: &Path, disk: &dyn Disk) -> Result<Option<TokenKey>, NoKey> {
    let file = match disk.open(&dir.join(FILE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & OTHERS != 0 {
        return Err(NoKey::Mode(mode));
    }
    // One more than there may be, so that a longer file is seen.
    let mut bytes = [0; KEY_BYTES + 1];
    let mut length = 0;
    while length < bytes.len() {
        let offset = length as u64;
        match disk.read_at(&file, &mut bytes[length..], offset, Patience::Full)? {
            0 => break,
            count => length += count,
        }
    }
    match bytes.first_chunk::<KEY_BYTES>() {
        Some(key) if length == KEY_BYTES => Ok(Some(TokenKey::new(key))),
        _ => Err(NoKey::Length(length)),
    }
}

fn make(dir: &Path, disk: &dyn Disk, random: &dyn Random) -> Result<TokenKey, NoKey> {
    let mut bytes = [0; KEY_BYTES];
    random.fill(&mut bytes)?;
    match write(dir, disk, &bytes) {
        Ok(()) => debug!(path = %dir.join(FILE).display(), "a key for tokens was made"),
        Err(error) if is_unwritable(&error) => {
            warn!(%error, "the key of tokens cannot be kept, for the disk is full or read-only: tokens are worth nothing after a restart");
        }
        Err(error) => return Err(error.into()),
    }
    Ok(TokenKey::new(&bytes))
}

/// Writes it under another name first, so that there is never half of one.
fn write(dir: &Path, disk: &dyn Disk, bytes: &[u8]) -> io::Result<()> {
    let unfinished = dir.join(UNFINISHED);
    match disk.remove(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = disk.create(&unfinished)?;
    disk.write_at(&file, bytes, 0)?;
    disk.sync(&file)?;
    disk.rename(&unfinished, &dir.join(FILE))?;
    disk.sync(&disk.open(dir)?)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use forebay_access::SystemRandom;
    use forebay_blobs_fs::RealDisk;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_kept_to_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        open(dir.path(), &RealDisk, &SystemRandom).unwrap();
        let path = dir.path().join(FILE);
        let bytes = fs::read(&path).unwrap();
        assert_eq!(bytes.len(), KEY_BYTES);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        open(dir.path(), &RealDisk, &SystemRandom).unwrap();
        assert_eq!(fs::read(&path).unwrap(), bytes);
        assert!(!dir.path().join(UNFINISHED).exists());
    }

    #[test]
    fn no_two_installations_have_the_same() {
        let keys = [(); 2].map(|()| {
            let dir = tempfile::tempdir().unwrap();
            open(dir.path(), &RealDisk, &SystemRandom).unwrap();
            fs::read(dir.path().join(FILE)).unwrap()
        });
        assert_ne!(keys[0], keys[1]);
    }

    #[test]
    fn what_a_start_that_was_cut_left_is_no_key() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(UNFINISHED), "half").unwrap();
        open(dir.path(), &RealDisk, &SystemRandom).unwrap();
        let bytes = fs::read(dir.path().join(FILE)).unwrap();
        assert_eq!(bytes.len(), KEY_BYTES);
    }

    #[test]
    fn a_file_that_is_no_key_or_open_to_others_is_told_and_left() {
        for (bytes, mode, expected) in [
            (vec![7; 31], 0o600, "it has 31 bytes, and a key has 32"),
            (vec![7; 40], 0o600, "it has 33 bytes, and a key has 32"),
            (Vec::new(), 0o600, "it has 0 bytes, and a key has 32"),
            (vec![7; 32], 0o640, "(mode 640)"),
            (vec![7; 32], 0o604, "(mode 604)"),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join(FILE);
            fs::write(&path, &bytes).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let failure = open(dir.path(), &RealDisk, &SystemRandom).unwrap_err();
            let cause = std::error::Error::source(&failure).unwrap().to_string();
            assert!(cause.contains(expected), "{cause}");
            assert_eq!(fs::read(&path).unwrap(), bytes);
        }
    }
}

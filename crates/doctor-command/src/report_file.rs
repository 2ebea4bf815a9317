//! `--report FILE`: the report takes the place of what was there, as a whole.
//!
//! Whoever reads it sees the old or the new; what is no file, such as a pipe, is written to as it stands.

use std::fs::{self, File, Metadata};
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process;

use crate::source::STDIN;
use forebay_terminal::Failure;
use forebay_terminal::plain_file::at_once;
use forebay_terminal::whole_file::{self, Mode};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

/// Whether a report would take the place of what is read: one of the files, or what standard input was opened from.
pub(crate) fn find_conflict<'a>(
    path: &Path,
    mut inputs: impl Iterator<Item = &'a Path>,
) -> Option<Failure> {
    let is_file = |there: &Metadata| there.is_file() && path != Path::new(STDIN);
    let there = fs::metadata(path).ok().filter(is_file)?;
    let is_same = |input: &Path| {
        let about = if input == Path::new(STDIN) {
            let input = io::stdin().as_fd().try_clone_to_owned();
            input.and_then(|input| File::from(input).metadata())
        } else {
            fs::metadata(input)
        };
        about.is_ok_and(|about| (about.dev(), about.ino()) == (there.dev(), there.ino()))
    };
    inputs.any(is_same).then(|| {
        let path = path.display();
        Failure::plain(format!("{path} is read, and would be lost to the report"))
            .with_hint("name another file for --report, or - for standard output")
    })
}

/// Writes it.
///
/// # Errors
/// It cannot be written, or there is a symbolic link, whose target nobody named.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error| Failure::failed(format!("cannot write {}", path.display()), error);
    let there = match fs::metadata(path) {
        Ok(about) if !about.is_file() && !about.is_dir() => {
            return write_to(path, text).map_err(failed);
        }
        Ok(about) => Some(about),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    if fs::symlink_metadata(path).is_ok_and(|about| about.is_symlink()) {
        let target = fs::read_link(path).map_err(failed)?;
        let why = format!("it is a symbolic link to {}", target.display());
        return Err(failed(io::Error::other(why))
            .with_hint("name the file itself, or - for standard output"));
    }
    put(path, text, there.as_ref()).map_err(failed)
}

/// Beside it first, with its mode and owner if it was there.
fn put(path: &Path, text: &str, there: Option<&Metadata>) -> io::Result<()> {
    if there.is_some_and(Metadata::is_dir) {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    // Not of the report's own name, which may be as long as names can be.
    let staged = path.with_file_name(format!(".forebay-report-{}", process::id()));
    let mode = there.map_or(Mode::Usual, |about| Mode::Exactly(about.mode() & 0o7777));
    whole_file::put((&staged, path), text.as_bytes(), mode, there)
}

/// A device or a pipe has no place that another file could take.
fn write_to(path: &Path, text: &str) -> io::Result<()> {
    // A pipe that nobody reads is refused at once, and one that is read may take its time.
    let mut file = at_once().write(true).open(path)?;
    let flags = fcntl_getfl(&file)?;
    fcntl_setfl(&file, flags - OFlags::NONBLOCK)?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_report_takes_the_place_of_the_old_one_and_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("incident.md");
        write(&path, "new").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let before = fs::metadata(&path).unwrap().ino();
        let old = File::open(&path).unwrap();
        write(&path, "newer").unwrap();
        let after = fs::metadata(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "newer");
        assert_eq!(after.mode() & 0o7777, 0o600);
        assert_ne!(after.ino(), before, "the old one was not written to");
        assert_eq!(old.metadata().unwrap().len(), 3);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_is_refused_and_what_it_names_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        for is_there in [false, true] {
            if is_there {
                fs::write(&target, "mine").unwrap();
            }
            let _ = fs::remove_file(&link);
            symlink(&target, &link).unwrap();
            assert!(write(&link, "report").is_err());
            assert_eq!(target.exists(), is_there);
        }
        assert_eq!(fs::read_to_string(&target).unwrap(), "mine");
    }

    #[test]
    fn what_is_read_is_no_place_for_a_report_by_whatever_name() {
        let folder = tempfile::tempdir().unwrap();
        let (input, link) = (folder.path().join("in"), folder.path().join("link"));
        fs::write(&input, "log").unwrap();
        symlink(&input, &link).unwrap();
        let detour = folder.path().join("./in");
        for (report, read, is_refused) in [
            (&input, &input, true),
            (&detour, &input, true),
            (&input, &link, true),
            (&folder.path().join("out"), &input, false),
            (
                &Path::new("/dev/null").to_owned(),
                &Path::new("/dev/null").to_owned(),
                false,
            ),
        ] {
            let refused = find_conflict(report, [Path::new("/none"), read].into_iter());
            assert_eq!(refused.is_some(), is_refused, "{}", report.display());
        }
    }

    #[test]
    fn a_device_is_written_to_and_stays_one() {
        write(Path::new("/dev/null"), "report").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        assert!(write(Path::new("/dev"), "report").is_err());
    }
}

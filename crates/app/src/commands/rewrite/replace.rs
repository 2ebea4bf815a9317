//! Puts one file in the place of another by way of one beside it, in a folder that is held open; and takes away what runs
//! that were killed left there.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use forebay_terminal::folder::Folder;
use forebay_terminal::plain_file::text_of;
use forebay_terminal::whole_file::{self, Mode, remove_left};

use super::write::MAX_WRITTEN_BYTES;

/// What stands between a file's name and a process's number in the name of what is to take its place.
const STAGED: &str = ".forebay-";

/// Puts `after` in the place of a file that still is `before`, with its mode and its owner. No part of the path is a link:
/// one that is by now was put there meanwhile.
///
/// # Errors
/// It has changed, or cannot be written: it is as it was then.
pub(super) fn replace(target: &Path, before: &str, after: &str) -> io::Result<()> {
    let (folder, name) = Folder::of_straight(target)?;
    let file = folder.open_file(name)?;
    let about = file.metadata()?;
    if text_of(file, MAX_WRITTEN_BYTES)? != before {
        return Err(io::Error::other("it has changed meanwhile"));
    }
    put(&folder, name, after, Some(&about))
}

/// Puts a text at a name, whatever is there; with the mode and the owner of `like`.
///
/// # Errors
/// It cannot be written: what was there is there.
pub(super) fn put(
    folder: &Folder,
    name: &OsStr,
    text: &str,
    like: Option<&Metadata>,
) -> io::Result<()> {
    let staged = format!(".{}{STAGED}{}", name.to_string_lossy(), std::process::id());
    let mode = like.map_or(Mode::Usual, |like| Mode::Exactly(like.mode() & 0o7777));
    let names = (OsStr::new(&staged), name);
    whole_file::put_in(folder, names, (text.as_bytes(), mode), like)
}

/// True for what a run that was killed left beside a file.
pub(super) fn is_staged(path: &Path) -> bool {
    path.file_name().and_then(find_staged_for).is_some()
}

/// The name of the file whose place this was to take, if it is what a killed run left.
fn find_staged_for(name: &OsStr) -> Option<&str> {
    let name = name.to_str()?.strip_prefix('.')?;
    let (name, process) = name.rsplit_once(STAGED)?;
    let is_number = !process.is_empty() && process.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && !name.is_empty()).then_some(name)
}

/// Takes away what killed runs left beside these files, of which no path leads over a link. What another run is about to put in
/// its place stays.
pub(super) fn remove_staged(targets: &BTreeSet<PathBuf>) {
    let mut by_folder: BTreeMap<&Path, BTreeSet<&OsStr>> = BTreeMap::new();
    for target in targets {
        if let (Some(folder), Some(name)) = (target.parent(), target.file_name()) {
            by_folder.entry(folder).or_default().insert(name);
        }
    }
    for (path, targets) in by_folder {
        let is_left = |name: &OsString| {
            find_staged_for(name).is_some_and(|target| targets.contains(OsStr::new(target)))
        };
        // Where nothing can be listed, nothing could have been written either.
        let Ok(folder) = Folder::open_straight(path) else {
            continue;
        };
        for name in folder
            .names()
            .unwrap_or_default()
            .iter()
            .filter(|name| is_left(name))
        {
            remove_left(&folder, name);
        }
    }
}

/// Where a file was when the run began, by the paths that were named and what each of them led to then: a link that takes a
/// folder's place meanwhile is seen as one.
pub(super) fn place_of(path: &Path, tops: &[(PathBuf, PathBuf)]) -> io::Result<PathBuf> {
    let below = |(named, place): &(PathBuf, PathBuf)| {
        let rest = path.strip_prefix(named).ok()?;
        // Joining nothing would put a slash behind a file.
        Some(if rest.as_os_str().is_empty() {
            place.clone()
        } else {
            place.join(rest)
        })
    };
    match tops.iter().find_map(below) {
        Some(place) => Ok(place),
        None => fs::canonicalize(path),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = fs::canonicalize(folder.path()).unwrap();
        (folder, path)
    }

    #[test]
    fn a_file_that_has_changed_since_it_was_read_is_not_written() {
        let (_held, folder) = folder();
        let file = folder.join("Dockerfile");
        fs::write(&file, "FROM a:1 # mine\n").unwrap();
        let refused = replace(&file, "FROM a:1\n", "FROM b:1\n").unwrap_err();
        assert_eq!(refused.to_string(), "it has changed meanwhile");
        assert_eq!(fs::read_to_string(&file).unwrap(), "FROM a:1 # mine\n");
        replace(&file, "FROM a:1 # mine\n", "FROM b:1\n").unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn a_link_that_took_a_folders_or_a_files_place_is_not_followed() {
        let (_held, top) = folder();
        for name in ["a", "other"] {
            fs::create_dir(top.join(name)).unwrap();
            fs::write(top.join(name).join("Dockerfile"), "FROM a:1\n").unwrap();
        }
        let tops = [(PathBuf::from("named"), top.clone())];
        let place = place_of(Path::new("named/a/Dockerfile"), &tops).unwrap();
        assert_eq!(place, top.join("a/Dockerfile"));
        fs::rename(top.join("a"), top.join("b")).unwrap();
        symlink("other", top.join("a")).unwrap();
        assert!(replace(&place, "FROM a:1\n", "FROM b:1\n").is_err());
        symlink("../other/Dockerfile", top.join("b/link")).unwrap();
        assert!(replace(&top.join("b/link"), "FROM a:1\n", "FROM b:1\n").is_err());
        for name in ["b", "other"] {
            let text = fs::read_to_string(top.join(name).join("Dockerfile")).unwrap();
            assert_eq!(text, "FROM a:1\n");
        }
    }

    #[test]
    fn what_a_killed_run_left_is_known_by_its_name() {
        for (name, is_left) in [
            (".Dockerfile.forebay-17", true),
            (".a.forebay-b.yaml.forebay-17", true),
            (".Dockerfile.forebay-new", false),
            (".forebay-17", false),
            ("Dockerfile.forebay-17", false),
            (".forebay-rewrite.json", false),
        ] {
            assert_eq!(is_staged(Path::new(name)), is_left, "{name}");
        }
    }

    #[test]
    fn only_what_was_left_beside_these_files_is_taken_away() {
        let (_held, folder) = folder();
        for name in [".a.forebay-1", ".b.forebay-1", ".a.forebay-x", "a"] {
            fs::write(folder.join(name), "").unwrap();
        }
        remove_staged(&BTreeSet::from([folder.join("a")]));
        assert!(!folder.join(".a.forebay-1").exists());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 3);
    }
}

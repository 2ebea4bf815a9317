//! Links to files within the folders that were named: what deploys a folder reads them as its own.
//!
//! Links to folders are left, as `kubectl apply -f` leaves them: they may lead round in circles.

use std::fs;
use std::path::PathBuf;

use forebay_rewrite::Format;

use crate::commands::files::is_skipped;

/// The most links of one run.
const MAX_LINKS: usize = 10_000;

/// The most folders that are looked through.
const MAX_FOLDERS: usize = 1_000_000;

/// Links that were found.
pub(super) struct Links {
    /// In the order of their names.
    pub(super) paths: Vec<PathBuf>,
    /// Why there may be more of them, if there may be.
    pub(super) unread: Option<String>,
}

/// The links below these paths whose names are of a format that names images. What cannot be read is left out: whoever reads the
/// files tells of it.
pub(super) fn links_below(paths: &[PathBuf]) -> Links {
    links_within(paths, (MAX_LINKS, MAX_FOLDERS))
}

/// The same, up to so many links and folders.
fn links_within(paths: &[PathBuf], (most_links, most_folders): (usize, usize)) -> Links {
    let mut links = Vec::new();
    let mut folders: Vec<PathBuf> = paths.iter().filter(|path| path.is_dir()).cloned().collect();
    let mut looked = 0;
    let mut unread = None;
    while let Some(folder) = folders.pop() {
        if looked == most_folders || links.len() >= most_links {
            unread = Some(format!(
                "more than {most_links} links or {most_folders} folders: links in the rest are not read: name fewer folders"
            ));
            break;
        }
        looked += 1;
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            if kind.is_dir() && !is_skipped(&entry.file_name()) {
                folders.push(entry.path());
            } else if kind.is_symlink() && is_named_so(&entry.file_name().to_string_lossy()) {
                links.push(entry.path());
            }
        }
    }
    links.retain(|link| link.is_file());
    links.sort();
    Links {
        paths: links,
        unread,
    }
}

fn is_named_so(name: &str) -> bool {
    Format::sniff(name, "").is_some_and(|format| format != Format::Markdown)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_that_are_not_looked_for_are_told() {
        let top = tempfile::tempdir().expect("a folder");
        for folder in ["a", "b"] {
            let folder = top.path().join(folder);
            fs::create_dir(&folder).expect("a folder");
            fs::write(folder.join("own.yaml"), "").expect("a file");
            symlink("own.yaml", folder.join("link.yaml")).expect("a link");
        }
        let paths = [top.path().to_owned()];
        for (limits, count, is_all) in [
            ((2, 3), 2, true),
            ((1, 3), 1, false),
            ((2, 2), 1, false),
            ((2, 1), 0, false),
        ] {
            let links = links_within(&paths, limits);
            let found = (links.paths.len(), links.unread.is_none());
            assert_eq!(found, (count, is_all), "{limits:?}");
        }
    }
}

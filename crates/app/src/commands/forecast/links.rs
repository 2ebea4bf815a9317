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

/// The links below these paths whose names are of a format that names images, in the order of their names. What cannot be read
/// is left out: whoever reads the files tells of it.
pub(super) fn links_below(paths: &[PathBuf]) -> Vec<PathBuf> {
    let mut links = Vec::new();
    let mut folders: Vec<PathBuf> = paths.iter().filter(|path| path.is_dir()).cloned().collect();
    let mut looked = 0;
    while let Some(folder) = folders.pop() {
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
        if looked == MAX_FOLDERS || links.len() >= MAX_LINKS {
            break;
        }
    }
    links.retain(|link| link.is_file());
    links.sort();
    links
}

fn is_named_so(name: &str) -> bool {
    Format::sniff(name, "").is_some_and(|format| format != Format::Markdown)
}

//! The files below what was named, and what is read of them to find images.
//!
//! Folders are walked whole, hidden ones too: `.github` holds workflows. Left out are what version control and package
//! managers keep, and links: what a link within the tree leads to is found at its own place, and what lies outside was not
//! named. A folder that was named itself is walked whatever it is.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use forebay_rewrite::{Format, MAX_FILE_BYTES};
use forebay_terminal::Failure;
use forebay_terminal::plain_file::open;

/// Folders that hold copies of others' work, or history.
const SKIPPED: [&str; 10] = [
    ".git",
    ".hg",
    ".nox",
    ".svn",
    ".terraform",
    ".terragrunt-cache",
    ".tox",
    "__pycache__",
    "node_modules",
    "site-packages",
];

/// What marks a folder of any name as an environment of Python's.
const PYTHON_MARK: &str = "pyvenv.cfg";

/// What Go and PHP's Composer leave in the `vendor` that is theirs; another one may be anybody's.
const VENDOR_MARKS: [&str; 2] = ["modules.txt", "autoload.php"];

/// The most files of one run.
const MAX_FILES: usize = 1_000_000;

/// What tells that a folder is a Helm chart.
const CHART: &str = "Chart.yaml";

/// The most templates of one chart that are read beside its values.
const MAX_TEMPLATES: usize = 1_000;

/// How much of each.
const MAX_TEMPLATE_BYTES: u64 = 1 << 20;

/// How much of a file is read to see what it is, where its name does not say.
const HEAD_BYTES: u64 = 4096;

/// All files of these paths and below them, each once, in the order of their names.
///
/// # Errors
/// What was named is not there, or a folder cannot be read.
pub(super) fn files_below(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        let failed = |error| Failure::failed(format!("cannot read {}", path.display()), error);
        // A link that was named is meant.
        let about = fs::metadata(path).map_err(failed)?;
        if about.is_dir() {
            walk(path, &mut files)?;
        } else {
            files.push(path.clone());
        }
    }
    files.sort();
    files.dedup();
    if files.len() > MAX_FILES {
        return Err(Failure::plain(format!(
            "there are more than {MAX_FILES} files: name the folders that matter"
        )));
    }
    Ok(files)
}

/// What is in a file that may name images; `None` if it is of no format that does.
pub(super) fn read_named(path: &Path, has_markdown: bool) -> io::Result<Option<Vec<u8>>> {
    let name = path.to_string_lossy();
    let known = Format::sniff(&name, "");
    if known == Some(Format::Markdown) && !has_markdown {
        return Ok(None);
    }
    let file = open(path)?;
    let is_large = file.metadata()?.len() > MAX_FILE_BYTES as u64;
    let mut content = Vec::new();
    let mut file = file.take(MAX_FILE_BYTES as u64 + 1);
    if known.is_none() {
        (&mut file).take(HEAD_BYTES).read_to_end(&mut content)?;
        let head = String::from_utf8_lossy(&content);
        if is_large || head.contains('\0') || Format::sniff(&name, &head).is_none() {
            return Ok(None);
        }
    }
    file.read_to_end(&mut content)?;
    Ok(Some(content))
}

/// The files beside this one that its format takes values from. A Helm template is one by what it holds, and a chart's
/// values are images where its templates say so.
pub(super) fn near(path: &Path, content: &[u8]) -> BTreeMap<String, String> {
    let mut near = BTreeMap::new();
    let text = std::str::from_utf8(content).unwrap_or_default();
    let format = Format::sniff(&path.to_string_lossy(), text);
    let folder = path.parent().unwrap_or(Path::new(""));
    for name in format.map_or(&[][..], Format::companions) {
        let companion = folder.join(name);
        if companion != path
            && let Ok(file) = open(&companion)
        {
            let mut text = String::new();
            let read = file.take(MAX_FILE_BYTES as u64).read_to_string(&mut text);
            if read.is_ok() {
                near.insert((*name).to_owned(), text);
            }
        }
    }
    if format == Some(Format::Yaml) && near.contains_key(CHART) {
        add_templates(folder, &mut near);
    }
    near
}

/// Reads a chart's templates; what cannot be read is left out, and told when it is read for itself.
fn add_templates(chart: &Path, near: &mut BTreeMap<String, String>) {
    let mut files = Vec::new();
    if walk(&chart.join(Format::CHART_TEMPLATES), &mut files).is_err() {
        return;
    }
    files.sort();
    for file in files.into_iter().take(MAX_TEMPLATES) {
        let Ok(name) = file.strip_prefix(chart) else {
            continue;
        };
        let Ok(template) = open(&file) else {
            continue;
        };
        let mut text = String::new();
        if template
            .take(MAX_TEMPLATE_BYTES)
            .read_to_string(&mut text)
            .is_ok()
        {
            let name = name.to_string_lossy().replace('\\', "/");
            near.insert(name, text);
        }
    }
}

/// Whether a folder of this name is left out, unless it was named itself.
pub(super) fn is_skipped(name: &OsStr) -> bool {
    SKIPPED.iter().any(|skipped| name == *skipped)
}

/// All files below a folder.
fn walk(top: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let mut folders = vec![top.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let failed = |error| Failure::failed(format!("cannot read {}", folder.display()), error);
        let is_vendor = folder.file_name().is_some_and(|name| name == "vendor");
        let (first, mut is_copy) = (files.len(), false);
        let mut inner = Vec::new();
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if folder == top => return Err(failed(error)),
            // It stands for what is in it: who reads it meets the same, tells it, and goes on with the others.
            Err(_) => {
                files.push(folder);
                continue;
            }
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            let is_any = |names: &[&str]| names.iter().any(|name| entry.file_name() == *name);
            if kind.is_file() {
                is_copy |= is_any(&[PYTHON_MARK]) || is_vendor && is_any(&VENDOR_MARKS);
                files.push(entry.path());
            } else if kind.is_dir() && !is_skipped(&entry.file_name()) {
                inner.push(entry.path());
            }
            if files.len() > MAX_FILES {
                return Ok(());
            }
        }
        if is_copy && folder != top {
            files.truncate(first);
        } else {
            folders.extend(inner);
        }
    }
    Ok(())
}

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

use forebay_rewrite::{
    Format, MAX_FILE_BYTES, PULUMI_FOLDERS, Settings, beside_compose, beside_source,
    beside_workflow, is_pulumi_config,
};
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

/// A chart's own values.
const VALUES: &str = "values.yaml";

/// The most files of one chart that are read beside its values.
const MAX_TEMPLATES: usize = 1_000;

/// What is larger is none.
const MAX_TEMPLATE_BYTES: usize = 1 << 20;

/// The most files of values that are read beside the own ones of a chart and those around it.
const MAX_VALUES: usize = 64;

/// How deep charts lie in others.
const MAX_CHARTS: usize = 8;

/// How many folders above a file its chart is looked for.
const MAX_ABOVE: usize = 2;

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

/// The files beside this one that its format takes values from.
pub(super) fn near(path: &Path, content: &[u8]) -> Settings {
    near_by(path, content, &mut read_beside)
}

/// The text of a file beside another; `None` where there is none that can be read.
pub(super) fn read_beside(path: &Path) -> Option<String> {
    let mut text = String::new();
    let file = open(path).ok()?;
    let read = file.take(MAX_FILE_BYTES as u64).read_to_string(&mut text);
    read.is_ok().then_some(text)
}

/// The files beside this one that its format takes values from, as `read` tells them. A Helm template is one by what it holds,
/// and a chart's values are images where its templates say so.
pub(super) fn near_by(
    path: &Path,
    content: &[u8],
    read: &mut dyn FnMut(&Path) -> Option<String>,
) -> Settings {
    let mut near = BTreeMap::new();
    let text = std::str::from_utf8(content).unwrap_or_default();
    let format = Format::sniff(&path.to_string_lossy(), text);
    let folder = path.parent().unwrap_or(Path::new(""));
    let fixed = format.map_or(&[][..], Format::companions).iter();
    let mut names: Vec<String> = fixed.map(|name| (*name).to_owned()).collect();
    if format == Some(Format::Yaml) {
        names.extend(beside_compose(text));
        names.extend(beside_workflow(&path.to_string_lossy(), text));
    }
    if let Some(format) = format {
        let (contexts, is_pulumi) = beside_source(format, text);
        names.extend(contexts.iter().map(|name| (*name).to_owned()));
        if is_pulumi {
            names.extend(pulumi_config(folder));
        }
    }
    for name in names {
        let companion = folder.join(&name);
        if companion != path
            && let Some(text) = read(&companion)
        {
            near.insert(name, text);
        }
    }
    let mut left_off = 0;
    if format == Some(Format::Yaml)
        && let Some(chart) = chart_of(path, near.contains_key(CHART))
    {
        left_off = add_chart((path, &chart), &mut near, read);
    }
    Settings {
        near,
        left_off,
        ..Settings::default()
    }
}

/// The files of Pulumi's configuration for a program in this folder, by their paths from there.
fn pulumi_config(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for above in PULUMI_FOLDERS {
        let entries = fs::read_dir(Path::new(".").join(folder).join(above));
        let entries = entries.into_iter().flatten().flatten();
        let own = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let own = own.filter(|name| is_pulumi_config(name));
        names.extend(own.map(|name| format!("{above}{name}")).take(MAX_VALUES));
    }
    names.sort();
    names
}

/// The folder of the chart that a file has values for: its own folder's, or one above a file that is called so.
fn chart_of(path: &Path, has_chart: bool) -> Option<PathBuf> {
    let folder = path.parent().unwrap_or(Path::new(""));
    if has_chart {
        return Some(folder.to_path_buf());
    }
    let name = path.file_name()?.to_string_lossy();
    let above = folder.ancestors().skip(1).take(MAX_ABOVE);
    let mut charts = above.filter(|_| Format::is_values(&name));
    let chart = charts.find(|folder| folder.join(CHART).is_file());
    chart.map(Path::to_path_buf)
}

/// Reads a chart's values, its templates, the same of the charts in it, and the values of those that it is in, by their paths from
/// it; what cannot be read is left out, and told when it is read for itself. How many overlays there are too many.
fn add_chart(
    (path, chart): (&Path, &Path),
    near: &mut BTreeMap<String, String>,
    read: &mut dyn FnMut(&Path) -> Option<String>,
) -> usize {
    let name = |file: &Path, folder: &Path| {
        let name = file.strip_prefix(folder).ok()?;
        Some(name.to_string_lossy().replace('\\', "/"))
    };
    let mut files = Vec::new();
    for folder in [Format::CHART_TEMPLATES, Format::CHARTS] {
        // One that is not there has nothing.
        let _ = walk(&chart.join(folder), &mut files);
    }
    files.sort();
    let named = files.into_iter().filter_map(|file| {
        let name = name(&file, chart)?;
        Some((file, name))
    });
    let of_charts = named.filter(|(_, name)| Format::is_of_chart(name));
    let (mut values, mut overlays) = (Vec::new(), Vec::new());
    let (mut outer, mut before) = (Some(chart.to_path_buf()), String::new());
    while let Some(folder) = outer {
        let own = [CHART, VALUES].map(|name| (folder.join(name), format!("{before}{name}")));
        values.extend(own);
        overlays.extend(overlays_of(&folder).into_iter().filter_map(|file| {
            let name = format!("{before}{}", name(&file, &folder)?);
            Some((file, name))
        }));
        before.push_str("../../");
        outer = outer_chart(&folder).filter(|_| before.len() < MAX_CHARTS * "../../".len());
    }
    overlays.retain(|(file, _)| file != path);
    let left_off = overlays.len().saturating_sub(MAX_VALUES);
    overlays.truncate(MAX_VALUES);
    values.extend(overlays);
    for (file, name) in values.into_iter().chain(of_charts.take(MAX_TEMPLATES)) {
        if file == path {
            continue;
        }
        if let Some(text) = read(&file).filter(|text| text.len() <= MAX_TEMPLATE_BYTES) {
            near.insert(name, text);
        }
    }
    left_off
}

/// The folder of the chart that one is a part of.
fn outer_chart(chart: &Path) -> Option<PathBuf> {
    let charts = chart.parent().filter(|folder| folder.ends_with("charts"))?;
    let outer = charts.parent()?;
    outer.join(CHART).is_file().then(|| outer.to_path_buf())
}

/// The files of values that go before a chart's own, in folders of their own too.
fn overlays_of(chart: &Path) -> Vec<PathBuf> {
    let own = chart.join(VALUES);
    let mut files = Vec::new();
    let is_part = |name: &OsStr| {
        let parts = [Format::CHART_TEMPLATES, Format::CHARTS];
        parts.iter().any(|part| Path::new(part) == Path::new(name))
    };
    let mut folders = vec![(chart.to_path_buf(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let is_own = depth == 0 || !folder.join(CHART).is_file();
        let here = if folder == Path::new("") {
            Path::new(".")
        } else {
            &folder
        };
        let entries = fs::read_dir(here).into_iter().filter(|_| is_own);
        for entry in entries.flatten().flatten() {
            let name = entry.file_name();
            let file = folder.join(&name);
            match entry.file_type() {
                Ok(kind) if !kind.is_dir() && Format::is_values(&name.to_string_lossy()) => {
                    // What a link leads to holds as much.
                    files.extend((file != own && file.is_file()).then_some(file));
                }
                Ok(kind) if kind.is_dir() && depth < MAX_ABOVE => {
                    let is_left = is_part(&name) || is_skipped(&name);
                    folders.extend((!is_left).then_some((file, depth + 1)));
                }
                _ => {}
            }
        }
    }
    files.sort();
    files
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

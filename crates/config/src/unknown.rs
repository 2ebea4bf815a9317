//! Keys of the file that are no keys: each is told with the one that was probably meant.

use super::error::{ConfigProblem, Problems};
use super::file::{NAME, SECTIONS, SectionInfo};
use super::nearest::find_nearest;
use super::node::{Entry, Raw};
use super::section::dotted;

/// Checks that every key of the file is one of a section, and every section a table.
pub(super) fn check_keys(file: &[Entry], problems: &mut Problems) {
    let top = section(&[]);
    for entry in file {
        if entry.key == "upstreams" {
            let Some(upstreams) = table(entry, &["upstreams"], problems) else {
                continue;
            };
            for upstream in upstreams {
                check_section(upstream, &["upstreams", &upstream.key], problems);
            }
        } else if SECTIONS
            .iter()
            .any(|section| section.path == [entry.key.as_str()])
        {
            check_section(entry, &[&entry.key], problems);
        } else if !has(top, &entry.key) {
            problems.doubt(&[]);
            problems.push(unknown(entry, &[]));
        }
    }
}

fn check_section(entry: &Entry, path: &[&str], problems: &mut Problems) {
    let Some(entries) = table(entry, path, problems) else {
        return;
    };
    let section = section(path);
    for entry in entries.iter().filter(|entry| !has(section, &entry.key)) {
        // Any of the section's keys may be meant.
        problems.doubt(path);
        problems.push(unknown(entry, path));
    }
}

fn table<'a>(entry: &'a Entry, path: &[&str], problems: &mut Problems) -> Option<&'a [Entry]> {
    if let Raw::Table(entries) = &entry.node.raw {
        return Some(entries);
    }
    problems.doubt(path);
    let (name, kind) = (dotted(path), entry.node.raw.kind());
    let what = format!("`{name}` is {kind}, wanted a section");
    let problem = ConfigProblem::new(&entry.origin, what);
    let header = match name.as_str() {
        "upstreams" => "upstreams.\"NAME\"",
        name => name,
    };
    problems.push(problem.hint(format!(
        "write [{header}] on a line of its own, its keys below"
    )));
    None
}

/// The section of a path; an upstream's whatever its name.
fn section(path: &[&str]) -> &'static SectionInfo {
    let is_it = |section: &&SectionInfo| {
        section.path.len() == path.len()
            && section
                .path
                .iter()
                .zip(path)
                .all(|(one, other)| one == other || *one == NAME)
    };
    // Callers come with paths of sections; the top level answers for any other.
    SECTIONS.iter().find(is_it).unwrap_or(&SECTIONS[0])
}

fn has(section: &SectionInfo, key: &str) -> bool {
    section.keys.iter().any(|known| known.name == key)
}

fn unknown(entry: &Entry, path: &[&str]) -> ConfigProblem {
    let key = entry.key.as_str();
    let place = match path {
        [] => String::new(),
        path => format!(" in [{}]", dotted(path)),
    };
    let problem = ConfigProblem::new(
        &entry.origin,
        format!("unknown key `{}`{place}", dotted(&[key])),
    );
    if let (["upstreams", name], Raw::Table(_)) = (path, &entry.node.raw) {
        return problem.hint(format!(
            "a name with dots stands in quotes: [upstreams.\"{name}.{key}\"]"
        ));
    }
    if let Some(home) = SECTIONS.iter().find(|section| has(section, key)) {
        return problem.hint(match home.path {
            [] => format!("`{key}` belongs at the top of the file, before the first [section]"),
            path => format!("`{key}` belongs in [{}]", path.join(".")),
        });
    }
    let keys = section(path).keys.iter().map(|known| known.name);
    let sections = SECTIONS
        .iter()
        .filter_map(|section| section.path.first().copied());
    let sections = sections.filter(|_| path.is_empty());
    if let Some(nearest) = find_nearest(key, keys.clone().chain(sections.clone())) {
        return problem.hint(format!("the nearest key is `{nearest}`"));
    }
    let keys: Vec<String> = keys
        .map(str::to_owned)
        .chain(sections.map(|section| format!("[{section}]")))
        .collect();
    problem.hint(format!("the keys there are {}", keys.join(", ")))
}

//! Reads every layer into a [`FileConfig`]: the file, the environment, the flags.
//!
//! Anything that maps to no key is an error with its place; nothing is skipped.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use super::Sources;
use super::bounded_file::read_at_most;
use super::builtin::{BUILTINS, find_builtin};
use super::env::variable_name;
use super::error::{ConfigErrors, ConfigProblem, Problems};
use super::file::{FileConfig, NAME, SECTIONS, UpstreamFile};
use super::layers::{KeyPath, Layers, untyped};
use super::names::check_upstream_name;
use super::nearest::find_nearest;
use super::node::{Entry, read_document};
use super::origin::Origin;
use super::section::{Reader, Section};
use super::unknown::check_keys;

/// The longest configuration file, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Reads what was written anywhere, with the defaults in place of what is wrong, and what that is.
///
/// # Errors
/// There is nothing to read.
pub(super) fn read(sources: &Sources) -> Result<(FileConfig, Problems), ConfigErrors> {
    let mut problems = Problems::default();
    let file = match &sources.file {
        Some(path) => read_file(path, &mut problems)?,
        None => Vec::new(),
    };
    let mut layers = Layers {
        file,
        overrides: BTreeMap::new(),
    };
    // Where its grammar is broken, as by a header that is not closed, it is not known of which section a key is.
    if !problems.is_doubtful(&[]) {
        check_keys(&layers.file, &mut problems);
    }
    let names = upstream_names(&layers, &mut problems);
    add_variables(sources, &names, &mut layers, &mut problems);
    add_flags(sources, &mut layers);
    let config = read_sections(&layers, &names, &mut problems);
    Ok((config, problems))
}

fn read_file(path: &Path, problems: &mut Problems) -> Result<Vec<Entry>, ConfigErrors> {
    let told = |why: String| {
        let what = format!("cannot read {}: {why}", path.display());
        ConfigErrors::from(ConfigProblem::new(&Origin::Default, what))
    };
    let unread = |error: io::Error| {
        let what = format!("cannot read {}: {error}", path.display());
        ConfigErrors::from(ConfigProblem::unread(&Origin::Default, what, &error))
    };
    let bytes = read_at_most(path, MAX_FILE_BYTES + 1).map_err(unread)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(told(format!("it is longer than {MAX_FILE_BYTES} bytes")));
    }
    let text = String::from_utf8(bytes).map_err(|_| told("it is not UTF-8".to_owned()))?;
    // Some editors put a byte order mark first, of which TOML knows nothing.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Ok(read_document(text, path, problems))
}

/// The names of all upstreams, built in and written, those that are no names left out.
fn upstream_names(layers: &Layers, problems: &mut Problems) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = BUILTINS.iter().map(|b| b.name.to_owned()).collect();
    for entry in layers.upstream_entries() {
        match check_upstream_name(&entry.key) {
            Ok(()) => {
                names.insert(entry.key.clone());
            }
            Err(wrong) => {
                problems.doubt(&["upstreams"]);
                problems.push(wrong.of("the upstream's name", &entry.origin));
            }
        }
    }
    names
}

/// Maps each variable of ours to the key whose mechanical name it is.
fn add_variables(
    sources: &Sources,
    names: &BTreeSet<String>,
    layers: &mut Layers,
    problems: &mut Problems,
) {
    let known = variables(names);
    for (variable, text) in sources.environment.settings() {
        let origin = Origin::Environment(variable.to_owned());
        match known.get(variable).map(Vec::as_slice) {
            Some([path]) => {
                layers.overrides.insert(path.clone(), untyped(text, origin));
            }
            Some(several) => {
                problems.doubt(&["upstreams"]);
                let meant: Vec<&str> = several.iter().map(|path| path[1].as_str()).collect();
                let what = format!("means several upstreams: {}", meant.join(", "));
                let problem = ConfigProblem::new(&origin, what);
                problems.push(problem.hint("write the key in the file"));
            }
            None => {
                problems.doubt(&[]);
                problems.push(unknown_variable(variable, &origin, &known, names));
            }
        }
    }
    for variable in sources.environment.unreadable() {
        let origin = Origin::Environment(variable.clone());
        problems.doubt(&[]);
        problems.push(ConfigProblem::new(&origin, "is not UTF-8"));
    }
}

/// What begins the variables of upstreams' keys.
const UPSTREAM_VARIABLES: &str = "FOREBAY_UPSTREAMS__";

/// How many slips away a name may be to be offered for another.
const MAX_SLIPS: usize = 2;

/// A variable that is no key's, with what was probably meant.
fn unknown_variable(
    variable: &str,
    origin: &Origin,
    known: &BTreeMap<String, Vec<KeyPath>>,
    names: &BTreeSet<String>,
) -> ConfigProblem {
    let problem = ConfigProblem::new(origin, "is the variable of no key");
    if variable.ends_with("_PORT") {
        return problem
            .hint("the address and port to listen on are FOREBAY_LISTEN, such as 127.0.0.1:5000");
    }
    let prefix = |name: &String| variable_name(["upstreams", name]);
    let is_of = |name: &String| variable.starts_with(&format!("{}__", prefix(name)));
    if let Some(rest) = variable.strip_prefix(UPSTREAM_VARIABLES)
        && !names.iter().any(is_of)
    {
        let told = rest.split("__").next().unwrap_or_default();
        let told = format!("{UPSTREAM_VARIABLES}{told}");
        let is_near =
            |name: &&String| strsim::damerau_levenshtein(&told, &prefix(name)) <= MAX_SLIPS;
        let problem = match names.iter().find(is_near) {
            Some(near) => problem.hint(format!("the nearest upstream is {near:?}")),
            None => problem,
        };
        return problem.hint("variables are for built-in upstreams and those that the file names: write [upstreams.\"…\"] there");
    }
    match find_nearest(variable, known.keys().map(String::as_str)) {
        Some(nearest) => problem.hint(format!("the nearest is {nearest}")),
        None => problem.hint(
            "`forebay config show` lists the keys; cache.max_size is FOREBAY_CACHE__MAX_SIZE",
        ),
    }
}

/// Every variable there can be, with the key or keys that it means.
fn variables(names: &BTreeSet<String>) -> BTreeMap<String, Vec<KeyPath>> {
    let mut known: BTreeMap<String, Vec<KeyPath>> = BTreeMap::new();
    for section in &SECTIONS {
        let paths: Vec<KeyPath> = if section.path.contains(&NAME) {
            let upstream = |name: &String| vec!["upstreams".to_owned(), name.clone()];
            names.iter().map(upstream).collect()
        } else {
            vec![section.path.iter().map(|part| (*part).to_owned()).collect()]
        };
        for mut path in paths {
            for key in section.keys {
                path.push(key.name.to_owned());
                let variable = variable_name(path.iter().map(String::as_str));
                known.entry(variable).or_default().push(path.clone());
                path.pop();
            }
        }
    }
    known
}

fn add_flags(sources: &Sources, layers: &mut Layers) {
    let flags = [
        ("--listen", "listen", &sources.flags.listen),
        ("--data", "data", &sources.flags.data),
    ];
    for (flag, key, text) in flags {
        if let Some(text) = text {
            let node = untyped(text, Origin::Flag(flag));
            layers.overrides.insert(vec![key.to_owned()], node);
        }
    }
}

fn read_sections(layers: &Layers, names: &BTreeSet<String>, problems: &mut Problems) -> FileConfig {
    let upstreams = names.iter().map(|name| {
        let path = vec!["upstreams".to_owned(), name.clone()];
        let defaults = upstream_defaults(name);
        let upstream: UpstreamFile = read_section(layers, problems, path, defaults);
        (name.clone(), upstream)
    });
    let upstreams = upstreams.collect();
    FileConfig {
        top: plain_section(layers, problems, &[]),
        upstreams,
        clients: plain_section(layers, problems, &["clients"]),
        cache: plain_section(layers, problems, &["cache"]),
        budget: plain_section(layers, problems, &["budget"]),
        ledger: plain_section(layers, problems, &["ledger"]),
        alerts: plain_section(layers, problems, &["alerts"]),
        log: plain_section(layers, problems, &["log"]),
        server: plain_section(layers, problems, &["server"]),
        tls: plain_section(layers, problems, &["tls"]),
        access: plain_section(layers, problems, &["access"]),
    }
}

/// What holds for this upstream where nothing was written.
fn upstream_defaults(name: &str) -> Vec<(&'static str, String)> {
    find_builtin(name)
        .map(|builtin| {
            vec![
                ("url", builtin.url.to_owned()),
                ("token_hosts", builtin.token_hosts.join(",")),
            ]
        })
        .unwrap_or_default()
}

fn plain_section<S: Section>(layers: &Layers, problems: &mut Problems, path: &[&str]) -> S {
    let path = path.iter().map(|part| (*part).to_owned()).collect();
    read_section(layers, problems, path, Vec::new())
}

fn read_section<S: Section>(
    layers: &Layers,
    problems: &mut Problems,
    path: KeyPath,
    defaults: Vec<(&'static str, String)>,
) -> S {
    S::read(&mut Reader {
        layers,
        problems,
        path,
        defaults,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_before_the_file_is_no_part_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, "\u{feff}listen = \"127.0.0.1:5001\"\n").unwrap();
        let mut problems = Problems::default();
        let entries = read_file(&path, &mut problems).unwrap();
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].key, "listen");
    }
}

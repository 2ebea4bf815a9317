//! Has kustomizations find images under the names that the same run gives them in their resources.
//!
//! kustomize compares names as they are written: one that was rewritten in a resource alone would keep the tag that it has there,
//! and nobody would be told.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Component, Path, PathBuf};

use forebay_rewrite::rules::NamedLookup;

use super::files::{Planned, PlannedFile};

/// How deeply files follow files that follow.
const MAX_DEPTH: usize = 64;

/// An image that has another name afterwards.
struct Renamed {
    /// The file's path, made straight.
    path: PathBuf,
    /// The file's number among those that were planned.
    number: usize,
    /// Names as they are written, without tags.
    from: String,
    to: String,
    /// Whether it takes the place of what is found in other files, rather than being found.
    is_entry: bool,
}

/// What the images of some files are called afterwards, and in which files, by what they are called now.
type NewNames<'a> = BTreeMap<&'a str, BTreeMap<&'a str, BTreeSet<usize>>>;

/// What kustomizations are made of, by their folders.
type MadeOf = HashMap<PathBuf, Vec<PathBuf>>;

/// Changes the names by which files find images in others, where those change.
pub(super) fn follow_names(planned: &mut Planned) {
    if planned
        .files
        .iter()
        .all(|file| file.plan.lookups.is_empty())
    {
        return;
    }
    let files = planned.files.iter().enumerate();
    let mut all: Vec<Renamed> = files.flat_map(renamed).collect();
    // By path, so that all that lie in a folder stand together.
    all.sort_by(|a, b| a.path.cmp(&b.path));
    let made_of: MadeOf = planned.files.iter().filter_map(own_resources).collect();
    for (number, file) in planned.files.iter_mut().enumerate() {
        let lookups = std::mem::take(&mut file.plan.lookups);
        if lookups.is_empty() {
            continue;
        }
        let names = new_names(&all, &resources(file, &made_of), number);
        for lookup in lookups {
            follow((number, file), &lookup, &names);
        }
    }
}

/// The numbers of the files, each behind those that it follows.
pub(super) fn followers_last(files: &[PlannedFile]) -> Vec<usize> {
    let mut depths = vec![0_usize; files.len()];
    // Deeper than this are those that follow each other.
    for _ in 0..MAX_DEPTH {
        let mut is_settled = true;
        for (number, file) in files.iter().enumerate() {
            let depth = file.follows.iter().map(|other| depths[*other] + 1).max();
            let depth = depth.unwrap_or(0).min(MAX_DEPTH);
            is_settled &= depth == depths[number];
            depths[number] = depth;
        }
        if is_settled {
            break;
        }
    }
    let mut numbers: Vec<usize> = (0..files.len()).collect();
    numbers.sort_by_key(|number| depths[*number]);
    numbers
}

/// The folder of a kustomization, and what it is made of.
fn own_resources(file: &PlannedFile) -> Option<(PathBuf, Vec<PathBuf>)> {
    let folder = straight(file.path.parent()?);
    let paths = file.plan.resources.iter();
    let paths: Vec<PathBuf> = paths.map(|path| straight(&folder.join(path))).collect();
    (!paths.is_empty()).then_some((folder, paths))
}

/// Where a file finds images: itself, files and folders, those with what others are made of that are among them; none within
/// another.
fn resources(file: &PlannedFile, made_of: &MadeOf) -> Vec<PathBuf> {
    let mut paths = BTreeSet::from([straight(&file.path)]);
    let mut next: Vec<PathBuf> = own_resources(file)
        .map(|(_, paths)| paths)
        .unwrap_or_default();
    while let Some(path) = next.pop() {
        let inner = made_of.get(&path).into_iter().flatten().cloned();
        if !paths.contains(&path) {
            next.extend(inner);
            paths.insert(path);
        }
    }
    let mut outer: Vec<PathBuf> = Vec::new();
    for path in paths {
        if !outer.last().is_some_and(|outer| path.starts_with(outer)) {
            outer.push(path);
        }
    }
    outer
}

/// What is called otherwise afterwards in these resources, without what the file that looks for it puts in its place.
fn new_names<'a>(all: &'a [Renamed], resources: &[PathBuf], own: usize) -> NewNames<'a> {
    let mut names = NewNames::new();
    for resource in resources {
        let first = all.partition_point(|one| one.path < *resource);
        let within = all[first..].iter();
        let within = within.take_while(|one| one.path.starts_with(resource));
        for one in within.filter(|one| one.number != own || !one.is_entry) {
            let to = names.entry(&one.from).or_default();
            to.entry(&one.to).or_default().insert(one.number);
        }
    }
    names
}

/// The images of a Kubernetes manifest or a kustomization that get other names.
fn renamed((number, file): (usize, &PlannedFile)) -> Vec<Renamed> {
    let is_manifest = file.text.contains("apiVersion") || !file.plan.lookups.is_empty();
    let changes = file.plan.changes.iter().filter(|_| is_manifest);
    let entries: BTreeSet<usize> = file.plan.lookups.iter().map(|one| one.entry_line).collect();
    let names = changes.filter(|change| change.images().is_some());
    let names = names.map(|change| Renamed {
        path: straight(&file.path),
        number,
        from: change.name.clone(),
        to: change.new_name().to_owned(),
        is_entry: entries.contains(&change.line),
    });
    names.collect()
}

fn follow((number, file): (usize, &mut PlannedFile), lookup: &NamedLookup, names: &NewNames<'_>) {
    let mut names = names.get(lookup.from.as_str()).into_iter().flatten();
    let why = match (names.next(), names.next()) {
        (Some((name, files)), None) => match file.plan.follow(lookup, name) {
            Ok(()) => {
                return file
                    .follows
                    .extend(files.iter().filter(|file| **file != number));
            }
            Err(refusal) => refusal.to_string(),
        },
        (Some(_), Some(_)) => "it has several names there afterwards".to_owned(),
        (None, _) if lookup.is_changed => {
            "no resource of it that was read changes with it".to_owned()
        }
        (None, _) => return,
    };
    file.plan.notes.push(format!(
        "line {}: kustomize finds {} in the resources by the name that stands here, which stays: {why}",
        lookup.line, lookup.from
    ));
}

/// A path without `.` and `..`, as far as it has folders to go up from.
pub(super) fn straight(path: &Path) -> PathBuf {
    let mut straight = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if straight.file_name().is_some_and(|name| name != "..") => {
                straight.pop();
            }
            part => straight.push(part),
        }
    }
    straight
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_goes_straight() {
        for (path, expected) in [
            ("./a/../b/./c.yaml", "b/c.yaml"),
            ("../a/../../b", "../../b"),
            ("/a/../../b", "/../b"),
        ] {
            assert_eq!(straight(Path::new(path)), Path::new(expected));
        }
    }
}

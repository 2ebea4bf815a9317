//! Has kustomizations find images under the names that the same run gives them in their resources.
//!
//! kustomize compares names as they are written: one that was rewritten in a resource alone would keep the tag that it has there,
//! and nobody would be told.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use forebay_rewrite::rules::{Image, NamedLookup};

use super::files::{Planned, PlannedFile};

/// An image that has another name afterwards.
struct Renamed {
    file: PathBuf,
    from: String,
    to: String,
}

/// Changes the names by which files find images in others, where those change.
pub(super) fn follow_names(planned: &mut Planned) {
    if planned
        .files
        .iter()
        .all(|file| file.plan.lookups.is_empty())
    {
        return;
    }
    let renamed: Vec<Renamed> = planned.files.iter().flat_map(renamed).collect();
    for file in &mut planned.files {
        let own = straight(&file.path);
        let folder = own.parent().unwrap_or(Path::new(""));
        let resources = file.plan.resources.iter();
        let resources: Vec<PathBuf> = resources.map(|path| straight(&folder.join(path))).collect();
        let is_resource = |one: &&Renamed| {
            one.file != own && resources.iter().any(|path| one.file.starts_with(path))
        };
        let near: Vec<&Renamed> = renamed.iter().filter(is_resource).collect();
        for lookup in std::mem::take(&mut file.plan.lookups) {
            follow(file, &lookup, &near);
        }
    }
}

/// The images of a Kubernetes manifest or a kustomization that get other names.
fn renamed(file: &PlannedFile) -> Vec<Renamed> {
    let is_manifest = file.text.contains("apiVersion") || !file.plan.lookups.is_empty();
    let changes = file.plan.changes.iter().filter(|_| is_manifest);
    let names = changes.filter_map(|change| {
        let (from, to): (Image, Image) = (change.from.parse().ok()?, change.to.parse().ok()?);
        Some(Renamed {
            file: straight(&file.path),
            from: from.place(),
            to: to.place(),
        })
    });
    names.collect()
}

fn follow(file: &mut PlannedFile, lookup: &NamedLookup, near: &[&Renamed]) {
    let names = near.iter().filter(|one| one.from == lookup.from);
    let names: BTreeSet<&str> = names.map(|one| one.to.as_str()).collect();
    let mut names = names.into_iter();
    let why = match (names.next(), names.next()) {
        (Some(name), None) => match file.plan.follow(lookup, name) {
            Ok(()) => return,
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
fn straight(path: &Path) -> PathBuf {
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

//! What a rewrite would do to one file: its edits, and what it leaves to a person.

use std::collections::{BTreeMap, BTreeSet};

use forebay_oci::Digest;

use super::goal::Goal;
use super::image::Image;
pub(super) use super::planner::Planner;
use super::planner::draft;
use crate::{Edit, Found, Place, Refusal, name_of};

/// Who knows the digest that a tag has now. The error is one clause that says why not.
pub type Pin<'a> = &'a dyn Fn(&Image) -> Result<Digest, String>;

/// What a rewrite would do to a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// In the order of the file; none overlaps another.
    pub edits: Vec<Edit>,
    /// What becomes of which image.
    pub changes: Vec<Change>,
    /// Places that are left as they are, for a person to look at.
    pub unsure: Vec<Unsure>,
    /// Remarks about the file.
    pub notes: Vec<String>,
    /// Names by which it finds images in other files, which are to follow what becomes of those.
    pub lookups: Vec<NamedLookup>,
    /// Those files, and folders of such, by their paths from its own folder.
    pub resources: Vec<String>,
}

/// A name by which a file finds an image in others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedLookup {
    /// The image's name as it is written, which is compared letter by letter.
    pub from: String,
    /// Its line, counted from 1.
    pub line: usize,
    /// The line of what takes the image's place.
    pub entry_line: usize,
    /// Whether what takes the image's place changes.
    pub is_changed: bool,
    pub(super) place: Place,
}

impl Plan {
    /// All in the order of the file, each remark once.
    pub(super) fn sort(&mut self) {
        self.changes.sort_by_key(|change| change.line);
        self.unsure.sort_by_key(|unsure| unsure.line);
        self.unsure.dedup();
    }

    /// Has a file find an image under the name that it has in the others afterwards.
    ///
    /// # Errors
    /// Why the name cannot be written there.
    pub fn follow(&mut self, lookup: &NamedLookup, to: &str) -> Result<(), Refusal> {
        self.edits.extend(lookup.place.edits(to)?);
        self.edits.sort();
        self.edits.dedup();
        Ok(())
    }
}

/// An image that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its line, counted from 1.
    pub line: usize,
    /// What it was, in full.
    pub from: String,
    /// Its name as it was written, without tag and digest.
    pub name: String,
    /// What takes its place.
    pub to: String,
    /// What both end with where their tag is filled in elsewhere, as it is written; else empty.
    pub open_tag: String,
    /// What it is in the jobs of a matrix that fills the tag in, each in full; empty unless all are known.
    pub in_jobs: Vec<Image>,
}

impl Change {
    /// The name that takes the place of [`Change::name`].
    pub fn new_name(&self) -> &str {
        name_of(self.to.strip_suffix(&self.open_tag).unwrap_or(&self.to))
    }

    /// Both, where they are images; without what is filled in elsewhere.
    pub fn images(&self) -> Option<(Image, Image)> {
        let image = |text: &str| text.strip_suffix(&self.open_tag)?.parse().ok();
        Some((image(&self.from)?, image(&self.to)?))
    }
}

/// A place that is left as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsure {
    /// Its line, counted from 1.
    pub line: usize,
    /// What stands there.
    pub text: String,
    /// Why.
    pub why: String,
    /// Only its digest was asked for and could not be told: a rule may have changed it all the same.
    pub is_unpinned: bool,
}

/// Plans one file: what was found in it, where that is to go, and whether tags are to be pinned.
pub fn plan(text: &str, found: &Found, goal: &Goal, pin: Option<Pin<'_>>) -> Plan {
    draft((text, found), goal, pin, &BTreeSet::new()).plan
}

/// Images of different repositories that would become one: the rules forget what told them apart.
pub fn collisions<'a>(changes: impl Iterator<Item = &'a Change>) -> Vec<(String, Vec<String>)> {
    let mut origins: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for change in changes {
        let Some((from, to)) = change.images() else {
            continue;
        };
        origins.entry(to.place()).or_default().insert(from.place());
    }
    let several = origins.into_iter().filter(|(_, from)| from.len() > 1);
    several
        .map(|(to, from)| (to, from.into_iter().collect()))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::{Settings, find};

    #[test]
    fn a_digest_is_asked_for_at_the_old_place_of_what_fills_itself() {
        let text = "FROM nginx:1\n";
        let found = find("Dockerfile", text.as_bytes(), &Settings::default());
        for (mirror, place) in [
            ("", "h.example/nginx:1"),
            ("mirror = false", "h.example/nginx:1"),
            ("mirror = true", "docker.io/library/nginx:1"),
        ] {
            let rule = format!(
                "[[rule]]\nregistry = \"docker.io\"\nto = \"h.example/{{name}}\"\n{mirror}"
            );
            let goal = Goal::of_file(&rule).unwrap();
            let asked = RefCell::new(Vec::new());
            let pin = |image: &Image| {
                asked.borrow_mut().push(image.to_string());
                Err("not now".to_owned())
            };
            plan(text, &found, &goal, Some(&pin));
            assert_eq!(asked.into_inner(), [place], "{mirror}");
        }
    }

    fn planned(path: &str, text: &str, pin: Option<Pin<'_>>) -> (String, Plan) {
        let found = find(path, text.as_bytes(), &Settings::default());
        let rule = "[[rule]]\nregistry = \"docker.io\"\nto = \"h.example/{repository}\"";
        let plan = plan(text, &found, &Goal::of_file(rule).unwrap(), pin);
        (crate::apply(text, plan.edits.clone()).unwrap(), plan)
    }

    #[test]
    fn an_image_of_which_only_the_tag_is_not_known_changes_by_its_name() {
        let github = "on: push\njobs:\n  a:\n    strategy:\n      matrix:\n        v: [1]\n    container: nginx:${{ matrix.v }}\n";
        for (path, text) in [
            (".github/workflows/a.yml", github),
            ("a.sh", "docker run nginx:$VER\n"),
            ("Dockerfile", "ARG V\nFROM nginx:${V}\n"),
            (
                "a.tf",
                "resource \"docker_image\" \"a\" {\n  name = \"nginx:${var.t}\"\n}\n",
            ),
            (
                "a.py",
                "import docker\ndocker.from_env().containers.run(f\"nginx:{version}\")\n",
            ),
        ] {
            let (after, plan) = planned(path, text, None);
            assert_eq!(after, text.replace("nginx:", "h.example/library/nginx:"));
            assert_eq!((plan.unsure.len(), plan.changes.len()), (0, 1), "{path}");
            let (twice, plan) = planned(path, &after, None);
            assert_eq!((twice, plan.unsure), (after, vec![]), "{path}");
            let pin = |_: &Image| Err(String::new());
            let (pinned, plan) = planned(path, text, Some(&pin));
            assert_eq!((pinned.as_str(), plan.unsure.len()), (text, 1), "{path}");
        }
    }

    #[test]
    fn what_a_file_makes_under_a_tag_that_is_not_known_stays() {
        let text =
            "docker build -t acme/app:$V .\ndocker push acme/app:$V\ndocker run acme/app:$V\n";
        let (after, plan) = planned("a.sh", text, None);
        assert_eq!((after.as_str(), plan.unsure.len() > 2), (text, true));
    }

    #[test]
    fn entries_of_a_kustomization_on_one_line_are_told_apart() {
        let text = "images: [{name: nginx, newTag: \"1\"}, {name: quay.io/a/b, newTag: \"2\"}]\n";
        let (_, plan) = planned("kustomization.yaml", text, None);
        let changed = plan.lookups.iter().map(|lookup| lookup.is_changed);
        assert_eq!(changed.collect::<Vec<_>>(), [true, false]);
    }
}

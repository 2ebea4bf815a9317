//! What a rewrite would do to one file: its edits, and what it leaves to a person.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use forebay_oci::Digest;

use super::cortex;
use super::goal::Goal;
use super::image::Image;
use super::open_tag::{OpenTag, find_open_tag};
use super::rule::Rules;
use crate::{Ambiguous, Edit, Found, Note, Place, PullPolicy, Refusal, Why};

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
    /// The image's full name, without a tag.
    pub from: String,
    /// Its line, counted from 1.
    pub line: usize,
    /// Whether what takes the image's place changes.
    pub is_changed: bool,
    place: Place,
}

impl Plan {
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
    /// What takes its place.
    pub to: String,
    /// What both end with where their tag is filled in elsewhere, as it is written; else empty.
    pub open_tag: String,
}

impl Change {
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
    let lines = Lines::of(text);
    let mut planner = Planner {
        text,
        lines: &lines,
        pin,
        plan: Plan::default(),
        edits: BTreeSet::new(),
        longest: 0,
        changed: BTreeSet::new(),
    };
    planner.tell(found, goal);
    match goal {
        Goal::Rules(rules) => {
            for place in &found.places {
                planner.place(place, rules);
            }
        }
        Goal::Cortex(version) => cortex::plan(&mut planner, found, version.as_ref()),
    }
    planner.look_up(found);
    planner.finish()
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

/// Builds a plan.
pub(super) struct Planner<'a> {
    pub(super) text: &'a str,
    lines: &'a Lines,
    pin: Option<Pin<'a>>,
    pub(super) plan: Plan,
    edits: BTreeSet<Edit>,
    /// The most bytes that one of them replaces: no other that begins further before a place reaches into it.
    longest: usize,
    /// Where places begin that change.
    changed: BTreeSet<usize>,
}

impl Planner<'_> {
    /// What the finder was not sure of.
    fn tell(&mut self, found: &Found, goal: &Goal) {
        let made_here = made_here(self.text, &found.ambiguous);
        for ambiguous in &found.ambiguous {
            let open = find_open(self.text, ambiguous)
                .filter(|open| !made_here.contains(&open.name.place()));
            let why = match (goal, open) {
                (Goal::Rules(rules), Some(open)) => self.open(&ambiguous.span, &open, rules),
                _ => Err(ambiguous.why.to_string()),
            };
            if let Err(why) = why {
                self.unsure(&ambiguous.span, ambiguous.text.clone(), why);
            }
        }
        // What a file looks up in others is said once it is known what becomes of it there.
        let lookups: BTreeSet<usize> = found.lookups.iter().map(|lookup| lookup.entry).collect();
        let is_lookup = |note: &Note| note.at.is_some_and(|at| lookups.contains(&at));
        let is_told = |note: &&Note| !note.is_advice || !is_lookup(note);
        for note in found.notes.iter().filter(is_told) {
            let line = note.at.map(|at| self.lines.line(at));
            let at = line.map_or_else(String::new, |line| format!("line {line}: "));
            self.plan.notes.push(format!("{at}{}", note.text));
        }
    }

    /// Changes the name of an image of which only the tag is not known, and leaves all behind it.
    fn open(&mut self, span: &Range<usize>, open: &OpenTag, rules: &Rules) -> Result<(), String> {
        let made = rules
            .apply_to_name(&open.name)
            .map_err(|why| why.to_string())?;
        if self.pin.is_some() {
            return Err("its tag is not known here, so that it cannot be pinned".to_owned());
        }
        let at = |end: usize| span.start + end;
        let name = at(open.span.start)..at(open.span.end);
        let Some(made) = made.filter(|made| self.text.get(name.clone()) != Some(made)) else {
            return Ok(());
        };
        let edit = Edit {
            start: name.start,
            end: name.end,
            new: made.clone(),
        };
        let tag = &open.tag;
        self.take(
            vec![edit],
            span,
            Change {
                line: self.lines.line(span.start),
                from: format!("{}{tag}", open.name),
                to: format!("{made}{tag}"),
                open_tag: tag.clone(),
            },
        );
        Ok(())
    }

    fn place(&mut self, place: &Place, rules: &Rules) {
        let Ok(image) = place.image.parse::<Image>() else {
            return;
        };
        // Its name is the operator's own, to which it is pushed: no registry that it could come from otherwise has it.
        if place.owner.is_built {
            let why = "it is built here: `build:` stands beside it".to_owned();
            return self.unsure(&place.span, place.image.clone(), why);
        }
        let made = match rules.apply(&image) {
            Ok(made) => made,
            Err(why) => return self.unsure(&place.span, place.image.clone(), why.to_string()),
        };
        let new = made.clone().unwrap_or_else(|| place.image.clone());
        // A mirror has the same digests, and may have none of them before it is first asked.
        let rule = rules.find(&image);
        let is_mirror = rule.is_some_and(|rule| rule.is_mirror == Some(true));
        let asked = if is_mirror { &place.image } else { &new };
        match self.pinned(asked, &new) {
            Ok(new) => self.change(place, &new),
            Err(why) => {
                self.plan.unsure.push(Unsure {
                    line: self.lines.line(place.span.start),
                    text: place.image.clone(),
                    why,
                    is_unpinned: true,
                });
                if made.is_some() {
                    self.change(place, &new);
                }
            }
        }
    }

    /// `new` with the digest that `asked` has, if that is wanted and there is none yet.
    fn pinned(&self, asked: &str, new: &str) -> Result<String, String> {
        let Some(pin) = self.pin.filter(|_| !new.contains('@')) else {
            return Ok(new.to_owned());
        };
        let asked: Image = asked
            .parse()
            .map_err(|_| "not an image reference".to_owned())?;
        let digest = pin(&asked)?;
        // A digest without its tag could not be read by people.
        let has_tag = new
            .rsplit_once(':')
            .is_some_and(|(_, tag)| !tag.contains('/'));
        let tag = if has_tag { "" } else { ":latest" };
        Ok(format!("{new}{tag}@{digest}"))
    }

    /// Writes `new` to a place.
    pub(super) fn change(&mut self, place: &Place, new: &str) {
        match place.edits(new) {
            Ok(edits) if edits.is_empty() => {}
            Ok(edits) => {
                let from = place.image.clone();
                self.edit(edits, (&place.span, from), new);
            }
            Err(refusal) => self.unsure(&place.span, place.image.clone(), refusal.to_string()),
        }
    }

    /// Adds keys, each with its image, where there were none.
    pub(super) fn add(&mut self, edit: Edit, keys: &[(String, String)]) {
        let line = self.lines.line(edit.start);
        let changes = keys.iter().map(|(key, image)| Change {
            line,
            from: format!("{key}, which was not there"),
            to: image.clone(),
            open_tag: String::new(),
        });
        self.plan.changes.extend(changes);
        self.put(edit);
    }

    /// Takes edits that make `to` of `from`, unless another place wants the same bytes otherwise.
    pub(super) fn edit(
        &mut self,
        edits: Vec<Edit>,
        (span, from): (&Range<usize>, String),
        to: &str,
    ) {
        let from = from
            .parse::<Image>()
            .map_or(from, |image| image.to_string());
        let change = Change {
            line: self.lines.line(span.start),
            from,
            to: to.to_owned(),
            open_tag: String::new(),
        };
        self.take(edits, span, change);
    }

    fn take(&mut self, edits: Vec<Edit>, span: &Range<usize>, change: Change) {
        let is_same = edits.iter().all(|edit| self.edits.contains(edit));
        if edits.iter().any(|edit| self.is_in_the_way_of(edit)) {
            let why = "another place that stands here wants something else".to_owned();
            return self.unsure(span, change.from, why);
        }
        self.changed.insert(span.start);
        if !is_same {
            self.plan.changes.push(change);
        }
        for edit in edits {
            self.put(edit);
        }
    }

    fn put(&mut self, edit: Edit) {
        self.longest = self.longest.max(edit.end.saturating_sub(edit.start));
        self.edits.insert(edit);
    }

    /// Whether another edit wants some of the same bytes.
    fn is_in_the_way_of(&self, edit: &Edit) -> bool {
        let before = |start: usize| Edit {
            start,
            end: 0,
            new: String::new(),
        };
        let nearest = edit.start.saturating_sub(self.longest);
        let mut near = self.edits.range(before(nearest)..before(edit.end));
        near.any(|other| other != edit && edit.start < other.end)
    }

    /// Notes by which names the file finds images in others.
    fn look_up(&mut self, found: &Found) {
        for lookup in &found.lookups {
            let Ok(image) = lookup.place.image.parse::<Image>() else {
                continue;
            };
            self.plan.lookups.push(NamedLookup {
                from: image.place(),
                line: self.lines.line(lookup.place.span.start),
                is_changed: self.changed.contains(&lookup.entry),
                place: lookup.place.clone(),
            });
        }
        self.plan.resources.clone_from(&found.resources);
    }

    pub(super) fn unsure(&mut self, span: &Range<usize>, text: String, why: String) {
        let line = self.lines.line(span.start);
        self.plan.unsure.push(Unsure {
            line,
            text,
            why,
            is_unpinned: false,
        });
    }

    fn finish(mut self) -> Plan {
        self.plan.edits = self.edits.into_iter().collect();
        self.plan.changes.sort_by_key(|change| change.line);
        self.plan.unsure.sort_by_key(|unsure| unsure.line);
        self.plan.unsure.dedup();
        self.plan
    }
}

/// The image of which only the tag is not known, if this is one.
fn find_open(text: &str, ambiguous: &Ambiguous) -> Option<OpenTag> {
    // Of two values that stand apart, neither is the whole image.
    if ambiguous.owner.is_built || matches!(ambiguous.why, Why::Apart(_)) {
        return None;
    }
    find_open_tag(text.get(ambiguous.span.clone())?)
}

/// What the file builds or pushes under a tag that is not known: where that goes is not what is pulled from elsewhere.
fn made_here(text: &str, ambiguous: &[Ambiguous]) -> BTreeSet<String> {
    let is_made = |one: &&Ambiguous| one.owner.pull_policy == Some(PullPolicy::Never);
    let open = ambiguous.iter().filter(is_made);
    open.filter_map(|one| Some(find_open(text, one)?.name.place()))
        .collect()
}

/// Where lines begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self(ends.map(|(at, _)| at).collect())
    }

    /// The line of a byte, counted from 1.
    fn line(&self, at: usize) -> usize {
        self.0.partition_point(|end| *end < at) + 1
    }
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
    fn edits_that_share_bytes_are_in_each_others_way_however_long_they_are() {
        let spans = || (0..5_usize).flat_map(|start| (start..7).map(move |end| (start, end)));
        let edit = |(start, end)| Edit {
            start,
            end,
            new: String::new(),
        };
        for (first, second) in spans().flat_map(|one| spans().map(move |other| (one, other))) {
            let lines = Lines::of("");
            let mut planner = Planner {
                text: "",
                lines: &lines,
                pin: None,
                plan: Plan::default(),
                edits: BTreeSet::new(),
                longest: 0,
                changed: BTreeSet::new(),
            };
            planner.put(edit(first));
            planner.put(edit((9, 9)));
            let share = first != second && second.0 < first.1 && first.0 < second.1;
            assert_eq!(
                planner.is_in_the_way_of(&edit(second)),
                share,
                "{first:?} {second:?}"
            );
        }
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

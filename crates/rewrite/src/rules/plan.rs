//! What a rewrite would do to one file: its edits, and what it leaves to a person.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use forebay_oci::Digest;

use super::cortex;
use super::goal::Goal;
use super::image::Image;
use super::rule::Rules;
use crate::{Edit, Found, Note, Place, Refusal};

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
}

/// Plans one file: what was found in it, where that is to go, and whether tags are to be pinned.
pub fn plan(text: &str, found: &Found, goal: &Goal, pin: Option<Pin<'_>>) -> Plan {
    let lines = Lines::of(text);
    let mut planner = Planner {
        text,
        lines: &lines,
        pin,
        plan: Plan::default(),
    };
    planner.tell(found);
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
        let (Ok(from), Ok(to)) = (change.from.parse::<Image>(), change.to.parse::<Image>()) else {
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
}

impl Planner<'_> {
    /// What the finder was not sure of.
    fn tell(&mut self, found: &Found) {
        for ambiguous in &found.ambiguous {
            let why = ambiguous.why.to_string();
            self.unsure(&ambiguous.span, ambiguous.text.clone(), why);
        }
        // What a file looks up in others is said once it is known what becomes of it there.
        let is_told = |note: &&Note| !note.is_advice || found.lookups.is_empty();
        for note in found.notes.iter().filter(is_told) {
            let line = note.at.map(|at| self.lines.line(at));
            let at = line.map_or_else(String::new, |line| format!("line {line}: "));
            self.plan.notes.push(format!("{at}{}", note.text));
        }
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
                self.unsure(&place.span, place.image.clone(), why);
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
        });
        self.plan.changes.extend(changes);
        self.plan.edits.push(edit);
    }

    /// Takes edits that make `to` of `from`, unless another place wants the same bytes otherwise.
    pub(super) fn edit(
        &mut self,
        edits: Vec<Edit>,
        (span, from): (&Range<usize>, String),
        to: &str,
    ) {
        let is_same = edits.iter().all(|edit| self.plan.edits.contains(edit));
        let overlaps = |edit: &Edit| {
            self.plan
                .edits
                .iter()
                .any(|other| other != edit && edit.start < other.end && other.start < edit.end)
        };
        if edits.iter().any(overlaps) {
            let why = "another place that stands here wants something else".to_owned();
            return self.unsure(span, from, why);
        }
        let from = from
            .parse::<Image>()
            .map_or(from, |image| image.to_string());
        if !is_same {
            self.plan.changes.push(Change {
                line: self.lines.line(span.start),
                from,
                to: to.to_owned(),
            });
        }
        self.plan.edits.extend(edits);
    }

    /// Notes by which names the file finds images in others.
    fn look_up(&mut self, found: &Found) {
        for lookup in &found.lookups {
            let Ok(image) = lookup.place.image.parse::<Image>() else {
                continue;
            };
            let entry = self.lines.line(lookup.entry);
            let is_changed = self.plan.changes.iter().any(|change| change.line == entry);
            self.plan.lookups.push(NamedLookup {
                from: image.place(),
                line: self.lines.line(lookup.place.span.start),
                is_changed,
                place: lookup.place.clone(),
            });
        }
        self.plan.resources.clone_from(&found.resources);
    }

    pub(super) fn unsure(&mut self, span: &Range<usize>, text: String, why: String) {
        let line = self.lines.line(span.start);
        self.plan.unsure.push(Unsure { line, text, why });
    }

    fn finish(mut self) -> Plan {
        self.plan.edits.sort();
        self.plan.edits.dedup();
        self.plan.changes.sort_by_key(|change| change.line);
        self.plan.unsure.sort_by_key(|unsure| unsure.line);
        self.plan.unsure.dedup();
        self.plan
    }
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
}

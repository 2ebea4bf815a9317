//! Builds a file's plan: place by place, and no two edits of the same bytes.

use std::collections::BTreeSet;
use std::ops::Range;

use super::cortex;
use super::goal::Goal;
use super::image::Image;
use super::open_tag::{OpenTag, find_open_tag};
use super::plan::{Change, NamedLookup, Pin, Plan, Unsure};
use super::prefix::{Elsewhere, find_open_prefix};
use super::readers::Readers;
use super::rule::Rules;
use crate::{Ambiguous, Edit, Found, Lines, Note, Place, PullPolicy, Refusal, TOOLS, Why, name_of};

/// What a file's plan is made from, and what is held back of it: the numbers of wishes whose edits would do harm.
pub(super) fn draft(
    (text, found): (&str, &Found),
    goal: &Goal,
    pin: Option<Pin<'_>>,
    held: &BTreeSet<usize>,
) -> Draft {
    let mut planner = Planner::new((text, found), pin, held);
    planner.tell(found, goal);
    match goal {
        Goal::Rules(rules) => {
            for (number, place) in found.places.iter().enumerate() {
                planner.number = number;
                planner.place(place, rules);
            }
        }
        Goal::Cortex(version) => cortex::plan(&mut planner, found, version.as_ref()),
    }
    planner.look_up(found);
    planner.finish()
}

/// A plan, and what it was to achieve.
pub(super) struct Draft {
    pub(super) plan: Plan,
    /// In the order of the file's places.
    pub(super) wishes: Vec<Wish>,
}

/// What the rules make of a place's image.
pub(super) struct Wish {
    /// The number of its place, by which it is held back.
    pub(super) number: usize,
    /// Where the image stands.
    pub(super) spans: Vec<Range<usize>>,
    /// The edits that were taken for it.
    pub(super) edits: Vec<Edit>,
    /// What it is, and what it is to become.
    pub(super) change: Change,
    /// What is told of it where no edit can make it so.
    pub(super) refused: Option<Unsure>,
}

/// Builds a plan.
pub(super) struct Planner<'a> {
    pub(super) text: &'a str,
    lines: Lines,
    pin: Option<Pin<'a>>,
    held: &'a BTreeSet<usize>,
    readers: Readers<'a>,
    /// The images that the file builds, by their places; those that it pushes or names, and those that it pulls, with their tags.
    built: BTreeSet<String>,
    given: BTreeSet<String>,
    pulled: BTreeSet<String>,
    elsewhere: Elsewhere<'a>,
    pub(super) plan: Plan,
    /// The number of the place that is at hand.
    number: usize,
    wishes: Vec<Wish>,
    edits: BTreeSet<Edit>,
    /// The most bytes that one of them replaces: no other that begins further before a place reaches into it.
    longest: usize,
    /// Where places begin that change.
    changed: BTreeSet<usize>,
}

impl<'a> Planner<'a> {
    fn new(
        (text, found): (&'a str, &'a Found),
        pin: Option<Pin<'a>>,
        held: &'a BTreeSet<usize>,
    ) -> Self {
        let name = |text: &str| Some(text.parse::<Image>().ok()?.place());
        let asked = |text: &str| Some(text.parse::<Image>().ok()?.asked());
        let is_pulled = |place: &&Place| place.owner.pull_policy != Some(PullPolicy::Never);
        let pulled = found.places.iter().filter(is_pulled);
        Self {
            text,
            lines: Lines::of(text),
            pin,
            held,
            readers: Readers::of(text, found),
            built: found.built.iter().filter_map(|image| name(image)).collect(),
            given: found
                .given
                .iter()
                .filter_map(|image| asked(image))
                .collect(),
            pulled: pulled.filter_map(|place| asked(&place.image)).collect(),
            elsewhere: Elsewhere::of(found),
            plan: Plan::default(),
            number: 0,
            wishes: Vec::new(),
            edits: BTreeSet::new(),
            longest: 0,
            changed: BTreeSet::new(),
        }
    }

    /// What the finder was not sure of.
    fn tell(&mut self, found: &Found, goal: &Goal) {
        let made_here = made_here(self.text, &found.ambiguous);
        for ambiguous in &found.ambiguous {
            let open = find_open(self.text, ambiguous)
                .filter(|open| !made_here.contains(&open.name.place()));
            let why = match (goal, open) {
                (Goal::Rules(rules), Some(open)) => self.open(ambiguous, &open, rules),
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
            let line = note.at.map(|at| self.lines.number(at));
            let at = line.map_or_else(String::new, |line| format!("line {line}: "));
            self.plan.notes.push(format!("{at}{}", note.text));
        }
    }

    /// Changes the name of an image of which only the tag is not known, and leaves all behind it.
    fn open(&mut self, one: &Ambiguous, open: &OpenTag, rules: &Rules) -> Result<(), String> {
        let span = &one.span;
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
                line: self.lines.number(span.start),
                from: format!("{}{tag}", open.name),
                name: self.text.get(name).unwrap_or_default().to_owned(),
                to: format!("{made}{tag}"),
                open_tag: tag.clone(),
                in_jobs: one
                    .images
                    .iter()
                    .filter_map(|(image, _)| image.parse().ok())
                    .collect(),
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
            let why = "it is built here".to_owned();
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
        if is_mirror && made.is_some() && self.is_given_away(place, &image) {
            let why = "it is built or pushed here, and a mirror takes nothing".to_owned();
            return self.unsure(&place.span, place.image.clone(), why);
        }
        let asked = if is_mirror { &place.image } else { &new };
        match self.pinned(asked, &new) {
            Ok(new) => self.change(place, &new),
            Err(why) => {
                self.plan.unsure.push(Unsure {
                    line: self.lines.number(place.span.start),
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

    /// Whether a place names what the file's commands build, push or give a name, or have and do not pull.
    fn is_given_away(&self, place: &Place, image: &Image) -> bool {
        let kind = place.owner.kind.as_str();
        let is_command = TOOLS.contains(&kind) || kind == "GitHub step";
        let is_local = is_command && place.owner.pull_policy == Some(PullPolicy::Never);
        let asked = image.asked();
        let is_made = self.built.contains(&image.place()) || self.given.contains(&asked);
        is_made || is_local && !self.pulled.contains(&asked)
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

    /// Writes `new` to a place, or where it is read if its value serves something else too.
    pub(super) fn change(&mut self, place: &Place, new: &str) {
        let why = match place.edits(new) {
            Ok(edits) if edits.is_empty() => {
                let other = place.elsewhere().filter(|_| new != place.image);
                other.map(|file| Refusal::SetIn(file.to_owned()).to_string())
            }
            Ok(edits) => match find_open_prefix((self.text, &self.elsewhere), place, &edits) {
                Some(why) => Some(why),
                None => return self.write(place, edits, new),
            },
            Err(refusal) => Some(refusal.to_string()),
        };
        self.refuse(place, self.described(place, new), why);
    }

    fn write(&mut self, place: &Place, mut edits: Vec<Edit>, new: &str) {
        let mut spans = vec![place.span.clone()];
        let change = self.described(place, new);
        if let Some(other) = self.readers.find_other(place) {
            if other.aliases.is_empty() {
                let line = self.lines.number(other.at);
                let why = format!(
                    "`{}` is read for something else too, in line {line}",
                    other.name
                );
                return self.refuse(place, change, Some(why));
            }
            let edit = |alias: &Range<usize>| Edit {
                start: alias.start,
                end: alias.end,
                new: new.to_owned(),
            };
            edits = other.aliases.iter().map(edit).collect();
            spans = other.aliases;
        }
        if self.held.contains(&self.number) {
            return self.wish(spans, Vec::new(), change);
        }
        if self.take(edits.clone(), &place.span, change.clone()) {
            self.wish(spans, edits, change);
        }
    }

    fn wish(&mut self, spans: Vec<Range<usize>>, edits: Vec<Edit>, change: Change) {
        self.wishes.push(Wish {
            number: self.number,
            spans,
            edits,
            change,
            refused: None,
        });
    }

    /// Leaves a place as it is; with a reason, where something ought to become of it.
    fn refuse(&mut self, place: &Place, change: Change, why: Option<String>) {
        let refused = why.map(|why| Unsure {
            line: self.lines.number(place.span.start),
            text: place.image.clone(),
            why,
            is_unpinned: false,
        });
        self.plan.unsure.extend(refused.clone());
        self.wishes.push(Wish {
            number: self.number,
            spans: vec![place.span.clone()],
            edits: Vec::new(),
            change,
            refused,
        });
    }

    fn described(&self, place: &Place, to: &str) -> Change {
        let from = place.image.parse::<Image>();
        Change {
            line: self.lines.number(place.span.start),
            from: from.map_or_else(|_| place.image.clone(), |image| image.to_string()),
            name: name_of(&place.image).to_owned(),
            to: to.to_owned(),
            open_tag: String::new(),
            in_jobs: Vec::new(),
        }
    }

    /// Adds keys, each with its image, where there were none.
    pub(super) fn add(&mut self, edit: Edit, keys: &[(String, String)]) {
        let line = self.lines.number(edit.start);
        let changes = keys.iter().map(|(key, image)| Change {
            line,
            from: format!("{key}, which was not there"),
            name: String::new(),
            to: image.clone(),
            open_tag: String::new(),
            in_jobs: Vec::new(),
        });
        self.plan.changes.extend(changes);
        self.put(edit);
    }

    /// Takes edits, unless another place wants the same bytes otherwise; whether it did.
    fn take(&mut self, edits: Vec<Edit>, span: &Range<usize>, change: Change) -> bool {
        let is_same = edits.iter().all(|edit| self.edits.contains(edit));
        if edits.iter().any(|edit| self.is_in_the_way_of(edit)) {
            let why = "another place that stands here wants something else".to_owned();
            self.unsure(span, change.from, why);
            return false;
        }
        self.changed.insert(span.start);
        if !is_same {
            self.plan.changes.push(change);
        }
        for edit in edits {
            self.put(edit);
        }
        true
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
            self.plan.lookups.push(NamedLookup {
                from: lookup.place.image.clone(),
                line: self.lines.number(lookup.place.span.start),
                entry_line: self.lines.number(lookup.entry),
                is_changed: self.changed.contains(&lookup.entry),
                place: lookup.place.clone(),
            });
        }
        self.plan.resources.clone_from(&found.resources);
    }

    /// A remark about what stands at a byte.
    pub(super) fn note(&mut self, at: usize, text: &str) {
        let line = self.lines.number(at);
        self.plan.notes.push(format!("line {line}: {text}"));
    }

    pub(super) fn unsure(&mut self, span: &Range<usize>, text: String, why: String) {
        let line = self.lines.number(span.start);
        self.plan.unsure.push(Unsure {
            line,
            text,
            why,
            is_unpinned: false,
        });
    }

    fn finish(mut self) -> Draft {
        self.plan.edits = self.edits.into_iter().collect();
        self.plan.sort();
        Draft {
            plan: self.plan,
            wishes: self.wishes,
        }
    }
}

/// The image of which only the tag is not known, if this is one.
fn find_open(text: &str, ambiguous: &Ambiguous) -> Option<OpenTag> {
    // Of two values that stand apart, neither is the whole image; and some names are read for more.
    if ambiguous.owner.is_built
        || matches!(ambiguous.why, Why::Apart(_) | Why::Told | Why::ByHand(_))
    {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Settings, apply, find};

    /// The text as a preset changes it, and how many places are left.
    fn planned(path: &str, text: &str, preset: &str) -> (String, usize) {
        let goal = Goal::find_preset(preset).unwrap().unwrap();
        let found = find(path, text.as_bytes(), &Settings::default());
        let plan = draft((text, &found), &goal, None, &BTreeSet::new()).plan;
        (apply(text, plan.edits).unwrap(), plan.unsure.len())
    }

    #[test]
    fn what_is_pushed_goes_to_no_mirror_and_what_is_pulled_goes_on_under_its_new_name() {
        let text = "docker pull redis:7\ndocker tag redis:7 me/redis:7\ndocker push me/redis:7\ndocker build -t me/a:1 .\n\
                    docker run me/a:1\nskopeo copy docker://nginx:1 docker://me/nginx:1\n";
        let new = text.replace(" redis:7", " h.example/docker.io/library/redis:7");
        let new = new.replace("//nginx:1", "//h.example/docker.io/library/nginx:1");
        assert_eq!(planned("a.sh", text, "forebay:h.example"), (new, 5));
        let own = planned("a.sh", "docker push me/redis:7\n", "quay:own");
        assert_eq!(own, ("docker push quay.io/own/redis:7\n".to_owned(), 0));
    }

    #[test]
    fn what_is_pulled_is_looked_at_and_loaded_under_its_new_name() {
        let text = "docker pull redis:7\nkind load docker-image redis:7 --name k\nminikube image load redis:7\n\
                    docker inspect -f '{{.Id}}' redis:7\nX=$(docker images -q redis:7)\n\
                    docker ps -q --filter ancestor=redis:7\ndocker inspect redis $C\ndocker ps -f name=redis:7\n";
        let new = text.replace(" redis:7", " h.example/docker.io/library/redis:7");
        let new = new.replace(
            "ancestor=redis",
            "ancestor=h.example/docker.io/library/redis",
        );
        assert_eq!(planned("a.sh", text, "forebay:h.example"), (new, 0));
    }

    #[test]
    fn what_is_pushed_or_named_goes_to_no_mirror_whatever_else_of_its_name_is_pulled() {
        let tagged =
            "docker pull me/x:staging\ndocker tag me/x:staging me/x:prod\ndocker push me/x:prod\n";
        let new = tagged.replace(" me/x:staging", " h.example/docker.io/me/x:staging");
        assert_eq!(planned("a.sh", tagged, "forebay:h.example"), (new, 2));
        for (text, left) in [
            ("docker push me/x\ndocker run me/x:latest\n", 2),
            (
                "docker push me/x:1\nkubectl set image deploy/x x=me/x:1\n",
                2,
            ),
            (
                "docker manifest create me/x:1 me/x:1-a me/x:1-b\ndocker manifest push me/x:1\n",
                4,
            ),
        ] {
            let kept = (text.to_owned(), left);
            assert_eq!(planned("a.sh", text, "forebay:h.example"), kept, "{text}");
        }
    }

    #[test]
    fn nothing_is_put_before_a_variable_that_may_be_a_registry() {
        let tf = "variable \"p\" { default = \"\" }\nresource \"docker_image\" \"a\" { name = \"${var.p}nginx:1\" }\n";
        for (path, text) in [
            ("a.sh", "docker run ${R:-}nginx:6\n"),
            ("a.sh", "docker run ${UNSET:-alpine}:1\n"),
            ("a.sh", "B=${B:-alpine}; C=$B; docker run \"$C\":1\n"),
            ("a.sh", ": \"${B:=alpine}\"; docker run $B:1\n"),
            ("a.sh", "docker pull \"${1:-acme}/web:1\"\n"),
            ("a.sh", "O=${2-acme}; docker pull $O/web:1\n"),
            ("Dockerfile", "FROM ${UNSET:-alpine}:1\n"),
            ("Dockerfile", "ARG R=docker.io\nFROM ${R}/library/nginx:1\n"),
            ("Dockerfile", "ARG A=redis:7\nARG B=$A\nFROM $B\n"),
            (
                "compose.yaml",
                "services:\n  a: {image: \"${R:-docker.io}/library/nginx:1\"}\n",
            ),
            (
                "compose.yaml",
                "services:\n  a: {image: \"${R-}nginx:1\"}\n",
            ),
            ("a.tf", tf),
        ] {
            assert_eq!(
                planned(path, text, "quay:me"),
                (text.to_owned(), 1),
                "{text}"
            );
        }
        let mut settings = Settings::default();
        settings
            .near
            .insert(".env".to_owned(), "I=nginx\nR=quay.io/a/\n".to_owned());
        let compose =
            "services:\n  a: {image: \"$I\"}\n  b: {image: \"$I:3\"}\n  c: {image: \"${R:-}d\"}\n";
        let found = find("compose.yaml", compose.as_bytes(), &settings);
        let goal = Goal::find_preset("forebay:h.example").unwrap().unwrap();
        let plan = draft((compose, &found), &goal, None, &BTreeSet::new()).plan;
        let new = compose.replace("${R:-}", "h.example/${R:-}");
        assert_eq!(apply(compose, plan.edits).unwrap(), new);
        assert_eq!(plan.unsure.len(), 2);
        let vars = "image = \"acme/web\"\n";
        settings
            .near
            .insert("terraform.tfvars".to_owned(), vars.to_owned());
        let tf = "resource \"docker_image\" \"a\" { name = \"${var.image}:3\" }\n";
        let found = find("main.tf", tf.as_bytes(), &settings);
        let plan = draft((tf, &found), &goal, None, &BTreeSet::new()).plan;
        assert_eq!((plan.edits.len(), plan.unsure.len()), (0, 1));
        let (new, left) = planned("a.sh", "docker run nginx:${TAG:-1}\n", "quay:me");
        assert_eq!(
            (new.as_str(), left),
            ("docker run quay.io/me/nginx:${TAG:-1}\n", 0)
        );
    }

    #[test]
    fn an_argument_that_is_made_of_another_changes_where_it_is_made() {
        let text = "ARG V=1\nARG BASE=\"python:${V}\"\nFROM ${BASE}\n";
        let new = text.replace("python", "quay.io/me/python");
        assert_eq!(planned("Dockerfile", text, "quay:me"), (new, 0));
    }

    #[test]
    fn a_value_that_is_a_name_as_well_stays_or_gives_way_where_it_is_read() {
        let text = "APP=redis\ndocker rm -f $APP\ndocker run --name $APP $APP\n";
        assert_eq!(planned("a.sh", text, "quay:me"), (text.to_owned(), 1));
        let pod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: &app nginx\nspec:\n  containers:\n  - name: *app\n    image: *app\n";
        let new = pod.replace("image: *app", "image: quay.io/me/nginx");
        assert_eq!(planned("pod.yaml", pod, "quay:me"), (new, 0));
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
            let (found, held) = (Found::default(), BTreeSet::new());
            let mut planner = Planner::new(("", &found), None, &held);
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
}

//! Holds plans to what they mean: files that have been changed are read again, and each image in them has to be the old one, or
//! what the rules make of that.
//!
//! A variable may be an image in one place and a part of one in another, so that one edit changes both: in one file, or in
//! another that takes its value from there.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::goal::Goal;
use super::image::Image;
use super::plan::{Pin, Plan, Unsure};
use super::planner::{Draft, Wish, draft};
use crate::{Edit, Found, Place, apply};

/// Who finds the images of the same file when its text is another.
pub type Reread<'a> = &'a dyn Fn(&str) -> Found;

/// Who finds the images of the same files when their texts are these, in the same order: one may take a value from another.
pub type RereadAll<'a> = &'a dyn Fn(&[String]) -> Vec<Found>;

/// How often the files are read again at most. What is not right by then is left as it is.
const MAX_READS: usize = 64;

/// How many bytes of them are read again, be they large.
const MAX_READ_BYTES: usize = 256 << 20;

/// How many images before one are asked whether it lies within them.
const MAX_NEAR: usize = 64;

/// Plans one file as [`super::plan()`] does, and leaves out what would make another image than is meant of any.
pub fn plan_checked(
    file: (&str, &Found),
    goal: &Goal,
    pin: Option<Pin<'_>>,
    reread: Reread<'_>,
) -> Plan {
    let reread = |texts: &[String]| texts.iter().map(|text| reread(text)).collect();
    let mut plans = plan_together(&[file], goal, pin, &reread);
    plans.pop().unwrap_or_default()
}

/// Plans files that take values from each other: what one of them says may be a part of an image in another, so that they
/// are right together or not at all. A plan for each, in their order.
pub fn plan_together(
    files: &[(&str, &Found)],
    goal: &Goal,
    pin: Option<Pin<'_>>,
    reread: RereadAll<'_>,
) -> Vec<Plan> {
    let mut held = Held::new();
    let bytes: usize = files.iter().map(|(text, _)| text.len()).sum();
    let mut checker = Checker {
        files,
        reread,
        left: (MAX_READ_BYTES / bytes.max(1)).clamp(2, MAX_READS),
    };
    loop {
        let drafted: Vec<Draft> = files
            .iter()
            .enumerate()
            .map(|(file, one)| draft(*one, goal, pin, &numbers_of(&held, file)))
            .collect();
        let has_edits = drafted.iter().any(|draft| !draft.plan.edits.is_empty());
        if matches!(goal, Goal::Cortex(_)) || !has_edits {
            return checker.told(drafted, &held, &BTreeMap::new());
        }
        let meant = files.iter().zip(&drafted);
        let meant: Vec<Meant> = meant
            .map(|((_, found), one)| Meant::of(found, one))
            .collect();
        let edits: Vec<Vec<Edit>> = drafted.iter().map(|one| one.plan.edits.clone()).collect();
        let (wrong, now) = checker.wrong(&meant, &edits);
        if wrong.is_empty() {
            return checker.told(drafted, &held, &now);
        }
        let before = held.len();
        if checker.left > 0 {
            held.extend(checker.guilty(&meant, &drafted, &wrong));
        }
        if held.len() == before {
            held.extend(all_wishes(&drafted).map(|(file, wish)| (file, wish.number)));
            if held.len() == before {
                return drafted.into_iter().map(given_up).collect();
            }
        }
    }
}

/// Places by their file's number and their own.
type Held = BTreeSet<(usize, usize)>;

fn numbers_of(held: &Held, file: usize) -> BTreeSet<usize> {
    let of_file = held.range((file, 0)..(file + 1, 0));
    of_file.map(|(_, number)| *number).collect()
}

fn all_wishes(drafted: &[Draft]) -> impl Iterator<Item = (usize, &Wish)> {
    let files = drafted.iter().enumerate();
    files.flat_map(|(file, draft)| draft.wishes.iter().map(move |wish| (file, wish)))
}

/// What may stand where in a file, after the edits.
struct Meant {
    /// Where an image is, what it may be, and the number of its place; by their beginnings.
    images: Vec<(Range<usize>, [String; 2], usize)>,
}

impl Meant {
    fn of(found: &Found, drafted: &Draft) -> Self {
        let wishes: BTreeMap<usize, &Wish> = drafted
            .wishes
            .iter()
            .map(|wish| (wish.number, wish))
            .collect();
        let mut images = Vec::new();
        for (number, place) in found.places.iter().enumerate() {
            let old = canonical(&place.image);
            let wish = wishes.get(&number);
            let new = wish.map_or_else(|| old.clone(), |wish| canonical(&wish.change.to));
            let own = vec![place.span.clone()];
            let spans = wish.map_or(own, |wish| wish.spans.clone());
            for span in spans {
                images.push((span, [old.clone(), new.clone()], number));
            }
        }
        images.sort_by_key(|(span, ..)| (span.start, span.end));
        Self { images }
    }

    fn numbers(&self) -> impl Iterator<Item = usize> {
        self.images.iter().map(|(.., number)| *number)
    }

    /// The numbers of the places whose image is another now than it may be, and what each of the others is.
    fn compare(&self, edits: &[Edit], now: &Found) -> (BTreeSet<usize>, BTreeMap<usize, String>) {
        let shift = Shift::of(edits);
        let spans: Vec<Range<usize>> = self
            .images
            .iter()
            .map(|(span, ..)| shift.start(span.start)..shift.end(span.end))
            .collect();
        let (mut wrong, mut right) = (BTreeSet::new(), BTreeMap::new());
        let mut seen = BTreeSet::new();
        for place in &now.places {
            let image = canonical(&place.image);
            let here = near(&spans, &place.span);
            let may_be = here.iter().any(|at| self.images[*at].1.contains(&image));
            for at in here {
                let number = self.images[at].2;
                seen.insert(number);
                if self.images[at].1.contains(&image) {
                    right.insert(number, image.clone());
                } else if !may_be {
                    wrong.insert(number);
                }
            }
        }
        // What was an image and is none any more, or nobody knows which.
        wrong.extend(self.numbers().filter(|number| !seen.contains(number)));
        (wrong, right)
    }
}

struct Checker<'a> {
    files: &'a [(&'a str, &'a Found)],
    reread: RereadAll<'a>,
    left: usize,
}

impl Checker<'_> {
    /// The places whose image is another after these edits of each file than it may be; and what the others are.
    fn wrong(
        &mut self,
        meant: &[Meant],
        edits: &[Vec<Edit>],
    ) -> (Held, BTreeMap<(usize, usize), String>) {
        self.left = self.left.saturating_sub(1);
        let files = self.files.iter().zip(edits);
        let after: Result<Vec<String>, _> = files
            .map(|((text, _), edits)| apply(text, edits.clone()))
            .collect();
        let now = after.map(|after| (self.reread)(&after)).unwrap_or_default();
        let (mut wrong, mut right) = (Held::new(), BTreeMap::new());
        for (file, meant) in meant.iter().enumerate() {
            let Some(found) = now.get(file) else {
                wrong.extend(meant.numbers().map(|number| (file, number)));
                continue;
            };
            let (of_file, images) = meant.compare(&edits[file], found);
            wrong.extend(of_file.into_iter().map(|number| (file, number)));
            let images = images.into_iter();
            right.extend(images.map(|(number, image)| ((file, number), image)));
        }
        (wrong, right)
    }

    /// Whose edits are to be left out so that these places come right.
    fn guilty(&mut self, meant: &[Meant], drafted: &[Draft], wrong: &Held) -> Held {
        let id = |(file, wish): (usize, &Wish)| (file, wish.number);
        let own = all_wishes(drafted).filter(|(_, wish)| !wish.edits.is_empty());
        let own: Held = own.map(id).filter(|id| wrong.contains(id)).collect();
        if !own.is_empty() {
            return own;
        }
        // It is wrong by another's edit: the first with which it becomes so.
        let edits: Vec<(usize, &Edit)> = drafted
            .iter()
            .enumerate()
            .flat_map(|(file, draft)| draft.plan.edits.iter().map(move |edit| (file, edit)))
            .collect();
        let Some(first) = wrong.first() else {
            return Held::new();
        };
        let (mut right, mut first_wrong) = (0, edits.len());
        while first_wrong - right > 1 && self.left > 0 {
            let middle = right.midpoint(first_wrong);
            let mut some = vec![Vec::new(); drafted.len()];
            for (file, edit) in &edits[..middle] {
                some[*file].push((*edit).clone());
            }
            if self.wrong(meant, &some).0.contains(first) {
                first_wrong = middle;
            } else {
                right = middle;
            }
        }
        if self.left == 0 {
            return Held::new();
        }
        let Some((of_file, edit)) = first_wrong.checked_sub(1).and_then(|at| edits.get(at)) else {
            return Held::new();
        };
        let wishes = all_wishes(drafted);
        let wishes = wishes.filter(|(file, wish)| file == of_file && wish.edits.contains(edit));
        wishes.map(id).collect()
    }

    /// The plans, with what became of those that were held back or refused: right by another's edit, or not changed.
    fn told(
        &self,
        drafted: Vec<Draft>,
        held: &Held,
        now: &BTreeMap<(usize, usize), String>,
    ) -> Vec<Plan> {
        let files = drafted.into_iter().enumerate();
        let told = files.map(|(file, Draft { mut plan, wishes })| {
            for wish in wishes {
                let id = (file, wish.number);
                let is_right = now.get(&id) == Some(&canonical(&wish.change.to));
                match &wish.refused {
                    Some(unsure) if is_right => plan.unsure.retain(|one| one != unsure),
                    None if held.contains(&id) => {}
                    _ => continue,
                }
                if is_right {
                    plan.changes.push(wish.change);
                } else {
                    plan.unsure.push(self.held_back(file, &wish));
                }
            }
            plan.sort();
            plan
        });
        told.collect()
    }

    fn held_back(&self, file: usize, wish: &Wish) -> Unsure {
        let (text, found) = self.files[file];
        let span = wish.spans.first();
        let shown = span.and_then(|span| text.get(span.clone()));
        let place = found.places.get(wish.number);
        let why = place.and_then(Place::elsewhere).map_or_else(
            || "what it is made of is an image elsewhere too".to_owned(),
            |file| format!("the rest of it is set in {file}, and does not change with it"),
        );
        Unsure {
            line: wish.change.line,
            text: shown.unwrap_or(&wish.change.from).to_owned(),
            why,
            is_unpinned: false,
        }
    }
}

/// Where only edits of names are left whose tags nobody knows, and they do harm: nothing is changed.
fn given_up(drafted: Draft) -> Plan {
    let mut plan = drafted.plan;
    for change in std::mem::take(&mut plan.changes) {
        plan.unsure.push(Unsure {
            line: change.line,
            text: change.from,
            why: "other images of the file would become others with it".to_owned(),
            is_unpinned: false,
        });
    }
    plan.edits.clear();
    plan.sort();
    plan
}

fn canonical(image: &str) -> String {
    let parsed = image.parse::<Image>();
    parsed.map_or_else(|_| image.to_owned(), |image| image.to_string())
}

/// The numbers of the spans that have bytes of `span`.
fn near(spans: &[Range<usize>], span: &Range<usize>) -> Vec<usize> {
    let end = spans.partition_point(|one| one.start < span.end);
    let first = end.saturating_sub(MAX_NEAR);
    (first..end)
        .filter(|at| spans[*at].end > span.start)
        .collect()
}

/// Where bytes are after edits.
struct Shift<'e> {
    edits: &'e [Edit],
    /// By how much each edit and those before it move what is behind.
    moved: Vec<isize>,
}

impl<'e> Shift<'e> {
    fn of(edits: &'e [Edit]) -> Self {
        let mut sum = 0_isize;
        let moved = edits.iter().map(|edit| {
            sum += edit.new.len().cast_signed() - (edit.end - edit.start).cast_signed();
            sum
        });
        Self {
            moved: moved.collect(),
            edits,
        }
    }

    /// Where what begins at a byte begins.
    fn start(&self, at: usize) -> usize {
        let before = self.edits.partition_point(|edit| edit.start < at);
        match before.checked_sub(1) {
            Some(last) if self.edits[last].end > at => {
                self.by(self.edits[last].start, last.checked_sub(1))
            }
            last => self.by(at, last),
        }
    }

    /// Where what ends at a byte ends.
    fn end(&self, at: usize) -> usize {
        let before = self.edits.partition_point(|edit| edit.end <= at);
        match self.edits.get(before) {
            Some(edit) if edit.start < at => {
                self.by(edit.start, before.checked_sub(1)) + edit.new.len()
            }
            _ => self.by(at, before.checked_sub(1)),
        }
    }

    fn by(&self, at: usize, last: Option<usize>) -> usize {
        at.saturating_add_signed(last.map_or(0, |last| self.moved[last]))
    }
}

//! Holds a plan to what it means: a file that has been changed is read again, and each image in it has to be the old one, or what
//! the rules make of that.
//!
//! A variable may be an image in one place and a part of one in another, so that one edit changes both.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::goal::Goal;
use super::image::Image;
use super::plan::{Pin, Plan, Unsure};
use super::planner::{Draft, Wish, draft};
use crate::{Edit, Found, apply};

/// Who finds the images of the same file when its text is another.
pub type Reread<'a> = &'a dyn Fn(&str) -> Found;

/// How often one file is read again at most. What is not right by then is left as it is.
const MAX_READS: usize = 64;

/// How many bytes of it are read again, be it large.
const MAX_READ_BYTES: usize = 256 << 20;

/// How many images before one are asked whether it lies within them.
const MAX_NEAR: usize = 64;

/// Plans one file as [`super::plan()`] does, and leaves out what would make another image than is meant of any.
pub fn plan_checked(
    (text, found): (&str, &Found),
    goal: &Goal,
    pin: Option<Pin<'_>>,
    reread: Reread<'_>,
) -> Plan {
    let mut held = BTreeSet::new();
    let mut checker = Checker {
        text,
        reread,
        left: (MAX_READ_BYTES / text.len().max(1)).clamp(2, MAX_READS),
    };
    loop {
        let drafted = draft((text, found), goal, pin, &held);
        if matches!(goal, Goal::Cortex(_)) || drafted.plan.edits.is_empty() {
            return checker.told(drafted, &held, &BTreeMap::new());
        }
        let meant = Meant::of(found, &drafted);
        let (wrong, now) = checker.wrong(&meant, &drafted.plan.edits);
        if wrong.is_empty() {
            return checker.told(drafted, &held, &now);
        }
        let before = held.len();
        if checker.left > 0 {
            held.extend(checker.guilty(&meant, &drafted, &wrong));
        }
        if held.len() == before {
            held.extend(drafted.wishes.iter().map(|wish| wish.number));
            if held.len() == before {
                return given_up(drafted);
            }
        }
    }
}

/// What may stand where, after the edits.
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
}

struct Checker<'a> {
    text: &'a str,
    reread: Reread<'a>,
    left: usize,
}

impl Checker<'_> {
    /// The places whose image is another after these edits than it may be; and what each is.
    fn wrong(
        &mut self,
        meant: &Meant,
        edits: &[Edit],
    ) -> (BTreeSet<usize>, BTreeMap<usize, String>) {
        self.left = self.left.saturating_sub(1);
        let all = || meant.images.iter().map(|(.., number)| *number).collect();
        let Ok(after) = apply(self.text, edits.to_vec()) else {
            return (all(), BTreeMap::new());
        };
        let again = (self.reread)(&after);
        let shift = Shift::of(edits);
        let spans: Vec<Range<usize>> = meant
            .images
            .iter()
            .map(|(span, ..)| shift.start(span.start)..shift.end(span.end))
            .collect();
        let (mut wrong, mut now) = (BTreeSet::new(), BTreeMap::new());
        let mut seen = BTreeSet::new();
        for place in &again.places {
            let image = canonical(&place.image);
            let here = near(&spans, &place.span);
            let may_be = here.iter().any(|at| meant.images[*at].1.contains(&image));
            for at in here {
                let number = meant.images[at].2;
                seen.insert(number);
                if meant.images[at].1.contains(&image) {
                    now.insert(number, image.clone());
                } else if !may_be {
                    wrong.insert(number);
                }
            }
        }
        // What was an image and is none any more, or nobody knows which.
        wrong.extend(
            meant
                .images
                .iter()
                .map(|(.., number)| *number)
                .filter(|number| !seen.contains(number)),
        );
        (wrong, now)
    }

    /// Whose edits are to be left out so that these places come right.
    fn guilty(
        &mut self,
        meant: &Meant,
        drafted: &Draft,
        wrong: &BTreeSet<usize>,
    ) -> BTreeSet<usize> {
        let own = drafted.wishes.iter();
        let own = own.filter(|wish| wrong.contains(&wish.number) && !wish.edits.is_empty());
        let own: BTreeSet<usize> = own.map(|wish| wish.number).collect();
        if !own.is_empty() {
            return own;
        }
        // It is wrong by another's edit: the first with which it becomes so.
        let (Some(number), edits) = (wrong.first(), &drafted.plan.edits) else {
            return BTreeSet::new();
        };
        let (mut right, mut first_wrong) = (0, edits.len());
        while first_wrong - right > 1 && self.left > 0 {
            let middle = right.midpoint(first_wrong);
            if self.wrong(meant, &edits[..middle]).0.contains(number) {
                first_wrong = middle;
            } else {
                right = middle;
            }
        }
        if self.left == 0 {
            return BTreeSet::new();
        }
        let edit = edits.get(first_wrong - 1);
        let of_edit = |wish: &&Wish| edit.is_some_and(|edit| wish.edits.contains(edit));
        let wishes = drafted.wishes.iter().filter(of_edit);
        wishes.map(|wish| wish.number).collect()
    }

    /// The plan, with what became of those that were held back: right by another's edit, or not changed.
    fn told(&self, drafted: Draft, held: &BTreeSet<usize>, now: &BTreeMap<usize, String>) -> Plan {
        let mut plan = drafted.plan;
        for wish in drafted.wishes {
            if !held.contains(&wish.number) {
                continue;
            }
            if now.get(&wish.number) == Some(&canonical(&wish.change.to)) {
                plan.changes.push(wish.change);
                continue;
            }
            let text = wish
                .spans
                .first()
                .and_then(|span| self.text.get(span.clone()));
            plan.unsure.push(Unsure {
                line: wish.change.line,
                text: text.unwrap_or(&wish.change.from).to_owned(),
                why: "what it is made of is an image elsewhere too".to_owned(),
                is_unpinned: false,
            });
        }
        plan.sort();
        plan
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

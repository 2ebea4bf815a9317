//! A second set by somebody who had not seen the rules: what the doctor says of each text on its own, and of what is left of it
//! after its way through other people's tools.

use std::collections::BTreeMap;

use forebay_failures::{Class, classify};

use crate::lines::{Line, unseen};
use crate::scanned::findings;
use crate::ways::WAYS;

/// The least share of a class that is told right, in thousandths.
const GOAL_PERMILLE: usize = 980;

/// What is expected where no failed pull is told of.
const NOTHING: &str = "nothing";

/// The classes of the findings of a text, or [`NOTHING`].
pub(crate) fn told(text: &str) -> Vec<&'static str> {
    let told: Vec<_> = findings(text)
        .iter()
        .map(|finding| finding.class.as_str())
        .collect();
    if told.is_empty() { vec![NOTHING] } else { told }
}

fn is_limit(class: &str) -> bool {
    Class::ALL
        .iter()
        .any(|of| of.is_limit() && of.as_str() == class)
}

/// Whether the findings are what the label says, or leaves open; a limit must be among them.
pub(crate) fn is_right(line: &Line, told: &[&str]) -> bool {
    let is_open = |class: &&str| line.class == *class || line.accept.iter().any(|of| of == class);
    told.iter().all(is_open) && (!is_limit(&line.class) || told.contains(&line.class.as_str()))
}

#[test]
fn each_class_of_the_second_set_is_told_right_in_98_of_100() {
    let mut scores: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut wrong = Vec::new();
    for line in unseen() {
        let told = told(&line.text);
        let score = scores.entry(line.class.clone()).or_default();
        score.1 += 1;
        if is_right(&line, &told) {
            score.0 += 1;
        } else {
            wrong.push(format!("{told:?}, not {}: {}", line.class, line.text));
        }
    }
    let is_reached = scores
        .values()
        .all(|(right, of)| right * 1000 >= of * GOAL_PERMILLE);
    assert_eq!(scores.len(), Class::ALL.len() + 1, "{scores:?}");
    assert!(is_reached, "{scores:?}\n{}", wrong.join("\n"));
}

#[test]
fn no_limit_of_the_second_set_is_missed_or_invented() {
    let mut wrong = Vec::new();
    for line in unseen() {
        let told = told(&line.text);
        let is_of_limits = is_limit(&line.class) || told.iter().any(|class| is_limit(class));
        if is_of_limits && !is_right(&line, &told) {
            wrong.push(format!("{told:?}, not {}: {}", line.class, line.text));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_second_set_keeps_its_classes_on_every_way() {
    const WAYS_OF_EACH: usize = 3;
    let mut wrong = Vec::new();
    for (index, line) in unseen().iter().enumerate() {
        let expected = classify(&line.text).map(|verdict| verdict.class);
        let ways = WAYS.iter().cycle().skip(index % WAYS.len());
        for (name, way) in ways.take(WAYS_OF_EACH) {
            let text = way(&line.text);
            let class = classify(&text).map(|verdict| verdict.class);
            if class != expected {
                wrong.push(format!("{name}: {class:?}, not {expected:?}: {text}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_text_of_the_second_set_that_was_cut_is_never_another_limit_for_certain() {
    const TENTHS: std::ops::Range<usize> = 2..10;
    for line in unseen() {
        let whole = classify(&line.text).map(|verdict| verdict.class);
        for tenths in TENTHS {
            let end = line.text.floor_char_boundary(line.text.len() * tenths / 10);
            for tail in ["", "..."] {
                let text = format!("{}{tail}", &line.text[..end]);
                let Some(cut) = classify(&text) else { continue };
                let is_same = whole == Some(cut.class);
                assert!(
                    is_same || !cut.class.is_limit() || !cut.is_certain,
                    "{} of {text}",
                    cut.class
                );
            }
        }
    }
}

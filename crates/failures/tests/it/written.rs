//! The wordings of many clients, by class; and texts of something else.

use std::collections::BTreeMap;

use forebay_failures::classify;

use crate::lines::{Line, class_of, differences, none, written};

#[test]
fn every_written_line_is_told_right() {
    check(&written());
}

fn check(lines: &[Line]) {
    let mut wrong = Vec::new();
    let mut by_class: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for line in lines {
        let verdict = classify(&line.text);
        let told = verdict
            .as_ref()
            .map_or("nothing", |verdict| verdict.class.as_str());
        let score = by_class.entry(line.class.clone()).or_default();
        score.1 += 1;
        if told == line.class || line.accept.iter().any(|accepted| told == accepted) {
            score.0 += 1;
        } else {
            wrong.push(format!("{told}, not {}: {}", line.class, line.text));
        }
        if let Some(verdict) = verdict {
            let differences = differences(line, &verdict);
            wrong.extend(
                differences
                    .into_iter()
                    .map(|what| format!("{what}: {}", line.text)),
            );
        }
    }
    assert!(
        wrong.is_empty(),
        "{by_class:?}\n{}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn what_tells_of_something_else_or_of_success_is_nothing() {
    let none = none();
    let wrong: Vec<_> = none
        .iter()
        .filter_map(|line| Some(format!("{}: {}", class_of(&line.text)?, line.text)))
        .collect();
    assert!(none.len() >= 150);
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        none.len(),
        wrong.join("\n")
    );
}

//! Source code before and after a rule, as tables.

mod bounds;
mod python;
mod shell;
mod typescript;

use std::fmt::Write as _;

use crate::rules::{Goal, plan};
use crate::{Settings, apply, find};

/// The incident's rule: an account's images at Docker Hub are now in ECR, by their last name.
const RULES: &str = r#"
[[rule]]
registry = "docker.io"
to = "ecr.example/{name}"
"#;

fn settings(set: &[(&str, &str)]) -> Settings {
    Settings {
        set: set
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..Settings::default()
    }
}

/// The text afterwards, then what was left to a person, a line each.
fn rewritten(path: &str, text: &str, set: &[(&str, &str)]) -> String {
    let goal = Goal::of_file(RULES).unwrap();
    let found = find(path, text.as_bytes(), &settings(set));
    let plan = plan(text, &found, &goal, None);
    let mut after = apply(text, plan.edits).unwrap();
    for unsure in plan.unsure {
        let _ = write!(
            after,
            "\n? {}: {} ({})",
            unsure.line, unsure.text, unsure.why
        );
    }
    after
}

type Row = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
);

fn check(path: &str, rows: &[Row]) {
    for (text, set, expected) in rows {
        assert_eq!(rewritten(path, text, set), *expected, "{text}");
    }
}

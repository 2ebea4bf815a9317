//! Any text as a file that is rewritten: twice is once, its record gives back what was there, and no rewrite's record is taken
//! for a foreign one.
#![no_main]

use forebay_rewrite::rules::{FileRecord, Goal, Record, Run, plan_checked};
use forebay_rewrite::{Settings, apply, find};
use libfuzzer_sys::fuzz_target;

/// Files of which each is read in a way of its own.
const PATHS: [&str; 10] = [
    "deploy.yaml",
    "compose.yaml",
    "Dockerfile",
    "main.tf",
    "task.json",
    "app.py",
    "app.ts",
    "build.sh",
    ".github/workflows/ci.yml",
    "values.yaml",
];

fuzz_target!(|input: (u8, &str)| {
    let (which, text) = input;
    let path = PATHS[usize::from(which) % PATHS.len()];
    let reread = |text: &str| find(path, text.as_bytes(), &Settings::default());
    let Some(Ok(goal)) = Goal::find_preset("forebay:cache.example") else {
        unreachable!("it is a preset");
    };
    let found = reread(text);
    let plan = plan_checked((text, &found), &goal, None, &reread);
    if plan.edits.is_empty() {
        return;
    }
    let after = apply(text, plan.edits.clone()).expect("edits that were checked fit");
    let again = plan_checked((&after, &reread(&after)), &goal, None, &reread);
    assert!(again.edits.is_empty(), "{after:?}: {:?}", again.edits);
    let file = FileRecord::new(path.to_owned(), text, &after, &plan.edits);
    let mut record = Record::default();
    record.push(Run {
        to: "forebay:cache.example".to_owned(),
        at_ms: 1,
        files: vec![file],
    });
    let written = record.to_json().expect("a record has a form");
    let read = Record::parse(&written).expect("a record is read as it was written");
    assert_eq!(read, record);
    let file = &read.runs[0].files[0];
    assert_eq!(file.undo(&after).expect("it can be taken back"), text);
    file.check(&found, false).expect("a rewrite wrote it");
});

//! Any file, and behind a `\x01` any text as the record of a rewrite, which may have come with a repository: what it puts back is
//! what it says was there.
#![no_main]

use forebay_oci::Digest;
use forebay_rewrite::rules::{FileRecord, Record};
use forebay_rewrite::{Settings, find};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (text, record) = text.split_once('\x01').unwrap_or(("", text));
    let Ok(mut record) = Record::parse(record) else {
        return;
    };
    let written = record.to_json().expect("a record has a form");
    assert_eq!(Record::parse(&written).expect("it is one"), record);
    for file in record.runs.iter_mut().flat_map(|run| &mut run.files) {
        try_undo(file, text);
        // One whose digest fits, so that what it says is tried.
        file.after = Digest::sha256(text.as_bytes()).to_string();
        try_undo(file, text);
    }
});

fn try_undo(file: &FileRecord, text: &str) {
    if let Ok(before) = file.undo(text) {
        assert!(file.is_before(&before));
        let found = find(&file.path, before.as_bytes(), &Settings::default());
        let _ = file.check(&found, false);
    }
    let found = find(&file.path, text.as_bytes(), &Settings::default());
    let _ = file.check(&found, true);
}

//! Any file or none, and behind a `\x01` any text as the record of a set-up: what is put back is what the record has of the file.
#![no_main]

use forebay_setup::{Record, Undo};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let parts = text.split_once('\x01');
    let (now, record) = parts.map_or((None, text), |(now, record)| (Some(now.to_owned()), record));
    let Ok(record) = Record::parse(record) else {
        return;
    };
    let again = Record::parse(&record.to_text()).expect("it is read as it was written");
    assert_eq!(again, record);
    for written in &record.files {
        let _ = record.original(&written.path, now.clone());
        match written.undo(now.as_deref()) {
            Undo::Restore(text) => assert_eq!(Some(text), written.before),
            Undo::Remove => assert!(written.before.is_none()),
            Undo::Done => assert_eq!(now, written.before),
            Undo::Refuse => assert_ne!(now.as_ref(), Some(&written.after)),
        }
    }
});

//! What holds of every file: reading it ends, and what was found can be written without touching another byte.

use forebay_references::{Edit, Format, Found, Settings, apply, find_as};

/// A reference that every place can take.
const NEW: &str = "h.example/x/y:v1";

/// Reads a text as a format at a path, and writes to each place.
pub fn check(format: Format, path: &str, text: &str) {
    let found = find_as(format, path, text, &Settings::default());
    check_found(text, &found);
}

/// Checks what was found in a text.
pub fn check_found(text: &str, found: &Found) {
    for place in &found.places {
        assert!(
            text.get(place.span.clone()).is_some(),
            "a place is in its text"
        );
        let Ok(edits) = place.edits(NEW) else {
            continue;
        };
        for Edit { start, end, .. } in &edits {
            assert!(text.get(*start..*end).is_some(), "an edit is in its text");
        }
        let grown: isize = edits
            .iter()
            .map(|edit| edit.new.len() as isize - (edit.end - edit.start) as isize)
            .sum();
        if let Ok(new) = apply(text, edits) {
            assert_eq!(new.len() as isize, text.len() as isize + grown);
        }
    }
    for ambiguous in &found.ambiguous {
        assert!(
            text.get(ambiguous.span.clone()).is_some(),
            "what is listed is in its text"
        );
    }
}

//! What holds of every file in which images are sought: reading it ends, and what was found can be written without touching
//! another byte.

use forebay_references::{Edit, Found, apply};

/// A reference that every place can take.
const NEW: &str = "h.example/x/y:v1";

/// Checks what was found in a text, by writing to each place.
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

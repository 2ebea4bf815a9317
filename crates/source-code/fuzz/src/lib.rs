//! What holds of every text in a language: reading it ends, and what was found can be written without touching another byte.

use forebay_references::{Format, Settings};
use forebay_references_fuzz::check_found;
use forebay_source_code::find_as;

/// Reads a text as a format at a path, and writes to each place.
pub fn check(format: Format, path: &str, text: &str) {
    check_found(text, &find_as(format, path, text, &Settings::default()));
}

//! Finds the image references of a file of any format: the door that commands and forecasts use.

use crate::{Found, Settings, find_as};

/// Finds the image references in a file's bytes.
pub fn find(path: &str, content: &[u8], settings: &Settings) -> Found {
    forebay_references::find_by(path, content, settings, find_as)
}

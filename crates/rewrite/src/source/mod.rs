//! Finds images in source code: Python, TypeScript and JavaScript, shell scripts, and the fences of Markdown.
//!
//! Start reading at `search.rs`; `contexts.rs` says where a text is an image. Texts that only look like one are not taken.

mod contexts;
mod facts;
mod format_text;
mod markdown;
mod python;
mod python_text;
mod quotes;
mod resolve;
mod search;
mod shell;
mod tree;
mod typescript;
mod typescript_text;
mod writing;

use crate::{Found, Note, Settings};

pub(crate) use markdown::find as find_in_markdown;
pub(crate) use shell::find as find_in_shell;

/// Parts of words, one of which is in every file that names an image.
const WORDS: [&str; 5] = ["mage", "egistry", "ocker", "ontainer", "podman"];

/// The images of a Python file.
pub(crate) fn find_in_python(text: &str, settings: &Settings) -> Found {
    search_in(text, settings, || python::read(text))
}

/// The images of a TypeScript or JavaScript file.
pub(crate) fn find_in_typescript(path: &str, text: &str, settings: &Settings) -> Found {
    search_in(text, settings, || typescript::read(path, text))
}

fn search_in(
    text: &str,
    settings: &Settings,
    read: impl FnOnce() -> Option<facts::Facts>,
) -> Found {
    if !WORDS.iter().any(|word| text.contains(word)) {
        return Found::default();
    }
    match read() {
        Some(facts) => search::search(text, &facts, settings),
        None => Found::only(Note::whole("cannot be parsed")),
    }
}

#[cfg(test)]
mod tests;

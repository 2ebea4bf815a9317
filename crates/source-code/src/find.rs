//! Finds images in a text whose format is known: source code here, all else by the finder of references.

use std::collections::BTreeSet;

use forebay_references::{Embedded, Format, Found, Note, PullPolicy, Settings, name_of};

use crate::{facts, markdown, python, search, shell, typescript};

/// Parts of words, one of which is in every source file that names an image.
const WORDS: [&str; 5] = ["mage", "egistry", "ocker", "ontainer", "podman"];

/// The deepest nesting of texts in texts: a manifest in a here-document of a script of a pipeline.
pub(crate) const MAX_DEPTH: usize = 4;

/// The images of a text of any format.
pub fn find_as(format: Format, path: &str, text: &str, settings: &Settings) -> Found {
    find_within((format, path), text, settings, 0)
}

/// The images of a text that stands so deep within others.
pub(crate) fn find_within(
    (format, path): (Format, &str),
    text: &str,
    settings: &Settings,
    depth: usize,
) -> Found {
    if depth > MAX_DEPTH {
        return Found::default();
    }
    let mut found = match format {
        Format::Python => search_in(text, settings, || python::read(text)),
        Format::TypeScript => search_in(text, settings, || typescript::read(path, text)),
        Format::Shell => shell::find(text, settings, depth),
        Format::Markdown => markdown::find(text, settings, depth),
        _ => forebay_references::find_as(format, path, text, settings),
    };
    for embedded in std::mem::take(&mut found.embedded) {
        found.absorb(read(&embedded, text, settings, depth), 0);
    }
    if depth == 0 {
        note_built(&mut found);
    }
    found.sort();
    found
}

/// Marks what one script of a file builds where another takes it: a name of one part is no registry's.
fn note_built(found: &mut Found) {
    let own = found.built.iter().filter(|name| !name.contains('/'));
    let own: BTreeSet<&str> = own.map(|name| name_of(name)).collect();
    for place in &mut found.places {
        if own.contains(name_of(&place.image)) {
            place.owner.is_built = true;
            place.owner.pull_policy = Some(PullPolicy::Never);
        }
    }
}

/// The images of a text within a file, where they stand in it.
fn read(embedded: &Embedded, file: &str, settings: &Settings, depth: usize) -> Found {
    let mut set = embedded.set.clone();
    // What is said on the command line goes before what the file says.
    set.extend(settings.set.clone());
    let settings = Settings {
        set,
        crds: settings.crds.clone(),
        ..Settings::default()
    };
    let format = (embedded.format, embedded.path.as_str());
    let found = find_within(format, &embedded.text, &settings, depth + 1);
    embedded.outward(file, found)
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

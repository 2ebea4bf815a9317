//! Finds the image references of a file: the one door to all the formats.
//!
//! Cheap refusals come first: what is too large, no text, or has no word that could name an image is not parsed.

use crate::{Format, Found, Note, Settings, dockerfile, env, helm, structured, terraform};

/// A file larger than this is left alone: manifests of a whole fleet have a few megabytes.
pub const MAX_FILE_BYTES: usize = 32 << 20;

/// A finder for texts whose format is known: the format, the file's path, its text, and how to look.
pub type FindAs = fn(Format, &str, &str, &Settings) -> Found;

/// Finds the image references in a file's bytes, where its format is one of this crate's.
pub fn find(path: &str, content: &[u8], settings: &Settings) -> Found {
    find_by(path, content, settings, find_as)
}

/// Finds the image references in a file's bytes with the finder that is given, which may know more formats.
pub fn find_by(path: &str, content: &[u8], settings: &Settings, find_as: FindAs) -> Found {
    if content.len() > MAX_FILE_BYTES {
        return Found::only(Note::whole(format!(
            "larger than {} MiB: not read",
            MAX_FILE_BYTES >> 20
        )));
    }
    match std::str::from_utf8(content) {
        Ok(text) => {
            let Some(format) = Format::sniff(path, text) else {
                return Found::default();
            };
            if text.contains('\0') {
                return Found::only(has_nul());
            }
            let found = find_as(format, path, text, settings);
            // A guess by the first bytes that was wrong is no news either.
            let was_guessed = Format::by_name(path, text).is_none();
            if was_guessed && found.places.is_empty() {
                return Found::default();
            }
            found
        }
        // What we do not know by its name is somebody's photo, and no news.
        Err(error) => match Format::sniff(path, "") {
            Some(_) => Found::only(Note::at(error.valid_up_to(), "not UTF-8: left as it is")),
            None => Found::default(),
        },
    }
}

/// Finds the image references in a text whose format is known; none in source code, which others read.
pub fn find_as(format: Format, path: &str, text: &str, settings: &Settings) -> Found {
    if text.contains('\0') {
        return Found::only(has_nul());
    }
    if !may_name_images((format, path), text, settings) {
        return Found::default();
    }
    let mut found = match format {
        Format::Yaml => structured::find_yaml(path, text, settings),
        Format::Json => structured::find_json(path, text, settings),
        Format::Dockerfile => dockerfile::find(path, text, settings),
        Format::Hcl => terraform::find(path, text, settings),
        Format::HelmTemplate => helm::find(path, text, settings),
        Format::Env => env::find(path, text, settings),
        Format::Python | Format::TypeScript | Format::Shell | Format::Markdown => {
            return Found::default();
        }
    };
    found.sort();
    found
}

fn has_nul() -> Note {
    Note::whole("has NUL bytes: left as it is")
}

/// Whether a file is of a kind that is known: of YAML and JSON one of its documents has to be, or nobody knows what it deploys.
pub fn is_understood(path: &str, content: &[u8], settings: &Settings) -> bool {
    // What cannot be read is told when it is looked through.
    let Ok(text) = std::str::from_utf8(content) else {
        return true;
    };
    let format = Format::sniff(path, text);
    content.len() > MAX_FILE_BYTES
        || format.is_none_or(|format| structured::is_any_known((format, path), text, settings))
}

/// What is in each YAML file that names an image: a key, or a tool in a script of a pipeline.
const YAML_WORDS: [&str; 14] = [
    "mage",
    "services:",
    "container:",
    "repository",
    "docker",
    "podman",
    "nerdctl",
    "finch",
    "buildah",
    "crane",
    "regctl",
    "crictl",
    "ctr ",
    "trivy",
];

/// Words of which one is in each file of a format that names an image, except where the operator said where to look.
fn may_name_images((format, path): (Format, &str), text: &str, settings: &Settings) -> bool {
    let is_by_template = |name: &String| name.starts_with(Format::CHART_TEMPLATES);
    let words: &[&str] = match format {
        Format::Yaml if settings.near.keys().any(is_by_template) => return true,
        // It tells where others find images.
        Format::Yaml if path.contains("ustomization") => return true,
        Format::Yaml if settings.crds.is_empty() => &YAML_WORDS,
        Format::Json if settings.crds.is_empty() => &["mage", "\\u", "docker://", "repository"],
        Format::HelmTemplate => &["image"],
        Format::Hcl => &["mage", "container"],
        _ => return true,
    };
    words.iter().any(|word| text.contains(word))
}

//! The images of the files that were named, each with all who start it.

use std::collections::HashMap;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use forebay_config::DOCKER_HUB_ALIASES;
use forebay_forecast::preflight::{Check, names, secrets};
use forebay_forecast::{Fleet, ImageUse, Wanted};
use forebay_oci::{DOCKER_HUB, ImageName};
use forebay_rewrite::{Format, Found, MAX_FILE_BYTES, Settings, find, find_as};
use forebay_terminal::Failure;

use super::Args;
use crate::commands::files::{files_below, near, read_named};

/// What stands for standard input.
const STDIN: &str = "-";

/// What was found in all files.
#[derive(Default)]
pub(super) struct Gathered {
    /// In the order in which they are named first.
    pub(super) images: Vec<Wanted>,
    /// Where an image is named, and not known, and what could not be read.
    pub(super) unsure: Vec<String>,
    /// What to know.
    pub(super) notes: Vec<String>,
    /// How many files could not be read.
    pub(super) failed: usize,
    /// The secrets that are named.
    pub(super) secrets: Vec<String>,
    /// Whether the names that templates give are free.
    pub(super) names: Vec<Check>,
    index: HashMap<String, usize>,
}

/// Reads all files.
///
/// # Errors
/// What was named is not there, or cannot be walked.
pub(super) fn gather(args: &Args, fleet: &Fleet) -> Result<Gathered, Failure> {
    let mut gathered = Gathered::default();
    let is_stdin = |path: &&PathBuf| path.as_os_str() == STDIN;
    let named: Vec<PathBuf> = args
        .paths
        .iter()
        .filter(|path| !is_stdin(path))
        .cloned()
        .collect();
    if named.len() < args.paths.len() {
        let text =
            read_stdin().map_err(|error| Failure::failed("cannot read standard input", error))?;
        // What tools print is YAML or JSON, which is YAML, too.
        let found = find_as(Format::Yaml, STDIN, &text, &settings(args));
        gathered.take("stdin", &text, &found, fleet);
    }
    for path in files_below(&named)? {
        let shown = path
            .strip_prefix("./")
            .unwrap_or(&path)
            .display()
            .to_string();
        match read_named(&path, false) {
            Ok(None) => {}
            Ok(Some(content)) => {
                let found = find_in(&path, &content, args);
                let text = String::from_utf8_lossy(&content);
                gathered.take(&shown, &text, &found, fleet);
                if args.stack.is_some() {
                    gathered.names.extend(names(&text, args.region.as_deref()));
                }
            }
            Err(error) => {
                gathered.failed += 1;
                gathered
                    .unsure
                    .push(format!("{shown}: cannot be read: {error}"));
            }
        }
    }
    Ok(gathered)
}

fn read_stdin() -> io::Result<String> {
    let mut text = String::new();
    let limit = MAX_FILE_BYTES as u64;
    io::stdin()
        .lock()
        .take(limit + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(text)
}

fn find_in(path: &Path, content: &[u8], args: &Args) -> Found {
    let name = path.to_string_lossy();
    let mut settings = settings(args);
    settings.near = near(path, content);
    find(&name, content, &settings)
}

fn settings(args: &Args) -> Settings {
    Settings {
        set: args.set.iter().cloned().collect(),
        crds: args.crd.clone(),
        ..Settings::default()
    }
}

impl Gathered {
    fn take(&mut self, shown: &str, text: &str, found: &Found, fleet: &Fleet) {
        for place in &found.places {
            let at = format!("{shown}:{}", line(text, place.span.start));
            match place.image.parse() {
                Ok(image) => {
                    let image = at_home(image);
                    let one = ImageUse::of(&place.owner, at, &image, fleet);
                    self.add(image, one);
                }
                Err(_) => self
                    .unsure
                    .push(format!("{at}: {}: not an image reference", place.image)),
            }
        }
        for one in &found.ambiguous {
            let at = line(text, one.span.start);
            let said = one.text.lines().next().unwrap_or_default();
            self.unsure
                .push(format!("{shown}:{at}: {said}: {}", one.why));
        }
        for note in &found.notes {
            let at = note.at.map(|at| format!(":{}", line(text, at)));
            let told = format!("{shown}{}: {}", at.unwrap_or_default(), note.text);
            // Of what was not read nobody knows which images it names.
            let list = if note.is_advice {
                &mut self.notes
            } else {
                &mut self.unsure
            };
            list.push(told);
        }
        for secret in secrets(text) {
            if !self.secrets.contains(&secret) {
                self.secrets.push(secret);
            }
        }
    }

    fn add(&mut self, image: ImageName, one: ImageUse) {
        let at = *self
            .index
            .entry(image.to_string())
            .or_insert(self.images.len());
        match self.images.get_mut(at) {
            Some(wanted) => wanted.uses.push(one),
            None => self.images.push(Wanted {
                image,
                uses: vec![one],
            }),
        }
    }
}

/// Docker Hub by its one name.
fn at_home(image: ImageName) -> ImageName {
    if !DOCKER_HUB_ALIASES.contains(&image.registry.as_str()) {
        return image;
    }
    let named = image.to_string();
    let home = named.strip_prefix(&image.registry).unwrap_or_default();
    format!("{DOCKER_HUB}{home}").parse().unwrap_or(image)
}

fn line(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    before.matches('\n').count() + 1
}

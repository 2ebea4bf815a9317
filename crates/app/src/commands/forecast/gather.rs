//! The images of the files that were named, each with all who start it.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use forebay_forecast::preflight::{Check, names, secrets};
use forebay_forecast::{Fleet, ImageUse, Modules, Scalers, Wanted};
use forebay_limits::shown;
use forebay_oci::{DOCKER_HUB, ImageName, is_docker_hub};
use forebay_rewrite::{
    Ambiguous, Format, Found, Lines, MAX_FILE_BYTES, Owner, PullPolicy, Settings, Why, find,
    find_as, is_understood,
};
use forebay_terminal::Failure;

use super::Args;
use super::links::{Links, links_below};
use super::parts::{Parts, Unread};
use crate::commands::files::{files_below, near, read_named};

/// What stands for standard input.
const STDIN: &str = "-";

/// What the names of `CloudFormation`'s own parameters begin with.
const AWS_OWN: &str = "AWS::";

/// What is in the host of each private ECR registry.
const ECR_HOSTS: [&str; 2] = [".dkr.ecr", ".dkr-ecr"];

/// The most bytes of a file's text that are told in one line.
const MAX_TOLD_BYTES: usize = 1 << 10;

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
    /// The secrets that are named, each once.
    pub(super) secrets: Vec<String>,
    /// Whether the names that templates give are free.
    pub(super) names: Vec<Check>,
}

/// Reads all files.
///
/// # Errors
/// What was named is not there, or cannot be walked, or nothing of it is of a format that names images.
pub(super) fn gather(args: &Args, fleet: &Fleet) -> Result<Gathered, Failure> {
    let mut reading = Reading::new(args);
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
        reading.stdin(&text);
    }
    let own: HashSet<&Path> = named.iter().map(PathBuf::as_path).collect();
    let files = files_below(&named)?;
    let Links {
        paths: links,
        unread,
    } = links_below(&named);
    reading.gathered.unsure.extend(unread);
    // By two ways it is still one file: `deploy` and `./deploy/web.yaml`, a link and what it leads to.
    let has_two_ways = named.len() > 1 || !links.is_empty();
    let mut seen = HashSet::new();
    for path in files.iter().chain(&links) {
        let is_first = !has_two_ways
            || fs::canonicalize(path).map_or(true, |canonical| seen.insert(canonical));
        if is_first {
            reading.file(path, own.contains(path.as_path()));
        }
    }
    if !reading.is_any_known {
        let hint = "name the files that are deployed, or pass to - what helm template or kustomize build print";
        let failure = Failure::plain("nothing that was named is of a format that names images");
        return Err(failure.with_hint(hint));
    }
    Ok(reading.finish(fleet))
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

/// Files that are being read: who starts what is counted when all of them are, as what scales it may stand in any.
struct Reading<'a> {
    args: &'a Args,
    gathered: Gathered,
    /// Each place that names an image, in the order of the files.
    places: Vec<(ImageName, Owner, String)>,
    scalers: Scalers,
    modules: Modules,
    parts: Parts,
    secrets: HashSet<String>,
    /// Whether anything was of a format that names images, or ought to be and could not be read.
    is_any_known: bool,
}

impl<'a> Reading<'a> {
    fn new(args: &'a Args) -> Self {
        Self {
            args,
            gathered: Gathered::default(),
            places: Vec::new(),
            scalers: Scalers::default(),
            modules: Modules::default(),
            parts: Parts::default(),
            secrets: HashSet::new(),
            is_any_known: false,
        }
    }

    fn stdin(&mut self, text: &str) {
        self.is_any_known = true;
        let sniffed = Format::sniff(STDIN, text);
        // What tools print is YAML or JSON, which is YAML, too.
        let format = sniffed.unwrap_or(Format::Yaml);
        let found = find_as(format, STDIN, text, &self.settings(Settings::default()));
        let is_any = !found.places.is_empty() || !found.ambiguous.is_empty();
        // The program before the pipe has failed, as a rule: that must not look as if nothing were deployed.
        if text.trim().is_empty() {
            self.unread("stdin: it is empty".to_owned());
        } else if sniffed.is_none() && !is_any {
            self.unread("stdin: is of no format that names images".to_owned());
        }
        self.take("stdin", text, found);
    }

    fn file(&mut self, path: &Path, is_named: bool) {
        let shown = path
            .strip_prefix("./")
            .unwrap_or(path)
            .display()
            .to_string();
        match read_named(path, false) {
            Ok(Some(content)) => {
                self.is_any_known = true;
                self.content((path, is_named), &shown, &content);
            }
            Ok(None) if is_named => self.unknown(path, &shown),
            Ok(None) => {}
            Err(error) => self.unread(format!("{shown}: cannot be read: {error}")),
        }
    }

    fn content(&mut self, (path, is_named): (&Path, bool), shown: &str, content: &[u8]) {
        let name = path.to_string_lossy();
        let settings = Settings {
            is_named,
            ..self.settings(near(path, content))
        };
        if is_named && !is_understood(&name, content, &settings) {
            let told = "not understood: it is of no kind that is known to name images";
            return self.unread(format!("{shown}: {told}"));
        }
        let found = find(&name, content, &settings);
        let text = String::from_utf8_lossy(content);
        self.parts.add(path, shown, &text);
        self.take(shown, &text, found);
    }

    /// A file that was named itself, and that neither its name nor its first bytes tell to name images.
    fn unknown(&mut self, path: &Path, shown: &str) {
        let size = fs::metadata(path).map_or(0, |about| about.len());
        if size > MAX_FILE_BYTES as u64 {
            let most = MAX_FILE_BYTES >> 20;
            self.unread(format!("{shown}: larger than {most} MiB: not read"));
        } else {
            let note = format!("{shown}: is of no format that names images: not read");
            self.gathered.notes.push(note);
        }
    }

    fn unread(&mut self, told: String) {
        self.is_any_known = true;
        self.gathered.failed += 1;
        self.gathered.unsure.push(told);
    }

    /// What is told of a file, with what is set.
    fn settings(&self, near: Settings) -> Settings {
        Settings {
            set: self.args.set.iter().cloned().collect(),
            crds: self.args.crd.clone(),
            ..near
        }
    }

    fn take(&mut self, file: &str, text: &str, found: Found) {
        let lines = Lines::of(text);
        let at = |byte: usize| format!("{file}:{}", lines.number(byte));
        for call in &found.modules {
            self.modules.add(Path::new(file), call);
        }
        let Gathered { unsure, notes, .. } = &mut self.gathered;
        for place in found.places {
            let at = at(place.span.start);
            if let Ok(image) = place.image.parse() {
                self.places.push((at_home(image), place.owner, at));
            } else {
                let said = shown(&place.image, MAX_TOLD_BYTES);
                unsure.push(format!("{at}: {said}: not an image reference"));
            }
        }
        // What is built, tagged or pushed is pulled by nobody, whatever its name comes to.
        let is_pulled = |one: &Ambiguous| one.owner.pull_policy != Some(PullPolicy::Never);
        for one in found.ambiguous.into_iter().filter(is_pulled) {
            if !one.images.is_empty() {
                let at = at(one.span.start);
                self.places.extend(in_jobs(one, &at));
                continue;
            }
            let said = shown(one.text.lines().next().unwrap_or_default(), MAX_TOLD_BYTES);
            let told = format!("{}: {said}: {}", at(one.span.start), one.why);
            if is_own_ecr(&one) {
                notes.push(format!(
                    "{told}: an ECR registry, of which Docker Hub counts nothing"
                ));
            } else {
                unsure.push(told);
            }
        }
        for note in found.notes {
            let at = note.at.map_or_else(|| file.to_owned(), at);
            // Of what was not read nobody knows which images it names.
            let list = if note.is_advice {
                &mut *notes
            } else {
                &mut *unsure
            };
            list.push(format!("{at}: {}", note.text));
        }
        self.scalers.read(text);
        if self.args.stack.is_some() {
            let names = names(text, self.args.region.as_deref());
            self.gathered.names.extend(names);
        }
        for secret in secrets(text) {
            if self.secrets.insert(secret.clone()) {
                self.gathered.secrets.push(secret);
            }
        }
    }

    /// Counts who starts what.
    fn finish(self, fleet: &Fleet) -> Gathered {
        let Self {
            mut gathered,
            places,
            scalers,
            modules,
            parts,
            ..
        } = self;
        let Unread { unsure, notes } = parts.unread();
        gathered.unsure.extend(unsure);
        gathered.notes.extend(notes);
        let mut index: HashMap<String, usize> = HashMap::new();
        for (image, mut owner, at) in places {
            let file = at.rsplit_once(':').map_or("", |(file, _)| file);
            modules.multiply(Path::new(file), &mut owner);
            let scaled = scalers.replicas_of(&owner);
            let one = ImageUse::of((&owner, scaled), at, &image, fleet);
            let next = gathered.images.len();
            let number = *index.entry(image.to_string()).or_insert(next);
            match gathered.images.get_mut(number) {
                Some(wanted) => wanted.uses.push(one),
                None => gathered.images.push(Wanted {
                    image,
                    uses: vec![one],
                }),
            }
        }
        gathered
    }
}

/// The images of a name that differs from job to job of a matrix, each with the jobs that have it.
fn in_jobs(one: Ambiguous, at: &str) -> impl Iterator<Item = (ImageName, Owner, String)> {
    let Ambiguous { owner, images, .. } = one;
    images.into_iter().filter_map(move |(image, jobs)| {
        let owner = Owner {
            replicas: Some(jobs),
            ..owner.clone()
        };
        Some((at_home(image.parse().ok()?), owner, at.to_owned()))
    })
}

/// Whether it is an image of the ECR registry of whoever deploys it, as CDK names all that it builds: which account that is,
/// no file tells, and for a pull limit it does not matter.
fn is_own_ecr(one: &Ambiguous) -> bool {
    matches!(&one.why, Why::Unset(name) if name.starts_with(AWS_OWN))
        && ECR_HOSTS.iter().any(|host| one.text.contains(host))
}

/// Docker Hub by its one name.
fn at_home(image: ImageName) -> ImageName {
    if image.registry == DOCKER_HUB || !is_docker_hub(&image.registry) {
        return image;
    }
    let named = image.to_string();
    let home = named.strip_prefix(&image.registry).unwrap_or_default();
    format!("{DOCKER_HUB}{home}").parse().unwrap_or(image)
}

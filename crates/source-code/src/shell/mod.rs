//! Finds images in shell scripts: in the words of commands, in assignments, and in here-documents.
//!
//! Values come from the script's own assignments, from defaults (`${X:-y}`) and from what is set. What a script builds
//! itself (`docker build -t app`) is its own and no registry's image.

mod assignments;
mod commands;
mod lexer;
mod tools;
mod values;
mod words;
mod wrappers;

use std::collections::BTreeSet;
use std::ops::Range;

use super::contexts::{is_image_name, is_picture};
use super::facts::Expr;
use crate::find::{MAX_DEPTH, find_within as find_other};
use commands::start_of;
use forebay_references::{Ambiguous, Format, Found, Owner, Place, Settings, Why, name_of};
use lexer::{Command, Part, Script, Segment, Word, lex};
use tools::program_of;
use values::{Values, place_of};
use wrappers::{Runs, find_wrapper};

pub(super) use commands::{image_words, tool_of};

/// Programs that run a text as a script.
const SHELLS: [&str; 7] = ["bash", "sh", "ash", "dash", "zsh", "su", "trap"];

/// How many images of a script's own are told.
const MAX_BUILT: usize = 1000;

/// How many variables are followed to the image that they are.
const MAX_HOPS: usize = 6;

/// True if a list of words in another language is a command line of one of the tools.
pub(super) fn is_tool(words: &[Expr]) -> bool {
    let Some(Expr::Literal(first)) = words.first() else {
        return false;
    };
    words.len() > 1 && is_tool_name(&first.text)
}

/// True if a command line that begins so may have images.
pub(super) fn is_tool_name(word: &str) -> bool {
    let program = program_of(word);
    tools::is_tool(program) || find_wrapper(program).is_some() || SHELLS.contains(&program)
}

/// The images of a shell script that stands so deep within other texts.
pub(crate) fn find(text: &str, settings: &Settings, depth: usize) -> Found {
    let script = lex(text);
    let mut finder = Finder {
        text,
        settings,
        depth,
        values: Values::of(&script.commands, settings),
        built: Vec::new(),
        found: Found::default(),
        seen: BTreeSet::new(),
    };
    finder.note_built(&script);
    for command in &script.commands {
        finder.command(command);
    }
    for document in &script.documents {
        let is_run = script.find_reader(document).is_some_and(|reader| {
            let words = finder.values.texts(reader);
            is_shell(&words)
        });
        finder.document(document.body.clone(), is_run);
    }
    finder.finish()
}

/// Why a word was followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Followed {
    /// A command pulls it.
    Pulled,
    /// A command names it.
    Named,
    /// Only the name of a variable says that it is an image.
    Called,
}

struct Finder<'a> {
    text: &'a str,
    settings: &'a Settings,
    depth: usize,
    values: Values<'a>,
    /// Names of one part that the script builds.
    built: Vec<String>,
    found: Found,
    /// Words that were followed, and how.
    seen: BTreeSet<(usize, usize, Followed)>,
}

impl Finder<'_> {
    fn note_built(&mut self, script: &Script) {
        for command in &script.commands {
            let words = self.values.texts(command);
            for image in image_words(&words) {
                let text = words.get(image.position).and_then(Option::as_deref);
                let text = text.and_then(|text| text.get(image.prefix..));
                let text = text.unwrap_or_default();
                if text.is_empty() || self.found.built.len() == MAX_BUILT {
                    continue;
                }
                if image.is_given && self.found.given.len() < MAX_BUILT {
                    self.found.given.push(text.to_owned());
                }
                if !image.is_built {
                    continue;
                }
                self.found.built.push(name_of(text).to_owned());
                if !text.contains('/') {
                    self.built.push(name_of(text).to_owned());
                }
            }
        }
    }

    fn command(&mut self, command: &Command) {
        let words = self.values.texts(command);
        let start = start_of(&words).at;
        let tool = tool_of(&words).unwrap_or_default().to_owned();
        for word in assignments::assignments(command) {
            if let Some(assignment) = assignments::split(word).filter(|one| !one.is_piece()) {
                self.assignment(&assignment.name, &assignment.value);
            }
        }
        for (name, value) in assignments::defaults(command) {
            self.assignment(name, &value);
        }
        for image in image_words(&words) {
            let owner = Owner {
                pull_policy: image.pull_policy(),
                ..Owner::of_kind(&tool)
            };
            match command.words.get(image.position) {
                Some(word) => self.image(word, image.prefix, &owner, 0),
                None if image.is_pulled => self.read_from_input(&command.words[start..], &owner),
                None => {}
            }
        }
        if is_shell(&words) && self.depth < MAX_DEPTH {
            for word in &command.words {
                self.nested_script(word);
            }
        }
        if tool == "alias" && self.depth < MAX_DEPTH {
            for alias in command.words[start..].iter().filter_map(assignments::split) {
                self.nested_script(&alias.value);
            }
        }
        if tool == "helm" {
            self.chart_values(command);
        }
    }

    /// `xargs docker pull`: what is read is not known here.
    fn read_from_input(&mut self, words: &[Word], owner: &Owner) {
        if let (Some(first), Some(last)) = (words.first(), words.last()) {
            let span = first.span.start..last.span.end;
            let ambiguous = Ambiguous::at(self.text, span, Why::Computed, owner.clone());
            self.found.ambiguous.push(ambiguous);
        }
    }

    /// `helm install --set image.repository=nginx`: what the chart's templates make of it is not known here.
    fn chart_values(&mut self, command: &Command) {
        for word in &command.words {
            let written = self.text.get(word.span.clone()).unwrap_or_default();
            let written = written.trim_start_matches("--set=");
            let is_image = written.split(',').any(|setting| {
                let key = setting.split_once('=').map_or("", |(key, _)| key);
                let key = key.trim_start_matches(['"', '\'']).to_ascii_lowercase();
                key.ends_with("image") || key.ends_with("image.repository")
            });
            if is_image {
                self.unsure(word, Why::Template, &Owner::of_kind("helm"));
            }
        }
    }

    /// `bash -c 'docker pull nginx'`.
    fn nested_script(&mut self, word: &Word) {
        if let [
            Segment {
                is_quoted: true,
                parts,
                ..
            },
        ] = word.segments.as_slice()
            && let [Part::Text { span, text }] = parts.as_slice()
            && self.text[span.clone()] == **text
            && text.contains(' ')
        {
            let part = find(text, self.settings, self.depth + 1);
            self.found.absorb(part, span.start);
        }
    }

    /// A variable that is called an image is one if its text says more than one word could.
    fn assignment(&mut self, name: &str, value: &Word) {
        if !is_image_name(name) && !is_image_name(name.trim_end_matches(['s', 'S'])) {
            return;
        }
        let owner = Owner::named("variable", name);
        let whole = (!value.segments.is_empty()).then_some(value);
        let fields = assignments::fields(value);
        // A list of images, and no sentence about one.
        if fields.len() > 1 && fields.iter().all(|field| self.is_tagged(field, &owner)) {
            for field in &fields {
                self.named(field, &owner, 0);
            }
            return;
        }
        for item in value.items.iter().chain(whole) {
            self.named(item, &owner, 0);
        }
    }

    fn is_tagged(&self, word: &Word, owner: &Owner) -> bool {
        let place = place_of(word, &self.values, owner);
        place.is_ok_and(|place| {
            let is_image = place.image.parse::<forebay_oci::ImageName>().is_ok();
            is_image && place.image.contains([':', '@'])
        })
    }

    /// What is bound to a variable that is called an image; another variable is followed to what that is.
    fn named(&mut self, word: &Word, owner: &Owner, hops: usize) {
        if hops > MAX_HOPS
            || !self
                .seen
                .insert((word.span.start, word.span.end, Followed::Called))
        {
            return;
        }
        if let Some(followed) = self.followed(word) {
            for value in followed {
                self.named(&value, owner, hops + 1);
            }
            return;
        }
        if let Ok(place) = place_of(word, &self.values, owner)
            && place.image.contains([':', '@'])
            && !is_picture(&place.image)
        {
            self.place(place);
        }
    }

    /// What a variable comes from that is the whole word: what the script gives it, and its default.
    fn followed(&self, word: &Word) -> Option<Vec<Word>> {
        let (name, default) = values::whole_variable(word)?;
        if self.settings.set.contains_key(name) {
            return None;
        }
        let mut values = self.values.words(name);
        values.extend(default.map(|segments| values::from_segments(segments)));
        values.retain(|value| value.span != word.span && !value.segments.is_empty());
        Some(values)
    }

    fn image(&mut self, word: &Word, prefix: usize, owner: &Owner, hops: usize) {
        let how = match owner.pull_policy {
            None => Followed::Pulled,
            Some(_) => Followed::Named,
        };
        if !self
            .seen
            .insert((word.span.start + prefix, word.span.end, how))
        {
            return;
        }
        let Some(word) = values::cut(word, prefix) else {
            return self.unsure(word, Why::Computed, owner);
        };
        if let Some(followed) = self.followed(&word) {
            return self.variable(&word, &followed, owner, hops);
        }
        match place_of(&word, &self.values, owner) {
            Ok(place) if place.image.parse::<forebay_oci::ImageName>().is_ok() => self.place(place),
            // `docker run $RUN` with options in it, `xargs -I{} docker pull {}`.
            Ok(place) if place.image.contains([' ', '\n', '{']) => {
                self.unsure(&word, Why::Computed, owner);
            }
            // `docker rmi 0123456789ab…`, `docker pull --help`, globs: nothing that could be moved.
            Ok(_) => {}
            Err(why) => self.unsure(&word, why, owner),
        }
    }

    /// A variable that is the whole image: each of its values is one.
    fn variable(&mut self, word: &Word, values: &[Word], owner: &Owner, hops: usize) {
        if values.is_empty() || hops >= MAX_HOPS {
            let name = values::whole_variable(word).map_or("", |(name, _)| name);
            return self.unsure(word, Why::Unset(name.to_owned()), owner);
        }
        for value in values {
            self.found.read(word.span.clone(), value.span.clone());
            self.image(value, 0, owner, hops + 1);
        }
    }

    fn document(&mut self, span: Range<usize>, is_run: bool) {
        if self.depth >= MAX_DEPTH {
            return;
        }
        let (body, depth) = (&self.text[span.clone()], self.depth + 1);
        let part = match Format::sniff("", body) {
            _ if is_run => find(body, self.settings, depth),
            Some(format) => find_other((format, ""), body, self.settings, depth),
            None if looks_like_commands(body) => told(body, find(body, self.settings, depth)),
            None => return,
        };
        self.found.absorb(part, span.start);
    }

    fn place(&mut self, place: Place) {
        let name = name_of(&place.image);
        let is_own = self.built.iter().any(|built| built == name);
        if !is_own && place.image.parse::<forebay_oci::ImageName>().is_ok() {
            self.found.places.push(place);
        }
    }

    fn unsure(&mut self, word: &Word, why: Why, owner: &Owner) {
        let ambiguous = Ambiguous::at(self.text, word.span.clone(), why, owner.clone());
        self.found.ambiguous.push(ambiguous);
    }

    /// Each place once, though many ways lead there; what any command pulls is pulled.
    fn finish(mut self) -> Found {
        self.found.sort();
        self.found.places.sort_by_key(|place| {
            (
                place.span.start,
                place.span.end,
                place.owner.pull_policy.is_some(),
            )
        });
        self.found
            .places
            .dedup_by(|later, first| later.span == first.span);
        self.found
            .ambiguous
            .dedup_by(|later, first| later.span == first.span);
        self.found
    }
}

/// Whether a command line runs a text as a script: the one that it is given, or the one that it reads.
pub(super) fn is_shell(words: &[Option<String>]) -> bool {
    let tool = tool_of(words).unwrap_or_default();
    SHELLS.contains(&tool) || start_of(words).runs == Some(Runs::Script)
}

/// The images of commands that stand in a text and that nobody runs here, as what nobody is sure of.
fn told(text: &str, found: Found) -> Found {
    let images = found.places.into_iter();
    let images = images.map(|place| Ambiguous::at(text, place.span, Why::Told, place.owner));
    Found {
        ambiguous: images.collect(),
        ..Found::default()
    }
}

/// Whether lines of a text begin with a tool.
fn looks_like_commands(body: &str) -> bool {
    body.lines().any(|line| {
        let line = line.trim_start();
        ["docker ", "podman ", "sudo docker ", "kubectl "]
            .iter()
            .any(|tool| line.starts_with(tool))
    })
}

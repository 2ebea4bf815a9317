//! Finds images in shell scripts: in the words of commands, in assignments, and in here-documents.
//!
//! Values come from the script's own assignments, from defaults (`${X:-y}`) and from what is set. What a script builds
//! itself (`docker build -t app`) is its own and no registry's image.

mod commands;
mod lexer;
mod tools;
mod values;
mod words;

use std::collections::BTreeSet;

use super::contexts::{is_image_name, is_picture};
use super::facts::Expr;
use crate::find::{MAX_DEPTH, find_within as find_other};
use commands::skip_before;
use forebay_references::{Ambiguous, Format, Found, Owner, Place, Settings, Why};
use lexer::{Command, Part, Script, Segment, Word, lex};
use values::{Values, place_of};

pub(super) use commands::{image_words, tool_of};

/// Programs that run a text as a script.
const SHELLS: [&str; 7] = ["bash", "sh", "ash", "zsh", "ssh", "su", "eval"];

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
    [
        "docker", "podman", "nerdctl", "skopeo", "crane", "kubectl", "sudo",
    ]
    .contains(&word)
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
        let body = &text[document.body.clone()];
        finder.document(body, document.body.start);
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
            for image in image_words(&words)
                .into_iter()
                .filter(|image| image.is_built)
            {
                let text = words[image.position].as_deref().unwrap_or_default();
                let text = text.get(image.prefix..).unwrap_or_default();
                if text.is_empty() || self.found.built.len() == MAX_BUILT {
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
        let start = skip_before(&words);
        let tool = tool_of(&words).unwrap_or_default().to_owned();
        for word in values::assignments(command) {
            if let Some((name, value)) = values::split(word) {
                self.assignment(&name, &value);
            }
        }
        for (name, value) in values::defaults(command) {
            self.assignment(name, &value);
        }
        for image in image_words(&words) {
            if let Some(word) = command.words.get(image.position) {
                let owner = Owner {
                    pull_policy: image.pull_policy(),
                    ..Owner::of_kind(&tool)
                };
                self.image(word, image.prefix, &owner, 0);
            }
        }
        if SHELLS.contains(&tool.as_str()) && self.depth < MAX_DEPTH {
            for word in &command.words[start..] {
                self.nested_script(word);
            }
        }
        if tool == "alias" && self.depth < MAX_DEPTH {
            for (_, value) in command.words[start..].iter().filter_map(values::split) {
                self.nested_script(&value);
            }
        }
        if tool == "helm" {
            self.chart_values(command);
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
        for item in value.items.iter().chain(whole) {
            self.named(item, &owner, 0);
        }
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

    fn document(&mut self, body: &str, start: usize) {
        if self.depth >= MAX_DEPTH {
            return;
        }
        let part = match Format::sniff("", body) {
            Some(format) => find_other((format, ""), body, self.settings, self.depth + 1),
            None if looks_like_commands(body) => find(body, self.settings, self.depth + 1),
            None => return,
        };
        self.found.absorb(part, start);
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

/// An image without its tag and digest.
pub(crate) fn name_of(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => image,
    }
}

/// A here-document that is fed to a shell is not told from one that is data; one whose lines begin with a tool is.
fn looks_like_commands(body: &str) -> bool {
    body.lines().any(|line| {
        let line = line.trim_start();
        ["docker ", "podman ", "sudo docker ", "kubectl "]
            .iter()
            .any(|tool| line.starts_with(tool))
    })
}

//! Dockerfiles: which images a build takes from registries.
//!
//! `FROM`, `COPY --from`, `RUN --mount=from` and the syntax line; stages are no images. Source: Dockerfile reference.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use forebay_syntax::dockerfile::{self, Instruction, Word};

use crate::sink::{Scope, Sink, Site};
use crate::variables::{Binding, Dialect, Home, resolve};
use crate::{Encoding, Found, Owner, Settings, Writing};

/// What has to be for a stage to be built that the last one does not need.
const IF_TARGET: &str = "only if its stage is built";

/// Finds the images of a Dockerfile.
pub(crate) fn find(path: &str, text: &str, settings: &Settings) -> Found {
    let (instructions, syntax) = dockerfile::read(text);
    let mut build = Build {
        sink: Sink::new(text, path, settings),
        global: BTreeMap::new(),
        stage: None,
        names: BTreeMap::new(),
        stages: Vec::new(),
    };
    if let Some(span) = syntax {
        let owner = Owner::of_kind("Dockerfile syntax");
        build.image(&text[span.clone()], span, owner, Dialect::None);
    }
    for instruction in &instructions {
        build.take(instruction);
    }
    build.doubt_unneeded();
    build.sink.found
}

/// What an argument is to the images that a build begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// It is one.
    Image,
    /// One is made of it and of more text, which stands in the Dockerfile.
    Part,
}

/// What a Dockerfile makes of the arguments that a build gives it.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    /// Those that images are made of, by their names.
    uses: BTreeMap<String, Use>,
    /// What stages are called, in lower case: an argument may choose one.
    stages: BTreeSet<String>,
}

impl Arguments {
    /// Reads a Dockerfile.
    pub(crate) fn of(text: &str) -> Self {
        let (instructions, _) = dockerfile::read(text);
        let mut arguments = Self::default();
        for instruction in &instructions {
            let is_from = instruction.keyword.eq_ignore_ascii_case("FROM");
            let mut words = instruction.words.iter().map(|word| word.text);
            let image = if is_from {
                words.find(|word| !word.starts_with("--"))
            } else {
                words.find_map(|word| word.strip_prefix("--from="))
            };
            if is_from
                && words
                    .next()
                    .is_some_and(|word| word.eq_ignore_ascii_case("as"))
            {
                let name = words.next().map(str::to_ascii_lowercase);
                arguments.stages.extend(name);
            }
            arguments.take(image.unwrap_or_default().trim_matches(['"', '\'']));
        }
        arguments
    }

    fn take(&mut self, image: &str) {
        for name in crate::variables::names(image) {
            let rest = image.strip_prefix('$').unwrap_or_default();
            let is_whole = match rest.strip_prefix('{') {
                Some(braced) => braced.find('}') == braced.len().checked_sub(1),
                None => rest == name,
            };
            if is_whole {
                self.uses.entry(name.to_owned()).or_insert(Use::Image);
            } else {
                self.uses.insert(name.to_owned(), Use::Part);
            }
        }
    }

    /// What an argument with this value is; `None` if no image is made of it, or it chooses a stage.
    pub(crate) fn use_of(&self, name: &str, value: &str) -> Option<Use> {
        let is_stage = self.stages.contains(&value.to_ascii_lowercase());
        self.uses.get(name).copied().filter(|_| !is_stage)
    }
}

/// Variables by name.
type Variables = BTreeMap<String, Binding>;

/// A build, as far as it has been read.
struct Build<'a> {
    sink: Sink<'a>,
    /// `ARG`s before the first stage.
    global: Variables,
    /// `ARG`s and `ENV`s of the stage, after its begin.
    stage: Option<Stage>,
    /// What stages are called, in lower case, each with its number.
    names: BTreeMap<String, usize>,
    stages: Vec<Needs>,
}

/// What a stage takes.
struct Needs {
    /// The first of its images among the places.
    first: usize,
    /// Other stages, by their numbers.
    stages: Vec<usize>,
}

struct Stage {
    variables: Variables,
    owner: Owner,
}

impl Build<'_> {
    fn take(&mut self, instruction: &Instruction<'_>) {
        match instruction.keyword.to_ascii_uppercase().as_str() {
            "ARG" => self.argument(&instruction.words),
            "ENV" if self.stage.is_some() => self.environment(&instruction.words),
            "FROM" => self.from(&instruction.words),
            "COPY" => self.copy(&instruction.words),
            "RUN" => self.run(&instruction.words),
            "ONBUILD" => {
                if let Some((first, rest)) = instruction.words.split_first() {
                    self.take(&Instruction {
                        keyword: first.text,
                        words: rest.to_vec(),
                    });
                }
            }
            _ => {}
        }
    }

    fn argument(&mut self, words: &[Word<'_>]) {
        for word in words {
            let Some((name, _)) = word.text.split_once('=') else {
                // Without a default: a stage takes the global one.
                if let (Some(stage), Some(value)) = (&mut self.stage, self.global.get(word.text)) {
                    stage.variables.insert(word.text.to_owned(), value.clone());
                }
                continue;
            };
            let value = word.behind(name.len() + 1).unquoted();
            if let Some(binding) = self.bind(value) {
                // A build may be given another.
                let binding = Binding {
                    open: true,
                    ..binding
                };
                let name = name.to_owned();
                match &mut self.stage {
                    Some(stage) => stage.variables.insert(name, binding),
                    None => self.global.insert(name, binding),
                };
            }
        }
    }

    fn environment(&mut self, words: &[Word<'_>]) {
        for word in words {
            if let Some((name, _)) = word.text.split_once('=') {
                let value = word.behind(name.len() + 1).unquoted();
                if let (Some(binding), Some(stage)) = (self.bind(value), &mut self.stage) {
                    stage.variables.insert(name.to_owned(), binding);
                }
            }
        }
    }

    /// A value, resolved, and where it is written.
    fn bind(&self, value: Word<'_>) -> Option<Binding> {
        let lookup = |name: &str| self.lookup(name);
        let resolved = resolve(value.text, value.start, Dialect::Dockerfile, &lookup).ok()?;
        let (span, encoding, pieces) = (value.span(), Encoding::AsIs, resolved.pieces);
        let open = pieces.first().is_some_and(|piece| piece.open.is_some());
        let home = if pieces.is_empty() {
            Home::Here { span, encoding }
        } else {
            let writing = Writing::Whole { encoding, pieces };
            Home::Made { span, writing }
        };
        Some(Binding {
            home: Some(home),
            open,
            text: resolved.text,
        })
    }

    fn lookup(&self, name: &str) -> Option<Binding> {
        if let Some(set) = self.sink.settings.set_value(name) {
            return Some(set);
        }
        match &self.stage {
            Some(stage) => stage.variables.get(name).cloned(),
            None => self.global.get(name).cloned(),
        }
    }

    fn from(&mut self, words: &[Word<'_>]) {
        let flags = words.iter().take_while(|word| word.text.starts_with("--"));
        // Of the variables, a FROM sees the global ones only.
        self.stage = None;
        let platform = flags
            .clone()
            .find_map(|word| word.text.strip_prefix("--platform="))
            .and_then(|text| {
                let lookup = |name: &str| self.lookup(name);
                resolve(text, 0, Dialect::Dockerfile, &lookup).ok()
            })
            .map(|resolved| resolved.text);
        let rest = &words[flags.count()..];
        let name = match rest {
            [_, word, name, ..] if word.text.eq_ignore_ascii_case("as") => Some(name.text),
            _ => None,
        };
        let owner = Owner {
            platform,
            ..Owner::named(
                "Dockerfile stage",
                name.map_or_else(|| self.stages.len().to_string(), str::to_owned)
                    .as_str(),
            )
        };
        let number = self.stages.len();
        self.stages.push(Needs {
            first: self.sink.found.places.len(),
            stages: Vec::new(),
        });
        if let Some(image) = rest.first() {
            let image = image.unquoted();
            if !self.takes_stage(image.text) && image.text != "scratch" {
                self.image(image.text, image.span(), owner.clone(), Dialect::Dockerfile);
            }
        }
        let name = name.map(str::to_ascii_lowercase);
        self.names.extend(name.map(|name| (name, number)));
        self.stage = Some(Stage {
            variables: Variables::new(),
            owner,
        });
    }

    fn copy(&mut self, words: &[Word<'_>]) {
        for word in words.iter().take_while(|word| word.text.starts_with("--")) {
            if word.text.starts_with("--from=") {
                self.source(word.behind("--from=".len()).unquoted());
            }
        }
    }

    fn run(&mut self, words: &[Word<'_>]) {
        for word in words.iter().take_while(|word| word.text.starts_with("--")) {
            let Some(options) = word.text.strip_prefix("--mount=") else {
                continue;
            };
            let mut at = "--mount=".len();
            for option in options.split(',') {
                if option.starts_with("from=") {
                    let value = word.behind(at + "from=".len());
                    self.source(value.cut(option.len() - "from=".len()));
                }
                at += option.len() + 1;
            }
        }
    }

    /// Where files are taken from: a stage, by name or number, or an image.
    fn source(&mut self, word: Word<'_>) {
        if word.text.bytes().all(|byte| byte.is_ascii_digit()) {
            self.needs(word.text.parse().ok());
            return;
        }
        if self.takes_stage(word.text) || word.text == "scratch" {
            return;
        }
        let of = self
            .stage
            .as_ref()
            .and_then(|stage| stage.owner.name.clone());
        let owner = Owner {
            name: of,
            ..Owner::of_kind("Dockerfile source")
        };
        self.image(word.text, word.span(), owner, Dialect::Dockerfile);
    }

    /// Whether a name is a stage's, which the one that is read then needs.
    fn takes_stage(&mut self, name: &str) -> bool {
        let number = self.names.get(&name.to_ascii_lowercase()).copied();
        self.needs(number);
        number.is_some()
    }

    fn needs(&mut self, stage: Option<usize>) {
        if let Some(last) = self.stages.last_mut() {
            last.stages.extend(stage);
        }
    }

    /// Of the images of stages that the last one does not need, nobody knows whether they are pulled: `--target` may name one.
    fn doubt_unneeded(&mut self) {
        let mut needed = vec![false; self.stages.len()];
        let mut open: Vec<usize> = self.stages.len().checked_sub(1).into_iter().collect();
        while let Some(number) = open.pop() {
            if let Some(is_needed) = needed.get_mut(number).filter(|is_needed| !**is_needed) {
                *is_needed = true;
                open.extend(&self.stages[number].stages);
            }
        }
        let ends = self.stages.iter().skip(1).map(|stage| stage.first);
        let places = &mut self.sink.found.places;
        let ends: Vec<usize> = ends.chain([places.len()]).collect();
        let stages = self.stages.iter().zip(ends).zip(needed);
        for ((stage, end), _) in stages.filter(|(_, is_needed)| !is_needed) {
            for place in &mut places[stage.first..end] {
                place.owner.condition = Some(IF_TARGET);
            }
        }
    }

    fn image(&mut self, text: &str, span: Range<usize>, owner: Owner, dialect: Dialect) {
        let site = Site {
            span,
            encoding: Encoding::AsIs,
            verbatim: true,
        };
        let variables: Variables = crate::variables::names(text)
            .filter_map(|name| Some((name.to_owned(), self.lookup(name)?)))
            .collect();
        // A stage may be named by a variable, too.
        let lookup = |name: &str| variables.get(name).cloned();
        if let Ok(resolved) = resolve(text, 0, dialect, &lookup)
            && (self.takes_stage(&resolved.text) || resolved.text == "scratch")
        {
            return;
        }
        let scope = Scope {
            dialect,
            lookup: &lookup,
        };
        self.sink.resolved(text, site, scope, owner);
    }
}

#[cfg(test)]
mod tests;

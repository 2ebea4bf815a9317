//! What a file was found to hold: places, what is ambiguous, and what there is to say about the file.

use std::fmt;
use std::ops::Range;

use crate::{Embedded, Note, Owner, Place, Scaled};

/// Variables of one file that are noted where they are read.
const MAX_READINGS: usize = 50_000;

/// The finder's answer about one file. All in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Image references.
    pub places: Vec<Place>,
    /// Where an image is named, but the file alone does not tell which.
    pub ambiguous: Vec<Ambiguous>,
    /// What could not be read, and why; what to know before a rewrite.
    pub notes: Vec<Note>,
    /// Texts of other formats within, for who knows them to read.
    pub embedded: Vec<Embedded>,
    /// Names by which it finds images in other files: no images of its own.
    pub lookups: Vec<Lookup>,
    /// Those files, and folders of such, by their paths from its own folder.
    pub resources: Vec<String>,
    /// Where variables are read that hold images.
    pub readings: Vec<Reading>,
    /// Modules of Terraform by their paths, as they are called here.
    pub modules: Vec<ModuleCall>,
    /// Variables that another file sets to what is an image by itself there.
    pub elsewhere: Vec<Range<usize>>,
    /// Images that scripts in it build, by their names.
    pub built: Vec<String>,
    /// Images that its commands push, or that they give a machine's own images as names: with their tags.
    pub given: Vec<String>,
    /// There are more images than are listed.
    pub is_cut: bool,
}

/// A variable, or an alias, that holds an image somewhere: what is read, and where its value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The variable, as it is written: `$APP`, `!Ref App`, `*app`.
    pub span: Range<usize>,
    /// Its value, with or without its quotes.
    pub home: Range<usize>,
    /// Whether an image is read here; otherwise it serves something else, as far as the finder of the format tells.
    pub is_image: bool,
}

/// A module of Terraform that a file calls: a folder of other files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleCall {
    /// Its path from the file's own folder.
    pub source: String,
    /// How many there are of it.
    pub copies: Scaled,
}

/// A name by which a kustomization finds an image in its resources, to say what takes its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The name, as if it were an image.
    pub place: Place,
    /// Where the entry begins that it is of, in bytes.
    pub entry: usize,
}

/// A place that is listed and not guessed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ambiguous {
    /// The bytes.
    pub span: Range<usize>,
    /// What stands there, as it is written, cut to [`Ambiguous::MAX_TEXT_BYTES`].
    pub text: String,
    /// Why it is not certain.
    pub why: Why,
    /// What uses it.
    pub owner: Owner,
    /// The images that it is in the jobs of a matrix, each with how many have it; empty unless all are known.
    pub images: Vec<(String, u32)>,
}

/// Why a place is ambiguous.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nothing here says what this variable is: `--set NAME=…` does.
    Unset(String),
    /// A variable has more than one value here, and they differ.
    Several(String),
    /// The image is said in two values, of which this is the other.
    Apart(String),
    /// It is computed, by something that we do not evaluate.
    Computed,
    /// It is given in the format's own template language.
    Template,
    /// A chart makes it of several: which value or template decides it, and what to do, in one clause.
    Chart(String),
    /// It is no image reference.
    NoReference,
    /// It is in a text that nothing runs here.
    Told,
    /// A change of what is known of it would do harm: what to do, in one clause.
    ByHand(&'static str),
}

impl Ambiguous {
    /// Enough to recognise it by.
    pub const MAX_TEXT_BYTES: usize = 200;

    /// What stands at `span` of `text`, and why it is not certain.
    pub fn at(text: &str, span: Range<usize>, why: Why, owner: Owner) -> Self {
        let shown = text.get(span.clone()).unwrap_or_default();
        let cut = shown.floor_char_boundary(Self::MAX_TEXT_BYTES);
        Self {
            text: shown[..cut].to_owned(),
            span,
            why,
            owner,
            images: Vec::new(),
        }
    }
}

impl Found {
    /// Nothing but a remark.
    pub fn only(note: Note) -> Self {
        Self {
            notes: vec![note],
            ..Self::default()
        }
    }

    /// Notes that what stands at `span` is an image by what stands at `home`.
    pub fn read(&mut self, span: Range<usize>, home: Range<usize>) {
        self.note(Reading {
            span,
            home,
            is_image: true,
        });
    }

    /// Notes where a variable is read.
    pub fn note(&mut self, reading: Reading) {
        let Reading { span, home, .. } = &reading;
        // A default stands within what reads it, and a literal reads nothing.
        let is_apart = home.end <= span.start || span.end <= home.start;
        if is_apart && self.readings.len() < MAX_READINGS {
            self.readings.push(reading);
        }
    }

    /// Takes what was found in a part of the file that begins at `offset`.
    pub fn absorb(&mut self, part: Self, offset: usize) {
        self.places
            .extend(part.places.into_iter().map(|place| place.moved(offset)));
        self.ambiguous
            .extend(part.ambiguous.into_iter().map(|mut ambiguous| {
                ambiguous.span = moved(&ambiguous.span, offset);
                ambiguous
            }));
        self.lookups
            .extend(part.lookups.into_iter().map(|lookup| Lookup {
                place: lookup.place.moved(offset),
                entry: lookup.entry + offset,
            }));
        self.resources.extend(part.resources);
        self.modules.extend(part.modules);
        self.readings
            .extend(part.readings.into_iter().map(|reading| Reading {
                span: moved(&reading.span, offset),
                home: moved(&reading.home, offset),
                ..reading
            }));
        let elsewhere = part.elsewhere.iter();
        self.elsewhere
            .extend(elsewhere.map(|span| moved(span, offset)));
        self.built.extend(part.built);
        self.given.extend(part.given);
        self.is_cut |= part.is_cut;
        self.notes.extend(part.notes.into_iter().map(|note| Note {
            at: note.at.map(|at| at + offset),
            ..note
        }));
    }

    /// In the order of the file; each remark once.
    pub fn sort(&mut self) {
        self.places
            .sort_by_key(|place| (place.span.start, place.span.end));
        // A path of the operator's may lead to what was found by its shape: that one knows more.
        self.places.dedup_by(|later, earlier| {
            let same = later.span == earlier.span
                && later.owner.kind == earlier.owner.kind
                && later.owner.name == earlier.owner.name
                && later.owner.container.is_some() != earlier.owner.container.is_some();
            if same && earlier.owner.container.is_none() {
                std::mem::swap(later, earlier);
            }
            same
        });
        self.ambiguous
            .sort_by_key(|ambiguous| (ambiguous.span.start, ambiguous.span.end));
        self.ambiguous.dedup();
        self.notes.dedup();
        self.readings
            .sort_by_key(|reading| (reading.span.start, reading.home.start));
        self.readings.dedup();
    }
}

/// A span, further on by `offset`.
pub(crate) fn moved(span: &Range<usize>, offset: usize) -> Range<usize> {
    span.start + offset..span.end + offset
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unset(name) => write!(f, "`{name}` is not set here"),
            Self::Several(name) => write!(f, "`{name}` has more than one value here"),
            Self::Apart(other) => write!(f, "`{other}` is given beside it"),
            Self::Computed => f.write_str("computed when it runs"),
            Self::Chart(why) => f.write_str(why),
            Self::ByHand(what) => f.write_str(what),
            Self::Template => f.write_str("filled in from a template"),
            Self::NoReference => f.write_str("not an image reference"),
            Self::Told => f.write_str("in a text that nothing here runs"),
        }
    }
}

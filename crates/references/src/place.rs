//! Where an image is named in a file, and what is there beside it.
//!
//! A place knows how a new reference is written back into it: [`Place::edits`] is the only one who decides that.

use std::ops::Range;

use crate::Owner;

/// An image reference in a text. Several places may share bytes: an anchor that two services use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The bytes that stand for the image, and that [`Encoding`] knows how to replace. Of a split place, all of its parts.
    pub span: Range<usize>,
    /// What is named there: decoded, every variable resolved.
    pub image: String,
    /// How it is written.
    pub writing: Writing,
    /// What uses it.
    pub owner: Owner,
}

/// How a reference is written in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Writing {
    /// As one text.
    Whole {
        /// How a new reference takes the place of [`Place::span`].
        encoding: Encoding,
        /// What the text is made of, in order, where it has variables; else empty.
        pieces: Vec<Piece>,
    },
    /// As an expression of texts that stand apart: `user + "/app:" + tag`, `"{}:{}".format(name, tag)`.
    Joined {
        /// How a text takes the place of the expression, or of its first pieces.
        encoding: Encoding,
        /// What holds the pieces together.
        joint: Joint,
        /// The pieces, each with its quotes where it has its own.
        pieces: Vec<Piece>,
    },
    /// As several values: `repository` and `tag`, `newName` and `digest`.
    Split(Vec<Part>),
    /// As a variable that the file of this name sets: it is changed there, not here.
    Elsewhere(String),
    /// So that a change of it alone would do harm: what to do by hand, as a clause.
    ByHand(&'static str),
}

/// What holds the pieces of an expression together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joint {
    /// What is written between two of them: ` + `; nothing in a shell's word.
    Operator(&'static str),
    /// They are one text with holes, whose values are listed elsewhere.
    Arguments,
    /// A function makes something of them, in which none can be told from another.
    Function,
}

/// How a new reference is put into a span.
///
/// The alphabet of references (letters, digits, `. _ - / : @`) is escaped by none of the formats that we read; so that
/// what is inside quotes needs no escape, and what is around it is all there is to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As it is: within quotes that stay, or as a bare word.
    AsIs,
    /// A YAML plain scalar: in quotes if it would be no string otherwise (`1.30`, `null`).
    YamlPlain,
    /// The span is a whole expression, and a literal takes its place: `f"{a}/b"` becomes `"c/b"`.
    Literal {
        /// What opens the literal.
        open: String,
        /// What closes it.
        close: String,
    },
    /// The value stands in the file of this name: a registry in it changes by that file's turn, and else it stays.
    Elsewhere(String),
}

/// A stretch of a text with variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its bytes in the file.
    pub span: Range<usize>,
    /// What it comes to.
    pub text: String,
    /// Whether these bytes are a variable or an expression, and no literal text.
    pub variable: bool,
    /// Who may set the variable to something else, where what it comes to only stands in for that.
    pub open: Option<Setter>,
}

/// Who may set a variable that has a default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setter {
    /// Whoever sets up what it runs in: an environment, a file of values.
    Surroundings,
    /// Who calls the script, by an argument.
    Caller,
}

/// One value of a split place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What of the reference it holds.
    pub role: Role,
    /// Its bytes; empty where it is not there yet, and would be put.
    pub span: Range<usize>,
    /// How it is written.
    pub encoding: Encoding,
}

/// What of a reference a value holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `docker.io`.
    Registry,
    /// `library/nginx`, without its registry.
    Repository,
    /// Registry and repository.
    Name,
    /// `1.27`.
    Tag,
    /// `sha256:…`.
    Digest,
}

/// A replacement of bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edit {
    /// Where it begins.
    pub start: usize,
    /// Where it ends; equal to `start` for an insertion.
    pub end: usize,
    /// What is put there.
    pub new: String,
}

/// An image without its tag and digest, as it is written.
pub fn name_of(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or(image);
    match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    }
}

impl Place {
    /// A place of one literal text.
    pub fn literal(span: Range<usize>, image: String, encoding: Encoding, owner: Owner) -> Self {
        Self {
            span,
            image,
            writing: Writing::Whole {
                encoding,
                pieces: Vec::new(),
            },
            owner,
        }
    }

    /// The other file that sets a part of it.
    pub fn elsewhere(&self) -> Option<&str> {
        let Writing::Split(parts) = &self.writing else {
            return None;
        };
        parts.iter().find_map(|part| match &part.encoding {
            Encoding::Elsewhere(file) => Some(file.as_str()),
            _ => None,
        })
    }
}

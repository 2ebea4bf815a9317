//! Where finders put what they find: the one place that decides whether a text is an image, certain or ambiguous.

use std::collections::HashSet;
use std::ops::Range;

use forebay_oci::ImageName;
use forebay_syntax::{At, Style, plain};

use crate::embedded::About;
use crate::variables::{Binding, Dialect, Home, MAX_TEXT_BYTES, Resolved, resolve};
use crate::{Ambiguous, Embedded, Encoding, Found, Note, Owner, Place, Settings, Why, Writing};

/// Places of one file; whoever has more is not listing images.
const MAX_PLACES: usize = 50_000;

/// What a finder works with.
pub(crate) struct Sink<'a> {
    /// The whole file.
    pub(crate) text: &'a str,
    pub(crate) path: &'a str,
    pub(crate) settings: &'a Settings,
    pub(crate) found: Found,
    /// Where embedded texts begin that are noted: many aliases may lead to one.
    embedded: HashSet<usize>,
}

/// How a scalar's variables are found.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'s> {
    pub(crate) dialect: Dialect,
    pub(crate) lookup: &'s dyn Fn(&str) -> Option<Binding>,
}

/// Where a scalar's text stands, and how.
pub(crate) struct Site {
    /// Without quotes.
    pub(crate) span: Range<usize>,
    pub(crate) encoding: Encoding,
    /// Whether the bytes are the text: no escapes, no folded lines.
    pub(crate) verbatim: bool,
}

impl<'a> Sink<'a> {
    pub(crate) fn new(text: &'a str, path: &'a str, settings: &'a Settings) -> Self {
        Self {
            text,
            path,
            settings,
            found: Found::default(),
            embedded: HashSet::new(),
        }
    }

    /// A scalar that names an image.
    pub(crate) fn scalar(&mut self, at: At<'_>, scope: Scope<'_>, owner: Owner) {
        self.prefixed("", at, scope, owner);
    }

    /// A scalar that names an image behind a scheme, such as `docker://`; others are none of ours.
    pub(crate) fn prefixed(&mut self, scheme: &str, at: At<'_>, scope: Scope<'_>, owner: Owner) {
        let Some(text) = at.text() else {
            if at.is_map() || at.is_list() {
                self.ambiguous(at.span_with_tag(), Why::Computed, owner);
            }
            return;
        };
        let Some(text) = text.strip_prefix(scheme) else {
            return;
        };
        let is_no_text = at.style() == Some(Style::Plain) && plain::is_other(text);
        if text.trim().is_empty() || at.is_null() || is_no_text {
            return;
        }
        let Some(mut site) = self.site(at) else {
            self.ambiguous(at.span(), Why::Computed, owner);
            return;
        };
        if at.is_alias() {
            self.found.read(at.own_span(), at.span());
        }
        if !scheme.is_empty() {
            if !site.verbatim {
                self.ambiguous(site.span, Why::Computed, owner);
                return;
            }
            site.span.start += scheme.len();
        }
        self.resolved(text, site, scope, owner);
    }

    /// A text at a site, with its variables.
    pub(crate) fn resolved(&mut self, text: &str, site: Site, scope: Scope<'_>, owner: Owner) {
        match resolve(text, site.span.start, scope.dialect, scope.lookup) {
            Ok(mut resolved) => {
                if !site.verbatim {
                    resolved.pieces.clear();
                    resolved.home = None;
                }
                self.put(site.span, site.encoding, resolved, owner);
            }
            Err(why) => self.ambiguous(site.span, why, owner),
        }
    }

    /// A resolved text.
    pub(crate) fn put(
        &mut self,
        span: Range<usize>,
        encoding: Encoding,
        resolved: Resolved,
        owner: Owner,
    ) {
        if resolved.text.is_empty() {
            return;
        }
        if !is_image(&resolved.text) {
            self.ambiguous(span, Why::NoReference, owner);
            return;
        }
        // The value of a variable is written where it stands: all that read it go with it, and whoever changes it asks who.
        let (span, writing) = match resolved.home {
            Some(Home::Here {
                span: home,
                encoding,
            }) => {
                let pieces = Vec::new();
                self.found.read(span, home.clone());
                (home, Writing::Whole { encoding, pieces })
            }
            Some(Home::Made {
                span: home,
                writing,
            }) => {
                self.found.read(span, home.clone());
                (home, writing)
            }
            Some(Home::Near(file)) => (span, Writing::Elsewhere(file)),
            None => {
                let pieces = resolved.pieces;
                (span, Writing::Whole { encoding, pieces })
            }
        };
        self.place(Place {
            span,
            image: resolved.text,
            writing,
            owner,
        });
    }

    /// A whole place.
    pub(crate) fn place(&mut self, place: Place) {
        if self.found.places.len() == MAX_PLACES {
            self.found.is_cut = true;
            return self.note_once("more images than are listed");
        }
        self.found.places.push(place);
    }

    pub(crate) fn ambiguous(&mut self, span: Range<usize>, why: Why, owner: Owner) {
        self.unsure(Ambiguous::at(self.text, span, why, owner));
    }

    pub(crate) fn unsure(&mut self, one: Ambiguous) {
        match self.found.ambiguous.len() {
            MAX_PLACES => self.note_once("more ambiguous places than are listed"),
            _ => self.found.ambiguous.push(one),
        }
    }

    fn note_once(&mut self, text: &str) {
        if !self.found.notes.iter().any(|note| note.text == text) {
            self.found.notes.push(Note::whole(text));
        }
    }

    /// A scalar that is a text of another format.
    pub(crate) fn embed(&mut self, at: At<'_>, about: About<'_>) {
        let Some(embedded) = Embedded::of(at, self, about) else {
            return;
        };
        if self.embedded.len() < MAX_PLACES && self.embedded.insert(embedded.start()) {
            self.found.embedded.push(embedded);
        }
    }

    /// Where a scalar's text stands; `None` if it has no bytes of its own.
    pub(crate) fn site(&self, at: At<'_>) -> Option<Site> {
        let (text, span) = (at.text()?, at.span());
        let (span, encoding) = match at.style()? {
            Style::Plain => (span, Encoding::YamlPlain),
            Style::Quoted => (
                span.start + 1..span.end.checked_sub(1)?.max(span.start + 1),
                Encoding::AsIs,
            ),
            Style::Block => (self.line_of_block(span, text)?, Encoding::AsIs),
        };
        let verbatim = self.text.get(span.clone())? == text.trim_end();
        Some(Site {
            span,
            encoding,
            verbatim,
        })
    }

    /// A line end as the one behind `end`, and blanks as far as to where `first` begins on its line: for a key more.
    pub(crate) fn next_line(&self, first: usize, end: usize) -> String {
        let line = self.text[..first].rfind('\n').map_or(0, |at| at + 1);
        let rest = self.text[end..].split_inclusive('\n').next();
        let is_crlf = rest.is_some_and(|rest| rest.ends_with("\r\n"));
        let line_end = if is_crlf { "\r\n" } else { "\n" };
        format!("{line_end}{}", " ".repeat(first - line))
    }

    /// A block scalar's text with the blanks before its first line, so that it is a text of its own; and where it begins.
    pub(crate) fn block(&self, at: At<'_>) -> Option<(usize, &'a str)> {
        if at.style() != Some(Style::Block) {
            return None;
        }
        let span = at.span();
        let start = self
            .text
            .get(..span.start)?
            .rfind('\n')
            .map_or(0, |at| at + 1);
        Some((start, self.text.get(start..span.end)?))
    }

    /// A block scalar of one line is that line.
    fn line_of_block(&self, span: Range<usize>, text: &str) -> Option<Range<usize>> {
        let text = text.trim();
        if text.contains('\n') {
            return None;
        }
        let start = span.start + self.text.get(span)?.find(text)?;
        Some(start..start + text.len())
    }

    /// What a variable that is written in this file as a scalar comes to.
    pub(crate) fn binding(&self, at: At<'_>) -> Option<Binding> {
        let text = at.text()?;
        Some(Binding {
            text: text.to_owned(),
            home: self
                .site(at)
                .filter(|site| site.verbatim)
                .map(|site| Home::Here {
                    span: site.span,
                    encoding: site.encoding,
                }),
            open: false,
        })
    }
}

/// Whether a name begins with a registry.
pub(crate) fn has_registry(name: &str) -> bool {
    let host = name.split_once('/').map(|(host, _)| host);
    host.is_some_and(|host| host.contains(['.', ':']) || host == "localhost")
}

/// Whether a text names an image that a registry could have.
pub(crate) fn is_image(text: &str) -> bool {
    // An image's own id is local to a host.
    let is_id = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.len() <= MAX_TEXT_BYTES
        && text.parse::<ImageName>().is_ok()
        && !is_id(text)
        && !text.strip_prefix("sha256:").is_some_and(is_id)
}

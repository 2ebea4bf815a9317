//! The services of GitLab's jobs, which reach them by names that are made of their images'.

use std::collections::HashSet;
use std::ops::Range;

use forebay_syntax::{At, Style};

use crate::sink::Sink;
use crate::{Encoding, Place, Why, Writing, name_of};

/// What to do about a service whose image is its host name, too.
const NEEDS_ALIAS: &str =
    "jobs reach the service by a name that is made of its image's: give it an `alias` first";

/// The names by which a file may reach services.
pub(super) struct Hosts<'a> {
    /// Words that have what stands for a slash in the older of two names.
    others: HashSet<&'a str>,
}

impl<'a> Hosts<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let words = text.split(|c| !is_of_name(c));
        Self {
            others: words.filter(|word| word.contains("__")).collect(),
        }
    }

    /// Has what was found of a service without an alias, which is behind these numbers, keep the name by which jobs reach it: its
    /// image's is that. A literal gets it as its alias when it changes; others are for a person to change.
    ///
    /// Source: GitLab docs, "Services", "Available settings for services" and "Accessing the services".
    pub(super) fn keep(
        &self,
        service: (At<'_>, bool),
        sink: &mut Sink<'_>,
        (places, unsure): (usize, usize),
    ) {
        let mut found = sink.found.places.split_off(places);
        for place in &mut found {
            match self.with_alias(service, place, sink) {
                Some((span, encoding)) => {
                    let pieces = Vec::new();
                    place.span = span;
                    place.writing = Writing::Whole { encoding, pieces };
                }
                None => place.writing = Writing::ByHand(NEEDS_ALIAS),
            }
        }
        sink.found.places.extend(found);
        for one in &mut sink.found.ambiguous[unsure..] {
            if !one.text.starts_with('$') {
                one.why = Why::ByHand(NEEDS_ALIAS);
            }
        }
    }

    /// What a service's literal image gives way to, and how: to itself with an alias beside it.
    fn with_alias(
        &self,
        (service, is_in_flow): (At<'_>, bool),
        place: &Place,
        sink: &Sink<'_>,
    ) -> Option<(Range<usize>, Encoding)> {
        let image = service.get("name").unwrap_or(service);
        let is_literal = (service.is_map() || !service.is_alias())
            && !image.is_alias()
            && image.tag().is_none()
            && !is_anchored(service, sink)
            && image.style() != Some(Style::Block)
            && sink.site(image)?.span == place.span
            && matches!(&place.writing, Writing::Whole { pieces, .. } if pieces.is_empty());
        let host = self.host_of(&place.image).filter(|_| is_literal)?;
        let span = image.span();
        let is_map = service.is_map();
        let (open, between, close) = match service.key_node("name").map(At::span) {
            Some(key) if !sink.text[service.span().start..].starts_with('{') => {
                ("\"", sink.next_line(key.start, span.end), "")
            }
            _ if is_map => ("\"", ", ".to_owned(), ""),
            _ if is_in_flow => ("{name: \"", ", ".to_owned(), "}"),
            _ => ("name: \"", sink.next_line(span.start, span.end), ""),
        };
        let encoding = Encoding::Literal {
            open: open.to_owned(),
            close: format!("\"{between}alias: {host}{close}"),
        };
        Some((span, encoding))
    }

    /// The name by which jobs reach a service of this image, if it is one that an alias may be everywhere, and the only one that the
    /// file goes by.
    fn host_of(&self, image: &str) -> Option<String> {
        let name = name_of(image);
        let is_of_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '/');
        let is_other_used = name.contains('/') && self.others.contains(&*name.replace('/', "__"));
        (name.chars().all(is_of_host) && !is_other_used).then(|| name.replace('/', "-"))
    }
}

/// Whether other places take a service that is a text by an anchor: they may have no use for an alias.
fn is_anchored(service: At<'_>, sink: &Sink<'_>) -> bool {
    let before = sink.text[..service.span().start].trim_end();
    let word = before.rsplit([' ', '\n', '[', ',']).next();
    word.is_some_and(|word| word.starts_with('&')) && !service.is_map()
}

//! Who else reads what is to change: a name of an image may be a container's name as well.
//!
//! The finder says where a value is read as an image; what else reads it is looked for by the variable's name. One with a tag serves
//! something else too: what it is pushed as (`host/$IMAGE`), a file (`$IMAGE.tar`), a name that is cut out of it (`${IMAGE%%:*}`).

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use crate::{Found, Place, Reading};

/// How many ways a value is followed from variable to variable.
const MAX_HOMES: usize = 256;

/// Before the name where it is told and not read: words, each with what may stand behind it.
const TELLING: [(&str, &[char]); 9] = [
    ("echo", BLANK),
    ("printf", BLANK),
    ("print", &['(']),
    ("console", &['.']),
    ("log", &['.', '(']),
    ("logger", &['.', ' ']),
    ("logging", &['.']),
    ("raise", BLANK),
    ("throw", BLANK),
];
/// What may stand behind a word whose arguments have no parentheses.
const BLANK: &[char] = &[' ', '\t', '"', '\''];
/// Before the name where it is said again that it is there, or gets its value.
const DECLARING: [&str; 13] = [
    "ARG", "export", "readonly", "local", "declare", "global", "nonlocal", "for", "as", "const",
    "let", "var", "(const",
];

/// The object before its own fields, in languages whose finder tells who reads them.
const OWN: [&str; 3] = ["self.", "cls.", "this."];

/// Who reads the values of a file.
pub(super) struct Readers<'a> {
    text: &'a str,
    /// By the beginnings of what they read; and how long the longest of those is.
    readings: Vec<&'a Reading>,
    longest_home: usize,
    /// What was looked for already.
    searched: HashMap<Name<'a>, Option<usize>>,
    /// Where the names stand that are asked for, from the first question on.
    words: Option<Words<'a>>,
    /// Where images are, or are read, by their beginnings; and how long the longest is.
    images: Vec<Range<usize>>,
    longest: usize,
}

/// A variable's name where the format's finder does not tell who reads it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Name<'a> {
    /// What it is called where it is read: `APP`, `local.app`.
    path: &'a str,
    sigil: Sigil,
}

/// How a variable is written where it is read.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Sigil {
    /// `$APP`, `${APP}`.
    Dollar,
    /// By its whole path: `local.app`.
    Path,
    /// `!Ref App`, and `${App}` in a text.
    Ref,
}

/// Where a value is read that is to change.
pub(super) struct Read<'a> {
    /// The name that it is read by.
    pub(super) name: &'a str,
    /// Where something reads it that is no image.
    pub(super) at: usize,
    /// Where images read it by a name of which another value can take the place; empty where there is none.
    pub(super) aliases: Vec<Range<usize>>,
}

impl<'a> Readers<'a> {
    pub(super) fn of(text: &'a str, found: &'a Found) -> Self {
        let places = found.places.iter().map(|place| place.span.clone());
        let readings = found.readings.iter().filter(|reading| reading.is_image);
        let readings = readings.map(|reading| reading.span.clone());
        let mut images: Vec<Range<usize>> = places.chain(readings).collect();
        images.sort_by_key(|span| (span.start, span.end));
        let mut readings: Vec<&Reading> = found.readings.iter().collect();
        readings.sort_by_key(|reading| reading.home.start);
        let homes = found.readings.iter().map(|reading| reading.home.len());
        Self {
            text,
            longest_home: homes.max().unwrap_or_default(),
            readings,
            searched: HashMap::new(),
            words: None,
            longest: images.iter().map(Range::len).max().unwrap_or_default(),
            images,
        }
    }

    /// Who reads a place's value for something else, if anybody does.
    pub(super) fn find_other(&mut self, place: &Place) -> Option<Read<'a>> {
        if let Some(name) = self.anchor(place) {
            return self.anchored(place, name);
        }
        let (readings, others) = self.readings_of(&place.span);
        if let Some(other) = others.into_iter().find(|other| self.is_used(other)) {
            return Some(Read {
                name: self.text.get(other.span.clone())?,
                at: other.span.start,
                aliases: Vec::new(),
            });
        }
        let names: HashSet<Name<'_>> = readings
            .into_iter()
            .filter_map(|reading| self.name_at(&reading.span))
            .collect();
        let mut others: Vec<(usize, Name<'_>)> = names
            .into_iter()
            .filter_map(|name| Some((self.read_elsewhere(name)?, name)))
            .collect();
        others.sort_by_key(|(at, _)| *at);
        others.first().map(|(at, name)| Read {
            name: name.last(),
            at: *at,
            aliases: Vec::new(),
        })
    }

    /// Where names stand, looked for once.
    fn words(&mut self) -> &Words<'a> {
        let words = self.words.take().unwrap_or_else(|| {
            let names = self.readings.iter();
            let names = names.filter_map(|reading| Some(self.name_at(&reading.span)?.last()));
            Words::of(self.text, &names.collect())
        });
        self.words.insert(words)
    }

    /// Where variables that hold what stands at `home` are read as images, through other variables too, and where as something else.
    fn readings_of(&self, home: &Range<usize>) -> (Vec<&'a Reading>, Vec<&'a Reading>) {
        let (mut images, mut others): (Vec<&Reading>, Vec<&Reading>) = (Vec::new(), Vec::new());
        let mut next = 0;
        let mut home = home;
        loop {
            let end = self
                .readings
                .partition_point(|reading| reading.home.start <= home.start);
            let nearest = home.start.saturating_sub(self.longest_home);
            let near = self.readings[..end].iter().rev();
            let near = near.take_while(|reading| reading.home.start >= nearest);
            for reading in near.filter(|reading| home.end <= reading.home.end) {
                if !reading.is_image {
                    others.push(reading);
                } else if images.len() < MAX_HOMES && !images.contains(reading) {
                    images.push(reading);
                }
            }
            let Some(reading) = images.get(next) else {
                return (images, others);
            };
            home = &reading.span;
            next += 1;
        }
    }

    /// The name of a variable that is read at `span`.
    fn name_at(&self, span: &Range<usize>) -> Option<Name<'a>> {
        let written = self.text.get(span.clone())?;
        let mut rest = written;
        for function in ["!Ref ", "\"Ref\"", "Ref:"] {
            if let Some((_, behind)) = written.split_once(function) {
                rest = behind;
            }
        }
        let start = rest.find(is_of_name)?;
        let end = rest[start..].find(|c: char| !is_of_name(c) && c != '.');
        let path = &rest[start..end.map_or(rest.len(), |end| start + end)];
        let sigil = match () {
            () if OWN.iter().any(|object| path.starts_with(object)) => return None,
            () if path.contains('.') => Sigil::Path,
            () if rest.len() < written.len() => Sigil::Ref,
            () if rest[..start].contains('$') => Sigil::Dollar,
            // An alias, which is looked for by its anchor; or a name in a language whose finder tells who reads it.
            () => return None,
        };
        let name = Name { path, sigil };
        (!name.last().is_empty()).then_some(name)
    }

    /// Where a name is read and no image is.
    fn read_elsewhere(&mut self, name: Name<'a>) -> Option<usize> {
        if let Some(known) = self.searched.get(&name) {
            return *known;
        }
        let at = self.words().names.get(name.last()).cloned();
        let mut at = at.unwrap_or_default().into_iter();
        let found = at.find(|at| {
            self.is_read(*at, name) && !self.is_in_image(*at) && !self.is_own(*at, name)
        });
        self.searched.insert(name, found);
        found
    }

    /// Whether a variable is read there for its own value alone: `APP="${APP:-redis}"`.
    fn is_own(&self, at: usize, name: Name<'_>) -> bool {
        let end = self
            .readings
            .partition_point(|reading| reading.home.start <= at);
        let nearest = at.saturating_sub(self.longest_home);
        let near = self.readings[..end].iter().rev();
        let mut near = near.take_while(|reading| reading.home.start >= nearest);
        near.any(|reading| {
            let value = self.text.get(reading.home.clone()).unwrap_or_default();
            at < reading.home.end
                && is_variable(value, name.path)
                && self.name_at(&reading.span) == Some(name)
        })
    }

    /// Whether a variable is read by this name where its last part stands.
    fn is_read(&self, at: usize, name: Name<'_>) -> bool {
        let before = &self.text[..at];
        let is_variable = before.ends_with('$') || before.ends_with("${");
        let is_of_environment = is_path(before, "env.");
        let is_named = match name.sigil {
            Sigil::Dollar => is_variable || is_of_environment,
            Sigil::Path => {
                let object = &name.path[..name.path.len() - name.last().len()];
                is_path(before, object) || object == "env." && is_variable
            }
            Sigil::Ref => {
                let word = before.trim_end_matches([' ', '"', ':']);
                word.ends_with("Ref") || before.ends_with("${")
            }
        };
        let is_of_terraform = name.sigil == Sigil::Path && is_of_module(name.path);
        is_named && !self.is_told(at) && !(is_of_terraform && is_in_output(before))
    }

    /// Whether a name that the finder of a language saw there is read, rather than bound.
    fn is_used(&self, reading: &Reading) -> bool {
        let (before, behind) = (
            &self.text[..reading.span.start],
            &self.text[reading.span.end..],
        );
        let at = reading.span.start;
        let is_bound = before.ends_with('.') || is_set(behind);
        !is_bound && !self.is_told(at) && !self.is_in_image(at)
    }

    /// Whether what stands there is a remark, an output for people, or a declaration.
    fn is_told(&self, at: usize) -> bool {
        let line = self.text[..at].rsplit('\n').next().unwrap_or_default();
        let command = line.rsplit([';', '|', '&']).next().unwrap_or_default();
        let is_told = is_telling(command) && !self.is_piped(at);
        let mut words = command.split_whitespace();
        // `: "${APP:=redis}"` reads nothing, nor does `[ -n "$APP" ]`.
        let test = command.trim_end_matches(['"', '$', '{']);
        let is_test = ["[ -n ", "[ -z "]
            .iter()
            .any(|test_of| test.ends_with(test_of));
        let is_nothing = words.next() == Some(":") || is_test;
        let last = words.next_back().unwrap_or(command.trim());
        is_in_comment(line) || is_told || is_nothing || DECLARING.contains(&last)
    }

    /// Whether the output of the command there is another's input: `echo "$APP" | cut -d: -f2`.
    fn is_piped(&self, at: usize) -> bool {
        let start = self.text[..at].rfind('\n').map_or(0, |end| end + 1);
        let line = self.text[start..].lines().next().unwrap_or_default();
        let rest = &line[at - start..];
        let rest = rest.split([';', '&']).next().unwrap_or_default();
        rest.match_indices('|').any(|(pipe, _)| {
            let before = &line[..at - start + pipe];
            let is_or = before.ends_with('|') || rest[pipe + 1..].starts_with('|');
            !is_or && before.matches('"').count().is_multiple_of(2)
        })
    }

    fn is_in_image(&self, at: usize) -> bool {
        let end = self.images.partition_point(|span| span.start <= at);
        let nearest = at.saturating_sub(self.longest);
        let near = self.images[..end].iter().rev();
        let mut near = near.take_while(|span| span.start >= nearest);
        near.any(|span| at < span.end)
    }

    /// The name of the YAML anchor that a place's value has.
    fn anchor(&self, place: &Place) -> Option<&'a str> {
        let line = self.text.get(..place.span.start)?.rsplit('\n').next()?;
        let line = line.trim_end_matches(['"', '\'']).trim_end();
        let name = &line[line.rfind('&')? + 1..];
        let is_name = !name.is_empty() && name.chars().all(|c| is_of_name(c) || c == '-');
        is_name.then_some(name)
    }

    /// Who reads a value by its anchor, whose name reads alike wherever it stands.
    fn anchored(&mut self, place: &Place, name: &'a str) -> Option<Read<'a>> {
        let mut aliases = Vec::new();
        let start = self.text[..place.span.start].rfind('&')?;
        let own = key_before(&self.text[..start]);
        let mut other = (!is_image_key(own)).then_some(start);
        let all = self.words().aliases.get(name).cloned().unwrap_or_default();
        for at in all {
            if self.is_in_image(at) {
                aliases.push(at..at + 1 + name.len());
            } else if !is_image_key(key_before(&self.text[..at])) {
                other = other.or(Some(at));
            }
        }
        // What is an image where it stands cannot change for the others alone.
        if own.to_ascii_lowercase().contains("image") {
            aliases.clear();
        }
        let at = other?;
        Some(Read { name, at, aliases })
    }
}

/// Where words stand in a text.
struct Words<'a> {
    /// Those that were asked for.
    names: HashMap<&'a str, Vec<usize>>,
    /// What stands behind a `*`, by that.
    aliases: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Words<'a> {
    fn of(text: &'a str, wanted: &HashSet<&'a str>) -> Self {
        let mut names: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut aliases: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut from = 0;
        while let Some(found) = text[from..].find(|c| is_of_name(c) || c == '*') {
            let at = from + found;
            let is_alias = text[at..].starts_with('*');
            let start = at + usize::from(is_alias);
            let end = text[start..].find(|c| !(is_of_name(c) || is_alias && c == '-'));
            let end = end.map_or(text.len(), |end| start + end);
            let word = &text[start..end];
            if is_alias {
                aliases.entry(word).or_default().push(at);
            } else if wanted.contains(word) {
                names.entry(word).or_default().push(at);
            }
            // What stands behind a `*` may be a product.
            from = if is_alias { start } else { end };
        }
        Self { names, aliases }
    }
}

impl<'a> Name<'a> {
    /// The last part of its path.
    fn last(self) -> &'a str {
        self.path.rsplit('.').next().unwrap_or_default()
    }
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Whether a shell's value is the variable of this name, with what stands in for it, and no more.
fn is_variable(value: &str, name: &str) -> bool {
    let value = value.trim_matches(['"', '\'']).strip_prefix("${");
    let rest = value.and_then(|value| value.strip_prefix(name)?.strip_suffix('}'));
    let depth = rest.and_then(|rest| {
        rest.bytes().try_fold(0_usize, |depth, byte| match byte {
            b'{' => Some(depth + 1),
            b'}' => depth.checked_sub(1),
            _ => Some(depth),
        })
    });
    depth == Some(0)
}

/// Whether what stands before a name is this path to it, and no longer one.
fn is_path(before: &str, path: &str) -> bool {
    let rest = before.strip_suffix(path);
    rest.is_some_and(|rest| !rest.ends_with(|c: char| is_of_name(c) || c == '.'))
}

/// Whether a line is a comment by then: a sign that is in no quotes, at its beginning or behind a space.
fn is_in_comment(line: &str) -> bool {
    let signs = line.match_indices('#').chain(line.match_indices("//"));
    signs.into_iter().any(|(at, _)| {
        let before = &line[..at];
        let is_outside = |quote: char| before.matches(quote).count().is_multiple_of(2);
        (before.is_empty() || before.ends_with([' ', '\t'])) && is_outside('"') && is_outside('\'')
    })
}

/// Whether a command tells what is behind it to people: by a word of its own, which is no value of an option.
fn is_telling(command: &str) -> bool {
    TELLING.iter().any(|(word, behind)| {
        command.match_indices(word).any(|(at, _)| {
            let (before, rest) = (&command[..at], &command[at + word.len()..]);
            let is_whole = !before.ends_with(|c: char| is_of_name(c) || c == '-');
            let last = before.split_whitespace().next_back().unwrap_or_default();
            let is_value = before.ends_with([' ', '=']) && last.len() > 1 && last.starts_with('-');
            is_whole && !is_value && (rest.starts_with(*behind) || rest.is_empty())
        })
    })
}

/// Whether a path is of a value of Terraform's own module.
fn is_of_module(path: &str) -> bool {
    ["local.", "var."]
        .iter()
        .any(|object| path.starts_with(object))
}

/// Whether a text ends within a block of Terraform's that tells what came out.
fn is_in_output(before: &str) -> bool {
    let is_head = |line: &&str| line.starts_with(|first: char| first.is_ascii_alphabetic());
    let head = before.rsplit('\n').find(is_head);
    head.is_some_and(|head| head.starts_with("output \""))
}

/// Whether a name is given a value here: `a = …`, `a: …`, but not `a == …`.
fn is_set(behind: &str) -> bool {
    let rest = behind.trim_start_matches([' ', '\t']);
    rest.starts_with(':') || rest.starts_with('=') && !rest.starts_with("==")
}

/// The key before a value on its line.
fn key_before(before: &str) -> &str {
    let line = before.rsplit('\n').next().unwrap_or_default().trim_end();
    let line = line.strip_suffix(':').unwrap_or(line).trim_end();
    let start = line.rfind([' ', '{', ',', '[']).map_or(0, |at| at + 1);
    line[start..].trim_matches(['"', '\''])
}

/// Whether a key holds an image, or what somebody keeps for others to take.
fn is_image_key(key: &str) -> bool {
    key.to_ascii_lowercase().contains("image") || key.starts_with("x-") || key.starts_with('.')
}

#[cfg(test)]
mod tests;

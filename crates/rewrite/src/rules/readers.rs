//! Who else reads what is to change: a name of an image may be a container's name as well.
//!
//! The finder says where a value is read as an image; what else reads it is looked for by the variable's name. Only a value that is
//! one word without a tag can serve anything else: nobody calls a container `redis:7`.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use crate::{Found, Place, Reading};

/// How many names a value is followed through: a variable of a variable.
const MAX_NAMES: usize = 16;

/// Before the name where it is told and not read.
const TELLING: [&str; 6] = ["echo", "printf", "print(", "console.", "log.", "logger"];
/// Before the name where it is said again that it is there.
const DECLARING: [&str; 7] = [
    "ARG", "export", "readonly", "local", "declare", "global", "nonlocal",
];

/// Who reads the values of a file.
pub(super) struct Readers<'a> {
    text: &'a str,
    /// By the beginnings of what they read; and how long the longest of those is.
    readings: Vec<&'a Reading>,
    longest_home: usize,
    /// What was looked for already: a name, and what stands before it.
    searched: HashMap<(&'a str, &'a str), Option<usize>>,
    /// Where the names stand that are asked for, from the first question on.
    words: Option<Words<'a>>,
    /// Where images are, or are read, by their beginnings; and how long the longest is.
    images: Vec<Range<usize>>,
    longest: usize,
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
        let readings = found.readings.iter().map(|reading| reading.span.clone());
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
        if place.image.contains([':', '@']) {
            return None;
        }
        if let Some(name) = self.anchor(place) {
            return self.anchored(place, name);
        }
        let names = self.names(&place.span);
        names.into_iter().find_map(|(name, sigil)| {
            let at = self.read_elsewhere(name, sigil)?;
            let aliases = Vec::new();
            Some(Read { name, at, aliases })
        })
    }

    /// Where names stand, looked for once.
    fn words(&mut self) -> &Words<'a> {
        let words = self.words.take().unwrap_or_else(|| {
            let names = self.readings.iter();
            let names = names.filter_map(|reading| Some(self.name_at(&reading.span)?.0));
            Words::of(self.text, &names.collect())
        });
        self.words.insert(words)
    }

    /// The variables that hold what stands at `home`, each with what stands before its name where it is read.
    fn names(&self, home: &Range<usize>) -> Vec<(&'a str, &'a str)> {
        let (mut names, mut homes) = (Vec::new(), vec![home.clone()]);
        let mut next = 0;
        while next < homes.len() && names.len() < MAX_NAMES {
            let home = homes[next].clone();
            next += 1;
            let end = self
                .readings
                .partition_point(|reading| reading.home.start <= home.start);
            let nearest = home.start.saturating_sub(self.longest_home);
            let near = self.readings[..end].iter().rev();
            for reading in near.take_while(|reading| reading.home.start >= nearest) {
                let holds = home.end <= reading.home.end;
                let Some(name) = holds.then(|| self.name_at(&reading.span)).flatten() else {
                    continue;
                };
                if !names.contains(&name) && names.len() < MAX_NAMES {
                    names.push(name);
                    homes.push(reading.span.clone());
                }
            }
        }
        names
    }

    /// The name of a variable that is read at `span`, and what stands before it.
    fn name_at(&self, span: &Range<usize>) -> Option<(&'a str, &'a str)> {
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
        let name = path.rsplit('.').next().filter(|name| !name.is_empty())?;
        let sigil = match written.as_bytes() {
            _ if path.len() > name.len() => ".",
            _ if rest.len() < written.len() => "Ref",
            _ if rest[..start].contains('$') => "$",
            [b'*', ..] => return None,
            _ => "",
        };
        Some((name, sigil))
    }

    /// Where a name is read and no image is.
    fn read_elsewhere(&mut self, name: &'a str, sigil: &'a str) -> Option<usize> {
        if let Some(known) = self.searched.get(&(name, sigil)) {
            return *known;
        }
        let at = self.words().names.get(name).cloned().unwrap_or_default();
        let mut at = at.into_iter();
        let found = at.find(|at| self.is_read((*at, name), sigil) && !self.is_in_image(*at));
        self.searched.insert((name, sigil), found);
        found
    }

    fn is_read(&self, (at, name): (usize, &str), sigil: &str) -> bool {
        let (before, behind) = (&self.text[..at], &self.text[at + name.len()..]);
        if before.ends_with(is_of_name) || behind.starts_with(is_of_name) {
            return false;
        }
        let line = before.rsplit('\n').next().unwrap_or_default();
        let start = line.trim_start();
        let is_named = match sigil {
            "$" => before.ends_with(['$', '{']),
            "." => before.ends_with('.'),
            "Ref" => {
                let word = before.trim_end_matches([' ', '"', ':']);
                word.ends_with("Ref") || before.ends_with("${")
            }
            _ => !is_quoted(before, behind) && !is_set(behind),
        };
        let is_comment = start.starts_with('#') || start.starts_with("//");
        let is_told = TELLING.iter().any(|word| line.contains(word));
        let last = line.split_whitespace().next_back().unwrap_or_default();
        is_named && !is_comment && !is_told && !DECLARING.contains(&last)
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

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Whether it is a text of this name rather than the name.
fn is_quoted(before: &str, behind: &str) -> bool {
    let quotes = ['"', '\''];
    before.ends_with(quotes) && behind.starts_with(quotes)
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
mod tests {
    use super::*;
    use crate::{Settings, find};

    fn others(path: &str, text: &str) -> Vec<String> {
        let found = find(path, text.as_bytes(), &Settings::default());
        assert!(!found.places.is_empty(), "{path}: {text}");
        let mut readers = Readers::of(text, &found);
        let others = found.places.iter();
        let others = others.filter_map(|place| readers.find_other(place));
        others.map(|other| other.name.to_owned()).collect()
    }

    const SERVED: &[(&str, &str)] = &[
        ("a.sh", "APP=redis\ndocker rm -f $APP\ndocker run $APP\n"),
        ("a.sh", "APP=redis\ndocker run -d --name \"${APP}\" $APP\n"),
        (
            "a.tf",
            "locals {\n app=\"redis\"\n}\nresource \"docker_container\" \"a\" {\n name = local.app\n image = local.app\n}\n",
        ),
        (
            "a.ts",
            "const APP = 'redis';\nt.addContainer(APP, {image: ecs.ContainerImage.fromRegistry(APP)});\n",
        ),
        (
            "a.py",
            "APP = \"redis\"\nt.add(APP, image=ecs.ContainerImage.from_registry(APP))\n",
        ),
        (
            "Dockerfile",
            "ARG APP=redis\nFROM $APP\nARG APP\nRUN apt-get install $APP\n",
        ),
        (
            "a.yaml",
            "AWSTemplateFormatVersion: 1\nParameters:\n  App: {Type: String, Default: redis}\nResources:\n  T:\n    Type: AWS::ECS::TaskDefinition\n    Properties:\n      Family: !Ref App\n      ContainerDefinitions:\n      - Image: !Ref App\n",
        ),
        (
            "compose.yaml",
            "services:\n  a:\n    image: &n redis\n    hostname: *n\n",
        ),
        (
            "pod.yaml",
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: &n nginx\nspec:\n  containers:\n  - image: *n\n",
        ),
    ];

    #[test]
    fn what_serves_something_else_too_is_found() {
        for (path, text) in SERVED {
            assert_eq!(others(path, text).len(), 1, "{path}: {text}");
        }
    }

    #[test]
    fn what_serves_images_alone_is_nobody_elses() {
        for (path, text) in [
            (
                "a.sh",
                "APP=redis # APP\necho \"pulling $APP\"\nexport APP\ndocker pull $APP\ndocker run \"$APP\"\n",
            ),
            ("a.sh", "APP=redis:7\ndocker run --name x-$APP $APP\n"),
            (
                "Dockerfile",
                "ARG BASE=alpine\nFROM $BASE AS a\nARG BASE\nFROM ${BASE}:3\n",
            ),
            (
                "a.tf",
                "variable \"app\" { default = \"redis\" }\nresource \"docker_image\" \"a\" { name = var.app }\n",
            ),
            (
                "a.py",
                "APP = \"redis\"\nprint(APP)\necs.ContainerImage.from_registry(APP)\n",
            ),
            (
                "compose.yaml",
                "x-app: &app redis\nservices:\n  a:\n    image: *app\n    environment:\n      IMAGE: *app\n",
            ),
        ] {
            assert_eq!(others(path, text), [""; 0], "{path}: {text}");
        }
    }
}

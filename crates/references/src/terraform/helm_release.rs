//! Images that a `helm_release` of Terraform sets: by `set`, and by values as YAML in a text.
//!
//! The chart is not here: whether it puts a registry before a name is known only where the release says one, too.

use std::collections::BTreeMap;

use hcl_edit::expr::Expression;
use hcl_edit::structure::Body;

use forebay_syntax::helm::no_chart;
use forebay_syntax::{At, read_yaml};

use super::embedded::{heredoc, masked};
use super::names::entry;
use super::{MAX_DEPTH, OF_JOBS, Reading};
use crate::sink::{Sink, Site, has_registry, is_image};
use crate::structured::find_values;
use crate::{Owner, Part, Place, Role, Settings, Why, Writing};

/// What a release sets, by the paths of the chart's values.
type Sets<'a> = BTreeMap<String, &'a Expression>;

/// Finds the images of a release.
pub(super) fn find<'a>(body: &'a Body, reading: &mut Reading<'a>, owner: &Owner) {
    let sets = sets(body);
    for (path, value) in &sets {
        let (parent, key) = path.rsplit_once('.').unwrap_or(("", path));
        match key {
            "image" => reading.image(value, &OF_JOBS, owner, MAX_DEPTH),
            "repository" if is_of_image(parent, &sets) => {
                split((parent, value), &sets, reading, owner);
            }
            _ => {}
        }
    }
    let values = body
        .get_attribute("values")
        .map(|attribute| &attribute.value);
    let values = values.and_then(Expression::as_array);
    for value in values.into_iter().flatten() {
        match value {
            Expression::FuncCall(_) => reading.definitions(value, owner, MAX_DEPTH),
            _ => yaml(value, reading, owner),
        }
    }
}

/// `set { name = "a.b" value = "c" }`, and `set = [{ name = "a.b", value = "c" }]`.
fn sets(body: &Body) -> Sets<'_> {
    let mut sets = Sets::new();
    for block in body.get_blocks("set") {
        let name = block.body.get_attribute("name");
        let name = name.and_then(|attribute| attribute.value.as_str());
        let value = block.body.get_attribute("value");
        sets.extend(
            name.zip(value)
                .map(|(name, value)| (name.to_owned(), &value.value)),
        );
    }
    let list = body.get_attribute("set");
    let list = list.and_then(|attribute| attribute.value.as_array());
    for one in list.into_iter().flatten() {
        let name = entry(one, "name").and_then(Expression::as_str);
        let pair = name.zip(entry(one, "value"));
        sets.extend(pair.map(|(name, value)| (name.to_owned(), value)));
    }
    sets
}

/// Whether a repository is an image's, by what it is called and what stands beside it.
fn is_of_image(parent: &str, sets: &Sets<'_>) -> bool {
    let is_set = |key: &str| sets.contains_key(&beside(parent, key));
    parent.to_ascii_lowercase().ends_with("image") || is_set("tag") || is_set("registry")
}

fn beside(parent: &str, key: &str) -> String {
    format!("{parent}.{key}").trim_start_matches('.').to_owned()
}

/// An image of which each part is set by itself.
fn split<'a>(
    (parent, repository): (&str, &'a Expression),
    sets: &Sets<'a>,
    reading: &mut Reading<'a>,
    owner: &Owner,
) {
    let set = |key: &str| sets.get(&beside(parent, key)).copied();
    let registry = set("registry");
    let role = registry.map_or(Role::Name, |_| Role::Repository);
    let given = [
        (Role::Registry, registry),
        (role, Some(repository)),
        (Role::Tag, set("tag")),
    ];
    let mut parts = Vec::new();
    let mut image = String::new();
    for (role, value) in given {
        let Some(value) = value else { continue };
        let Some((text, site)) = literal(value, reading) else {
            return reading.ambiguous(repository, Why::Computed, owner);
        };
        match role {
            Role::Tag => image.push(':'),
            _ if !image.is_empty() => image.push('/'),
            _ => {}
        }
        image.push_str(&text);
        let Site { span, encoding, .. } = site;
        parts.push(Part {
            role,
            span,
            encoding,
        });
    }
    if registry.is_none() && !has_registry(&image) {
        return reading.ambiguous(repository, Why::Chart(no_chart("the chart")), owner);
    }
    let Some(span) = parts
        .get(usize::from(registry.is_some()))
        .map(|part| part.span.clone())
    else {
        return;
    };
    let writing = Writing::Split(parts);
    let owner = owner.clone();
    if is_image(&image) {
        reading.sink.place(Place {
            span,
            image,
            writing,
            owner,
        });
    }
}

/// A text that stands as it is where it is set.
fn literal<'a>(value: &'a Expression, reading: &Reading<'a>) -> Option<(String, Site)> {
    value.as_str()?;
    let evaluated = reading.evaluator.evaluate(value, Some(reading.base)).ok()?;
    let site = evaluated.site.filter(|site| site.verbatim)?;
    Some((evaluated.resolved.text, site))
}

/// Values as YAML, with `${…}` in it.
fn yaml(value: &Expression, reading: &mut Reading<'_>, owner: &Owner) {
    let Some((start, source)) = heredoc(value, reading) else {
        return;
    };
    let text = masked(source);
    let (trees, _) = read_yaml(&text);
    let settings = Settings::default();
    let mut sink = Sink::new(&text, reading.sink.path, &settings);
    for tree in &trees {
        find_values(At::root(tree), &mut sink);
    }
    let mut found = sink.found;
    for one in std::mem::take(&mut found.ambiguous) {
        let span = start + one.span.start..start + one.span.end;
        reading.sink.ambiguous(span, one.why, owner.clone());
    }
    for place in std::mem::take(&mut found.places) {
        let part_spans = match &place.writing {
            Writing::Split(parts) => parts.iter().map(|part| part.span.clone()).collect(),
            _ => vec![place.span.clone()],
        };
        let is_literal = part_spans
            .iter()
            .all(|span| source.get(span.clone()) == text.get(span.clone()));
        let place = Place {
            owner: owner.clone(),
            ..place.moved(start)
        };
        if is_literal {
            reading.sink.place(place);
        } else {
            reading
                .sink
                .ambiguous(place.span, Why::Template, place.owner);
        }
    }
    reading.sink.found.absorb(found, start);
}

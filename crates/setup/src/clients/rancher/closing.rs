//! Endpoints of the registry itself, which stay in no mirror's list where fall-through is closed.

use forebay_setup_files::{Edits, Node, SetupError, Yaml};

use super::{Words, last_byte, refuse_shared, unaddable};
use crate::clients::others::{Others, is_registry};

const WORDS: Words = Words {
    shared: "a mirror that goes on to the registry itself is shared by an anchor, an alias or a merge key",
    by_hand: "take the registry's own endpoint out by hand, or use --fall-back",
    blocks: "take the registry's own endpoint out by hand, or use --fall-back",
};

/// The text without the registry's own endpoints behind ours, and in `others` who else is asked.
pub(super) fn without_registry(
    path: &str,
    text: &str,
    (registry, others): (&str, &mut Others),
) -> Result<String, SetupError> {
    let yaml = Yaml::parse(path, text)?;
    let Some((mirror, endpoints)) = find(&yaml.root, registry) else {
        return Ok(text.to_owned());
    };
    let mut edits = Edits::default();
    for pair in endpoints.items().windows(2) {
        let endpoint = &pair[1];
        let place = endpoint.text();
        if place.is_none_or(|place| !is_registry(registry, place)) {
            let written = &yaml.text[endpoint.span.clone()];
            others.leave_mirror(path, place.unwrap_or(written));
            continue;
        }
        refuse_shared(&yaml, mirror, &WORDS)?;
        refuse_shared(&yaml, endpoints, &WORDS)?;
        refuse_shared(&yaml, endpoint, &WORDS)?;
        let (start, end) = if endpoints.is_flow() {
            (pair[0].span.end, endpoint.span.end)
        } else {
            let line = yaml.line_start(yaml.dash(endpoint));
            (line, yaml.next_line(last_byte(text, endpoint)))
        };
        edits.replace(start, end, "");
        others.take_out(path, place.unwrap_or_default());
    }
    let after = edits.apply(text);
    let made = Yaml::parse(path, &after).map_err(|error| unaddable(path, &WORDS, Some(error)))?;
    let rest = find(&made.root, registry).map(|(_, rest)| rest.items());
    let mut rest = rest.unwrap_or_default().iter().filter_map(Node::text);
    if rest.any(|place| is_registry(registry, place)) {
        return Err(unaddable(path, &WORDS, None));
    }
    drop(made);
    Ok(after)
}

/// A registry's mirror and the list of its endpoints.
fn find<'a>(root: &'a Node, registry: &str) -> Option<(&'a Node, &'a Node)> {
    let mirror = root.find("mirrors")?.find(registry)?;
    Some((mirror, mirror.find("endpoint")?))
}

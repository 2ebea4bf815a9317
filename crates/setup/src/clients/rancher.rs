//! k3s and RKE2: they write containerd's files themselves, from a registries.yaml of theirs.
//!
//! Keys by <https://docs.k3s.io/installation/private-registry> and <https://docs.rke2.io/install/private_registry>.

mod closing;

use forebay_setup_files::{Edits, Node, SetupError, Yaml};

use super::others::Others;
use super::{changed, path_of};
use crate::plan::{FallThrough, Files, Order, Plan};

/// What differs between the two.
pub(super) struct Flavour {
    registries: &'static str,
    config: &'static str,
    restart: &'static [&'static str],
    agents: &'static str,
}

impl Flavour {
    /// The files that it is set up in.
    pub(super) const fn files(&self) -> [&'static str; 2] {
        [self.registries, self.config]
    }
}

pub(super) const K3S: Flavour = Flavour {
    registries: "/etc/rancher/k3s/registries.yaml",
    config: "/etc/rancher/k3s/config.yaml",
    restart: &["systemctl", "restart", "k3s"],
    agents: "every node has its own files; on agents the service is k3s-agent",
};

pub(super) const RKE2: Flavour = Flavour {
    registries: "/etc/rancher/rke2/registries.yaml",
    config: "/etc/rancher/rke2/config.yaml",
    restart: &["systemctl", "restart", "rke2-server"],
    agents: "every node has its own files; on agents the service is rke2-agent",
};

const CLOSED: FallThrough = FallThrough::Closed(
    "`disable-default-registry-endpoint` (since the releases of January 2024: 1.26.13, 1.27.10, 1.28.6, 1.29.1; an \
     older one needs --fall-back) keeps containerd from the registry itself wherever a mirror is set",
);

const OPEN: FallThrough = FallThrough::Open(
    "containerd goes on to the registry itself when Forebay answers with an error or not at all: that is what \
     --fall-back asked for",
);

/// Where other endpoints stay.
const PAST: FallThrough = FallThrough::Open(
    "containerd does not go to the registry itself, but to the other endpoints of its mirror when Forebay answers with an \
     error or not at all: see below",
);

const STRICT_KEY: &str = "disable-default-registry-endpoint";

/// What is said of a file that cannot be added to.
struct Words {
    shared: &'static str,
    /// What to do then.
    by_hand: &'static str,
    /// What to do where it is written in braces.
    blocks: &'static str,
}

const MIRRORS: Words = Words {
    shared: "a mirror of it is shared by an anchor, an alias or a merge key",
    by_hand: "put in by hand the lines above, as the first endpoint of each",
    blocks: "write it as lines with indentation, without braces; or put in by hand the lines above, as the first endpoint of \
             each",
};

const STRICT: Words = Words {
    shared: "what it holds is shared by an anchor, an alias or a merge key",
    by_hand: "put in by hand the line above",
    blocks: "write it as lines with indentation, without braces; or put in by hand the line above",
};

pub(super) fn plan(
    order: &Order,
    flavour: &'static Flavour,
    files: &dyn Files,
) -> Result<Plan, SetupError> {
    let path = path_of(order, flavour.registries);
    let address = order.address.to_string();
    let mut others = Others::default();
    let file = changed(path, files, |text| {
        order
            .upstreams
            .iter()
            .try_fold(text.to_owned(), |text, upstream| {
                let text = put_mirror(path, &text, (upstream, &address))?;
                tell_rewrite(path, &text, (upstream, &mut others))?;
                if order.fall_back {
                    return Ok(text);
                }
                closing::without_registry(path, &text, (upstream, &mut others))
            })
    });
    let file = file.map_err(|error| {
        let items = order.upstreams.iter();
        let items: String = items
            .map(|upstream| item(2, (upstream, &address)))
            .collect();
        error.by_hand(&format!("mirrors:\n{items}"))
    })?;
    let mut plan = Plan::default().file(file);
    if !order.fall_back {
        let config = flavour.config;
        let file = changed(config, files, |text| put_strict(config, text));
        let file = file.map_err(|error| error.by_hand(&format!("{STRICT_KEY}: true\n")))?;
        plan = plan.file(file);
    }
    let closed = if order.fall_back { OPEN } else { CLOSED };
    Ok(others
        .fall(plan, closed, PAST)
        .then("makes it write containerd's files anew", flavour.restart)
        .note(flavour.agents)
        .note_if(
            order.address.is_loopback(),
            "this address means a Forebay on each node: give the --address of one that all nodes reach",
        ))
}

/// Names that are changed for another mirror are changed for Forebay, too.
fn tell_rewrite(
    path: &str,
    text: &str,
    (registry, others): (&str, &mut Others),
) -> Result<(), SetupError> {
    let yaml = Yaml::parse(path, text)?;
    let mirror = yaml
        .root
        .find("mirrors")
        .and_then(|mirrors| mirrors.find(registry));
    let rewrite = mirror.and_then(|mirror| mirror.find("rewrite"));
    if rewrite.is_some_and(|rewrite| !rewrite.is_empty()) {
        others.tell(format!(
            "`rewrite` of {registry} in {path} changes the names for every endpoint of the mirror, so Forebay is asked for the \
             changed names: take it out if it was meant for another mirror"
        ));
    }
    Ok(())
}

/// A registry's mirror, its key this far from the left.
fn item(indent: usize, (registry, address): (&str, &str)) -> String {
    let [outer, inner, list] = [0, 2, 4].map(|further| " ".repeat(indent + further));
    format!("{outer}{registry}:\n{inner}endpoint:\n{list}- \"{address}\"\n")
}

/// The text with `address` as the first endpoint of a registry's mirror.
fn put_mirror(
    path: &str,
    text: &str,
    (registry, address): (&str, &str),
) -> Result<String, SetupError> {
    let yaml = Yaml::parse(path, text)?;
    let mut edits = Edits::default();
    let item = |indent: usize| item(indent, (registry, address));
    // Where the keys of the file stand: not always at the left.
    let left = yaml.root.entries().first();
    let left = left.map_or(0, |(key, _)| yaml.column(key.span.start));
    match yaml.root.find_entry("mirrors") {
        None => {
            refuse_other_than_map(&yaml, &yaml.root, &MIRRORS)?;
            let lines = format!("{}mirrors:\n{}", " ".repeat(left), item(left + 2));
            let (at, lines) = yaml.lines_after(end_of_root(&yaml), &lines);
            edits.insert(at, lines);
        }
        Some((key, mirrors)) if mirrors.span.is_empty() => {
            let (at, lines) = yaml.lines_after(key.span.end, &item(left + 2));
            edits.insert(at, lines);
        }
        Some((key, mirrors)) if mirrors.is_empty() => {
            let lines = item(left + 2);
            let lines = lines.trim_end_matches('\n');
            edits.replace(key.span.end, mirrors.span.end, format!(":\n{lines}"));
        }
        Some((_, mirrors)) => {
            refuse_other_than_map(&yaml, mirrors, &MIRRORS)?;
            if let Some((key, mirror)) = mirrors.find_entry(registry) {
                put_endpoint(&yaml, (key, mirror), address, &mut edits)?;
            } else {
                let lines = item(yaml.column(mirrors.span.start));
                let (at, lines) = yaml.lines_after(last_byte(text, mirrors), &lines);
                edits.insert(at, lines);
            }
        }
    }
    checked(
        (path, &MIRRORS),
        edits.apply(text),
        |root| {
            let endpoints = root.find("mirrors")?.find(registry)?.find("endpoint")?;
            endpoints.items().first()?.text()
        },
        address,
    )
}

fn put_endpoint(
    yaml: &Yaml<'_>,
    (key, mirror): (&Node, &Node),
    address: &str,
    edits: &mut Edits,
) -> Result<(), SetupError> {
    let Some((name, endpoints)) = mirror.find_entry("endpoint") else {
        refuse_shared(yaml, mirror, &MIRRORS)?;
        let mut indent = yaml.column(key.span.start) + 2;
        if !mirror.is_empty() {
            refuse_other_than_map(yaml, mirror, &MIRRORS)?;
            indent = yaml.column(mirror.span.start);
        }
        let indent = " ".repeat(indent);
        let (at, lines) = yaml.lines_after(
            key.span.end,
            &format!("{indent}endpoint:\n{indent}  - \"{address}\"\n"),
        );
        edits.insert(at, lines);
        return Ok(());
    };
    let first = endpoints.items().first();
    if first
        .and_then(Node::text)
        .is_some_and(|first| first.trim_end_matches('/') == address)
    {
        return Ok(());
    }
    refuse_shared(yaml, mirror, &MIRRORS)?;
    refuse_shared(yaml, endpoints, &MIRRORS)?;
    match first {
        Some(first) if endpoints.is_flow() => {
            edits.insert(first.span.start, format!("\"{address}\", "));
        }
        Some(first) => {
            let dash = yaml.dash(first);
            let indent = " ".repeat(yaml.column(dash));
            edits.insert(yaml.line_start(dash), format!("{indent}- \"{address}\"\n"));
        }
        None if endpoints.is_empty() => {
            let indent = " ".repeat(yaml.column(name.span.start) + 2);
            let (at, lines) =
                yaml.lines_after(name.span.end, &format!("{indent}- \"{address}\"\n"));
            edits.insert(at, lines);
        }
        None if endpoints.is_flow() => {
            edits.replace(
                endpoints.span.start,
                endpoints.span.end,
                format!("[\"{address}\"]"),
            );
        }
        None => return Err(yaml.refuse("endpoint is no list", "make it a list of addresses")),
    }
    Ok(())
}

/// The text with the registry itself closed.
fn put_strict(path: &str, text: &str) -> Result<String, SetupError> {
    let yaml = Yaml::parse(path, text)?;
    let mut edits = Edits::default();
    match yaml.root.find(STRICT_KEY) {
        Some(value) if value.text() == Some("true") => {}
        Some(value) => edits.replace(value.span.start, value.span.end, "true"),
        None => {
            refuse_other_than_map(&yaml, &yaml.root, &STRICT)?;
            let left = yaml.root.entries().first();
            let left = left.map_or(0, |(key, _)| yaml.column(key.span.start));
            let line = format!("{}{STRICT_KEY}: true\n", " ".repeat(left));
            let (at, lines) = yaml.lines_after(end_of_root(&yaml), &line);
            edits.insert(at, lines);
        }
    }
    checked(
        (path, &STRICT),
        edits.apply(text),
        |root| root.find(STRICT_KEY)?.text(),
        "true",
    )
}

/// A change of what several places of the file share would be one of all of them.
fn refuse_shared(yaml: &Yaml<'_>, node: &Node, words: &Words) -> Result<(), SetupError> {
    if !node.is_shared() {
        return Ok(());
    }
    Err(yaml.refuse(words.shared, words.by_hand))
}

/// Where lines come after all that the document holds: before a mark of its end.
fn end_of_root(yaml: &Yaml<'_>) -> usize {
    let is_end = |line: &str| line == "..." || line.starts_with("... ");
    let mut at = 0;
    for line in yaml.text.split_inclusive('\n') {
        if is_end(line.trim_end()) && at >= yaml.root.span.end {
            return at.saturating_sub(1);
        }
        at += line.len();
    }
    yaml.text.len()
}

fn refuse_other_than_map(yaml: &Yaml<'_>, node: &Node, words: &Words) -> Result<(), SetupError> {
    let is_map = !node.entries().is_empty() || node.is_empty();
    refuse_shared(yaml, node, words)?;
    if !is_map {
        return Err(yaml.refuse("what stands there is no map with entries", words.blocks));
    }
    if node.is_flow() {
        return Err(yaml.refuse("what stands there is written in braces", words.blocks));
    }
    Ok(())
}

/// The last byte of a thing that is no white space: a block of text ends with line ends.
fn last_byte(text: &str, node: &Node) -> usize {
    text[..node.span.end].trim_end().len()
}

/// Reads what was made, and refuses what does not say what it should.
fn checked(
    (path, words): (&str, &Words),
    text: String,
    find: impl Fn(&Node) -> Option<&str>,
    wanted: &str,
) -> Result<String, SetupError> {
    let refused = |error| unaddable(path, words, Some(error));
    let yaml = Yaml::parse(path, &text).map_err(refused)?;
    let found = find(&yaml.root).map(|found| found.trim_end_matches('/'));
    if found == Some(wanted) {
        drop(yaml);
        return Ok(text);
    }
    Err(unaddable(path, words, None))
}

/// A file that is not what it should be after a change: by what its reader says, where it says anything.
fn unaddable(path: &str, words: &Words, cause: Option<SetupError>) -> SetupError {
    let what = "it is written in a way that cannot be added to";
    let error = SetupError::unmergeable(path, what, words.blocks);
    match cause {
        Some(SetupError::Broken { source, .. }) => error.because(source),
        _ => error,
    }
}

#[cfg(test)]
mod tests;

//! Which image goes where in a registry of one's own: each to a name of its own.
//!
//! The last part of a name is enough, until two repositories share it: then all keep their namespace. Rules say so to
//! `forebay rewrite`, of these images only: others of Docker Hub are not there.

use std::collections::{BTreeMap, BTreeSet};

use forebay_diagnosis::facts::{Facts, Image, MAX_NAMES};

/// The file of rules that is written: a preset would move images that nobody has pushed.
const RULES: &str = "forebay-rules.toml";

/// Images and the names that they get.
pub(super) struct Targets {
    /// As it is written, and `name:tag` behind the new registry's prefix.
    pub(super) pairs: Vec<(String, String)>,
    /// Docker Hub's repositories and what they are called behind the prefix, each once; none where none is known.
    moves: Vec<(String, String)>,
}

/// The targets of the images that commands are written for.
pub(super) fn targets(facts: &Facts) -> Targets {
    let mut repositories: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for image in &facts.hub_images {
        let same = repositories.entry(&image.name).or_default();
        same.insert(&image.repository);
    }
    let keeps_namespace = repositories.values().any(|same| same.len() > 1);
    let mut taken = BTreeSet::new();
    let (mut pairs, mut moves) = (Vec::new(), Vec::new());
    for image in facts.images() {
        let name = if keeps_namespace {
            &image.repository
        } else {
            &image.name
        };
        let target = free_target(name, &image, &taken);
        let one = (image.repository.clone(), name.clone());
        if !facts.hub_images.is_empty() && !moves.contains(&one) {
            moves.push(one);
        }
        taken.insert(target.clone());
        pairs.push((image.written, target));
    }
    Targets { pairs, moves }
}

/// Digests whose tags nobody told are different images.
fn free_target(name: &str, image: &Image, taken: &BTreeSet<String>) -> String {
    let first = format!("{name}:{}", image.tag);
    let others = (2..=MAX_NAMES).map(|number| format!("{name}:<tag-{number}>"));
    let mut all = std::iter::once(first.clone()).chain(others);
    all.find(|target| !taken.contains(target)).unwrap_or(first)
}

impl Targets {
    /// The repositories, each once.
    pub(super) fn repositories(&self) -> Vec<&str> {
        let mut repositories = Vec::new();
        for (_, target) in &self.pairs {
            let name = target
                .rsplit_once(':')
                .map_or(target.as_str(), |(name, _)| name);
            if !repositories.contains(&name) {
                repositories.push(name);
            }
        }
        repositories
    }

    /// Names them so in files: first what would change, then the change.
    pub(super) fn rewrite(&self, prefix: &str, preset: &str) -> String {
        let rule = |(repository, name): &(String, String)| {
            format!(
                " \\\n  '[[rule]]' 'registry = \"docker.io\"' 'repository = \"{repository}\"' 'to = \"{prefix}/{name}\"' 'mirror = false'"
            )
        };
        let rules: String = self.moves.iter().map(rule).collect();
        let (made, to) = match rules.as_str() {
            "" => (String::new(), preset),
            rules => (format!("printf '%s\\n'{rules} > {RULES}\n"), RULES),
        };
        format!("{made}forebay rewrite . --to {to}\nforebay rewrite . --to {to} --write")
    }
}

//! `cargo xtask tidy`: the shape of the tree, guarded by the machine so that reviewers can talk about ideas.
//!
//! One file a check. Each is a pure function of cargo's metadata or of the files' text.

mod ban_table;
mod bans;
mod documents;
mod exceptions;
mod hygiene;
mod layer_table;
mod layers;
mod lock;
mod names;
mod sizes;
mod words;

use std::path::Path;

use crate::error::Error;
use crate::finding::Finding;
use crate::metadata::Metadata;
use crate::tree::Tree;

/// Reads the workspace and makes every check.
pub(crate) fn run() -> Result<Vec<Finding>, Error> {
    let metadata = Metadata::read()?;
    let tree = Tree::read(Path::new(&metadata.workspace_root))?;
    Ok(check(&metadata, &tree))
}

fn check(metadata: &Metadata, tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(layers::check(metadata));
    findings.extend(bans::check(metadata));
    findings.extend(lock::check(tree));
    findings.extend(sizes::check(tree));
    findings.extend(names::check(tree));
    findings.extend(words::check(tree));
    findings.extend(documents::check(tree));
    findings.extend(hygiene::check(tree));
    findings.retain(|finding| !exceptions::excuses(finding));
    findings.extend(exceptions::check(tree));
    findings.sort();
    findings.dedup();
    findings
}

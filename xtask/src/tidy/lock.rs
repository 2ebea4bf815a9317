//! Where the lock files take crates from: crates.io and nowhere else.

use crate::finding::Finding;
use crate::tree::{File, Tree};

/// The one source, as cargo writes it.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Checks every lock file.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings: Vec<Finding> = tree
        .files
        .iter()
        .filter(|file| file.path == "Cargo.lock" || file.path.ends_with("/Cargo.lock"))
        .flat_map(check_file)
        .collect();
    if tree.find("Cargo.lock").is_none() {
        let what = "there is no lock file";
        findings.push(Finding::failure("Cargo.lock", 0, what, "commit it"));
    }
    findings
}

fn check_file(file: &File) -> Vec<Finding> {
    file.lines()
        .filter_map(|(number, line)| {
            let source = line.strip_prefix("source = ")?.trim_matches('"');
            let advice = "take the crate from crates.io, or write it";
            (source != CRATES_IO).then(|| {
                let what = format!("a crate comes from {source}");
                Finding::failure(file.path.clone(), number, what, advice)
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::sample::tree;

    #[test]
    fn only_crates_io_is_a_source() {
        let good = format!("[[package]]\nname = \"a\"\nsource = \"{CRATES_IO}\"\n");
        let bad = "[[package]]\nname = \"a\"\nsource = \"git+https://example.com/a#1\"\n";
        let found = check(&tree(&[("Cargo.lock", &good), ("x/Cargo.lock", bad)]));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].path.as_str(), found[0].line), ("x/Cargo.lock", 3));
    }

    #[test]
    fn a_tree_without_a_lock_file_is_found() {
        assert_eq!(check(&tree(&[])).len(), 1);
    }
}

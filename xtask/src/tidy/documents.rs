//! Documents against the tree: every crate says what it is for, and what a page names exists.
//!
//! A page that names a file which is gone misleads more than no page.

use crate::finding::Finding;
use crate::tree::{File, Tree};

/// The page that a newcomer starts with.
const ARCHITECTURE: &str = "ARCHITECTURE.md";

/// Endings by which a word in backticks is known to be a file of ours.
const SOURCE_ENDINGS: [&str; 2] = [".rs", ".sh"];

/// Checks the README of each package, and what the architecture page and the READMEs name.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for folder in tree.package_folders() {
        let path = format!("{folder}/README.md");
        if let Some(readme) = tree.find(&path) {
            findings.extend(check_purpose(readme));
            findings.extend(check_names(tree, readme));
        } else {
            let advice = "write `# name`, a line of purpose, and where to start reading";
            findings.push(Finding::failure(path, 0, "there is no README", advice));
        }
    }
    if let Some(page) = tree.find(ARCHITECTURE) {
        findings.extend(check_names(tree, page));
    } else {
        let what = "there is no such page";
        let advice = "write it: layers, the life of a request, the code map, the invariants";
        findings.push(Finding::failure(ARCHITECTURE, 0, what, advice));
    }
    findings
}

/// A title first, and a sentence that says what the crate is for.
fn check_purpose(readme: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut lines = readme.text.lines();
    if !lines.next().is_some_and(|line| line.starts_with("# ")) {
        let what = "the first line is no title";
        findings.push(Finding::failure(
            readme.path.clone(),
            1,
            what,
            "begin with `# name`",
        ));
    }
    let purpose = lines.find(|line| !line.trim().is_empty());
    // A heading, a fence, a picture, a table: none is a sentence. Inline code may begin one.
    let others = ["#", "```", "<", "!", "|"];
    if purpose.is_none_or(|line| others.iter().any(|other| line.starts_with(other))) {
        let what = "no line of purpose follows the title";
        let advice = "say in one sentence what the crate is for";
        findings.push(Finding::failure(readme.path.clone(), 2, what, advice));
    }
    findings
}

fn check_names(tree: &Tree, page: &File) -> Vec<Finding> {
    let folder = page.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut findings = Vec::new();
    for (number, line) in page.lines() {
        let words =
            between_backticks(line).filter(|word| is_source(word) || is_below_root(tree, word));
        for name in words.chain(link_targets(line)) {
            if !exists(tree, folder, name) {
                let what = format!("names {name}, which does not exist");
                let advice = "name what is there now";
                findings.push(Finding::failure(page.path.clone(), number, what, advice));
            }
        }
    }
    findings
}

fn between_backticks(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The targets of links that stay inside the tree.
fn link_targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| {
        let target = rest.split([')', '#', ' ']).next()?;
        let is_inside = !target.is_empty() && !target.contains(':');
        is_inside.then_some(target)
    })
}

fn is_source(word: &str) -> bool {
    let ending = SOURCE_ENDINGS
        .iter()
        .find(|ending| word.ends_with(**ending) && word.len() > ending.len());
    ending.is_some() && is_plain(word)
}

/// Whether a word is a path that begins in the root of the repository.
fn is_below_root(tree: &Tree, word: &str) -> bool {
    let Some((top, _)) = word.split_once('/') else {
        return false;
    };
    let prefix = format!("{top}/");
    is_plain(word) && tree.paths.iter().any(|path| path.starts_with(&prefix))
}

fn is_plain(word: &str) -> bool {
    word.chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_'))
}

/// Whether a name is a file or folder, from the root or the page's folder; or, for a source, the end of some path.
fn exists(tree: &Tree, folder: &str, name: &str) -> bool {
    let name = name.trim_start_matches("./").trim_end_matches('/');
    let from_page = format!("{folder}/{name}");
    let inside = format!("{name}/");
    let inside_from_page = format!("{from_page}/");
    let ending = format!("/{name}");
    tree.paths.iter().any(|path| {
        path == name
            || *path == from_page
            || path.starts_with(&inside)
            || path.starts_with(&inside_from_page)
            || (is_source(name) && path.ends_with(&ending))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::sample::tree;

    fn faults(files: &[(&str, &str)]) -> Vec<String> {
        check(&tree(files))
            .into_iter()
            .map(|finding| finding.what)
            .collect()
    }

    const GOOD: &str = "# a\n\nSays what it is for.\n";

    #[test]
    fn each_package_has_a_readme_with_a_title_and_a_purpose() {
        let page = (ARCHITECTURE, "# Architecture\n");
        let manifest = ("crates/a/Cargo.toml", "");
        assert_eq!(faults(&[page, manifest]), ["there is no README"]);
        assert_eq!(
            faults(&[page, manifest, ("crates/a/README.md", GOOD)]),
            Vec::<String>::new()
        );
        let untitled = ("crates/a/README.md", "Says.\n\nMore.\n");
        assert_eq!(
            faults(&[page, manifest, untitled]),
            ["the first line is no title"]
        );
        let code_first = ("crates/a/README.md", "# a\n\n`/v2/*` over HTTP.\n");
        assert_eq!(faults(&[page, manifest, code_first]), Vec::<String>::new());
        for empty in ["# a\n\n```\n", "# a\n", "# a\n\n## b\n", "# a\n\n![b](c)\n"] {
            let found = faults(&[page, manifest, ("crates/a/README.md", empty)]);
            assert_eq!(found[0], "no line of purpose follows the title", "{empty}");
        }
    }

    #[test]
    fn a_tree_without_the_architecture_page_is_found() {
        assert_eq!(faults(&[]), ["there is no such page"]);
    }

    #[test]
    fn what_the_page_names_exists() {
        let text = "See `crates/a/src/x.rs`, `crates/a`, `x.rs`, `docs/` and [it](docs/d.md#part).\n\
                    Not paths: `linux/amd64`, `/v2/x`, `a b.rs`, <https://e.example/x>, [w](https://e.example/y).\n";
        let files = [
            (ARCHITECTURE, text),
            ("crates/a/src/x.rs", ""),
            ("docs/d.md", ""),
        ];
        assert_eq!(faults(&files), Vec::<String>::new());
    }

    #[test]
    fn what_is_gone_is_found_with_its_line() {
        let text = "# A\n`crates/a/gone`\n`gone.rs` [it](gone.md)\n";
        let findings = check(&tree(&[(ARCHITECTURE, text), ("crates/a/src/x.rs", "")]));
        let found: Vec<_> = findings
            .iter()
            .map(|finding| (finding.line, finding.what.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                (2, "names crates/a/gone, which does not exist"),
                (3, "names gone.rs, which does not exist"),
                (3, "names gone.md, which does not exist"),
            ]
        );
    }

    #[test]
    fn a_readmes_links_count_from_its_own_folder() {
        let page = (ARCHITECTURE, "# A\n");
        let manifest = ("crates/a/Cargo.toml", "");
        let readme = ("crates/a/README.md", "# a\n\nSee [it](notes/n.md).\n");
        assert_eq!(
            faults(&[page, manifest, readme, ("crates/a/notes/n.md", "")]),
            Vec::<String>::new()
        );
        assert_eq!(faults(&[page, manifest, readme]).len(), 1);
    }
}

//! The size guide: files, crates and tests that one can still hold in the head.
//!
//! Counts all lines but those of unit tests. Functions and parameters are clippy's to count.

use std::collections::BTreeMap;

use crate::finding::Finding;
use crate::tree::{File, Tree};

/// How long something may be, in lines.
struct Bound {
    /// Above this it is flagged.
    flag: usize,
    /// Above this it fails.
    fail: usize,
}

const SOURCE: Bound = Bound {
    flag: 500,
    fail: 700,
};
const ROOT: Bound = Bound {
    flag: 100,
    fail: 150,
};
const TEST: Bound = Bound {
    flag: 800,
    fail: 1_000,
};
const CRATE: Bound = Bound {
    flag: 6_000,
    fail: 8_000,
};

/// Checks every Rust source, and every package as a whole.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings: Vec<Finding> = tree.rust().filter_map(check_file).collect();
    let mut of_packages: BTreeMap<&str, usize> = BTreeMap::new();
    for file in tree.rust().filter(|file| !is_test(&file.path)) {
        if let Some((package, _)) = file.path.split_once("/src/") {
            *of_packages.entry(package).or_default() += count_without_tests(&file.text);
        }
    }
    for (package, lines) in of_packages {
        let what = "in a crate";
        findings.extend(judge(
            package,
            lines,
            &CRATE,
            (what, "find the seam and split it"),
        ));
    }
    findings
}

fn check_file(file: &File) -> Option<Finding> {
    let path = file.path.as_str();
    if is_test(path) {
        let lines = file.text.lines().count();
        return judge(path, lines, &TEST, ("in a test file", "split it by topic"));
    }
    let lines = count_without_tests(&file.text);
    if path.ends_with("src/lib.rs") || path.ends_with("src/main.rs") {
        let advice = "leave modules and re-exports, move the rest to a file of its own";
        return judge(path, lines, &ROOT, ("in a root module", advice));
    }
    judge(
        path,
        lines,
        &SOURCE,
        ("in a file", "one noun a file: split it"),
    )
}

fn judge(
    path: &str,
    lines: usize,
    bound: &Bound,
    (place, advice): (&str, &str),
) -> Option<Finding> {
    if lines > bound.fail {
        let what = format!("{lines} lines {place}, at most {}", bound.fail);
        Some(Finding::failure(path, 0, what, advice))
    } else if lines > bound.flag {
        let what = format!("{lines} lines {place}, more than {}", bound.flag);
        Some(Finding::flag(path, 0, what, advice))
    } else {
        None
    }
}

/// Whether a path is a test's: an integration test, a bench, or a unit test's file of its own.
fn is_test(path: &str) -> bool {
    let folders = ["/tests/", "/benches/"];
    folders.iter().any(|folder| path.contains(folder)) || path.ends_with("/tests.rs")
}

/// Counts lines but those of modules that only tests compile.
fn count_without_tests(text: &str) -> usize {
    let mut count = 0;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let is_test_module = line == "#[cfg(test)]"
            && lines
                .peek()
                .is_some_and(|next| next.contains("mod ") && next.ends_with('{'));
        if is_test_module {
            // rustfmt closes a module at the margin, and nothing else in it there.
            lines.by_ref().find(|line| *line == "}");
        } else {
            count += 1;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::sample::tree;

    fn found(path: &str, text: &str) -> Vec<(bool, String)> {
        check(&tree(&[(path, text)]))
            .into_iter()
            .map(|finding| (finding.is_failure, finding.what))
            .collect()
    }

    #[test]
    fn a_file_is_flagged_and_then_fails() {
        let path = "crates/a/src/x.rs";
        assert_eq!(found(path, &"x\n".repeat(500)), []);
        assert!(!found(path, &"x\n".repeat(501))[0].0);
        assert!(!found(path, &"x\n".repeat(700))[0].0);
        assert!(found(path, &"x\n".repeat(701))[0].0);
    }

    #[test]
    fn a_root_module_is_short_and_a_test_may_be_long() {
        assert!(found("crates/a/src/lib.rs", &"x\n".repeat(151))[0].0);
        assert!(!found("crates/a/src/main.rs", &"x\n".repeat(101))[0].0);
        assert_eq!(found("crates/a/tests/it/main.rs", &"x\n".repeat(800)), []);
        assert!(!found("crates/a/src/x/tests.rs", &"x\n".repeat(801))[0].0);
        assert!(found("crates/a/tests/it/x.rs", &"x\n".repeat(1_001))[0].0);
    }

    #[test]
    fn lines_of_unit_tests_are_not_counted() {
        let tests = "    x\n".repeat(900);
        let text =
            format!("a\n#[cfg(test)]\nmod tests {{\n{tests}}}\nb\n#[cfg(test)]\nmod more;\n");
        assert_eq!(count_without_tests(&text), 4);
    }

    #[test]
    fn a_crate_is_the_sum_of_its_files() {
        let long = "x\n".repeat(490);
        let paths: Vec<String> = (0..13).map(|i| format!("crates/a/src/f{i}.rs")).collect();
        let files: Vec<(&str, &str)> = paths
            .iter()
            .map(|path| (path.as_str(), long.as_str()))
            .collect();
        let findings = check(&tree(&files));
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].what, "6370 lines in a crate, more than 6000");
    }
}

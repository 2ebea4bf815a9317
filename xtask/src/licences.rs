//! `cargo xtask licences`: everything that ends up in the program is under a permissive licence.

use crate::error::Error;
use crate::finding::Finding;
use crate::graph::{Follow, reached_from};
use crate::metadata::{Metadata, Package};

/// The package that is the program.
const PROGRAM: &str = "forebay";

/// The licences that ask for no more than to be named.
const PERMISSIVE: [&str; 13] = [
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Exceptions that only widen what a permissive licence allows.
const EXCEPTIONS: [&str; 1] = ["LLVM-exception"];

/// Reads the workspace and checks what the program is built from.
pub(crate) fn run() -> Result<Vec<Finding>, Error> {
    Ok(check(&Metadata::read()?))
}

fn check(metadata: &Metadata) -> Vec<Finding> {
    let program = metadata.members().find(|member| member.name == PROGRAM);
    let Some(program) = program else {
        let what = format!("there is no package {PROGRAM}");
        return vec![Finding::failure(
            "Cargo.toml",
            0,
            what,
            "name the program here",
        )];
    };
    reached_from(metadata, program, Follow::Normal)
        .into_iter()
        .filter_map(|(package, _)| check_package(package))
        .collect()
}

fn check_package(package: &Package) -> Option<Finding> {
    let licence = package.license.as_deref().unwrap_or("no stated licence");
    if is_permissive(licence) {
        return None;
    }
    let what = format!("{} {} is under {licence}", package.name, package.version);
    let advice = "replace the crate, or add the licence if it is permissive";
    Some(Finding::failure("Cargo.lock", 0, what, advice))
}

/// Whether an SPDX expression leaves us a way with permissive licences only.
fn is_permissive(expression: &str) -> bool {
    // Before SPDX, cargo's own form for a choice was a slash.
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    any_of(&mut rest) == Some(true) && rest.is_empty()
}

/// Reads `a OR b …`; `None` if it is no expression.
fn any_of(words: &mut &[&str]) -> Option<bool> {
    let mut is_fine = all_of(words)?;
    while take(words, "OR") {
        is_fine |= all_of(words)?;
    }
    Some(is_fine)
}

/// Reads `a AND b …`, which binds closer.
fn all_of(words: &mut &[&str]) -> Option<bool> {
    let mut is_fine = one_of(words)?;
    while take(words, "AND") {
        is_fine &= one_of(words)?;
    }
    Some(is_fine)
}

/// Reads a licence, with its exception if it has one, or an expression in parentheses.
fn one_of(words: &mut &[&str]) -> Option<bool> {
    if take(words, "(") {
        let is_fine = any_of(words)?;
        return take(words, ")").then_some(is_fine);
    }
    let (licence, rest) = words.split_first()?;
    *words = rest;
    let mut is_fine = PERMISSIVE.contains(licence);
    if take(words, "WITH") {
        let (exception, rest) = words.split_first()?;
        *words = rest;
        is_fine &= EXCEPTIONS.contains(exception);
    }
    Some(is_fine)
}

fn take(words: &mut &[&str], word: &str) -> bool {
    match words.split_first() {
        Some((first, rest)) if *first == word => {
            *words = rest;
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::sample::graph;

    #[test]
    fn an_expression_is_fine_if_it_leaves_a_permissive_way() {
        let table = [
            ("MIT", true),
            ("MIT/Apache-2.0", true),
            ("MIT OR GPL-3.0-only", true),
            ("GPL-3.0-only", false),
            ("MIT AND GPL-3.0-only", false),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
            ("MIT OR Apache-2.0 AND GPL-3.0-only", true),
            ("(MIT OR Apache-2.0) AND GPL-3.0-only", false),
            ("Apache-2.0 WITH LLVM-exception OR MPL-2.0", true),
            ("Apache-2.0 WITH Something", false),
            ("(MIT", false),
            ("MIT Apache-2.0", false),
            ("MIT OR", false),
            ("", false),
        ];
        for (expression, expected) in table {
            assert_eq!(is_permissive(expression), expected, "{expression}");
        }
    }

    #[test]
    fn only_what_the_program_holds_is_judged() {
        let mut metadata = graph(&[("forebay", &["a", "dev:t", "build:b"]), ("a", &["c"])], 1);
        for package in &mut metadata.packages {
            package.license = None;
        }
        let names: Vec<String> = check(&metadata)
            .into_iter()
            .map(|finding| finding.what)
            .collect();
        assert_eq!(
            names,
            [
                "a 1.0.0 is under no stated licence",
                "c 1.0.0 is under no stated licence"
            ]
        );
    }
}

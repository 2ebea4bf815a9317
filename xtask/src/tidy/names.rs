//! Names that say nothing: a module of such a name collects what belongs elsewhere.

use crate::finding::Finding;
use crate::tree::{File, Tree};

/// Module names that are not used.
const FORBIDDEN: [&str; 10] = [
    "utils", "util", "helpers", "helper", "common", "misc", "types", "manager", "base", "handler2",
];

const ADVICE: &str = "name it after the noun that it holds";

/// Checks the names of source files, of their folders, and of modules inside files.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust()
        .flat_map(|file| {
            check_path(&file.path)
                .into_iter()
                .chain(check_modules(file))
        })
        .collect()
}

fn check_path(path: &str) -> Option<Finding> {
    let name = path
        .trim_end_matches(".rs")
        .split('/')
        .find(|part| FORBIDDEN.contains(part))?;
    let what = format!("a file or folder called {name}");
    Some(Finding::failure(path, 0, what, ADVICE))
}

fn check_modules(file: &File) -> Vec<Finding> {
    file.lines()
        .filter_map(|(number, line)| {
            let name = module_named_in(line)?;
            FORBIDDEN.contains(&name).then(|| {
                let what = format!("a module called {name}");
                Finding::failure(file.path.clone(), number, what, ADVICE)
            })
        })
        .collect()
}

fn module_named_in(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let after_visibility = match line.strip_prefix("pub") {
        Some(rest) => rest
            .trim_start_matches("(crate)")
            .trim_start_matches("(super)")
            .trim_start(),
        None => line,
    };
    let name = after_visibility.strip_prefix("mod ")?;
    Some(name.trim_end_matches(['{', ';', ' ']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::sample::tree;

    #[test]
    fn an_empty_name_is_found_wherever_it_stands() {
        let files = [
            ("crates/a/src/utils.rs", ""),
            ("crates/a/src/common/x.rs", ""),
            ("crates/a/tests/it/helpers/mod.rs", ""),
            ("crates/a/src/y.rs", "pub(crate) mod types {\n"),
            ("crates/a/src/z.rs", "mod misc;\n"),
        ];
        assert_eq!(check(&tree(&files)).len(), files.len());
    }

    #[test]
    fn a_name_that_holds_such_a_word_is_fine() {
        let files = [
            ("crates/a/src/media_types.rs", "mod database;\n"),
            ("crates/a/src/x.rs", "// a mod common\nlet types = 1;\n"),
        ];
        assert_eq!(check(&tree(&files)), []);
    }
}

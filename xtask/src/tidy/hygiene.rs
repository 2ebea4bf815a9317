//! What must not be in a file of a public repository: one machine's paths, package registries' hosts, white space at a line's end.

use crate::finding::Finding;
use crate::tree::{File, Tree};

/// Hosts that packages are fetched from: which mirror answers for them is each machine's own affair.
const REGISTRY_HOSTS: [&str; 9] = [
    concat!("index.cra", "tes.io"),
    concat!("static.cra", "tes.io"),
    concat!("py", "pi.org"),
    concat!("files.pythonho", "sted.org"),
    concat!("registry.np", "mjs.org"),
    concat!("registry.yarn", "pkg.com"),
    concat!("proxy.gol", "ang.org"),
    concat!("deb.deb", "ian.org"),
    concat!("rubyge", "ms.org"),
];

/// Beginnings of absolute paths of one machine; a name follows the first two.
const HOMES: [&str; 2] = [concat!("/ho", "me/"), concat!("/Use", "rs/")];

/// Folders of one machine's tools.
const MACHINE_PATHS: [&str; 3] = [
    concat!("/ro", "ot/.cargo"),
    concat!("/ro", "ot/.rustup"),
    concat!("/wo", "rk/"),
];

/// Checks every text that people write.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.files
        .iter()
        .filter(|file| !is_as_printed(file))
        .flat_map(check_file)
        .collect()
}

/// Snapshots and fixtures hold what a program printed, white space and all.
fn is_as_printed(file: &File) -> bool {
    let folders = ["/fixtures/", "/snapshots/"];
    file.has_extension("snap") || folders.iter().any(|folder| file.path.contains(folder))
}

fn check_file(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in file.lines() {
        let mut fail = |what: String, advice: &str| {
            findings.push(Finding::failure(file.path.clone(), number, what, advice));
        };
        if line.ends_with([' ', '\t', '\r']) {
            fail("white space at the end of a line".to_owned(), "remove it");
        }
        if let Some(host) = find_host(line) {
            fail(
                format!("the package registry {host}"),
                "leave it to the machine's own settings",
            );
        }
        if let Some(path) = find_machine_path(line) {
            fail(
                format!("the path {path}… of one machine"),
                "use a relative path",
            );
        }
    }
    findings
}

fn find_host(line: &str) -> Option<&'static str> {
    REGISTRY_HOSTS
        .into_iter()
        .find(|host| line.contains(&format!("://{host}")))
}

fn find_machine_path(line: &str) -> Option<&'static str> {
    let begins_path = |start: usize| {
        let before = line[..start].chars().next_back();
        !before.is_some_and(|c| {
            c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '}' | '/' | '~' | '>')
        })
    };
    let is_home = |home: &&str| {
        line.match_indices(*home).any(|(start, _)| {
            let after = line[start + home.len()..].chars().next();
            begins_path(start) && after.is_some_and(|c| c.is_ascii_alphanumeric())
        })
    };
    let is_machines = |path: &&str| {
        line.match_indices(*path)
            .any(|(start, _)| begins_path(start))
    };
    HOMES
        .into_iter()
        .find(is_home)
        .or_else(|| MACHINE_PATHS.into_iter().find(is_machines))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::sample::tree;

    fn faults(line: &str) -> usize {
        check(&tree(&[("a.md", line)])).len()
    }

    #[test]
    fn white_space_at_the_end_of_a_line_is_found_but_in_snapshots() {
        for line in ["x \ny\n", "x\t\n", "x\r\n"] {
            assert_eq!(faults(line), 1, "{line:?}");
            assert_eq!(check(&tree(&[("a.snap", line)])), []);
        }
        assert_eq!(faults("x\ny\n"), 0);
    }

    #[test]
    fn hosts_of_package_registries_are_found() {
        for host in REGISTRY_HOSTS {
            assert_eq!(faults(&format!("from https://{host}/simple\n")), 1);
            assert_eq!(faults(&format!("a package of {host} is meant\n")), 0);
        }
        assert_eq!(faults("https://registry-1.docker.io/v2/\n"), 0);
    }

    #[test]
    fn paths_of_one_machine_are_found() {
        for home in HOMES {
            assert_eq!(faults(&format!("cd {home}alice/x\n")), 1);
            assert_eq!(faults(&format!("cd {home}$USER/x\n")), 0);
        }
        for path in MACHINE_PATHS {
            assert_eq!(faults(&format!("in \"{path}/x\"\n")), 1);
            assert_eq!(faults(&format!("in net{path}/x\n")), 0);
        }
    }
}

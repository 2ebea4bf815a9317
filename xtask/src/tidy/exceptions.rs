//! What may be otherwise, each with its reason.
//!
//! An exception names a path and the start of a finding; one whose path is gone is itself a finding.

use crate::finding::Finding;
use crate::tree::Tree;

/// A finding that is as it should be.
struct Exception {
    /// The file or the folder that it is about.
    path: &'static str,
    /// How the finding begins.
    what: &'static str,
    /// Why it is right here.
    reason: &'static str,
}

/// All exceptions. A reason is a sentence that a reviewer can disagree with.
const EXCEPTIONS: [Exception; 1] = [Exception {
    path: "crates/disk-faults/Cargo.toml",
    what: "forebay-disk-faults depends on forebay-blobs-fs",
    reason: "the disk that it breaks is a seam of that adapter's own; it judges no implementation",
}];

/// Whether a finding is excused.
pub(crate) fn excuses(finding: &Finding) -> bool {
    EXCEPTIONS
        .iter()
        .any(|exception| is_about(exception, finding))
}

/// Looks for exceptions that have outlived their file.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    EXCEPTIONS
        .iter()
        .filter(|exception| !tree.paths.iter().any(|path| lies_at(path, exception.path)))
        .map(|exception| {
            let what = format!("excused here ({}), but it is gone", exception.reason);
            Finding::failure(exception.path, 0, what, "remove the exception")
        })
        .collect()
}

/// Whether a file is the one at `place`, or lies in the folder there.
fn lies_at(file: &str, place: &str) -> bool {
    let rest = file.strip_prefix(place);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_about(exception: &Exception, finding: &Finding) -> bool {
    finding.path == exception.path && finding.what.starts_with(exception.what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_holds_while_its_file_or_folder_is_there() {
        assert!(lies_at("a/b.rs", "a/b.rs"));
        assert!(lies_at("a/b.rs", "a"));
        assert!(!lies_at("a/b.rs", "a/b"));
    }

    #[test]
    fn an_exception_is_about_one_path_and_one_finding() {
        let exception = Exception {
            path: "a.rs",
            what: "730 lines",
            reason: "a table that is read as one",
        };
        let found = |path, what| Finding::failure(path, 0, what, "split it");
        assert!(is_about(&exception, &found("a.rs", "730 lines in a file")));
        assert!(!is_about(&exception, &found("b.rs", "730 lines in a file")));
        assert!(!is_about(&exception, &found("a.rs", "a marker")));
    }
}

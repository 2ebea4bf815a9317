//! What may be otherwise, each with its reason.
//!
//! An exception names a path and the start of a finding; one whose path is gone is itself a finding.

use crate::finding::Finding;
use crate::tree::Tree;

/// A finding that is as it should be.
struct Exception {
    /// The file that it is about.
    path: &'static str,
    /// How the finding begins.
    what: &'static str,
    /// Why it is right here.
    reason: &'static str,
}

/// All exceptions. A reason is a sentence that a reviewer can disagree with.
const EXCEPTIONS: [Exception; 0] = [];

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
        .filter(|exception| !tree.paths.iter().any(|path| path == exception.path))
        .map(|exception| {
            let what = format!("excused here ({}), but it is gone", exception.reason);
            Finding::failure(exception.path, 0, what, "remove the exception")
        })
        .collect()
}

fn is_about(exception: &Exception, finding: &Finding) -> bool {
    finding.path == exception.path && finding.what.starts_with(exception.what)
}

#[cfg(test)]
mod tests {
    use super::*;

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

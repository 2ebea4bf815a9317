//! What a probe found, in words.

use super::Check;

/// All of it, by registry and file.
pub(super) fn told(checks: &[Check]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut of = None;
    for check in checks {
        if of != Some(&check.of) {
            lines.push(format!("probe of {}:", check.of));
            of = Some(&check.of);
        }
        let mark = if check.is_bad { " !" } else { "  " };
        lines.push(format!("{mark}{:<11} {}", check.what, check.found));
        if let Some(cure) = &check.cure {
            lines.push(format!("{:<13} to do: {cure}", ""));
        }
    }
    lines
}

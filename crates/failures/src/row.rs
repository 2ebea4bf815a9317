//! Rows of the tables that kubectl and Docker print: each is a message of its own, whatever stands around it.
//!
//! A row is known by what stands in it, not by its columns: people paste without the header, and without the gaps.

use std::sync::LazyLock;

use regex::{Regex, RegexSet};

use crate::prefix::split;
use crate::registry::pattern;

/// An age, and how often and since when: `5s (x320 over 70m)`.
const SEEN: &str = r"(?:[0-9]+[smhdy][0-9smhdy]*|<unknown>|<invalid>)(?: \(x(?P<count>[0-9]{1,18}) over [0-9smhdy]+\))?";

/// The rows, by how they begin.
static ROWS: LazyLock<[Regex; 6]> = LazyLock::new(|| patterns().map(|row| pattern(&row)));

/// The same at once: nearly every line is none.
static ANY_ROW: LazyLock<RegexSet> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "constants, which each test builds")]
    RegexSet::new(patterns()).expect("the rows are regular expressions")
});

fn patterns() -> [String; 6] {
    [
        // kubectl get events: [namespace] last-seen [first-seen count name] type reason object message.
        format!(
            r"^\s*(?:[!-~]+[ \t]+)?{SEEN}[ \t]+(?:Normal|Warning)[ \t]+[A-Za-z]+[ \t]+[A-Za-z.]+/(?P<name>[!-~]+)"
        ),
        // kubectl describe: type reason age from message.
        format!(r"^\s*(?:Normal|Warning)[ \t]+[A-Za-z]+[ \t]+{SEEN}[ \t]"),
        // Both as they were before Kubernetes 1.14: ages and a count, and the type behind them.
        r"^\s*(?:[!-~]+[ \t]+)?[0-9]+[smhdy][0-9smhdy]*[ \t]+[0-9]+[smhdy][0-9smhdy]*[ \t]+(?P<count>[0-9]{1,18})[ \t].*[ \t](?:Normal|Warning)[ \t]".to_owned(),
        // kubectl get pods: [namespace] name ready status restarts age.
        r"^\s*(?:[!-~]+[ \t]+)?(?P<name>[!-~]+)[ \t]+[0-9]+/[0-9]+[ \t]+[A-Z][!-~]*[ \t]+[0-9]+(?: \([^)]* ago\))?[ \t]+[0-9]+[smhdy]".to_owned(),
        // docker service ps: id name image [node] desired-state current-state error ports.
        r"^\s*[0-9a-z]{12,25}[ \t]+(?:\\_[ \t]+)?(?P<name>[!-~]+)[ \t]+[!-~]+[ \t]+(?:[!-~]+[ \t]+)?(?:Ready|Running|Shutdown|Remove|Accepted|Complete)[ \t]+[A-Z][a-z]+[ \t][A-Za-z0-9 \t]* ago".to_owned(),
        // Their headers.
        r"^\s*(?:NAMESPACE[ \t]+)?(?:LAST ?SEEN|FIRST ?SEEN|NAME[ \t]+READY|ID[ \t]+NAME[ \t]+IMAGE|Type[ \t]+Reason[ \t]+Age)[ \t]".to_owned(),
    ]
}

/// What a row tells beside its message.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Row<'a> {
    /// The pod or the task that it is about.
    pub(crate) subject: Option<&'a str>,
    /// How often what it says happened.
    pub(crate) count: Option<u64>,
}

/// Whether a line is a row, or a header.
pub(crate) fn is_row(line: &str) -> bool {
    let (_, says) = split(line);
    ANY_ROW.is_match(says)
}

/// What a line tells as a row.
pub(crate) fn find_row(line: &str) -> Option<Row<'_>> {
    let (_, says) = split(line);
    let row = ANY_ROW.matches(says).into_iter().next()?;
    let found = ROWS[row].captures(says)?;
    let count = found.name("count");
    Some(Row {
        subject: found.name("name").map(|name| name.as_str()),
        count: count.and_then(|count| count.as_str().parse().ok()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_known_by_what_stands_in_it() {
        for (line, subject, count) in [
            (
                "shop  3m  Warning  Failed  pod/cart-1  Failed to pull",
                Some("cart-1"),
                None,
            ),
            (
                "3m Warning Failed pod/cart-1 Failed to pull",
                Some("cart-1"),
                None,
            ),
            (
                "8s (x319 over 70m)   Warning   BackOff   pod/job-1   Back-off",
                Some("job-1"),
                Some(319),
            ),
            (
                "  Warning  Failed  13m (x4 over 15m)  kubelet  Failed",
                None,
                Some(4),
            ),
            (
                "  3m  10s  4  kubelet, node-1  spec.containers{web}  Warning  Failed  Failed",
                None,
                Some(4),
            ),
            (
                "shop  web-7c9d8  0/1  ImagePullBackOff  0  5m",
                Some("web-7c9d8"),
                None,
            ),
            (
                "web-7c9d8   0/1     CrashLoopBackOff   5 (40s ago)   5m",
                Some("web-7c9d8"),
                None,
            ),
            (
                "i9k4hkg2bj4m  web.1  acme/web:1  node-1  Ready  Rejected 2 seconds ago  \"No such image\"",
                Some("web.1"),
                None,
            ),
            (
                "i9k4hkg2bj4m   \\_ web.1  acme/web:1  node-1  Shutdown  Failed less than a second ago  \"x\"",
                Some("web.1"),
                None,
            ),
            (
                "NAMESPACE   LAST SEEN   TYPE      REASON    OBJECT    MESSAGE",
                None,
                None,
            ),
        ] {
            assert_eq!(find_row(line), Some(Row { subject, count }), "{line}");
        }
        for line in [
            "Warning: Docker pull failed with exit code 1, back off 7 seconds",
            "Normal words of a message that goes on",
            "step 3/5 Failed to pull",
            "upgrading: https://www.docker.com/increase-rate-limit",
            "",
        ] {
            assert_eq!(find_row(line), None, "{line}");
        }
    }
}

//! The whole program before the conformance suite: every case of it, over HTTP, in local repositories.

use std::collections::BTreeSet;

use registry_conformance::registry::Registry;
use registry_conformance::suite::{CaseResult, Suite};

use crate::program::Forebay;

/// What does not pass yet, by how its names begin, each with what is missing. It may only shrink: what passes has to go.
const NOT_YET: [(&str, &str); 0] = [];

/// Fewer cases than there ever were: a suite that ended early has not passed.
const LEAST_CASES: usize = 2700;

#[tokio::test]
async fn local_repositories_pass_every_case_of_the_suite() {
    let forebay =
        Forebay::new().with("local = [\"conformance/**\"]\n[clients]\nloopback_push = true");
    let program = forebay.start().await;
    let base = format!("http://{}", program.address);
    let registry = Registry::new(&base, "conformance", None, true).expect("an address");
    let report = Box::pin(Suite::new(registry, |_| {}).run()).await;
    println!("{report}");
    assert!(report.cases.len() >= LEAST_CASES, "{report}");
    let known = |case: &&CaseResult| NOT_YET.iter().any(|(name, _)| case.name.starts_with(name));
    let stopped = || report.failed().chain(report.skipped());
    let new: Vec<String> = stopped()
        .filter(|case| !known(case))
        .map(ToString::to_string)
        .collect();
    assert!(new.is_empty(), "{report}\n{}", new.join("\n"));
    let still: BTreeSet<&str> = NOT_YET
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| stopped().any(|case| case.name.starts_with(name)))
        .collect();
    let passed: Vec<&str> = NOT_YET
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !still.contains(name))
        .collect();
    assert!(passed.is_empty(), "these pass now: {passed:?}");
}

//! What a plan costs. Prints figures and checks none.

use std::fs;
use std::time::Duration;

use forebay_lifecycle_rules::{Expiry, Policy, Selection};

use super::plan::fixtures::{NOW, manifest, rule, tagged};
use super::{Candidate, plan};

/// A repository of a million: indexes of two platforms, each with an attestation for both, and a signature.
#[test]
#[ignore = "prints figures and checks none"]
fn what_a_plan_of_a_million_manifests_costs() {
    let before = resident();
    let candidates: Vec<Candidate> = (0..166_666).flat_map(image).collect();
    let read = resident();
    let rules = vec![
        rule(tagged(&["v*"]), Expiry::KeepNewest(1000)),
        rule(
            Selection::Untagged,
            Expiry::PushedFor(Duration::from_hours(24 * 14)),
        ),
    ];
    let policy = Policy::new(rules);
    let start = cpu_ticks();
    let plan = plan(&candidates, &policy, &[], NOW);
    let ticks = cpu_ticks() - start;
    println!(
        "{} manifests: {} MiB to hold them",
        candidates.len(),
        read - before
    );
    println!(
        "peak with the plan: {} MiB, hundredths of a second: {ticks}",
        peak() - before
    );
    println!("goes {}, spared {}", plan.goes.len(), plan.spared.len());
}

fn image(number: u32) -> Vec<Candidate> {
    let days = i64::from(number % 3000);
    let name = |part: &str| format!("{number}-{part}");
    let parts = ["amd", "arm", "amd-attestation", "arm-attestation"].map(name);
    let names: Vec<&str> = parts.iter().map(String::as_str).collect();
    let index = manifest(&name("index"), days).with_tags(&[&format!("v{number}")]);
    let mut all = vec![
        index.naming(&names),
        manifest(&name("signature"), days).about(&name("index")),
    ];
    all.extend(names.iter().map(|part| manifest(part, days).child()));
    all
}

fn resident() -> u64 {
    status("VmRSS:")
}

fn peak() -> u64 {
    status("VmHWM:")
}

/// In MiB.
fn status(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field))
        .unwrap();
    line.split_whitespace()
        .next()
        .unwrap()
        .parse::<u64>()
        .unwrap()
        / 1024
}

/// The process's own time, in hundredths of a second.
fn cpu_ticks() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    fields[11].parse().unwrap()
}

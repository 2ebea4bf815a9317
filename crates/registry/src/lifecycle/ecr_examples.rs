//! The examples of the Amazon ECR User Guide, "Examples of lifecycle policies in Amazon ECR": each policy, the repository that
//! it is shown on, and what is said to expire. Written down from knowledge of that page, in our words.

use forebay_content::Timestamp;
use forebay_lifecycle_rules::Policy;
use forebay_lifecycle_rules::ecr::import;
use forebay_oci::Digest;
use serde_json::{Value, json};

use super::plan::fixtures::{NOW, digest, manifest};
use super::{Candidate, plan};

/// An image of an example: its name, its tags, and how many days ago it was pushed.
type Image<'a> = (&'a str, &'a [&'a str], i64);

/// The names of the images that the policy lets go, in the order of the images.
fn expired(rules: &Value, images: &[Image<'_>]) -> Vec<String> {
    let text = json!({ "rules": rules }).to_string();
    let imported = import(&text, &["**".parse().unwrap()]).unwrap();
    assert_eq!(imported.left_out, []);
    let candidates: Vec<Candidate> = images
        .iter()
        .map(|(name, tags, days)| manifest(name, *days).with_tags(tags))
        .collect();
    let plan = plan(&candidates, &Policy::new(imported.rules), &[], NOW);
    let gone: Vec<&Digest> = plan.goes.iter().map(|going| &going.digest).collect();
    let names = images.iter().map(|(name, ..)| *name);
    let names = names.filter(|name| gone.contains(&&digest(name)));
    names.map(str::to_owned).collect()
}

/// A rule of the examples.
fn rule(priority: u32, mut selection: Value, count: (&str, u64)) -> Value {
    selection["countType"] = json!(count.0);
    selection["countNumber"] = json!(count.1);
    if count.0 != "imageCountMoreThan" {
        selection["countUnit"] = json!("days");
    }
    json!({
        "rulePriority": priority,
        "description": format!("Rule {priority}"),
        "selection": selection,
        "action": { "type": "expire" },
    })
}

fn prefixed(prefixes: &[&str]) -> Value {
    json!({ "tagStatus": "tagged", "tagPrefixList": prefixes })
}

#[test]
fn filtering_on_image_age() {
    let rules = json!([rule(
        1,
        json!({ "tagStatus": "untagged" }),
        ("sinceImagePushed", 14)
    )]);
    let images: [Image<'_>; 3] = [("A", &[], 15), ("B", &[], 13), ("C", &["v1"], 99)];
    assert_eq!(expired(&rules, &images), ["A"]);
}

#[test]
fn filtering_on_image_count() {
    let rules = json!([rule(
        1,
        json!({ "tagStatus": "untagged" }),
        ("imageCountMoreThan", 1)
    )]);
    let images: [Image<'_>; 3] = [("A", &[], 3), ("B", &[], 2), ("C", &["v1"], 1)];
    assert_eq!(expired(&rules, &images), ["A"]);
}

/// The images of "Filtering on multiple rules".
const SHARED: [Image<'static>; 3] = [
    ("A", &["beta-1", "prod-1"], 10),
    ("B", &["beta-2", "prod-2"], 9),
    ("C", &["beta-3"], 8),
];

#[test]
fn filtering_on_multiple_rules_example_a() {
    // Rule 2 would take B, which rule 1 keeps.
    let rules = json!([
        rule(1, prefixed(&["prod"]), ("imageCountMoreThan", 1)),
        rule(2, prefixed(&["beta"]), ("imageCountMoreThan", 1)),
    ]);
    assert_eq!(expired(&rules, &SHARED), ["A"]);
}

#[test]
fn filtering_on_multiple_rules_example_b() {
    let rules = json!([
        rule(1, prefixed(&["beta"]), ("imageCountMoreThan", 1)),
        rule(2, prefixed(&["prod"]), ("imageCountMoreThan", 1)),
    ]);
    assert_eq!(expired(&rules, &SHARED), ["A", "B"]);
}

/// The images of "Filtering on multiple tags in a single rule", example A.
const BY_COUNT: [Image<'static>; 6] = [
    ("A", &["alpha-1"], 12),
    ("B", &["beta-1"], 11),
    ("C", &["alpha-2", "beta-2"], 10),
    ("D", &["alpha-3"], 4),
    ("E", &["beta-3"], 3),
    ("F", &["alpha-4", "beta-4"], 2),
];

#[test]
fn filtering_on_multiple_tags_in_a_single_rule_example_a() {
    // Only C and F have both.
    let rules = json!([rule(
        1,
        prefixed(&["alpha", "beta"]),
        ("imageCountMoreThan", 1)
    )]);
    assert_eq!(expired(&rules, &BY_COUNT), ["C"]);
}

#[test]
fn filtering_on_multiple_tags_in_a_single_rule_example_b() {
    let rules = json!([rule(
        1,
        prefixed(&["alpha", "beta"]),
        ("sinceImagePushed", 5)
    )]);
    assert_eq!(expired(&rules, &BY_COUNT), ["C"]);
}

#[test]
fn filtering_on_all_images_example_a() {
    // Two rules by number for special tags, and the rest by number.
    let images: [Image<'_>; 4] = [
        ("A", &["alpha-1"], 4),
        ("B", &["beta-1"], 3),
        ("C", &[], 2),
        ("D", &["alpha-2"], 1),
    ];
    let rules = json!([
        rule(1, prefixed(&["alpha"]), ("imageCountMoreThan", 1)),
        rule(2, json!({ "tagStatus": "any" }), ("imageCountMoreThan", 1)),
    ]);
    assert_eq!(expired(&rules, &images), ["A", "B", "C"]);
}

#[test]
fn filtering_on_all_images_by_tag_status() {
    // Untagged ones by age, all others by number.
    let rules = json!([
        rule(
            1,
            json!({ "tagStatus": "untagged" }),
            ("sinceImagePushed", 1)
        ),
        rule(2, json!({ "tagStatus": "any" }), ("imageCountMoreThan", 2)),
    ]);
    let images: [Image<'_>; 5] = [
        ("A", &["v1"], 9),
        ("B", &["v2"], 8),
        ("C", &["v3"], 7),
        ("D", &[], 6),
        ("E", &[], 0),
    ];
    // The newest two of all are E and D; D is rule 1's.
    assert_eq!(expired(&rules, &images), ["A", "B", "C", "D"]);
}

#[test]
fn filtering_by_patterns_with_wildcards() {
    let pattern = |patterns: &[&str]| json!({ "tagStatus": "tagged", "tagPatternList": patterns });
    let images: [Image<'_>; 4] = [
        ("A", &["prod-1"], 30),
        ("B", &["team-prod"], 20),
        ("C", &["prod-2"], 10),
        ("D", &["dev-1"], 99),
    ];
    let rules = json!([rule(1, pattern(&["*prod*"]), ("imageCountMoreThan", 1))]);
    assert_eq!(expired(&rules, &images), ["A", "B"]);
    let rules = json!([rule(1, pattern(&["prod*"]), ("sinceImagePushed", 14))]);
    assert_eq!(expired(&rules, &images), ["A"]);
}

#[test]
fn filtering_on_the_last_pull() {
    let text =
        json!({ "rules": [rule(1, json!({ "tagStatus": "any" }), ("sinceImagePulled", 60))] });
    let imported = import(&text.to_string(), &["**".parse().unwrap()]).unwrap();
    let mut candidates = [manifest("A", 90), manifest("B", 90), manifest("C", 10)];
    candidates[1].entry.pulled_at = Some(Timestamp(NOW.0 - 59 * 86_400_000));
    let plan = plan(&candidates, &Policy::new(imported.rules), &[], NOW);
    let gone: Vec<&Digest> = plan.goes.iter().map(|going| &going.digest).collect();
    assert_eq!(gone, [&digest("A")]);
}

use forebay_lifecycle_rules::{Expiry, Rule, Selection, Tagged};

use super::fixtures::{NOW, days, digest, manifest, rule, tagged};
use super::*;

/// What goes and what is spared, each with its reason, as text; digests by the names that they were made of.
fn told(candidates: &[Candidate], rules: Vec<Rule>, names: &[&str]) -> Vec<String> {
    let immutable = ["fixed*".parse().unwrap()];
    let plan = plan(candidates, &Policy::new(rules), &immutable, NOW);
    let goes = plan.goes.iter();
    let goes = goes.map(|going| format!("{} goes: {}", going.digest, going.cause));
    let spared = plan.spared.iter();
    let spared = spared.map(|spared| {
        let Spared {
            digest,
            rule,
            why,
            shield,
            ..
        } = spared;
        format!("{digest} stays though {rule}: {why}: {shield}")
    });
    let lines = goes.chain(spared);
    lines
        .map(|line| {
            names.iter().fold(line, |line, name| {
                line.replace(&digest(name).to_string(), name)
            })
        })
        .collect()
}

#[test]
fn the_newest_of_a_pattern_are_kept_and_others_are_left_alone() {
    let candidates = [
        manifest("a", 40).with_tags(&["v1"]),
        manifest("b", 30).with_tags(&["v2"]),
        manifest("c", 20).with_tags(&["v3"]),
        manifest("d", 50).with_tags(&["main"]),
        manifest("e", 60),
    ];
    let rules = vec![rule(tagged(&["v*"]), Expiry::KeepNewest(2))];
    assert_eq!(
        told(&candidates, rules, &["a"]),
        ["a goes: rule: not among the newest 2"]
    );
    let rules = vec![rule(tagged(&["v*"]), Expiry::KeepNewest(0))];
    assert_eq!(told(&candidates, rules, &[]).len(), 3);
    let rules = vec![rule(tagged(&["v*"]), Expiry::KeepNewest(3))];
    assert_eq!(told(&candidates, rules, &[]), [""; 0]);
}

#[test]
fn untagged_ones_go_after_their_time_and_not_before() {
    let candidates = [
        manifest("old", 15),
        manifest("young", 14),
        manifest("tagged", 90).with_tags(&["v1"]),
        manifest("ahead", -3),
    ];
    let rules = vec![rule(Selection::Untagged, Expiry::PushedFor(days(14)))];
    assert_eq!(
        told(&candidates, rules, &["old"]),
        ["old goes: rule: pushed 15 days ago"]
    );
}

#[test]
fn what_is_pulled_lives_and_a_push_counts_as_a_pull() {
    let candidates = [
        manifest("used", 95).with_tags(&["a"]).pulled(3),
        manifest("unused", 95).with_tags(&["b"]).pulled(91),
        manifest("never", 92).with_tags(&["c"]),
        manifest("new", 1).with_tags(&["d"]),
        manifest("repushed", 2).with_tags(&["e"]).pulled(99),
    ];
    let rules = vec![rule(Selection::Everything, Expiry::NotPulledFor(days(90)))];
    assert_eq!(
        told(&candidates, rules, &["unused", "never"]),
        [
            "unused goes: rule: not pulled for 91 days",
            "never goes: rule: never pulled since it was pushed 92 days ago",
        ]
    );
}

#[test]
fn an_index_lives_while_anything_that_it_names_is_pulled() {
    let candidates = [
        manifest("release", 99)
            .with_tags(&["v1"])
            .naming(&["platforms"]),
        manifest("platforms", 99)
            .child()
            .naming(&["amd64", "arm64"])
            .pulled(98),
        manifest("amd64", 99).child().pulled(1),
        manifest("arm64", 99).child().pulled(95),
        manifest("old", 99)
            .with_tags(&["v0"])
            .naming(&["arm64"])
            .pulled(97),
    ];
    let rules = vec![rule(tagged(&["v*"]), Expiry::NotPulledFor(days(90)))];
    assert_eq!(
        told(&candidates, rules, &["old"]),
        ["old goes: rule: not pulled for 95 days"]
    );
}

#[test]
fn what_one_rule_keeps_no_later_one_takes() {
    let candidates = [
        manifest("a", 99).with_tags(&["v1"]),
        manifest("b", 98).with_tags(&["v2"]),
        manifest("c", 97).with_tags(&["dev"]),
    ];
    let mut second = rule(Selection::Everything, Expiry::NotPulledFor(days(90)));
    second.priority = 2;
    second.name = "second".to_owned();
    let rules = vec![second, rule(tagged(&["v*"]), Expiry::KeepNewest(1))];
    assert_eq!(
        told(&candidates, rules, &["a", "c"]),
        [
            "a goes: rule: not the newest",
            "c goes: second: never pulled since it was pushed 97 days ago",
        ]
    );
}

#[test]
fn pinned_ones_and_immutable_tags_stay_and_it_is_told() {
    let candidates = [
        manifest("a", 50).pinned(),
        manifest("b", 50).with_tags(&["fixed-1"]),
        manifest("c", 50).with_tags(&["v1"]),
    ];
    let rules = vec![rule(Selection::Everything, Expiry::PushedFor(days(7)))];
    assert_eq!(
        told(&candidates, rules, &["a", "b", "c"]),
        [
            "c goes: rule: pushed 50 days ago",
            "a stays though rule: pushed 50 days ago: it is pinned",
            "b stays though rule: pushed 50 days ago: its tag fixed-1 is immutable",
        ]
    );
}

#[test]
fn a_tag_that_the_rule_does_not_name_spares_the_manifest_if_it_is_to() {
    let candidates = [
        manifest("a", 50).with_tags(&["latest", "v1"]),
        manifest("b", 40).with_tags(&["v2", "v2.1"]),
        manifest("c", 30).with_tags(&["v3"]),
    ];
    let selection = Selection::Tagged(Tagged {
        patterns: vec!["v*".parse().unwrap()],
        needs_every: false,
        spares_other_tags: true,
    });
    let rules = vec![rule(selection, Expiry::KeepNewest(1))];
    assert_eq!(
        told(&candidates, rules, &["a", "b"]),
        [
            "b goes: rule: not the newest",
            "a stays though rule: not the newest: it is tagged latest as well, which the rule does not name",
        ]
    );
}

#[test]
fn an_index_takes_its_children_along_and_those_of_a_kept_one_stay() {
    let candidates = [
        manifest("old", 50)
            .with_tags(&["v1"])
            .naming(&["amd", "both"]),
        manifest("new", 10)
            .with_tags(&["v2"])
            .naming(&["both", "arm"]),
        manifest("amd", 50).child(),
        manifest("both", 50).child(),
        manifest("arm", 50).child(),
        manifest("stranger", 50).child(),
    ];
    let mut untagged = rule(Selection::Untagged, Expiry::PushedFor(days(14)));
    untagged.priority = 2;
    let rules = vec![rule(tagged(&["v*"]), Expiry::KeepNewest(1)), untagged];
    assert_eq!(
        told(
            &candidates,
            rules,
            &["old", "new", "amd", "both", "arm", "stranger"]
        ),
        [
            "old goes: rule: not the newest",
            "amd goes: goes with the index old",
            "both stays though rule: pushed 50 days ago: the index new names it",
            "arm stays though rule: pushed 50 days ago: the index new names it",
            "stranger stays though rule: pushed 50 days ago: an index names it",
        ]
    );
}

#[test]
fn a_tagged_child_needs_a_rule_of_its_own_and_stays_while_its_index_does() {
    let candidates = [
        manifest("index", 50).with_tags(&["v1"]).naming(&["child"]),
        manifest("child", 50).with_tags(&["v1-amd64"]).child(),
    ];
    let rules = vec![rule(tagged(&["v1"]), Expiry::PushedFor(days(7)))];
    assert_eq!(
        told(&candidates, rules, &["index"]),
        ["index goes: rule: pushed 50 days ago"]
    );
    let rules = vec![rule(tagged(&["*-amd64"]), Expiry::PushedFor(days(7)))];
    assert_eq!(
        told(&candidates, rules, &["index", "child"]),
        ["child stays though rule: pushed 50 days ago: the index index names it"]
    );
}

#[test]
fn signatures_go_with_their_subject_and_never_before_it() {
    let old = digest("old").hex();
    let candidates = [
        manifest("note", 50).about("signature"),
        manifest("signature", 50).about("old"),
        manifest("cosign", 50).with_tags(&[&format!("sha256-{old}.sig")]),
        manifest("old", 50).with_tags(&["v1"]),
        manifest("new", 40).with_tags(&["v2"]),
        manifest("sbom", 50).about("new"),
        manifest("orphan", 50).about("gone"),
    ];
    let mut rest = rule(Selection::Everything, Expiry::PushedFor(days(14)));
    rest.priority = 2;
    let rules = vec![rule(tagged(&["v*"]), Expiry::KeepNewest(1)), rest];
    let names = [
        "note",
        "signature",
        "cosign",
        "old",
        "new",
        "sbom",
        "orphan",
    ];
    assert_eq!(
        told(&candidates, rules, &names),
        [
            "old goes: rule: not the newest",
            "cosign goes: goes with old, which it is about",
            "signature goes: goes with old, which it is about",
            "note goes: goes with signature, which it is about",
            "orphan goes: rule: pushed 50 days ago",
            "sbom stays though rule: pushed 50 days ago: it is about new, which stays",
        ]
    );
}

#[test]
fn what_a_pinned_signature_is_about_stays_with_all_that_it_names() {
    let candidates = [
        manifest("index", 50).with_tags(&["v1"]).naming(&["child"]),
        manifest("child", 50).child(),
        manifest("signature", 50).about("index").pinned(),
    ];
    let rules = vec![rule(Selection::Everything, Expiry::PushedFor(days(7)))];
    assert_eq!(
        told(&candidates, rules, &["index", "child", "signature"]),
        [
            "index stays though rule: pushed 50 days ago: signature, which stays, is about it",
            "child stays though rule: pushed 50 days ago: the index index names it",
            "signature stays though rule: pushed 50 days ago: it is pinned",
        ]
    );
}

#[test]
fn what_belongs_to_others_takes_no_place_among_the_newest() {
    let candidates = [
        manifest("index", 1).with_tags(&["v1"]).naming(&["child"]),
        manifest("child", 1).child(),
        manifest("signature", 1).about("index"),
        manifest("pinned", 1).pinned(),
        manifest("a", 20),
        manifest("b", 30),
    ];
    let rules = vec![rule(Selection::Untagged, Expiry::KeepNewest(1))];
    assert_eq!(
        told(&candidates, rules, &["b"]),
        ["b goes: rule: not the newest"]
    );
}

#[test]
fn who_stays_when_its_indexes_went_takes_a_place_from_then_on() {
    let keep_one = |selection| vec![rule(selection, Expiry::KeepNewest(1))];
    // The new index names a signature of what only the old one names.
    let new = manifest("new", 1).with_tags(&["v2"]).naming(&["signature"]);
    let signature = manifest("signature", 1).child().about("image");
    let alone = manifest("alone", 30);
    let before = [
        manifest("old", 20).with_tags(&["v1"]).naming(&["image"]),
        manifest("image", 20).child(),
        new.clone(),
        signature.clone(),
        alone.clone(),
    ];
    let mut rules = keep_one(tagged(&["v*"]));
    rules.extend(keep_one(Selection::Untagged));
    let names = ["old", "image", "new", "signature", "alone"];
    assert_eq!(
        told(&before, rules.clone(), &names),
        ["old goes: rule: not the newest"]
    );
    let after = [manifest("image", 20), new, signature, alone];
    assert_eq!(
        told(&after, rules, &names),
        ["alone goes: rule: not the newest"]
    );
}

#[test]
fn a_circle_that_no_rule_touches_stays_and_one_that_a_rule_lets_go_goes() {
    let candidates = [
        manifest("index", 50).naming(&["child"]).about("child"),
        manifest("child", 50).child(),
    ];
    let rules = vec![rule(Selection::Untagged, Expiry::PushedFor(days(7)))];
    let names = ["index", "child"];
    assert_eq!(
        told(&candidates, rules.clone(), &names),
        [
            "index stays though rule: pushed 50 days ago: it is about child, which stays",
            "child stays though rule: pushed 50 days ago: the index index names it",
        ]
    );
    let mut tagged_child = candidates;
    tagged_child[1].entry.tags = vec!["v1".parse().unwrap()];
    let rules = vec![rule(Selection::Everything, Expiry::PushedFor(days(7)))];
    assert_eq!(told(&tagged_child, rules, &names).len(), 2);
}

#[test]
fn an_image_with_a_tag_of_its_own_goes_by_its_own_rules_and_keeps_what_it_is_about() {
    let old = digest("old").hex();
    let candidates = [
        manifest("old", 50).with_tags(&["v1"]),
        manifest("prod", 50).about("old").with_tags(&["prod"]),
        manifest("signature", 50).about("old"),
        manifest("listed", 50)
            .about("old")
            .with_tags(&[&format!("sha256-{old}")]),
    ];
    let names = ["old", "prod", "signature", "listed"];
    let releases = rule(tagged(&["v*"]), Expiry::PushedFor(days(30)));
    assert_eq!(
        told(&candidates, vec![releases.clone()], &names),
        ["old stays though rule: pushed 50 days ago: prod, which stays, is about it"]
    );
    let live = rule(tagged(&["prod"]), Expiry::PushedFor(days(30)));
    assert_eq!(
        told(&candidates, vec![releases, live.clone()], &names),
        [
            "prod goes: rule: pushed 50 days ago",
            "old goes: rule: pushed 50 days ago",
            "listed goes: goes with old, which it is about",
            "signature goes: goes with old, which it is about",
        ]
    );
    // What it is about does not keep it.
    assert_eq!(
        told(&candidates, vec![live], &names),
        ["prod goes: rule: pushed 50 days ago"]
    );
}

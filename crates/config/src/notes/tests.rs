use std::fs;

use crate::{Environment, Flags, Sources, load, notes};

fn told(text: &str) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("forebay.toml");
    fs::write(&path, text).unwrap();
    let sources = Sources::new(Some(path), Environment::default(), Flags::default());
    notes(&load(&sources).unwrap())
}

/// A rule about these repositories.
fn rule(repositories: &str, rest: &str) -> String {
    format!("[[lifecycle]]\nrepositories = {repositories}\n{rest}\n")
}

#[test]
fn what_does_what_it_says_is_not_spoken_of() {
    for text in [
        String::new(),
        format!(
            "local = [\"team/*\"]\n{}",
            rule("[\"team/*\"]", "keep_newest = 1")
        ),
        format!(
            "local = [\"team/**\"]\n{}",
            rule("[\"team/web/app\", \"app\"]", "keep_newest = 1")
        ),
        format!(
            "local = [\"more/*\", \"team/app\"]\n{}",
            rule("[\"team/*\", \"*/x\", \"**\"]", "keep_newest = 1")
        ),
        "[upstreams.\"docker.io\"]\nauthorize_for = \"5m\"\n".to_owned(),
        "[clients]\nloopback_push = true\n".to_owned(),
    ] {
        assert_eq!(told(&text), [] as [String; 0], "{text}");
    }
}

#[test]
fn a_pattern_that_reserves_nothing_is_told() {
    let prefix = "[upstreams.\"ghcr.io\"]\nprefix = \"gh\"\n";
    assert_eq!(
        told(&format!("local = [\"gh/*\", \"team/*\"]\n{prefix}")),
        ["`local` holds gh/*, which reserves nothing: names that begin with gh are ghcr.io's"]
    );
}

#[test]
fn a_rule_that_does_nothing_or_takes_all_is_told() {
    let rules = [
        rule(
            "[\"docker.io/library/*\", \"other/*\", \"team/*\"]",
            "keep_newest = 0",
        ),
        rule(
            "[\"**\"]",
            "tags = [\"-rc*\", \"v*\"]\npriority = 1\nkeep_newest = 3",
        ),
    ];
    assert_eq!(
        told(&format!("local = [\"team/*\"]\n{}", rules.concat())),
        [
            "lifecycle rule 1 keeps none: all that it is about goes when rules are applied next (`keep_newest` = 0)",
            "lifecycle rule 1 does nothing for docker.io/library/*: rules are about local repositories, and names that begin with docker.io are docker.io's",
            "lifecycle rule 1 does nothing for other/*: `local` reserves no such names, so no repository has one",
            "lifecycle rule 2 names tags -rc*, and no tag begins with '.' or '-'",
            "lifecycle rule 1, lifecycle rule 2 have the same priority, 1: the one that is written first goes first",
        ]
    );
}

#[test]
fn rules_of_one_priority_are_told_only_where_they_may_meet() {
    let local = "local = [\"team/*\", \"more/*\"]\n";
    let alike = |one: &str, other: &str| told(&format!("{local}{one}{other}"));
    let newest = rule(
        "[\"team/*\"]",
        "tags = [\"v*\"]\nkeep_newest = 3\npriority = 1",
    );
    for other in [
        rule("[\"more/*\"]", "keep_newest = 3\npriority = 1"),
        rule("[\"team/*\"]", "untagged_after = \"1d\"\npriority = 1"),
    ] {
        assert_eq!(alike(&newest, &other), [] as [String; 0], "{other}");
    }
    assert_eq!(
        alike(
            &newest,
            &rule("[\"more/*\", \"**\"]", "keep_newest = 3\npriority = 1")
        ),
        [
            "lifecycle rule 1, lifecycle rule 2 have the same priority, 1: the one that is written first goes first"
        ]
    );
}

#[test]
fn a_rule_that_never_decides_is_told() {
    let rules = [
        rule("[\"team/**\"]", "keep_newest = 3\npriority = 2"),
        rule(
            "[\"team/app\", \"team/web/*\"]",
            "tags = [\"v*\"]\nnot_pulled_for = \"9d\"\npriority = 3",
        ),
        // Of these the first takes only some.
        rule("[\"**\"]", "untagged_after = \"1d\"\npriority = 4"),
    ];
    assert_eq!(
        told(&format!("local = [\"team/**\"]\n{}", rules.concat())),
        [
            "lifecycle rule 2 does nothing: lifecycle rule 1 comes before it, is about the same manifests, and so decides of them all; to have it decide of some, give it a lower `priority`"
        ]
    );
}

/// A rule of access.
fn allow(who: &str, actions: &str, repositories: &str) -> String {
    format!(
        "[[access.allow]]\nwho = [\"{who}\"]\nactions = {actions}\nrepositories = [\"{repositories}\"]\n"
    )
}

#[test]
fn access_that_says_what_it_does_is_not_spoken_of() {
    for rules in [
        allow("user:a", "[\"pull\", \"push\"]", "team/*"),
        allow(
            "user:a",
            "[\"pull\", \"push\", \"delete\", \"admin\"]",
            "**",
        ),
        allow("user:a", "[\"pull\", \"push\", \"delete\"]", "app"),
        allow("anonymous", "[\"pull\"]", "docker.io/**"),
        // Everybody pulls what she pushes.
        allow("anonymous", "[\"pull\"]", "**") + &allow("user:a", "[\"push\"]", "team/*"),
        format!(
            "[access.groups]\ndev = [\"user:a\", \"robot:*\"]\n{}",
            allow("group:dev", "[\"pull\", \"push\"]", "team/*")
        ),
    ] {
        let text = format!("local = [\"team/*\"]\n{rules}");
        assert_eq!(told(&text), [] as [String; 0], "{text}");
    }
}

#[test]
fn rights_that_nobody_can_use_are_told() {
    let rules = [
        allow("user:a", "[\"pull\", \"push\"]", "other/*"),
        allow(
            "user:a",
            "[\"pull\", \"push\", \"delete\"]",
            "docker.io/library/*",
        ),
        allow("user:a", "[\"push\"]", "team/app"),
    ];
    assert_eq!(
        told(&format!("local = [\"team/*\"]\n{}", rules.concat())),
        [
            "rule 1 of `access.allow` gives no right to push by other/*: `local` reserves no such names, so they are an upstream's and nobody can push to them; write local = [\"team/*\", \"other/*\"] before the first table",
            "rule 2 of `access.allow` gives no right to push, delete by docker.io/library/*: it stands for an upstream's repositories, and only those that live here can be pushed to",
            "rule 3 of `access.allow` lets user:a push and no rule lets them pull there: clients look first what is there, and fail; write actions = [\"pull\", \"push\"]",
        ]
    );
}

#[test]
fn pushes_of_strangers_and_a_section_without_rules_are_told() {
    assert_eq!(
        told(&allow("anonymous", "[\"pull\", \"push\"]", "**")),
        [
            "rule 1 of `access.allow` lets everybody whom `clients.allow` lets in push without a login: **"
        ]
    );
    assert_eq!(
        told("[access]\n"),
        [
            "`[access]` has no rules, so nobody may pull or push anything but robots what their tokens say: write [[access.allow]]"
        ]
    );
}

#[test]
fn a_group_that_everybody_is_in_is_told_and_what_everybody_may_by_it() {
    let group = "local = [\"team/*\"]\n[access.groups]\ndev = [\"user:a\", \"anonymous\"]\n";
    let everybody = "`access.groups` has anonymous in dev, so everybody is in it: a rule for group:dev is for all whom `clients.allow` lets in, without a login";
    let pull = allow("group:dev", "[\"pull\"]", "**");
    assert_eq!(told(&format!("{group}{pull}")), [everybody]);
    // Everybody pulls, so a push alone has what it needs.
    let push = allow("group:dev", "[\"push\"]", "team/*");
    assert_eq!(
        told(&format!("{group}{pull}{push}")),
        [
            everybody,
            "rule 2 of `access.allow` lets everybody whom `clients.allow` lets in push without a login: team/*"
        ]
    );
    let of_one = allow("user:b", "[\"push\"]", "team/*");
    assert_eq!(told(&format!("{group}{pull}{of_one}")), [everybody]);
}

#[test]
fn keys_of_rights_that_do_nothing_are_told() {
    assert_eq!(
        told(
            "[clients]\nloopback_push = true\n[access]\nallow = [{ who = [\"anonymous\"], actions = [\"pull\"], repositories = [\"**\"] }]\n\
             [upstreams.\"docker.io\"]\nauthorize_for = \"1m\"\n"
        ),
        [
            "`clients.loopback_push` does nothing beside `[access]`, whose rules say who may push",
            "`upstreams.\"docker.io\".authorize_for` does nothing without authorize = \"client\" there",
        ]
    );
}

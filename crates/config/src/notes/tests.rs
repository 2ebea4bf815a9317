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

//! Mirrors put into a registries.yaml, whatever it looks like.

use super::*;

const URL: &str = "http://10.0.0.5:5000";

fn put(text: &str) -> String {
    let once = put_mirror("registries.yaml", text, ("docker.io", URL)).expect("it merges");
    let again = put_mirror("registries.yaml", &once, ("docker.io", URL)).expect("it merges");
    assert_eq!(again, once, "twice is once");
    once
}

#[test]
fn ours_is_asked_first() {
    let ours = "mirrors:\n  docker.io:\n    endpoint:\n      - \"URL\"\n";
    for (before, after) in [
        ("", ours),
        (
            "# mine\n",
            "# mine\nmirrors:\n  docker.io:\n    endpoint:\n      - \"URL\"\n",
        ),
        ("mirrors:\n", ours),
        (
            "configs:\n  a: {}",
            "configs:\n  a: {}\nmirrors:\n  docker.io:\n    endpoint:\n      - \"URL\"",
        ),
        (
            "mirrors:\n    \"*\": # all\n        endpoint: [x]\n\n# end\nconfigs: {}\n",
            "mirrors:\n    \"*\": # all\n        endpoint: [x]\n    docker.io:\n      endpoint:\n        - \"URL\"\n\n# end\nconfigs: {}\n",
        ),
        (
            "mirrors:\n  docker.io:\n    endpoint:\n    - \"https://a\" # first\n    rewrite: {\"^\": x}\n",
            "mirrors:\n  docker.io:\n    endpoint:\n    - \"URL\"\n    - \"https://a\" # first\n    rewrite: {\"^\": x}\n",
        ),
        (
            "mirrors:\n  docker.io:\n    endpoint: [https://a]\n",
            "mirrors:\n  docker.io:\n    endpoint: [\"URL\", https://a]\n",
        ),
        (
            "mirrors:\n  docker.io:\n  ghcr.io:\n    endpoint: []\n",
            "mirrors:\n  docker.io:\n    endpoint:\n      - \"URL\"\n  ghcr.io:\n    endpoint: []\n",
        ),
        (
            "mirrors:\n  docker.io:\n    endpoint: []\n",
            "mirrors:\n  docker.io:\n    endpoint: [\"URL\"]\n",
        ),
    ] {
        assert_eq!(
            put(&before.replace("URL", URL)),
            after.replace("URL", URL),
            "{before}"
        );
    }
}

#[test]
fn odd_indentation_and_marks_of_the_document_are_no_hindrance() {
    for (before, after) in [
        (
            "---\n# all\n  configs:\n    a: {}\n...\n",
            "---\n# all\n  configs:\n    a: {}\n  mirrors:\n    docker.io:\n      endpoint:\n        - \"URL\"\n...\n",
        ),
        (
            "mirrors:\n        docker.io:\n                rewrite: {\"^\": x}\n",
            "mirrors:\n        docker.io:\n                endpoint:\n                  - \"URL\"\n                rewrite: {\"^\": x}\n",
        ),
        (
            "mirrors:\n \"docker.io\" :\n  endpoint:\n  # near\n  - \"https://a\"\n",
            "mirrors:\n \"docker.io\" :\n  endpoint:\n  # near\n  - \"URL\"\n  - \"https://a\"\n",
        ),
        (
            "mirrors: null # none\n",
            "mirrors:\n  docker.io:\n    endpoint:\n      - \"URL\" # none\n",
        ),
        (
            "mirrors:\n  quay.io: &m\n    endpoint: [https://a]\n  ghcr.io: *m\n",
            "mirrors:\n  quay.io: &m\n    endpoint: [https://a]\n  ghcr.io: *m\n  docker.io:\n    endpoint:\n      - \"URL\"\n",
        ),
        (
            "mirrors:\n  docker.io: &m\n    endpoint: [\"URL\"]\n  ghcr.io: *m\n",
            "mirrors:\n  docker.io: &m\n    endpoint: [\"URL\"]\n  ghcr.io: *m\n",
        ),
    ] {
        assert_eq!(
            put(&before.replace("URL", URL)),
            after.replace("URL", URL),
            "{before}"
        );
    }
}

#[test]
fn what_cannot_be_added_to_is_refused() {
    for text in [
        "x: &m {endpoint: [a]}\nmirrors:\n  docker.io: *m\n",
        "x: &m [a]\nmirrors:\n  docker.io:\n    endpoint: *m\n",
        "mirrors:\n  docker.io: &m\n    endpoint: [a]\n  ghcr.io: *m\n",
        "mirrors:\n  docker.io:\n    endpoint: &m\n    - a\n",
        "x: &m\n  endpoint: [a]\nmirrors:\n  docker.io:\n    <<: *m\n",
        "x: &m\n  docker.io: {}\nmirrors:\n  <<: *m\n",
        "x: &m {}\nmirrors: *m\n",
        "mirrors: &m\n  ghcr.io: {}\ny: *m\n",
        "mirrors:\n  docker.io: null\n",
        "mirrors: {}\n",
        "mirrors: [a]\n",
        "- a\n",
        "{mirrors: }\n",
        "a: [",
    ] {
        assert!(put_mirror("f", text, ("docker.io", URL)).is_err(), "{text}");
    }
}

#[test]
fn strict_is_set_once() {
    let strict = |text: &str| put_strict("config.yaml", text).expect("it merges");
    assert_eq!(strict(""), "disable-default-registry-endpoint: true\n");
    assert_eq!(
        strict("token: x\ndisable-default-registry-endpoint: false # no\n"),
        "token: x\ndisable-default-registry-endpoint: true # no\n"
    );
    assert_eq!(strict(&strict("token: x\n")), strict("token: x\n"));
}

fn closed(text: &str) -> (String, Plan) {
    let mut others = Others::default();
    let after = closing::without_registry("f", text, ("docker.io", &mut others));
    let plan = others.fall(Plan::default(), CLOSED, PAST);
    (after.expect("it can"), plan)
}

#[test]
fn the_registry_itself_is_asked_after_ours_no_more() {
    for (before, after) in [
        (
            "mirrors:\n  docker.io:\n    endpoint:\n      - \"URL\"\n      - \"https://registry-1.docker.io\" # the real one\n",
            "mirrors:\n  docker.io:\n    endpoint:\n      - \"URL\"\n",
        ),
        (
            "mirrors:\n  docker.io:\n    endpoint:\n    - URL\n    -\n      https://docker.io/v2\n  ghcr.io: {}",
            "mirrors:\n  docker.io:\n    endpoint:\n    - URL\n  ghcr.io: {}",
        ),
        (
            "mirrors:\n  docker.io:\n    endpoint: [URL, https://docker.io, 'https://index.docker.io']\n",
            "mirrors:\n  docker.io:\n    endpoint: [URL]\n",
        ),
        (
            "mirrors:\n  docker.io:\n    endpoint: [URL]\n  ghcr.io:\n    endpoint: [a, https://docker.io]\n",
            "mirrors:\n  docker.io:\n    endpoint: [URL]\n  ghcr.io:\n    endpoint: [a, https://docker.io]\n",
        ),
        ("configs: {}\n", "configs: {}\n"),
    ] {
        let (made, plan) = closed(&before.replace("URL", URL));
        assert_eq!(made, after.replace("URL", URL), "{before}");
        assert_eq!(plan.fall_through, Some(CLOSED), "{before}");
        assert_eq!(plan.notes.is_empty(), before == after, "{before}");
    }
    let (made, plan) = closed(
        "mirrors:\n  docker.io:\n    endpoint: [a, https://docker.io, https://mirror.gcr.io]\n",
    );
    assert!(made.ends_with("[a, https://mirror.gcr.io]\n"), "{made}");
    assert_eq!(plan.fall_through, Some(PAST));
    assert_eq!(plan.notes.len(), 2, "{:?}", plan.notes);
}

#[test]
fn the_registry_itself_in_a_shared_list_is_refused() {
    for text in [
        "mirrors:\n  docker.io: &m\n    endpoint: [a, https://docker.io]\n  ghcr.io: *m\n",
        "mirrors:\n  docker.io:\n    endpoint: &m [a, https://docker.io]\n",
    ] {
        let others = &mut Others::default();
        let error = closing::without_registry("f", text, ("docker.io", others));
        let error = error.expect_err(text);
        assert!(error.to_string().contains("is shared"), "{error}");
    }
}

#[test]
fn a_refusal_speaks_of_its_own_file_and_keeps_the_cause() {
    use std::error::Error as _;

    let error = put_strict("config.yaml", "<<: *m\nx: &m {}\n").err();
    let error = error.or_else(|| put_strict("config.yaml", "[a]\n").err());
    let error = error.expect("it is refused");
    let told = format!("{error} {}", error.hint().unwrap_or_default());
    assert!(
        !told.contains("mirror") && !told.contains("endpoint"),
        "{told}"
    );

    let made = "a: [".to_owned();
    let error = checked(("f", &STRICT), made, Node::text, "true").expect_err("no YAML");
    assert!(error.source().is_some(), "{error:?}");
}

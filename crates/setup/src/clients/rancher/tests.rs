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

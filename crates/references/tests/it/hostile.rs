//! Files that mean harm: each ends, soon, with a note if something was left unread; none panics.

use std::fmt::Write as _;

use forebay_references::{Format, MAX_FILE_BYTES, Settings, find, find_as, splice};
use proptest::prelude::*;

const FORMATS: [Format; 5] = [
    Format::Yaml,
    Format::Json,
    Format::Dockerfile,
    Format::Hcl,
    Format::HelmTemplate,
];

/// Paths that make the same YAML something else.
const PATHS: [&str; 6] = [
    "x.yaml",
    "kustomization.yaml",
    ".gitlab-ci.yml",
    "values.yaml",
    ".github/workflows/x.yml",
    "Dockerfile",
];

/// What syntax is made of.
const FRAGMENTS: [&str; 60] = [
    "apiVersion: v1\nkind: List\n",
    "items:\n",
    "- ",
    "  ",
    "\n",
    "\r\n",
    "image:",
    " nginx:1",
    "&a ",
    "*a",
    "<<: ",
    "services:\n",
    "spec: ",
    "containers: ",
    "{",
    "}",
    "[",
    "]",
    ",",
    ": ",
    "'",
    "\"",
    "|\n",
    ">-\n",
    "!Sub ",
    "!Join ",
    "Resources:\n",
    "Type: AWS::ECS::TaskDefinition",
    "${",
    "$",
    "${A:-",
    "{{",
    "}}",
    "#",
    "\\",
    "\\\n",
    "FROM ",
    "ARG ",
    "A=1 ",
    " AS b",
    "COPY --from=",
    "RUN --mount=from=",
    "<<EOF\n",
    "EOF\n",
    "resource \"docker_image\" \"x\" {\n",
    "name = ",
    "jsonencode(",
    ")",
    "<<-E\n",
    "é",
    "\u{feff}",
    "\t",
    "---\n",
    "%{",
    "tag: ",
    "repository: ",
    "images:\n",
    "newTag: ",
    "jobs: ",
    "true",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_read_nothing_panics_and_places_can_be_written(
        fragments in prop::collection::vec(prop::sample::select(&FRAGMENTS[..]), 0..40),
    ) {
        let text = fragments.concat();
        for format in FORMATS {
            for path in PATHS {
                let found = find_as(format, path, &text, &Settings::default());
                for place in &found.places {
                    prop_assert!(text.get(place.span.clone()).is_some());
                    if let Ok(new) = splice(&text, &[(place, "h.example/x:1")]) {
                        prop_assert!(new.contains("h.example") || new == text);
                    }
                }
                for ambiguous in &found.ambiguous {
                    prop_assert!(text.get(ambiguous.span.clone()).is_some());
                }
            }
        }
    }
}

#[test]
fn a_billion_laughs_end() {
    let mut text = "apiVersion: v1\nkind: List\na0: &a0 {kind: List, items: []}\n".to_owned();
    for level in 1..40 {
        let before = level - 1;
        let aliases = vec![format!("*a{before}"); 10].join(", ");
        _ = writeln!(
            text,
            "a{level}: &a{level} {{kind: List, items: [{aliases}]}}"
        );
    }
    text += "items: [*a39]\n";
    let _ = find("x.yaml", text.as_bytes(), &Settings::default());

    let mut merges = "services:\n  s0: &s0 {x: y}\n".to_owned();
    for level in 1..30 {
        let before = level - 1;
        let aliases = vec![format!("*s{before}"); 10].join(", ");
        _ = writeln!(
            merges,
            "  s{level}: &s{level} {{<<: [{aliases}], ports: []}}"
        );
    }
    let found = find("compose.yaml", merges.as_bytes(), &Settings::default());
    assert!(
        found.notes.iter().any(|note| note.text.contains("aliases")),
        "{:?}",
        found.notes
    );
}

#[test]
fn deep_nesting_is_noted() {
    for (path, text) in [
        (
            "x.yaml",
            format!("image: {}{}", "[".repeat(100_000), "]".repeat(100_000)),
        ),
        (
            "y.yaml",
            format!("kind: x\nimage: {}", "{a: ".repeat(100_000)),
        ),
        (
            "x.json",
            format!(
                "{{\"image\": {}{}}}",
                "[".repeat(100_000),
                "]".repeat(100_000)
            ),
        ),
        ("x.tf", format!("image = {}", "(".repeat(100_000))),
    ] {
        let found = find(path, text.as_bytes(), &Settings::default());
        assert_eq!(found.notes.len(), 1, "{path}");
    }
    let mut indented = "image: x\n".to_owned();
    for level in 0..2000 {
        _ = writeln!(indented, "{}a:", " ".repeat(level));
    }
    let found = find("z.yaml", indented.as_bytes(), &Settings::default());
    assert_eq!(found.notes.len(), 1);
}

#[test]
fn what_is_no_text_is_left_alone_and_said_so() {
    let notes = |path: &str, bytes: &[u8]| {
        let found = find(path, bytes, &Settings::default());
        assert!(found.places.is_empty());
        found.notes.len()
    };
    assert_eq!(notes("x.yaml", b"image: \xff\xfe"), 1);
    assert_eq!(notes("x.yaml", b"\xff\xfei\0m\0a\0g\0e\0:\0 \0a\0"), 1);
    assert_eq!(notes("photo.png", b"\x89PNG\xff"), 0);
    assert_eq!(notes("x.yaml", b"image: a\0b"), 1);
    assert_eq!(notes("x.yaml", &vec![b'a'; MAX_FILE_BYTES + 1]), 1);
}

#[test]
fn long_lines_end() {
    let long = "a".repeat(4 << 20);
    for path in ["x.yaml", "x.json", "Dockerfile", "x.tf", "templates/x.yaml"] {
        for text in [
            format!("services: {{a: {{image: {long}}}}}"),
            format!("FROM {long}"),
            format!("image: {{{{ {long}"),
            format!("resource \"docker_image\" \"x\" {{ name = \"{long}\" }}"),
            format!("{{\"containerDefinitions\": [{{\"image\": \"{long}\"}}]}}"),
        ] {
            let found = find(path, text.as_bytes(), &Settings::default());
            assert!(found.places.is_empty(), "{path}");
        }
    }
}

#[test]
fn variables_of_variables_do_not_grow_by_powers() {
    let mut dockerfile = "ARG A0=aaaaaaaa\n".to_owned();
    let mut terraform = "locals {\n  a0 = \"\"\n".to_owned();
    for level in 1..40 {
        let before = level - 1;
        _ = writeln!(
            dockerfile,
            "ARG A{level}={}",
            format!("${{A{before}}}").repeat(60)
        );
        _ = writeln!(
            terraform,
            "  a{level} = \"{}\"",
            format!("${{local.a{before}}}").repeat(60)
        );
    }
    dockerfile += "FROM ${A39}\n";
    terraform += "}\nresource \"docker_image\" \"x\" { name = local.a14 }\n";
    for (path, text) in [("Dockerfile", dockerfile), ("x.tf", terraform)] {
        let found = find(path, text.as_bytes(), &Settings::default());
        assert_eq!(
            (found.places.len(), found.ambiguous.len()),
            (0, 1),
            "{path}"
        );
    }
}

#[test]
fn many_keys_are_not_compared_with_each_other() {
    let mut text = "variables:\n".to_owned();
    for index in 0..20_000 {
        _ = writeln!(text, "  V{index}: 'x:{index}'");
    }
    for index in 0..20_000 {
        _ = writeln!(text, "j{index}: {{image: $V{index}}}");
    }
    let found = find(".gitlab-ci.yml", text.as_bytes(), &Settings::default());
    assert_eq!(found.places.len(), 20_000);
}

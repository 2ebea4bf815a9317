//! What lines of templates name.

use super::*;

const TEMPLATE: &str = r#"kind: Deployment
spec:
  replicas: 2
  containers:
  - name: literal
    image: "docker.io/library/busybox:1.36" # kept
  - name: part
    image: quay.io/{{ .Values.repo }}:{{ .Values.tag | default .Chart.AppVersion }}
  - name: values
    image: "{{ .Values.repo }}:{{ .Values.tag }}"
  - name: helper
    image: {{ include "x.image" . | quote }}
  {{- if .Values.x }}
  - image: 'nginx:{{ default "1.27" .Values.none }}'
  {{- end }}
  # image: not:this
"#;

fn near() -> Settings {
    let near = [
        ("../values.yaml", "repo: a/b\ntag: ''\n"),
        ("../Chart.yaml", "appVersion: 9.1.0\n"),
    ];
    Settings {
        near: near
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into(),
        ..Settings::default()
    }
}

#[test]
fn literal_parts_are_places_and_the_rest_is_listed() {
    let found = find("templates/d.yaml", TEMPLATE, &near());
    let images: Vec<&str> = found
        .places
        .iter()
        .map(|place| place.image.as_str())
        .collect();
    assert_eq!(
        images,
        [
            "docker.io/library/busybox:1.36",
            "quay.io/a/b:9.1.0",
            "nginx:1.27"
        ]
    );
    assert_eq!(found.places[1].owner.container.as_deref(), Some("part"));
    assert_eq!(found.places[1].owner.replicas, Some(2));
    assert_eq!(found.places[1].owner.kind, "Deployment");
    let why: Vec<String> = found
        .ambiguous
        .iter()
        .map(|ambiguous| ambiguous.why.to_string())
        .collect();
    assert_eq!(why[0], Why::NoReference.to_string());
    assert!(
        why[1].starts_with("`include \"x.image\" . | quote` decides it"),
        "{why:?}"
    );
}

#[test]
fn what_stands_within_braces_or_below_a_with_is_found() {
    let template = "\
kind: Pod
metadata: {name: {{ .Release.Name }}, labels: {image: \"a{{ .x }}\"}}
spec:
  containers: [{name: a, image: nginx:1}, {image: \"quay.io/b/c:2\", name: 'd, e'}]
  initContainers:
  - {name: {{ .Values.n }}, image: acme/f}
  {{- with .Values.g }}
  - image: \"docker.io/{{ .repo }}:{{ .tag }}\"
  {{- if .on }}
  - image: h/{{ .tag }}
  {{- else }}
  - image: i/{{ $.Values.repo }}
  {{- end }}
  {{- else }}
  - image: j/{{ .repo }}
  {{- end }}
  - image: k/{{ .repo }}
";
    let near = [("../values.yaml", "repo: r\ng: {repo: a/g, tag: '3'}\n")];
    let settings = Settings {
        near: near
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into(),
        ..Settings::default()
    };
    let found = find("templates/d.yaml", template, &settings);
    let images: Vec<&str> = found
        .places
        .iter()
        .map(|place| place.image.as_str())
        .collect();
    assert_eq!(
        images,
        [
            "nginx:1",
            "quay.io/b/c:2",
            "acme/f",
            "docker.io/a/g:3",
            "h/3",
            "i/r"
        ]
    );
    let at = |place: &crate::Place| &template[place.span.clone()];
    assert_eq!(at(&found.places[1]), "quay.io/b/c:2");
    assert_eq!(at(&found.places[2]), "acme/f");
    let listed: Vec<&str> = found
        .ambiguous
        .iter()
        .map(|one| one.text.as_str())
        .collect();
    assert_eq!(listed, ["a{{ .x }}", "j/{{ .repo }}", "k/{{ .repo }}"]);
}

/// What is listed of a template with these image lines, beside these values.
fn listed(values: &str, lines: &[&str]) -> Vec<String> {
    let near = [
        ("../values.yaml", values),
        ("../Chart.yaml", "appVersion: 9\n"),
    ];
    let settings = Settings {
        near: near
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into(),
        ..Settings::default()
    };
    let text = format!("  - image: {}\n", lines.join("\n  - image: "));
    let found = find("templates/d.yaml", &text, &settings);
    assert!(found.places.is_empty(), "{text}");
    let texts = found.ambiguous.into_iter().map(|ambiguous| ambiguous.text);
    texts.collect()
}

#[test]
fn what_the_values_say_alone_is_a_place_of_theirs() {
    let values =
        "sidecar: a/b:1\nimage: {repository: c/d, tag: ''}\nw: {image: 'e/f:1'}\nglobal: ''\n";
    for line in [
        "{{ .Values.sidecar }}",
        "\"{{ $.Values.sidecar }}\"",
        "{{- .Values.sidecar | default \"x:1\" | quote }}",
        "{{ .Values.w.image | quote }}",
        "\"{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}\"",
        "\"{{ .Values.global }}{{ .Values.w.image }}\"",
    ] {
        assert_eq!(listed(values, &[line]), [""; 0], "{line}");
    }
}

#[test]
fn what_the_values_alone_do_not_make_an_image_is_listed_and_not_passed_over() {
    let values = "repo: a/b\ntag: 1\nhost: ghcr.io\nimage: {repository: c/d, tag: 2}\nold: &old a:1\nnew: *old\n";
    for line in [
        "{{ .Values.repo }}:{{ .Values.tag }}",
        "{{ printf \"%s:%s\" .Values.repo .Values.tag }}",
        "{{ .Values.host }}/{{ .Values.image.repository }}:{{ .Values.image.tag }}",
        "{{ .Values.none | default \"nginx:1\" }}",
        "{{ .Values.none }}",
        "{{ .Values.new }}",
    ] {
        assert_eq!(listed(values, &[line]), [line], "{line}");
    }
}

#[test]
fn a_number_of_replicas_is_taken_from_the_values_or_not_known() {
    for (replicas, expected) in [
        ("{{ .Values.n }}", (Some(3), false)),
        ("{{ .Values.none | default 4 }}", (Some(4), false)),
        ("{{ .Values.none }}", (None, true)),
        ("2", (Some(2), false)),
    ] {
        let text = format!("kind: Deployment\nspec:\n  replicas: {replicas}\n  - image: a:1\n");
        let near = [("../values.yaml".to_owned(), "n: 3\n".to_owned())];
        let settings = Settings {
            near: near.into(),
            ..Settings::default()
        };
        let owner = &find("templates/d.yaml", &text, &settings).places[0].owner;
        assert_eq!(
            (owner.replicas, owner.is_count_unknown),
            expected,
            "{replicas}"
        );
    }
}

#[test]
fn a_rewrite_leaves_the_actions() {
    let found = find("templates/d.yaml", TEMPLATE, &near());
    let changes = [
        (&found.places[0], "mirror.gcr.io/library/busybox:1.36"),
        (&found.places[1], "ghcr.io/a/b:9.1.0"),
    ];
    let expected = TEMPLATE
        .replace("docker.io/library/busybox", "mirror.gcr.io/library/busybox")
        .replace("quay.io/{{", "ghcr.io/{{");
    assert_eq!(crate::splice(TEMPLATE, &changes).unwrap(), expected);
}

#[test]
fn hostile_lines_end() {
    for text in [
        "image: {{",
        "image: \"{{ \"",
        "image: '",
        "image: {{ \" }}",
        "image: é{{ . }}é",
        "image:",
        "- image: }}",
    ] {
        let _ = find("t.tpl", text, &Settings::default());
    }
}

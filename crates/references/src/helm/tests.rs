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
    let why: Vec<(&str, &Why)> = found
        .ambiguous
        .iter()
        .map(|ambiguous| (ambiguous.text.as_str(), &ambiguous.why))
        .collect();
    assert_eq!(
        why,
        [
            ("{{ .Values.repo }}:{{ .Values.tag }}", &Why::NoReference),
            ("{{ include \"x.image\" . | quote }}", &Why::Template),
        ]
    );
}

#[test]
fn what_the_values_say_alone_is_a_place_of_theirs() {
    let mut settings = near();
    settings.set.insert("tag".to_owned(), "3".to_owned());
    let found = find("templates/d.yaml", TEMPLATE, &settings);
    assert!(
        found
            .ambiguous
            .iter()
            .all(|ambiguous| ambiguous.why == Why::Template)
    );
    assert_eq!(found.places.len(), 3);
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

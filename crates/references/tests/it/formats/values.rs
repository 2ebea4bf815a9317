//! Values of Helm charts.

use forebay_references::{Settings, find, splice};

use crate::listing::listing;

const VALUES: &str = "\
replicaCount: 2
image:
  registry: docker.io
  repository: bitnami/redis  # the cache
  tag: 7.2
  digest: \"\"
  pullPolicy: IfNotPresent
metrics:
  enabled: true
  image:
    repository: quay.io/prometheus/node-exporter
    tag: \"\"
sidecarImage: 'busybox:1.36'
proxy: {image: envoy, imageTag: v1.29}
ingress: {name: x}
empty: {image: {repository: a/b, tag: }}
";

fn near(files: &[(&str, &str)]) -> Settings {
    let files = files.iter();
    let files = files.map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    Settings {
        near: files.collect(),
        ..Settings::default()
    }
}

#[test]
fn images_in_parts_are_found_as_one() {
    assert_eq!(
        listing("values.yaml", VALUES, &near(&[("Chart.yaml", "")])),
        "\
docker.io/bitnami/redis:7.2 <registry: docker.io> Helm values name=image replicas=2 pull=IfAbsent
quay.io/prometheus/node-exporter <repository: quay.io/prometheus/node-exporter> Helm values name=metrics.image
busybox:1.36 <busybox:1.36> Helm values name=sidecarImage replicas=2
envoy:v1.29 <{image: envoy, imageTag: v1.29}> Helm values name=proxy.image
a/b <{repository: a/b, tag: }> Helm values name=empty.image
"
    );
}

#[test]
fn each_part_is_written_to_its_own_value() {
    let settings = near(&[("Chart.yaml", "")]);
    let found = find("values.yaml", VALUES.as_bytes(), &settings);
    let changes = [
        (&found.places[0], "ghcr.io/me/redis:7.20@sha256:aa"),
        (&found.places[1], "quay.io/prometheus/node-exporter:v1"),
        (&found.places[3], "quay.io/envoy:1.30"),
        (&found.places[4], "a/b:1"),
    ];
    let expected = VALUES
        .replace("registry: docker.io", "registry: ghcr.io")
        .replace("bitnami/redis", "me/redis")
        .replace("tag: 7.2\n", "tag: \"7.20\"\n")
        .replace("digest: \"\"", "digest: \"sha256:aa\"")
        .replace("tag: \"\"", "tag: \"v1\"")
        .replace(
            "image: envoy, imageTag: v1.29",
            "image: quay.io/envoy, imageTag: \"1.30\"",
        )
        .replace("tag: }", "tag: \"1\" }");
    assert_eq!(splice(VALUES, &changes).unwrap(), expected);
}

#[test]
fn an_empty_tag_is_the_charts_version() {
    let settings = near(&[("Chart.yaml", "appVersion: \"9.1\"\n")]);
    let found = find("values.yaml", VALUES.as_bytes(), &settings);
    assert_eq!(
        found.places[1].image,
        "quay.io/prometheus/node-exporter:9.1"
    );
    let moved = splice(VALUES, &[(&found.places[1], "ghcr.io/p/node-exporter:9.1")]).unwrap();
    assert_eq!(
        moved,
        VALUES.replace(
            "quay.io/prometheus/node-exporter",
            "ghcr.io/p/node-exporter"
        )
    );
}

#[test]
fn an_image_stands_beside_its_registry_and_its_digest() {
    let text = "\
controller:
  image: {registry: registry.k8s.io, image: ingress-nginx/controller, tag: v1.10.0, digest: 'sha256:DD'}
own: {image: a/b, registry: ''}
full: {image: quay.io/a/b:1, registry: docker.io, digest: ''}
filled: {image: a/b, registry: '{{ global }}'}
";
    let text = text.replace("DD", &"d".repeat(64));
    let found = find("values.yaml", text.as_bytes(), &Settings::default());
    let images: Vec<&str> = found.places.iter().map(|place| &*place.image).collect();
    let controller = format!(
        "registry.k8s.io/ingress-nginx/controller:v1.10.0@sha256:{}",
        "d".repeat(64)
    );
    assert_eq!(images, [&*controller, "a/b", "quay.io/a/b:1"]);
    assert_eq!(found.ambiguous.len(), 1);
    let moved = controller.replace("registry.k8s.io/", "h.example/registry.k8s.io/");
    let expected = text
        .replace("registry: registry.k8s.io", "registry: h.example")
        .replace("image: ingress", "image: registry.k8s.io/ingress");
    assert_eq!(
        splice(&text, &[(&found.places[0], &moved)]).unwrap(),
        expected
    );
}

#[test]
fn without_its_chart_a_name_without_a_registry_is_not_known() {
    let values = "a: {image: {repository: b/c, tag: 1}}\n";
    let full = "a: {image: {registry: d.io, repository: b/c, tag: 1}}\n";
    let global = format!("global: {{imageRegistry: e.io}}\n{full}");
    let chart = near(&[("Chart.yaml", "")]);
    let inline = |values: &str| {
        let values = values.replace('\n', "\n    ");
        format!("helmCharts:\n- name: x\n  valuesInline:\n    {values}")
    };
    for (text, settings, places) in [
        (values, &Settings::default(), 0),
        (values, &chart, 1),
        (full, &Settings::default(), 1),
        (&global, &Settings::default(), 0),
    ] {
        let found = find("redis-values.yaml", text.as_bytes(), settings);
        let counts = (found.places.len(), found.ambiguous.len());
        assert_eq!(counts, (places, 1 - places), "{text}");
        if settings.near.is_empty() {
            let found = find("kustomization.yaml", inline(text).as_bytes(), settings);
            let inner = (found.places.len(), found.ambiguous.len());
            assert_eq!(inner, counts, "{text}");
        }
    }
}

#[test]
fn what_goes_before_a_name_may_be_said_by_an_overlay_or_by_the_chart_around() {
    let values = "image: {registry: d.io, repository: b/c, tag: 1}\n";
    let template = "image: {{ .Values.global.imageRegistry | default .Values.image.registry }}/{{ .Values.image.repository }}\n";
    let of_alias = "name: outer\ndependencies: [{name: sub, alias: other}]\n";
    for (file, said, places) in [
        ("values-prod.yaml", "global: {imageRegistry: e.io}\n", 0),
        ("values-prod.yaml", "global: {imageRegistry: \"\"}\n", 1),
        ("../../values.yaml", "global: {imageRegistry: e.io}\n", 0),
        (
            "../../prod/values.yml",
            "global: {imageRegistry: e.io}\n",
            0,
        ),
        (
            "../../values.yaml",
            "other: {global: {imageRegistry: e.io}}\n",
            1,
        ),
    ] {
        let settings = near(&[
            ("Chart.yaml", "name: sub\n"),
            ("../../Chart.yaml", of_alias),
            ("templates/a.yaml", template),
            (file, said),
        ]);
        let found = find("values.yaml", values.as_bytes(), &settings);
        assert_eq!(found.places.len(), places, "{file}: {said}");
    }
    let template = template.replace("global.imageRegistry", "hub");
    for (key, places) in [("other", 0), ("sub", 1)] {
        let said = format!("{key}: {{hub: e.io}}\n");
        let settings = near(&[
            ("Chart.yaml", "name: sub\n"),
            ("../../Chart.yaml", of_alias),
            ("templates/a.yaml", &template),
            ("../../values.yaml", &said),
        ]);
        let found = find("values.yaml", values.as_bytes(), &settings);
        assert_eq!(found.places.len(), places, "{said}");
    }
}

#[test]
fn what_a_template_prints_behind_a_text_of_its_own_is_written_there() {
    let values = "image: {repository: acme/web, tag: 1}\n";
    let line = "image: \"docker.io/{{ .Values.image.repository }}:{{ .Values.image.tag }}\"\n";
    for (template, places, ambiguous, notes) in [
        ("image: {{ .Values.image.repository }}\n", 1, 0, 0),
        (line, 0, 0, 1),
        (
            &*format!("{line}image: {{{{ .Values.image.repository }}}}\n"),
            0,
            1,
            0,
        ),
    ] {
        let near = [
            ("Chart.yaml".to_owned(), String::new()),
            ("templates/d.yaml".to_owned(), template.to_owned()),
        ];
        let settings = Settings {
            near: near.into(),
            ..Settings::default()
        };
        let found = find("values.yaml", values.as_bytes(), &settings);
        let counts = (found.places.len(), found.ambiguous.len(), found.notes.len());
        assert_eq!(counts, (places, ambiguous, notes), "{template}");
    }
}

#[test]
fn what_is_printed_before_a_name_is_part_of_it_unless_it_is_empty_or_its_own_registry() {
    let of_hub =
        "image: \"{{ .Values.hub }}/{{ .Values.image.repository }}:{{ .Values.image.tag }}\"\n";
    let of_registry = of_hub.replace(".Values.hub", ".Values.image.registry");
    let of_either = of_hub.replace(".Values.hub", "coalesce .Values.hub .Values.image.registry");
    let of_default = of_hub.replace(
        ".Values.hub",
        ".Values.image.registry | default \"quay.io\"",
    );
    for (values, template, places) in [
        (
            "hub: docker.io\nimage: {repository: a/b, tag: 1}\n",
            of_hub,
            0,
        ),
        ("hub: ''\nimage: {repository: a/b, tag: 1}\n", of_hub, 1),
        ("image: {repository: a/b, tag: 1}\n", of_hub, 1),
        (
            "image: {registry: docker.io, repository: a/b, tag: 1}\n",
            &of_registry,
            1,
        ),
        (
            "image: {registry: quay.io, repository: a/b, tag: 1}\nhub: docker.io\n",
            of_hub,
            0,
        ),
        (
            "hub: docker.io\nimage: {registry: docker.io, repository: a/b, tag: 1}\n",
            &of_either,
            0,
        ),
        (
            "hub: ''\nimage: {registry: docker.io, repository: a/b, tag: 1}\n",
            &of_either,
            1,
        ),
        (
            "image: {registry: docker.io, repository: a/b, tag: 1}\n",
            &of_default,
            1,
        ),
    ] {
        let near = [("templates/d.yaml".to_owned(), template.to_owned())];
        let settings = Settings {
            near: near.into(),
            ..Settings::default()
        };
        let found = find("values.yaml", values.as_bytes(), &settings);
        let counts = (found.places.len(), found.ambiguous.len());
        assert_eq!(counts, (places, 1 - places), "{values}{template}");
    }
}

#[test]
fn what_an_overlay_says_of_an_image_is_with_the_name_of_the_values_below() {
    let near = [
        ("Chart.yaml", "name: a\n"),
        (
            "values.yaml",
            "image: {registry: quay.io, repository: a/b, tag: 1}\nside: {image: {repository: c, tag: 2}}\n",
        ),
    ];
    let settings = Settings {
        near: near
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into(),
        ..Settings::default()
    };
    let text = "image: {tag: 9}\nside:\n  image: {pullPolicy: Always}\nother: {tag: 3}\n";
    let found = find("values-prod.yaml", text.as_bytes(), &settings);
    let images: Vec<&str> = found
        .places
        .iter()
        .map(|place| place.image.as_str())
        .collect();
    assert_eq!(images, ["quay.io/a/b:9"]);
    assert_eq!(found.places[0].elsewhere(), Some("values.yaml"));
    assert_eq!(found.ambiguous, []);
}

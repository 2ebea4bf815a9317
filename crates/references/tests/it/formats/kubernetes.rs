//! Kubernetes objects and kustomizations.

use forebay_references::{Crd, Settings, find, splice};

use crate::listing::{listing, set};

#[test]
fn a_rendered_chart_gives_its_images_with_their_facts() {
    let text = "\u{feff}---\r\n# Source: web/templates/deployment.yaml\r\napiVersion: apps/v1\r\nkind: Deployment\r\nmetadata:\r\n  name: web\r\n  namespace: shop\r\nspec:\r\n  replicas: 3\r\n  template:\r\n    spec:\r\n      nodeSelector: {kubernetes.io/arch: arm64}\r\n      initContainers:\r\n      - name: wait\r\n        image: 'busybox:1.36'   # waits\r\n      containers:\r\n        - name: web\r\n          image: \"nginx:1.27\"\r\n          imagePullPolicy: Always\r\n        - {name: side, image: quay.io/x/side@sha256:1111111111111111111111111111111111111111111111111111111111111111}\r\n      volumes:\r\n        - name: data\r\n          image: {reference: ghcr.io/x/data:1, pullPolicy: IfNotPresent}\r\n---\r\napiVersion: apps/v1\r\nkind: DaemonSet\r\nmetadata: {name: agent}\r\nspec: {template: {spec: {containers: [{name: a, image: datadog/agent:7}]}}}\r\n---\r\napiVersion: batch/v1\r\nkind: CronJob\r\nmetadata: {name: nightly}\r\nspec:\r\n  jobTemplate:\r\n    spec:\r\n      parallelism: 5\r\n      template:\r\n        spec:\r\n          restartPolicy: OnFailure\r\n          containers: [{name: j, image: alpine}]\r\n";
    assert_eq!(
        listing("all.yaml", text, &Settings::default()),
        "\
busybox:1.36 <busybox:1.36> Deployment name=web in=shop container=wait replicas=3 platform=linux/arm64
nginx:1.27 <nginx:1.27> Deployment name=web in=shop container=web replicas=3 pull=Always platform=linux/arm64
quay.io/x/side@sha256:1111111111111111111111111111111111111111111111111111111111111111 <quay.io/x/side@sha256:1111111111111111111111111111111111111111111111111111111111111111> Deployment name=web in=shop container=side replicas=3 platform=linux/arm64
ghcr.io/x/data:1 <ghcr.io/x/data:1> Deployment name=web in=shop container=volume data replicas=3 pull=IfAbsent platform=linux/arm64
datadog/agent:7 <datadog/agent:7> DaemonSet name=agent container=a per-node=
alpine <alpine> CronJob name=nightly container=j parallel=5 restart=OnFailure/None/None
"
    );
}

#[test]
fn the_nodes_of_a_kind_cluster_are_containers_of_its_images() {
    let text = "\
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
name: dev
nodes:
- role: control-plane
  image: kindest/node:v1.31.0 # kept
- role: worker
";
    assert_eq!(
        listing("kind.yaml", text, &Settings::default()),
        "kindest/node:v1.31.0 <kindest/node:v1.31.0> kind Cluster name=dev container=control-plane\n"
    );
    let other = text.replace("kind.x-k8s.io", "cluster.x-k8s.io");
    assert_eq!(listing("capi.yaml", &other, &Settings::default()), "");
}

#[test]
fn a_list_as_json_gives_the_same() {
    let text = r#"{"apiVersion":"v1","kind":"List","items":[
      {"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"nginx:1"}],
       "ephemeralContainers":[{"name":"debug","image":"busy\u0062ox"}]},
       "status":{"containerStatuses":[{"name":"c","image":"docker.io/library/nginx:1"}]}}]}"#;
    assert_eq!(
        listing("pods.json", text, &Settings::default()),
        "nginx:1 <nginx:1> Pod name=p container=c\nbusybox <busy\\u0062ox> Pod name=p container=debug\n"
    );
}

#[test]
fn own_kinds_are_found_by_shape_or_by_the_operators_path() {
    let text = "apiVersion: x/v1\nkind: Cluster\nmetadata: {name: pg}\nspec:\n  imageName: ghcr.io/cnpg/pg:16\n  workers:\n  - image: a/b:1\n    name: w\n  pods:\n    template:\n      containers: [{name: c, image: c:1}]\n---\napiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {generateName: w-}\nspec:\n  templates:\n  - name: t\n    container: {image: d:1}\n";
    let crds = [
        "spec.imageName",
        "spec.workers[].image",
        "spec.pods.template.containers[].image",
    ]
    .map(|path| Crd {
        kind: "Cluster".to_owned(),
        path: path.to_owned(),
    })
    .to_vec();
    let settings = Settings {
        crds,
        ..Settings::default()
    };
    assert_eq!(
        listing("c.yaml", text, &settings),
        "\
ghcr.io/cnpg/pg:16 <ghcr.io/cnpg/pg:16> Cluster name=pg
a/b:1 <a/b:1> Cluster name=pg
c:1 <c:1> Cluster name=pg container=c
d:1 <d:1> Workflow name=w-
"
    );
}

#[test]
fn a_placeholder_is_ambiguous_until_it_is_set() {
    let text = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: app:${TAG}\n  - image: $(IMG)\n  - image: ''\n";
    assert_eq!(
        listing("p.yaml", text, &Settings::default()),
        "? <app:${TAG}> `TAG` is not set here Pod\n? <$(IMG)> not an image reference Pod\n"
    );
    assert_eq!(
        listing("p.yaml", text, &set(&[("TAG", "1")])),
        "app:1 <app:${TAG}> Pod\n? <$(IMG)> not an image reference Pod\n"
    );
}

#[test]
fn a_document_that_is_no_yaml_is_noted_and_the_others_are_read() {
    let text = "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: a}\n---\napiVersion: v1\nkind: Pod\nspec: {containers: [{image: b}]}\n";
    let listing = listing("p.yaml", text, &Settings::default());
    assert!(listing.starts_with("b <b> Pod\n! not YAML: "), "{listing}");
}

#[test]
fn a_kustomization_gets_the_keys_that_it_lacks() {
    let text = "images:\r\n- name: nginx # why\r\n  newTag: \"1.27\"\r\n- {name: redis, newName: quay.io/x/redis, newTag: '7'}\r\n- name: pg\r\n  newName: a/pg\r\n  digest: sha256:1111111111111111111111111111111111111111111111111111111111111111\r\n";
    let found = find("kustomization.yaml", text.as_bytes(), &Settings::default());
    let images: Vec<&str> = found
        .places
        .iter()
        .map(|place| place.image.as_str())
        .collect();
    assert_eq!(
        images,
        [
            "nginx:1.27",
            "quay.io/x/redis:7",
            "a/pg@sha256:1111111111111111111111111111111111111111111111111111111111111111"
        ]
    );
    let digest = "sha256:2222222222222222222222222222222222222222222222222222222222222222";
    let changes = [
        (&found.places[0], "mirror.gcr.io/library/nginx:1.27"),
        (&found.places[1], &*format!("quay.io/x/redis:7@{digest}")),
        (&found.places[2], &*format!("b/pg@{digest}")),
    ];
    let new = splice(text, &changes).unwrap();
    assert_eq!(
        new,
        format!(
            "images:\r\n- name: nginx\r\n  newName: \"mirror.gcr.io/library/nginx\" # why\r\n  newTag: \"1.27\"\r\n- {{name: redis, digest: \"{digest}\", newName: quay.io/x/redis, newTag: '7'}}\r\n- name: pg\r\n  newName: b/pg\r\n  digest: {digest}\r\n"
        )
    );
    let again = find("kustomization.yaml", new.as_bytes(), &Settings::default());
    assert_eq!(again.places[0].image, "mirror.gcr.io/library/nginx:1.27");
    assert_eq!(again.places[1].image, format!("quay.io/x/redis:7@{digest}"));
}

#[test]
fn a_patch_within_a_kustomization_is_read() {
    let text = "kind: Kustomization\npatches:\n- target: {kind: Deployment}\n  patch: |-\n    kind: Deployment\n    spec:\n      template:\n        spec:\n          containers:\n          - name: c\n            image: nginx:1\n";
    assert_eq!(
        listing("kustomization.yml", text, &Settings::default()),
        "nginx:1 <nginx:1> Deployment container=c\n"
    );
}

#[test]
fn a_json_patch_sets_images() {
    let text = "- op: replace\n  path: /spec/template/spec/containers/0/image\n  value: nginx:1\n- {op: add, path: /spec/template/spec/containers/-, value: {name: s, image: side:2}}\n- {op: test, path: /spec/x/image, value: no:1}\n- {op: add, path: /metadata/image, value: true}\n";
    assert_eq!(
        listing("patch.yaml", text, &Settings::default()),
        "\
nginx:1 <nginx:1> JSON patch name=/spec/template/spec/containers/0/image
side:2 <side:2> JSON patch name=/spec/template/spec/containers/- container=s
"
    );
}

#[test]
fn an_anchor_is_changed_where_it_stands() {
    let text = "apiVersion: v1\nkind: Pod\nspec:\n  initContainers:\n  - &c\n    name: a\n    image: &img nginx:1 # here\n  containers:\n  - <<: *c\n    name: b\n  - name: d\n    image: *img\n";
    let found = find("p.yaml", text.as_bytes(), &Settings::default());
    assert_eq!(found.places.len(), 3);
    let changes: Vec<_> = found
        .places
        .iter()
        .map(|place| (place, "x/nginx:1"))
        .collect();
    assert_eq!(
        splice(text, &changes).unwrap(),
        text.replace("&img nginx:1", "&img x/nginx:1")
    );
}

#[test]
fn a_daemon_set_that_selects_nodes_may_run_on_none() {
    let required = |key: &str| {
        format!(
            "affinity: {{nodeAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: \
             {{nodeSelectorTerms: [{{matchExpressions: [{{key: {key}, operator: In, values: [a]}}]}}]}}}}}}"
        )
    };
    for (kind, said, expected) in [
        ("DaemonSet", "nodeSelector: {gpu: 'yes'}", true),
        (
            "DaemonSet",
            "nodeSelector: {kubernetes.io/os: linux}",
            false,
        ),
        ("DaemonSet", &required("zone"), true),
        ("DaemonSet", &required("kubernetes.io/os"), false),
        ("DaemonSet", "hostNetwork: true", false),
        ("Deployment", "nodeSelector: {gpu: 'yes'}", false),
    ] {
        let text = format!(
            "apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: a}}\nspec: {{template: {{spec: {{{said}, containers: [{{image: 'a:1'}}]}}}}}}\n"
        );
        let found = find("a.yaml", text.as_bytes(), &Settings::default());
        let condition = found.places[0].owner.condition;
        assert_eq!(condition.is_some(), expected, "{kind} {said}");
    }
}

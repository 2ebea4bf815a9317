//! `rewrite` of files that take values from each other: a registry is written once, and taken back.

use std::fs;
use std::os::unix::fs::symlink;

use insta::assert_snapshot;

use crate::program::Program;

const TO: [&str; 2] = ["--to", "forebay:cache.example"];

/// A chart with an overlay and a chart in it, Terraform with its variables, and a Compose file with its Dockerfile.
const FILES: [(&str, &str); 10] = [
    (
        "chart/Chart.yaml",
        "name: a\nversion: 1.0.0\ndependencies: [{name: redis}, {name: postgresql}]\n",
    ),
    (
        "chart/values.yaml",
        "image: {registry: docker.io, repository: acme/web, tag: \"1\"}\nredis:\n  image: {repository: acme/redis}\npostgresql:\n  image: {repository: acme/db, tag: \"7\"}\n",
    ),
    (
        "chart/env/values-prod.yaml",
        "image:\n  repository: acme/prod\n  tag: \"2\"\n",
    ),
    (
        "chart/templates/a.yaml",
        "kind: Pod\nspec:\n  containers:\n  - image: {{ .Values.image.registry }}/{{ .Values.image.repository }}:{{ .Values.image.tag }}\n  - {name: b, image: nginx:1.27}\n",
    ),
    (
        "chart/charts/redis/Chart.yaml",
        "name: redis\nversion: 1.0.0\n",
    ),
    (
        "chart/charts/redis/values.yaml",
        "image:\n  registry: docker.io\n  repository: bitnami/redis\n  tag: \"6\"\n",
    ),
    (
        "tf/main.tf",
        "variable \"image\" {}\nresource \"docker_image\" \"a\" { name = \"${var.image}:1\" }\n",
    ),
    ("tf/terraform.tfvars", "image = \"acme/web\"\n"),
    (
        "build/compose.yaml",
        "services:\n  a:\n    build: {context: ./web, args: {BASE_IMAGE: \"python:3.12\", SOURCE: \"acme/src:1\"}}\n",
    ),
    (
        "build/web/Dockerfile",
        "ARG BASE_IMAGE=python:3.11\nARG SOURCE\nFROM ${BASE_IMAGE}-slim\nFROM $SOURCE\n",
    ),
];

fn tree() -> Program {
    let files = FILES.iter();
    files.fold(Program::new(), |program, (path, text)| {
        program.file(path, text)
    })
}

#[test]
fn a_registry_is_written_once_where_several_files_make_an_image() {
    let program = tree();
    assert_snapshot!(program.run(&[&["rewrite", "."], &TO[..]].concat()));
    program.run(&[&["rewrite", ".", "--write"], &TO[..]].concat());
    let again = program.run(&[&["rewrite", ".", "--check"], &TO[..]].concat());
    assert!(again.starts_with("exit: 0"), "{again}");
    program.run(&["rewrite", "--undo"]);
    for (path, text) in FILES {
        let now = fs::read_to_string(program.path(path)).expect("a file");
        assert_eq!(now, text, "{path}");
    }
}

#[test]
fn what_is_made_with_a_file_that_stays_is_listed() {
    let told = tree().run(&[&["rewrite", "chart/env", "--check"], &TO[..]].concat());
    assert_snapshot!(told);
}

#[test]
fn what_a_file_alone_does_not_tell_is_read_beside_it_and_above() {
    let chart = "name: inner\nversion: 1.0.0\n";
    let values = "image: {registry: docker.io, repository: acme/web, tag: \"1\"}\n";
    let template = "image: {{ .Values.global.hub | default .Values.image.registry }}/{{ .Values.image.repository }}\n";
    let program = Program::new()
        .file("a/Chart.yaml", "name: a\nversion: 1.0.0\n")
        .file("a/values.yaml", "global: {hub: h.example}\n")
        .file("a/charts/inner/Chart.yaml", chart)
        .file("a/charts/inner/values.yaml", values)
        .file("a/charts/inner/templates/a.yaml", template)
        .file("b/Chart.yaml", chart)
        .file("b/values.yaml", values)
        .file("b/templates/a.yaml", template)
        .file("b/env/prod/values.yaml", "global: {hub: h.example}\n")
        .file("c/Pulumi.prod.yaml", "config:\n  c:image: redis:7\n")
        .file("c/src/index.ts", "import * as pulumi from '@pulumi/pulumi';\nconst image = cfg.get('image');\nnew k8s.Pod('p', {image});\n")
        .file("d/compose.yaml", "services:\n  a: {build: .}\n")
        .file("d/compose.prod.yaml", "services:\n  a: {image: \"acme/a:1\"}\n");
    let told = program.run(&[&["rewrite", "."], &TO[..]].concat());
    assert_snapshot!(told);
}

/// A workflow whose builds give their Dockerfiles images by argument, one of them with a Dockerfile that is not there.
const BUILDS: [(&str, &str); 3] = [
    (
        ".github/workflows/ci.yml",
        "\
on: push
env:
  NODE: \"22\"
jobs:
  build:
    steps:
      - uses: docker/build-push-action@v6
        with:
          context: web
          build-args: |
            PYTHON=python:3.13 # kept
            RUNTIME=node:${{ env.NODE }}
            CHOSEN=test
            VERSION=7
      - uses: docker/build-push-action@v6
        with: {file: docker/api.Dockerfile, build-args: 'BASE=quay.io/acme/base:1'}
      - uses: docker/build-push-action@v6
        with: {context: elsewhere, build-args: 'BASE_IMAGE=alpine:3.20'}
      - uses: docker/build-push-action@v6
        with: {context: web, build-args: 'RUNTIME=acme/app:${{ matrix.v }}'}
",
    ),
    (
        "web/Dockerfile",
        "ARG PYTHON\nARG RUNTIME\nARG CHOSEN=test\nFROM $PYTHON AS test\nFROM $RUNTIME\nFROM $CHOSEN\nFROM redis:$VERSION\n",
    ),
    ("docker/api.Dockerfile", "ARG BASE\nFROM ${BASE}\n"),
];

#[test]
fn the_arguments_of_a_workflows_builds_are_rewritten_as_their_dockerfiles_say_and_taken_back() {
    let program = BUILDS.iter().fold(Program::new(), |program, (path, text)| {
        program.file(path, text)
    });
    let runs: [&[&str]; 4] = [&[], &["--write"], &["--check"], &["--undo"]];
    let told = runs.map(|flags| {
        let to: &[&str] = if flags == ["--undo"] {
            &[]
        } else {
            &[".", TO[0], TO[1]]
        };
        let run = [&["rewrite"], to, flags].concat();
        format!("$ forebay {}\n{}\n", run.join(" "), program.run(&run))
    });
    assert_snapshot!(told.concat());
    for (path, text) in BUILDS {
        let now = fs::read_to_string(program.path(path)).expect("a file");
        assert_eq!(now, text, "{path}");
    }
}

#[test]
fn a_service_of_gitlabs_gets_an_alias_that_is_taken_back_with_it() {
    let text = "test:\n  script: [x]\n  services:\n    - postgres:15\n    - name: redis:7\n      command: [x]\n";
    let program = Program::new().file(".gitlab-ci.yml", text);
    program.run(&[&["rewrite", ".", "--write"], &TO[..]].concat());
    let now = || fs::read_to_string(program.path(".gitlab-ci.yml")).expect("a file");
    assert_snapshot!(now());
    let again = program.run(&[&["rewrite", ".", "--check"], &TO[..]].concat());
    assert!(again.starts_with("exit: 0"), "{again}");
    program.run(&["rewrite", "--undo"]);
    assert_eq!(now(), text);
}

#[test]
fn a_charts_own_values_are_read_whatever_lies_beside_them() {
    let overlay = "image: {repository: acme/prod}\n";
    let rewritten = [3, 70].map(|count| {
        let program = Program::new()
            .file("Chart.yaml", "name: a\nversion: 1.0.0\n")
            .file(
                "values.yaml",
                "image: {registry: docker.io, repository: acme/web, tag: \"1\"}\n",
            );
        let program = (0..count).fold(program, |program, number| {
            program.file(&format!("envs/{number}/values.yaml"), overlay)
        });
        let told = program.run(&[&["rewrite", ".", "--write"], &TO[..]].concat());
        assert_eq!(
            told.contains("were not read beside it"),
            count > 64,
            "{told}"
        );
        ["values.yaml", "envs/0/values.yaml"]
            .map(|file| fs::read_to_string(program.path(file)).expect("a file"))
    });
    assert_eq!(rewritten[0], rewritten[1]);
    assert!(rewritten[0][0].contains("cache.example"), "{rewritten:?}");

    let program = Program::new()
        .file("chart/Chart.yaml", "name: a\nversion: 1.0.0\n")
        .file("chart/values-prod.yaml", overlay)
        .file("shared/base.yaml", "image: {tag: \"1\"}\n");
    symlink("../shared/base.yaml", program.path("chart/values.yaml")).expect("a link");
    let told = program.run(&[&["rewrite", "chart"], &TO[..]].concat());
    assert!(told.contains("acme/prod"), "{told}");
}

//! `forecast` offline: what is found and counted in files of each kind, and how it is told.

use std::os::unix::fs::symlink;

use insta::assert_snapshot;

use crate::program::Program;

const OFFLINE: [&str; 2] = ["forecast", "--offline"];

fn run(program: &Program, arguments: &[&str]) -> String {
    program.run(&[&OFFLINE[..], arguments].concat())
}

#[test]
fn what_runs_is_counted_as_each_format_says_it() {
    let program = Program::new()
        .file(
            "compose.yaml",
            "services:\n  web:\n    image: nginx:1.27\n    deploy: {replicas: 3}\n  agent:\n    image: busybox:1\n    \
             deploy: {mode: global}\n  api:\n    build: .\n    image: api:1\n",
        )
        .file("Dockerfile", "FROM golang:1.24 AS build\nFROM build\nCOPY --from=alpine:3 /a /b\n")
        .file(
            ".gitlab-ci.yml",
            "test:\n  parallel: 4\n  image: python:3.13\n  script: [pytest]\n",
        );
    assert_snapshot!(run(&program, &[".", "--nodes", "5"]));
}

#[test]
fn what_a_tool_prints_is_read_from_standard_input() {
    let program = Program::new();
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: nginx}]}\n";
    assert_snapshot!(program.run_with_input(&[&OFFLINE[..], &["-", "--json"]].concat(), pod));
}

#[test]
fn an_own_kind_is_read_where_it_is_said_to_name_its_image() {
    let program = Program::new().file(
        "fleet.yaml",
        "apiVersion: a/v1\nkind: Fleet\nmetadata: {name: f}\nspec: {replicas: 2, workers: [{runs: 'nginx:1'}]}\n",
    );
    let told = run(
        &program,
        &["fleet.yaml", "--crd", "Fleet=spec.workers[].runs"],
    );
    assert!(
        told.contains("fleet.yaml:4: Fleet f: starts: 2, nodes: 1 to 2"),
        "{told}"
    );
    let told = run(&program, &["fleet.yaml"]);
    assert!(told.contains("no image is named there"), "{told}");
}

#[test]
fn what_a_file_does_not_tell_is_told_and_not_guessed() {
    let program = Program::new().file(
        "task.yaml",
        "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: d}\nspec: {template: {spec: {containers: [{name: d, image: \
         'nginx:${TAG}'}, {name: e, image: 'busybox:1'}]}}}\n",
    );
    assert_snapshot!(run(&program, &["task.yaml"]));
    let told = run(
        &program,
        &["task.yaml", "--set", "TAG=1.27", "--nodes", "3"],
    );
    assert!(told.contains("docker.io/library/nginx:1.27\n"), "{told}");
}

#[test]
fn a_chart_is_counted_by_its_values_and_a_timetable_by_its_starts() {
    let program = Program::new()
        .file("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n")
        .file("chart/values.yaml", "replicaCount: 3\nsidecar: redis:7\n")
        .file(
            "chart/templates/d.yaml",
            "kind: Deployment\nspec:\n  replicas: {{ .Values.replicaCount }}\n  containers:\n  - image: busybox:1\n  - image: \
             {{ .Values.sidecar }}\n---\nkind: Deployment\nspec:\n  replicas: {{ .Values.none }}\n  containers:\n  - image: \
             alpine:3\n",
        )
        .file(
            "job.yaml",
            "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: j}\nspec: {schedule: '* * * * *', jobTemplate: {spec: \
             {template: {spec: {containers: [{name: c, image: 'nginx:1'}]}}}}}\n",
        );
    let told = run(&program, &["."]);
    for line in [
        "docker.io/library/redis:7\n  chart/values.yaml:2: Helm values sidecar: starts: 3,",
        "docker.io/library/busybox:1\n  chart/templates/d.yaml:5: Deployment: starts: 3,",
        "docker.io/library/alpine:3\n  chart/templates/d.yaml:12: Deployment: starts: at least 1,",
        "docker.io/library/nginx:1\n  job.yaml:4: CronJob j, container c: starts: 1 to 360,",
        "with --nodes and --replicas",
    ] {
        assert!(told.contains(line), "{line} is not in:\n{told}");
    }
    let told = run(&program, &[".", "--nodes", "9", "--replicas", "2"]);
    assert!(told.contains("Deployment: starts: 2,"), "{told}");
    assert!(!told.contains("say how many"), "{told}");
}

#[test]
fn what_is_not_there_is_a_failure_and_two_wishes_that_exclude_each_other_are_a_usage_error() {
    assert_snapshot!(run(&Program::new(), &["gone"]));
    assert_snapshot!(run(&Program::new(), &[".", "--warm"]));
}

#[test]
fn a_file_that_cannot_be_read_leaves_too_little_known() {
    let program = Program::new()
        .file("bad.yaml", "kind: Pod\nspec: {image: [\n")
        .file("ok.yaml", "kind: Pod\nmetadata: {name: \"w\\e[31m\\u202e\"}\nspec: {containers: [{image: 'nginx:1'}]}\n");
    std::fs::write(program.path("Dockerfile"), b"FROM nginx:1 # \xff\n").expect("a file");
    let told = run(&program, &[".", "--nodes", "1"]);
    assert!(told.starts_with("exit: 3"), "{told}");
    for line in [
        "not counted: bad.yaml:",
        "not YAML",
        "not counted: Dockerfile:1: not UTF-8",
    ] {
        assert!(told.contains(line), "{line} is not in:\n{told}");
    }
    assert!(!told.contains(['\u{1b}', '\u{202e}']), "{told:?}");
    let json = run(&program, &[".", "--nodes", "1", "--json"]);
    assert!(json.starts_with("exit: 3"), "{json}");
    assert!(json.contains("\"bad.yaml:"), "{json}");
    let none = run(&program, &["ok.yaml", "--nodes", "0"]);
    assert!(none.starts_with("exit: 2"), "{none}");
}

#[test]
fn what_scales_a_workload_is_read_wherever_it_stands() {
    let program = Program::new()
        .file(
            "a/web.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {spec: {containers: [{name: c, image: \
             'nginx:1'}]}}}\n",
        )
        .file(
            "b/scale.json",
            r#"{"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "spec": {"scaleTargetRef":
             {"kind": "Deployment", "name": "web"}, "minReplicas": 3, "maxReplicas": 40}}"#,
        );
    let told = run(&program, &["a", "b", "--nodes", "12"]);
    let line = "Deployment web, container c: starts: 3 to 40, nodes: 1 to 12\n";
    assert!(told.contains(line), "{told}");
    let alone = run(&program, &["a", "--nodes", "12"]);
    assert!(alone.contains("starts: 1, nodes: 1\n"), "{alone}");
}

#[test]
fn a_file_that_is_named_by_two_ways_is_counted_once() {
    let program = Program::new().file("a/Dockerfile", "FROM nginx:1\n");
    let told = run(&program, &["a", "./a/Dockerfile", "a/../a"]);
    assert_eq!(
        told.matches("starts: 1, machines: 1\n").count(),
        1,
        "{told}"
    );
}

#[test]
fn where_nothing_was_read_nothing_fits_and_where_nothing_is_named_nothing_is_pulled() {
    let program = Program::new()
        .file(
            "config.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {image: none}\n",
        )
        .file("NOTES", "nothing here\n")
        .file("Dockerfile", "FROM scratch\n");
    // The program before the pipe has failed.
    let empty = program.run_with_input(&[&OFFLINE[..], &["-"]].concat(), "\n");
    assert!(empty.starts_with("exit: 3"), "{empty}");
    assert!(
        empty.contains("not counted: stdin: it is empty\n"),
        "{empty}"
    );
    let prose = program.run_with_input(&[&OFFLINE[..], &["-"]].concat(), "Error: no chart\n");
    assert!(prose.starts_with("exit: 3"), "{prose}");
    let dockerfile = program.run_with_input(&[&OFFLINE[..], &["-"]].concat(), "FROM nginx:1\n");
    assert!(
        dockerfile.contains("Dockerfile stage 0: starts: 1"),
        "{dockerfile}"
    );
    let unknown = run(&program, &["NOTES"]);
    assert!(unknown.starts_with("exit: 3"), "{unknown}");
    assert!(
        unknown.contains("of a format that names images"),
        "{unknown}"
    );
    for known in ["config.yaml", "Dockerfile"] {
        let told = run(&program, &[known, "NOTES"]);
        assert!(told.starts_with("exit: 0"), "{told}");
        assert!(
            told.contains("no image is named there\n\nnothing is pulled\n"),
            "{told}"
        );
        assert!(told.contains("NOTES: is of no format"), "{told}");
    }
}

#[test]
fn what_cdk_builds_is_of_the_deployers_own_registry_and_leaves_nothing_open() {
    let template = |image: &str| {
        format!(
            r#"{{"Resources": {{"T": {{"Type": "AWS::ECS::TaskDefinition", "Properties": {{"ContainerDefinitions":
             [{{"Name": "w", "Image": {{"Fn::Sub": "{image}"}}}}]}}}}}}}}"#
        )
    };
    let own = "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/cdk-assets:a";
    let program = Program::new()
        .file("own.json", &template(own))
        .file("other.json", &template("${AWS::AccountId}/app:1"));
    let told = run(&program, &["own.json"]);
    assert!(told.starts_with("exit: 0"), "{told}");
    assert!(
        told.contains("an ECR registry, of which Docker Hub counts nothing"),
        "{told}"
    );
    let told = run(&program, &["other.json"]);
    assert!(told.starts_with("exit: 3"), "{told}");
}

#[test]
fn a_link_to_a_file_is_read_once_and_links_that_lead_round_are_left() {
    let program = Program::new()
        .file("shared/base.Dockerfile", "FROM nginx:1\n")
        .file("deploy/own.Dockerfile", "FROM busybox:1\n");
    let link = |to: &str, name: &str| symlink(to, program.path(name)).expect("a link");
    link("../shared/base.Dockerfile", "deploy/a.Dockerfile");
    link("../shared/base.Dockerfile", "deploy/b.Dockerfile");
    link("own.Dockerfile", "deploy/c.Dockerfile");
    link("../deploy", "deploy/round");
    link("self.Dockerfile", "deploy/self.Dockerfile");
    link("gone", "deploy/gone.yaml");
    let told = run(&program, &["deploy"]);
    assert!(
        told.contains("deploy/a.Dockerfile:1: Dockerfile stage 0"),
        "{told}"
    );
    assert_eq!(
        told.matches("starts: 1, machines: 1\n").count(),
        2,
        "{told}"
    );
    assert!(run(&program, &["deploy/self.Dockerfile"]).starts_with("exit: 3"));
}

#[test]
fn what_a_file_is_made_of_has_to_be_read_as_well() {
    let program = Program::new()
        .file("prod/kustomization.yaml", "resources: [../base]\nimages: []\n")
        .file("base/kustomization.yaml", "resources: [web.yaml]\n")
        .file(
            "base/web.yaml",
            "kind: Pod\napiVersion: v1\nspec: {containers: [{image: 'ghcr.io/a/b:1', imagePullPolicy: Never}]}\n",
        )
        .file("compose.yaml", "include: [gone.yaml]\nservices: {a: {extends: {file: 'more.yaml', service: a}}}\n")
        .file("more.yaml", "services: {a: {build: .}}\n");
    let alone = run(&program, &["prod"]);
    assert!(alone.starts_with("exit: 3"), "{alone}");
    let line = "not counted: prod/kustomization.yaml:1: ../base: is part of it: name it, too\n";
    assert!(alone.contains(line), "{alone}");
    let both = run(&program, &["prod", "base"]);
    assert!(both.starts_with("exit: 0"), "{both}");
    let compose = run(&program, &["compose.yaml", "more.yaml"]);
    assert!(
        compose.contains("not counted: compose.yaml:1: gone.yaml: is not there\n"),
        "{compose}"
    );
    assert!(!compose.contains("more.yaml: is part"), "{compose}");
}

#[test]
fn what_a_pipeline_builds_and_pushes_leaves_nothing_open() {
    let text = "push:\n  image: {name: 'ghcr.io/a/b:1', pull_policy: never}\n  script:\n    - docker build -t $CI_REGISTRY_IMAGE:$CI_COMMIT_SHA .\n    \
                - docker push $CI_REGISTRY_IMAGE:$CI_COMMIT_SHA\n";
    let program = Program::new().file(".gitlab-ci.yml", text);
    let told = run(&program, &["."]);
    assert!(told.starts_with("exit: 0"), "{told}");
    let program = program.file("run.sh", "docker run $IMAGE\n");
    let told = run(&program, &["."]);
    assert!(told.contains("not counted: run.sh:1: $IMAGE"), "{told}");
}

#[test]
fn what_a_pipeline_includes_begins_at_the_top_of_its_repository_and_other_paths_where_they_say() {
    let job = "x: {image: 'ghcr.io/a/b:1', script: [y]}\n";
    let program = Program::new()
        .file(
            "repo/ci/build.yml",
            "include: [{local: /ci/more.yml}, {local: gone.yml}]\n",
        )
        .file("repo/ci/more.yml", job)
        .file("compose/services.yaml", "services: {a: {build: .}}\n");
    let told = run(&program, &["repo/ci"]);
    assert!(!told.contains("more.yml: is"), "{told}");
    assert!(
        told.contains("not counted: repo/ci/build.yml:1: gone.yml: is not there\n"),
        "{told}"
    );
    let alone = run(&program, &["repo/ci/build.yml"]);
    assert!(
        alone.contains("/ci/more.yml: is part of it: name it, too\n"),
        "{alone}"
    );
    let services = program.path("compose/services.yaml");
    let include = format!(
        "include: ['{}']\nservices: {{b: {{build: .}}}}\n",
        services.display()
    );
    let program = program.file("compose/compose.yaml", &include);
    let told = run(&program, &["compose"]);
    assert!(told.starts_with("exit: 0"), "{told}");
}

#[test]
fn kustomizations_without_an_ending_and_packed_charts_are_known() {
    let program = Program::new()
        .file("prod/Kustomization", "resources: [../base]\n")
        .file("base/kustomization.yaml", "resources: []\n")
        .file(
            "chart/Chart.yaml",
            "apiVersion: v2\nname: c\ndependencies: [{name: db, repository: 'https://host', version: ^1.2}]\n",
        )
        .file("chart/charts/db-1.2.3.tgz", "");
    let told = run(&program, &["prod"]);
    let line = "not counted: prod/Kustomization:1: ../base: is part of it: name it, too\n";
    assert!(told.contains(line), "{told}");
    let told = run(&program, &["chart"]);
    assert!(
        told.contains("charts/db: is packed, and not read: pass to - what helm template prints\n"),
        "{told}"
    );
}

#[test]
fn a_pipeline_is_known_by_its_jobs_and_what_nobody_knows_is_told() {
    let program = Program::new()
        .file(
            "ci-build.yml",
            "image: python:3\ntest: {parallel: 4, script: [pytest]}\n",
        )
        .file("x.yml", "a: 1\n")
        .file("x.json", "{\"a\": 1}\n")
        .file("none.yml", "# nothing yet\n");
    let told = run(&program, &["ci-build.yml"]);
    assert!(
        told.contains("GitLab job the pipeline: starts: 4"),
        "{told}"
    );
    for name in ["x.yml", "x.json"] {
        let told = run(&program, &[name]);
        assert!(told.starts_with("exit: 3"), "{told}");
        let line = format!("not counted: {name}: not understood: it is of no kind");
        assert!(told.contains(&line), "{told}");
    }
    assert!(run(&program, &["none.yml"]).starts_with("exit: 0"));
    // In a folder there are other files, too.
    let folder = run(&program, &["."]);
    assert!(!folder.contains("not understood"), "{folder}");
}

#[test]
fn a_service_whose_tag_a_matrix_says_is_counted_for_each_of_its_jobs() {
    let program = Program::new().file(
        ".github/workflows/ci.yml",
        "on: push\njobs:\n  t:\n    strategy: {matrix: {v: [15, 16], os: [x, y]}}\n    services:\n      \
         pg: {image: 'postgres:${{ matrix.v }}'}\n",
    );
    let told = run(&program, &["."]);
    for tag in [15, 16] {
        assert!(
            told.contains(&format!("docker.io/library/postgres:{tag}")),
            "{told}"
        );
    }
    assert_eq!(told.matches("starts: 2").count(), 2, "{told}");
    assert!(!told.contains("not counted"), "{told}");
}

#[test]
fn of_two_compose_files_in_a_folder_the_one_that_compose_takes_is_counted() {
    let program = Program::new()
        .file("compose.yaml", "services:\n  a: {image: 'nginx:1'}\n")
        .file("docker-compose.yml", "services:\n  a: {image: 'redis:7'}\n");
    let told = run(&program, &["."]);
    assert!(
        told.contains("compose.yaml:2: Compose service a: starts: 1, nodes: 1\n"),
        "{told}"
    );
    assert!(
        told.contains("starts: 0 to 1, nodes: 0 to 1, only where -f names the file: Compose takes the one beside it"),
        "{told}"
    );
    let told = run(&program, &["docker-compose.yml"]);
    assert!(
        told.contains("docker-compose.yml:2: Compose service a: starts: 1, nodes: 1\n"),
        "{told}"
    );
}

#[test]
fn what_compose_merges_over_a_file_takes_its_images_place_and_is_asked_for() {
    let program = Program::new()
        .file("compose.yaml", "services:\n  a: {image: 'nginx:1'}\n")
        .file(
            "compose.override.yaml",
            "services:\n  a: {image: 'nginx:2'}\n",
        );
    let told = run(&program, &["."]);
    assert!(
        told.contains("starts: 0 to 1, nodes: 0 to 1, only without the override beside it"),
        "{told}"
    );
    assert!(!told.contains("name it, too"), "{told}");
    let told = run(&program, &["compose.yaml"]);
    assert!(
        told.contains("compose.yaml: compose.override.yaml: goes over it: name it, too"),
        "{told}"
    );
}

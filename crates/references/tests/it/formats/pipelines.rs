//! GitHub's and GitLab's pipelines, and Cortex.

use forebay_references::Settings;

use crate::listing::{listing, set};

#[test]
fn a_workflow_gives_containers_services_and_docker_steps() {
    let text = "\
on: push
env: {PG: 'postgres:16'}
jobs:
  build:
    runs-on: ubuntu-latest
    container: node:20
    services:
      db: {image: '${{ env.PG }}'}
      cache:
        image: redis:${{ matrix.redis }}
    strategy: {matrix: {redis: [6, 7], image: [a:1, 'b:2']}}
    steps:
      - uses: actions/checkout@v4
      - uses: docker://alpine:3.20
        name: lint
      - uses: 'docker://ghcr.io/x/y@sha256:1'
  test:
    strategy: {matrix: {image: [c:1], include: [{image: d:2}]}}
    container: {image: '${{ matrix.image }}', options: --cpus 1}
  deploy:
    container: ${{ inputs.image }}
";
    assert_eq!(
        listing(".github/workflows/ci.yml", text, &Settings::default()),
        "\
postgres:16 <postgres:16> GitHub service name=build container=db
node:20 <node:20> GitHub job name=build
alpine:3.20 <alpine:3.20> GitHub step name=build container=lint
c:1 <c:1> GitHub job name=test
d:2 <d:2> GitHub job name=test
? <redis:${{ matrix.redis }}> filled in from a template GitHub service name=build container=cache
? <ghcr.io/x/y@sha256:1> not an image reference GitHub step name=build
? <${{ inputs.image }}> `inputs.image` is not set here GitHub job name=deploy
"
    );
}

#[test]
fn an_action_names_its_image_or_its_dockerfile() {
    let text = "name: x\nruns:\n  using: docker\n  image: docker://a/b:1\n";
    assert_eq!(
        listing("action.yml", text, &Settings::default()),
        "a/b:1 <a/b:1> GitHub action name=x\n"
    );
    let text = "name: x\nruns: {using: docker, image: Dockerfile}\n";
    assert_eq!(listing("action.yml", text, &Settings::default()), "");
}

#[test]
fn a_pipeline_of_gitlab_resolves_its_variables() {
    let text = "\
image: ruby:3.3
variables:
  NODE: \"20\"
  TOOL:
    value: tool/box:1
    description: x
default:
  services: [{name: docker:27-dind, alias: docker}]
stages: [build]
.base:
  image: {name: '$TOOL', entrypoint: [''], pull_policy: [if-not-present, always]}
build:
  image: node:${NODE}-alpine
  parallel: 4
  variables: {NODE: 21}
  services:
    - postgres:16
  script: [echo image: no]
mine:
  image: $CI_REGISTRY_IMAGE/x
other:
  image: !reference [.base, image]
";
    assert_eq!(
        listing(".gitlab-ci.yml", text, &Settings::default()),
        "\
ruby:3.3 <ruby:3.3> GitLab job name=the pipeline
tool/box:1 <tool/box:1> GitLab job name=.base pull=IfAbsent
docker:27-dind <docker:27-dind> GitLab service name=default container=docker
node:21-alpine <node:${NODE}-alpine> GitLab job name=build parallel=4
postgres:16 <postgres:16> GitLab service name=build parallel=4
? <$CI_REGISTRY_IMAGE/x> `CI_REGISTRY_IMAGE` is not set here GitLab job name=mine
"
    );
    let listing = listing(
        ".gitlab-ci.yml",
        text,
        &set(&[("CI_REGISTRY_IMAGE", "r.io/g/p")]),
    );
    assert!(
        listing.contains("r.io/g/p/x <$CI_REGISTRY_IMAGE/x>"),
        "{listing}"
    );
}

#[test]
fn cortex_names_images_by_key() {
    let text = "cluster_name: c\nimage_manager: cortexlabs/manager:0.20.0\nimage_operator: cortexlabs/operator:0.20.0\n";
    assert_eq!(
        listing("cluster.yaml", text, &Settings::default()),
        "\
cortexlabs/manager:0.20.0 <cortexlabs/manager:0.20.0> Cortex cluster name=image_manager
cortexlabs/operator:0.20.0 <cortexlabs/operator:0.20.0> Cortex cluster name=image_operator
"
    );
    let text = "- name: api\n  predictor:\n    type: python\n    image: cortexlabs/python-predictor-gpu-slim:0.18.1-cuda10.1\n  autoscaling: {max_replicas: 5}\n";
    assert_eq!(
        listing("cortex.yaml", text, &Settings::default()),
        "cortexlabs/python-predictor-gpu-slim:0.18.1-cuda10.1 <cortexlabs/python-predictor-gpu-slim:0.18.1-cuda10.1> Cortex API name=api container=predictor.image replicas=5\n"
    );
}

#[test]
fn targets_of_a_bake_file_take_images_as_contexts() {
    let hcl = "target \"app\" {\n  contexts = {\n    base = \"docker-image://alpine:3.20\"\n    src = \"target:lib\"\n    tagged = \"docker-image://a/b:${TAG}\"\n  }\n  tags = [\"acme/app:1\"]\n}\n";
    assert_eq!(
        listing("docker-bake.hcl", hcl, &Settings::default()),
        "\
alpine:3.20 <alpine:3.20> Bake target name=app
? <\"docker-image://a/b:${TAG}\"> computed when it runs Bake target name=app
"
    );
    let json = "{\"target\": {\"app\": {\"contexts\": {\"base\": \"docker-image://alpine:3.20\"}, \"tags\": [\"acme/app:1\"]}}}";
    assert_eq!(
        listing("docker-bake.json", json, &Settings::default()),
        "alpine:3.20 <alpine:3.20> Bake target name=app\n"
    );
}

//! GitHub's and GitLab's pipelines, and Cortex.

use forebay_references::{Settings, beside_workflow, find, splice};

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
postgres:16 <postgres:16> GitHub service name=build container=db replicas=4
node:20 <node:20> GitHub job name=build replicas=4
alpine:3.20 <alpine:3.20> GitHub step name=build container=lint replicas=4
c:1 <c:1> GitHub job name=test replicas=1
d:2 <d:2> GitHub job name=test replicas=1
? <redis:${{ matrix.redis }}> filled in from a template GitHub service name=build container=cache replicas=4
? <ghcr.io/x/y@sha256:1> not an image reference GitHub step name=build replicas=4
? <${{ inputs.image }}> `inputs.image` is not set here GitHub job name=deploy
"
    );
}

/// How often an image of a workflow's one job is started, with this as its matrix.
fn jobs_of(matrix: &str, container: &str) -> Vec<(String, Option<u32>, bool)> {
    let text = format!(
        "on: push\njobs:\n  t:\n    strategy: {{matrix: {matrix}}}\n    container: {container}\n"
    );
    let found = find(
        ".github/workflows/ci.yml",
        text.as_bytes(),
        &Settings::default(),
    );
    let places = found.places.into_iter();
    places
        .map(|place| {
            (
                place.image,
                place.owner.replicas,
                place.owner.is_count_unknown,
            )
        })
        .collect()
}

#[test]
fn a_matrix_runs_a_job_for_each_combination() {
    for (matrix, jobs) in [
        ("{a: [1, 2], b: [x, y, z]}", Some(6)),
        (
            "{a: [1, 2], b: [x, y, z], exclude: [{a: 1, b: x}, {b: z}]}",
            Some(3),
        ),
        // The first adds to jobs that there are, the second is one more.
        ("{a: [1, 2], include: [{a: 2, c: 3}, {a: 9}]}", Some(3)),
        ("{include: [{a: 1}, {a: 2}]}", Some(2)),
        ("{a: '${{ fromJson(inputs.a) }}'}", None),
        ("'${{ fromJson(inputs.a) }}'", None),
    ] {
        let found = jobs_of(matrix, "node:22");
        let expected = [("node:22".to_owned(), jobs, jobs.is_none())];
        assert_eq!(found, expected, "{matrix}");
    }
    let found = jobs_of(
        "{image: ['a:1', 'b:1'], os: [x, y], include: [{image: 'c:1'}]}",
        "'${{ matrix.image }}'",
    );
    let found: Vec<_> = found
        .iter()
        .map(|(image, jobs, _)| (image.as_str(), *jobs))
        .collect();
    assert_eq!(
        found,
        [("a:1", Some(2)), ("b:1", Some(2)), ("c:1", Some(1))]
    );
}

#[test]
fn what_a_pipeline_says_for_all_runs_in_each_job_that_says_nothing_else() {
    let text = "\
default: {image: 'ruby:3'}
.tool: {image: 'tool:1'}
.more: {extends: .tool, script: [x]}
a: {script: [x]}
b: {script: [x], parallel: {matrix: [{A: [1, 2, 3], B: [x, y]}, {A: 4}]}}
c: {extends: [.other, .more], parallel: 5}
d: {image: 'own:1', parallel: $N}
e: {image: !reference [.tool, image]}
";
    let expected = "\
ruby:3 <ruby:3> GitLab job name=default replicas=8
tool:1 <tool:1> GitLab job name=.tool replicas=6
own:1 <own:1> GitLab job name=d
";
    assert_eq!(
        listing(".gitlab-ci.yml", text, &Settings::default()),
        expected
    );
}

#[test]
fn a_job_runs_as_often_as_what_it_extends_says() {
    let text = "\
.many: {parallel: {matrix: [{A: [1, 2, 3]}]}}
.more: {extends: .many}
a: {extends: .more, image: 'a:1', script: [x]}
b: {extends: .more, image: 'b:1', parallel: 2, script: [x]}
c: {image: 'c:1', parallel: !reference [.many, parallel], script: [x]}
";
    let expected = "\
a:1 <a:1> GitLab job name=a replicas=3
b:1 <b:1> GitLab job name=b replicas=2
c:1 <c:1> GitLab job name=c replicas=3
";
    assert_eq!(
        listing(".gitlab-ci.yml", text, &Settings::default()),
        expected
    );
}

#[test]
fn a_pipeline_is_known_by_its_shape_and_traviss_is_none() {
    let text = "services: ['docker:27']\ndeploy: {provider: script, script: make}\n";
    let found = "docker:27 <'docker:27'> GitLab service name=the pipeline replicas=1\n";
    let none = Settings::default();
    assert_eq!(listing("ci/build.yml", text, &none), found);
    assert_eq!(listing(".travis.yml", text, &none), "");
    assert_eq!(listing("values.yaml", text, &none), "");
}

#[test]
fn a_name_that_a_matrix_fills_in_is_known_for_each_of_its_jobs() {
    let text = "\
on: push
env: {HUB: r.io}
jobs:
  t:
    strategy: {matrix: {v: [15, 16], os: [x, y], include: [{v: 17}]}}
    services:
      pg: {image: '${{ env.HUB }}/postgres:${{ matrix.v }}'}
      open: {image: 'redis:${{ matrix.os }}'}
";
    let found = find(
        ".github/workflows/ci.yml",
        text.as_bytes(),
        &Settings::default(),
    );
    let comes_to: Vec<_> = found.ambiguous.iter().map(|one| &one.images).collect();
    let image = |tag: u32, jobs: u32| (format!("r.io/postgres:{tag}"), jobs);
    assert_eq!(
        comes_to,
        [&vec![image(15, 2), image(16, 2), image(17, 1)], &Vec::new()]
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
fn what_an_action_pushes_is_named_by_it_and_not_pulled() {
    let text = "\
on: push
env: {NAME: a/web}
jobs:
  build:
    steps:
      - uses: docker/build-push-action@v6
        with:
          context: a/b
          tags: |
            a/web:latest
            ${{ env.NAME }}:1, local:1
            a/web:${{ github.sha }}
            ${{ steps.meta.outputs.tags }}
      - {uses: docker/metadata-action@v5, with: {images: 'a/web,ghcr.io/a/web'}}
      - {uses: other/action@v1, with: {tags: 'a/b:1'}}
";
    assert_eq!(
        listing(".github/workflows/ci.yml", text, &Settings::default()),
        "\
a/web:latest <a/web:latest> GitHub step name=build pull=Never
a/web:1 <${{ env.NAME }}:1> GitHub step name=build pull=Never
a/web <a/web> GitHub step name=build pull=Never
ghcr.io/a/web <ghcr.io/a/web> GitHub step name=build pull=Never
? <a/web:${{ github.sha }}> `github.sha` is not set here GitHub step name=build pull=Never
"
    );
}

#[test]
fn an_argument_of_an_actions_build_is_an_image_where_its_name_and_its_tag_say_so() {
    let text = "\
on: push
env: {NODE: '22'}
jobs:
  build:
    strategy: {matrix: {v: ['1', '2']}}
    steps:
      - uses: docker/build-push-action@v6
        with:
          build-args: |
            BASE_IMAGE=python:3.13 # kept
            RUNTIME_IMAGE=node:${{ env.NODE }}
            VERSION=1.2:3
            BASE_URL=http://a:1
            FROM=\"alpine:3.20\"
            OTHER_IMAGE=a/b:${{ matrix.v }}
      - {uses: docker/build-push-action@v6, with: {build-args: 'BASE=quay.io/a/b:1'}}
      - {uses: other/action@v1, with: {build-args: 'BASE=a/b:1'}}
";
    assert_eq!(
        listing(".github/workflows/ci.yml", text, &Settings::default()),
        "\
python:3.13 <python:3.13> GitHub build argument name=build replicas=2
node:22 <node:${{ env.NODE }}> GitHub build argument name=build replicas=2
alpine:3.20 <alpine:3.20> GitHub build argument name=build replicas=2
quay.io/a/b:1 <quay.io/a/b:1> GitHub build argument name=build replicas=2
? <a/b:${{ matrix.v }}> `matrix.v` is not set here GitHub build argument name=build replicas=2
"
    );
}

#[test]
fn an_argument_of_an_actions_build_is_what_the_dockerfile_makes_of_it() {
    let text = "\
on: push
jobs:
  build:
    steps:
      - uses: docker/build-push-action@v6
        with:
          context: web
          build-args: |
            PYTHON=python:3.13
            BASE_IMAGE=node:22
            CHOSEN=test
            VERSION=7
      - uses: docker/build-push-action@v6
        with: {context: web, file: ./docker/api.Dockerfile, build-args: 'RUNTIME=alpine:3.20'}
      - {uses: docker/build-push-action@v6, with: {file: ../out, build-args: 'A=b:1'}}
      - {uses: docker/build-push-action@v6, with: {context: '${{ env.X }}', build-args: 'A=b:1'}}
      - {uses: docker/build-push-action@v6, with: {context: unasked}}
";
    let path = "shop/.github/workflows/ci.yml";
    let beside = beside_workflow(path, text);
    assert_eq!(
        beside,
        ["../../docker/api.Dockerfile", "../../web/Dockerfile"]
    );
    assert!(beside_workflow("shop/ci.yml", text).is_empty());
    let web = "ARG PYTHON\nARG CHOSEN\nFROM $PYTHON AS test\nFROM ${BASE_IMAGE}-slim\nFROM $CHOSEN\nFROM a/b:$VERSION\n";
    let texts = ["FROM ${RUNTIME}\n", web];
    let near = beside.into_iter().zip(texts.map(str::to_owned));
    let settings = Settings {
        near: near.collect(),
        ..Settings::default()
    };
    assert_eq!(
        listing(path, text, &settings),
        "\
python:3.13 <python:3.13> GitHub build argument name=build
alpine:3.20 <alpine:3.20> GitHub build argument name=build
! `BASE_IMAGE` stands in more text in the Dockerfile, where the image is
"
    );
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
ruby:3.3 <ruby:3.3> GitLab job name=the pipeline replicas=1
tool/box:1 <tool/box:1> GitLab job name=.base replicas=1 pull=IfAbsent
docker:27-dind <docker:27-dind> GitLab service name=default container=docker replicas=2
node:21-alpine <node:${NODE}-alpine> GitLab job name=build replicas=4
postgres:16 <postgres:16> GitLab service name=build replicas=4
? <$CI_REGISTRY_IMAGE/x> `CI_REGISTRY_IMAGE` is not set here GitLab job name=mine replicas=1
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

#[test]
fn a_job_that_triggers_or_inherits_nothing_takes_no_image_of_all() {
    let text = "default: {image: 'python:3', services: ['redis:7']}\n.nobodys: {image: 'perl:5'}\n\
                a: {script: [x], parallel: 4}\nb: {script: [x], inherit: {default: false}}\n\
                c: {script: [x], inherit: {default: [services]}}\nd: {trigger: {include: x.yml}}\n";
    let found = find(".gitlab-ci.yml", text.as_bytes(), &Settings::default());
    let places = found.places.iter();
    let found: Vec<_> = places
        .map(|place| {
            let owner = &place.owner;
            (
                place.image.as_str(),
                owner.replicas,
                owner.condition.is_some(),
            )
        })
        .collect();
    let expected = [
        ("python:3", Some(4), false),
        ("redis:7", Some(5), false),
        ("perl:5", Some(1), true),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_service_keeps_the_name_by_which_jobs_reach_it() {
    let moved = |text: &str| {
        let found = find(".gitlab-ci.yml", text.as_bytes(), &Settings::default());
        let news: Vec<String> = found
            .places
            .iter()
            .map(|one| format!("m.io/{}", one.image))
            .collect();
        let changes = found.places.iter().zip(news.iter().map(String::as_str));
        let changes = changes.filter(|(place, new)| place.edits(new).is_ok());
        splice(text, &changes.collect::<Vec<_>>()).unwrap()
    };
    for (before, after) in [
        (
            "services:\r\n  - postgres:15 # db\r\n  - 'a/b'\r\n",
            "services:\r\n  - name: \"m.io/postgres:15\"\r\n    alias: postgres # db\r\n  - name: \"m.io/a/b\"\r\n    alias: a-b\r\n",
        ),
        (
            "services: [redis, {name: 'x:1', command: [y]}]\n",
            "services: [{name: \"m.io/redis\", alias: redis}, {name: \"m.io/x:1\", alias: x, command: [y]}]\n",
        ),
        (
            "services:\n- command: [x]\n  name: h.io/a/b:1@sha256:0\n",
            "services:\n- command: [x]\n  name: \"m.io/h.io/a/b:1@sha256:0\"\n  alias: h.io-a-b\n",
        ),
        (
            "services: [{name: 'docker:dind', alias: docker}]\n",
            "services: [{name: 'm.io/docker:dind', alias: docker}]\n",
        ),
    ] {
        let digest = format!("sha256:{}", "0".repeat(64));
        let (before, after) = [before, after]
            .map(|text| text.replace("sha256:0", &digest))
            .into();
        assert_eq!(moved(&before), after);
        assert_eq!(
            moved(&after).matches("alias").count(),
            after.matches("alias").count()
        );
    }
    for kept in [
        "variables: {V: '1', I: 'mongo:6'}\nservices: ['redis:$V', $I]\n",
        "services: [a_b/c:1, localhost:5000/d]\n",
        "services: [a/b]\na: {script: ['curl a__b']}\n",
        "services:\n- &a redis\n- *a\n",
    ] {
        assert_eq!(moved(kept), kept);
    }
}

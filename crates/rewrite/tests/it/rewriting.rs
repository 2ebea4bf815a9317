//! Properties of a rewrite: twice is once, taking it back is as if nothing had been, and what is planted is what changes.

#![expect(
    clippy::unwrap_used,
    reason = "a preset and an edit that fail end the test where they are"
)]

use std::collections::BTreeSet;

use forebay_rewrite::rules::{FileRecord, Goal, plan_checked};
use forebay_rewrite::{Settings, apply, find};
use proptest::prelude::*;

/// How an image is written in a file: the file's name, and the text with `@` for the image.
const FORMS: &[(&str, &str)] = &[
    (
        "a.py",
        "import docker\nC.from_registry(\"@\")  # a comment\r\n",
    ),
    (
        "a.py",
        "i = '@'\nC.from_registry(i)\nprint('pulling a/b:1')\n",
    ),
    (
        "a.py",
        "import docker\nx = dict(image='@', name=\"\u{e9}\")\n",
    ),
    (
        "a.py",
        "i = os.environ.get('I') or '@'\nclient.images.pull(i)\n",
    ),
    (
        "a.ts",
        "// \u{1f433}\nconst i = process.env.I ?? '@';\nC.fromRegistry(i);\n",
    ),
    (
        "a.ts",
        "import 'docker';\nf({ containers: [{ image: \"@\" }] });\n",
    ),
    (
        "a.sh",
        "#!/bin/sh\nIMG='@'\ndocker run --rm -it \"$IMG\" echo a/b:1\n",
    ),
    ("a.sh", "docker pull \\\n  @ # @\n"),
    ("Dockerfile", "# c\nFROM @ AS x\nCOPY --from=x / /"),
    (
        "Dockerfile.dev",
        "\u{feff}ARG BASE=@\r\nFROM ${BASE}\r\nRUN echo a/b:1\r\n",
    ),
    ("a.md", "Text a/b:1\n\n```bash\ndocker pull @\n```\n"),
    // Kubernetes, with what YAML has to offer.
    (
        "a.yaml",
        "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: \"@\"\n    name: x # y\n",
    ),
    (
        "a.yaml",
        "\u{feff}apiVersion: v1\r\nkind: Pod\r\nspec: {containers: [{image: '@', name: \"a/b:1\"}]}\r\n",
    ),
    (
        "a.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      initContainers:\n      - &i\n        \
         image: @\n        name: a\n      containers:\n      - <<: *i\n        name: \u{1f433} # a/b:1\n",
    ),
    (
        "a.json",
        "{\"apiVersion\": \"v1\", \"kind\": \"Pod\",\r\n \"spec\": {\"containers\": [{\"image\": \"@\", \"name\": \
         \"\\u00e9\"}]}}",
    ),
    // Compose, Helm, Kustomize.
    ("a.yaml", "services:\r\n  a:\r\n    image: @\r\n"),
    (
        "compose.yaml",
        "x-app: &app\n  image: ${IMG:-@}\nservices:\n  a:\n    <<: *app\n",
    ),
    (
        "templates/a.yaml",
        "{{- if .Values.on }}\nkind: Pod\nspec:\n  containers:\n  - image: \"@\" # {{ .Release.Name }}\n{{- end }}\n",
    ),
    ("values.yaml", "side:\n  image: @ # a/b:1\n  port: 1\n"),
    // AWS.
    (
        "task.json",
        "{\"family\": \"a\", \"containerDefinitions\": [{\"name\": \"a/b:1\", \"image\":\"@\"}]}\n",
    ),
    (
        "stack.yaml",
        "AWSTemplateFormatVersion: '2010-09-09'\nResources:\n  T:\n    Type: AWS::ECS::TaskDefinition\n    Properties:\n      \
         ContainerDefinitions:\n        - Name: !Ref AWS::StackName\n          Image: @ # it\n",
    ),
    // Terraform.
    (
        "main.tf",
        "resource \"docker_image\" \"a\" {\n  name = \"@\" # a/b:1\n}\n",
    ),
    (
        "main.tf",
        "locals {\n  image = \"@\"\n}\nresource \"aws_ecs_task_definition\" \"t\" {\n  container_definitions = \
         jsonencode([{ name = \"x\", image = local.image }])\n}\n",
    ),
    // Pipelines.
    (
        ".github/workflows/a.yml",
        "on: push\njobs:\n  a:\n    runs-on: x\n    container: @\n    steps:\n      - run: echo ${{ github.sha }}\n",
    ),
    (
        ".github/workflows/a.yml",
        "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - uses: docker://@\n        with: {args: a/b:1}\n",
    ),
    (
        ".gitlab-ci.yml",
        "image:\n  name: \"@\"\n  entrypoint: ['']\ntest:\n  script: [echo a/b:1]\n",
    ),
    (
        ".gitlab-ci.yml",
        "test:\n  script:\n    - docker pull @\n    - make\n",
    ),
    (".gitlab-ci.yml", "test:\n  script:\n    - crane digest @\n"),
    (
        ".gitlab-ci.yml",
        "services:\r\n  - @ # a/b:1\r\ntest: {script: [echo a/b:1]}\r\n",
    ),
    (
        ".gitlab-ci.yml",
        "test:\n  services: [{name: @, command: [a/b:1]}]\n  script: [x]\n",
    ),
    (
        ".gitlab-ci.yml",
        "test:\n  services:\n  - command: [x]\n    name: @\n  script: [x]\n",
    ),
    (
        "kustomization.yaml",
        "helmCharts:\n- valuesInline:\n    image: @\n",
    ),
    (
        ".github/workflows/a.yml",
        "on: push\njobs:\n  a:\n    steps:\n      - run: |\n          ctr i pull @\n",
    ),
];

const GOALS: [&str; 5] = [
    "quay:me",
    "ecr:123456789012:eu-west-1",
    "ecr-pull-through:123456789012:eu-west-1",
    "mirror.gcr.io",
    "forebay:cache.example:5000",
];

fn image() -> impl Strategy<Value = String> {
    let part = "[a-z][a-z0-9]{0,7}([._-][a-z0-9]{1,4})?";
    let registry = prop_oneof![
        Just(String::new()),
        Just("docker.io/".to_owned()),
        Just("ghcr.io/org/".to_owned()),
        Just("localhost:5000/".to_owned()),
    ];
    let namespace = prop_oneof![Just(String::new()), part.prop_map(|part| part + "/")];
    let tag = prop_oneof![
        Just(":1.27".to_owned()),
        Just(":latest".to_owned()),
        Just(":v2-alpine".to_owned()),
        Just(format!(":1@sha256:{}", "ab".repeat(32))),
    ];
    (registry, namespace, part, tag)
        .prop_map(|(registry, namespace, name, tag)| format!("{registry}{namespace}{name}{tag}"))
}

fn rewritten(path: &str, text: &str, goal: &str) -> (String, Vec<forebay_rewrite::Edit>) {
    let goal = Goal::find_preset(goal).unwrap().unwrap();
    let found = find(path, text.as_bytes(), &Settings::default());
    let reread = |text: &str| find(path, text.as_bytes(), &Settings::default());
    let plan = plan_checked((text, &found), &goal, None, &reread);
    (apply(text, plan.edits.clone()).unwrap(), plan.edits)
}

proptest! {
    #[test]
    fn twice_is_once_and_taken_back_is_as_if_nothing_had_been(
        image in image(),
        form in 0..FORMS.len(),
        goal in 0..GOALS.len(),
    ) {
        let (path, template) = FORMS[form];
        let text = template.replace('@', &image);
        let (after, edits) = rewritten(path, &text, GOALS[goal]);
        let (first, last) = (template.split('@').next().unwrap(), template.rsplit('@').next().unwrap());
        prop_assert!(after.starts_with(first) && after.ends_with(last), "{} became {}", text, after);
        prop_assert_eq!(&rewritten(path, &after, GOALS[goal]).0, &after);
        let record = FileRecord::new(path.to_owned(), &text, &after, &edits);
        let found = find(path, text.as_bytes(), &Settings::default());
        prop_assert!(record.check(&found, false).is_ok(), "{:?}", record.check(&found, false));
        prop_assert_eq!(record.undo(&after).unwrap(), text);
    }

    #[test]
    fn what_is_planted_is_found_and_nothing_else(image in image(), form in 0..FORMS.len()) {
        let (path, template) = FORMS[form];
        let text = template.replace('@', &image);
        let found = find(path, text.as_bytes(), &Settings::default());
        // Several may use one place: an anchor's.
        let places: BTreeSet<_> = found.places.iter().map(|place| (place.span.start, place.image.as_str())).collect();
        let images: Vec<&str> = places.iter().map(|(_, image)| *image).collect();
        prop_assert_eq!(images, vec![image.as_str()], "{}", text);
        prop_assert!(found.ambiguous.is_empty() && found.notes.is_empty(), "{:?}", found);
    }

    #[test]
    fn no_text_breaks_a_finder(text in "[ -~\\n\u{e9}]{0,200}", form in 0..FORMS.len()) {
        let (path, template) = FORMS[form];
        let text = template.replace('@', &text);
        let (after, edits) = rewritten(path, &text, "quay:me");
        let record = FileRecord::new(path.to_owned(), &text, &after, &edits);
        let found = find(path, text.as_bytes(), &Settings::default());
        prop_assert!(record.check(&found, false).is_ok(), "{:?}", record.check(&found, false));
        prop_assert_eq!(record.undo(&after).unwrap(), text);
    }
}

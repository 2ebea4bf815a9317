//! Variables that are an image in one place and a part of one in another: whatever is edited, no image becomes one that the rules
//! do not make.

use forebay_rewrite::rules::{Goal, Image, Plan, plan_checked};
use forebay_rewrite::{Settings, apply, find};
use proptest::prelude::*;

/// A file's name, its head with `@` for the variable's value, and ways to read it, one to a line.
const FORMS: &[(&str, &str, &[&str])] = &[
    (
        "Dockerfile",
        "ARG BASE=@\n",
        &[
            "FROM $BASE",
            "FROM ${BASE}-slim",
            "FROM ${BASE}:3",
            "FROM ghcr.io/a/$BASE",
            "FROM ${R}$BASE",
        ],
    ),
    (
        "a.sh",
        "BASE=@\n",
        &[
            "docker run $BASE",
            "docker pull \"${BASE}\"",
            "docker run ${BASE}:3",
            "docker pull \"$BASE-slim\"",
            "docker run ghcr.io/$BASE",
            "docker run --name x $BASE",
            "OTHER=$BASE",
            "docker run $OTHER",
            "docker rm -f $BASE",
        ],
    ),
    (
        "a.py",
        "BASE = \"@\"\n",
        &[
            "ecs.ContainerImage.from_registry(BASE)",
            "ecs.ContainerImage.from_registry(f\"{BASE}:3\")",
            "ecs.ContainerImage.from_registry(BASE + \"-slim\")",
            "ecs.ContainerImage.from_registry(\"ghcr.io/\" + BASE)",
            "t.add(container_name=BASE)",
        ],
    ),
    (
        "a.ts",
        "const BASE = '@';\n",
        &[
            "ecs.ContainerImage.fromRegistry(BASE);",
            "ecs.ContainerImage.fromRegistry(`${BASE}:3`);",
            "ecs.ContainerImage.fromRegistry(BASE + '-slim');",
            "ecs.ContainerImage.fromRegistry('ghcr.io/' + BASE);",
        ],
    ),
    (
        ".gitlab-ci.yml",
        "variables:\n  BASE: @\n",
        &[
            "NEW:\n  image: $BASE",
            "NEW:\n  image: ${BASE}:3",
            "NEW:\n  script: docker run $BASE",
            "NEW:\n  script: docker run $BASE-slim",
            "NEW:\n  image: ghcr.io/$BASE",
        ],
    ),
    (
        ".github/workflows/a.yml",
        "on: push\nenv:\n  BASE: @\njobs:\n",
        &[
            "  NEW:\n    steps:\n    - run: docker run $BASE",
            "  NEW:\n    steps:\n    - run: docker run ${{ env.BASE }}:3",
            "  NEW:\n    steps:\n    - uses: docker://${{ env.BASE }}",
            "  NEW:\n    steps:\n    - run: docker pull $BASE-slim",
        ],
    ),
    (
        "main.tf",
        "locals {\n  base = \"@\"\n}\n",
        &[
            "resource \"docker_image\" \"NEW\" { name = local.base }",
            "resource \"docker_image\" \"NEW\" { name = \"${local.base}:3\" }",
            "resource \"docker_image\" \"NEW\" { name = \"ghcr.io/${local.base}\" }",
            "resource \"docker_container\" \"NEW\" {\n  name = local.base\n  image = local.base\n}",
        ],
    ),
    (
        "stack.yaml",
        "AWSTemplateFormatVersion: 1\nParameters:\n  Base: {Type: String, Default: '@'}\nResources:\n  T:\n    Type: \
         AWS::ECS::TaskDefinition\n    Properties:\n      ContainerDefinitions:\n",
        &[
            "      - Image: !Ref Base",
            "      - Image: !Sub \"${Base}:3\"",
            "      - Image: !Sub \"${Base}-slim\"",
            "      - Image: !Sub \"ghcr.io/${Base}\"",
            "      - Image: !Ref Base\n        Name: !Ref Base",
        ],
    ),
    (
        "compose.yaml",
        "x-base: &base @\nservices:\n",
        &[
            "  NEW:\n    image: *base",
            "  NEW:\n    image: *base\n    hostname: *base",
            "  NEW:\n    image: ${BASE:-nginx}",
            "  NEW:\n    image: ${BASE:-nginx}:3",
        ],
    ),
];

/// A file's name, its text, what it becomes, and how many images are listed.
type Case = (&'static str, &'static str, &'static str, usize);

/// Variables that images are made of, by each format's own means.
const MADE: &[Case] = &[
    (
        "main.tf",
        "variable \"t\" {}\nvariable \"u\" { default = \"7\" }\nlocals {\n  app = \"acme/app:${var.u}\"\n  tag = \"${var.u}-alpine\"\n}\n\
         resource \"docker_image\" \"a\" { name = local.app }\n\
         resource \"docker_image\" \"b\" { name = \"redis:${local.tag}\" }\n\
         resource \"docker_image\" \"c\" { name = format(\"redis:%s\", var.u) }\n\
         resource \"docker_image\" \"d\" { name = join(\":\", [\"haproxy\", var.u]) }\n\
         resource \"docker_image\" \"e\" { name = coalesce(var.t, \"memcached:1\") }\n\
         resource \"docker_image\" \"f\" { name = try(var.t, local.app) }\n\
         resource \"docker_image\" \"g\" { name = \"mongo:${coalesce(var.t, \"7\")}\" }\n",
        "variable \"t\" {}\nvariable \"u\" { default = \"7\" }\nlocals {\n  app = \"h.example/docker.io/acme/app:${var.u}\"\n  tag = \"${var.u}-alpine\"\n}\n\
         resource \"docker_image\" \"a\" { name = local.app }\n\
         resource \"docker_image\" \"b\" { name = \"h.example/docker.io/library/redis:${local.tag}\" }\n\
         resource \"docker_image\" \"c\" { name = format(\"h.example/docker.io/library/redis:%s\", var.u) }\n\
         resource \"docker_image\" \"d\" { name = join(\":\", [\"h.example/docker.io/library/haproxy\", var.u]) }\n\
         resource \"docker_image\" \"e\" { name = coalesce(var.t, \"h.example/docker.io/library/memcached:1\") }\n\
         resource \"docker_image\" \"f\" { name = try(var.t, local.app) }\n\
         resource \"docker_image\" \"g\" { name = \"h.example/docker.io/library/mongo:${coalesce(var.t, \"7\")}\" }\n",
        0,
    ),
    (
        "main.tf",
        "variable \"r\" { default = \"mongo\" }\nvariable \"t\" {}\nlocals { own = var.r }\n\
         resource \"docker_image\" \"a\" { name = \"${var.r}:6\" }\n\
         resource \"docker_image\" \"b\" { name = \"${local.own}/x:6\" }\n\
         resource \"docker_image\" \"c\" { name = \"${coalesce(var.t, \"golang\")}:1\" }\n\
         resource \"docker_image\" \"d\" { name = format(\"%s/x:1\", var.r) }\n\
         resource \"docker_image\" \"e\" { name = join(\"/\", [var.r, \"x:1\"]) }\n\
         resource \"docker_image\" \"f\" { name = lower(\"Acme/x:${var.r}\") }\n",
        "",
        6,
    ),
    (
        "Dockerfile",
        "ARG BASE=alpine\nARG TAG=1\nFROM ${BASE}:3\nFROM golang:${TAG}\n",
        "ARG BASE=alpine\nARG TAG=1\nFROM ${BASE}:3\nFROM h.example/docker.io/library/golang:${TAG}\n",
        1,
    ),
    (
        "stack.yaml",
        "AWSTemplateFormatVersion: 1\nParameters:\n  Tag: {Type: String, Default: '7'}\n  Base: {Type: String, Default: acme}\nResources:\n  T:\n    \
         Type: AWS::ECS::TaskDefinition\n    Properties:\n      ContainerDefinitions:\n\
         \x20     - Image: !Join [':', [redis, !Ref Tag]]\n\
         \x20     - Image: {'Fn::Join': ['', ['acme/app:', {Ref: Tag}]]}\n\
         \x20     - Image: !Sub ['mongo:${T}', {T: !Ref Tag}]\n\
         \x20     - Image: !Sub '${Base}/app:1'\n\
         \x20     - Image: !Join ['/', [!Ref Base, 'app:1']]\n",
        "AWSTemplateFormatVersion: 1\nParameters:\n  Tag: {Type: String, Default: '7'}\n  Base: {Type: String, Default: acme}\nResources:\n  T:\n    \
         Type: AWS::ECS::TaskDefinition\n    Properties:\n      ContainerDefinitions:\n\
         \x20     - Image: !Join [':', [h.example/docker.io/library/redis, !Ref Tag]]\n\
         \x20     - Image: {'Fn::Join': ['', ['h.example/docker.io/acme/app:', {Ref: Tag}]]}\n\
         \x20     - Image: !Sub ['h.example/docker.io/library/mongo:${T}', {T: !Ref Tag}]\n\
         \x20     - Image: !Sub '${Base}/app:1'\n\
         \x20     - Image: !Join ['/', [!Ref Base, 'app:1']]\n",
        2,
    ),
];

#[test]
fn a_variable_that_an_image_is_made_of_stays_and_nothing_is_put_before_one_that_may_be_another() {
    let goal = Goal::find_preset("forebay:h.example").unwrap().unwrap();
    for (path, text, expected, listed) in MADE {
        let expected = if expected.is_empty() { text } else { expected };
        let plan = planned(path, text, &goal);
        let new = apply(text, plan.edits.clone()).unwrap();
        assert_eq!(&new, expected, "{:?}", plan.unsure);
        assert_eq!(plan.unsure.len(), *listed, "{path}: {:?}", plan.unsure);
        let again = planned(path, &new, &goal);
        assert!(again.edits.is_empty(), "{:?}", again.edits);
    }
}

const GOALS: [&str; 3] = ["quay:me", "mirror.gcr.io", "forebay:cache.example:5000"];

fn planned(path: &str, text: &str, goal: &Goal) -> Plan {
    let settings = Settings::default();
    let found = find(path, text.as_bytes(), &settings);
    let reread = |text: &str| find(path, text.as_bytes(), &settings);
    plan_checked((text, &found), goal, None, &reread)
}

fn images(path: &str, text: &str) -> Vec<String> {
    let found = find(path, text.as_bytes(), &Settings::default());
    let images = found
        .places
        .iter()
        .filter_map(|place| place.image.parse::<Image>().ok());
    images.map(|image| image.to_string()).collect()
}

fn value() -> impl Strategy<Value = String> {
    let registry = prop_oneof![Just(""), Just("docker.io/"), Just("ghcr.io/org/")];
    let namespace = prop_oneof![Just(""), Just("acme/")];
    let tag = prop_oneof![Just(""), Just(":1.27")];
    (registry, namespace, "[a-z]{3,6}", tag)
        .prop_map(|(registry, namespace, name, tag)| format!("{registry}{namespace}{name}{tag}"))
}

proptest! {
    #[test]
    fn no_image_becomes_one_that_the_rules_do_not_make(
        value in value(),
        form in 0..FORMS.len(),
        uses in prop::collection::vec(0..16_usize, 1..6),
        goal in 0..GOALS.len(),
    ) {
        let (path, head, ways) = FORMS[form];
        let mut text = head.replace('@', &value);
        for (number, way) in uses.iter().enumerate() {
            text += &ways[way % ways.len()].replace("NEW", &format!("a{number}"));
            text.push('\n');
        }
        let goal = Goal::find_preset(GOALS[goal]).unwrap().unwrap();
        let Goal::Rules(rules) = &goal else { unreachable!() };
        let made = |image: &str| {
            let image: Image = image.parse().unwrap();
            let made = rules.apply(&image).unwrap();
            made.map_or_else(|| image.to_string(), |made| made.parse::<Image>().unwrap().to_string())
        };
        let (before, plan) = (images(path, &text), planned(path, &text, &goal));
        let after = apply(&text, plan.edits.clone()).unwrap();
        let may_be: Vec<String> = before.iter().cloned().chain(before.iter().map(|image| made(image))).collect();
        let now = images(path, &after);
        prop_assert!(now.iter().all(|image| may_be.contains(image)), "{}\nbecame\n{}\n{:?}", text, after, now);
        prop_assert_eq!(images(path, &after).len(), before.len(), "{}\nbecame\n{}", text, after);
        // What serves something else is what it was.
        for line in ["docker rm -f $BASE", "container_name=BASE", "name = local.base\n", "Name: !Ref Base", "hostname: *base"] {
            prop_assert!(!text.contains(line) || value.contains(':') || after.contains(&head.replace('@', &value)), "{}\nbecame\n{}", text, after);
        }
        let again = planned(path, &after, &goal);
        prop_assert_eq!(apply(&after, again.edits.clone()).unwrap(), after, "{}", text);
    }
}

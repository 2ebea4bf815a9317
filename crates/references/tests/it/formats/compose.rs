//! Compose files and Swarm stacks.

use forebay_references::{Place, Refusal, Settings, beside_compose, find, splice};

use crate::listing::{listing, set};

const STACK: &str = "\
x-base: &base
  image: &web nginx:${NGINX_TAG:-1.27}
  restart: unless-stopped
services:
  web:
    <<: *base
    deploy:
      replicas: 4
      restart_policy: {condition: any, delay: 5s, max_attempts: 3}
  agent:
    image: '${REGISTRY}/agent:1'
    platform: linux/arm64
    pull_policy: always
    deploy: {mode: global}
  worker:
    extends: {service: agent}
    restart: on-failure:7
  db:
    image: ${DB_IMAGE:-postgres:16}
  built:
    build: {context: ., additional_contexts: {base: docker-image://alpine:3.20}}
    image: me/built
  odd:
    image: nginx:$$x
";

#[test]
fn services_are_found_with_their_facts() {
    assert_eq!(
        listing("compose.yaml", STACK, &set(&[("REGISTRY", "quay.io/me")])),
        "\
nginx:1.27 <nginx:${NGINX_TAG:-1.27}> Compose service name=web replicas=4 restart=any/Some(\"5s\")/Some(3)
quay.io/me/agent:1 <${REGISTRY}/agent:1> Compose service name=agent per-node= pull=Always platform=linux/arm64
quay.io/me/agent:1 <${REGISTRY}/agent:1> Compose service name=worker per-node= pull=Always platform=linux/arm64 restart=on-failure/None/Some(7)
postgres:16 <postgres:16> Compose service name=db
alpine:3.20 <alpine:3.20> Compose build context name=built
me/built <me/built> Compose service name=built pull=Never
? <nginx:$$x> not an image reference Compose service name=odd
"
    );
}

#[test]
fn an_argument_of_a_build_is_an_image_where_its_name_and_its_tag_say_so() {
    let text = "\
services:
  a:
    build:
      args: {BASE: 'node:22', BASE_IMAGE: 'acme/base:${V:-1}', IMAGE_TAG: '${V:-1}', IMAGE: '${V:-a:1}', BASE_URL: 'http://a:1', BASE_PATH: a/b}
  b:
    build:
      args:
        - FROM=quay.io/a/b:1 # kept
        - \"RUNTIME_IMAGE=alpine:3.20\"
        - BASE
        - NAME=x:1
";
    assert_eq!(
        listing("compose.yaml", text, &Settings::default()),
        "\
node:22 <node:22> Compose build argument name=a
acme/base:1 <acme/base:${V:-1}> Compose build argument name=a
quay.io/a/b:1 <quay.io/a/b:1> Compose build argument name=b
alpine:3.20 <alpine:3.20> Compose build argument name=b
"
    );
}

#[test]
fn variables_stay_where_they_can() {
    let settings = set(&[("REGISTRY", "quay.io/me")]);
    let found = find("compose.yaml", STACK.as_bytes(), &settings);
    let new: Vec<String> = found
        .places
        .iter()
        .map(|place| format!("h.example/{}", place.image.trim_start_matches("quay.io/")))
        .collect();
    let changes: Vec<_> = found
        .places
        .iter()
        .zip(&new)
        .map(|(place, new)| (place, new.as_str()))
        .collect();
    let expected = STACK
        .replace("&web nginx:", "&web h.example/nginx:")
        .replace("'${REGISTRY}/agent", "'h.example/me/agent")
        .replace(":-postgres:16", ":-h.example/postgres:16")
        .replace("//alpine", "//h.example/alpine")
        .replace("image: me/built", "image: h.example/me/built");
    assert_eq!(splice(STACK, &changes).unwrap(), expected);
}

#[test]
fn a_dockerfile_within_is_read() {
    let text = "services:\n  a:\n    build:\n      dockerfile_inline: |\n        FROM nginx:1 AS x\n        COPY --from=x / /\n        COPY --from=alpine:3 / /\n    ports: []\n";
    assert_eq!(
        listing("compose.yaml", text, &Settings::default()),
        "nginx:1 <nginx:1> Dockerfile stage name=x\nalpine:3 <alpine:3> Dockerfile source name=x\n"
    );
}

#[test]
fn the_env_file_beside_it_gives_values() {
    let near = [(
        ".env".to_owned(),
        "# x\nexport REGISTRY=\"r.io/a\" # y\n".to_owned(),
    )];
    let settings = Settings {
        near: near.into(),
        ..Settings::default()
    };
    let text = "services: {a: {image: \"$REGISTRY/b\"}, c: {image: \"$NO/b\"}}";
    assert_eq!(
        listing("docker-compose.yml", text, &settings),
        "r.io/a/b <$REGISTRY/b> Compose service name=a\n? <$NO/b> `NO` is not set here Compose service name=c\n"
    );
    // What is one variable is changed where that is set.
    let text = "services: {a: {image: $REGISTRY}}";
    let found = find("compose.yaml", text.as_bytes(), &settings);
    assert_eq!(found.places[0].image, "r.io/a");
    assert_eq!(
        splice(text, &[(&found.places[0], "r.io/b")]),
        Err(Refusal::SetIn(".env".to_owned()))
    );
}

#[test]
fn what_one_service_builds_others_take_from_here() {
    let text = "services:\n  web: {build: ., image: myapp}\n  worker: {image: myapp}\n  two: {build: .}\n  three: {image: \
                shop-two}\n  four: {image: nginx}\n";
    let found = find(
        "src/Shop/compose.yaml",
        text.as_bytes(),
        &Settings::default(),
    );
    let others = found.places.iter().filter(|place| !place.owner.is_built);
    let others: Vec<&str> = others.map(|place| place.image.as_str()).collect();
    assert_eq!(others, ["nginx"]);
}

#[test]
fn an_argument_is_what_the_dockerfile_makes_of_it() {
    let text = "\
services:
  a:
    build:
      context: ./web
      args: {BASE_IMAGE: 'python:3.12', PYTHON: python, SOURCE: 'acme/src:1', REPO_IMAGE: 'app:2', V: '3'}
  b:
    build: {context: ., dockerfile: b.Dockerfile, args: [\"PYTHON=python:3\"]}
";
    let beside = beside_compose(text);
    assert_eq!(beside[..2], ["compose.yaml", "compose.yml"]);
    assert_eq!(beside[9..], ["web/Dockerfile", "b.Dockerfile"]);
    let dockerfile = "\
ARG BASE_IMAGE
ARG PYTHON=python
FROM --platform=linux/amd64 ${BASE_IMAGE}-slim
FROM \"${PYTHON:-python:3}\"
FROM acme/$REPO_IMAGE:$V
COPY --from=$SOURCE / /
";
    let near = ["web/Dockerfile", "b.Dockerfile"];
    let near = near.map(|name| (name.to_owned(), dockerfile.to_owned()));
    let settings = Settings {
        near: near.into(),
        ..Settings::default()
    };
    assert_eq!(
        listing("compose.yaml", text, &settings),
        "\
python <python> Compose build argument name=a
acme/src:1 <acme/src:1> Compose build argument name=a
python:3 <python:3> Compose build argument name=b
! `BASE_IMAGE` stands in more text in the Dockerfile, where the image is
! `REPO_IMAGE` stands in more text in the Dockerfile, where the image is
"
    );
}

#[test]
fn a_service_with_profiles_starts_with_one_of_them() {
    let text = "services:\n  a: {image: 'a:1', profiles: [x, y]}\n  b: {image: 'b:1', profiles: []}\n  c: {image: 'c:1', extends: a}\n";
    for (active, expected) in [(None, [true, false, true]), (Some("z,y"), [false; 3])] {
        let active: Vec<_> = active
            .map(|active| ("COMPOSE_PROFILES", active))
            .into_iter()
            .collect();
        let found = find("compose.yaml", text.as_bytes(), &set(&active));
        let places = found.places.iter();
        let conditions: Vec<bool> = places
            .map(|place| place.owner.condition.is_some())
            .collect();
        assert_eq!(conditions, expected, "{active:?}");
    }
}

#[test]
fn what_a_file_that_is_merged_with_it_builds_is_built() {
    let text = "services:\n  a: {image: me/a:1}\n  b: {image: me/b:1}\n  c: {image: me/c:1}\n";
    let base = "services:\n  a: {build: .}\n  d: {build: ., image: me/b:1}\n  c: {image: x}\n";
    let near = [("compose.yaml".to_owned(), base.to_owned())];
    let settings = Settings {
        near: near.into(),
        ..Settings::default()
    };
    let found = find("compose.prod.yaml", text.as_bytes(), &settings);
    let built = found.places.iter().map(|place| place.owner.is_built);
    assert_eq!(built.collect::<Vec<_>>(), [true, true, false]);
}

#[test]
fn of_the_base_files_compose_takes_one() {
    let text = "services:\n  a: {image: 'me/a:1'}\n";
    let base = "services:\n  a: {build: .}\n";
    for (path, beside, is_built) in [
        ("compose.yaml", &["docker-compose.yml"][..], false),
        ("docker-compose.yml", &["compose.yaml"], false),
        ("compose.yml", &["compose.override.yaml"], true),
        ("compose.override.yaml", &["compose.yml"], true),
        ("compose.prod.yaml", &["docker-compose.yml"], true),
    ] {
        let near = beside
            .iter()
            .map(|name| ((*name).to_owned(), base.to_owned()));
        let settings = Settings {
            near: near.collect(),
            ..Settings::default()
        };
        let found = find(path, text.as_bytes(), &settings);
        assert_eq!(found.places[0].owner.is_built, is_built, "{path}");
    }
}

#[test]
fn an_image_that_an_override_replaces_is_pulled_without_it_only() {
    let text = "services:\n  a: {image: 'a:1'}\n  b: {image: 'b:1'}\n";
    let over = "services:\n  a: {image: 'a:2'}\n  b: {restart: always}\n";
    for (path, beside, expected) in [
        ("compose.yaml", "compose.override.yaml", [true, false]),
        ("compose.override.yaml", "compose.yaml", [false, false]),
        ("compose.prod.yaml", "compose.override.yaml", [false, false]),
    ] {
        let near = [(beside.to_owned(), over.to_owned())];
        let settings = Settings {
            near: near.into(),
            ..Settings::default()
        };
        let found = find(path, text.as_bytes(), &settings);
        let places = found.places.iter();
        let conditions = places.map(|place| place.owner.condition.is_some());
        assert_eq!(conditions.collect::<Vec<_>>(), expected, "{path}");
    }
}

#[test]
fn a_file_that_compose_passes_over_for_another_is_read_where_it_is_named_only() {
    let text = "services:\n  a: {image: 'a:1', build: {args: {BASE: 'b:1'}}}\n";
    for (path, beside, expected) in [
        ("docker-compose.yml", &["compose.yaml"][..], true),
        ("compose.yml", &["compose.yaml", "docker-compose.yml"], true),
        (
            "compose.yaml",
            &["compose.yml", "docker-compose.yaml"],
            false,
        ),
        ("docker-compose.yml", &["compose.override.yaml"], false),
        (
            "docker-compose.override.yml",
            &["compose.override.yaml"],
            true,
        ),
        (
            "compose.override.yml",
            &["compose.override.yaml", "compose.yaml"],
            false,
        ),
        ("compose.prod.yaml", &["compose.yaml"], false),
    ] {
        let near = beside
            .iter()
            .map(|name| ((*name).to_owned(), String::new()));
        let settings = Settings {
            near: near.collect(),
            ..Settings::default()
        };
        let found = find(path, text.as_bytes(), &settings);
        let is_passed_over = |place: &Place| place.owner.condition.is_some();
        assert_eq!(found.places.len(), 2, "{path}");
        assert_eq!(found.places.iter().all(is_passed_over), expected, "{path}");
        let named = Settings {
            is_named: true,
            ..settings
        };
        let found = find(path, text.as_bytes(), &named);
        assert!(!found.places.iter().any(is_passed_over), "{path}");
    }
}

#[test]
fn keys_in_quotes_and_contexts_in_a_list_are_read() {
    let text = "\
\"services\":
  \"a\":
    image: 'a:$T'
    build: {additional_contexts: ['base=docker-image://redis:7', 'other=../x']}
";
    assert!(beside_compose(text).contains(&".env".to_owned()));
    assert!(beside_compose("resources: [services, pods]\n").is_empty());
    assert_eq!(
        listing("compose.yaml", text, &set(&[("T", "1")])),
        "\
a:1 <a:$T> Compose service name=a pull=Never
redis:7 <redis:7> Compose build context name=a
"
    );
}

//! What Terraform names, and what becomes of it.

use super::*;
use crate::splice;

const FILE: &str = r#"
variable "tag" { default = "1.27" }
variable "image" {
  type    = string
  default = "iseepatterns/court-case-backend:latest" # the default
}
locals {
  registry = "quay.io"
  images   = { web = "web/web:2", "db" = "postgres:16" }
}
resource "aws_ecs_task_definition" "app" {
  family = "shop"
  container_definitions = jsonencode([
    { name = "a", image = var.image, essential = true },
    { name = "b", image = "nginx:${var.tag}" },
    { name = "c", image = local.images["web"] },
    { name = "d", image = "${aws_ecr_repository.d.repository_url}:1" },
    { name = "e", image = var.prod ? "e:1" : "e:2" },
    { name = "f", image = format("%s/f:%s", local.registry, var.tag) },
  ])
}
resource "aws_ecs_service" "app" {
  task_definition = aws_ecs_task_definition.app.arn
  desired_count   = 4
}
resource "aws_ecs_task_definition" "old" {
  family = "old"
  container_definitions = <<-EOF
    [
      {"name": "x", "image": "${local.registry}/x:1", "cpu": ${var.cpu}},
      {"name": "y", "image": "docker.io/y"}
    ]
  EOF
}
resource "kubernetes_deployment_v1" "web" {
  metadata {
    name      = "web"
    namespace = "shop"
  }
  spec {
    replicas = 3
    template {
      spec {
        container {
          name              = "web"
          image             = "nginx:1"
          image_pull_policy = "Always"
        }
      }
    }
  }
}
resource "kubernetes_manifest" "m" {
  manifest = {
    kind     = "DaemonSet"
    metadata = { name = "agent" }
    spec     = { template = { spec = { containers = [{ name = "g", image = "agent:7" }] } } }
  }
}
resource "docker_image" "i" { name = "redis:7" }
resource "docker_container" "i" {
  name  = "cache"
  image = docker_image.i.image_id
}
resource "google_compute_instance" "vm" {
  boot_disk {
    initialize_params { image = "debian-cloud/debian-12" }
  }
}
module "svc" {
  container_image = "ghcr.io/x/svc:1"
  image           = "ubuntu-22-04"
}
"#;

fn line(place: &crate::Place) -> String {
    let owner = &place.owner;
    format!(
        "{} {} {} {} {:?}",
        place.image,
        owner.kind,
        owner.name.as_deref().unwrap_or("-"),
        owner.container.as_deref().unwrap_or("-"),
        owner.replicas,
    )
}

#[test]
fn resources_are_found_and_machines_are_not() {
    let mut found = find("main.tf", FILE, &Settings::default());
    found.sort();
    let lines: Vec<String> = found.places.iter().map(line).collect();
    assert_eq!(
        lines,
        [
            "iseepatterns/court-case-backend:latest ECS task definition shop a Some(4)",
            "web/web:2 ECS task definition shop c Some(4)",
            "nginx:1.27 ECS task definition shop b Some(4)",
            "e:1 ECS task definition shop e Some(4)",
            "e:2 ECS task definition shop e Some(4)",
            "quay.io/f:1.27 ECS task definition shop f Some(4)",
            "quay.io/x:1 ECS task definition old x None",
            "docker.io/y ECS task definition old y None",
            "nginx:1 Deployment web web Some(3)",
            "agent:7 DaemonSet agent g None",
            "redis:7 Docker image i - None",
            "ghcr.io/x/svc:1 Terraform module svc - None",
        ]
    );
    let why: Vec<&Why> = found
        .ambiguous
        .iter()
        .map(|ambiguous| &ambiguous.why)
        .collect();
    assert_eq!(
        why,
        [&Why::Unset(
            "aws_ecr_repository.d.repository_url".to_owned()
        )]
    );
    assert_eq!(found.notes, []);
}

#[test]
fn a_rewrite_goes_to_where_the_image_is_written() {
    let found = find("main.tf", FILE, &Settings::default());
    let new: Vec<String> = found
        .places
        .iter()
        .map(|place| format!("h.example/{}", place.image.trim_start_matches("docker.io/")))
        .collect();
    let changes: Vec<_> = found
        .places
        .iter()
        .zip(&new)
        .map(|(place, new)| (place, new.as_str()))
        .collect();
    let expected = FILE
        .replace("\"iseepatterns", "\"h.example/iseepatterns")
        .replace("\"nginx:${", "\"h.example/nginx:${")
        .replace("\"web/web:2", "\"h.example/web/web:2")
        .replace("\"e:", "\"h.example/e:")
        .replace(
            "format(\"%s/f:%s\", local.registry, var.tag)",
            "format(\"h.example/%s/f:%s\", local.registry, var.tag)",
        )
        .replace(
            "\"${local.registry}/x:1",
            "\"h.example/${local.registry}/x:1",
        )
        .replace("\"docker.io/y", "\"h.example/y")
        .replace("\"nginx:1\"", "\"h.example/nginx:1\"")
        .replace("\"agent:7", "\"h.example/agent:7")
        .replace("\"redis:7", "\"h.example/redis:7")
        .replace("\"ghcr.io/x", "\"h.example/ghcr.io/x");
    assert_eq!(splice(FILE, &changes).unwrap(), expected);
}

#[test]
fn values_of_files_beside_it_count() {
    let near = [
        ("terraform.tfvars", "image = \"a/b:2\"\n"),
        (
            "variables.tf",
            "variable \"image\" { default = \"a/b:1\" }\nvariable \"t\" { default = \"9\" }",
        ),
    ];
    let settings = Settings {
        near: near
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into(),
        ..Settings::default()
    };
    let text = "resource \"docker_container\" \"c\" { image = var.image }\nresource \"docker_image\" \"d\" { name = \"x:${var.t}\" }\n";
    let found = find("main.tf", text, &settings);
    let images: Vec<&str> = found
        .places
        .iter()
        .map(|place| place.image.as_str())
        .collect();
    assert_eq!(images, ["a/b:2", "x:9"]);
    assert_eq!(&text[found.places[0].span.clone()], "var.image");
    assert_eq!(
        splice(text, &[(&found.places[0], "c/b:2")]),
        Err(crate::Refusal::SetIn("terraform.tfvars".to_owned()))
    );
    assert_eq!(
        splice(text, &[(&found.places[1], "c/x:9")]).unwrap(),
        text.replace("x:$", "c/x:$")
    );
    for (path, text) in near {
        let found = find(path, text, &Settings::default());
        assert_eq!(found.places.len(), 1, "{path}");
    }
}

#[test]
fn hostile_files_end() {
    let deep = format!("a = {}{}", "[".repeat(100_000), "]".repeat(100_000));
    let names = "locals {\n a = local.b\n b = local.a\n}\nresource \"docker_image\" \"x\" { name = local.a }";
    let wide = "a = 1\n".repeat(100_000);
    assert_eq!(find("x.tf", &deep, &Settings::default()).notes.len(), 1);
    assert_eq!(find("x.tf", names, &Settings::default()).ambiguous.len(), 1);
    assert_eq!(find("x.tf", &wide, &Settings::default()).notes.len(), 1);
}

#[test]
fn tasks_are_counted_between_the_bounds_of_what_scales_their_service() {
    for (id, expected) in [
        (
            "service/${aws_ecs_cluster.main.name}/${aws_ecs_service.app.name}",
            Some(30),
        ),
        ("service/main/shop", Some(30)),
        ("service/main/other", None),
        (
            "service/${aws_ecs_cluster.main.name}/${aws_ecs_service.app2.name}",
            None,
        ),
    ] {
        let text = format!(
            r#"
variable "most" {{ default = 30 }}
resource "aws_ecs_task_definition" "app" {{
  family = "shop"
  container_definitions = jsonencode([{{ name = "a", image = "nginx:1" }}])
}}
resource "aws_ecs_service" "app" {{
  name            = "shop"
  task_definition = aws_ecs_task_definition.app.arn
  desired_count   = 2
}}
resource "aws_appautoscaling_target" "app" {{
  min_capacity = 3
  max_capacity = var.most
  resource_id  = "{id}"
}}
"#
        );
        let found = find("main.tf", &text, &Settings::default());
        let scaled = found.places[0].owner.scaled;
        assert_eq!(scaled.and_then(|scaled| scaled.most), expected, "{id}");
        assert_eq!(
            scaled.map(|scaled| scaled.least),
            expected.map(|_| 2),
            "{id}"
        );
        assert_eq!(found.places[0].owner.replicas, Some(2));
    }
}

#[test]
fn what_a_helm_release_sets_is_an_image_where_its_registry_is_known() {
    let text = r#"
resource "helm_release" "a" {
  name = "a"
  set {
    name  = "image.registry"
    value = "docker.io"
  }
  set {
    name  = "image.repository"
    value = "bitnami/redis"
  }
  set {
    name  = "image.tag"
    value = "7"
  }
  set {
    name  = "proxy.image"
    value = "envoyproxy/envoy:v1"
  }
  set {
    name  = "db.image.repository"
    value = "bitnami/postgresql"
  }
  set {
    name  = "db.git.repository"
    value = "acme/charts"
  }
  values = [<<-EOT
    side:
      image: { repository: quay.io/acme/side, tag: "1" }
    job:
      image: busybox:1.36
    cron:
      image: { repository: acme/cron, tag: "2" }
    other:
      image: "acme/other:${var.v}"
  EOT
  , file("values.yaml"), yamlencode({ image = "acme/enc:1" })]
}
resource "helm_release" "b" {
  set = [{ name = "image.repository", value = "ghcr.io/acme/b" }, { name = "image.tag", value = "3" }]
}
"#;
    let found = find("main.tf", text, &Settings::default());
    let images: Vec<&str> = found
        .places
        .iter()
        .map(|place| place.image.as_str())
        .collect();
    assert_eq!(
        images,
        [
            "docker.io/bitnami/redis:7",
            "envoyproxy/envoy:v1",
            "quay.io/acme/side:1",
            "busybox:1.36",
            "acme/enc:1",
            "ghcr.io/acme/b:3",
        ]
    );
    let listed: Vec<&str> = found
        .ambiguous
        .iter()
        .map(|one| one.text.as_str())
        .collect();
    assert_eq!(listed.len(), 3, "{listed:?}");
    let changes: Vec<_> = found
        .places
        .iter()
        .map(|place| (place, "h.example/a/b:9"))
        .collect();
    let new = splice(text, &changes).unwrap();
    assert!(
        new.contains("value = \"h.example\"\n") && new.contains("value = \"a/b\"\n"),
        "{new}"
    );
    assert!(
        new.contains("repository: h.example/a/b, tag: \"9\""),
        "{new}"
    );
}

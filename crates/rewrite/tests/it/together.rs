//! Files that take values from each other: a prefix is written once, or not at all.

#![expect(
    clippy::unwrap_used,
    reason = "a preset and an edit that fail end the test where they are"
)]

use std::collections::BTreeMap;

use forebay_rewrite::rules::{Goal, Plan, plan_together};
use forebay_rewrite::{Found, Settings, apply, find};

/// Files by their paths, and which of them a file takes values from, by which names.
struct Folder<'a> {
    files: &'a [(&'a str, &'a str)],
    near: &'a [(&'a str, &'a str, &'a str)],
}

impl Folder<'_> {
    fn found(&self, texts: &[String]) -> Vec<Found> {
        let now: BTreeMap<&str, &String> = self
            .files
            .iter()
            .map(|(path, _)| *path)
            .zip(texts)
            .collect();
        let files = self.files.iter().zip(texts);
        files
            .map(|((path, _), text)| {
                let near = self.near.iter().filter(|(reader, ..)| reader == path);
                let settings = Settings {
                    near: near
                        .map(|(_, name, file)| ((*name).to_owned(), now[file].clone()))
                        .collect(),
                    ..Settings::default()
                };
                find(path, text.as_bytes(), &settings)
            })
            .collect()
    }

    /// The texts as the preset changes them, and what is left: twice is once.
    fn rewritten(&self, preset: &str) -> (Vec<String>, Vec<String>) {
        let before: Vec<String> = self
            .files
            .iter()
            .map(|(_, text)| (*text).to_owned())
            .collect();
        let (once, left) = self.changed(&before, preset);
        assert_eq!(self.changed(&once, preset).0, once);
        (once, left)
    }

    fn changed(&self, texts: &[String], preset: &str) -> (Vec<String>, Vec<String>) {
        let goal = Goal::find_preset(preset).unwrap().unwrap();
        let found = self.found(texts);
        let files: Vec<(&str, &Found)> = texts.iter().map(String::as_str).zip(&found).collect();
        let plans = plan_together(&files, &goal, None, &|texts| self.found(texts));
        let left = plans.iter().flat_map(|plan: &Plan| &plan.unsure);
        let left = left.map(|one| one.why.clone()).collect();
        let texts = texts.iter().zip(plans);
        let texts = texts.map(|(text, plan)| apply(text, plan.edits).unwrap());
        (texts.collect(), left)
    }
}

const GOAL: &str = "forebay:h.example";

#[test]
fn a_variable_of_terraforms_that_another_file_sets_has_the_prefix_there_alone() {
    for (main, vars) in [
        ("variable \"image\" {}\n", "image = \"acme/web\"\n"),
        (
            "variable \"image\" { default = \"acme/web\" }\n",
            "image = \"acme/api\"\n",
        ),
        (
            "variable \"x_image\" {}\nlocals { image = \"acme/web\" }\n",
            "x_image = \"acme/api\"\n",
        ),
    ] {
        let name = if main.contains("x_image") {
            "x_image"
        } else {
            "image"
        };
        let main =
            format!("{main}resource \"docker_image\" \"a\" {{ name = \"${{var.{name}}}:1\" }}\n");
        let folder = Folder {
            files: &[("main.tf", &main), ("terraform.tfvars", vars)],
            near: &[
                ("main.tf", "terraform.tfvars", "terraform.tfvars"),
                ("terraform.tfvars", "main.tf", "main.tf"),
            ],
        };
        let expected =
            [&main, vars].map(|text| text.replace("\"acme", "\"h.example/docker.io/acme"));
        assert_eq!(
            folder.rewritten(GOAL),
            (expected.to_vec(), vec![]),
            "{main}"
        );
    }
}

#[test]
fn what_another_file_would_make_a_part_of_an_image_stays() {
    let main = "variable \"image\" {}\nresource \"docker_image\" \"a\" { name = \"quay.io/x/${var.image}\" }\n";
    let vars = "image = \"acme/web:1\"\nother_image = \"acme/api:1\"\n";
    let folder = Folder {
        files: &[("main.tf", main), ("terraform.tfvars", vars)],
        near: &[("main.tf", "terraform.tfvars", "terraform.tfvars")],
    };
    let (texts, left) = folder.rewritten("ghcr:me");
    assert_eq!(texts, [main, &vars.replace("acme/api", "ghcr.io/me/api")]);
    assert_eq!(left.len(), 1);
}

const VALUES: &str = "image:\n  registry: docker.io\n  repository: acme/web\n  tag: \"1\"\n";
const OVERLAY: &str = "image:\n  repository: acme/api\n";
const TEMPLATE: &str = "kind: Pod\nspec:\n  containers:\n  - image: \"{{ .Values.image.registry }}/{{ .Values.image.repository }}:{{ .Values.image.tag }}\"\n";

#[test]
fn an_overlay_takes_the_registry_of_the_charts_own_values() {
    let folder = Folder {
        files: &[("values.yaml", VALUES), ("values-prod.yaml", OVERLAY)],
        near: &[("values-prod.yaml", "values.yaml", "values.yaml")],
    };
    let expected = [
        VALUES
            .replace("docker.io", "h.example")
            .replace("acme", "docker.io/acme"),
        OVERLAY.replace("acme", "docker.io/acme"),
    ];
    assert_eq!(folder.rewritten(GOAL), (expected.to_vec(), vec![]));
}

#[test]
fn an_overlay_stays_where_the_registry_that_it_has_does() {
    let folder = Folder {
        files: &[("values-prod.yaml", OVERLAY), ("values.yaml", VALUES)],
        near: &[("values-prod.yaml", "values.yaml", "values.yaml")],
    };
    let goal = Goal::of_file(
        "[[rule]]\nrepository = \"acme/api\"\nto = \"h.example/docker.io/{repository}\"\n[[rule]]\nregistry = \"h.example\"\nkeep = true",
    );
    let before: Vec<String> = folder
        .files
        .iter()
        .map(|(_, text)| (*text).to_owned())
        .collect();
    let found = folder.found(&before);
    let files: Vec<(&str, &Found)> = before.iter().map(String::as_str).zip(&found).collect();
    let plans = plan_together(&files, &goal.unwrap(), None, &|texts| folder.found(texts));
    assert!(plans.iter().all(|plan| plan.edits.is_empty()));
    assert!(
        plans[0].unsure[0].why.contains("values.yaml"),
        "{:?}",
        plans[0].unsure
    );
}

#[test]
fn a_chart_in_a_chart_has_its_own_registry_before_what_the_outer_one_says() {
    let values = OVERLAY
        .replace('\n', "\n  ")
        .replace("image", "redis:\n  image");
    let chart = "name: h\ndependencies:\n- {name: redis, version: 1.0.0}\n- {name: postgresql, version: 1.0.0}\n";
    let values = format!(
        "{}\npostgresql:\n  image:\n    repository: acme/db\n    tag: \"7\"\n",
        values.trim_end()
    );
    let folder = Folder {
        files: &[
            ("values.yaml", &values),
            ("charts/redis/values.yaml", VALUES),
        ],
        near: &[(
            "values.yaml",
            "charts/redis/values.yaml",
            "charts/redis/values.yaml",
        )],
    };
    let near = |files: Folder<'_>| files.rewritten(GOAL);
    let expected = [
        values
            .replace("acme/api", "docker.io/acme/api")
            .replace("acme/db", "h.example/docker.io/acme/db"),
        VALUES
            .replace("docker.io", "h.example")
            .replace("acme", "docker.io/acme"),
    ];
    assert_eq!(near(folder), (expected.to_vec(), vec![]));
    // Of the chart that is not here nobody knows whether it has a registry.
    let folder = Folder {
        files: &[
            ("values.yaml", &values),
            ("charts/redis/values.yaml", VALUES),
            ("Chart.yaml", chart),
            ("charts/redis/templates/a.yaml", TEMPLATE),
        ],
        near: &[
            (
                "values.yaml",
                "charts/redis/values.yaml",
                "charts/redis/values.yaml",
            ),
            (
                "values.yaml",
                "charts/redis/templates/a.yaml",
                "charts/redis/templates/a.yaml",
            ),
            ("values.yaml", "Chart.yaml", "Chart.yaml"),
        ],
    };
    let (texts, left) = folder.rewritten(GOAL);
    assert_eq!(texts[0], values.replace("acme/api", "docker.io/acme/api"));
    assert!(
        left.iter().any(|why| why.contains("postgresql")),
        "{left:?}"
    );
}

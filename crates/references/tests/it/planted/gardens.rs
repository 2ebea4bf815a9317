//! The formats that references are planted in: each with what real files have around an image.

use std::fmt::Write as _;

/// A format with a way to write references in it.
pub(crate) struct Garden {
    pub(crate) path: &'static str,
    pub(crate) render: fn(&[String]) -> String,
}

pub(crate) const GARDENS: [Garden; 15] = [
    garden("deploy.yaml", kubernetes),
    garden("list.json", kubernetes_json),
    garden("compose.yaml", compose),
    garden("stack.yml", compose_variables),
    garden("task.json", ecs),
    garden("stack.template", cloudformation),
    garden("cdk.out/x.template.json", cdk),
    garden(".github/workflows/ci.yml", workflow),
    garden(".gitlab-ci.yml", gitlab),
    garden("build/Dockerfile", dockerfile),
    garden("main.tf", terraform),
    garden("ecs.tf", terraform_heredoc),
    garden("chart/templates/x.yaml", helm),
    garden("values.yaml", values),
    garden("cluster.yaml", cortex),
];

/// Formats that write a reference in several values.
pub(crate) const SPLIT_GARDENS: [Garden; 3] = [
    garden("values.yaml", split_values),
    garden("chart/values-prod.yaml", joined_values),
    garden("kustomization.yaml", kustomization),
];

const fn garden(path: &'static str, render: fn(&[String]) -> String) -> Garden {
    Garden { path, render }
}

/// A line for each image, by one of several patterns in turn; `@` is the image, `~` its number.
fn lines(images: &[String], patterns: &[&str]) -> String {
    let mut out = String::new();
    for (index, image) in images.iter().enumerate() {
        let pattern = patterns[index % patterns.len()].replace('~', &index.to_string());
        _ = writeln!(out, "{}", pattern.replace('@', image));
    }
    out
}

fn kubernetes(images: &[String]) -> String {
    let containers = lines(
        images,
        &[
            "      - {name: c~, image: @} # image: not/this:1",
            "      - name: c~\n        image:   '@'",
            "      - image: \"@\"   # kept\n        name: é~",
            "      - name: c~\n        image: &a~ @",
            "      - name: c~\n        image: >-\n          @",
        ],
    );
    format!(
        "# image: not/this\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  annotations: {{image: no/place}}\nspec:\n  template:\n    spec:\n      containers:\n{containers}      volumes: []\n"
    )
}

fn kubernetes_json(images: &[String]) -> String {
    let containers: Vec<String> = images
        .iter()
        .map(|image| format!("\n\t{{ \"name\": \"\\u00e9\\n\" , \"image\":\"{image}\"}}"))
        .collect();
    format!(
        "{{\"apiVersion\":\"v1\",\"kind\":\"PodList\",\"items\":[{{\"kind\":\"Pod\",\"spec\":{{\"containers\":[{}]}},\"status\":{{\"image\":\"no/place\"}}}}]}}",
        containers.join(",")
    )
}

fn compose(images: &[String]) -> String {
    let services = lines(
        images,
        &[
            "  s~:\n    image: @ # kept\n    command: [run, 'image: no']",
            "  s~: {image: '@', restart: always}",
            "  s~:\n    environment:\n      image: no/place\n    image: \"@\"",
        ],
    );
    format!("version: \"3.8\"\nservices:\n{services}networks:\n  a: {{}}\n")
}

fn compose_variables(images: &[String]) -> String {
    let services = lines(
        images,
        &[
            "  s~:\n    image: ${I~:-@}",
            "  s~:\n    image: \"${I~-@}\"",
        ],
    );
    format!("services:\n{services}")
}

fn ecs(images: &[String]) -> String {
    let containers: Vec<String> = images
        .iter()
        .map(|image| {
            format!("    {{\"name\": \"c\", \"image\": \"{image}\", \"essential\": true}}")
        })
        .collect();
    format!(
        "{{\n  \"family\": \"f\",\n  \"containerDefinitions\": [\n{}\n  ],\n  \"tags\": [{{\"key\": \"image\", \"value\": \"no/place\"}}]\n}}\n",
        containers.join(",\n")
    )
}

fn cloudformation(images: &[String]) -> String {
    let parameters = lines(images, &["  P~: {Type: String, Default: '@'}"]);
    let containers = lines(
        &vec![String::new(); images.len()],
        &[
            "        - {Name: c~, Image: !Ref P~}",
            "        - Name: c~\n          Image: !Sub '${P~}'",
        ],
    );
    format!(
        "AWSTemplateFormatVersion: '2010-09-09'\nParameters:\n{parameters}Resources:\n  T:\n    Type: AWS::ECS::TaskDefinition\n    Properties:\n      ContainerDefinitions:\n{containers}Outputs: {{X: {{Value: !GetAtt T.Arn}}}}\n"
    )
}

fn cdk(images: &[String]) -> String {
    let containers: Vec<String> = images
        .iter()
        .map(|image| format!("{{\"Name\": \"c\", \"Image\": \"{image}\"}}"))
        .collect();
    format!(
        "{{\"Resources\": {{\"T\": {{\"Type\": \"AWS::ECS::TaskDefinition\", \"Properties\": {{\"ContainerDefinitions\": [{}]}}}}}}}}",
        containers.join(", ")
    )
}

fn workflow(images: &[String]) -> String {
    let steps = lines(
        images,
        &[
            "      - uses: docker://@",
            "      - uses: 'docker://@' # kept\n        with: {image: no}",
        ],
    );
    format!(
        "name: x\non: [push]\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: |\n          echo image: no/place\n{steps}"
    )
}

fn gitlab(images: &[String]) -> String {
    let jobs = lines(
        images,
        &[
            "j~:\n  image: @ # kept",
            "j~:\n  image: {name: '@'}\n  script: [make]",
            "j~:\n  variables: {I: \"@\"}\n  image: $I",
        ],
    );
    format!("stages: [a]\n{jobs}")
}

fn dockerfile(images: &[String]) -> String {
    let stages = lines(
        images,
        &[
            "FROM @ AS s~",
            "from  --platform=linux/amd64 \"@\"  as s~ ",
            "FROM scratch AS s~\nCOPY --from=@ /a \\\n  # a comment\n  /b",
            "FROM s0 AS s~\nRUN --mount=type=bind,from=@,target=/x <<EOF\nFROM no/place\nEOF",
        ],
    );
    format!("# escape=\\\n\n# FROM no/place\n{stages}RUN echo FROM no/place\n")
}

fn terraform(images: &[String]) -> String {
    lines(
        images,
        &[
            "resource \"docker_container\" \"c~\" {\n  name  = \"c~\" # image = \"no/place\"\n  image = \"@\"\n}",
            "variable \"v~\" { default = \"@\" }\nresource \"docker_image\" \"i~\" {\n  name = var.v~\n}",
            "resource \"aws_ecs_task_definition\" \"t~\" {\n  family = \"t\"\n  container_definitions = jsonencode([{ name = \"c\", image = \"@\" }])\n}",
            "resource \"google_compute_instance\" \"g~\" {\n  image = \"no/place\"\n}\nresource \"kubernetes_pod\" \"p~\" {\n  spec {\n    container {\n      image = \"@\"\n    }\n  }\n}",
        ],
    )
}

fn terraform_heredoc(images: &[String]) -> String {
    lines(
        images,
        &[
            "resource \"aws_ecs_task_definition\" \"t~\" {\n  family = \"t\"\n  container_definitions = <<EOF\n[{\"name\": \"c\", \"image\": \"@\", \"cpu\": ${var.cpu}}]\nEOF\n}",
        ],
    )
}

fn helm(images: &[String]) -> String {
    let containers = lines(
        images,
        &[
            "      - image: \"@\" # {{ kept }}",
            "      - name: {{ .Chart.Name }}\n        image: @",
            "      - image: '@'",
        ],
    );
    format!(
        "{{{{- if .Values.on }}}}\nkind: Deployment\nspec:\n  template:\n{containers}{{{{- end }}}}\n{{{{/* image: no/place */}}}}\n"
    )
}

fn values(images: &[String]) -> String {
    lines(
        images,
        &[
            "c~:\n  image: @ # kept",
            "c~: {sidecarImage: '@'}",
            "c~:\n  enabled: true\n  image: \"@\"\n  imagePullPolicy: Always",
        ],
    )
}

/// Values of any key, which [`printing_template`] prints as images.
pub(crate) fn printed_values(images: &[String]) -> String {
    lines(
        images,
        &[
            "v~: @ # kept",
            "v~: \"@\"\nother~: 'no/place:1'",
            "v~:   '@'",
            "# v~: no/place\nv~: @",
        ],
    )
}

/// The template of as many values.
pub(crate) fn printing_template(count: usize) -> String {
    lines(
        &vec![String::new(); count],
        &[
            "  - image: {{ .Values.v~ }}",
            "  - image: \"{{ $.Values.v~ }}\"",
            "  - image: {{- .Values.v~ | quote }}",
            "  - image: {{ .Values.v~ | default \"no:1\" }} # kept",
        ],
    )
}

fn cortex(images: &[String]) -> String {
    let keys = lines(images, &["image_k~: @"]);
    format!("cluster_name: x\n{keys}region: us-east-1\n")
}

/// Registry, repository, tag and digest of a whole reference.
fn parts(image: &str) -> [&str; 4] {
    let (name, digest) = image.split_once('@').unwrap_or((image, ""));
    let (name, tag) = name.rsplit_once(':').unwrap_or((name, ""));
    let (registry, repository) = name.split_once('/').unwrap_or(("", name));
    [registry, repository, tag, digest]
}

fn split_values(images: &[String]) -> String {
    let mut out = String::new();
    for (index, image) in images.iter().enumerate() {
        let [registry, repository, tag, digest] = parts(image);
        _ = write!(
            out,
            "c{index}:\n  image:\n    registry: {registry} # kept\n    repository: '{repository}'\n    tag: {tag}\n    digest: \"{digest}\"\n    pullSecrets: []\n"
        );
    }
    out
}

fn joined_values(images: &[String]) -> String {
    let mut out = String::new();
    for (index, image) in images.iter().enumerate() {
        let [registry, repository, tag, digest] = parts(image);
        _ = writeln!(
            out,
            "c{index}: {{image: {{tag: '{tag}@{digest}', repository: \"{registry}/{repository}\"}}}}"
        );
    }
    out
}

fn kustomization(images: &[String]) -> String {
    let mut out = "resources: [a.yaml]\nimages:\n".to_owned();
    for (index, image) in images.iter().enumerate() {
        let [registry, repository, tag, digest] = parts(image);
        _ = write!(
            out,
            "- digest: {digest}\n  name: i{index}\n  newName: {registry}/{repository} # kept\n  newTag: '{tag}'\n"
        );
    }
    out
}

//! The files of a company's repositories: manifests, charts, pipelines, infrastructure, and the source code between them.
//!
//! Always the same ones. Three in ten name no image at all, as in life.

use std::fs;
use std::path::Path;

use crate::error::Error;

/// A kind of file: its path, its text, how often its middle is repeated, and how many of a hundred files are of it. `<n>`
/// is a number that differs from file to file, `<m>` one that differs within a file.
struct Kind {
    path: &'static str,
    head: &'static str,
    repeated: &'static str,
    times: u64,
    percent: usize,
}

const KINDS: [Kind; 17] = [
    kind("clusters/app<n>/deploy.yaml", DEPLOYMENT, CONTAINER, 3, 20),
    kind("clusters/app<n>/config.yaml", CONFIG_MAP, SETTING, 40, 6),
    kind(
        "clusters/app<n>/kustomization.yaml",
        KUSTOMIZATION,
        KUSTOMIZED,
        2,
        4,
    ),
    kind(
        "charts/c<n>/templates/deploy.yaml",
        HELM_TEMPLATE,
        HELM_PORT,
        8,
        7,
    ),
    kind("charts/c<n>/values.yaml", HELM_VALUES, HELM_VALUE, 12, 4),
    kind("charts/c<n>/Chart.yaml", CHART, "", 0, 3),
    kind("services/s<n>/Dockerfile", DOCKERFILE, DOCKER_STEP, 10, 9),
    kind("services/s<n>/compose.yaml", COMPOSE, COMPOSE_SERVICE, 5, 5),
    kind(
        "services/s<n>/.github/workflows/ci.yml",
        WORKFLOW,
        WORKFLOW_STEP,
        8,
        4,
    ),
    kind("services/s<n>/.gitlab-ci.yml", GITLAB, GITLAB_JOB, 5, 2),
    kind("services/s<n>/app.py", PYTHON, PYTHON_FUNCTION, 25, 9),
    kind(
        "services/s<n>/src/index.ts",
        TYPESCRIPT,
        TYPESCRIPT_FUNCTION,
        25,
        9,
    ),
    kind("services/s<n>/run.sh", SHELL, SHELL_STEP, 8, 4),
    kind("services/s<n>/package.json", PACKAGE, PACKAGE_ENTRY, 40, 3),
    kind("infra/i<n>/main.tf", TERRAFORM, TERRAFORM_RESOURCE, 6, 5),
    kind("infra/i<n>/app.py", CDK, CDK_SERVICE, 4, 3),
    kind("infra/i<n>/task.json", TASK, "", 0, 3),
];

const fn kind(
    path: &'static str,
    head: &'static str,
    repeated: &'static str,
    times: u64,
    percent: usize,
) -> Kind {
    Kind {
        path,
        head,
        repeated,
        times,
        percent,
    }
}

/// Writes so many files below `top`; how many bytes they have.
pub(crate) fn plant(top: &Path, files: usize) -> Result<u64, Error> {
    let mut bytes = 0;
    for kind in &KINDS {
        for number in 0..files * kind.percent / 100 {
            let path = top.join(kind.path.replace("<n>", &number.to_string()));
            let text = kind.text(number);
            let cannot = || Error::io(format!("cannot write {}", path.display()));
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(cannot())?;
            }
            fs::write(&path, &text).map_err(cannot())?;
            bytes += text.len() as u64;
        }
    }
    Ok(bytes)
}

impl Kind {
    fn text(&self, number: usize) -> String {
        let mut text = self.head.to_owned();
        for time in 0..self.times {
            text.push_str(&self.repeated.replace("<m>", &time.to_string()));
        }
        text.replace("<n>", &number.to_string())
    }
}

const DEPLOYMENT: &str = "\
apiVersion: v1
kind: Service
metadata:
  name: app-<n>
  labels: {app: app-<n>, tier: web}
spec:
  selector:
    app: app-<n>
  ports:
    - {name: http, port: 80, targetPort: 8080}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-<n>
  labels:
    app.kubernetes.io/name: app-<n>
    app.kubernetes.io/managed-by: hand
spec:
  replicas: 3
  selector:
    matchLabels:
      app: app-<n>
  template:
    metadata:
      labels:
        app: app-<n>
    spec:
      serviceAccountName: app-<n>
      containers:
";
const CONTAINER: &str = "        - name: part-<m>
          image: acme/part-<m>:1.<n> # as built
          imagePullPolicy: IfNotPresent
          args: [\"--port=8080\", \"--verbose\"]
          env:
            - name: DATABASE_URL
              valueFrom:
                secretKeyRef: {name: database, key: url}
            - {name: LOG_LEVEL, value: \"info\"}
          resources:
            requests: {cpu: 100m, memory: 128Mi}
            limits: {memory: 512Mi}
          livenessProbe:
            httpGet: {path: /healthz, port: 8080}
            initialDelaySeconds: 5
";
const CONFIG_MAP: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings-<n>\ndata:\n";
const SETTING: &str = "  key-<m>: \"value number <m> of app <n>, long enough to look like one\"\n";
const KUSTOMIZATION: &str = "\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: shop
resources: [deploy.yaml, config.yaml]
images:
";
const KUSTOMIZED: &str = "  - name: acme/part-<m>\n    newTag: \"1.<n>\"\n";
const HELM_TEMPLATE: &str = "\
{{- if .Values.enabled }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include \"c.fullname\" . }}
  labels: {{- include \"c.labels\" . | nindent 4 }}
spec:
  replicas: {{ .Values.replicaCount }}
  template:
    spec:
      initContainers:
        - name: wait
          image: busybox:1.36
      containers:
        - name: {{ .Chart.Name }}
          image: \"{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}\"
          ports:
";
const HELM_PORT: &str = "            - {name: port-<m>, containerPort: {{ .Values.port<m> }}}\n";
const HELM_VALUES: &str = "\
enabled: true
replicaCount: 2
image:
  repository: acme/chart-<n>
  tag: \"2.<n>\"
  pullPolicy: IfNotPresent
";
const HELM_VALUE: &str = "section<m>:\n  enabled: false\n  size: 10Gi\n  annotations: {}\n";
const CHART: &str = "apiVersion: v2\nname: chart-<n>\nversion: 0.1.0\nappVersion: \"2.<n>\"\n";
const DOCKERFILE: &str = "\
# syntax=docker/dockerfile:1.7
ARG NODE=20
FROM node:${NODE}-alpine AS build
WORKDIR /src
COPY package.json ./
RUN --mount=type=cache,target=/root/.cache npm ci
COPY . .
RUN npm run build
FROM nginx:1.27-alpine
COPY --from=build /src/dist /usr/share/nginx/html
COPY --from=busybox:1.36 /bin/sh /bin/sh
";
const DOCKER_STEP: &str = "RUN apk add --no-cache package-<m> && rm -rf /tmp/*\n";
const COMPOSE: &str = "name: s<n>\nservices:\n";
const COMPOSE_SERVICE: &str = "  part<m>:
    image: ${REGISTRY:-docker.io}/acme/part<m>:1.<n>
    restart: unless-stopped
    environment:
      - LOG_LEVEL=debug
      - DATABASE_URL=postgres://db/shop
    ports: [\"80<m>:8080\"]
    depends_on: {part0: {condition: service_started}}
";
const WORKFLOW: &str = "\
name: ci
on: {push: {branches: [main]}, pull_request: {}}
env:
  NODE: \"20\"
jobs:
  test:
    runs-on: ubuntu-24.04
    container: node:20-bookworm
    services:
      db:
        image: postgres:16
        env: {POSTGRES_PASSWORD: x}
    steps:
      - uses: actions/checkout@v4
      - uses: docker://alpine:3.20
";
const WORKFLOW_STEP: &str = "      - name: step <m>
        run: |
          npm run step-<m> -- --reporter=junit
          docker run --rm -v \"$PWD:/src\" acme/tool-<m>:1.0 check /src
";
const GITLAB: &str = "image: python:3.12-slim\nstages: [test, build]\nvariables:\n  V: \"3.12\"\n";
const GITLAB_JOB: &str = "\
job<m>:
  stage: test
  image: python:${V}
  services: [\"redis:7\"]
  script:
    - pip install -r requirements.txt
    - pytest tests/part<m>
";
const PYTHON: &str = "\
\"\"\"Service <n>: orders and what becomes of them.\"\"\"
from __future__ import annotations

import logging
from dataclasses import dataclass

from fastapi import FastAPI

app = FastAPI()
log = logging.getLogger(__name__)
";
const PYTHON_FUNCTION: &str = "

@dataclass
class Order<m>:
    number: int
    lines: list[str]


@app.get(\"/orders/<m>/{number}\")
def read_order_<m>(number: int) -> Order<m> | None:
    log.info(\"reading %s\", number)
    rows = [row for row in database() if row[\"number\"] == number and row[\"kind\"] != \"gone\"]
    return Order<m>(number, [f\"{row['name']}: {row['price']:.2f}\" for row in rows]) if rows else None
";
const TYPESCRIPT: &str = "\
import express from 'express';
import { Pool } from 'pg';

const app = express();
const pool = new Pool({ connectionString: process.env.DATABASE_URL });
";
const TYPESCRIPT_FUNCTION: &str = "
export interface Order<m> { number: number; lines: string[] }

app.get('/orders/<m>/:number', async (request, response) => {
  const { rows } = await pool.query('select * from orders where number = $1', [request.params.number]);
  if (rows.length === 0) return response.status(404).json({ error: `no order ${request.params.number}` });
  response.json({ number: rows[0].number, lines: rows.map((row) => `${row.name}: ${row.price}`) } as Order<m>);
});
";
const SHELL: &str =
    "#!/usr/bin/env bash\nset -euo pipefail\nTAG=${TAG:-1.<n>}\nIMAGE=acme/service-<n>:$TAG\n";
const SHELL_STEP: &str = "\
if [[ -n \"${STEP_<m>:-}\" ]]; then
  docker pull \"$IMAGE\"
  docker run --rm -e STEP=<m> \"$IMAGE\" migrate --step <m> | tee \"/tmp/step-<m>.log\"
fi
";
const PACKAGE: &str = "{\n  \"name\": \"service-<n>\",\n  \"dependencies\": {\n";
const PACKAGE_ENTRY: &str = "    \"package-<m>\": \"^1.<m>.0\",\n";
const TERRAFORM: &str = "\
variable \"region\" { default = \"eu-west-1\" }
locals { tag = \"1.<n>\" }
resource \"aws_ecs_task_definition\" \"app\" {
  family = \"app-<n>\"
  container_definitions = jsonencode([
    { name = \"app\", image = \"acme/app-<n>:${local.tag}\", essential = true },
    { name = \"proxy\", image = \"envoyproxy/envoy:v1.31.0\", essential = false },
  ])
}
";
const TERRAFORM_RESOURCE: &str = "\
resource \"aws_security_group\" \"group_<m>\" {
  name   = \"group-<m>\"
  vpc_id = var.vpc
  ingress {
    from_port   = 443
    to_port     = 443
    protocol    = \"tcp\"
    cidr_blocks = [\"10.<m>.0.0/16\"]
  }
  tags = { Name = \"group-<m>\", Owner = \"team-<n>\" }
}
";
const CDK: &str = "\
import os
from aws_cdk import App, Stack
from aws_cdk import aws_ecs as ecs

USER = \"acme\"
TAG = os.environ.get(\"TAG\", \"1.<n>\")


class Services(Stack):
    def __init__(self, scope, name, **rest):
        super().__init__(scope, name, **rest)
";
const CDK_SERVICE: &str = "        definition_<m> = ecs.FargateTaskDefinition(self, \"Definition<m>\", cpu=256, memory_limit_mib=512)
        definition_<m>.add_container(
            \"part-<m>\",
            image=ecs.ContainerImage.from_registry(f\"{USER}/part-<m>:{TAG}\"),
            environment={\"PART\": \"<m>\", \"LOG_LEVEL\": \"info\"},
        )
";
const TASK: &str = "\
{
  \"family\": \"task-<n>\",
  \"networkMode\": \"awsvpc\",
  \"containerDefinitions\": [
    {\"name\": \"app\", \"image\": \"acme/task-<n>:1.0\", \"essential\": true, \"memory\": 512},
    {\"name\": \"log\", \"image\": \"fluent/fluent-bit:3.1\", \"essential\": false, \"memory\": 64}
  ]
}
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_make_up_a_hundred() {
        assert_eq!(KINDS.iter().map(|kind| kind.percent).sum::<usize>(), 100);
    }
}

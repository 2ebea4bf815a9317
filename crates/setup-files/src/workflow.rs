//! Workflows of GitHub Actions and pipelines of GitLab CI: their jobs, what each step does, and where to put one more.

use std::ops::Range;

use crate::error::SetupError;
use crate::yaml::{Kind, Node, Yaml};

/// Words of a command or an action that pulls, builds or pushes images.
const IMAGE_WORDS: [&str; 12] = [
    "docker build",
    "docker buildx",
    "docker compose",
    "docker-compose",
    "docker pull",
    "docker push",
    "docker run",
    "docker tag",
    "docker/bake-action",
    "docker/build-push-action",
    "docker/setup-buildx-action",
    "podman ",
];

/// Words of a command that pushes images.
const PUSH_WORDS: [&str; 6] = [
    "docker push",
    "podman push",
    "docker compose push",
    "docker-compose push",
    "--push",
    "type=registry",
];

/// Words of a command that fetches an image at most.
const FETCH_WORDS: [&str; 3] = ["docker pull", "docker run", "podman "];

/// Actions that push where their `push` says so.
const PUSH_ACTIONS: [&str; 2] = ["docker/bake-action", "docker/build-push-action"];

/// Words of a command or an action that brings what was built to where it runs.
const DEPLOY_WORDS: [&str; 16] = [
    "amazon-ecs-deploy-task-definition",
    "aws cloudformation deploy",
    "aws ecs update-service",
    "aws-cloudformation-github-deploy",
    "cdk deploy",
    "cdk:deploy",
    "copilot deploy",
    "docker stack deploy",
    "helm install",
    "helm upgrade",
    "kubectl apply",
    "kubectl set image",
    "pulumi up",
    "sam deploy",
    "serverless deploy",
    "terraform apply",
];

/// Top-level keys of a GitLab pipeline that are no jobs.
const NO_JOBS: [&str; 13] = [
    "after_script",
    "before_script",
    "cache",
    "default",
    "image",
    "include",
    "pages",
    "services",
    "spec",
    "stages",
    "types",
    "variables",
    "workflow",
];

const BLOCKS: &str = "write it as lines with indentation, without braces";

/// A job and its steps, or the lines of its script.
pub struct Job<'a> {
    /// What it is called.
    pub name: &'a str,
    /// All of it.
    pub node: &'a Node,
    /// Its steps, or the lines of its script.
    pub steps: &'a [Node],
    /// Whether it is written in brackets, where no line can be put.
    is_flow: bool,
}

/// The jobs of a workflow of GitHub Actions that have steps.
pub fn github_jobs<'a>(yaml: &'a Yaml<'_>) -> Result<Vec<Job<'a>>, SetupError> {
    let Some(jobs) = yaml.root.find("jobs") else {
        return Err(yaml.refuse("it has no jobs", "name a workflow of GitHub Actions"));
    };
    Ok(collect(jobs.entries(), "steps"))
}

/// The jobs of a pipeline of GitLab CI that have a script.
pub fn gitlab_jobs<'a>(yaml: &'a Yaml<'_>) -> Vec<Job<'a>> {
    let mut jobs = collect(yaml.root.entries(), "script");
    jobs.retain(|job| !NO_JOBS.contains(&job.name));
    jobs
}

/// The jobs of a pipeline whose script is no list of lines of its own: a text, or what an alias stands for. It counts as one
/// step, beside which none can be put.
pub fn gitlab_odd_jobs<'a>(yaml: &'a Yaml<'_>) -> Vec<Job<'a>> {
    let jobs = yaml.root.entries().iter().filter_map(|(name, node)| {
        let script = node
            .find("script")
            .filter(|script| script.items().is_empty())?;
        Some(Job {
            name: name.text()?,
            node,
            is_flow: true,
            steps: std::slice::from_ref(script),
        })
    });
    jobs.filter(|job| !NO_JOBS.contains(&job.name)).collect()
}

fn collect<'a>(entries: &'a [(Node, Node)], key: &str) -> Vec<Job<'a>> {
    let mut jobs = Vec::new();
    for (name, node) in entries {
        let Some(steps) = node.find(key).filter(|steps| !steps.items().is_empty()) else {
            continue;
        };
        jobs.push(Job {
            name: name.text().unwrap_or_default(),
            node,
            is_flow: steps.is_flow() || node.is_flow(),
            steps: steps.items(),
        });
    }
    jobs
}

/// The jobs of a workflow that are other workflows, by name and file.
pub fn github_calls<'a>(yaml: &'a Yaml<'_>) -> Vec<(&'a str, &'a str)> {
    let jobs = yaml.root.find("jobs").map(Node::entries);
    let jobs = jobs.unwrap_or_default().iter();
    jobs.filter_map(|(name, job)| Some((name.text()?, job.find("uses")?.text()?)))
        .collect()
}

/// The jobs of a workflow whose steps stand elsewhere, by an alias: they change with those.
pub fn github_shared_jobs<'a>(yaml: &'a Yaml<'_>) -> Vec<&'a str> {
    let jobs = yaml.root.find("jobs").map(Node::entries);
    let is_shared = |job: &Node| {
        let steps = job.find("steps").unwrap_or(job);
        matches!(steps.kind, Kind::Alias)
    };
    let jobs = jobs
        .unwrap_or_default()
        .iter()
        .filter(|(_, job)| is_shared(job));
    jobs.filter_map(|(name, _)| name.text()).collect()
}

impl Job<'_> {
    /// Refuses to put lines where there are none.
    pub fn refuse_flow(&self, yaml: &Yaml<'_>) -> Result<(), SetupError> {
        if self.is_flow {
            let what = format!("{} is written in brackets", self.name);
            return Err(yaml.refuse(&what, BLOCKS));
        }
        Ok(())
    }

    /// The first step that pulls, builds or pushes an image.
    pub fn first_image_step(&self, yaml: &Yaml<'_>) -> Option<usize> {
        self.position(yaml, &IMAGE_WORDS)
    }

    /// The steps that pull, build or push images.
    pub fn image_steps<'y>(&self, yaml: &'y Yaml<'_>) -> impl Iterator<Item = &'y str> {
        let texts = self.steps.iter().map(|step| &yaml.text[step.span.clone()]);
        texts.filter(|text| has_word(text, &IMAGE_WORDS))
    }

    /// Whether a step does more with images than to fetch them: what is built may be pushed by a script.
    pub fn is_writer(&self, yaml: &Yaml<'_>) -> bool {
        let mut steps = self.image_steps(yaml);
        steps.any(|step| is_push(step) || !has_word(step, &FETCH_WORDS))
    }

    /// The first step that deploys.
    pub fn first_deploy(&self, yaml: &Yaml<'_>) -> Option<usize> {
        self.position(yaml, &DEPLOY_WORDS)
    }

    /// The first step with one of these words outside its comments.
    pub fn position(&self, yaml: &Yaml<'_>, words: &[&str]) -> Option<usize> {
        self.steps
            .iter()
            .position(|step| has_word(&yaml.text[step.span.clone()], words))
    }
}

/// Whether a step pushes an image.
pub fn is_push(text: &str) -> bool {
    let by_action = has_word(text, &PUSH_ACTIONS)
        && has_word(text, &["push:"])
        && !has_word(text, &["push: false"]);
    by_action || has_word(text, &PUSH_WORDS)
}

/// Whether a step's text has one of these words; comments do not count.
pub fn has_word(text: &str, words: &[&str]) -> bool {
    text.lines().any(|line| {
        let line = line.trim_start();
        let code = line.split(" #").next().unwrap_or_default();
        !line.starts_with('#') && words.iter().any(|word| code.contains(word))
    })
}

/// Lines to put before a list's item, above the comments that stand directly over it; each is indented as the item is.
pub fn before(yaml: &Yaml<'_>, item: &Node, lines: &str) -> (usize, String) {
    let dash = yaml.dash(item);
    let indent = yaml.column(dash);
    let mut at = yaml.line_start(dash);
    while at > 0 {
        let above = yaml.line_start(at - 1);
        let line = &yaml.text[above..at];
        let is_comment = line.trim_start().starts_with('#');
        if !is_comment || line.len() - line.trim_start().len() != indent {
            break;
        }
        at = above;
    }
    let mut lines = indented(lines, indent);
    // Where steps stand apart, ours does too.
    if yaml.text[..at].ends_with("\n\n") {
        lines.push('\n');
    }
    (at, lines)
}

/// Lines to put after a list's item.
pub fn after(yaml: &Yaml<'_>, item: &Node, lines: &str) -> (usize, String) {
    let indent = yaml.column(yaml.dash(item));
    yaml.lines_after(end_of(yaml, item), &indented(lines, indent))
}

/// Lines to put at the end of a block map, indented as its keys are.
pub fn at_end(yaml: &Yaml<'_>, map: &Node, lines: &str) -> (usize, String) {
    let indent = yaml.column(map.span.start);
    yaml.lines_after(end_of(yaml, map), &indented(lines, indent))
}

/// Lines, each this far from the left.
pub fn indented(lines: &str, indent: usize) -> String {
    let indent = " ".repeat(indent);
    let line = |line: &str| {
        if line.is_empty() {
            "\n".to_owned()
        } else {
            format!("{indent}{line}\n")
        }
    };
    lines.lines().map(line).collect()
}

fn end_of(yaml: &Yaml<'_>, node: &Node) -> usize {
    let Range { end, .. } = node.span;
    yaml.text[..end].trim_end().len()
}

//! Which jobs of a workflow or a pipeline have to do with a registry: those that name it, or push to where it is not said.
//!
//! A registry is named by its host, or by a variable or a value of a matrix that holds its host.

use forebay_oci::DOCKER_HUB;

use crate::pushed::is_said;
use crate::workflow::{Job, has_word, is_push};
use crate::yaml::{Kind, Node, Yaml};

/// What names of images at other registries than Docker Hub have in them: who pushes there needs no login elsewhere.
const REGISTRIES: [&str; 9] = [
    ".azurecr.io/",
    ".dkr.ecr.",
    "gcr.io/",
    "ghcr.io/",
    "pkg.dev/",
    "quay.io/",
    "registry.gitlab.com/",
    "$CI_REGISTRY",
    "${CI_REGISTRY",
];

/// Words of commands and actions that build: each takes its bases from Docker Hub, whatever else it names.
const BUILD_WORDS: [&str; 8] = [
    "docker build",
    "docker compose",
    "docker-compose",
    "docker/bake-action",
    "docker/build-push-action",
    "docker/setup-buildx-action",
    "podman build",
    "docker/setup-qemu-action",
];

/// The deepest nesting of a matrix that is searched.
const MAX_DEPTH: usize = 8;

/// A registry, and what it and others are called in one job.
pub struct Usage {
    /// Each name that no registry stands before is its own.
    is_hub: bool,
    words: Vec<String>,
    /// What stands for images of other registries.
    others: Vec<String>,
}

impl Usage {
    /// What a registry is called in a job: `variables` is the key under which a file has them.
    pub fn of(
        host: &str,
        is_hub: bool,
        (yaml, job, variables): (&Yaml<'_>, &Job<'_>, &str),
    ) -> Self {
        let mut usage = Self {
            is_hub,
            words: vec![host.to_owned()],
            others: REGISTRIES.map(str::to_owned).to_vec(),
        };
        usage
            .others
            .retain(|other| !host.contains(other.trim_end_matches('/')));
        let of_file = [&yaml.root, job.node].map(|node| node.find(variables));
        let of_file = of_file.into_iter().flatten().flat_map(Node::entries);
        let parallel = job
            .node
            .find("parallel")
            .and_then(|parallel| parallel.find("matrix"));
        let of_each = parallel.map(Node::items).unwrap_or_default().iter();
        for (name, value) in of_file.chain(of_each.flat_map(Node::entries)) {
            usage.learn(host, value, &name_forms(name));
        }
        if let Some(matrix) = matrix(job.node) {
            let included = matrix.find("include").map(Node::items).unwrap_or_default();
            let included = included.iter().flat_map(Node::entries);
            for (name, value) in matrix.entries().iter().chain(included) {
                let name = name.text().unwrap_or_default();
                usage.learn(host, value, &[format!("matrix.{name}")]);
            }
        }
        usage
    }

    /// Notes what a name stands for.
    fn learn(&mut self, host: &str, value: &Node, forms: &[String]) {
        let mut texts = Vec::new();
        collect_texts(value, &mut texts, 0);
        let is_other = |text: &&str| names_other(text);
        if texts.iter().any(|text| text.contains(host)) {
            self.words.extend_from_slice(forms);
            return;
        }
        // Names beside images are none.
        let images = texts.iter().filter(|text| text.contains(['/', ':']));
        let images: Vec<&str> = images.copied().collect();
        let texts = if images.is_empty() { texts } else { images };
        let is_elsewhere = if self.is_hub {
            !texts.is_empty() && texts.iter().all(is_other)
        } else {
            texts.iter().any(is_other)
        };
        if is_elsewhere {
            self.others.extend_from_slice(forms);
        }
    }

    /// Whether the job needs a login at the registry.
    pub fn is_of(&self, yaml: &Yaml<'_>, job: &Job<'_>) -> bool {
        job.image_steps(yaml).any(|step| self.is_of_step(step))
    }

    fn is_of_step(&self, step: &str) -> bool {
        let others: Vec<&str> = self.others.iter().map(String::as_str).collect();
        let is_elsewhere = has_word(step, &others);
        if self.is_named(step) {
            return true;
        }
        if self.is_hub {
            return has_word(step, &BUILD_WORDS) || !is_elsewhere;
        }
        is_push(step) && !is_elsewhere && !is_said(step)
    }

    /// Whether an image step of the job names the registry, and not only may mean it.
    pub fn is_named_by(&self, yaml: &Yaml<'_>, job: &Job<'_>) -> bool {
        job.image_steps(yaml).any(|step| self.is_named(step))
    }

    /// Whether a text names the registry outside its comments.
    pub fn is_named(&self, text: &str) -> bool {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        has_word(text, &words)
    }
}

/// The values of a job's matrix that stand for `${{ matrix.NAME }}`; none where the text is another one.
pub fn matrix_values<'a>(job: &'a Node, text: &str) -> Vec<&'a Node> {
    let inner = text
        .trim()
        .strip_prefix("${{")
        .and_then(|rest| rest.strip_suffix("}}"));
    let Some(path) = inner.and_then(|inner| inner.trim().strip_prefix("matrix.")) else {
        return Vec::new();
    };
    let Some(matrix) = matrix(job) else {
        return Vec::new();
    };
    let (name, rest) = path
        .split_once('.')
        .map_or((path, None), |(name, rest)| (name, Some(rest)));
    let listed = matrix
        .find(name)
        .map(Node::items)
        .unwrap_or_default()
        .iter();
    let included = matrix.find("include").map(Node::items).unwrap_or_default();
    let included = included.iter().filter_map(|item| item.find(name));
    let values = listed.chain(included);
    match rest {
        Some(key) => values.filter_map(|value| value.find(key)).collect(),
        None => values.collect(),
    }
}

fn matrix(job: &Node) -> Option<&Node> {
    job.find("strategy")?.find("matrix")
}

/// How a variable is written where it is used.
fn name_forms(name: &Node) -> [String; 3] {
    let name = name.text().unwrap_or_default();
    ["env.", "$", "${"].map(|before| format!("{before}{name}"))
}

/// Whether a text is a registry, or an image of one, that is not Docker Hub.
fn names_other(text: &str) -> bool {
    let is_host = |first: &str| first.contains(['.', ':']) && first != DOCKER_HUB;
    let is_known = |other: &&str| text.contains(other.trim_end_matches('/'));
    let is_named = text
        .split_once('/')
        .is_some_and(|(first, _)| is_host(first));
    is_named || REGISTRIES.iter().any(is_known)
}

fn collect_texts<'a>(node: &'a Node, texts: &mut Vec<&'a str>, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    match &node.kind {
        Kind::Scalar(text) => texts.push(text),
        Kind::List { items, .. } => {
            for item in items {
                collect_texts(item, texts, depth + 1);
            }
        }
        Kind::Map { entries, .. } => {
            for (_, value) in entries {
                collect_texts(value, texts, depth + 1);
            }
        }
        Kind::Alias => {}
    }
}

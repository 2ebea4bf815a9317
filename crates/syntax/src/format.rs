//! Which syntax a file is in, by its path and its first bytes.
//!
//! What the documents in it are (Kubernetes, Compose, a pipeline, …) is seen from their shape, later.

/// A syntax that images are named in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// YAML: Kubernetes, Compose, pipelines, `CloudFormation`, values.
    Yaml,
    /// JSON: Kubernetes, ECS task definitions, `CloudFormation`, CDK's output.
    Json,
    /// A Dockerfile or Containerfile.
    Dockerfile,
    /// Terraform and its like.
    Hcl,
    /// A Helm template: YAML only when it has been filled in.
    HelmTemplate,
    /// A `.env` file.
    Env,
    /// Python source.
    Python,
    /// TypeScript or JavaScript source.
    TypeScript,
    /// A shell script.
    Shell,
    /// Markdown: its fences.
    Markdown,
}

/// Endings of names.
const ENDINGS: [(&str, Format); 21] = [
    (".yaml", Format::Yaml),
    (".yml", Format::Yaml),
    (".json", Format::Json),
    (".dockerfile", Format::Dockerfile),
    (".containerfile", Format::Dockerfile),
    (".tf", Format::Hcl),
    (".hcl", Format::Hcl),
    (".nomad", Format::Hcl),
    (".tofu", Format::Hcl),
    (".tfvars", Format::Hcl),
    (".tpl", Format::HelmTemplate),
    (".gotmpl", Format::HelmTemplate),
    (".py", Format::Python),
    (".ts", Format::TypeScript),
    (".tsx", Format::TypeScript),
    (".js", Format::TypeScript),
    (".mjs", Format::TypeScript),
    (".sh", Format::Shell),
    (".bash", Format::Shell),
    (".md", Format::Markdown),
    (".markdown", Format::Markdown),
];

/// How much of a file is looked at to tell its syntax.
const SNIFFED_BYTES: usize = 4096;

impl Format {
    /// The folder beside a chart's values whose files tell which of them are images: they are near by their names with it.
    pub const CHART_TEMPLATES: &str = "templates/";

    /// The folder of the charts that a chart is made of, each in one of its own.
    pub const CHARTS: &str = "charts/";

    /// Whether a file of a chart, by its path within it, tells what becomes of values: values, templates, and the charts' own
    /// files, of it and of the charts in it.
    pub fn is_of_chart(path: &str) -> bool {
        let inner = path.strip_prefix(Self::CHARTS);
        let inner = inner.map_or(Some(path), |rest| Some(rest.split_once('/')?.1));
        inner.is_some_and(|path| {
            path.starts_with(Self::CHART_TEMPLATES) || matches!(path, "values.yaml" | "Chart.yaml")
        })
    }

    /// Whether a YAML file is one of values by its name, as charts are given them: `values.yaml`, `prod-values.yml`.
    pub fn is_values(path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
        let is_yaml = name
            .rsplit_once('.')
            .is_some_and(|(_, ending)| matches!(ending, "yaml" | "yml"));
        is_yaml && name.contains("values") && !path.starts_with(Self::CHART_TEMPLATES)
    }

    /// The syntax of a file; `None` for one that names no images as far as we know.
    pub fn sniff(path: &str, text: &str) -> Option<Self> {
        Self::by_name(path, text).or_else(|| by_content(head(text)))
    }

    /// The syntax of a file whose name tells it.
    pub fn by_name(path: &str, text: &str) -> Option<Self> {
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
        let lower = name.to_ascii_lowercase();
        let ending = lower.rsplit_once('.').map(|(_, ending)| ending);
        if lower.starts_with(".env.") || ending == Some("env") {
            return Some(Self::Env);
        }
        // Kustomize takes it without an ending, too.
        if lower == "kustomization" {
            return Some(Self::Yaml);
        }
        if is_dockerfile_name(&lower) {
            return Some(Self::Dockerfile);
        }
        let format = ENDINGS
            .iter()
            .find(|(ending, _)| lower.ends_with(ending))
            .map(|(_, format)| *format)?;
        let head = head(text);
        Some(match format {
            Self::Yaml if is_helm_template(path, text) => Self::HelmTemplate,
            Self::Yaml if head.starts_with('{') && !head.starts_with("{{") => Self::Json,
            format => format,
        })
    }

    /// The syntax that a fence in Markdown or an option names.
    pub fn by_word(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "yaml" | "yml" => Self::Yaml,
            "json" => Self::Json,
            "dockerfile" | "docker" | "containerfile" => Self::Dockerfile,
            "hcl" | "tf" | "terraform" => Self::Hcl,
            "helm" | "gotmpl" => Self::HelmTemplate,
            "python" | "py" => Self::Python,
            "typescript" | "ts" | "tsx" | "javascript" | "js" => Self::TypeScript,
            "sh" | "bash" | "shell" | "console" | "zsh" | "shell-session" => Self::Shell,
            "markdown" | "md" => Self::Markdown,
            _ => return None,
        })
    }

    /// Files near a file of this format that give its variables values: names relative to its directory, to be read
    /// as well where they exist.
    pub fn companions(self) -> &'static [&'static str] {
        match self {
            Self::Yaml => &["Chart.yaml"],
            Self::HelmTemplate => &[
                "../values.yaml",
                "../Chart.yaml",
                "../../values.yaml",
                "../../Chart.yaml",
                "values.yaml",
                "Chart.yaml",
            ],
            Self::Hcl => &[
                "terraform.tfvars",
                "variables.tf",
                "vars.tf",
                "locals.tf",
                "main.tf",
            ],
            _ => &[],
        }
    }
}

/// What of a text is looked at.
fn head(text: &str) -> &str {
    let head = &text[..text.floor_char_boundary(SNIFFED_BYTES)];
    head.trim_start_matches('\u{feff}').trim_start()
}

/// `Dockerfile`, `Dockerfile.dev`, `api.Dockerfile`, `Containerfile`.
fn is_dockerfile_name(lower: &str) -> bool {
    ["dockerfile", "containerfile"].iter().any(|word| {
        lower
            .strip_prefix(word)
            .is_some_and(|rest| rest.is_empty() || is_dockerfile_suffix(rest))
            || lower
                .strip_suffix(word)
                .is_some_and(|rest| rest.ends_with(['.', '-', '_']))
    })
}

/// `.dev`, `-gpu`; but neither `.md` nor `.dockerignore`.
fn is_dockerfile_suffix(rest: &str) -> bool {
    rest.starts_with(['.', '-', '_'])
        && ![
            ".md",
            ".dockerignore",
            ".py",
            ".sh",
            ".ts",
            ".js",
            ".json",
            ".yaml",
            ".yml",
            ".gz",
        ]
        .iter()
        .any(|ending| rest.ends_with(ending))
}

/// A YAML file below `templates/` with an action in it; or one whose actions stand where YAML has no place for them.
fn is_helm_template(path: &str, text: &str) -> bool {
    if !text.contains("{{") {
        return false;
    }
    let below_templates = path.split(['/', '\\']).any(|part| part == "templates");
    below_templates
        || text
            .lines()
            .any(|line| line.trim_start().starts_with("{{") && line.contains("}}"))
        || text.contains("{{ .Values")
        || text.contains("{{ .Release")
        || text.contains("{{.Values")
}

fn by_content(head: &str) -> Option<Format> {
    if let Some(line) = head.strip_prefix("#!") {
        let line = line.lines().next().unwrap_or_default();
        return if line.contains("python") {
            Some(Format::Python)
        } else if line.contains("sh") {
            Some(Format::Shell)
        } else {
            None
        };
    }
    let json_keys = [
        "\"image\"",
        "\"apiVersion\"",
        "\"Resources\"",
        "\"AWSTemplateFormatVersion\"",
    ];
    if head.starts_with('{') && json_keys.iter().any(|key| head.contains(key)) {
        return Some(Format::Json);
    }
    let key_line = |key: &str| head.starts_with(key) || head.contains(&format!("\n{key}"));
    let keys = [
        "apiVersion:",
        "services:",
        "AWSTemplateFormatVersion:",
        "Resources:",
    ];
    if keys.into_iter().any(key_line) {
        return Some(Format::Yaml);
    }
    let first = head
        .lines()
        .find(|line| !line.trim().is_empty() && !line.starts_with('#'))?;
    (first.starts_with("FROM ") || first.starts_with("ARG ")).then_some(Format::Dockerfile)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_name_and_else_by_its_first_bytes() {
        for (path, text, format) in [
            ("a/Dockerfile", "", Some(Format::Dockerfile)),
            ("Dockerfile.gpu", "", Some(Format::Dockerfile)),
            ("api.Dockerfile", "", Some(Format::Dockerfile)),
            ("Dockerfile.md", "", Some(Format::Markdown)),
            ("Dockerfile.dockerignore", "", None),
            ("deploy.yml", "a: b", Some(Format::Yaml)),
            ("deploy.yml", "{\"a\": 1}", Some(Format::Json)),
            (
                "chart/templates/d.yaml",
                "a: {{ .Values.a }}",
                Some(Format::HelmTemplate),
            ),
            (
                ".github/workflows/ci.yml",
                "a: ${{ github.ref }}",
                Some(Format::Yaml),
            ),
            ("task.json", "{}", Some(Format::Json)),
            (".env", "A=1", Some(Format::Env)),
            ("prod.env", "", Some(Format::Env)),
            ("main.tf", "", Some(Format::Hcl)),
            ("run", "#!/bin/bash\n", Some(Format::Shell)),
            ("app", "#!/usr/bin/env python3\n", Some(Format::Python)),
            ("rendered", "---\napiVersion: v1\n", Some(Format::Yaml)),
            ("build", "# x\nFROM a\n", Some(Format::Dockerfile)),
            ("-", "hello", None),
            ("photo.png", "\u{0}", None),
        ] {
            assert_eq!(Format::sniff(path, text), format, "{path}");
        }
    }
}

//! `CloudFormation` templates, written or synthesized by CDK: the images of the resources that run them.

use std::collections::HashMap;

use crate::sink::Sink;
use crate::structured::ecs;
use crate::structured::intrinsics::Template;
use crate::tree::At;
use crate::{Owner, Why};

/// `If`s within `If`s.
const MAX_BRANCHES: u32 = 6;

/// Resources that name one image, and where, below `Properties`. Source: AWS resource and property types reference.
const SINGLE: [(&str, &[&str]); 8] = [
    ("AWS::Lambda::Function", &["Code", "ImageUri"]),
    ("AWS::Serverless::Function", &["ImageUri"]),
    (
        "AWS::Batch::JobDefinition",
        &["ContainerProperties", "Image"],
    ),
    (
        "AWS::AppRunner::Service",
        &["SourceConfiguration", "ImageRepository", "ImageIdentifier"],
    ),
    ("AWS::CodeBuild::Project", &["Environment", "Image"]),
    ("AWS::SageMaker::Model", &["PrimaryContainer", "Image"]),
    (
        "AWS::Lightsail::Container",
        &["ContainerServiceDeployment", "Containers", "Image"],
    ),
    (
        "AWS::EMRServerless::Application",
        &["ImageConfiguration", "ImageUri"],
    ),
];

/// Names that `CodeBuild` keeps for its own, in no registry.
const CURATED: &str = "aws/codebuild/";

/// Finds the images of a template's resources.
pub(crate) fn find(root: At<'_>, sink: &mut Sink<'_>) {
    let template = Template { root };
    let Some(resources) = root.get("Resources") else {
        return;
    };
    let runs = services(&template, resources, sink);
    for (id, resource) in resources.entries() {
        let Some(properties) = resource.get("Properties") else {
            continue;
        };
        let kind = resource.text_of("Type").unwrap_or_default();
        if kind == "AWS::ECS::TaskDefinition" {
            let runs = runs.get(id).copied().unwrap_or_default();
            task_definition(&template, (id, properties), runs, sink);
        }
        for (_, path) in SINGLE.iter().filter(|(single, _)| *single == kind) {
            let Some(image) = properties.path(path) else {
                continue;
            };
            if image.text().is_some_and(|text| text.starts_with(CURATED)) {
                continue;
            }
            put(
                &template,
                image,
                sink,
                &Owner::named(kind, id),
                MAX_BRANCHES,
            );
        }
    }
}

fn task_definition<'a>(
    template: &Template<'a>,
    (id, properties): (&'a str, At<'a>),
    runs: Runs,
    sink: &mut Sink<'_>,
) {
    let owner = Owner {
        platform: properties.get("RuntimePlatform").and_then(ecs::platform),
        replicas: runs.tasks.filter(|_| !runs.is_unknown),
        is_count_unknown: runs.is_unknown,
        per_node: runs.per_node,
        ..Owner::named(
            "ECS task definition",
            properties.text_of("Family").unwrap_or(id),
        )
    };
    let Some(containers) = properties.get("ContainerDefinitions") else {
        return;
    };
    for container in containers.items() {
        let Some(image) = container.get("Image") else {
            continue;
        };
        let owner = Owner {
            container: container.text_of("Name").map(str::to_owned),
            ..owner.clone()
        };
        put(template, image, sink, &owner, MAX_BRANCHES);
    }
}

/// What the template's services run of a task definition.
#[derive(Clone, Copy, Default)]
struct Runs {
    tasks: Option<u32>,
    /// One of them runs as many as the template alone does not tell.
    is_unknown: bool,
    per_node: bool,
}

/// What services run, by the definition's logical id.
fn services<'a>(
    template: &Template<'a>,
    resources: At<'a>,
    sink: &Sink<'_>,
) -> HashMap<&'a str, Runs> {
    let mut runs: HashMap<&str, Runs> = HashMap::new();
    for (_, resource) in resources.entries() {
        if resource.text_of("Type") != Some("AWS::ECS::Service") {
            continue;
        }
        let Some(properties) = resource.get("Properties") else {
            continue;
        };
        if let Some(id) = properties.get("TaskDefinition").and_then(referred) {
            let entry = runs.entry(id).or_default();
            let count = match properties.get("DesiredCount") {
                Some(at) => template
                    .evaluate(at, sink)
                    .ok()
                    .and_then(|count| count.resolved.text.parse().ok()),
                // A service without a count runs one.
                None => Some(1),
            };
            entry.is_unknown |= count.is_none();
            entry.tasks = Some(entry.tasks.unwrap_or(0).saturating_add(count.unwrap_or(0)));
            entry.per_node |= properties.text_of("SchedulingStrategy") == Some("DAEMON");
        }
    }
    runs
}

/// The logical id that a `Ref` or a `GetAtt` names, in either spelling.
fn referred<'a>(at: At<'a>) -> Option<&'a str> {
    let id = |text: &'a str| text.split('.').next();
    match at.tag() {
        Some("Ref" | "GetAtt") => at.text().or_else(|| at.items().next()?.text()).and_then(id),
        _ => at
            .text_of("Ref")
            .or_else(|| at.get("Fn::GetAtt")?.items().next()?.text()),
    }
}

fn put<'a>(template: &Template<'a>, at: At<'a>, sink: &mut Sink<'_>, owner: &Owner, left: u32) {
    if let Some(branches) = Template::branches(at) {
        match left.checked_sub(1) {
            Some(left) => branches
                .into_iter()
                .for_each(|branch| put(template, branch, sink, owner, left)),
            None => sink.ambiguous(at.span_with_tag(), Why::Computed, owner.clone()),
        }
        return;
    }
    match template.evaluate(at, sink) {
        Ok(mut evaluated) => {
            if !evaluated.site.verbatim {
                evaluated.resolved.pieces.clear();
            }
            let (span, encoding) = (evaluated.site.span, evaluated.site.encoding);
            sink.put(span, encoding, evaluated.resolved, owner.clone());
        }
        Err(why) => sink.ambiguous(at.span_with_tag(), why, owner.clone()),
    }
}

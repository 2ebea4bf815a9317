//! `CloudFormation` templates, written or synthesized by CDK: the images of the resources that run them.

mod services;

use forebay_syntax::At;

use crate::sink::Sink;
use crate::structured::ecs;
use crate::structured::intrinsics::Template;
use crate::{Owner, Why};
use services::{Runs, services};

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
        replicas: runs.known().map(|running| running.tasks),
        scaled: runs.known().and_then(|running| running.scaled),
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

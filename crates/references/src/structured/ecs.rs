//! ECS task definitions, as they are registered, described, or written as a list of containers.

use forebay_syntax::At;

use crate::sink::{Scope, Sink};
use crate::variables::Dialect;
use crate::{Owner, Restart};

/// Whether a document is a task definition in one of its wrappings.
pub(crate) fn is_task_definition(root: At<'_>) -> bool {
    definitions(root).next().is_some() || is_containers(root)
}

/// Finds the images of a task definition's containers.
pub(crate) fn find(root: At<'_>, sink: &mut Sink<'_>) {
    let settings = sink.settings;
    let lookup = |name: &str| settings.set_value(name);
    let scope = Scope {
        dialect: Dialect::Compose,
        lookup: &lookup,
    };
    if is_containers(root) {
        let owner = Owner::of_kind("ECS task definition");
        container_definitions(root, sink, scope, &owner);
    }
    for definition in definitions(root) {
        let owner = Owner {
            name: definition.text_of("family").map(str::to_owned),
            platform: definition.get("runtimePlatform").and_then(platform),
            ..Owner::of_kind("ECS task definition")
        };
        if let Some(containers) = definition.get("containerDefinitions") {
            container_definitions(containers, sink, scope, &owner);
        }
    }
}

/// The images of a list of containers.
fn container_definitions(list: At<'_>, sink: &mut Sink<'_>, scope: Scope<'_>, owner: &Owner) {
    for container in list.items() {
        let Some(image) = container.get("image") else {
            continue;
        };
        let owner = Owner {
            container: container.text_of("name").map(str::to_owned),
            restart: container
                .path(&["restartPolicy", "enabled"])
                .map(|enabled| Restart {
                    condition: enabled.text().unwrap_or_default().to_owned(),
                    ..Restart::default()
                }),
            ..owner.clone()
        };
        sink.scalar(image, scope, owner);
    }
}

/// `linux/arm64` from a runtime platform, in either case of its keys.
pub(crate) fn platform(at: At<'_>) -> Option<String> {
    let text = |keys: [&str; 2]| keys.iter().find_map(|key| at.text_of(key));
    let architecture = match text(["cpuArchitecture", "CpuArchitecture"])? {
        "X86_64" => "amd64",
        "ARM64" => "arm64",
        _ => return None,
    };
    let os = text(["operatingSystemFamily", "OperatingSystemFamily"]).unwrap_or("LINUX");
    let os = if os.starts_with("WINDOWS") {
        "windows"
    } else {
        "linux"
    };
    Some(format!("{os}/{architecture}"))
}

/// A definition itself, what `describe-task-definition` wraps it in, or several.
fn definitions(root: At<'_>) -> impl Iterator<Item = At<'_>> {
    let single = [Some(root), root.get("taskDefinition")];
    let several = root.get("taskDefinitions").into_iter().flat_map(At::items);
    single
        .into_iter()
        .flatten()
        .chain(several)
        .filter(|at| at.get("containerDefinitions").is_some_and(At::is_list))
}

/// A bare list of containers, as Terraform reads it from a file.
fn is_containers(root: At<'_>) -> bool {
    root.is_list()
        && root.items().next().is_some_and(|first| {
            first.get("image").is_some()
                && ["essential", "portMappings", "logConfiguration", "cpu"]
                    .iter()
                    .any(|key| first.get(key).is_some())
        })
}

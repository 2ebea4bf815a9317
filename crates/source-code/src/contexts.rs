//! Where in source code a text is an image, as data: which calls take one, and under which keys one is written.
//!
//! A text that only looks like an image (in a log line, a URL, a comment) is in none of these places.

/// A call that takes an image. Names are compared without `_` and case, so that Python's and TypeScript's are one.
pub(super) struct ImageCall {
    /// What is called.
    pub(super) name: &'static str,
    /// What it is called on, where the name alone says too little.
    pub(super) on: Option<&'static str>,
    /// Whether the first argument is the image.
    pub(super) is_first: bool,
    /// The argument's name, or the key of the object that is given.
    pub(super) key: Option<&'static str>,
}

/// All of them.
const CALLS: [ImageCall; 15] = [
    // CDK: aws_ecs.ContainerImage, core.DockerImage, aws_batch, and aws_codebuild's build images.
    first("fromregistry", None, Some("name")),
    first("fromdockerregistry", None, Some("name")),
    // Pulumi's docker provider.
    keyed("remoteimage", "name"),
    // Docker's SDK for Python.
    first("run", Some("containers"), Some("image")),
    first("create", Some("containers"), Some("image")),
    first("pull", Some("images"), Some("repository")),
    first("get", Some("images"), Some("name")),
    // dockerode.
    first("pull", Some("docker"), None),
    // testcontainers.
    first("genericcontainer", None, Some("image")),
    first("dockercontainer", None, Some("image")),
    first("postgresqlcontainer", None, None),
    first("postgrescontainer", None, Some("image")),
    first("rediscontainer", None, Some("image")),
    // Dagger.
    first("from", Some("container()"), Some("address")),
    first("fromimage", None, Some("image")),
];

/// Calls that build what their image names, or push it.
const MAKERS: [ImageCall; 3] = [
    // Docker's SDK for Python.
    ImageCall {
        name: "build",
        on: Some("images"),
        is_first: false,
        key: Some("tag"),
    },
    first("push", Some("images"), Some("repository")),
    // dockerode.
    keyed("buildimage", "t"),
];

/// The key beside an image's that says what it is built from: Pulumi's and Compose's.
pub(super) const BUILD: &str = "build";

/// Keys and argument names under which images are written.
const KEYS: [&str; 12] = [
    "image",
    "imageuri",
    "imagename",
    "imageref",
    "dockerimage",
    "containerimage",
    "baseimage",
    "runtimeimage",
    "initimage",
    "sidecarimage",
    "workerimage",
    "dockerimageuri",
];

/// Functions that run a command line.
const RUNNERS: [&str; 15] = [
    "spawn",
    "spawnsync",
    "execa",
    "execfile",
    "execfilesync",
    "system",
    "popen",
    "run",
    "call",
    "checkcall",
    "checkoutput",
    "exec",
    "execsync",
    "getoutput",
    "sh",
];

/// Words of a file that deals in containers. In others `image` is a picture, and its values are not looked at.
const SIGNS: [&str; 10] = [
    "docker",
    "container",
    "kubernetes",
    "k8s",
    "podman",
    "aws_ecs",
    "aws-ecs",
    "aws_batch",
    "registry",
    "pulumi",
];

/// Endings of pictures and disks, which have the form of image names.
const PICTURES: [&str; 14] = [
    ".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".ico", ".bmp", ".tif", ".tiff", ".iso",
    ".img", ".qcow2", ".vmdk",
];

const fn first(
    name: &'static str,
    on: Option<&'static str>,
    key: Option<&'static str>,
) -> ImageCall {
    ImageCall {
        name,
        on,
        is_first: true,
        key,
    }
}

const fn keyed(name: &'static str, key: &'static str) -> ImageCall {
    ImageCall {
        name,
        on: None,
        is_first: false,
        key: Some(key),
    }
}

/// The call that `path` means, if it takes an image.
pub(super) fn find_call(path: &[String]) -> Option<&'static ImageCall> {
    find_in(&CALLS, path)
}

/// The call that `path` means, if it builds or pushes an image.
pub(super) fn find_maker(path: &[String]) -> Option<&'static ImageCall> {
    find_in(&MAKERS, path)
}

fn find_in(calls: &'static [ImageCall], path: &[String]) -> Option<&'static ImageCall> {
    let name = normal(path.last()?);
    let on = path.len().checked_sub(2).map(|at| normal(&path[at]));
    calls.iter().find(|call| {
        call.name == name && call.on.is_none_or(|wanted| on.as_deref() == Some(wanted))
    })
}

/// True if a call of this path is one of a client of Docker's, where a dictionary has the same: `images.get("web")`.
pub(super) fn is_clients(path: &[String]) -> bool {
    match path {
        [.., name] if name != "get" => true,
        [object, _, _] => !matches!(object.as_str(), "self" | "this"),
        _ => path.len() > 2,
    }
}

/// True if images are written under this key.
pub(super) fn is_image_key(key: &str) -> bool {
    KEYS.contains(&normal(key).as_str())
}

/// True if a variable of this name holds an image, as far as a name can say.
pub(super) fn is_image_name(name: &str) -> bool {
    let name = normal(name.rsplit('.').next().unwrap_or(name));
    name.ends_with("image") || is_image_key(&name)
}

/// True if what is called runs a command line.
pub(super) fn is_runner(path: &[String]) -> bool {
    path.last()
        .is_some_and(|name| RUNNERS.contains(&normal(name).as_str()))
}

/// True if a file deals in containers.
pub(super) fn is_about_containers(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    SIGNS.iter().any(|sign| lower.contains(sign))
}

/// True if a text has the form of an image name but is a picture's, or a path's.
pub(super) fn is_picture(text: &str) -> bool {
    text.starts_with(['.', '/']) || PICTURES.iter().any(|ending| text.ends_with(ending))
}

/// Without `_` and case.
fn normal(name: &str) -> String {
    name.chars()
        .filter(|c| *c != '_')
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split('.').map(str::to_owned).collect()
    }

    #[test]
    fn a_call_is_known_in_both_spellings_and_only_on_its_object() {
        for (text, expected) in [
            ("ecs.ContainerImage.from_registry", true),
            ("ecs.ContainerImage.fromRegistry", true),
            ("client.containers.run", true),
            ("subprocess.run", false),
            ("client.images.pull", true),
            ("git.pull", false),
            ("dag.container().from_", true),
            ("Array.from", false),
        ] {
            assert_eq!(find_call(&path(text)).is_some(), expected, "{text}");
        }
    }

    #[test]
    fn pictures_and_paths_are_no_images() {
        for text in ["logo.png", "./a", "/srv/x", "disk.qcow2"] {
            assert!(is_picture(text), "{text}");
        }
        assert!(!is_picture("nginx:1.27"));
    }
}

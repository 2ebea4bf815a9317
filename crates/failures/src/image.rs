//! Which image a text speaks of.
//!
//! As the text writes it: in quotes, in the words of one client or another, or by an address. What does not parse as an
//! image's name is none.

use std::sync::LazyLock;

use forebay_oci::{DOCKER_HUB, ImageName};
use regex::Regex;

use crate::registry::{addresses, normalise, pattern};
use crate::views::Views;

/// Where an image stands, the surest first: before it, and how it ends.
///
/// One in quotes may have been wrapped inside: its white space goes.
const PLACES: [&str; 24] = [
    r#"unpack image "([^"]{1,400})""#,
    r#"(?i)(?:pull(?:ing)?|policies|image|base image|docker image)[: ]+["'`]([^"'`]{1,400})["'`]"#,
    r#"(?i)reference "([^"]{1,400})""#,
    r"imageName=([^,\s]{1,400}),",
    r#"(?i)"docker://([^"]{1,400})""#,
    r"(?i)docker://([^\s:]{1,250}(?::\d+/[^\s:]{1,250})?(?::[^\s:,]{1,128})?)",
    r"(?i)error pulling image \(\S{1,128}\) from ([^\s,]{1,400}),",
    r"(?i)manifest for (\S{1,400}) not found",
    r"(?i)access denied for ([^\s,]{1,400}),",
    r"(?i)repository ([^\s,]{1,400}) not found",
    r"(?i)no such image: ([^\s\x22]{1,400})",
    r"(?i)pulling image (\S{1,400}) - ",
    r#"(?i)(?:resolve ref|source metadata for|failed to create image:|unable to pull image|pulling container|pull image|pull failed:) "?([^\s"]{1,400}?)"?:? "#,
    r#"failed to solve: ([a-z0-9][^\s"]{1,400}?): "#,
    r"(?i)(?:^|\s)Image (\S{1,400}) (?:Error|Pulling|Warning)",
    r#"(?i)\bimage[=:] ?"?([a-z0-9][^\s",}]{1,400})"#,
    r"(?i)pull image (\S{1,400}): ",
    r"(?i)image (\S{1,400}) could not be accessed",
    r"(?i)(?:error pushing to|to destination) (\S{1,400}): ",
    r"(?i)(?:docker|podman|nerdctl|crictl|crane) pull (?:-\S+ )*([a-z0-9]\S{1,400})",
    r"fromImage=([^\s&:]{1,400})",
    r"(?i)Pulling from ([a-z0-9]\S{1,400})",
    r#"(?:^|[\s"'(=])((?:[a-z0-9-]+\.)+[a-z]{2,24}(?::\d{1,5})?/[a-z0-9][a-z0-9._/-]{0,250}(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127}|@sha256:[0-9a-f]{64}))(?:[\s"',;)]|: |$)"#,
    r"(?:^|[^/a-z0-9.-])((?:[a-z0-9*-]+\.)*(?:docker\.io|ghcr\.io|quay\.io|gcr\.io|azurecr\.io|pkg\.dev|jfrog\.io|nvcr\.io|cgr\.dev|lscr\.io|mcr\.microsoft\.com|public\.ecr\.aws|registry\.k8s\.io|registry\.gitlab\.com|registry\.redhat\.io|amazonaws\.com)/[a-z0-9][a-z0-9._/-]{0,250}(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?)",
];

static PLACED: LazyLock<Vec<Regex>> = LazyLock::new(|| PLACES.map(pattern).into());

/// `manifest 1.4 in docker.io/acme/web`, as containers/image writes.
static MANIFEST_IN: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)manifest (\S{1,128}) in ([^\s:]{1,250}(?::\d+/[^\s:]+)?)"));

/// A protocol's path: repository, and tag or digest.
static PATH: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^/v2/([^:]{1,255}?)/(manifests|blobs)/([^:]{0,128}(?::[0-9a-f]{64})?)")
});

/// The image, if one is named.
pub(crate) fn find_image(views: &Views) -> Option<String> {
    let quoted = PLACED
        .iter()
        .take(3)
        .find_map(|place| placed(place, &views.spaced));
    quoted
        .or_else(|| manifest_in(&views.spaced))
        .or_else(|| {
            PLACED[3..]
                .iter()
                .find_map(|place| placed(place, &views.spaced))
        })
        .or_else(|| by_address(&views.tight))
}

fn placed(place: &Regex, spaced: &str) -> Option<String> {
    let mut found = place.captures_iter(spaced).filter_map(|found| found.get(1));
    found.find_map(|name| checked(name.as_str()))
}

fn manifest_in(spaced: &str) -> Option<String> {
    let found = MANIFEST_IN.captures(spaced)?;
    let (reference, name) = (found.get(1)?.as_str(), found.get(2)?.as_str());
    let separator = if reference.contains(':') { '@' } else { ':' };
    checked(&format!("{name}{separator}{reference}")).or_else(|| checked(name))
}

fn by_address(tight: &str) -> Option<String> {
    addresses(tight).find_map(|address| {
        let found = PATH.captures(address.path)?;
        let registry = normalise(address.host)?;
        let repository = found.get(1)?.as_str();
        let repository = if registry == DOCKER_HUB {
            repository.strip_prefix("library/").unwrap_or(repository)
        } else {
            repository
        };
        let name = if registry == DOCKER_HUB {
            repository.to_owned()
        } else {
            format!("{registry}/{repository}")
        };
        let reference = found.get(3).map_or("", |reference| reference.as_str());
        let is_tag = found.get(2)?.as_str() == "manifests" && !reference.starts_with("sha256");
        let tagged = is_tag
            .then(|| checked(&format!("{name}:{reference}")))
            .flatten();
        tagged.or_else(|| checked(&name))
    })
}

/// A name that parses, without the punctuation around it and without a digest that was cut.
fn checked(text: &str) -> Option<String> {
    let text: String = text.split_whitespace().collect();
    let text = text.trim_matches(|c: char| matches!(c, '"' | '\'' | '`' | ',' | ';' | ')' | '('));
    let text = text.trim_end_matches([':', '.']);
    let text = text
        .strip_prefix("docker://")
        .or_else(|| text.strip_prefix("oci://"))
        .unwrap_or(text);
    let is_image = |text: &str| text.parse::<ImageName>().is_ok() && !NO_IMAGES.contains(&text);
    if is_image(text) {
        return Some(text.to_owned());
    }
    // Somebody's tool writes in capitals; no image's name has any.
    let folded = text.to_ascii_lowercase();
    if is_image(&folded) {
        return Some(folded);
    }
    let (name, _) = text.split_once('@')?;
    is_image(name).then(|| name.to_owned())
}

/// Words that stand where an image would.
const NO_IMAGES: [&str; 56] = [
    "toomanyrequests",
    "unauthorized",
    "denied",
    "context",
    "dial",
    "get",
    "head",
    "net",
    "eof",
    "connection",
    "no",
    "pull",
    "unknown",
    "forbidden",
    "timeout",
    "image",
    "err",
    "from",
    "manifest",
    "configuration",
    "failed",
    "error",
    "with",
    "the",
    "latest",
    "for",
    "not",
    "http",
    "https",
    "config",
    "or",
    "and",
    "to",
    "is",
    "was",
    "in",
    "of",
    "a",
    "an",
    "it",
    "this",
    "that",
    "could",
    "cannot",
    "can",
    "but",
    "at",
    "by",
    "on",
    "name",
    "tag",
    "id",
    "exit",
    "rpc",
    "status",
    "because",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_is_found_where_clients_write_it() {
        for (text, expected) in [
            (
                "Failed to pull image \"busybox\": rpc error",
                Some("busybox"),
            ),
            (
                "Failed to pull image \"calico/cni:v3. 15.0\": x",
                Some("calico/cni:v3.15.0"),
            ),
            (
                "reading manifest latest in docker.io/acme/web: x",
                Some("docker.io/acme/web:latest"),
            ),
            (
                "initializing source docker://debian:bookworm: x",
                Some("debian:bookworm"),
            ),
            (
                "Error pulling image linuxserver/bazarr:latest - 500",
                Some("linuxserver/bazarr:latest"),
            ),
            (
                "unexpected status code https://registry-1.docker.io/v2/library/redis/manifests/7: 429",
                Some("redis:7"),
            ),
            (
                "https://ghcr.io/v2/acme/app/blobs/sha256:aa: 429",
                Some("ghcr.io/acme/app"),
            ),
            ("manifest for acme/app:2 not found: x", Some("acme/app:2")),
            ("Error response from daemon: manifest unknown", None),
        ] {
            assert_eq!(find_image(&Views::of(text)).as_deref(), expected, "{text}");
        }
    }
}

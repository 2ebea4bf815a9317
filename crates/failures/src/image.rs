//! Which image a text speaks of.
//!
//! As the text writes it: in quotes, in the words of one client or another, or by an address. What does not parse as an
//! image's name is none.

use std::sync::LazyLock;

use forebay_oci::ImageName;
use regex::Regex;

use crate::registry::{addresses, normalise, pattern};
use crate::views::Views;

/// The longest text that is looked at as an image's name.
const MAX_NAME_BYTES: usize = 400;

/// So many words with nothing of a name's punctuation are a sentence in quotes, no name that was wrapped.
const PROSE_WORDS: usize = 3;

/// Where an image stands, the surest first: before it, and how it ends.
///
/// One in quotes may have been wrapped inside: its white space goes. No pattern counts how long a name is: an automaton
/// that counts has a state for each number.
const PLACES: [&str; 25] = [
    r#"unpack image "([^"]+)""#,
    r#"(?i)(?:\bpull(?:ing)?|policies|image|base image|docker image)[: ]+["'`]([^"'`]+)["'`]"#,
    r#"(?i)reference "([^"]+)""#,
    r"imageName=([^,\s]+),",
    r#"(?i)"docker://([^"]+)""#,
    r"(?i)docker://([^\s:]+(?::[0-9]+/[^\s:]+)?(?::[^\s:,]+)?)",
    r"(?i)error pulling image \(\S+\) from ([^\s,]+),",
    r"(?i)manifest for (\S+) not found",
    r"(?i)access denied for ([^\s,]+),",
    // In quotes it is one of Artifact Registry's, which holds images.
    r"(?i)repository ([^\s,\x22]+) not found",
    r"(?i)no such image: ([^\s\x22]+)",
    r"(?i)pulling image (\S+) - ",
    r#"(?i)(?:resolve ref|source metadata for|failed to create image:|unable to pull image|pulling container|pull image|pull failed:) "?([^\s"]+?)"?:? "#,
    r#"failed to solve: ([a-z0-9][^\s"]+?): "#,
    r"(?i)(?:^|\s)Image (\S+) (?:Error|Pulling|Warning)",
    r#"(?i)\bimage[=:] ?"?([a-z0-9][^\s",}]+)"#,
    r"(?i)pull image (\S+): ",
    r"(?i)image (\S+) could not be accessed",
    r"(?i)(?:error pushing to|to destination) (\S+): ",
    r"(?i)(?:docker|podman|nerdctl|crictl|crane) (?:pull|push) (?:-\S+ )*([a-z0-9]\S+)",
    r"fromImage=([^\s&:]+)",
    r"(?i)Pulling from ([a-z0-9]\S+)",
    r#"(?:^|[\s"'(=])((?:[a-z0-9-]+\.)+[a-z]{2,24}(?::[0-9]{1,5})?/[a-z0-9][a-z0-9._/-]*(?::[A-Za-z0-9_][A-Za-z0-9._-]*|@sha256:[0-9a-f]{64}))(?:[\s"',;)]|: |$)"#,
    // Without a tag, before what was answered.
    r#"(?:^|[\s"'(=])((?:[a-z0-9-]+\.)+[a-z]{2,24}(?::[0-9]{1,5})?/[a-z0-9][a-z0-9._/-]*): (?:received unexpected|unexpected status|too ?many)"#,
    r"(?:^|[^/a-z0-9.-])((?:[a-z0-9*-]+\.)*(?:docker\.io|ghcr\.io|quay\.io|gcr\.io|azurecr\.io|pkg\.dev|jfrog\.io|nvcr\.io|cgr\.dev|lscr\.io|mcr\.microsoft\.com|public\.ecr\.aws|registry\.k8s\.io|registry\.gitlab\.com|registry\.redhat\.io|amazonaws\.com)/[a-z0-9][a-z0-9._/-]*(?::[A-Za-z0-9_][A-Za-z0-9._-]*)?)",
];

static PLACED: LazyLock<Vec<Regex>> = LazyLock::new(|| PLACES.map(pattern).into());

/// `manifest 1.4 in docker.io/acme/web`, as containers/image writes.
static MANIFEST_IN: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)manifest (\S+) in ([^\s:]+(?::[0-9]+/[^\s:]+)?)"));

/// A protocol's path: repository, and tag or digest.
static PATH: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^/v2/([^:]+?)/(manifests|blobs)/([^:]*(?::[0-9a-f]{64})?)"));

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
        let name = format!("{registry}/{repository}");
        let name = ImageName::familiar(&name);
        let reference = found.get(3).map_or("", |reference| reference.as_str());
        let is_tag = found.get(2)?.as_str() == "manifests" && !reference.starts_with("sha256");
        let tagged = is_tag
            .then(|| checked(&format!("{name}:{reference}")))
            .flatten();
        tagged.or_else(|| checked(name))
    })
}

/// A name that parses, without the punctuation around it and without a digest that was cut.
fn checked(text: &str) -> Option<String> {
    if text.len() > MAX_NAME_BYTES {
        return None;
    }
    let words = text.split_whitespace();
    if words.clone().count() >= PROSE_WORDS && !text.contains(['/', ':', '.']) {
        return None;
    }
    let text: String = words.collect();
    let text = text.trim_matches(|c: char| matches!(c, '"' | '\'' | '`' | ',' | ';' | ')' | '('));
    let text = text.trim_end_matches([':', '.']);
    let text = text
        .strip_prefix("docker://")
        .or_else(|| text.strip_prefix("oci://"))
        .unwrap_or(text);
    let is_image = |text: &str| {
        // A break inside the code of an answer leaves its beginning where an image would stand.
        let is_code = "toomanyrequests".starts_with(text);
        text.parse::<ImageName>().is_ok() && !is_code && !NO_IMAGES.contains(&text)
    };
    if is_image(text) {
        return Some(text.to_owned());
    }
    // Somebody's tool writes in capitals; no image's name has any.
    let folded = text.to_ascii_lowercase();
    if is_image(&folded) {
        return Some(folded);
    }
    // A digest that was cut; what else stands before a host is a login.
    let (name, digest) = text.split_once('@')?;
    (digest.starts_with("sha") && is_image(name)).then(|| name.to_owned())
}

/// Words that stand where an image would.
const NO_IMAGES: [&str; 62] = [
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
    "x509",
    "tls",
    "read",
    "write",
    "lookup",
    "proxyconnect",
    "unexpected",
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
            ("Failed to pull image \"u:p@reg.example/x:1\": x", None),
            (
                "Failed to pull image \"acme/web@sha256:50aa\": x",
                Some("acme/web"),
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
            ("ErrImagePull: \"pull QPS exceeded\"", None),
            ("Pulling: \"pull QPS exceeded\"", None),
        ] {
            assert_eq!(find_image(&Views::of(text)).as_deref(), expected, "{text}");
        }
    }
}

//! How large images are, as lists tell it: docker's, podman's and crictl's, a node's status, ECR's; and containerd's log.
//!
//! `docker image ls` shows what lies unpacked on the disk; from Docker 29 on also the content as the registry sends it.

use forebay_logs::{Columns, Fields, member, quoted_after};
use serde_json::Value;

use crate::Evidence;
use crate::event::Lines;
use crate::sizes::{ImageSize, Packing, SizeSource};

/// The most names of an image, and images of a node, that are read.
const MAX_PARTS: usize = 1_000;

/// What a list prints where there is no name.
const NONE: &str = "<none>";

/// How containerd's word of a pull that ended well begins.
const PULLED: &str = "Pulled image ";

/// What stands before the names of an image in it.
const BEFORE_NAMES: [&str; 3] = [PULLED, ", repo tag ", ", repo digest "];

/// The units of `docker`, `podman` and `crictl`: decimal ones. The longest first, as the others end them.
const UNITS: [(&str, f64); 5] = [
    ("TB", 1e12),
    ("GB", 1e9),
    ("MB", 1e6),
    ("kB", 1e3),
    ("B", 1.0),
];

/// Whether a line is the header of a list of images.
pub(crate) fn begins(line: &str) -> bool {
    let has = |word: &str| line.contains(word);
    (line.starts_with("REPOSITORY ") && has(" TAG ") && has(" SIZE"))
        || (line.starts_with("IMAGE ") && has(" TAG ") && has(" IMAGE ID ") && has(" SIZE"))
        || (line.starts_with("IMAGE ") && has(" DISK USAGE ") && has(" CONTENT SIZE"))
}

/// Reads a row.
pub(crate) fn read_row(columns: &Columns, row: &str, lines: Lines, out: &mut Evidence) {
    let cell = |name: &str| columns.cell(row, name);
    if let Some(bytes) = cell("CONTENT SIZE").and_then(parse_size) {
        let size = measured(bytes, Packing::Compressed, lines);
        note(cell("IMAGE"), None, size, out);
        return;
    }
    let Some(bytes) = cell("SIZE").and_then(parse_size) else {
        return;
    };
    // crictl shows what the runtime counts.
    let packing = match cell("REPOSITORY") {
        Some(_) => Packing::Unpacked,
        None => Packing::ByRuntime,
    };
    let name = cell("REPOSITORY").or_else(|| cell("IMAGE"));
    note(name, cell("TAG"), measured(bytes, packing, lines), out);
}

/// Reads containerd's word of a pull that ended well, which tells the size of what lies packed in its store:
/// `msg="Pulled image \"nginx:1.27\" with image id \"sha256:…\", repo tag \"docker.io/library/nginx:1.27\", repo digest
/// \"docker.io/library/nginx@sha256:…\", size \"72099501\" in 4.2s"` (containerd 1.3 and later, `internal/cri/server/images`).
///
/// The pull itself is told by another line.
pub(crate) fn read_pulled(text: &str, lines: Lines, out: &mut Evidence) {
    if !text.contains(PULLED) {
        return;
    }
    let fields = Fields::parse(text);
    let Some(message) = fields.find("msg").filter(|msg| msg.starts_with(PULLED)) else {
        return;
    };
    let Some(bytes) = quoted_after(message, ", size ").and_then(|size| size.parse().ok()) else {
        return;
    };
    let size = ImageSize {
        source: SizeSource::Containerd,
        ..measured(bytes, Packing::Compressed, lines)
    };
    out.asides += 1;
    for before in BEFORE_NAMES {
        note(quoted_after(message, before).as_deref(), None, size, out);
    }
}

/// Reads an object of JSON; whether it was one that tells sizes.
pub(crate) fn read_json(item: &Value, lines: Lines, out: &mut Evidence) -> bool {
    read_ecr(item, lines, out) || read_inspected(item, lines, out) || read_listed(item, lines, out)
}

/// The images of an object of kind `Node`.
pub(crate) fn read_node(item: &Value, lines: Lines, out: &mut Evidence) {
    let runtime = item.pointer("/status/nodeInfo/containerRuntimeVersion");
    if let Some(version) = runtime.and_then(Value::as_str) {
        out.sizes.note_runtime(version);
    }
    let packing = match runtime.and_then(Value::as_str) {
        Some(version) if version.starts_with("containerd:") => Packing::Compressed,
        Some(_) => Packing::Unpacked,
        None => Packing::ByRuntime,
    };
    for image in list(item.pointer("/status/images")) {
        let Some(bytes) = image.get("sizeBytes").and_then(Value::as_u64) else {
            continue;
        };
        let size = ImageSize {
            bytes,
            packing,
            source: SizeSource::Node,
            lines,
        };
        for name in list(image.get("names")).filter_map(Value::as_str) {
            note(Some(name), None, size, out);
        }
    }
}

/// `aws ecr describe-images`: compressed, of an image for several platforms the largest.
fn read_ecr(item: &Value, lines: Lines, out: &mut Evidence) -> bool {
    let (Some(repository), Some(bytes)) = (
        member(item, "repositoryName"),
        item.get("imageSizeInBytes").and_then(Value::as_u64),
    ) else {
        return false;
    };
    let size = ImageSize {
        bytes,
        packing: Packing::Compressed,
        source: SizeSource::Ecr,
        lines,
    };
    for tag in list(item.get("imageTags")).filter_map(Value::as_str) {
        out.sizes.note_ecr(repository, tag, size);
    }
    true
}

/// `docker image inspect`.
fn read_inspected(item: &Value, lines: Lines, out: &mut Evidence) -> bool {
    let (Some(tags), Some(bytes)) = (
        item.get("RepoTags"),
        item.get("Size").and_then(Value::as_u64),
    ) else {
        return false;
    };
    let digests = list(item.get("RepoDigests"));
    for name in list(Some(tags)).chain(digests).filter_map(Value::as_str) {
        let size = measured(bytes, Packing::Unpacked, lines);
        note(Some(name), None, size, out);
    }
    true
}

/// `docker image ls --format json`, and the images of `docker system df -v --format json`.
fn read_listed(item: &Value, lines: Lines, out: &mut Evidence) -> bool {
    let (Some(name), Some(tag), Some(size)) = (
        member(item, "Repository"),
        member(item, "Tag"),
        member(item, "Size"),
    ) else {
        return false;
    };
    if let Some(bytes) = parse_size(size) {
        let size = measured(bytes, Packing::Unpacked, lines);
        note(Some(name), Some(tag), size, out);
    }
    true
}

fn measured(bytes: u64, packing: Packing, lines: Lines) -> ImageSize {
    ImageSize {
        bytes,
        packing,
        source: SizeSource::ImageList,
        lines,
    }
}

fn note(name: Option<&str>, tag: Option<&str>, size: ImageSize, out: &mut Evidence) {
    let is_named = |part: &str| part != NONE && !part.is_empty();
    let Some(name) = name.filter(|name| is_named(name)) else {
        return;
    };
    if size.bytes == 0 || tag.is_some_and(|tag| !is_named(tag)) {
        return;
    }
    match tag {
        Some(tag) => out.sizes.note(&format!("{name}:{tag}"), size),
        None => out.sizes.note(name, size),
    }
}

fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    items.take(MAX_PARTS)
}

/// `187MB`, `1.02GB`, `77.8 MB`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float saturates, and the tools print three digits"
)]
fn parse_size(text: &str) -> Option<u64> {
    let (unit, factor) = UNITS.iter().find(|(unit, _)| text.ends_with(unit))?;
    let number: f64 = text.strip_suffix(unit)?.trim_end().parse().ok()?;
    let bytes = (number * factor).round();
    (bytes.is_finite() && bytes >= 0.0).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_docker_and_podman_print_them() {
        let table = [
            ("187MB", Some(187_000_000)),
            ("1.02GB", Some(1_020_000_000)),
            ("77.8 MB", Some(77_800_000)),
            ("4.21kB", Some(4_210)),
            ("0B", Some(0)),
            ("N/A", None),
            ("-1MB", None),
            ("MB", None),
        ];
        for (text, bytes) in table {
            assert_eq!(parse_size(text), bytes, "{text}");
        }
    }
}

//! How large images are, as the tools said that hold them.
//!
//! Registries are paid for compressed bytes, disks hold unpacked ones: which of both a number is, goes with it.

use std::collections::BTreeMap;

use forebay_oci::{ImageName, Reference};
use serde::Serialize;

use crate::event::{Event, Format, Lines, What};

/// The most images whose sizes are remembered.
pub const MAX_SIZES: usize = 10_000;

/// What stands before the size in a kubelet's event since Kubernetes 1.28 (kubernetes/kubernetes #121719).
const IN_EVENT: &str = "Image size: ";

/// How large an image is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ImageSize {
    /// In bytes.
    pub bytes: u64,
    /// As what.
    pub packing: Packing,
    /// Who said so.
    pub source: SizeSource,
    /// Where.
    pub lines: Lines,
}

/// As what an image was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Packing {
    /// As a registry keeps and sends it.
    Compressed,
    /// As it lies on a disk to be run: more than its registry sends.
    Unpacked,
    /// As the node's runtime counts: compressed on containerd, unpacked on CRI-O and Docker.
    ByRuntime,
}

/// Who said how large an image is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SizeSource {
    /// A kubelet that pulled it.
    Kubelet,
    /// The log of the containerd that pulled it.
    Containerd,
    /// The status of a node that has it.
    Node,
    /// `docker image ls`, `docker system df`, `docker image inspect`, and podman's and crictl's.
    ImageList,
    /// `aws ecr describe-images`.
    Ecr,
    /// Forebay's ledger: the bytes of a pull in the mean, which may lack layers that the client had.
    Ledger,
}

/// The sizes that were read.
#[derive(Debug, Default)]
pub struct Sizes {
    by_image: BTreeMap<String, ImageSize>,
    /// By repository and tag, as ECR names them: without the registry's host.
    in_ecr: BTreeMap<(String, String), ImageSize>,
    runtimes: Runtimes,
}

/// Which runtimes nodes have.
#[derive(Debug, Default)]
struct Runtimes {
    compressed: bool,
    unpacked: bool,
}

impl Sizes {
    /// Notes an image's size, by any of its names; one that is none is passed over.
    pub(crate) fn note(&mut self, image: &str, size: ImageSize) {
        let Ok(name) = image.parse::<ImageName>() else {
            return;
        };
        let key = name.to_string();
        if self.by_image.len() < MAX_SIZES || self.by_image.contains_key(&key) {
            keep(self.by_image.entry(key).or_insert(size), size);
        }
    }

    /// Notes the size of an image in ECR.
    pub(crate) fn note_ecr(&mut self, repository: &str, tag: &str, size: ImageSize) {
        let key = (repository.to_owned(), tag.to_owned());
        if self.in_ecr.len() < MAX_SIZES || self.in_ecr.contains_key(&key) {
            keep(self.in_ecr.entry(key).or_insert(size), size);
        }
    }

    /// Notes a node's runtime: `containerd://1.7.27`.
    pub(crate) fn note_runtime(&mut self, version: &str) {
        if version.starts_with("containerd:") {
            self.runtimes.compressed = true;
        } else {
            self.runtimes.unpacked = true;
        }
    }

    /// Notes the size that an event tells.
    pub(crate) fn note_event(&mut self, event: &Event) {
        let (Some(image), What::PullSucceeded | What::PullAttempted) = (&event.image, event.what)
        else {
            return;
        };
        let (packing, source, bytes) = match event.format {
            Format::Ledger => (Packing::Compressed, SizeSource::Ledger, event.image_bytes),
            Format::KubeEvents | Format::Kubelet => (
                Packing::ByRuntime,
                SizeSource::Kubelet,
                size_in(&event.message),
            ),
            _ => return,
        };
        if let Some(bytes) = bytes {
            let size = ImageSize {
                bytes,
                packing,
                source,
                lines: event.lines,
            };
            self.note(image, size);
        }
    }

    /// The size of an image, the compressed one where several are known.
    pub fn find(&self, image: &ImageName) -> Option<ImageSize> {
        let direct = self.by_image.get(&image.to_string());
        let sizes = direct.into_iter().chain(self.find_in_ecr(image)).copied();
        let size = sizes.max_by_key(ImageSize::rank)?;
        Some(ImageSize {
            packing: self.settle(size.packing),
            ..size
        })
    }

    /// The same image in ECR: behind a pull-through prefix, or pushed there under its own name.
    fn find_in_ecr(&self, image: &ImageName) -> Option<&ImageSize> {
        let Reference::Tag(tag) = &image.reference else {
            return None;
        };
        let repository = image.repository.as_str();
        let last = repository.rsplit('/').next()?;
        let of_tag = self
            .in_ecr
            .iter()
            .filter(|((_, known), _)| known == tag.as_str());
        let rank = |name: &str| {
            let behind = name
                .strip_suffix(repository)
                .is_some_and(|prefix| prefix.is_empty() || prefix.ends_with('/'));
            if behind { 2 } else { u8::from(name == last) }
        };
        of_tag
            .map(|((name, _), size)| (rank(name), size))
            .filter(|(rank, _)| *rank > 0)
            .max_by_key(|(rank, _)| *rank)
            .map(|(_, size)| size)
    }

    fn settle(&self, packing: Packing) -> Packing {
        match (packing, &self.runtimes) {
            (
                Packing::ByRuntime,
                Runtimes {
                    compressed: true,
                    unpacked: false,
                },
            ) => Packing::Compressed,
            (
                Packing::ByRuntime,
                Runtimes {
                    compressed: false,
                    unpacked: true,
                },
            ) => Packing::Unpacked,
            (packing, _) => packing,
        }
    }
}

impl ImageSize {
    /// How much it is worth beside another of the same image.
    const fn rank(&self) -> u8 {
        match (self.packing, self.source) {
            (Packing::Unpacked, _) => 0,
            (_, SizeSource::Ledger) => 1,
            (Packing::ByRuntime, _) => 2,
            (Packing::Compressed, _) => 3,
        }
    }
}

/// Of two sizes of an image the better one; of two as good the larger, as platforms differ.
fn keep(known: &mut ImageSize, other: ImageSize) {
    if (other.rank(), other.bytes) > (known.rank(), known.bytes) {
        *known = other;
    }
}

/// `Successfully pulled image "x" in 1.2s (1.2s including waiting). Image size: 62937876 bytes.`
fn size_in(message: &str) -> Option<u64> {
    let rest = &message[message.find(IN_EVENT)? + IN_EVENT.len()..];
    let end = rest.find(|c: char| !c.is_ascii_digit())?;
    let is_bytes = rest[end..].trim_start().starts_with("bytes");
    rest[..end]
        .parse()
        .ok()
        .filter(|bytes| is_bytes && *bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: u64, packing: Packing, source: SizeSource) -> ImageSize {
        ImageSize {
            bytes,
            packing,
            source,
            lines: Lines::default(),
        }
    }

    fn find(sizes: &Sizes, image: &str) -> Option<(u64, Packing)> {
        let size = sizes.find(&image.parse().unwrap())?;
        Some((size.bytes, size.packing))
    }

    #[test]
    fn a_compressed_size_is_worth_more_than_an_unpacked_one_and_the_larger_of_two_platforms_is_kept()
     {
        let mut sizes = Sizes::default();
        sizes.note("nginx:1", of(190, Packing::Unpacked, SizeSource::ImageList));
        assert_eq!(find(&sizes, "nginx:1"), Some((190, Packing::Unpacked)));
        for bytes in [70, 72, 71] {
            sizes.note(
                "docker.io/library/nginx:1",
                of(bytes, Packing::Compressed, SizeSource::Node),
            );
        }
        assert_eq!(find(&sizes, "nginx:1"), Some((72, Packing::Compressed)));
        assert_eq!(find(&sizes, "nginx:2"), None);
        sizes.note(
            "no image at all",
            of(1, Packing::Compressed, SizeSource::Node),
        );
    }

    #[test]
    fn what_the_kubelet_says_is_compressed_where_all_nodes_run_containerd() {
        let mut sizes = Sizes::default();
        sizes.note("nginx:1", of(70, Packing::ByRuntime, SizeSource::Kubelet));
        assert_eq!(find(&sizes, "nginx:1"), Some((70, Packing::ByRuntime)));
        sizes.note_runtime("containerd://1.7.27");
        assert_eq!(find(&sizes, "nginx:1"), Some((70, Packing::Compressed)));
        sizes.note_runtime("cri-o://1.31.0");
        assert_eq!(find(&sizes, "nginx:1"), Some((70, Packing::ByRuntime)));
    }

    #[test]
    fn an_image_in_ecr_is_the_same_behind_a_prefix_or_under_its_own_name_and_tag() {
        let mut sizes = Sizes::default();
        let size = |bytes| of(bytes, Packing::Compressed, SizeSource::Ecr);
        sizes.note_ecr("app", "1", size(5));
        sizes.note_ecr("docker-hub/me/app", "1", size(6));
        sizes.note_ecr("you/app", "2", size(7));
        assert_eq!(find(&sizes, "me/app:1"), Some((6, Packing::Compressed)));
        assert_eq!(find(&sizes, "they/app:1"), Some((5, Packing::Compressed)));
        assert_eq!(find(&sizes, "me/app:2"), None);
        assert_eq!(find(&sizes, "me/myapp:1"), None);
    }

    #[test]
    fn the_size_in_a_kubelets_event_is_whole_bytes() {
        let event = "in 1.2s (1.2s including waiting). Image size: 62937876 bytes.";
        assert_eq!(size_in(event), Some(62_937_876));
        for other in [
            "Image size: 60.1 MiB.",
            "Image size: ",
            "Image size: 0 bytes.",
        ] {
            assert_eq!(size_in(other), None, "{other}");
        }
    }
}

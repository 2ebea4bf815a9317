//! What the tests here speak of: targets, digests, manifests by number, and children of this very program.

use std::path::Path;
use std::process::{Command, Stdio};

use forebay_content::{Child, ChildKind, KeptManifest, Object, Timestamp};
use forebay_oci::{Digest, MediaType, Target};

pub(crate) fn target(number: u64) -> Target {
    Target {
        upstream: "docker.io".into(),
        repository: format!("team/app{number}").parse().unwrap(),
    }
}

pub(crate) fn digest(number: u64) -> Digest {
    Digest::sha256(&number.to_be_bytes())
}

pub(crate) fn object(number: u64) -> Object {
    Object {
        digest: digest(number),
        size: 100 + number,
        used_at: Timestamp(1_795_000_000_000 + number.cast_signed()),
    }
}

/// A manifest with two layers; its number and theirs are all different.
pub(crate) fn manifest(number: u64) -> KeptManifest {
    let child = |number| Child {
        digest: digest(number),
        size: 100,
        kind: ChildKind::Blob,
    };
    KeptManifest {
        digest: digest(number),
        media_type: MediaType::OCI_MANIFEST,
        size: 100 + number,
        children: vec![child(number + 1_000_000), child(number + 2_000_000)],
    }
}

/// The command that runs one ignored test of this program in `directory`, printing what it prints.
pub(crate) fn child(test: &str, directory: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--ignored", "--nocapture"])
        .current_dir(directory)
        .stdin(Stdio::null());
    command
}

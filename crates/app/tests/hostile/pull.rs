//! Pulls an image as a client does, and checks each byte against what the hub holds.

use std::net::SocketAddr;

use hub_sim::{Hub, Manifest};

use crate::wire::{Answer, get};

/// What became of a pull.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pulled {
    Whole,
    /// An answer was missing, cut or an error. None was wrong.
    Broken,
}

/// Pulls all of an image: by tag, then all that it refers to by digest.
///
/// # Panics
/// A whole answer had other bytes than the hub's.
pub(crate) async fn pull(address: SocketAddr, hub: &Hub, image: &str) -> Pulled {
    let (repository, tag) = image.split_once(':').unwrap();
    let mut outcomes = vec![manifest(address, repository, tag, &hub.manifest(image)).await];
    for child in hub.children(image) {
        outcomes.push(manifest(address, repository, child.digest(), &child).await);
    }
    for blob in hub.blobs(image) {
        let path = format!("/v2/{repository}/blobs/{}", blob.digest());
        outcomes.push(check(&get(address, &path).await, &blob.bytes()));
    }
    if outcomes.iter().all(|outcome| *outcome == Pulled::Whole) {
        Pulled::Whole
    } else {
        Pulled::Broken
    }
}

async fn manifest(
    address: SocketAddr,
    repository: &str,
    reference: &str,
    expected: &Manifest,
) -> Pulled {
    let path = format!("/v2/{repository}/manifests/{reference}");
    let answer = get(address, &path).await;
    if answer.status == 200 {
        assert_eq!(
            answer.header("docker-content-digest"),
            Some(expected.digest())
        );
        assert_eq!(answer.header("content-type"), Some(expected.media_type()));
    }
    check(&answer, expected.bytes())
}

fn check(answer: &Answer, expected: &[u8]) -> Pulled {
    if answer.status != 200 || !answer.whole {
        return Pulled::Broken;
    }
    assert!(answer.body == expected, "a whole answer with wrong bytes");
    Pulled::Whole
}

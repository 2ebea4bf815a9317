//! The checksums in the rows of `registry.sqlite` whose rot would do harm.
//!
//! As in the cache's catalog a repository's name is sealed, not its number: rot in the numbering shows no repository what another
//! holds. Sums and times of blobs have none: their rot can make the accounting wrong, which a check of the whole tells.

use forebay_content::{HostedManifest, KeptRobot, KeptUser, RepositorySettings, Timestamp};
use forebay_oci::{Digest, RepositoryName, Tag};

use super::manifests::Recorded;
use super::robots;
use crate::key::digest_key;
use crate::seal::Seal;

/// The seal of a repository's row, apart from its sums.
pub(super) fn of_repository(
    name: &RepositoryName,
    created_at: Timestamp,
    settings: &RepositorySettings,
) -> i64 {
    let whole = Seal::new()
        .bytes(name.as_str().as_bytes())
        .bytes(&created_at.0.to_be_bytes())
        .optional(
            settings
                .quota_bytes
                .map(u64::to_be_bytes)
                .as_ref()
                .map(<[u8; 8]>::as_slice),
        );
    let patterns = settings.immutable_tags.iter();
    patterns
        .fold(whole, |seal, pattern| seal.bytes(pattern.as_bytes()))
        .number()
}

/// The seal of a blob's row: who holds it, and how long it is.
pub(super) fn of_blob(repository: &RepositoryName, digest: &Digest, size: u64) -> i64 {
    Seal::new()
        .bytes(repository.as_str().as_bytes())
        .bytes(&digest_key(digest))
        .bytes(&size.to_be_bytes())
        .number()
}

/// The seal of a tag's row.
pub(super) fn of_tag(repository: &RepositoryName, tag: &Tag, digest: &Digest) -> i64 {
    Seal::new()
        .bytes(repository.as_str().as_bytes())
        .bytes(tag.as_str().as_bytes())
        .bytes(&digest_key(digest))
        .number()
}

/// The seal of a manifest's row, apart from what referrers are listed with.
pub(super) fn of_manifest(repository: &RepositoryName, recorded: &Recorded) -> i64 {
    let HostedManifest {
        digest,
        media_type,
        size,
    } = &recorded.manifest;
    let pulled_at = recorded.pulled_at.map(|at| at.0.to_be_bytes());
    Seal::new()
        .bytes(repository.as_str().as_bytes())
        .bytes(&digest_key(digest))
        .bytes(media_type.as_str().as_bytes())
        .bytes(&size.to_be_bytes())
        .optional(recorded.subject.as_ref().map(digest_key).as_deref())
        .bytes(&recorded.pushed_at.0.to_be_bytes())
        .optional(pulled_at.as_ref().map(<[u8; 8]>::as_slice))
        .bytes(&[u8::from(recorded.is_pinned)])
        .number()
}

/// The seal of what a manifest is listed with among the referrers of its subject.
pub(super) fn of_referrer(
    digest: &Digest,
    artifact_type: Option<&str>,
    annotations: Option<&str>,
) -> i64 {
    Seal::new()
        .bytes(&digest_key(digest))
        .optional(artifact_type.map(str::as_bytes))
        .optional(annotations.map(str::as_bytes))
        .number()
}

/// The seal of a user's row.
pub(super) fn of_user(user: &KeptUser) -> i64 {
    Seal::new()
        .bytes(user.name.as_str().as_bytes())
        .bytes(user.password.expose().as_bytes())
        .bytes(&[u8::from(user.is_disabled)])
        .bytes(&user.stamp.0.to_be_bytes())
        .bytes(&user.created_at.0.to_be_bytes())
        .bytes(&user.changed_at.0.to_be_bytes())
        .number()
}

/// The seal of the row of a robot's token.
pub(super) fn of_robot(robot: &KeptRobot) -> i64 {
    let time = |at: Option<Timestamp>| at.map(|at| at.0.to_be_bytes());
    Seal::new()
        .bytes(robot.id.as_str().as_bytes())
        .bytes(robot.name.as_str().as_bytes())
        .bytes(&robot.secret_hash)
        .bytes(robots::written(&robot.rights).as_bytes())
        .bytes(&robot.stamp.0.to_be_bytes())
        .bytes(&robot.created_at.0.to_be_bytes())
        .optional(time(robot.expires_at).as_ref().map(<[u8; 8]>::as_slice))
        .optional(time(robot.revoked_at).as_ref().map(<[u8; 8]>::as_slice))
        .number()
}

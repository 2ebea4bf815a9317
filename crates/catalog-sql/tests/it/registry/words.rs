//! What the tests of local repositories speak of: repositories and pushes by number.

use std::path::Path;

use forebay_catalog_sql::{REGISTRY_FILE_NAME, SqlRegistry};
use forebay_content::{
    ChildKind, Committed, HostedBlob, HostedChild, HostedManifest, HostedPushes, ManifestPush,
    Timestamp,
};
use forebay_oci::{MediaType, RepositoryName, Tag};
use sqlx::{AnyConnection, AssertSqlSafe, Connection};

use crate::words::digest;

pub(crate) const AT: Timestamp = Timestamp(1_795_000_000_000);

pub(crate) fn name(number: u64) -> RepositoryName {
    format!("team/app{number}").parse().unwrap()
}

pub(crate) fn tag(number: u64) -> Tag {
    format!("v{number}").parse().unwrap()
}

pub(crate) fn blob(number: u64) -> HostedBlob {
    HostedBlob {
        digest: digest(number),
        size: 100 + number,
        quota_bytes: None,
    }
}

/// The layers of the image of that number; their numbers and its own are all different.
pub(crate) fn layers(number: u64) -> [u64; 2] {
    [number + 1_000_000, number + 2_000_000]
}

/// An image with two layers, tagged by its number, that refers to the image after it.
pub(crate) fn push(number: u64) -> ManifestPush {
    let child = |number| HostedChild {
        digest: digest(number),
        kind: ChildKind::Blob,
        is_required: true,
    };
    ManifestPush {
        manifest: HostedManifest {
            digest: digest(number),
            media_type: MediaType::OCI_MANIFEST,
            size: 100 + number,
        },
        children: layers(number).map(child).to_vec(),
        subject: Some(digest(number + 1)),
        artifact_type: Some("application/example".to_owned()),
        annotations: Some(format!("{{\"number\":\"{number}\"}}")),
        tags: vec![tag(number)],
        immutable_tags: Vec::new(),
        tag_bounds: None,
        quota_bytes: None,
        at: AT,
    }
}

pub(crate) async fn open(directory: &Path) -> SqlRegistry {
    let path = directory.join(REGISTRY_FILE_NAME);
    SqlRegistry::open(&path).await.unwrap()
}

/// Pushes the image of that number with its layers.
pub(crate) async fn push_image(registry: &SqlRegistry, to: &RepositoryName, number: u64) {
    for layer in layers(number) {
        let done = registry.commit_blob(to, &blob(layer), AT).await.unwrap();
        assert_eq!(done, Committed::Done);
    }
    let done = registry.commit_manifest(to, &push(number)).await.unwrap();
    assert_eq!(done, Committed::Done);
}

/// The closed file itself.
pub(crate) async fn connect(path: &Path) -> AnyConnection {
    sqlx::any::install_default_drivers();
    let address = format!("sqlite://{}?mode=rwc", path.to_str().unwrap());
    AnyConnection::connect(&address).await.unwrap()
}

/// Runs statements on the closed file.
pub(crate) async fn run(path: &Path, statements: &str) {
    let mut connection = connect(path).await;
    sqlx::raw_sql(AssertSqlSafe(statements.to_owned()))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

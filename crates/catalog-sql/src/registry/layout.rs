//! The tables of `registry.sqlite`, and the sums that are kept of them.

use async_trait::async_trait;
use sqlx::AnyConnection;

use crate::error::SqlError;
use crate::layout::Layout;
use crate::row;
use crate::schema::Migration;

/// What local repositories hold, and the accounts.
pub(crate) struct RegistryLayout;

/// What a transaction has changed so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Repositories.
    pub(crate) repositories: i64,
    /// Objects, each once, whoever holds it.
    pub(crate) objects: i64,
    /// Their bytes.
    pub(crate) bytes: i64,
}

/// Times are milliseconds since the UNIX epoch, sizes are bytes, digests are written by `key`, seals by `seals`.
const FORMAT_1: Migration = &[
    "CREATE TABLE registry_format (version BIGINT NOT NULL)",
    "INSERT INTO registry_format (version) VALUES (0)",
    // The last three are sums of what the other tables have of it.
    "CREATE TABLE repositories (
        id {identity},
        name TEXT NOT NULL UNIQUE,
        created_at BIGINT NOT NULL,
        quota_bytes BIGINT,
        immutable_tags TEXT NOT NULL,
        seal BIGINT NOT NULL,
        bytes BIGINT NOT NULL,
        manifests BIGINT NOT NULL,
        tags BIGINT NOT NULL
    )",
    // `uses` counts the manifests of the repository that refer to it; `noted_at` is when it was last seen to be needed.
    "CREATE TABLE blobs (
        repository BIGINT NOT NULL,
        digest {bytes} NOT NULL,
        size BIGINT NOT NULL,
        noted_at BIGINT NOT NULL,
        uses BIGINT NOT NULL,
        seal BIGINT NOT NULL,
        PRIMARY KEY (repository, digest)
    ) {in_key}",
    "CREATE INDEX blobs_by_digest ON blobs (digest)",
    "CREATE INDEX blobs_unused ON blobs (noted_at) WHERE uses = 0",
    // `tags` counts those that point at it: an index in which they are lost must not make it look untagged, and so be dropped.
    // What referrers are listed with comes last, and is there only with a subject: it may be long, and is read for lists alone.
    "CREATE TABLE manifests (
        id {identity},
        repository BIGINT NOT NULL,
        digest {bytes} NOT NULL,
        media_type TEXT NOT NULL,
        size BIGINT NOT NULL,
        subject {bytes},
        pushed_at BIGINT NOT NULL,
        pulled_at BIGINT,
        is_pinned SMALLINT NOT NULL,
        seal BIGINT NOT NULL,
        tags BIGINT NOT NULL,
        referrer_seal BIGINT,
        artifact_type TEXT,
        annotations TEXT,
        UNIQUE (repository, digest)
    )",
    "CREATE INDEX manifests_by_digest ON manifests (digest)",
    "CREATE INDEX referrers ON manifests (repository, subject, digest) WHERE subject IS NOT NULL",
    "CREATE INDEX referrers_by_type ON manifests (repository, subject, artifact_type, digest)
        WHERE subject IS NOT NULL",
    // A parent is the number of a manifest; a child need not be there.
    "CREATE TABLE children (
        repository BIGINT NOT NULL,
        child {bytes} NOT NULL,
        kind SMALLINT NOT NULL,
        parent BIGINT NOT NULL,
        PRIMARY KEY (repository, child, kind, parent)
    ) {in_key}",
    "CREATE INDEX children_by_parent ON children (parent)",
    "CREATE TABLE tags (
        repository BIGINT NOT NULL,
        name TEXT NOT NULL,
        manifest BIGINT NOT NULL,
        seal BIGINT NOT NULL,
        PRIMARY KEY (repository, name)
    ) {in_key}",
    "CREATE INDEX tags_by_manifest ON tags (manifest, name)",
    "CREATE TABLE users (
        name TEXT NOT NULL PRIMARY KEY,
        password TEXT NOT NULL,
        is_disabled SMALLINT NOT NULL,
        stamp BIGINT NOT NULL,
        created_at BIGINT NOT NULL,
        changed_at BIGINT NOT NULL,
        seal BIGINT NOT NULL
    ) {in_key}",
    "CREATE TABLE robots (
        id TEXT NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        secret_hash {bytes} NOT NULL,
        rights TEXT NOT NULL,
        stamp BIGINT NOT NULL,
        created_at BIGINT NOT NULL,
        expires_at BIGINT,
        revoked_at BIGINT,
        seal BIGINT NOT NULL
    ) {in_key}",
    // One row, kept up to date in every transaction: counting a million objects each time would take seconds.
    "CREATE TABLE totals (
        repositories BIGINT NOT NULL,
        objects BIGINT NOT NULL,
        bytes BIGINT NOT NULL
    )",
    "INSERT INTO totals (repositories, objects, bytes) VALUES (0, 0, 0)",
];

/// Each with what is wrong where its two columns, kept and counted, differ. A row that is missing counts less than nothing.
const SUMS: &[(&str, &str)] = &[
    (
        "the row of totals",
        "SELECT COALESCE((SELECT repositories FROM totals), -1), (SELECT COUNT(*) FROM repositories)",
    ),
    (
        "the row of totals",
        "SELECT COALESCE((SELECT objects FROM totals), -1), (SELECT COUNT(*) FROM
             (SELECT digest FROM blobs UNION SELECT digest FROM manifests) held)",
    ),
    (
        "the row of totals",
        "SELECT COALESCE((SELECT bytes FROM totals), -1), (SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM
             (SELECT digest, size FROM blobs UNION SELECT digest, size FROM manifests) held)",
    ),
    (
        "the bytes of a repository",
        "SELECT bytes, CAST((SELECT COALESCE(SUM(size), 0) FROM blobs WHERE repository = id)
             + (SELECT COALESCE(SUM(size), 0) FROM manifests WHERE repository = r.id) AS BIGINT) FROM repositories r",
    ),
    (
        "the number of a repository's manifests",
        "SELECT manifests, (SELECT COUNT(*) FROM manifests m WHERE m.repository = r.id) FROM repositories r",
    ),
    (
        "the number of a repository's tags",
        "SELECT tags, (SELECT COUNT(*) FROM tags t WHERE t.repository = r.id) FROM repositories r",
    ),
    (
        "the number of a blob's uses",
        // Told are the wrong ones only: there may be millions.
        "SELECT found.uses, found.counted FROM (SELECT b.uses, (SELECT COUNT(*) FROM children c
             WHERE c.repository = b.repository AND c.child = b.digest AND c.kind = 1) AS counted FROM blobs b) found
         WHERE found.uses <> found.counted LIMIT 1",
    ),
    (
        "the number of a manifest's tags",
        "SELECT found.tags, found.counted FROM (SELECT m.tags, (SELECT COUNT(*) FROM tags t
             WHERE t.manifest = m.id) AS counted FROM manifests m) found WHERE found.tags <> found.counted LIMIT 1",
    ),
    (
        "a tag, which points at nothing,",
        "SELECT 1, 0 FROM tags t WHERE NOT EXISTS
             (SELECT 1 FROM manifests m WHERE m.id = t.manifest AND m.repository = t.repository) LIMIT 1",
    ),
    (
        "a child, which no manifest has,",
        "SELECT 1, 0 FROM children c WHERE NOT EXISTS
             (SELECT 1 FROM manifests m WHERE m.id = c.parent AND m.repository = c.repository) LIMIT 1",
    ),
];

#[async_trait]
impl Layout for RegistryLayout {
    type Tally = Tally;

    const MIGRATIONS: &'static [Migration] = &[FORMAT_1];

    const WRITER: &'static str = "registry writer";

    async fn settle(connection: &mut AnyConnection, tally: Tally) -> Result<(), SqlError> {
        if tally == Tally::default() {
            return Ok(());
        }
        let done = sqlx::query(
            "UPDATE totals SET repositories = repositories + $1, objects = objects + $2, bytes = bytes + $3",
        )
        .bind(tally.repositories)
        .bind(tally.objects)
        .bind(tally.bytes)
        .execute(connection)
        .await?;
        if done.rows_affected() == 1 {
            Ok(())
        } else {
            Err(SqlError::Damaged("the row of totals"))
        }
    }

    async fn check_sums(connection: &mut AnyConnection) -> Result<(), SqlError> {
        for (what, statement) in SUMS {
            for found in sqlx::query(*statement).fetch_all(&mut *connection).await? {
                if row::count(&found, 0)? != row::count(&found, 1)? {
                    return Err(SqlError::Damaged(what));
                }
            }
        }
        Ok(())
    }
}

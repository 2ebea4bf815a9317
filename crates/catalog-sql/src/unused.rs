//! Forgets what nobody asked for in a long time and what is not at rest: tags, links, and repositories of which nothing is left.

use forebay_content::Timestamp;

use crate::error::SqlError;
use crate::session::Session;

/// Tags whose manifest is not at rest.
const TAGS: &str = "DELETE FROM tags WHERE (repository, name) IN (
    SELECT t.repository, t.name FROM tags t
    WHERE t.checked_at < $1 AND NOT EXISTS (SELECT 1 FROM manifests m WHERE m.digest = t.digest)
    LIMIT $2)";

/// Links to what is not at rest.
const LINKS: &str = "DELETE FROM links WHERE (digest, repository) IN (
    SELECT l.digest, l.repository FROM links l
    WHERE l.linked_at < $1 AND NOT EXISTS (SELECT 1 FROM objects o WHERE o.digest = l.digest)
    LIMIT $2)";

/// Repositories without tags, links and lists. The union is read once, not once for each repository.
const REPOSITORIES: &str = "DELETE FROM repositories WHERE id IN (
    SELECT r.id FROM repositories r
    WHERE r.id NOT IN (SELECT repository FROM tags
        UNION SELECT repository FROM links UNION SELECT repository FROM lists)
    LIMIT $1)";

/// Forgets at most `limit` of each kind.
pub(crate) async fn forget(
    session: &mut Session<'_>,
    before: Timestamp,
    limit: u32,
) -> Result<(), SqlError> {
    for statement in [TAGS, LINKS] {
        sqlx::query(statement)
            .bind(before.0)
            .bind(i64::from(limit))
            .execute(&mut *session.connection)
            .await?;
    }
    sqlx::query(REPOSITORIES)
        .bind(i64::from(limit))
        .execute(&mut *session.connection)
        .await?;
    Ok(())
}

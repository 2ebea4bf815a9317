//! How the database goes about what may be large: by an index, as far as the page reaches, and no further.

use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use super::lists::{
    ABSENT_BLOBS, AFTER, OF_ONE, PARENTS, REFERRER, REFERRER_BYTES, entries_statement,
    referrers_statement,
};
use super::{RegistryLayout, blobs, children, held, tags};
use crate::dialect::{self, Access};
use crate::layout::Layout;
use crate::{schema, writer};

async fn connect(directory: &std::path::Path) -> AnyConnection {
    sqlx::any::install_default_drivers();
    let address = dialect::address(&directory.join("registry.sqlite"), Access::Write).unwrap();
    let options: AnyConnectOptions = address.parse().unwrap();
    let mut connection = writer::connect(&options).await.unwrap();
    schema::migrate(&mut connection, RegistryLayout::MIGRATIONS)
        .await
        .unwrap();
    connection
}

/// A line for each step.
async fn plan(statement: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let mut connection = connect(directory.path()).await;
    let explained = format!("EXPLAIN QUERY PLAN {statement}");
    let steps = sqlx::query(AssertSqlSafe(explained))
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let steps = steps.iter().map(|step| step.try_get(3).unwrap());
    steps.collect::<Vec<String>>().join("\n")
}

/// However many tags there are, a page reads its own, in their order.
#[tokio::test]
async fn a_page_of_tags_is_a_range_of_their_key() {
    let plan = plan(&tags::page_statement()).await;
    assert!(
        plan.contains("SEARCH t USING PRIMARY KEY (repository=? AND name>?)"),
        "{plan}"
    );
    assert!(
        plan.contains("SEARCH m USING INTEGER PRIMARY KEY"),
        "{plan}"
    );
    // The page itself is gone through.
    let plan = plan.replace("SCAN p", "");
    assert!(!plan.contains("SCAN") && !plan.contains("TEMP"), "{plan}");
}

#[tokio::test]
async fn a_page_of_referrers_is_a_range_of_an_index() {
    for columns in [REFERRER, REFERRER_BYTES] {
        let all = plan(&referrers_statement(columns, false)).await;
        let of_type = plan(&referrers_statement(columns, true)).await;
        assert!(
            all.contains("INDEX referrers (repository=? AND subject=? AND digest>?)"),
            "{all}"
        );
        assert!(
            of_type.contains(
                "INDEX referrers_by_type (repository=? AND subject=? AND artifact_type=? AND digest>?)"
            ),
            "{of_type}"
        );
        for plan in [all, of_type] {
            assert!(!plan.contains("SCAN") && !plan.contains("TEMP"), "{plan}");
        }
    }
}

/// Sorted is the page alone, which is a range already.
#[tokio::test]
async fn a_page_of_manifests_is_a_range_of_their_key() {
    let page = plan(&entries_statement(AFTER)).await;
    assert!(page.contains("(repository=? AND digest>?)"), "{page}");
    let one = plan(&entries_statement(OF_ONE)).await;
    assert!(one.contains("(repository=? AND digest=?)"), "{one}");
    let parents = plan(&entries_statement(PARENTS)).await;
    // Those that name it, and none of the others.
    assert!(
        parents.contains("SEARCH c USING PRIMARY KEY (repository=? AND child=? AND kind=?)")
            && parents.contains("SEARCH m USING INTEGER PRIMARY KEY (rowid=?)")
            && !parents.contains("digest>?"),
        "{parents}"
    );
    for plan in [page, one, parents] {
        let scans = plan.lines().filter(|step| step.contains("SCAN"));
        let of_tables: Vec<_> = scans.filter(|step| *step != "SCAN m").collect();
        assert!(of_tables.is_empty(), "{plan}");
    }
}

/// Those of one manifest are looked at, and no others.
#[tokio::test]
async fn absent_blobs_are_found_by_keys() {
    let plan = plan(ABSENT_BLOBS).await;
    for step in [
        "SEARCH m USING COVERING INDEX",
        "INDEX children_by_parent (parent=?",
        "SEARCH b USING PRIMARY KEY (repository=? AND digest=?)",
    ] {
        assert!(plan.contains(step), "{plan}");
    }
    assert!(!plan.contains("SCAN"), "{plan}");
}

/// Blobs that are in use, which most are, are not looked at.
#[tokio::test]
async fn unused_blobs_are_a_range_of_an_index() {
    let plan = plan(blobs::UNUSED).await;
    assert!(plan.contains("INDEX blobs_unused (noted_at<?)"), "{plan}");
    assert!(!plan.contains("SCAN") && !plan.contains("TEMP"), "{plan}");
}

#[tokio::test]
async fn the_blobs_of_a_manifest_are_found_by_their_key() {
    for statement in [children::HOLD, children::LET_GO] {
        let plan = plan(statement).await;
        assert!(plan.contains("(repository=? AND digest=?)"), "{plan}");
        assert!(!plan.contains("SCAN"), "{plan}");
    }
}

/// Who is about to delete bytes asks twice: by the indexes of digests, and past them.
#[tokio::test]
async fn what_is_held_is_read_past_the_indexes_in_pages_of_the_tables_themselves() {
    let blobs = plan(held::READ_BLOBS).await;
    assert!(blobs.contains("SEARCH blobs USING PRIMARY KEY"), "{blobs}");
    let manifests = plan(held::READ_MANIFESTS).await;
    assert!(
        manifests.contains("USING INTEGER PRIMARY KEY (rowid>?)"),
        "{manifests}"
    );
    for plan in [blobs, manifests] {
        assert!(!plan.contains("INDEX") && !plan.contains("TEMP"), "{plan}");
    }
}

#[tokio::test]
async fn a_page_of_what_is_held_is_a_range_of_an_index() {
    for statement in held::AFTER {
        let plan = plan(statement).await;
        assert!(plan.contains("_by_digest (digest>?)"), "{plan}");
        assert!(!plan.contains("SCAN") && !plan.contains("TEMP"), "{plan}");
    }
}

//! The registry before anything was pushed.

use crate::ask::Ask;
use crate::digest::Algorithm;
use crate::repository::{NO_BLOB, NO_MANIFEST};
use crate::suite::Suite;
use crate::verdict::ensure;

pub(super) async fn ping(suite: &Suite) {
    let registry = &suite.registry;
    for target in ["/v2/", "/v2"] {
        let name = format!(
            "ping/get{}",
            if target.ends_with('/') {
                ""
            } else {
                "-without-slash"
            }
        );
        let check = async {
            let answer = registry.ask(Ask::get(target)).await?;
            if target == "/v2" && answer.status == 301 {
                // As Go's router does; clients follow it.
                answer.header("location")?;
                return Ok(());
            }
            answer.is(200)?;
            Ok(())
        };
        suite.case(name, check).await;
    }
    let check = async {
        registry.ask(Ask::head("/v2/")).await?.is(200)?;
        Ok(())
    };
    suite.case("ping/head", check).await;
}

pub(super) async fn run(suite: &Suite) {
    let repo = suite.repository("never-pushed");
    let check = async {
        let answer = repo.ask(Ask::get(repo.path("tags/list"))).await?;
        if answer.status == 200 {
            let tags = repo.tags_of(&answer)?;
            ensure!(tags.is_empty(), "{answer} with {tags:?}");
            return Ok(());
        }
        answer.refused(&[404], &["NAME_UNKNOWN"])?;
        Ok(())
    };
    suite.case("empty/tags", check).await;
    for algorithm in Algorithm::ALL {
        let absent = suite.registry.noise().absent(algorithm);
        let check = async {
            // Not 404: by that clients know registries that have no referrers at all.
            let (referrers, _) = repo.referrers(&absent, "").await?;
            ensure!(referrers.is_empty(), "a new repository has {referrers:?}");
            Ok(())
        };
        suite
            .case(format!("empty/referrers/{algorithm}"), check)
            .await;
        let name = format!("empty/blob/{algorithm}");
        suite.case(name, repo.has_no_blob(&absent)).await;
        let name = format!("empty/manifest/{algorithm}");
        suite
            .case(name, repo.has_no_manifest(absent.as_str()))
            .await;
        let check = async {
            let answer = repo
                .ask(Ask::delete(repo.manifest(absent.as_str())))
                .await?;
            let answer = answer.unless_unsupported("deleting manifests")?;
            answer.refused(&[404], &NO_MANIFEST)?;
            let answer = repo.ask(Ask::delete(repo.blob(&absent))).await?;
            let answer = answer.unless_unsupported("deleting blobs")?;
            answer.refused(&[404], &NO_BLOB)?;
            Ok(())
        };
        suite.case(format!("empty/delete/{algorithm}"), check).await;
    }
    suite
        .case("empty/tag", repo.has_no_manifest("latest"))
        .await;
}

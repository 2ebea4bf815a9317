//! Blobs mounted from one repository into another.

use crate::ask::Ask;
use crate::digest::Algorithm;
use crate::noise::Blob;
use crate::repository::Repository;
use crate::session::{Session, check_pushed};
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict};
use crate::way::Way;

pub(super) async fn run(suite: &Suite) {
    for algorithm in Algorithm::ALL {
        let (from, to) = (
            suite.repository(&format!("mount-from-{algorithm}")),
            suite.repository(&format!("mount-to-{algorithm}")),
        );
        let fresh = || suite.registry.noise().blob(algorithm, 512);
        let blob = fresh();
        let case = |what: &str| format!("mount/{algorithm}/{what}");
        let check = async {
            Way::PostPut.push(&from, &blob).await?;
            let query = format!("?mount={}&from={}", blob.digest, from.name);
            let answer = to.ask(Ask::post(to.uploads(&query))).await?;
            if answer.status == 202 {
                return Err(Stop::skipped(format!(
                    "mounting is not supported: {answer}"
                )));
            }
            check_pushed(&to, &answer, &blob).await
        };
        suite.case(case("named/push"), check).await;
        suite.case(case("named/head"), to.head_blob(&blob)).await;
        suite.case(case("named/get"), to.get_blob(&blob)).await;
        let check = async {
            from.delete_blob(&blob.digest).await?;
            from.has_no_blob(&blob.digest).await?;
            to.get_blob(&blob).await
        };
        suite.case(case("named/outlives-its-source"), check).await;
        suite
            .case(case("named/delete"), to.delete_blob(&blob.digest))
            .await;
        suite
            .case(case("named/gone"), to.has_no_blob(&blob.digest))
            .await;
        let blob = fresh();
        let check = async {
            Way::PostPut.push(&from, &blob).await?;
            let query = format!("?mount={}", blob.digest);
            let answer = to.ask(Ask::post(to.uploads(&query))).await?;
            if answer.status == 202 {
                goes_on(&to, &Session::of(&to, &answer)?, &blob).await?;
                // The spec lets `from` be optional; who needs it to be said begins an upload.
                return Err(Stop::skipped(
                    "a mount that names no source is not supported",
                ));
            }
            check_pushed(&to, &answer, &blob).await
        };
        suite.case(case("anonymous/push"), check).await;
        suite.case(case("anonymous/get"), to.get_blob(&blob)).await;
        for (what, source) in [
            ("of-what-is-nowhere", from.name.clone()),
            (
                "from-a-repository-that-is-not",
                format!("{}-not", from.name),
            ),
            ("from-itself", to.name.clone()),
        ] {
            let blob = fresh();
            let check = begins_an_upload(&to, &blob, &source);
            suite.case(case(&format!("missing/{what}")), check).await;
        }
    }
    malformed(suite).await;
}

async fn malformed(suite: &Suite) {
    let check = async {
        let repo = suite.repository("mount-malformed");
        let query = format!("?mount=sha256:baddigest&from={}", repo.name);
        let answer = repo.ask(Ask::post(repo.uploads(&query))).await?;
        // What cannot be mounted may be uploaded.
        if answer.status != 202 {
            answer.refused(&[400], &["DIGEST_INVALID"])?;
        }
        Ok(())
    };
    suite.case("mount/malformed-digest", check).await;
    let check = async {
        let repo = suite.repository("mount-malformed");
        let absent = suite.registry.noise().absent(Algorithm::Sha256);
        let query = format!("?mount={absent}&from=NOT..A%20NAME");
        let answer = repo.ask(Ask::post(repo.uploads(&query))).await?;
        if answer.status != 202 {
            answer.refused(&[400], &["NAME_INVALID"])?;
        }
        Ok(())
    };
    suite.case("mount/malformed-source", check).await;
}

/// What cannot be mounted is uploaded instead, in the session that the answer has begun.
async fn begins_an_upload(repo: &Repository, blob: &Blob, source: &str) -> Verdict {
    let query = format!("?mount={}&from={source}", blob.digest);
    let answer = repo.ask(Ask::post(repo.uploads(&query))).await?;
    let session = Session::of(repo, &answer)?;
    repo.has_no_blob(&blob.digest).await?;
    goes_on(repo, &session, blob).await
}

async fn goes_on(repo: &Repository, session: &Session, blob: &Blob) -> Verdict {
    session.close(blob).await?;
    repo.get_blob(blob).await
}

//! What is in one repository is in no other, whatever bytes they share.

use crate::ask::Ask;
use crate::content::Content;
use crate::digest::Algorithm;
use crate::suite::Suite;
use crate::way::Way;

pub(super) async fn run(suite: &Suite) {
    for algorithm in Algorithm::ALL {
        let owner = suite.repository(&format!("isolation-a-{algorithm}"));
        let other = suite.repository(&format!("isolation-b-{algorithm}"));
        let mut content = Content::new(algorithm);
        content.image("image", "amd64");
        let mut own = Content::new(algorithm);
        own.image("own", "amd64");
        let document = &content.documents[0];
        let digest = document.digest.as_str();
        let check = async {
            for (repo, content) in [(&owner, &content), (&other, &own)] {
                for (_, blob) in &content.blobs {
                    Way::PostPut.push(repo, blob).await?;
                }
                let document = &content.documents[0];
                let digest = document.digest.as_str();
                if algorithm == Algorithm::Sha256 {
                    repo.push_manifest("shared", document, &[]).await?;
                } else {
                    let tags = ["shared".to_owned()];
                    repo.push_manifest(digest, document, &tags).await?;
                }
            }
            Ok(())
        };
        let case = |what: &str| format!("isolation/{algorithm}/{what}");
        suite.case(case("pushed"), check).await;
        let check = async {
            for (_, blob) in &content.blobs {
                other.has_no_blob(&blob.digest).await?;
            }
            Ok(())
        };
        suite.case(case("blob"), check).await;
        suite
            .case(case("manifest"), other.has_no_manifest(digest))
            .await;
        suite
            .case(case("tag"), other.get_manifest("shared", &own.documents[0]))
            .await;
        let check = async {
            let blob = &content.blobs[0].1;
            for target in [other.manifest(digest), other.blob(&blob.digest)] {
                let answer = other.ask(Ask::delete(target)).await?;
                let answer = answer.unless_unsupported("deleting")?;
                answer.is(404)?;
            }
            owner.get_manifest(digest, document).await?;
            owner.get_blob(blob).await
        };
        suite.case(case("delete"), check).await;
        let check = async {
            let blob = &content.blobs[0].1;
            let nested = suite.repository(&format!("isolation-a-{algorithm}"));
            let within = crate::repository::Repository::new(
                suite.registry.clone(),
                format!("{}/within", nested.name),
            );
            within.has_no_blob(&blob.digest).await?;
            within.has_no_manifest(digest).await
        };
        suite.case(case("a-name-within-its-name"), check).await;
        // A manifest names blobs; that it names another's makes them nobody's here.
        let check = async {
            let answer = other.put_manifest(digest, document, &[]).await?;
            if answer.status == 201 {
                for (_, blob) in &content.blobs {
                    other.has_no_blob(&blob.digest).await?;
                }
                return Ok(());
            }
            answer.refused(&[400, 404], &["MANIFEST_BLOB_UNKNOWN"])?;
            Ok(())
        };
        suite.case(case("manifest-of-another's-blobs"), check).await;
    }
}

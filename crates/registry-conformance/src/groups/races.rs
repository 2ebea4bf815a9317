//! Many clients at a time.

use futures::future::join_all;

use crate::ask::Ask;
use crate::content::Content;
use crate::digest::Algorithm;
use crate::suite::Suite;
use crate::verdict::{Verdict, ensure};
use crate::way::Way;

/// Clients at a time.
const CLIENTS: usize = 8;

pub(super) async fn run(suite: &Suite) {
    for algorithm in Algorithm::ALL {
        for way in [Way::PostPut, Way::Streamed, Way::Chunks] {
            let case = format!("race/the-same-blob/{algorithm}/{}", way.as_str());
            suite.case(case, same_blob(suite, algorithm, way)).await;
        }
    }
    suite
        .case("race/the-same-blob-to-two-repositories", two_places(suite))
        .await;
    suite.case("race/the-same-tag", same_tag(suite)).await;
    suite.case("race/many-tags", many_tags(suite)).await;
    suite
        .case("race/the-same-manifest", same_manifest(suite))
        .await;
    suite
        .case("race/referrers-of-one-subject", referrers(suite))
        .await;
    suite
        .case("race/one-session-twice", one_session(suite))
        .await;
    suite
        .case("race/delete-and-push", delete_and_push(suite))
        .await;
}

async fn all(checks: Vec<impl Future<Output = Verdict>>) -> Verdict {
    join_all(checks).await.into_iter().collect()
}

async fn same_blob(suite: &Suite, algorithm: Algorithm, way: Way) -> Verdict {
    let repo = suite.repository("race-blob");
    let blob = suite.registry.noise().blob(algorithm, 200_000);
    all((0..CLIENTS).map(|_| way.push(&repo, &blob)).collect()).await?;
    repo.head_blob(&blob).await?;
    repo.get_blob(&blob).await
}

async fn two_places(suite: &Suite) -> Verdict {
    let repos = ["race-here", "race-there"].map(|name| suite.repository(name));
    let blob = suite.registry.noise().blob(Algorithm::Sha256, 200_000);
    let pushes = repos.iter().cycle().take(CLIENTS);
    all(pushes.map(|repo| Way::PostPut.push(repo, &blob)).collect()).await?;
    for repo in &repos {
        repo.get_blob(&blob).await?;
    }
    Ok(())
}

async fn images(repo: &crate::repository::Repository, count: usize) -> Verdict<Content> {
    let mut content = Content::new(Algorithm::Sha256);
    let config = content.config("config", "amd64");
    let layer = content.layer("layer", crate::document::LAYER_GZIP);
    for number in 0..count {
        let mut json = crate::document::manifest(&config, std::slice::from_ref(&layer));
        json["annotations"] = serde_json::json!({"org.example.number": number.to_string()});
        content.document(&number.to_string(), &json);
    }
    for (_, blob) in &content.blobs {
        Way::PostPut.push(repo, blob).await?;
    }
    Ok(content)
}

/// The tag is one of them in the end, to all who ask and in the list; all are there by digest.
async fn same_tag(suite: &Suite) -> Verdict {
    let repo = suite.repository("race-tag");
    let content = images(&repo, CLIENTS).await?;
    let pushes = content.documents.iter().map(async |document| {
        let answer = repo.put_manifest("latest", document, &[]).await?;
        answer.is(201)?;
        Ok(())
    });
    all(pushes.collect()).await?;
    let accept = crate::document::MANIFEST;
    let ask = || Ask::head(repo.manifest("latest")).header("accept", accept);
    let head = repo.ask(ask()).await?;
    let won = head.is(200)?.header("docker-content-digest")?.to_owned();
    let winner = content
        .documents
        .iter()
        .find(|one| one.digest.as_str() == won);
    ensure!(winner.is_some(), "{head} with {won}, which nobody pushed");
    if let Some(document) = winner {
        repo.get_manifest("latest", document).await?;
    }
    for document in &content.documents {
        repo.get_manifest(document.digest.as_str(), document)
            .await?;
    }
    let tags = repo.tags("").await?;
    ensure!(tags == ["latest"], "the tags are {tags:?}");
    Ok(())
}

async fn many_tags(suite: &Suite) -> Verdict {
    let repo = suite.repository("race-tags");
    let content = images(&repo, 1).await?;
    let document = &content.documents[0];
    let names: Vec<String> = (10..10 + CLIENTS).map(|n| format!("t{n}")).collect();
    all(names
        .iter()
        .map(|tag| repo.push_manifest(tag, document, &[]))
        .collect())
    .await?;
    let mut tags = repo.tags("").await?;
    tags.sort();
    ensure!(tags == names, "the tags are {tags:?}, not {names:?}");
    Ok(())
}

async fn same_manifest(suite: &Suite) -> Verdict {
    let repo = suite.repository("race-manifest");
    let content = images(&repo, 1).await?;
    let document = &content.documents[0];
    let push = || repo.push_manifest(document.digest.as_str(), document, &[]);
    all((0..CLIENTS).map(|_| push()).collect()).await?;
    repo.get_manifest(document.digest.as_str(), document).await
}

async fn referrers(suite: &Suite) -> Verdict {
    let repo = suite.repository("race-referrers");
    let mut content = images(&repo, 1).await?;
    let subject = content.documents[0].descriptor();
    for number in 0..CLIENTS {
        let mut json = crate::document::index(&[]);
        json["subject"] = subject.clone();
        json["annotations"] = serde_json::json!({"org.example.number": number.to_string()});
        content.document("referrer", &json);
    }
    let pushes = content.documents.iter();
    all(pushes
        .map(|document| push_by_digest(&repo, document))
        .collect())
    .await?;
    let (found, _) = repo.referrers(&content.documents[0].digest, "").await?;
    let expected = content.documents[1..]
        .iter()
        .map(crate::document::Document::referrer);
    super::shapes::same(&found, &expected.collect::<Vec<_>>())
}

async fn push_by_digest(
    repo: &crate::repository::Repository,
    document: &crate::document::Document,
) -> Verdict {
    repo.push_manifest(document.digest.as_str(), document, &[])
        .await
}

/// Of two first chunks at a time at most one is taken as such; what is stored is whole or not at all.
async fn one_session(suite: &Suite) -> Verdict {
    let repo = suite.repository("race-session");
    let blob = suite.registry.noise().blob(Algorithm::Sha256, 200_000);
    let session = repo.begin("").await?;
    let range = format!("0-{}", blob.bytes.len() - 1);
    let chunk = || session.send_range(&range, blob.bytes.clone());
    let answers = join_all([chunk(), chunk(), chunk()]).await;
    let answers: Vec<_> = answers.into_iter().collect::<Verdict<_>>()?;
    for answer in &answers {
        // 409 and 423 are HTTP's for what somebody else is busy with.
        answer.is_one_of(&[202, 400, 404, 409, 416, 423])?;
    }
    let taken = answers.iter().filter(|answer| answer.status == 202).count();
    ensure!(taken <= 1, "{taken} first chunks of one session were taken");
    let Some(first) = answers.iter().find(|answer| answer.status == 202) else {
        return repo.has_no_blob(&blob.digest).await;
    };
    let mut session = session.clone();
    session.took(first, blob.bytes.len())?;
    session.close(&blob).await
}

/// After it all, the manifest is there whole, or gone; and a push that follows brings it back.
async fn delete_and_push(suite: &Suite) -> Verdict {
    let repo = suite.repository("race-delete");
    let content = images(&repo, 1).await?;
    let document = &content.documents[0];
    let digest = document.digest.as_str();
    push_by_digest(&repo, document).await?;
    let checks = (0..CLIENTS).map(async |number| {
        let answer = if number % 2 == 0 {
            repo.ask(Ask::delete(repo.manifest(digest))).await?
        } else {
            repo.put_manifest(digest, document, &[]).await?
        };
        let answer = answer.unless_unsupported("deleting manifests")?;
        answer.is_one_of(&[201, 202, 404])?;
        Ok(())
    });
    all(checks.collect()).await?;
    push_by_digest(&repo, document).await?;
    repo.get_manifest(digest, document).await?;
    for (_, blob) in &content.blobs {
        repo.get_blob(blob).await?;
    }
    Ok(())
}

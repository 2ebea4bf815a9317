//! Methods: HEAD is GET without a body, and what a path has not is 405 with what it has.

use http::Method;

use crate::ask::Ask;
use crate::content::Content;
use crate::digest::Algorithm;
use crate::suite::Suite;
use crate::verdict::{Verdict, ensure};
use crate::way::Way;

/// The headers in which HEAD and GET agree.
const SAME: [&str; 4] = [
    "content-type",
    "content-length",
    "docker-content-digest",
    "etag",
];

pub(super) async fn run(suite: &Suite) {
    let repo = suite.repository("methods");
    let mut content = Content::new(Algorithm::Sha256);
    content.image("image", "amd64");
    let check = async {
        for (_, blob) in &content.blobs {
            Way::PostPut.push(&repo, blob).await?;
        }
        repo.push_manifest("latest", &content.documents[0], &[])
            .await
    };
    suite.case("method/pushed", check).await;
    let blob = repo.blob(&content.blobs[0].1.digest);
    let manifest = repo.manifest(content.documents[0].digest.as_str());
    let (tag, tags) = (repo.manifest("latest"), repo.path("tags/list"));
    let absent = suite.registry.noise().absent(Algorithm::Sha256);
    let (no_blob, no_tag) = (repo.blob(&absent), repo.manifest("nobody"));
    for (name, target) in [
        ("blob", &blob),
        ("manifest", &manifest),
        ("tag", &tag),
        ("absent-blob", &no_blob),
        ("absent-tag", &no_tag),
    ] {
        suite
            .case(
                format!("method/head-equals-get/{name}"),
                agree(suite, target),
            )
            .await;
    }
    let uploads = repo.uploads("");
    let referrers = repo.path(&format!("referrers/{absent}"));
    for (name, target, wrong) in [
        ("ping", "/v2/", "POST PUT DELETE PATCH"),
        ("blob", &blob, "POST PUT PATCH"),
        ("manifest", &manifest, "POST PATCH"),
        ("tag", &tag, "POST PATCH"),
        ("tags", &tags, "POST PUT DELETE PATCH"),
        ("referrers", &referrers, "POST PUT DELETE PATCH"),
        ("uploads", &uploads, "GET PUT DELETE PATCH"),
        ("catalog", "/v2/_catalog", "POST PUT DELETE PATCH"),
    ] {
        for method in wrong.split(' ') {
            let check = is_wrong(suite, target, method);
            suite
                .case(
                    format!("method/wrong/{name}/{}", method.to_lowercase()),
                    check,
                )
                .await;
        }
    }
    let check = async {
        let mut session = repo.begin("").await?;
        let answer = is_wrong(suite, &session.location, "POST").await;
        session.check_status().await?;
        answer
    };
    suite.case("method/wrong/session/post", check).await;
    let check = async {
        repo.get_manifest("latest", &content.documents[0]).await?;
        repo.get_blob(&content.blobs[0].1).await
    };
    suite.case("method/wrong/changed-nothing", check).await;
}

async fn agree(suite: &Suite, target: &str) -> Verdict {
    let accept = |ask: Ask| ask.header("accept", crate::document::MANIFEST);
    let head = suite.registry.ask(accept(Ask::head(target))).await?;
    let got = suite.registry.ask(accept(Ask::get(target))).await?;
    head.is(got.status)?;
    let names = if got.status == 200 { &SAME[..] } else { &[] };
    for name in names {
        let (head_says, get_says) = (head.find_header(name), got.find_header(name));
        ensure!(
            head_says == get_says,
            "{head} with {name}: {head_says:?}, though GET has {get_says:?}"
        );
    }
    Ok(())
}

async fn is_wrong(suite: &Suite, target: &str, method: &str) -> Verdict {
    let method = Method::from_bytes(method.as_bytes()).unwrap_or_default();
    let answer = suite.registry.ask(Ask::new(method.clone(), target)).await?;
    if answer.status == 404 && target.ends_with("_catalog") {
        return Ok(());
    }
    if answer.status == 404 && target.ends_with("/uploads/") {
        // A session without a name is nobody's.
        return Ok(());
    }
    answer.refused(&[405], &["UNSUPPORTED"])?;
    let allowed = answer.listed("allow");
    ensure!(
        !allowed.is_empty() && !allowed.contains(&method.to_string()),
        "{answer} with Allow: {allowed:?}"
    );
    Ok(())
}

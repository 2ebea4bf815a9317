//! Paths that nobody should take for something else, sent as they stand.

use crate::ask::Ask;
use crate::content::Content;
use crate::digest::Algorithm;
use crate::suite::Suite;
use crate::verdict::{Verdict, ensure};
use crate::way::Way;

/// Paths under `/v2/`, `{repo}` being a repository with a tag `latest`.
const ATTACKS: [(&str, &str); 20] = [
    ("dots", "{repo}/manifests/../../../etc/passwd"),
    (
        "encoded-dots",
        "{repo}/manifests/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    ),
    (
        "twice-encoded-dots",
        "{repo}/manifests/%252e%252e%252fetc%252fpasswd",
    ),
    ("encoded-slash", "{repo}%2fmanifests%2flatest"),
    (
        "encoded-slash-in-tag",
        "{repo}/manifests/latest%2f..%2flatest",
    ),
    ("backslash", "{repo}/manifests/..\\..\\etc\\passwd"),
    (
        "encoded-backslash",
        "{repo}/manifests/..%5c..%5cetc%5cpasswd",
    ),
    ("nul", "{repo}/manifests/latest%00"),
    ("nul-in-name", "{repo}%00/manifests/latest"),
    ("newline", "{repo}/manifests/latest%0d%0aX-Evil:%20yes"),
    (
        "newline-in-name",
        "{repo}%0d%0aX-Evil:%20yes/manifests/latest",
    ),
    ("dot-name", "./manifests/latest"),
    ("dots-name", "{repo}/../{repo}/manifests/latest"),
    ("empty-part", "{repo}//manifests/latest"),
    ("empty-name", "/manifests/latest"),
    (
        "digest-with-path",
        "{repo}/blobs/sha256:../../../../etc/passwd",
    ),
    (
        "session-with-path",
        "{repo}/blobs/uploads/..%2f..%2f..%2fetc%2fpasswd",
    ),
    ("session-dots", "{repo}/blobs/uploads/.."),
    ("parameters", "{repo}/manifests/latest;x=y"),
    ("overlong-utf-8", "{repo}/manifests/%c0%ae%c0%ae%c0%af"),
];

pub(super) async fn run(suite: &Suite) {
    let repo = suite.repository("paths");
    let mut content = Content::new(Algorithm::Sha256);
    content.image("image", "amd64");
    let check = async {
        for (_, blob) in &content.blobs {
            Way::PostPut.push(&repo, blob).await?;
        }
        repo.push_manifest("latest", &content.documents[0], &[])
            .await
    };
    suite.case("path/pushed", check).await;
    for (name, path) in ATTACKS {
        let target = format!("/v2/{}", path.replace("{repo}", &repo.name));
        suite
            .case(format!("path/{name}"), leads_nowhere(suite, &target))
            .await;
    }
    for (name, target) in [
        ("long-tag", repo.manifest(&"a".repeat(5000))),
        (
            "long-name",
            format!(
                "/v2/{}/manifests/latest",
                "a/".repeat(2000).trim_end_matches('/')
            ),
        ),
        (
            "long-query",
            repo.path(&format!("tags/list?last={}", "a".repeat(5000))),
        ),
    ] {
        let check = async {
            let answer = suite.registry.ask_plainly(Ask::get(target)).await?;
            answer.is_one_of(&[200, 400, 404, 414, 431])?;
            let is_list = answer.target.contains("tags/list");
            ensure!(is_list || answer.status != 200, "{answer}");
            Ok(())
        };
        suite.case(format!("path/{name}"), check).await;
    }
}

/// Refused, or redirected by a registry that tidies paths; but no content, no error of its own, no header of ours.
async fn leads_nowhere(suite: &Suite, target: &str) -> Verdict {
    let ask = Ask::get(target).header("connection", "close");
    let text = suite.registry.text_of(&ask);
    let (answers, _) = suite.registry.ask_raw(&[(ask, text)]).await?;
    let Some(answer) = answers.first() else {
        return Ok(());
    };
    answer.is_one_of(&[301, 307, 308, 400, 404])?;
    answer.without("x-evil")?;
    Ok(())
}

//! Uploads whose bytes are not those of their digest: refused, and nothing of them is left.

use bytes::{Bytes, BytesMut};

use crate::ask::Ask;
use crate::digest::Algorithm;
use crate::document::{Document, manifest};
use crate::noise::Blob;
use crate::suite::Suite;
use crate::verdict::Verdict;
use crate::way::Way;

/// Digests that are none.
const MALFORMED: [(&str, &str); 8] = [
    ("word", "sha256:baddigeststring"),
    ("short", "sha256:e3b0c44298fc1c14"),
    (
        "upper-case",
        "sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
    ),
    (
        "long",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85500",
    ),
    ("unknown-algorithm", "md5:d41d8cd98f00b204e9800998ecf8427e"),
    (
        "sha512-of-sha256-length",
        "sha512:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ),
    ("no-algorithm", ":e3b0c44298fc1c14"),
    ("no-value", "sha256:"),
];

/// Where it is in no path, a digest may look like one.
const TRAVERSAL: (&str, &str) = ("traversal", "sha256:..%2f..%2f..%2fetc%2fpasswd");

pub(super) async fn run(suite: &Suite) {
    for algorithm in Algorithm::ALL {
        for way in Way::ALL {
            let case = format!("bad-digest/{}/{algorithm}", way.as_str());
            suite.case(&case, blob(suite, way, algorithm, false)).await;
            let case = format!("{case}/of-a-prefix");
            suite.case(case, blob(suite, way, algorithm, true)).await;
        }
        for (name, by) in [("white-space", &b"  "[..]), ("other-bytes", b"{}")] {
            let case = format!("bad-digest/manifest/{algorithm}/{name}");
            suite.case(case, manifest_with(suite, algorithm, by)).await;
        }
    }
    for (name, digest) in MALFORMED.iter().copied().chain([TRAVERSAL]) {
        let closing = closing_with(suite, digest);
        suite
            .case(format!("bad-digest/malformed/{name}/blob-put"), closing)
            .await;
        let posting = posting_with(suite, digest);
        suite
            .case(format!("bad-digest/malformed/{name}/blob-post"), posting)
            .await;
    }
    for (name, digest) in MALFORMED {
        for what in ["blobs", "manifests"] {
            for ask in [Ask::get, Ask::head, Ask::delete] {
                let repo = suite.repository("malformed");
                let ask = ask(repo.path(&format!("{what}/{digest}")));
                let case = format!("bad-digest/malformed/{name}/{what}-{}", ask.method);
                let check = async {
                    repo.ask(ask).await?.is_one_of(&[400, 404])?;
                    Ok(())
                };
                suite.case(case.to_lowercase(), check).await;
            }
        }
        let put = manifest_put(suite, digest);
        suite
            .case(format!("bad-digest/malformed/{name}/manifests-put"), put)
            .await;
        let refer = async {
            let repo = suite.repository("malformed");
            let target = repo.path(&format!("referrers/{digest}"));
            repo.ask(Ask::get(target)).await?.is(400)?;
            Ok(())
        };
        suite
            .case(format!("bad-digest/malformed/{name}/referrers"), refer)
            .await;
    }
    suite
        .case("bad-digest/none-at-the-end", without_digest(suite))
        .await;
}

/// Bytes with some more behind, or a part of the bytes alone, under the digest of the bytes.
async fn blob(suite: &Suite, way: Way, algorithm: Algorithm, is_prefix: bool) -> Verdict {
    let repo = suite.repository("bad-digest");
    let right = suite.registry.noise().blob(algorithm, 3 * 1024 - 5);
    let mut bytes = BytesMut::from(&right.bytes[..]);
    if is_prefix {
        bytes.truncate(bytes.len() - 1);
    } else {
        bytes.extend_from_slice(b"and more");
    }
    let wrong = Blob {
        bytes: bytes.freeze(),
        digest: right.digest.clone(),
    };
    let (answer, _) = way.try_push(&repo, &wrong).await?;
    answer.refused(&[400], &["DIGEST_INVALID"])?;
    repo.has_no_blob(&right.digest).await?;
    repo.has_no_blob(&algorithm.of(&wrong.bytes)).await?;
    // And what has the digest can still be pushed.
    Way::PostPut.push(&repo, &right).await
}

async fn manifest_with(suite: &Suite, algorithm: Algorithm, more: &[u8]) -> Verdict {
    let repo = suite.repository("bad-digest-manifest");
    let nothing = Blob::new(algorithm, "{}");
    Way::PostPut.push(&repo, &nothing).await?;
    let described = crate::document::descriptor(crate::document::EMPTY, &nothing);
    let mut json = manifest(&described, std::slice::from_ref(&described));
    json["annotations"] =
        serde_json::json!({"org.example.marker": suite.registry.noise().unique()});
    let right = Document::new("image", algorithm, &json);
    let mut bytes = right.bytes.to_vec();
    bytes.extend_from_slice(more);
    let mut wrong = right.clone();
    wrong.bytes = bytes.into();
    let digest = right.digest.as_str();
    let answer = repo.put_manifest(digest, &wrong, &[]).await?;
    answer.refused(&[400], &["DIGEST_INVALID", "MANIFEST_INVALID"])?;
    repo.has_no_manifest(digest).await?;
    repo.push_manifest(digest, &right, &[]).await
}

async fn closing_with(suite: &Suite, digest: &str) -> Verdict {
    let repo = suite.repository("malformed");
    let session = repo.begin("").await?;
    let answer = session.try_close(digest, Bytes::new()).await?;
    answer.refused(&[400], &["DIGEST_INVALID"])?;
    Ok(())
}

async fn posting_with(suite: &Suite, digest: &str) -> Verdict {
    let repo = suite.repository("malformed");
    let target = repo.uploads(&format!("?digest={digest}"));
    let answer = repo
        .ask(Ask::post(target).octets(Bytes::from_static(b"x")))
        .await?;
    if answer.status == 202 {
        return Err(crate::verdict::Stop::skipped(
            "a blob in the POST is not supported",
        ));
    }
    answer.refused(&[400], &["DIGEST_INVALID"])?;
    Ok(())
}

async fn manifest_put(suite: &Suite, digest: &str) -> Verdict {
    let repo = suite.repository("malformed");
    let mut content = crate::content::Content::new(Algorithm::Sha256);
    content.image("image", "amd64");
    for (_, blob) in &content.blobs {
        Way::PostPut.push(&repo, blob).await?;
    }
    let answer = repo
        .put_manifest(digest, &content.documents[0], &[])
        .await?;
    answer.is_one_of(&[400, 404])?;
    repo.has_no_manifest(content.documents[0].digest.as_str())
        .await
}

/// A session that is closed without a digest would store what nobody can name.
async fn without_digest(suite: &Suite) -> Verdict {
    let repo = suite.repository("malformed");
    let mut session = repo.begin("").await?;
    let blob = suite.registry.noise().blob(Algorithm::Sha256, 100);
    session.patch(blob.bytes.clone()).await?;
    let answer = repo.ask(Ask::put(&session.location)).await?;
    answer.refused(&[400], &["DIGEST_INVALID"])?;
    repo.has_no_blob(&blob.digest).await
}

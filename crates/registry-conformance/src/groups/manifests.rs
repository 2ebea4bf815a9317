//! Manifests: how they are asked for, and which are refused.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::ask::Ask;
use crate::content::Content;
use crate::digest::Algorithm;
use crate::document::{Document, INDEX, LAYER_GZIP, MANIFEST, index, manifest};
use crate::repository::Repository;
use crate::suite::Suite;
use crate::verdict::{Verdict, ensure};
use crate::way::Way;

/// What a registry should take at least: OCI distribution-spec, "Pushing Manifests".
const LARGEST_BYTES: usize = 4 * 1024 * 1024;

/// Larger than any manifest that a registry has to take.
const OVERSIZED_BYTES: usize = 24 * 1024 * 1024;

pub(super) async fn run(suite: &Suite) {
    let repo = suite.repository("manifest");
    let mut content = Content::new(Algorithm::Sha256);
    content.image("image", "amd64");
    let check = async {
        for (_, blob) in &content.blobs {
            Way::PostPut.push(&repo, blob).await?;
        }
        repo.push_manifest("latest", &content.documents[0], &[])
            .await
    };
    suite.case("manifest/pushed", check).await;
    let document = &content.documents[0];
    accepts(suite, &repo, document).await;
    // Like the one that is there, but for bytes of its own.
    let mut image: Value = serde_json::from_slice(&document.bytes).unwrap_or_default();
    image["annotations"] = json!({"org.example.marker": content.unique()});
    let refused = [ambiguous(&image), malformed(&image), no_documents(&image)];
    for (name, put) in refused.into_iter().flatten() {
        let check = is_refused(&repo, name, &put);
        suite.case(format!("manifest/refused/{name}"), check).await;
    }
    types(suite, &repo, &image).await;
    let check = largest(&repo);
    suite.case("manifest/of-4-mib", check).await;
    let check = oversized(suite, &repo, false);
    suite.case("manifest/oversized-is-413", check).await;
    let check = oversized(suite, &repo, true);
    suite
        .case("manifest/oversized-without-length-is-413", check)
        .await;
}

/// Whatever a client says that it takes, what was pushed is served as it was pushed.
async fn accepts(suite: &Suite, repo: &Repository, document: &Document) {
    let all = format!("{INDEX}, {MANIFEST};q=0.9, */*;q=0.1");
    for (name, accept) in [
        ("none", vec![]),
        ("any", vec!["*/*"]),
        ("its-own", vec![MANIFEST]),
        ("several-in-one", vec![all.as_str()]),
        ("several-headers", vec![INDEX, MANIFEST, "*/*"]),
        ("other", vec![INDEX]),
        ("json", vec!["application/json"]),
        ("words", vec!["not a media type"]),
    ] {
        for reference in ["latest", document.digest.as_str()] {
            let kind = if reference == "latest" {
                "tag"
            } else {
                "digest"
            };
            let check = async {
                let mut ask = Ask::get(repo.manifest(reference));
                for accept in &accept {
                    ask = ask.header("accept", *accept);
                }
                let answer = repo.ask(ask).await?;
                answer.is(200)?.bytes_are(&document.bytes)?;
                answer.header_is("content-type", MANIFEST)?;
                Ok(())
            };
            suite
                .case(format!("manifest/accept/{name}/{kind}"), check)
                .await;
        }
    }
}

/// What is pushed as what, though it is not so.
struct Put {
    content_type: &'static str,
    bytes: Bytes,
}

/// Bytes, and as what they are pushed.
fn put(content_type: &'static str, bytes: impl Into<Bytes>) -> Put {
    Put {
        content_type,
        bytes: bytes.into(),
    }
}

/// The image with a field that is otherwise.
fn with(image: &Value, key: &str, value: Value) -> String {
    let mut json = image.clone();
    json[key] = value;
    json.to_string()
}

/// Documents that two readers could read in two ways (CVE-2021-41190).
fn ambiguous(image: &Value) -> Vec<(&'static str, Put)> {
    let text = image.to_string();
    let doubled = text.replacen('{', "{\"schemaVersion\":2,", 1);
    let twice_layers = text.replacen('{', "{\"layers\":[],", 1);
    let other_kind = with(image, "mediaType", json!(INDEX));
    let mut both = index(&[]);
    both["layers"] = image["layers"].clone();
    both["config"] = image["config"].clone();
    vec![
        (
            "layers-and-manifests",
            put(MANIFEST, with(image, "manifests", json!([]))),
        ),
        ("index-with-layers", put(INDEX, both.to_string())),
        ("image-pushed-as-index", put(INDEX, text)),
        (
            "index-pushed-as-image",
            put(MANIFEST, index(&[]).to_string()),
        ),
        ("media-type-of-another-kind", put(MANIFEST, other_kind)),
        ("doubled-key", put(MANIFEST, doubled)),
        ("doubled-layers", put(MANIFEST, twice_layers)),
    ]
}

/// Documents that are JSON, and no manifests.
fn malformed(image: &Value) -> Vec<(&'static str, Put)> {
    let with = |key, value| put(MANIFEST, with(image, key, value));
    let mut bad_digest = image.clone();
    bad_digest["config"]["digest"] = json!("sha256:../../etc/passwd");
    let mut negative = image.clone();
    negative["config"]["size"] = json!(-1);
    let bad_subject = json!({"mediaType": MANIFEST, "digest": "none", "size": 2});
    vec![
        ("schema-version-1", with("schemaVersion", json!(1))),
        ("schema-version-as-text", with("schemaVersion", json!("2"))),
        ("layers-no-list", with("layers", json!({}))),
        ("config-no-descriptor", with("config", json!("sha256:"))),
        ("digest-that-is-none", put(MANIFEST, bad_digest.to_string())),
        ("negative-size", put(MANIFEST, negative.to_string())),
        ("subject-that-is-none", with("subject", bad_subject)),
        ("null", put(MANIFEST, "null")),
        ("list", put(MANIFEST, format!("[{image}]"))),
        ("empty-object", put(MANIFEST, "{}")),
    ]
}

/// Bytes that are no JSON, or of no type that a manifest has.
fn no_documents(image: &Value) -> Vec<(&'static str, Put)> {
    let text = image.to_string();
    let half = text[..text.len() / 2].to_owned();
    let nested = format!("\"deep\":{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let deep = with(image, "deep", json!(0)).replace("\"deep\":0", &nested);
    let schema1 = r#"{"schemaVersion":1,"name":"a","tag":"b","fsLayers":[],"history":[]}"#;
    vec![
        ("empty", put(MANIFEST, "")),
        ("words", put(MANIFEST, "not a manifest")),
        ("half", put(MANIFEST, half)),
        ("two-documents", put(MANIFEST, format!("{text}{text}"))),
        ("trailing-words", put(MANIFEST, format!("{text} more"))),
        ("byte-order-mark", put(MANIFEST, format!("\u{feff}{text}"))),
        ("deep", put(MANIFEST, deep)),
        ("not-utf-8", put(MANIFEST, not_utf_8(&text))),
        (
            "schema1",
            put(
                "application/vnd.docker.distribution.manifest.v1+prettyjws",
                schema1,
            ),
        ),
        ("html", put("text/html", "<html></html>")),
    ]
}

/// The text with a byte in an annotation that no UTF-8 has.
fn not_utf_8(text: &str) -> Bytes {
    let mut bytes = text
        .replacen('{', "{\"org.example.odd\":\"?\",", 1)
        .into_bytes();
    if let Some(at) = bytes.iter().position(|byte| *byte == b'?') {
        bytes[at] = 0xff;
    }
    bytes.into()
}

async fn is_refused(repo: &Repository, name: &str, put: &Put) -> Verdict {
    let digest = Algorithm::Sha256.of(&put.bytes);
    for reference in [name, digest.as_str()] {
        let ask = Ask::put(repo.manifest(reference)).sending(put.content_type, put.bytes.clone());
        let answer = repo.ask(ask).await?;
        if repo.registry.is_strict() {
            answer.refused(&[400], &["MANIFEST_INVALID"])?;
        }
        // 415 is HTTP's for a type that is not taken.
        answer.is_one_of(&[400, 404, 415])?;
        let code = answer.code().unwrap_or_default();
        let known = [
            "MANIFEST_INVALID",
            "DIGEST_INVALID",
            "UNSUPPORTED",
            "MANIFEST_BLOB_UNKNOWN",
        ];
        ensure!(
            known.contains(&code.as_str()),
            "{answer}: none of {known:?}"
        );
        repo.has_no_manifest(reference).await?;
    }
    Ok(())
}

/// The ways to say the type of what is pushed.
async fn types(suite: &Suite, repo: &Repository, image: &Value) {
    let fresh = |name: &str| {
        let mut json = image.clone();
        json["annotations"] = json!({"org.example.marker": name});
        Document::new(name, Algorithm::Sha256, &json)
    };
    for (name, content_type) in [
        (
            "with-charset",
            "application/vnd.oci.image.manifest.v1+json; charset=utf-8",
        ),
        (
            "with-parameter",
            "application/vnd.oci.image.manifest.v1+json;x=y",
        ),
    ] {
        let document = fresh(name);
        let check = async {
            let ask = Ask::put(repo.manifest(name)).sending(content_type, document.bytes.clone());
            // Parameters are to be ignored, and not to be served.
            repo.ask(ask).await?.is(201)?;
            repo.get_manifest(name, &document).await
        };
        suite.case(format!("manifest/type/{name}"), check).await;
    }
    let check = async {
        let mut json = image.clone();
        json.as_object_mut().map(|json| json.remove("mediaType"));
        let text = json.to_string();
        let document = Document::of_bytes("untold", Algorithm::Sha256, MANIFEST, text);
        repo.push_manifest("media-type-not-in-it", &document, &[])
            .await
    };
    suite.case("manifest/type/not-in-the-document", check).await;
    let check = async {
        let document = fresh("no-content-type");
        let mut ask = Ask::put(repo.manifest("no-content-type"));
        ask.body = crate::ask::Payload::Sized(document.bytes.clone());
        let answer = repo.ask(ask).await?;
        if answer.status == 201 {
            return repo.get_manifest("no-content-type", &document).await;
        }
        answer.refused(&[400, 415], &["MANIFEST_INVALID", "UNSUPPORTED"])?;
        repo.has_no_manifest("no-content-type").await
    };
    suite.case("manifest/type/not-said", check).await;
    let check = async {
        let document = fresh("streamed");
        let pieces = crate::way::pieces(&document.bytes);
        let mut ask = Ask::put(repo.manifest("streamed")).header("content-type", MANIFEST);
        ask.body = crate::ask::Payload::Streamed(pieces);
        repo.ask(ask).await?.is(201)?;
        repo.get_manifest("streamed", &document).await
    };
    suite.case("manifest/streamed", check).await;
    let check = async {
        let mut json = manifest(&image["config"], &[]);
        json["layers"] = json!([{
            "mediaType": LAYER_GZIP,
            "digest": "sha256:baddigeststring",
            "size": 5,
        }]);
        let document = Document::new("bad-layer", Algorithm::Sha256, &json);
        let answer = repo.put_manifest("bad-layer", &document, &[]).await?;
        answer.refused(&[400], &["MANIFEST_INVALID", "DIGEST_INVALID"])?;
        Ok(())
    };
    suite
        .case("manifest/refused/layer-with-a-digest-that-is-none", check)
        .await;
}

/// A manifest of the size that every registry takes, to the last byte: pushed, and read by its tag and its digest.
async fn largest(repo: &Repository) -> Verdict {
    let filled = |bytes: usize| {
        let mut json = index(&[]);
        json["annotations"] = json!({"org.example.filler": "x".repeat(bytes)});
        Document::new("largest", Algorithm::Sha256, &json)
    };
    let document = filled(LARGEST_BYTES - filled(0).bytes.len());
    repo.push_manifest("largest", &document, &[]).await?;
    repo.get_manifest("largest", &document).await?;
    let digest = document.digest.as_str();
    repo.get_manifest(digest, &document).await?;
    repo.delete_manifest(digest).await
}

async fn oversized(suite: &Suite, repo: &Repository, is_streamed: bool) -> Verdict {
    let mut json = index(&[]);
    json["annotations"] = json!({"org.example.filler": "x".repeat(OVERSIZED_BYTES)});
    let bytes = Bytes::from(json.to_string());
    let mut ask = Ask::put(repo.manifest("oversized")).header("content-type", INDEX);
    ask.body = if is_streamed {
        crate::ask::Payload::Streamed(crate::way::pieces(&bytes))
    } else {
        crate::ask::Payload::Sized(bytes)
    };
    let answer = suite.registry.ask(ask).await?;
    answer.is(413)?;
    repo.has_no_manifest("oversized").await
}

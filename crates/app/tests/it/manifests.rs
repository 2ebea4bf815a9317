//! Manifests at the edges of what is taken: as long as may be, and without what they refer to.

use bytes::Bytes;
use forebay_oci::{Digest, MAX_MANIFEST_BYTES};
use http::Method;
use serde_json::{Value, json};

use crate::client::{Answer, Ask};
use crate::program::{Forebay, Program};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";

/// What the specification has every registry take.
const SPEC_BYTES: usize = 4_194_304;

/// What the guide says that is taken.
const GUIDE_BYTES: usize = 4_393_216;

async fn program() -> Program {
    let setup = Forebay::new().with("[clients]\nloopback_push = true");
    setup.start().await
}

/// An index of exactly so many bytes.
fn index_of(bytes: usize) -> Bytes {
    let filled = |filler: usize| {
        let annotations = json!({ "org.example.filler": "x".repeat(filler) });
        json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [], "annotations": annotations })
            .to_string()
    };
    let index = Bytes::from(filled(bytes - filled(0).len()));
    assert_eq!(index.len(), bytes);
    index
}

async fn put(program: &Program, tag: &str, (kind, manifest): (&str, &Bytes)) -> Answer {
    let ask = Ask::new(Method::PUT, &format!("/v2/app/manifests/{tag}"));
    let ask = ask.header("content-type", kind).body(manifest.clone());
    ask.to(program.address).await
}

#[tokio::test]
async fn a_manifest_of_the_most_bytes_is_taken_and_one_of_a_byte_more_is_413() {
    assert_eq!(MAX_MANIFEST_BYTES, GUIDE_BYTES);
    let program = program().await;
    for bytes in [SPEC_BYTES, GUIDE_BYTES] {
        let (tag, index) = (bytes.to_string(), index_of(bytes));
        let pushed = put(&program, &tag, (INDEX, &index)).await;
        assert_eq!(pushed.status, 201, "{bytes}: {}", pushed.text());
        let digest = Digest::sha256(&index).to_string();
        for reference in [&tag, &digest] {
            let path = format!("/v2/app/manifests/{reference}");
            let pulled = program.get(&path).await;
            assert!(pulled.is(&index), "{path}: {}", pulled.status);
        }
    }
    let index = index_of(GUIDE_BYTES + 1);
    let refused = put(&program, "more", (INDEX, &index)).await;
    assert_eq!(refused.status, 413, "{}", refused.text());
    let digest = Digest::sha256(&index).to_string();
    for reference in ["more", &digest] {
        let path = format!("/v2/app/manifests/{reference}");
        assert_eq!(program.get(&path).await.status, 404, "{path}");
    }
    let listed = program.get("/v2/app/tags/list").await;
    let listed: Value = serde_json::from_slice(&listed.body).expect("JSON");
    assert_eq!(listed["tags"], json!(["4194304", "4393216"]));
}

#[tokio::test]
async fn who_pushes_an_image_without_its_layers_is_warned_until_they_are_there() {
    let program = program().await;
    let (config, layers) = (Bytes::from("{}"), ["one", "two"].map(Bytes::from));
    let described = |kind: &str, blob: &Bytes| json!({ "mediaType": kind, "digest": Digest::sha256(blob).to_string(), "size": blob.len() });
    let layer = "application/vnd.oci.image.layer.v1.tar";
    let image = json!({
        "schemaVersion": 2,
        "mediaType": IMAGE,
        "config": described("application/vnd.oci.image.config.v1+json", &config),
        "layers": layers.each_ref().map(|blob| described(layer, blob)),
    });
    let image = Bytes::from(image.to_string());
    let upload = async |blob: &Bytes| {
        let digest = Digest::sha256(blob);
        let ask = Ask::new(
            Method::POST,
            &format!("/v2/app/blobs/uploads/?digest={digest}"),
        );
        let uploaded = ask.body(blob.clone()).to(program.address).await;
        assert_eq!(uploaded.status, 201, "{}", uploaded.text());
    };
    let warning = async || {
        let pushed = put(&program, "1", (IMAGE, &image)).await;
        assert_eq!(pushed.status, 201, "{}", pushed.text());
        pushed.header("warning").map(ToOwned::to_owned)
    };
    upload(&config).await;
    for (absent, first) in [(2, &layers[0]), (1, &layers[1])] {
        let told = format!(
            "299 - \"{absent} layer(s) of this image are not in the repository, the first is {}: push them, or pulls of it fail\"",
            Digest::sha256(first)
        );
        assert_eq!(warning().await, Some(told));
        upload(first).await;
    }
    assert_eq!(warning().await, None);
}

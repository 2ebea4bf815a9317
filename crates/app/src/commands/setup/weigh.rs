//! Asks Forebay how many bytes of an image a client of this machine's platform fetches.

use std::time::Duration;

use bytes::Bytes;
use forebay_oci::{ImageName, MAX_MANIFEST_BYTES, Manifest};
use forebay_setup::Address;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an answer may take.
const MAX_WAIT: Duration = Duration::from_secs(30);

const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, \
                      application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";

/// The bytes of configuration and layers; `None` if Forebay cannot be asked over plain http, or does not say.
pub(super) async fn weigh(address: &Address, image: &ImageName) -> Option<u64> {
    let manifest = manifest(address, image, &image.reference.to_string()).await?;
    if manifest.manifests.is_empty() {
        return Some(sum(&manifest));
    }
    let ours = manifest.manifests.iter().find(|entry| {
        let platform = entry.platform.as_ref();
        platform.is_some_and(|platform| {
            platform.os == "linux" && platform.architecture == architecture()
        })
    })?;
    let manifest = self::manifest(address, image, &ours.digest.to_string()).await?;
    Some(sum(&manifest))
}

fn sum(manifest: &Manifest) -> u64 {
    let mut seen = Vec::new();
    for blob in &manifest.blobs {
        if !seen.contains(&blob) {
            seen.push(blob);
        }
    }
    seen.iter().map(|blob| blob.size).sum()
}

/// This machine's, as images name it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

async fn manifest(address: &Address, image: &ImageName, reference: &str) -> Option<Manifest> {
    if !address.is_plain() {
        return None;
    }
    let path = format!(
        "/v2/{}/{}/manifests/{reference}",
        image.registry, image.repository
    );
    let body = timeout(MAX_WAIT, ask(&address.authority(), &path))
        .await
        .ok()??;
    Manifest::parse(&body).ok()
}

async fn ask(authority: &str, path: &str) -> Option<Bytes> {
    let stream = TcpStream::connect(authority).await.ok()?;
    let connected = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = connected.ok()?;
    let request = Request::get(path)
        .header(header::HOST, authority)
        .header(header::ACCEPT, ACCEPT)
        .body(Empty::<Bytes>::new())
        .ok()?;
    let exchange = async {
        let response = sender.send_request(request).await.ok()?;
        if response.status() != StatusCode::OK {
            return None;
        }
        let body = Limited::new(response.into_body(), MAX_MANIFEST_BYTES);
        Some(body.collect().await.ok()?.to_bytes())
    };
    let mut exchange = std::pin::pin!(exchange);
    tokio::select! {
        answer = &mut exchange => answer,
        _ = connection => exchange.await,
    }
}

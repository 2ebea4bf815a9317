//! Asks Forebay how many bytes of an image a client of this machine's platform fetches.

use std::time::Duration;

use bytes::Bytes;
use forebay_http_kit::{AddressPolicy, Client, ClientPolicy, Outgoing, Redirects};
use forebay_oci::{ImageName, MAX_MANIFEST_BYTES, Manifest};
use forebay_setup::Address;
use http::{HeaderValue, Method, StatusCode, header};
use tokio::time::timeout;
use url::Url;

/// How long an answer may take.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// Who asks.
const USER_AGENT: &str = concat!("forebay-setup/", env!("CARGO_PKG_VERSION"));

const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, \
                      application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";

/// The bytes of configuration and layers; `None` if Forebay cannot be asked, or does not say.
pub(crate) async fn weigh(address: &Address, image: &ImageName) -> Option<u64> {
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
    let path = format!(
        "v2/{}/{}/manifests/{reference}",
        image.registry, image.repository
    );
    let url = format!("{address}/{path}").parse().ok()?;
    let body = timeout(MAX_WAIT, ask(url)).await.ok()??;
    Manifest::parse(&body).ok()
}

async fn ask(url: Url) -> Option<Bytes> {
    let mut policy = ClientPolicy::new(HeaderValue::from_static(USER_AGENT));
    // Whoever calls names the address, whatever it is.
    policy.addresses =
        AddressPolicy::public_only().allow_origin(url.host_str()?, url.port_or_known_default()?);
    let mut request = Outgoing::new(Method::GET, url);
    request.redirects = Redirects::Refuse;
    request
        .headers
        .insert(header::ACCEPT, HeaderValue::from_static(ACCEPT));
    let reply = Client::new(policy).ok()?.send(request).await.ok()?;
    if reply.status != StatusCode::OK {
        return None;
    }
    reply.body.read_capped(MAX_MANIFEST_BYTES).await.ok()
}

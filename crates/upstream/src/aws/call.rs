//! A signed call of an AWS JSON API.
//!
//! Source: AWS's JSON 1.1 protocol: a POST to `/`, the operation in `X-Amz-Target`, errors as `{"__type", "message"}`.

use bytes::Bytes;
use forebay_content::SourceError;
use forebay_limits::shown;
use forebay_oci::Digest;
use http::{Method, Request, StatusCode};
use reqsign_aws_v4::{Credential, DefaultCredentialProvider, RequestSigner};
use reqsign_core::Signer;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::context::Http;
use super::{AwsAccess, api_host};

/// The longest text of AWS's that goes into a message, in bytes.
const MAX_SAID_BYTES: usize = 200;

/// One operation of one service in one region.
pub(super) struct Api {
    operation: &'static str,
    url: String,
    http: Http,
    signer: Signer<Credential>,
}

/// A service, as its API calls it.
#[derive(Clone, Copy)]
pub(super) struct Service {
    /// The first part of its host.
    pub(super) host: &'static str,
    /// The name that requests are signed for.
    pub(super) signed_for: &'static str,
    /// The operation, as `X-Amz-Target` has it.
    pub(super) operation: &'static str,
}

#[derive(Deserialize)]
struct Problem {
    #[serde(rename = "__type", default)]
    kind: String,
    #[serde(default, alias = "Message")]
    message: String,
}

impl Api {
    /// Asks `endpoint`, or the region's public one.
    pub(super) fn new(
        service: Service,
        region: &str,
        endpoint: Option<&Url>,
        access: &AwsAccess,
    ) -> Self {
        let url = endpoint.map_or_else(
            || format!("https://{}/", api_host(service.host, region)),
            |url| format!("{}/", url.origin().ascii_serialization()),
        );
        Self {
            operation: service.operation,
            url,
            http: Http::new(access.client.clone()),
            signer: Signer::new(
                access.context(),
                DefaultCredentialProvider::new(),
                RequestSigner::new(service.signed_for, region),
            ),
        }
    }

    /// Calls with `body`, a JSON document.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        body: &serde_json::Value,
    ) -> Result<T, SourceError> {
        let body = Bytes::from(body.to_string());
        let request = Request::builder()
            .method(Method::POST)
            .uri(&self.url)
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", self.operation)
            // Set by us, or the signature would not cover the body.
            .header("x-amz-content-sha256", Digest::sha256(&body).hex())
            .body(body)
            .map_err(SourceError::internal)?;
        let (mut parts, body) = request.into_parts();
        self.signer
            .sign(&mut parts, None)
            .await
            .map_err(|error| self.fail(&error.to_string()))?;
        let response = self
            .http
            .send(Request::from_parts(parts, body))
            .await
            .map_err(|error| self.fail(&error.to_string()))?;
        if response.status() != StatusCode::OK {
            return Err(self.fail(&said(response.status(), response.body())));
        }
        serde_json::from_slice(response.body())
            .map_err(|_| self.fail("it answered something that it should not"))
    }

    /// Whatever keeps us from our credentials is no statement about an image.
    pub(super) fn fail(&self, why: &str) -> SourceError {
        let operation = self.operation.rsplit('.').next().unwrap_or_default();
        SourceError::Unavailable {
            why: format!(
                "AWS gives no credentials for it ({operation}): {}",
                shown(why, MAX_SAID_BYTES)
            ),
            retry_after: None,
        }
    }
}

fn said(status: StatusCode, body: &[u8]) -> String {
    match serde_json::from_slice::<Problem>(body) {
        Ok(Problem { kind, message }) => {
            let kind = kind.rsplit('#').next().unwrap_or_default();
            format!("{status}, {kind}: {message}")
        }
        Err(_) => status.to_string(),
    }
}

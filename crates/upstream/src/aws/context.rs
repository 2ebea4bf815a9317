//! What `reqsign` is given to reach the world: our client, and files of bounded size.

use bytes::Bytes;
use forebay_http_kit::{Client, Credentials, Origin, Outgoing, Redirects};
use http::{Request, Response, header};
use reqsign_core::{Error, FileRead, HttpSend, Result};
use tokio::io::AsyncReadExt;
use url::Url;

/// The longest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;
/// The longest configuration or token file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Sends through our client: no redirects, and credentials to the host that they were made for.
#[derive(Clone, Debug)]
pub(super) struct Http {
    client: Client,
}

/// Reads files.
#[derive(Clone, Copy, Debug)]
pub(super) struct Files;

impl Http {
    pub(super) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Sends a request and reads its answer. Errors hold hosts and no more.
    pub(super) async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        let (mut parts, body) = request.into_parts();
        let url =
            Url::parse(&parts.uri.to_string()).map_err(|_| Error::request_invalid("not a URL"))?;
        let origin = Origin::of(&url).ok_or_else(|| Error::request_invalid("not an http URL"))?;
        // Ours to set.
        parts.headers.remove(header::HOST);
        parts.headers.remove(header::CONTENT_LENGTH);
        let authorization = parts.headers.remove(header::AUTHORIZATION);
        let reply = self
            .client
            .send(Outgoing {
                method: parts.method,
                url,
                headers: parts.headers,
                body,
                credentials: authorization.map(|value| Credentials::new(value, origin)),
                redirects: Redirects::Refuse,
            })
            .await
            .map_err(|error| Error::unexpected(error.to_string()))?;
        let mut response = Response::builder().status(reply.status);
        if let Some(headers) = response.headers_mut() {
            *headers = reply.headers;
        }
        let body = reply.body.read_capped(MAX_ANSWER_BYTES).await;
        let body = body.map_err(|error| Error::unexpected(error.to_string()))?;
        response
            .body(body)
            .map_err(|error| Error::unexpected(error.to_string()))
    }
}

impl HttpSend for Http {
    async fn http_send(&self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        self.send(request).await
    }
}

impl FileRead for Files {
    async fn file_read(&self, path: &str) -> Result<Vec<u8>> {
        let unreadable = |error: std::io::Error| {
            Error::config_invalid(format!("a file of AWS's configuration: {error}"))
        };
        let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
        let mut content = Vec::new();
        let mut bounded = file.take(MAX_FILE_BYTES + 1);
        bounded
            .read_to_end(&mut content)
            .await
            .map_err(unreadable)?;
        if content.len() as u64 > MAX_FILE_BYTES {
            return Err(Error::config_invalid(
                "a file of AWS's configuration is too long",
            ));
        }
        Ok(content)
    }
}

//! A small registry client on hyper: no retries, no redirects, no pity.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hub_sim::Hub;
use hyper_util::client::legacy::Client as Hyper;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use std::net::IpAddr;

pub(crate) struct Client {
    http: Hyper<HttpConnector, Full<Bytes>>,
}

/// What came back, and how its body ended.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// False when the connection broke before the body's end.
    pub(crate) whole: bool,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn message(&self) -> String {
        self.json()["errors"][0]["message"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

impl Client {
    pub(crate) fn new() -> Self {
        Self {
            http: Hyper::builder(TokioExecutor::new()).build_http(),
        }
    }

    /// A client whose connections come from this loopback address.
    pub(crate) fn at(address: IpAddr) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_local_address(Some(address));
        Self {
            http: Hyper::builder(TokioExecutor::new()).build(connector),
        }
    }

    /// `Err` when no answer came.
    pub(crate) async fn send(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
    ) -> Result<Got, String> {
        self.send_body(method, url, headers, Bytes::new()).await
    }

    pub(crate) async fn send_body(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Got, String> {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body)).unwrap();
        let response = self
            .http
            .request(request)
            .await
            .map_err(|error| format!("{error:?}"))?;
        let (parts, mut incoming) = response.into_parts();
        let mut body = BytesMut::new();
        let mut whole = true;
        while let Some(frame) = incoming.frame().await {
            let Ok(frame) = frame else {
                whole = false;
                break;
            };
            body.extend_from_slice(&frame.into_data().unwrap_or_default());
        }
        Ok(Got {
            status: parts.status,
            headers: parts.headers,
            body: body.freeze(),
            whole,
        })
    }

    /// Reads so many bytes of an answer's body, or all there are, and leaves.
    pub(crate) async fn read_some(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        enough: usize,
    ) -> usize {
        let mut request = Request::get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::default()).unwrap();
        let mut incoming = self.http.request(request).await.unwrap().into_body();
        let mut read = 0;
        while read < enough {
            match incoming.frame().await {
                Some(Ok(frame)) => read += frame.into_data().unwrap_or_default().len(),
                _ => break,
            }
        }
        read
    }

    pub(crate) async fn get(&self, url: &str, headers: &[(&str, &str)]) -> Got {
        self.send("GET", url, headers).await.unwrap()
    }

    /// `Bearer …` for one repository; `login` is `user:password` or empty.
    pub(crate) async fn token(&self, hub: &Hub, repository: &str, login: &str) -> String {
        let url = format!(
            "{}?service=registry.docker.io&scope=repository:{repository}:pull",
            hub.token_url()
        );
        let basic = basic(login);
        let headers: &[(&str, &str)] = if login.is_empty() {
            &[]
        } else {
            &[("authorization", &basic)]
        };
        let got = self.get(&url, headers).await;
        assert_eq!(got.status, 200, "{got:?}");
        format!("Bearer {}", got.json()["token"].as_str().unwrap())
    }

    /// GET or HEAD of `/v2/<path>` with a fresh anonymous token for `repository`.
    pub(crate) async fn ask(
        &self,
        hub: &Hub,
        method: &str,
        (repository, rest): (&str, &str),
    ) -> Got {
        let token = self.token(hub, repository, "").await;
        let url = format!("{}/v2/{repository}/{rest}", hub.url());
        self.send(method, &url, &[("authorization", &token)])
            .await
            .unwrap()
    }

    /// The bytes of a blob, by way of the redirect; `headers` go to the blob host.
    pub(crate) async fn blob(
        &self,
        hub: &Hub,
        (repository, digest): (&str, &str),
        headers: &[(&str, &str)],
    ) -> Result<Got, String> {
        let redirect = self
            .ask(hub, "GET", (repository, &format!("blobs/{digest}")))
            .await;
        assert_eq!(redirect.status, 307, "{redirect:?}");
        self.send("GET", redirect.header("location"), headers).await
    }
}

pub(crate) fn basic(login: &str) -> String {
    use base64::Engine as _;
    format!(
        "Basic {}",
        base64::engine::general_purpose::STANDARD.encode(login)
    )
}

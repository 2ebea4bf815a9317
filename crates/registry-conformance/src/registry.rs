//! The registry that is asked: where it is, who asks, and which repositories of it are ours.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::BytesMut;
use url::Url;

use crate::answer::Answer;
use crate::ask::{Ask, Payload};
use crate::conduct;
use crate::noise::Noise;
use crate::repository::Repository;
use crate::verdict::{Stop, Verdict, ensure};
use crate::wire;

/// A running registry. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Registry(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    base: Url,
    host: String,
    prefix: String,
    authorization: Option<String>,
    is_strict: bool,
    noise: Noise,
}

impl Registry {
    /// The registry at `base`, which is `http://HOST:PORT`; it is asked about repositories `PREFIX/…`, by a user if one
    /// is given as `USER:PASSWORD`. A strict run wants every error in the spec's JSON, as the spec does not, and every manifest
    /// that is none refused with 400 and `MANIFEST_INVALID`, where others take other words of the spec.
    ///
    /// # Errors
    /// The address is none, or not plain HTTP.
    pub fn new(
        base: &str,
        prefix: &str,
        user: Option<&str>,
        is_strict: bool,
    ) -> Result<Self, String> {
        let base = Url::parse(base).map_err(|error| format!("{base} is no address: {error}"))?;
        if base.scheme() != "http" {
            return Err(format!("{base} is not plain http: this speaks no TLS"));
        }
        let (Some(host), Some(port)) = (base.host_str(), base.port_or_known_default()) else {
            return Err(format!("{base} names no host"));
        };
        Ok(Self(Arc::new(Inner {
            host: format!("{host}:{port}"),
            prefix: prefix.trim_matches('/').to_owned(),
            authorization: user.map(|user| format!("Basic {}", STANDARD.encode(user))),
            is_strict,
            noise: Noise::new(),
            base,
        })))
    }

    /// A repository of ours that nobody has used before.
    pub fn repository(&self, name: &str) -> Repository {
        let Inner { prefix, noise, .. } = &*self.0;
        Repository::new(self.clone(), format!("{prefix}/{name}-{}", noise.word()))
    }

    /// Content that nobody has seen before.
    pub(crate) fn noise(&self) -> &Noise {
        &self.0.noise
    }

    /// Whether the run is strict.
    pub(crate) fn is_strict(&self) -> bool {
        self.0.is_strict
    }

    /// `HOST:PORT`.
    pub(crate) fn host(&self) -> &str {
        &self.0.host
    }

    /// Asks, and checks of the answer what holds for all answers.
    pub async fn ask(&self, ask: Ask) -> Verdict<Answer> {
        let answer = wire::send(self.host(), &self.signed(ask)).await?;
        conduct::check(&answer, self.0.is_strict)?;
        Ok(answer)
    }

    /// Asks for what a step needs, whatever may be wrong with the answer besides.
    pub(crate) async fn ask_plainly(&self, ask: Ask) -> Verdict<Answer> {
        wire::send(self.host(), &self.signed(ask)).await
    }

    /// Sends requests as they stand on one connection, one after the other and without a library, and reads what comes
    /// back for each.
    pub(crate) async fn ask_raw(&self, asks: &[(Ask, String)]) -> Verdict<(Vec<Answer>, BytesMut)> {
        let mut bytes = String::new();
        for (_, text) in asks {
            bytes.push_str(text);
        }
        let came = wire::raw(self.host(), bytes.as_bytes()).await?;
        let mut rest = BytesMut::from(came.as_slice());
        let mut answers = Vec::new();
        for (ask, _) in asks {
            let has_body = ask.method != http::Method::HEAD;
            let answer = wire::take_answer(&mut rest, ask, has_body);
            answers.push(answer.ok_or_else(|| Stop::failed(format!("no whole answer to {ask}")))?);
        }
        Ok((answers, rest))
    }

    /// A request's text without a library: its line, `Host`, what it has of headers, and its body.
    pub(crate) fn text_of(&self, ask: &Ask) -> String {
        let ask = self.signed(ask.clone());
        let mut text = format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\n",
            ask.method,
            ask.target,
            self.host()
        );
        for (name, value) in &ask.headers {
            text.extend([name, ": ", value, "\r\n"]);
        }
        if let Payload::Sized(bytes) = &ask.body {
            text.extend(["content-length: ", &bytes.len().to_string(), "\r\n\r\n"]);
            text.push_str(&String::from_utf8_lossy(bytes));
        } else {
            text.push_str("\r\n");
        }
        text
    }

    /// Where a `Location` leads from the request that was answered with it, as path and query.
    pub(crate) fn follow(&self, answer: &Answer) -> Verdict<String> {
        let location = answer.header("location")?;
        let from = self.0.base.join(&answer.target);
        let led = from.and_then(|from| from.join(location));
        let led =
            led.map_err(|error| Stop::failed(format!("{answer} with {location}: {error}")))?;
        let host = format!(
            "{}:{}",
            led.host_str().unwrap_or_default(),
            led.port_or_known_default().unwrap_or_default()
        );
        ensure!(
            host == self.host(),
            "{answer} with Location: {location}, which is another host"
        );
        Ok(match led.query() {
            Some(query) => format!("{}?{query}", led.path()),
            None => led.path().to_owned(),
        })
    }

    fn signed(&self, ask: Ask) -> Ask {
        match &self.0.authorization {
            Some(authorization) => ask.header("authorization", authorization),
            None => ask,
        }
    }
}

//! One fetch of one issuer's keys: its configuration, and what that says where they are.

use std::io;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use forebay_content::{Clock, KeySet, MAX_KEY_SET_BYTES};
use forebay_http_kit::{Client, ClientPolicy, Credentials, Origin, Outgoing, Redirects};
use http::header::{ACCEPT, CACHE_CONTROL};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde::Deserialize;
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;
use url::Url;

use super::error::{Document, IssuerError, Unheard};
use super::issuer::Issuer;

/// How long both documents may take together, from the name's look-up on. A client waits for it, and has itself 25 s at most.
pub const FETCH_WITHIN: Duration = Duration::from_secs(8);

/// The longest configuration that is read, in bytes; issuers' have under 4 KiB.
const MAX_CONFIGURATION_BYTES: usize = 64 * 1024;

/// The longest token that is shown to an issuer, in bytes; a service account's has some 1,500.
const MAX_TOKEN_BYTES: u64 = 16 * 1024;

/// The way to one issuer.
pub(super) struct Way {
    issuer: Issuer,
    policy: ClientPolicy,
    client: Client,
}

/// Keys, and for how long the issuer says that they hold, if it says so.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) keys: KeySet,
    pub(super) max_age: Option<Duration>,
}

/// `OpenID` Connect Discovery 1.0, section 3, as far as it is of use.
#[derive(Deserialize)]
struct Configuration {
    issuer: String,
    jwks_uri: String,
}

impl Way {
    /// The way to `issuer`, by `policy` apart from whom it trusts and its addresses.
    pub(super) fn to(issuer: Issuer, policy: &ClientPolicy) -> Result<Self, IssuerError> {
        let mut policy = policy.clone();
        policy.addresses = issuer.addresses();
        policy
            .trust
            .extra_roots_pem
            .clone_from(&issuer.extra_roots_pem);
        let client = Client::new(policy.clone()).map_err(|cause| IssuerError::Client {
            issuer: issuer.issuer().to_owned(),
            cause,
        })?;
        Ok(Self {
            issuer,
            policy,
            client,
        })
    }

    pub(super) fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Whether one to `issuer` by `policy` would go there in the same way.
    pub(super) fn is_to(&self, issuer: &Issuer, policy: &ClientPolicy) -> bool {
        let way = |policy: &ClientPolicy| {
            let ClientPolicy {
                proxy,
                timeouts,
                user_agent,
                ..
            } = policy.clone();
            (proxy, timeouts, user_agent)
        };
        self.issuer == *issuer && way(&self.policy) == way(policy)
    }

    /// Asks for the keys, once.
    pub(super) async fn fetch(&self, clock: &dyn Clock) -> Result<Fetched, Unheard> {
        tokio::select! {
            fetched = self.fetch_both() => fetched,
            () = clock.sleep(FETCH_WITHIN) => Err(Unheard::Late),
        }
    }

    async fn fetch_both(&self) -> Result<Fetched, Unheard> {
        let bearer = match &self.issuer.token_file {
            Some(path) => Some(read_bearer(path).await.map_err(Unheard::NoToken)?),
            None => None,
        };
        let outgoing = self.outgoing(self.issuer.configuration_url(), bearer.as_ref());
        let (_, body) = self
            .get(outgoing, Document::Configuration, MAX_CONFIGURATION_BYTES)
            .await?;
        let found: Configuration =
            serde_json::from_slice(&body).map_err(Unheard::NoConfiguration)?;
        // Section 4.3: it must be the same, or anybody could speak for anybody.
        if found.issuer != self.issuer.issuer() {
            return Err(Unheard::AnotherIssuer);
        }
        let keys: Url = found.jwks_uri.parse().map_err(|_| Unheard::NoKeysAddress)?;
        if !self.issuer.may_have_keys_at(&keys) {
            let elsewhere = keys.origin().ascii_serialization();
            return Err(Unheard::KeysElsewhere(elsewhere));
        }
        let outgoing = self.outgoing(keys, bearer.as_ref());
        let keys = self.get(outgoing, Document::Keys, MAX_KEY_SET_BYTES);
        let (headers, body) = keys.await?;
        Ok(Fetched {
            keys: KeySet::parse(&body).map_err(Unheard::NoKeySet)?,
            max_age: max_age(&headers),
        })
    }

    /// A request for a document, with the token for the host that has it: its own, or one that the operator listed.
    fn outgoing(&self, url: Url, bearer: Option<&HeaderValue>) -> Outgoing {
        let origin = Origin::of(&url).filter(|_| self.issuer.may_have_keys_at(&url));
        let mut outgoing = Outgoing::new(Method::GET, url);
        let json = HeaderValue::from_static("application/json");
        outgoing.headers.insert(ACCEPT, json);
        outgoing.redirects = Redirects::Refuse;
        let shown = bearer.zip(origin);
        outgoing.credentials =
            shown.map(|(bearer, origin)| Credentials::new(bearer.clone(), origin));
        outgoing
    }

    async fn get(
        &self,
        outgoing: Outgoing,
        document: Document,
        max_bytes: usize,
    ) -> Result<(HeaderMap, Bytes), Unheard> {
        let reply = self.client.send(outgoing).await;
        let reply = reply.map_err(|cause| Unheard::Unreached { document, cause })?;
        if reply.status != StatusCode::OK {
            let status = reply.status.as_u16();
            return Err(Unheard::Status { document, status });
        }
        let body = reply.body.read_capped(max_bytes).await;
        let body = body.map_err(|cause| Unheard::Body { document, cause })?;
        Ok((reply.headers, body))
    }
}

/// The header that shows the file's token.
async fn read_bearer(path: &Path) -> io::Result<HeaderValue> {
    let mut text = String::new();
    let file = File::open(path).await?;
    file.take(MAX_TOKEN_BYTES + 1)
        .read_to_string(&mut text)
        .await?;
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what);
    if text.len() as u64 > MAX_TOKEN_BYTES {
        return Err(invalid("it is longer than 16 KiB"));
    }
    let token = text.trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(invalid(
            "it holds no token: one line of letters, digits and marks",
        ));
    }
    let bearer = format!("Bearer {token}");
    HeaderValue::try_from(bearer).map_err(|_| invalid("it holds no token"))
}

/// For how long an answer holds (RFC 9111, section 5.2.2); none if it does not say.
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all(CACHE_CONTROL).iter();
    let directives = values.filter_map(|value| value.to_str().ok());
    let directives = directives.flat_map(|value| value.split(','));
    directives
        .filter_map(|directive| {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "no-store" | "no-cache" => Some(0),
                "max-age" => value.trim().trim_matches('"').parse().ok(),
                _ => None,
            }
        })
        .min()
        .map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_for_how_long_it_holds() {
        for (values, seconds) in [
            (
                &["public, max-age=19800, must-revalidate"][..],
                Some(19_800),
            ),
            (&["Max-Age = \"60\""], Some(60)),
            (&["no-store"], Some(0)),
            (&["max-age=600, no-cache"], Some(0)),
            (&["max-age=600", "max-age=60"], Some(60)),
            (&["public"], None),
            (&["max-age=soon"], None),
            (&[], None),
        ] {
            let headers = values
                .iter()
                .map(|value| (CACHE_CONTROL, HeaderValue::from_static(value)));
            let found = max_age(&headers.collect());
            assert_eq!(found, seconds.map(Duration::from_secs), "{values:?}");
        }
    }
}

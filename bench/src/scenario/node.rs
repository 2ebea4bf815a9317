//! A node that pulls as containerd does: HEAD by tag, then by digest what it lacks, with tokens where the registry wants them.
//!
//! What it does when it is refused is containerd's too (`core/remotes/docker/resolver.go`): a 429 is asked again at once, four
//! times and whatever Retry-After says, a 500, 503 or 504 once.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use forebay_oci::Digest;
use serde_json::Value;

use crate::client::{Answer, Connection, Url};
use crate::error::Error;

/// How often containerd asks in all while it hears 429.
const LIMITED_ATTEMPTS: usize = 5;

/// How often it asks in all while it hears that the server is in trouble.
const TROUBLED_ATTEMPTS: usize = 2;

/// No exchange takes more requests than these: the attempts above, and one more for a token.
const MAX_ATTEMPTS: usize = LIMITED_ATTEMPTS + TROUBLED_ATTEMPTS + 1;

/// How often a redirect of a blob is followed.
const MAX_REDIRECTS: usize = 3;

const USER_AGENT: &str = "containerd/v2.1.4";

const ACCEPT: &str = "application/vnd.docker.distribution.manifest.v2+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.oci.image.index.v1+json, */*";

/// Where a node's requests go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registry {
    pub(crate) address: SocketAddr,
    /// Containerd tells a mirror for which registry it stands.
    pub(crate) is_mirror: bool,
}

/// One node with what it has pulled so far.
pub(crate) struct Node {
    registry: Registry,
    connections: HashMap<SocketAddr, Connection>,
    manifests: HashMap<String, Vec<u8>>,
    blobs: HashSet<String>,
}

/// One pull. Containerd keeps a token for as long as a pull and no longer.
struct Pull<'node> {
    node: &'node mut Node,
    repository: &'node str,
    token: Option<String>,
}

impl Node {
    pub(crate) fn new(registry: Registry) -> Self {
        Self {
            registry,
            connections: HashMap::new(),
            manifests: HashMap::new(),
            blobs: HashSet::new(),
        }
    }

    /// Pulls what `repository:tag` names now, for linux/amd64.
    pub(crate) fn pull(&mut self, repository: &str, tag: &str) -> Result<(), Error> {
        let mut pull = Pull {
            node: self,
            repository,
            token: None,
        };
        let root = pull.resolve(tag)?;
        let root = pull.manifest(&root)?;
        let children = root["manifests"].as_array();
        let image = match children.map(|children| find_platform(children)) {
            None => root,
            Some(Some(digest)) => pull.manifest(&digest)?,
            Some(None) => return Err(Error::program(repository, "is not for linux/amd64")),
        };
        let layers = image["layers"].as_array().cloned().unwrap_or_default();
        let blobs = std::iter::once(&image["config"]).chain(&layers);
        for digest in blobs.filter_map(|blob| blob["digest"].as_str()) {
            pull.blob(digest)?;
        }
        Ok(())
    }

    /// Asks once, on the connection that is kept for that server if there is one.
    pub(crate) fn exchange(
        &mut self,
        method: &str,
        url: &Url,
        fields: &[(&str, &str)],
    ) -> Result<Answer, Error> {
        let kept = self.connections.remove(&url.address);
        let answered = kept.and_then(|mut connection| {
            let answer = connection.exchange(method, url, fields).ok()?;
            Some((answer, connection))
        });
        let (answer, connection) = if let Some(answered) = answered {
            answered
        } else {
            // None was kept, or the server had closed it.
            let mut connection = Connection::open(url.address)?;
            (connection.exchange(method, url, fields)?, connection)
        };
        if answer.is_kept_open() {
            self.connections.insert(url.address, connection);
        }
        Ok(answer)
    }
}

impl Pull<'_> {
    fn resolve(&mut self, tag: &str) -> Result<String, Error> {
        let url = self.url(&format!("manifests/{tag}"));
        let answer = self.ask("HEAD", &url)?;
        let digest = answer.find_field("docker-content-digest");
        digest
            .map(str::to_owned)
            .ok_or_else(|| url.wrong("names no digest"))
    }

    fn manifest(&mut self, digest: &str) -> Result<Value, Error> {
        let url = self.url(&format!("manifests/{digest}"));
        if !self.node.manifests.contains_key(digest) {
            let answer = self.ask("GET", &url)?;
            check(&url, digest, &answer.body)?;
            self.node.manifests.insert(digest.to_owned(), answer.body);
        }
        let bytes = self.node.manifests.get(digest).map(Vec::as_slice);
        serde_json::from_slice(bytes.unwrap_or_default()).map_err(|_| url.wrong("is no manifest"))
    }

    fn blob(&mut self, digest: &str) -> Result<(), Error> {
        if self.node.blobs.contains(digest) {
            return Ok(());
        }
        let url = self.url(&format!("blobs/{digest}"));
        let mut answer = self.ask("GET", &url)?;
        for _ in 0..MAX_REDIRECTS {
            let Some(location) = answer.find_field("location") else {
                break;
            };
            let to = url.redirected(location)?;
            // Without the token: it is for the registry.
            answer = self
                .node
                .exchange("GET", &to, &[("User-Agent", USER_AGENT)])?;
        }
        check(&url, digest, &answer.body)?;
        self.node.blobs.insert(digest.to_owned());
        Ok(())
    }

    fn url(&self, what: &str) -> Url {
        let Registry { address, is_mirror } = self.node.registry;
        let query = if is_mirror { "?ns=docker.io" } else { "" };
        Url::new(address, format!("/v2/{}/{what}{query}", self.repository))
    }

    /// Asks until the answer is a good one, or containerd would give up.
    fn ask(&mut self, method: &str, url: &Url) -> Result<Answer, Error> {
        let (mut limited, mut troubled, mut challenged) = (0, 0, 0);
        for _ in 0..MAX_ATTEMPTS {
            let bearer = self.token.as_ref().map(|token| format!("Bearer {token}"));
            let mut fields = vec![("User-Agent", USER_AGENT), ("Accept", ACCEPT)];
            fields.extend(bearer.as_deref().map(|bearer| ("Authorization", bearer)));
            let answer = self.node.exchange(method, url, &fields)?;
            let (count, most) = match answer.status {
                200..=399 => return Ok(answer),
                401 => (&mut challenged, 2),
                429 => (&mut limited, LIMITED_ATTEMPTS),
                500 | 503 | 504 => (&mut troubled, TROUBLED_ATTEMPTS),
                status => return Err(url.wrong(format!("status {status}"))),
            };
            *count += 1;
            if *count >= most {
                return Err(url.wrong(format!("status {}", answer.status)));
            }
            if answer.status == 401 {
                self.token = Some(self.fetch_token(url, &answer)?);
            }
        }
        Err(url.wrong("too many attempts"))
    }

    /// Gets the token that a 401 sends for.
    fn fetch_token(&mut self, url: &Url, refusal: &Answer) -> Result<String, Error> {
        let challenge = refusal.find_field("www-authenticate").unwrap_or_default();
        let named = |key| find_parameter(challenge, key);
        let (Some(realm), Some(service), Some(scope)) =
            (named("realm"), named("service"), named("scope"))
        else {
            return Err(url.wrong(format!("the challenge {challenge:?}")));
        };
        let mut at = url.redirected(realm)?;
        at.path = format!("{}?scope={scope}&service={service}", at.path);
        let answer = self
            .node
            .exchange("GET", &at, &[("User-Agent", USER_AGENT)])?;
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let token = body["token"].as_str();
        token
            .map(str::to_owned)
            .ok_or_else(|| at.wrong(format!("status {}, and no token", answer.status)))
    }
}

fn check(url: &Url, digest: &str, bytes: &[u8]) -> Result<(), Error> {
    let got = Digest::sha256(bytes).to_string();
    if got == digest {
        return Ok(());
    }
    Err(url.wrong(format!("the bytes of {got}")))
}

/// The digest of an index's manifest for linux/amd64.
fn find_platform(children: &[Value]) -> Option<String> {
    let child = children.iter().find(|child| {
        let platform = &child["platform"];
        platform["os"] == "linux" && platform["architecture"] == "amd64"
    })?;
    Some(child["digest"].as_str()?.to_owned())
}

/// The value of `key="value"` in a challenge.
fn find_parameter<'text>(challenge: &'text str, key: &str) -> Option<&'text str> {
    let (_, rest) = challenge.split_once(&format!("{key}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameters_of_a_challenge_are_found() {
        let challenge = r#"Bearer realm="http://127.0.0.1:1/token",service="registry.docker.io",scope="repository:a/b:pull""#;
        assert_eq!(
            find_parameter(challenge, "realm"),
            Some("http://127.0.0.1:1/token")
        );
        assert_eq!(
            find_parameter(challenge, "scope"),
            Some("repository:a/b:pull")
        );
        assert_eq!(find_parameter(challenge, "error"), None);
    }

    #[test]
    fn an_index_is_searched_for_its_platform() {
        let index: Value = serde_json::json!([
            {"digest": "sha256:a", "platform": {"os": "linux", "architecture": "arm64"}},
            {"digest": "sha256:b", "platform": {"os": "linux", "architecture": "amd64"}},
        ]);
        let children = index.as_array().unwrap();
        assert_eq!(find_platform(children).as_deref(), Some("sha256:b"));
        assert_eq!(find_platform(&children[..1]), None);
    }
}

//! Who asks, as far as a request tells.
//!
//! What a client says of itself is a claim: it is counted under it and given no right by it. Under a name it is so where nobody looks at
//! passwords; elsewhere once it has shown whose it is.

use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use forebay_content::{Caller, Client, ClientKind};
use forebay_limits::printable;
use http::HeaderMap;
use http::header::{AUTHORIZATION, USER_AGENT};

/// The header by which a client says for which pod, service or job it pulls.
const WORKLOAD: &str = "forebay-workload";

/// The longest name of a client's that is taken down, in bytes.
const MAX_NAME_BYTES: usize = 128;

/// The client families by what their User-Agent holds, the more telling first, and what they are called.
const FAMILIES: [(&str, &str, ClientKind); 10] = [
    ("buildkit", "buildkit", ClientKind::Containerd),
    ("containerd", "containerd", ClientKind::Containerd),
    ("k3s/", "k3s", ClientKind::Containerd),
    ("docker/", "docker", ClientKind::Docker),
    ("skopeo/", "skopeo", ClientKind::ContainersImage),
    ("Buildah/", "buildah", ClientKind::ContainersImage),
    ("libpod/", "podman", ClientKind::ContainersImage),
    ("cri-o/", "cri-o", ClientKind::ContainersImage),
    ("containers/", "containers", ClientKind::ContainersImage),
    ("curl/", "curl", ClientKind::Other),
];

/// Reads the caller at `address` from a request, without a name yet. Only containerd's resolver adds `?ns=`, whatever its program calls
/// itself.
pub(crate) fn caller(address: Option<IpAddr>, headers: &HeaderMap, has_namespace: bool) -> Caller {
    let text = headers
        .get(USER_AGENT)
        .and_then(|agent| agent.to_str().ok())
        .unwrap_or_default();
    let family = FAMILIES.iter().find(|(mark, ..)| text.contains(mark));
    let kind = if has_namespace {
        ClientKind::Containerd
    } else {
        family.map_or(ClientKind::Other, |(.., kind)| *kind)
    };
    let agent = family.map_or_else(|| product(text).into(), |(_, name, _)| (*name).into());
    let workload = headers.get(WORKLOAD).and_then(|value| value.to_str().ok());
    Caller {
        client: Arc::new(Client {
            address,
            user: None,
            agent,
            workload: workload.and_then(name),
        }),
        kind,
    }
}

/// The same caller, by this name.
pub(crate) fn named(caller: &Caller, user: Option<Arc<str>>) -> Caller {
    let client = Client {
        user,
        ..Client::clone(&caller.client)
    };
    Caller {
        client: Arc::new(client),
        kind: caller.kind,
    }
}

/// The name that a client gives itself: that of Basic credentials (RFC 7617, section 2). The password is not looked at.
pub(crate) fn claimed_name(headers: &HeaderMap) -> Option<Arc<str>> {
    let (scheme, credentials) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = BASE64_STANDARD.decode(credentials.trim()).ok()?;
    let end = decoded.iter().position(|byte| *byte == b':')?;
    name(std::str::from_utf8(&decoded[..end]).ok()?)
}

/// A name as it is taken down: printable, bounded, and never empty.
fn name(text: &str) -> Option<Arc<str>> {
    let text = printable(text, MAX_NAME_BYTES);
    (!text.is_empty()).then(|| text.into())
}

/// The first product of a User-Agent, without its version (RFC 9110, section 10.1.5).
fn product(agent: &str) -> String {
    let product = agent.split(['/', ' ']).next().unwrap_or_default();
    printable(product, MAX_NAME_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(agent: &str, has_namespace: bool) -> Caller {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, agent.parse().unwrap());
        caller(None, &headers, has_namespace)
    }

    #[test]
    fn families_are_told_by_their_user_agents() {
        for (agent, has_namespace, kind, name) in [
            (
                "containerd/1.6.20",
                false,
                ClientKind::Containerd,
                "containerd",
            ),
            ("k3s/v1.33", true, ClientKind::Containerd, "k3s"),
            ("buildkit/v0.12", true, ClientKind::Containerd, "buildkit"),
            (
                "docker/20.10.24 go/go1.19 UpstreamClient(Docker-Client/28.2.2)",
                false,
                ClientKind::Docker,
                "docker",
            ),
            ("skopeo/1.9.3", false, ClientKind::ContainersImage, "skopeo"),
            ("libpod/4.3.1", false, ClientKind::ContainersImage, "podman"),
            ("curl/8", false, ClientKind::Other, "curl"),
            ("my-tool/1 (x)", false, ClientKind::Other, "my-tool"),
            ("", false, ClientKind::Other, ""),
        ] {
            let caller = asks(agent, has_namespace);
            assert_eq!(
                (caller.kind, &*caller.client.agent),
                (kind, name),
                "{agent}"
            );
        }
    }

    #[test]
    fn a_workload_is_taken_down_as_printable_text_of_bounded_length() {
        let workload = |sent: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(WORKLOAD, sent.parse().unwrap());
            let caller = caller(None, &headers, false);
            caller.client.workload.clone()
        };
        assert_eq!(workload("shop/web-7").as_deref(), Some("shop/web-7"));
        assert_eq!(workload(""), None);
        let long = workload(&"x".repeat(1_000)).unwrap();
        assert!((1..=MAX_NAME_BYTES).contains(&long.len()), "{long}");
    }

    #[test]
    fn of_credentials_only_the_user_is_taken_down() {
        let user = |sent: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, sent.parse().unwrap());
            assert_eq!(caller(None, &headers, false).client.user, None);
            let claimed = claimed_name(&headers);
            assert!(!format!("{claimed:?}").contains("secret"));
            claimed
        };
        let basic = |text: &str| format!("Basic {}", BASE64_STANDARD.encode(text));
        assert_eq!(user(&basic("robot$ci:secret")).as_deref(), Some("robot$ci"));
        assert_eq!(user(&basic("a:secret:secret")).as_deref(), Some("a"));
        let lower = basic("ci:secret").replace("Basic", "basic");
        assert_eq!(user(&lower).as_deref(), Some("ci"));
        // A colon is what ends the name: without one it may be the password.
        for none in [basic(":secret"), basic("secret"), basic(""), "Basic".into()] {
            assert_eq!(user(&none), None, "{none}");
        }
        for none in [
            "Basic %%%",
            "Bearer c2VjcmV0OnNlY3JldA==",
            "secret",
            "Basic /zpz",
        ] {
            assert_eq!(user(none), None, "{none}");
        }
        let long = user(&basic(&format!("{}:secret", "x".repeat(10_000)))).unwrap();
        assert!((1..=MAX_NAME_BYTES).contains(&long.len()));
        assert!(!user(&basic("a\nb:secret")).unwrap().contains('\n'));
    }
}

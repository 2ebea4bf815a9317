//! Who asks, as far as a request tells.
//!
//! What a client says of itself is a claim: it is counted under it and given no right by it.

use std::sync::Arc;

use forebay_content::{Caller, Client, ClientKind};
use forebay_http_kit::Peer;
use forebay_limits::printable;
use http::HeaderMap;
use http::header::USER_AGENT;

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

/// Reads the caller from a request. Only containerd's resolver adds `?ns=`, whatever its program calls itself.
pub(crate) fn caller(peer: Peer, headers: &HeaderMap, has_namespace: bool) -> Caller {
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
            address: peer.address.map(|address| address.ip().to_canonical()),
            user: None,
            agent,
            workload: workload
                .map(|text| printable(text, MAX_NAME_BYTES))
                .filter(|text| !text.is_empty())
                .map(Into::into),
        }),
        kind,
    }
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
        caller(Peer { address: None }, &headers, has_namespace)
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
            let caller = caller(Peer { address: None }, &headers, false);
            caller.client.workload.clone()
        };
        assert_eq!(workload("shop/web-7").as_deref(), Some("shop/web-7"));
        assert_eq!(workload(""), None);
        let long = workload(&"x".repeat(1_000)).unwrap();
        assert!((1..=MAX_NAME_BYTES).contains(&long.len()), "{long}");
    }
}

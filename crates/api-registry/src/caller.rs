//! Who asks, as far as a request tells.

use forebay_content::{Caller, ClientKind};
use forebay_http_kit::Peer;
use http::HeaderMap;
use http::header::USER_AGENT;

/// The client families by what their User-Agent holds, the more telling first.
const FAMILIES: [(&str, ClientKind); 8] = [
    ("containerd", ClientKind::Containerd),
    ("buildkit", ClientKind::Containerd),
    ("docker/", ClientKind::Docker),
    ("skopeo/", ClientKind::ContainersImage),
    ("Buildah/", ClientKind::ContainersImage),
    ("libpod/", ClientKind::ContainersImage),
    ("cri-o/", ClientKind::ContainersImage),
    ("containers/", ClientKind::ContainersImage),
];

/// Reads the caller from a request. Only containerd's resolver adds `?ns=`, whatever its program calls itself.
pub(crate) fn caller(peer: Peer, headers: &HeaderMap, has_namespace: bool) -> Caller {
    let agent = headers
        .get(USER_AGENT)
        .and_then(|agent| agent.to_str().ok())
        .unwrap_or_default();
    let family = FAMILIES
        .iter()
        .find(|(mark, _)| agent.contains(mark))
        .map(|(_, kind)| *kind);
    let kind = if has_namespace {
        ClientKind::Containerd
    } else {
        family.unwrap_or(ClientKind::Other)
    };
    Caller {
        address: peer.address.map(|address| address.ip().to_canonical()),
        kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_told_by_their_user_agents() {
        for (agent, has_namespace, kind) in [
            ("containerd/1.6.20", false, ClientKind::Containerd),
            ("k3s/v1.33", true, ClientKind::Containerd),
            (
                "docker/20.10.24 go/go1.19 UpstreamClient(Docker-Client/28.2.2)",
                false,
                ClientKind::Docker,
            ),
            ("skopeo/1.9.3", false, ClientKind::ContainersImage),
            ("libpod/4.3.1", false, ClientKind::ContainersImage),
            ("curl/8", false, ClientKind::Other),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(USER_AGENT, agent.parse().unwrap());
            assert_eq!(
                caller(Peer { address: None }, &headers, has_namespace).kind,
                kind,
                "{agent}"
            );
        }
    }
}

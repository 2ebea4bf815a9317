//! Whether a client pulls through Forebay: how it is had to pull, and what the ledger's numbers then mean.

use crate::client::Client;

/// What Forebay's ledger says was served of one repository, from one reading to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// Requests answered.
    pub requests: u64,
    /// Bytes sent.
    pub bytes: u64,
    /// Answers that were errors.
    pub errors: u64,
}

/// Where an image came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All of it came from here.
    Here,
    /// It was asked for here, and so many bytes of it came from elsewhere.
    Partly {
        /// The bytes that did not come from here.
        missing: u64,
    },
    /// It was asked for here, got an error, and came from elsewhere.
    WentOn,
    /// It was not asked for here: it came from elsewhere.
    Elsewhere,
    /// The pull failed.
    Failed {
        /// Whether it was asked for here.
        asked: bool,
    },
}

/// A way to have a client pull: the program that all three lines begin with is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeWay {
    /// Succeeds if the client has the image.
    pub has: Vec<String>,
    /// Whether that one always succeeds, and has something to say only if the image is there.
    pub is_told_by_output: bool,
    /// Pulls it.
    pub pull: Vec<String>,
    /// Has the client forget it.
    pub forget: Vec<String>,
    /// What this way does not show.
    pub note: Option<&'static str>,
}

const CTR: &str = "ctr was used, which is told of the folder of hosts.toml: whether config.toml names it to Kubernetes, only \
                   crictl would show";

const INSTANCE: &str = "this is the dockerd of this container instance: another has its own, and Fargate has no mirror";

/// The node that a cluster of kind has in any case, by the name of the cluster that it makes unless told otherwise.
const KIND_NODE: &str = "kind-control-plane";

impl Verdict {
    /// Judges by what was served while the client pulled an image of `needed` bytes of configuration and layers; `None`
    /// if it had the image before or its size is not known.
    pub fn of(pulled: bool, served: Served, needed: Option<u64>) -> Self {
        let asked = served.requests > 0;
        match (pulled, asked) {
            (false, asked) => Self::Failed { asked },
            (true, false) => Self::Elsewhere,
            (true, true) => {
                let missing = needed.unwrap_or(0).saturating_sub(served.bytes);
                match missing {
                    0 if served.errors < served.requests => Self::Here,
                    _ if served.errors > 0 => Self::WentOn,
                    missing => Self::Partly { missing },
                }
            }
        }
    }

    /// Whether all came from here.
    pub fn is_good(self) -> bool {
        self == Self::Here
    }
}

/// The ways in which a client can be had to pull `image`, the truest first; none for what is not on this machine.
pub fn probe_ways(client: Client, image: &str, certs_d: &str) -> Vec<ProbeWay> {
    let docker = way(
        &["docker", "image", "inspect"],
        &["docker", "pull"],
        &["docker", "image", "rm"],
        image,
    );
    let podman = way(
        &["podman", "image", "exists"],
        &["podman", "pull"],
        &["podman", "image", "rm"],
        image,
    );
    let crictl = |program: &[&str]| {
        let with = |rest: &[&'static str]| [program, &["crictl"], rest].concat();
        way(
            &with(&["inspecti"]),
            &with(&["pull"]),
            &with(&["rmi"]),
            image,
        )
    };
    match client {
        Client::Docker | Client::Swarm => vec![docker],
        Client::Ecs => vec![ProbeWay {
            note: Some(INSTANCE),
            ..docker
        }],
        Client::Kind => vec![crictl(&["docker", "exec", KIND_NODE])],
        Client::Podman => vec![podman],
        Client::CriO => vec![crictl(&[])],
        Client::Rke2 => vec![rke2(image), crictl(&[])],
        Client::K3s => vec![crictl(&["k3s"]), crictl(&[])],
        Client::Containerd | Client::Kubernetes => vec![crictl(&[]), ctr(image, certs_d)],
        _ => Vec::new(),
    }
}

fn way(has: &[&str], pull: &[&str], forget: &[&str], image: &str) -> ProbeWay {
    let line = |words: &[&str]| {
        let words = words.iter().filter(|word| !word.is_empty());
        words
            .map(|&word| word.to_owned())
            .chain([image.to_owned()])
            .collect()
    };
    ProbeWay {
        has: line(has),
        pull: line(pull),
        forget: line(forget),
        is_told_by_output: false,
        note: None,
    }
}

/// RKE2 brings a crictl of its own, where no PATH leads, with the address of its containerd.
fn rke2(image: &str) -> ProbeWay {
    const CRICTL: &str = "/var/lib/rancher/rke2/bin/crictl";
    const CONFIG: &str = "/var/lib/rancher/rke2/agent/etc/crictl.yaml";
    let with = |command| [CRICTL, "--config", CONFIG, command];
    way(&with("inspecti"), &with("pull"), &with("rmi"), image)
}

fn ctr(image: &str, certs_d: &str) -> ProbeWay {
    let ctr = way(
        &[],
        &["ctr", "images", "pull", "--hosts-dir", certs_d],
        &["ctr", "images", "rm", "--sync"],
        image,
    );
    let filter = format!("name=={image}");
    ProbeWay {
        has: ["ctr", "images", "ls", "--quiet", &filter]
            .map(str::to_owned)
            .to_vec(),
        is_told_by_output: true,
        note: Some(CTR),
        ..ctr
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_pulls_with_what_it_has_and_some_cannot_be_had_to() {
        let image = "docker.io/library/a:1";
        let pulls = |client| -> Vec<String> {
            let ways = probe_ways(client, image, "/certs.d");
            ways.iter().map(|way| way.pull.join(" ")).collect()
        };
        for (client, expected) in [
            (Client::Ecs, &["docker pull docker.io/library/a:1"][..]),
            (
                Client::Kind,
                &["docker exec kind-control-plane crictl pull docker.io/library/a:1"],
            ),
            (
                Client::K3s,
                &[
                    "k3s crictl pull docker.io/library/a:1",
                    "crictl pull docker.io/library/a:1",
                ],
            ),
            (
                Client::Rke2,
                &[
                    "/var/lib/rancher/rke2/bin/crictl --config /var/lib/rancher/rke2/agent/etc/crictl.yaml pull \
                     docker.io/library/a:1",
                    "crictl pull docker.io/library/a:1",
                ],
            ),
            (Client::Buildkit, &[]),
            (Client::Kaniko, &[]),
            (Client::GithubActions, &[]),
            (Client::GitlabCi, &[]),
        ] {
            assert_eq!(pulls(client), expected, "{client}");
        }
    }

    #[test]
    fn numbers_tell_where_an_image_came_from() {
        let served = |requests, bytes, errors| Served {
            requests,
            bytes,
            errors,
        };
        for (pulled, served, needed, verdict) in [
            (true, served(5, 3_000, 0), Some(2_900), Verdict::Here),
            (true, served(1, 500, 0), None, Verdict::Here),
            // An error on the way (a token, a range that was asked again) that cost no byte.
            (true, served(6, 3_000, 1), Some(2_900), Verdict::Here),
            (
                true,
                served(2, 500, 0),
                Some(2_900),
                Verdict::Partly { missing: 2_400 },
            ),
            (true, served(2, 100, 2), Some(2_900), Verdict::WentOn),
            (true, served(2, 100, 2), None, Verdict::WentOn),
            (true, served(0, 0, 0), Some(2_900), Verdict::Elsewhere),
            (
                false,
                served(3, 10, 3),
                Some(1),
                Verdict::Failed { asked: true },
            ),
            (
                false,
                served(0, 0, 0),
                None,
                Verdict::Failed { asked: false },
            ),
        ] {
            assert_eq!(Verdict::of(pulled, served, needed), verdict);
        }
    }
}

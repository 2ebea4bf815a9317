//! What to do where no TLS comes about with a registry, by what is wrong with it.
//!
//! Each fault has a cure of its own, and each client a file of its own: Docker looks for an authority under `certs.d`, containerd
//! in `hosts.toml`, k3s and RKE2 have it said in `registries.yaml` (docs.k3s.io, "Private Registry Configuration"), podman and CRI-O in
//! `registries.conf`.

use forebay_diagnosis::facts::name_and_port;
use forebay_failures::is_public_registry;

use super::login::Registry;
use super::{Ground, WayKind, WayOut};
use crate::document::Code;
use crate::{Platform, TlsFault};

/// Docker Hub, as its clients ask it.
const HUB: &str = "registry-1.docker.io";

/// Who asks the registry: each has its own files.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Client {
    Docker,
    Containerd,
    Podman,
}

impl Client {
    /// Where it looks for what it needs with a registry.
    fn folder(self, host: &str) -> String {
        let of = match self {
            Self::Docker => "docker",
            Self::Containerd => "containerd",
            Self::Podman => "containers",
        };
        format!("/etc/{of}/certs.d/{host}")
    }
}

/// The registry, and who asks it.
struct Asked {
    host: String,
    clients: Vec<Client>,
}

/// The way for the registry of the cause.
pub(super) fn way(ground: &Ground<'_>, registry: &Registry) -> Option<WayOut> {
    let cause = ground.diagnosis.cause.as_ref()?;
    let is_unknown = cause.registry.is_none();
    let asked = Asked {
        host: match registry {
            Registry::Hub if is_unknown => "<registry>".to_owned(),
            Registry::Hub => HUB.to_owned(),
            other => other.at().trim().to_owned(),
        },
        clients: clients(ground),
    };
    let is_public = is_public_registry(&asked.host);
    Some(match cause.tls? {
        TlsFault::NoTls if is_public => asked.let_through(),
        TlsFault::NoTls => asked.speak_plain(),
        TlsFault::TlsWanted => asked.speak_tls(),
        TlsFault::ClientCertificate => asked.show_certificate(),
        TlsFault::CertificateExpired | TlsFault::CertificateNotYetValid => asked.renew(),
        TlsFault::CertificateWrongName => asked.name_right(),
        TlsFault::CertificateUnknownIssuer => asked.trust(is_public),
        TlsFault::Certificate | TlsFault::TlsFailed => asked.see_why(),
    })
}

/// Whose words the lines are in, else those that the platform has.
fn clients(ground: &Ground<'_>) -> Vec<Client> {
    let quotes = ground.diagnosis.evidence.as_slice();
    let says = |words: &[&str]| {
        let mut all = quotes.iter();
        all.any(|quote| words.iter().any(|word| quote.text.contains(word)))
    };
    if says(&[
        "pinging container registry",
        "initializing source docker://",
    ]) {
        return vec![Client::Podman];
    }
    if says(&["Error response from daemon", "dockerd"]) {
        return vec![Client::Docker];
    }
    if says(&["kubelet", "failed to pull and unpack image"]) {
        return vec![Client::Containerd];
    }
    match ground.facts.platform {
        Some(Platform::Kubernetes) => vec![Client::Containerd],
        // Nobody sets up the machines of Fargate.
        Some(Platform::Ecs) if ground.facts.is_fargate == Some(true) => Vec::new(),
        Some(_) => vec![Client::Docker],
        None => vec![Client::Docker, Client::Containerd],
    }
}

impl Asked {
    /// What certificate it shows, as far as is asked for.
    fn look(&self, asked: &str) -> String {
        let (name, port) = name_and_port(&self.host);
        format!(
            "openssl s_client -connect {name}:{port} -servername {name} </dev/null 2>/dev/null | openssl x509 -noout {asked}"
        )
    }

    /// A step for each client that asks.
    fn for_each(&self, way: WayOut, step: impl Fn(WayOut, Client) -> WayOut) -> WayOut {
        self.clients.iter().copied().fold(way, step)
    }

    fn let_through(&self) -> WayOut {
        let host = &self.host;
        mend(
            format!("have TLS let through to {host}"),
            "What answers in its place speaks no TLS: a proxy, or a portal that wants a login first.",
        )
        .run(
            "On the machine that pulls: who answers, and is a proxy set?",
            format!(
                "curl -sS -o /dev/null -w '%{{http_code}} %{{remote_ip}}\\n' http://{host}/v2/\nsystemctl show --property=Environment docker containerd"
            ),
        )
    }

    fn speak_plain(&self) -> WayOut {
        let host = &self.host;
        let title = format!("give {host} a certificate");
        let why = "No certificate that is trusted helps: what answers there speaks no TLS.";
        let way = if self.clients.is_empty() {
            let why = format!("{why} Nothing tells Fargate to speak plain HTTP.");
            mend(title, why)
        } else {
            let why = format!(
                "{why} By plain HTTP others on the way can read logins and change images; it is for a network of your own."
            );
            mend(format!("{title}, or have plain HTTP spoken to it"), why)
        };
        let way = way.run(
            "Is it plain HTTP? 200 and 401 are good answers.",
            format!("curl -sS -o /dev/null -w '%{{http_code}}\\n' http://{host}/v2/"),
        );
        self.for_each(way, |way, client| match client {
            Client::Docker => way
                .step(
                    "Docker, on each machine that pulls: in /etc/docker/daemon.json, beside what is there.",
                    Some(Code::of("json", format!("{{\"insecure-registries\": [\"{host}\"]}}"))),
                )
                .run("Docker takes that without a restart.", "sudo systemctl reload docker"),
            Client::Containerd => {
                let way = way.step(
                    self.hosts_file(),
                    Some(Code::of("toml", self.hosts_toml("http", ""))),
                );
                Self::with_rancher(way, self.mirror_yaml())
            }
            Client::Podman => way.step(
                "podman and CRI-O, on each machine that pulls: at the end of /etc/containers/registries.conf.",
                Some(Code::of(
                    "toml",
                    format!("[[registry]]\nlocation = \"{host}\"\ninsecure = true"),
                )),
            ),
        })
    }

    /// Where containerd has it said; it reads that anew for each pull.
    fn hosts_file(&self) -> String {
        format!(
            "containerd, on each node: {}/hosts.toml, read without a restart where config_path in its config.toml is /etc/containerd/certs.d.",
            Client::Containerd.folder(&self.host)
        )
    }

    /// The same for k3s and RKE2, which write that file themselves when they start.
    fn with_rancher(way: WayOut, yaml: String) -> WayOut {
        way.step(
            "k3s, on each node, instead of that file: /etc/rancher/k3s/registries.yaml, beside what is there. RKE2: /etc/rancher/rke2/registries.yaml.",
            Some(Code::of("yaml", yaml)),
        )
        .run(
            "They read it when they start; what runs goes on.",
            "sudo systemctl restart k3s   # an agent: k3s-agent; RKE2: rke2-server, an agent: rke2-agent",
        )
    }

    fn mirror_yaml(&self) -> String {
        let host = &self.host;
        format!("mirrors:\n  \"{host}\":\n    endpoint:\n      - \"http://{host}\"")
    }

    /// What k3s and RKE2 call these files of the folder that was made for containerd.
    fn tls_yaml(&self, files: &[(&str, &str)]) -> String {
        let (host, folder) = (&self.host, Client::Containerd.folder(&self.host));
        let files = files
            .iter()
            .map(|(key, file)| format!("\n      {key}: {folder}/{file}"));
        let files: String = files.collect();
        format!("configs:\n  \"{host}\":\n    tls:{files}")
    }

    fn hosts_toml(&self, scheme: &str, more: &str) -> String {
        let host = &self.host;
        format!(
            "server = \"{scheme}://{host}\"\n\n[host.\"{scheme}://{host}\"]\n  capabilities = [\"pull\", \"resolve\"]{more}"
        )
    }

    fn speak_tls(&self) -> WayOut {
        let host = &self.host;
        mend(
            format!("speak HTTPS to {host}"),
            "It wants HTTPS: a client's file names it by http://, or among those that are insecure.",
        )
        .run(
            "On the machine that pulls: which file? Take it out there.",
            format!("sudo grep -rnF '{host}' /etc/docker /etc/containerd /etc/containers"),
        )
    }

    fn show_certificate(&self) -> WayOut {
        let host = &self.host;
        let way = mend(
            format!("show {host} a certificate of the client"),
            "Who runs the registry signs one for you: client.cert, with its key in client.key.",
        );
        self.for_each(way, |way, client| match client {
            Client::Docker => way.run(
                "Docker, on each machine that pulls.",
                install_pair(&client.folder(host)),
            ),
            Client::Podman => way.run(
                "podman and CRI-O, on each machine that pulls.",
                install_pair(&client.folder(host)),
            ),
            Client::Containerd => {
                let folder = client.folder(host);
                let pair =
                    format!("\n  client = [[\"{folder}/client.cert\", \"{folder}/client.key\"]]");
                let way = way.run("On each node.", install_pair(&folder)).step(
                    self.hosts_file(),
                    Some(Code::of("toml", self.hosts_toml("https", &pair))),
                );
                let pair = [("cert_file", "client.cert"), ("key_file", "client.key")];
                Self::with_rancher(way, self.tls_yaml(&pair))
            }
        })
    }

    fn renew(&self) -> WayOut {
        mend(
            format!("set the clock right, or have the certificate of {} renewed", self.host),
            "By the clock of the machine that pulls, it is not the certificate's time. Where that clock is right, who runs the registry has to renew it.",
        )
        .run(
            "On the machine that pulls: what time is it, and for which time is the certificate?",
            format!("date -u\n{}", self.look("-dates")),
        )
        .run("Where the time is wrong.", "sudo timedatectl set-ntp true")
    }

    fn name_right(&self) -> WayOut {
        let (name, _) = name_and_port(&self.host);
        mend(
            format!("ask {} by a name that its certificate has", self.host),
            "Another server answers for it, or it is asked by an address or a name for which its certificate was not made.",
        )
        .run(
            "For which names is it, and who answers?",
            format!("{}\ngetent hosts {name}", self.look("-subject -ext subjectAltName")),
        )
        .step(
            format!("Write one of those names in the image; or have the certificate made anew with {name} among its subjectAltNames."),
            None,
        )
    }

    fn trust(&self, is_public: bool) -> WayOut {
        let host = &self.host;
        let way = mend(
                format!("have the authority trusted that signed the certificate of {host}"),
                "It is an authority of your own, or a proxy that breaks TLS open: trust it only if it is meant to be there.",
            )
            .run("Who signed it?", self.look("-issuer -subject -dates"));
        if self.clients.is_empty() {
            return way.step(
                "Fargate trusts public authorities alone: have the certificate signed by one, or the registry asked past the proxy.",
                None,
            );
        }
        if is_public {
            // All that the machine asks comes through the same proxy.
            return way.run(
                "The authority's certificate is in ca.crt: on each machine that pulls.",
                "sudo install -m 644 ca.crt /usr/local/share/ca-certificates/proxy.crt && sudo update-ca-certificates   # Red Hat: /etc/pki/ca-trust/source/anchors, update-ca-trust\nsudo systemctl restart docker   # or containerd, crio",
            );
        }
        self.for_each(way, |way, client| match client {
            Client::Docker => way.run(
                "Docker, on each machine that pulls: the authority's certificate is in ca.crt. It needs no restart.",
                install_authority(&client.folder(host)),
            ),
            Client::Podman => way.run(
                "podman and CRI-O, on each machine that pulls: the authority's certificate is in ca.crt.",
                install_authority(&client.folder(host)),
            ),
            Client::Containerd => {
                let folder = client.folder(host);
                let authority = format!("\n  ca = \"{folder}/ca.crt\"");
                let way = way
                    .run(
                        "On each node: the authority's certificate is in ca.crt.",
                        install_authority(&folder),
                    )
                    .step(
                        self.hosts_file(),
                        Some(Code::of("toml", self.hosts_toml("https", &authority))),
                    );
                Self::with_rancher(way, self.tls_yaml(&[("ca_file", "ca.crt")]))
            }
        })
    }

    fn see_why(&self) -> WayOut {
        let (name, port) = name_and_port(&self.host);
        mend(
            format!("see why no TLS comes about with {}", self.host),
            "The versions or ciphers of the two sides differ, something in between ends it, or the certificate is odd.",
        )
        .run(
            "On the machine that pulls: the last lines say why.",
            format!("openssl s_client -connect {name}:{port} -servername {name} </dev/null\ndate -u"),
        )
    }
}

fn mend(title: impl Into<String>, why: impl Into<String>) -> WayOut {
    WayOut::new(WayKind::Mend, title, why)
}

fn install_authority(folder: &str) -> String {
    format!("sudo install -D -m 644 ca.crt {folder}/ca.crt")
}

fn install_pair(folder: &str) -> String {
    format!(
        "sudo install -D -m 644 client.cert {folder}/client.cert\nsudo install -D -m 600 client.key {folder}/client.key"
    )
}

//! What the plans of a client write, and nothing else: the measure of a record that anybody may have put there.
//!
//! A record lies beside the client's file, and so comes with a repository: it is believed for these paths alone.

use crate::client::Client;
use crate::clients::{CONTAINERD_CERTS_D, kind_certs_d, named_certs_d};

/// The name of the files in [`Reach::certs_d`].
pub const HOSTS_TOML: &str = "hosts.toml";

/// What the plans of a client write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Files.
    pub files: Vec<String>,
    /// Folders with a folder for each registry, which holds one [`HOSTS_TOML`].
    pub certs_d: Vec<String>,
}

impl Reach {
    /// What is written for a client whose own file may have been named, and holds this text now.
    pub fn of(client: Client, file: Option<&str>, text: Option<&str>) -> Self {
        let usual = client.usual_files();
        let mut files: Vec<String> = usual.iter().map(|&path| path.to_owned()).collect();
        if let Some(file) = file {
            // It takes the place of the first.
            files.splice(..files.len().min(1), [file.to_owned()]);
        }
        let own = files.first().map_or("", String::as_str);
        let certs_d = match client {
            Client::Containerd => {
                let named = text.and_then(|text| named_certs_d(own, text));
                let usual = CONTAINERD_CERTS_D.to_owned();
                [usual].into_iter().chain(named).collect()
            }
            Client::Kind => vec![kind_certs_d(own)],
            _ => Vec::new(),
        };
        Self { files, certs_d }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_writes_its_own_file_and_hosts_below_its_folders() {
        let kind = Reach::of(Client::Kind, Some("ci/kind.yaml"), None);
        assert_eq!(kind.files, ["ci/kind.yaml"]);
        assert_eq!(kind.certs_d, ["ci/forebay-certs.d"]);
        let k3s = Reach::of(Client::K3s, Some("r.yaml"), None);
        assert_eq!(k3s.files, ["r.yaml", "/etc/rancher/k3s/config.yaml"]);
        assert!(
            Reach::of(Client::GithubActions, None, None)
                .files
                .is_empty()
        );
        let text = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"/opt/certs.d\"\n";
        let containerd = Reach::of(Client::Containerd, None, Some(text));
        assert_eq!(containerd.files, ["/etc/containerd/config.toml"]);
        assert_eq!(
            containerd.certs_d,
            ["/etc/containerd/certs.d", "/opt/certs.d"]
        );
    }
}

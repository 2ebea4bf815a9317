//! Which mirrors this machine's clients are configured with: Docker, containerd, k3s and RKE2, podman and its kin.
//!
//! Reads their files. One that cannot be read as what it should be is told as such: its client cannot read it either.

use std::io::Read as _;
use std::path::Path;

use forebay_references::{At, read_yaml};
use forebay_terminal::plain_file;
use toml::Table;
use url::Url;

/// The most bytes of a file.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// The most mirrors of one file.
const MAX_MIRRORS: usize = 8;

/// What a file's text names, as addresses or as hosts.
type Reader = fn(&str) -> Option<Vec<String>>;

/// Where clients keep them.
const FILES: [(&str, Reader); 6] = [
    ("etc/docker/daemon.json", docker),
    ("etc/containerd/certs.d/docker.io/hosts.toml", containerd),
    ("etc/containerd/certs.d/_default/hosts.toml", containerd),
    ("etc/rancher/k3s/registries.yaml", rancher),
    ("etc/rancher/rke2/registries.yaml", rancher),
    ("etc/containers/registries.conf", podman),
];

/// Each mirror of Docker Hub's with the file that names it.
pub(super) fn read(root: &Path) -> Vec<(String, Result<Url, String>)> {
    let mut all = Vec::new();
    for (path, reader) in FILES {
        let Some(text) = text(&root.join(path)) else {
            continue;
        };
        let name = format!("/{path}");
        match reader(&text) {
            None => all.push((
                name,
                Err("it cannot be read: its client cannot either".to_owned()),
            )),
            Some(mirrors) => all.extend(mirrors.iter().take(MAX_MIRRORS).map(|mirror| {
                let url = parse(mirror).ok_or_else(|| "a mirror in it is no address".to_owned());
                (name.clone(), url)
            })),
        }
    }
    all
}

fn text(path: &Path) -> Option<String> {
    let mut text = String::new();
    let file = plain_file::open(path).ok()?;
    file.take(MAX_FILE_BYTES).read_to_string(&mut text).ok()?;
    Some(text)
}

/// An address without what it may hold of a user.
fn parse(text: &str) -> Option<Url> {
    let text = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    let mut url = Url::parse(&text).ok().filter(Url::has_host)?;
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    matches!(url.scheme(), "http" | "https").then_some(url)
}

fn docker(text: &str) -> Option<Vec<String>> {
    let file: serde_json::Value = serde_json::from_str(text).ok()?;
    let mirrors = file
        .get("registry-mirrors")
        .and_then(serde_json::Value::as_array);
    let mirrors = mirrors
        .into_iter()
        .flatten()
        .filter_map(serde_json::Value::as_str);
    Some(mirrors.map(str::to_owned).collect())
}

fn containerd(text: &str) -> Option<Vec<String>> {
    let file: Table = text.parse().ok()?;
    let hosts = file.get("host").and_then(toml::Value::as_table);
    Some(hosts.into_iter().flat_map(Table::keys).cloned().collect())
}

/// k3s and RKE2: the mirrors of `docker.io`, or those of `*`, which stand in for a registry without its own.
///
/// Keys by <https://docs.k3s.io/installation/private-registry>.
fn rancher(text: &str) -> Option<Vec<String>> {
    let (trees, notes) = read_yaml(text);
    if !notes.is_empty() {
        return None;
    }
    let Some(tree) = trees.first() else {
        return Some(Vec::new());
    };
    let root = At::root(tree);
    if !is(root, At::is_map) {
        return None;
    }
    let Some(mirrors) = root.get("mirrors") else {
        return Some(Vec::new());
    };
    if !is(mirrors, At::is_map) {
        return None;
    }
    let of_hub = mirrors.get("docker.io").or_else(|| mirrors.get("*"));
    let Some(endpoints) = of_hub.and_then(|mirror| mirror.get("endpoint")) else {
        return Some(Vec::new());
    };
    let all = endpoints.items().filter_map(At::text);
    is(endpoints, At::is_list).then(|| all.map(str::to_owned).collect())
}

/// Whether a node is what it should be, or nothing at all.
fn is<'a>(node: At<'a>, wanted: fn(At<'a>) -> bool) -> bool {
    wanted(node) || matches!(node.text(), Some("" | "~" | "null"))
}

fn podman(text: &str) -> Option<Vec<String>> {
    let file: Table = text.parse().ok()?;
    let registries = file.get("registry").and_then(toml::Value::as_array);
    let is_hub = |registry: &&toml::Value| {
        let names = ["prefix", "location"]
            .iter()
            .filter_map(|key| registry.get(*key));
        names
            .filter_map(toml::Value::as_str)
            .any(|name| name == "docker.io")
    };
    let mut all = Vec::new();
    for registry in registries.into_iter().flatten().filter(is_hub) {
        let mirrors = registry.get("mirror").and_then(toml::Value::as_array);
        for mirror in mirrors.into_iter().flatten() {
            let is_plain = mirror.get("insecure").and_then(toml::Value::as_bool) == Some(true);
            let scheme = if is_plain { "http" } else { "https" };
            if let Some(location) = mirror.get("location").and_then(toml::Value::as_str) {
                all.push(format!("{scheme}://{location}"));
            }
        }
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_are_found_where_clients_keep_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
            std::fs::write(path, text).expect("a file");
        };
        assert!(read(folder.path()).is_empty());
        write(
            "etc/docker/daemon.json",
            r#"{"registry-mirrors": ["http://u:p@10.0.0.1:5000"]}"#,
        );
        write(
            "etc/containerd/certs.d/docker.io/hosts.toml",
            "server = \"https://docker.io\"\n[host.\"http://10.0.0.2:5000\"]\ncapabilities = [\"pull\"]\n",
        );
        write(
            "etc/rancher/k3s/registries.yaml",
            "mirrors:\n  \"*\":\n    endpoint: [\"http://wrong:5000\"]\n  docker.io:\n    endpoint:\n      - \"http://u:p@10.0.0.3:5000\"\n      - cache.example\n\
             configs:\n  cache.example:\n    auth: {username: u, password: p}\n",
        );
        write(
            "etc/rancher/rke2/registries.yaml",
            "mirrors:\n  ghcr.io:\n    endpoint: [\"http://wrong:5000\"]\n  \"*\":\n    endpoint: [\"http://10.0.0.4:5000/\"]\n",
        );
        write(
            "etc/containers/registries.conf",
            "[[registry]]\nlocation = \"docker.io\"\n[[registry.mirror]]\nlocation = \"cache:5000\"\ninsecure = true\n\
             [[registry]]\nlocation = \"quay.io\"\n[[registry.mirror]]\nlocation = \"other:5000\"\n",
        );
        let urls: Vec<String> = read(folder.path())
            .into_iter()
            .map(|(_, url)| url.expect("an address").to_string())
            .collect();
        assert_eq!(
            urls,
            [
                "http://10.0.0.1:5000/",
                "http://10.0.0.2:5000/",
                "http://10.0.0.3:5000/",
                "https://cache.example/",
                "http://10.0.0.4:5000/",
                "http://cache:5000/"
            ]
        );
        write("etc/docker/daemon.json", "{ broken");
        assert!(read(folder.path())[0].1.is_err());
    }

    #[test]
    fn a_registries_yaml_is_read_as_its_client_reads_it_or_not_at_all() {
        for text in [
            "",
            "# none\n",
            "mirrors:\n",
            "configs: {}\n",
            "mirrors:\n  docker.io:\n",
        ] {
            assert_eq!(rancher(text), Some(Vec::new()), "{text}");
        }
        for text in [
            "- mirrors\n",
            "mirrors: [a]\n",
            "mirrors: {docker.io: {endpoint: {a: b}}}\n",
            "mirrors:\n  docker.io:\n   endpoint: [a\n",
        ] {
            assert_eq!(rancher(text), None, "{text}");
        }
    }
}

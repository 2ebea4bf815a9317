//! Which mirrors this machine's clients are configured with: Docker, containerd, k3s and RKE2, podman and its kin.
//!
//! Reads their files. One that cannot be read as what it should be is told as such: its client cannot read it either. So is what
//! was not looked at.

use std::io::{self, Read as _};
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

/// What a file names, as far as it could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mirror {
    /// A mirror, at this address.
    At(Url),
    /// What its client cannot make use of either, and why.
    Broken(&'static str),
    /// What was not looked at, and why.
    Unread(String),
}

/// Each mirror of Docker Hub's with the file that names it.
pub(super) fn read(root: &Path) -> Vec<(String, Mirror)> {
    let mut all = Vec::new();
    for (path, reader) in FILES {
        let mirrors = match text(&root.join(path)) {
            Ok(text) => named(&text, reader),
            Err(error) if is_nowhere(&error) => Vec::new(),
            Err(error) => vec![Mirror::Unread(why_unread(&error))],
        };
        all.extend(mirrors.into_iter().map(|one| (format!("/{path}"), one)));
    }
    all
}

/// The mirrors in a file's text.
fn named(text: &str, reader: Reader) -> Vec<Mirror> {
    let Some(mirrors) = reader(text) else {
        return vec![Mirror::Broken(
            "it cannot be read: its client cannot either",
        )];
    };
    let broken = Mirror::Broken("a mirror in it is no address");
    let parsed = |mirror: &String| parse(mirror).map_or(broken.clone(), Mirror::At);
    let mut all: Vec<Mirror> = mirrors.iter().take(MAX_MIRRORS).map(parsed).collect();
    if mirrors.len() > MAX_MIRRORS {
        let more = mirrors.len() - MAX_MIRRORS;
        all.push(Mirror::Unread(format!(
            "it names {more} mirrors more than the {MAX_MIRRORS} that are asked"
        )));
    }
    all
}

fn text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let file = plain_file::open(path)?;
    if file.metadata()?.len() > MAX_FILE_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    file.take(MAX_FILE_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// Whether there is no such file.
fn is_nowhere(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn why_unread(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "not looked at: it may not be read, but by root: sudo forebay doctor --probe".to_owned()
        }
        io::ErrorKind::InvalidData => "not looked at: it is no text in UTF-8".to_owned(),
        io::ErrorKind::FileTooLarge => format!(
            "not looked at: it is longer than {} MiB",
            MAX_FILE_BYTES >> 20
        ),
        _ => format!("not looked at: {error}"),
    }
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
            .map(|(_, mirror)| match mirror {
                Mirror::At(url) => url.to_string(),
                other => panic!("no address: {other:?}"),
            })
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
        assert!(matches!(read(folder.path())[0].1, Mirror::Broken(_)));
    }

    #[test]
    fn what_was_not_looked_at_is_told_and_not_called_broken() {
        let folder = tempfile::tempdir().expect("a folder");
        let docker = folder.path().join("etc/docker");
        std::fs::create_dir_all(&docker).expect("folders");
        let write = |text: &[u8]| std::fs::write(docker.join("daemon.json"), text).expect("a file");
        let told = || {
            let all = read(folder.path()).into_iter();
            let unread = all.filter_map(|(_, mirror)| match mirror {
                Mirror::Unread(why) => Some(why),
                _ => None,
            });
            unread.collect::<Vec<_>>().join("\n")
        };
        write(b"{\"registry-mirrors\": [\"http://caf\xe9:5000\"]}");
        assert_eq!(told(), "not looked at: it is no text in UTF-8");
        let long = format!("{{\"a\": \"{}\"}}", "x".repeat(1 << 20));
        write(long.as_bytes());
        assert_eq!(told(), "not looked at: it is longer than 1 MiB");
        let many = "\"http://cache:5000\",".repeat(MAX_MIRRORS + 2);
        write(format!("{{\"registry-mirrors\": [{many}\"http://last\"]}}").as_bytes());
        assert_eq!(told(), "it names 3 mirrors more than the 8 that are asked");
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        assert!(why_unread(&denied).contains("by root"));
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

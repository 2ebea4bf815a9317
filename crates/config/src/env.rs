//! The environment: taken once, and the mechanical names of keys in it.
//!
//! The only module that reads environment variables. `FOREBAY_` names map to keys by [`variable_name`], never by hand.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use forebay_upstream::AwsEnvironment;

/// What begins the name of every variable that is ours.
const PREFIX: &str = "FOREBAY_";

/// The variable that stands for `--config`; it names the file and so can be no key in it.
pub const CONFIG_FILE: &str = "FOREBAY_CONFIG";

/// Where AWS's own tools look for a region, in their order.
pub(super) const AWS_REGION: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

/// What begins the names that AWS's standard credential chain reads.
const AWS_PREFIX: &str = "AWS_";

/// Under which that chain finds its files.
const HOME: &str = "HOME";

/// What curl and Go's clients read, the form that wins first.
pub(super) const HTTPS_PROXY: [&str; 2] = ["https_proxy", "HTTPS_PROXY"];
/// As [`HTTPS_PROXY`].
pub(super) const HTTP_PROXY: [&str; 2] = ["http_proxy", "HTTP_PROXY"];
/// As [`HTTPS_PROXY`].
pub(super) const ALL_PROXY: [&str; 2] = ["all_proxy", "ALL_PROXY"];
/// As [`HTTPS_PROXY`].
pub(super) const NO_PROXY: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// The variables that Forebay looks at, as they were when it started.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    /// Names of ours whose values are not UTF-8.
    unreadable: Vec<String>,
}

impl Environment {
    /// Takes the process's own environment.
    pub fn capture() -> Self {
        let mut environment = Self::default();
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else {
                continue;
            };
            match value.into_string() {
                Ok(value) => environment.keep(name, value),
                Err(_) if is_ours(&name) => environment.unreadable.push(name),
                Err(_) => {}
            }
        }
        environment
    }

    /// Takes these variables.
    pub fn of<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut environment = Self::default();
        for (name, value) in variables {
            environment.keep(name.to_owned(), value.to_owned());
        }
        environment
    }

    /// The first of `names` that is set and not empty, with its name.
    pub(super) fn find_first<'a>(&self, names: &[&'a str]) -> Option<(&'a str, &str)> {
        names.iter().find_map(|name| {
            let value = self.variables.get(*name)?;
            (!value.is_empty()).then_some((*name, value.as_str()))
        })
    }

    /// Those that set keys, by name: ours, without those that an orchestrator puts there for a service named like us.
    pub(super) fn settings(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(name, value)| {
                is_ours(name) && *name != CONFIG_FILE && !is_service_link(name, value)
            })
    }

    /// What AWS's standard credential chain reads.
    pub fn aws(&self) -> AwsEnvironment {
        let is_aws = |(name, _): &(&String, &String)| name.starts_with(AWS_PREFIX);
        let variables = self.variables.iter().filter(is_aws);
        AwsEnvironment {
            variables: variables
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            home: self.variables.get(HOME).map(PathBuf::from),
        }
    }

    /// The names of ours whose values cannot be read.
    pub(super) fn unreadable(&self) -> &[String] {
        &self.unreadable
    }

    fn keep(&mut self, name: String, value: String) {
        let proxies = [HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY];
        let is_proxy = proxies.iter().flatten().any(|known| *known == name);
        if is_ours(&name) || is_proxy || name.starts_with(AWS_PREFIX) || name == HOME {
            self.variables.insert(name, value);
        }
    }
}

impl fmt::Debug for Environment {
    /// Names only: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

/// The variable that overrides a key: `cache.max_size` is `FOREBAY_CACHE__MAX_SIZE`.
pub(super) fn variable_name<'a>(path: impl IntoIterator<Item = &'a str>) -> String {
    let parts: Vec<String> = path.into_iter().map(mangled).collect();
    format!("{PREFIX}{}", parts.join("__"))
}

/// One part of a key as variables have it: upper case, everything else than letters and digits is `_`.
fn mangled(part: &str) -> String {
    part.chars()
        .map(|c| match c.to_ascii_uppercase() {
            upper if upper.is_ascii_alphanumeric() => upper,
            _ => '_',
        })
        .collect()
}

fn is_ours(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// Kubernetes and Docker links set `FOREBAY_SERVICE_HOST`, `FOREBAY_PORT_5000_TCP` and their like in every pod next to
/// a service named `forebay` or `forebay-something`. They are nobody's settings, and no key of ours looks like them.
/// Source: Kubernetes' "Accessing the Service: Environment variables".
fn is_service_link(name: &str, value: &str) -> bool {
    // With its underscore: the service's own name may be all of the prefix.
    let name = &name[PREFIX.len() - 1..];
    let after = |mark: &str| name.rfind(mark).map(|at| &name[at + mark.len()..]);
    if name.ends_with("_SERVICE_HOST") || after("_SERVICE_PORT").is_some_and(is_suffix) {
        return true;
    }
    let without_detail = ["_PROTO", "_PORT", "_ADDR"];
    let without_detail = without_detail
        .iter()
        .find_map(|detail| name.strip_suffix(detail));
    // A port alone is what somebody wrote who meant `listen`.
    name.ends_with("_PORT") && is_link_address(value)
        || is_link_port(name)
        || without_detail.is_some_and(is_link_port)
}

/// Whether it is what such a link holds: `tcp://10.0.0.1:5000`.
fn is_link_address(value: &str) -> bool {
    let scheme = value.split_once("://").map(|(scheme, _)| scheme);
    matches!(scheme, Some("tcp" | "udp" | "sctp"))
}

/// `…_PORT_5000_TCP`
fn is_link_port(name: &str) -> bool {
    let mut parts = name.rsplit('_');
    matches!(parts.next(), Some("TCP" | "UDP" | "SCTP"))
        && parts.next().is_some_and(|port| port.parse::<u16>().is_ok())
        && parts.next() == Some("PORT")
}

fn is_suffix(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('_')
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use super::*;
    use crate::file::{NAME, SECTIONS};
    use crate::section::Key;
    use crate::value::{AllowFile, ListItem as _, Shape, TimeSpan, Value as _};
    use crate::{Flags, Origin, ShownSetting, Sources, show};

    #[test]
    fn a_key_has_one_mechanical_name() {
        assert_eq!(variable_name(["listen"]), "FOREBAY_LISTEN");
        assert_eq!(
            variable_name(["cache", "max_size"]),
            "FOREBAY_CACHE__MAX_SIZE"
        );
        assert_eq!(
            variable_name(["upstreams", "my-hub.example:5000", "password_file"]),
            "FOREBAY_UPSTREAMS__MY_HUB_EXAMPLE_5000__PASSWORD_FILE"
        );
    }

    /// A value that `key` takes, and what else has to be set for it to mean something.
    fn example(key: &Key, files: &Path) -> (String, &'static [(&'static str, &'static str)]) {
        let written = |name: &str, text: &str| {
            let path = files.join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            path.display().to_string()
        };
        let value = match key.name {
            "listen" => "127.0.0.9:5000",
            "root" => "quay.io",
            "lifecycle" => r#"[{ repositories = ["team/*"], tags = ["v*"], keep_newest = 10 }]"#,
            "equivalents" => r#"[{ from = "docker.io/library/*", to = ["quay.io/library/*"] }]"#,
            "url" | "aws_endpoint" => "https://registry.example",
            "token_hosts" | "blob_hosts" | "hosts" => "a.example:1, b.example",
            "allow" if key.wanted == <Vec<ipnet::IpNet>>::WANTED => "10.0.0.0/8, fd00::/8",
            "allow" if key.wanted == AllowFile::WANTED_LIST => {
                r#"[{ who = ["user:alice"], repositories = ["team/*"], actions = ["pull", "push"] }]"#
            }
            "allow" => "library/*, hashicorp/vault",
            "groups" => r#"{ dev = ["user:alice", "robot:ci-*"] }"#,
            "workloads" => {
                r#"[{ name = "main", issuer = "https://gitlab.example", audience = "registry", claims = { ref = "main" } }]"#
            }
            "htpasswd_file" => {
                let hash = "$2y$05$abcdefghijklmnopqrstuuJ4e3wNvGBtbbCkaeaDmDIyxYIBhTRC6";
                return (written("htpasswd", &format!("alice:{hash}\n")), &[]);
            }
            "local" => "team/*, acme/**",
            "trusted_proxies" => "10.0.0.1/32",
            "limits" => r#"[{ agent = "containerd", requests_per_minute = 60 }]"#,
            "patience" => r#"{ containerd = "9s" }"#,
            "proxy" => "none",
            "prefix" => "hub",
            "aws_secret_region" | "ecr_region" => "eu-west-1",
            "ecr_account" => "123456789012",
            "max_size" => "1GiB",
            "tag_rules" => r#"[{ pattern = "v*", ttl = "6h" }]"#,
            "reserve" | "floor" | "disk_floor" => "7%",
            "keep" => "7d",
            "quiet" | "token_lifetime" => "2m",
            "webhooks" => r#"[{ url = "https://hooks.example/a" }]"#,
            "level" => "debug",
            "cert_file" | "key_file" | "client_ca_file" => return (pair_path(files), &[]),
            "ca_file" => return (written("ca.pem", "-----BEGIN CERTIFICATE-----\n"), &[]),
            "password_file" => return (written("password", "s3cret"), &[("USERNAME", "alice")]),
            "username" => return ("alice".to_owned(), &[("PASSWORD", "s3cret")]),
            "password" => return ("s3cret".to_owned(), &[("USERNAME", "alice")]),
            _ => match key.shape {
                Shape::Boolean => "true",
                Shape::Count => "40",
                Shape::Text([.., last]) => last,
                Shape::Text([]) if key.wanted == TimeSpan::WANTED => "59s",
                Shape::Text([]) => "anything",
                shape => panic!("{}: nobody says what a {shape:?} may hold", key.name),
            },
        };
        let beside: &[_] = match key.name {
            "aws_secret" => &[("AWS_SECRET_REGION", "eu-west-1")],
            "aws_secret_region" => &[("AWS_SECRET", "hub")],
            "aws_endpoint" => &[("AWS_SECRET", "hub"), ("AWS_SECRET_REGION", "eu-west-1")],
            "ecr_account" => &[("ECR_REGION", "eu-west-1")],
            "ecr_region" => &[("ECR_ACCOUNT", "123456789012")],
            _ => &[],
        };
        (value.to_owned(), beside)
    }

    fn pair_path(files: &Path) -> String {
        files.join("pair.pem").display().to_string()
    }

    /// A certificate and its key in one file.
    fn write_pair(files: &Path) -> String {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        let pair = params.self_signed(&key).unwrap().pem() + &key.serialize_pem();
        let path = pair_path(files);
        std::fs::write(&path, pair).unwrap();
        path
    }

    /// Lists of tables too, as TOML has them: there is no key that the environment cannot set.
    #[test]
    fn each_key_that_there_is_can_be_set_by_its_variable() {
        let files = tempfile::tempdir().unwrap();
        let pair = write_pair(files.path());
        for section in &SECTIONS {
            let path = section.path.iter().map(|part| match *part {
                NAME => "docker.io",
                part => part,
            });
            let path: Vec<_> = path.collect();
            let variable = |key| variable_name(path.iter().copied().chain([key]));
            for key in section.keys {
                let name = variable(key.name);
                let (mut value, beside) = example(key, files.path());
                // Clients are asked for at a host of its own, and docker.io is the root.
                if key.name == "authorize" {
                    "policy".clone_into(&mut value);
                }
                let beside = beside.iter().map(|(key, value)| (variable(key), *value));
                let mut beside: Vec<_> = beside.collect();
                if path == ["tls"] {
                    let files = [
                        ("CERT_FILE", &*pair),
                        ("KEY_FILE", &*pair),
                        ("CLIENT_CA_FILE", &*pair),
                    ];
                    beside.extend(files.map(|(key, value)| (variable(key), value)));
                    beside.push(("FOREBAY_LISTEN".to_owned(), "https://127.0.0.1:5443"));
                }
                let beside = beside.iter().map(|(name, value)| (name.as_str(), *value));
                let environment = Environment::of(beside.chain([(&*name, &*value)]));
                let sources = Sources::new(None, environment, Flags::default());
                let shown = show(&sources).unwrap_or_else(|errors| panic!("{name}: {errors}"));
                let is_it = |one: &&ShownSetting| one.section == path && one.key == key.name;
                let setting = shown.iter().find(is_it);
                let origin = setting.map(|one| one.origin.clone());
                assert_eq!(origin, Some(Origin::Environment(name)), "{value}");
            }
        }
    }

    #[test]
    fn what_kubernetes_sets_for_a_service_of_our_name_is_no_setting() {
        let links = [
            "FOREBAY_SERVICE_HOST",
            "FOREBAY_SERVICE_PORT",
            "FOREBAY_SERVICE_PORT_HTTP",
            "FOREBAY_PORT",
            "FOREBAY_METRICS_PORT",
            "FOREBAY_PORT_5000_TCP",
            "FOREBAY_PORT_5000_TCP_PROTO",
            "FOREBAY_PORT_5000_TCP_PORT",
            "FOREBAY_PORT_5000_TCP_ADDR",
            "FOREBAY_METRICS_SERVICE_HOST",
            "FOREBAY_METRICS_PORT_9090_TCP_PORT",
        ];
        let environment = Environment::of(links.map(|name| (name, "tcp://10.0.0.1:5000")));
        assert_eq!(environment.settings().count(), 0);
    }

    #[test]
    fn a_slip_that_only_resembles_a_link_is_still_told() {
        for name in [
            "FOREBAY_PORT",
            "FOREBAY_METRICS_PORT",
            "FOREBAY_TCP_PORT",
            "FOREBAY_5000_TCP",
            "FOREBAY_PORT_X_TCP",
            "FOREBAY_PORTS",
            "FOREBAY_CACHE__SERVICE",
            "FOREBAY_LISTEN_PORT_X",
        ] {
            assert_eq!(
                Environment::of([(name, "x")]).settings().count(),
                1,
                "{name}"
            );
        }
    }

    #[test]
    fn an_environment_prints_no_values() {
        let environment = Environment::of([("FOREBAY_UPSTREAMS__DOCKER_IO__PASSWORD", "canary")]);
        assert!(!format!("{environment:?}").contains("canary"));
    }
}

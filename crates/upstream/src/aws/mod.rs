//! Credentials from AWS: who we are there, and the two calls that we make.
//!
//! `reqsign` finds credentials by AWS's standard chain and signs; the requests are plain JSON over our own client. It
//! reaches the environment, files and the network only through what is handed to it here.

mod call;
mod context;
mod ecr;
mod secrets_manager;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use forebay_http_kit::{
    AddressPolicy, Client, ClientError, ClientPolicy, ProxyEnvironment, ProxyRule,
};
use forebay_oci::aws_suffix;
use reqsign_core::{Context, StaticEnv};
use url::{Host, Url};

use crate::HostPort;
use context::{Files, Http};

pub(crate) use ecr::EcrLogin;
pub(crate) use secrets_manager::SecretLogin;

/// Where instances, tasks and pods get their credentials: the metadata service, ECS, EKS Pod Identity. Plain http by design.
const CREDENTIAL_ENDPOINTS: [&str; 5] = [
    "169.254.169.254",
    "169.254.170.2",
    "169.254.170.23",
    "fd00:ec2::254",
    "fd00:ec2::23",
];
const HTTP_PORT: u16 = 80;

/// The variable by which a container's environment names its credential endpoint.
const CONTAINER_ENDPOINT: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";

/// What the standard chain reads of a process; the binary has read it.
#[derive(Clone, Default)]
pub struct AwsEnvironment {
    /// The environment variables, at least those that begin with `AWS_`.
    pub variables: HashMap<String, String>,
    /// The home directory, for `~/.aws`.
    pub home: Option<PathBuf>,
}

/// How AWS is reached, and who we are there. Clones share the connections.
#[derive(Clone)]
pub struct AwsAccess {
    client: Client,
    environment: Arc<AwsEnvironment>,
}

impl AwsAccess {
    /// Reaches the API of `region`, or `endpoint` where it is given, within `policy`; but its addresses are replaced by
    /// `aws_addresses`, certificates are always verified, and credential endpoints are reached without a proxy. Nothing is
    /// asked yet. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// Those of [`Client::new`].
    pub fn new(
        mut policy: ClientPolicy,
        environment: AwsEnvironment,
        region: &str,
        endpoint: Option<&Url>,
    ) -> Result<Self, ClientError> {
        policy.addresses = aws_addresses(&environment, region, endpoint);
        // What the operator waives for a registry is not waived for those who hand out its password.
        policy.trust.insecure = false;
        policy.proxy = past_the_proxy(policy.proxy);
        Ok(Self {
            client: Client::new(policy)?,
            environment: Arc::new(environment),
        })
    }

    /// What `reqsign` may use. It can start no programs: `credential_process` finds nothing.
    fn context(&self) -> Context {
        Context::new()
            .with_file_read(Files)
            .with_http_send(Http::new(self.client.clone()))
            .with_env(StaticEnv {
                home_dir: self.environment.home.clone(),
                envs: self.environment.variables.clone(),
            })
    }
}

/// Which addresses the AWS client may dial beside public ones: the credential endpoints, the operator's own endpoint, and
/// the names of the API, which are private addresses inside a VPC with interface endpoints.
fn aws_addresses(
    environment: &AwsEnvironment,
    region: &str,
    endpoint: Option<&Url>,
) -> AddressPolicy {
    let mut policy = AddressPolicy::public_only();
    for address in CREDENTIAL_ENDPOINTS {
        policy = policy.allow_origin(address, HTTP_PORT);
    }
    let container = environment.variables.get(CONTAINER_ENDPOINT);
    let container = container
        .and_then(|url| Url::parse(url).ok())
        .filter(is_loopback);
    for host in container
        .as_ref()
        .and_then(HostPort::of)
        .iter()
        .chain(&endpoint.and_then(HostPort::of))
    {
        for port in host.ports() {
            policy = policy.allow_origin(&host.host(), port);
        }
    }
    for service in ["api.ecr", "secretsmanager", "sts"] {
        policy = policy.allow_private_name(&api_host(service, region));
    }
    policy.allow_private_name("sts.amazonaws.com")
}

/// A proxy that is asked for the credential endpoints would answer with its own machine's.
fn past_the_proxy(proxy: ProxyRule) -> ProxyRule {
    let with_endpoints = |listed: String| {
        let listed = Some(listed).filter(|listed| !listed.is_empty());
        let local = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let all = listed
            .into_iter()
            .chain(CREDENTIAL_ENDPOINTS.map(str::to_owned))
            .chain(local);
        all.collect::<Vec<_>>().join(",")
    };
    match proxy {
        ProxyRule::None => ProxyRule::None,
        ProxyRule::Environment(environment) => ProxyRule::Environment(ProxyEnvironment {
            no: with_endpoints(environment.no),
            ..environment
        }),
        ProxyRule::Url { url, no_proxy } => ProxyRule::Url {
            url,
            no_proxy: with_endpoints(no_proxy),
        },
    }
}

/// AWS's own clients take a container endpoint of plain http on loopback only, beside the fixed addresses.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// The public host of a service's API.
fn api_host(service: &str, region: &str) -> String {
    format!("{service}.{region}.{}", aws_suffix(region))
}

impl std::fmt::Debug for AwsEnvironment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AwsEnvironment(***)")
    }
}

impl std::fmt::Debug for AwsAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AwsAccess(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_credential_endpoints_and_what_the_operator_named_may_be_private() {
        let container = |url: &str| AwsEnvironment {
            variables: HashMap::from([(CONTAINER_ENDPOINT.to_owned(), url.to_owned())]),
            home: None,
        };
        let nothing = AwsEnvironment::default();
        let loopback = container("http://127.0.0.1:51679/creds");
        let hostile = container("http://10.0.0.1/creds");
        let endpoint = Url::parse("http://127.0.0.1:5000").unwrap();
        for (environment, host, port, address, expected) in [
            (&nothing, "169.254.169.254", 80, "169.254.169.254", true),
            (&nothing, "169.254.170.23", 80, "169.254.170.23", true),
            (&nothing, "fd00:ec2::254", 80, "fd00:ec2::254", true),
            (&nothing, "169.254.169.254", 443, "169.254.169.254", false),
            (&nothing, "169.254.169.253", 80, "169.254.169.253", false),
            (&nothing, "evil.example", 80, "169.254.169.254", false),
            (&nothing, "127.0.0.1", 5000, "127.0.0.1", true),
            (&nothing, "127.0.0.1", 51679, "127.0.0.1", false),
            (&loopback, "127.0.0.1", 51679, "127.0.0.1", true),
            (&hostile, "10.0.0.1", 80, "10.0.0.1", false),
            (
                &nothing,
                "sts.eu-west-1.amazonaws.com",
                443,
                "10.0.0.1",
                true,
            ),
            (
                &nothing,
                "sts.us-east-1.amazonaws.com",
                443,
                "10.0.0.1",
                false,
            ),
            (
                &nothing,
                "api.ecr.eu-west-1.amazonaws.com",
                443,
                "169.254.169.254",
                false,
            ),
        ] {
            let policy = aws_addresses(environment, "eu-west-1", Some(&endpoint));
            assert_eq!(
                policy.allows(host, port, address.parse().unwrap()),
                expected,
                "{host}:{port} at {address}"
            );
        }
    }

    #[test]
    fn credential_endpoints_are_reached_past_every_proxy() {
        let url = "http://proxy.example:3128".to_owned();
        let no_proxy = "corp.example".to_owned();
        let ProxyRule::Url { no_proxy, .. } = past_the_proxy(ProxyRule::Url { url, no_proxy })
        else {
            panic!("another kind of rule");
        };
        assert!(
            no_proxy.starts_with("corp.example,169.254.169.254,"),
            "{no_proxy}"
        );
        let environment = ProxyEnvironment::default();
        let ProxyRule::Environment(environment) =
            past_the_proxy(ProxyRule::Environment(environment))
        else {
            panic!("another kind of rule");
        };
        assert!(environment.no.starts_with("169.254.169.254,"));
        assert_eq!(past_the_proxy(ProxyRule::None), ProxyRule::None);
    }

    #[test]
    fn chinas_regions_have_names_of_their_own() {
        assert_eq!(
            api_host("api.ecr", "eu-west-1"),
            "api.ecr.eu-west-1.amazonaws.com"
        );
        assert_eq!(
            api_host("sts", "cn-north-1"),
            "sts.cn-north-1.amazonaws.com.cn"
        );
    }

    #[test]
    fn an_environment_is_not_printed() {
        let environment = AwsEnvironment {
            variables: HashMap::from([("AWS_SECRET_ACCESS_KEY".to_owned(), "s3cret".to_owned())]),
            home: None,
        };
        assert!(!format!("{environment:?}").contains("s3cret"));
    }
}

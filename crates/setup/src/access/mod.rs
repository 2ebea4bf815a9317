//! Lets a client in at a registry: logins, pull secrets, and the steps that build and push.
//!
//! A password comes in by standard input and goes out by standard input; it is on no command line and in no file.

mod building;
mod cdk;
mod containers;
mod ecs;
mod github;
mod gitlab;
mod images;
mod kubernetes;
mod login;
mod permissions;
mod pull_secrets;
mod registry;
mod task_definition;

use forebay_oci::EcrHost;
use forebay_setup_files::SetupError;

use crate::client::Client;
use crate::password::Password;
use crate::plan::{Files, Plan, made_once};

pub(crate) use pull_secrets::PullSecrets;
pub use registry::Registry;

/// The longest DNS label (RFC 1123).
const MAX_LABEL_BYTES: usize = 63;

/// The longest DNS subdomain that Kubernetes takes for a name.
const MAX_SUBDOMAIN_BYTES: usize = 253;

/// The longest name of a secret in AWS, or its ARN.
const MAX_AWS_NAME_BYTES: usize = 2048;

/// What is asked for: that a client be let in at a registry.
pub struct Access {
    /// Which client.
    pub client: Client,
    /// Which registry.
    pub registry: Registry,
    /// Its host, where it is not the registry's only one: `ACCOUNT.dkr.ecr.REGION.amazonaws.com`.
    pub host: Option<String>,
    /// Who logs in.
    pub username: Option<String>,
    /// With what; a token rather than a password.
    pub password: Option<Password>,
    /// The name of the secret that holds both, in Kubernetes or in AWS.
    pub secret: Option<String>,
    /// The namespace in Kubernetes.
    pub namespace: String,
    /// The image that a workflow builds and pushes, without the registry: `team/app:latest`.
    pub image: Option<String>,
    /// The folder that it is built from.
    pub context: String,
    /// The file to change.
    pub file: Option<String>,
}

/// What is to be done so that a client is let in at a registry.
///
/// # Errors
/// What is missing, what stands in the file, or why this client does not log in.
pub fn plan_access(access: &Access, files: &dyn Files) -> Result<Plan, SetupError> {
    made_once(files, |files| plan_of_client(access, files))
}

fn plan_of_client(access: &Access, files: &dyn Files) -> Result<Plan, SetupError> {
    match access.client {
        Client::Kubernetes
        | Client::K3s
        | Client::Rke2
        | Client::Kind
        | Client::Containerd
        | Client::CriO => kubernetes::plan(access),
        Client::Docker | Client::Podman | Client::Buildkit => login::plan(access),
        Client::Swarm => login::swarm(access),
        Client::Kaniko => login::kaniko(access),
        Client::Ecs => ecs::plan(access, files),
        Client::GithubActions => github::plan(access, files),
        Client::GitlabCi => gitlab::plan(access, files),
    }
}

impl Access {
    /// The registry's host.
    pub(crate) fn host(&self) -> Result<&str, SetupError> {
        match (&self.host, self.registry.host()) {
            (Some(host), Some(only)) if self.registry == Registry::Hub && host != only => {
                let what = format!("{host} is not Docker Hub, which is {only}");
                let hint = "leave --host away, or name the registry by --registry";
                Err(SetupError::impossible(what, hint))
            }
            (Some(host), _) if is_host(host) => Ok(host),
            (Some(host), _) => {
                let hint = "a host is written name or name:port, such as ghcr.io";
                let what = format!("{host:?} is no host of a registry");
                Err(SetupError::impossible(what, hint))
            }
            (None, Some(host)) => Ok(host),
            (None, None) => {
                let hint = "name it: --host 123456789012.dkr.ecr.eu-west-1.amazonaws.com";
                Err(SetupError::impossible(
                    "each account has an ECR of its own in each region",
                    hint,
                ))
            }
        }
    }

    /// The region of an ECR, as its host says it.
    pub(crate) fn region(&self) -> Result<&str, SetupError> {
        let host = self.host()?;
        let ecr = EcrHost::parse(host);
        let hint = "an ECR's host is ACCOUNT.dkr.ecr.REGION.amazonaws.com";
        ecr.map(|ecr| ecr.region())
            .ok_or_else(|| SetupError::impossible(format!("{host} is no private ECR's"), hint))
    }

    /// Who logs in: for ECR everybody is `AWS`.
    pub(crate) fn username(&self) -> Result<&str, SetupError> {
        match (&self.username, self.registry) {
            (_, Registry::Ecr) => Ok("AWS"),
            (Some(username), _) => Ok(username),
            (None, _) => Err(SetupError::impossible(
                "nobody is named to log in",
                "name the account with --username",
            )),
        }
    }

    /// Who logs in, as far as it was said.
    pub(crate) fn shown_username(&self) -> &str {
        self.username().unwrap_or("NAME")
    }

    /// The name of the secret in Kubernetes, which is a DNS subdomain (RFC 1123), by
    /// <https://kubernetes.io/docs/concepts/overview/working-with-objects/names/>.
    pub(crate) fn kubernetes_secret(&self) -> Result<&str, SetupError> {
        let secret = self.secret();
        if secret.len() <= MAX_SUBDOMAIN_BYTES && secret.split('.').all(is_dns_label) {
            return Ok(secret);
        }
        let hint =
            "it has lower-case letters, digits, dashes and dots, such as dockerhub-credentials";
        let what = format!("{secret:?} is no name of a secret in Kubernetes");
        Err(SetupError::impossible(what, hint))
    }

    /// The name of the secret in AWS, by
    /// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html>; its ARN is one, too.
    pub(crate) fn aws_secret(&self) -> Result<&str, SetupError> {
        let secret = self.secret();
        let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+=.@-:".contains(&byte);
        let is_name = !secret.is_empty() && secret.len() <= MAX_AWS_NAME_BYTES;
        if is_name && !secret.starts_with('-') && secret.bytes().all(is_of_name) {
            return Ok(secret);
        }
        let hint = "it has letters, digits and /_+=.@-, such as dockerhub-credentials";
        let what = format!("{secret:?} is no name of a secret in AWS");
        Err(SetupError::impossible(what, hint))
    }

    /// The name of the secret.
    pub(crate) fn secret(&self) -> &str {
        self.secret
            .as_deref()
            .unwrap_or_else(|| self.registry.secret())
    }
}

/// Whether this is a host with a port or without, which means itself wherever it is written.
fn is_host(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "443"));
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    !host.is_empty() && !host.starts_with('-') && host.bytes().all(is_of_name) && is_port
}

/// Whether this is a DNS label as Kubernetes wants one: lower case, with no dash at its ends.
fn is_dns_label(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() <= MAX_LABEL_BYTES
        && text.bytes().all(|byte| is_part(byte) || byte == b'-')
        && text.bytes().next().is_some_and(is_part)
        && text.bytes().next_back().is_some_and(is_part)
}

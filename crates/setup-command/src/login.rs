//! `--registry`: lets the client in at a registry instead of pointing it here.

use std::io::Read as _;

use forebay_setup::{Access, Password, Plan, Registry, plan_access};
use forebay_terminal::Failure;

use crate::command::{Args, failure};
use crate::disk::Disk;

/// The longest password that is read, in bytes: ECR's are some two thousand.
const MAX_PASSWORD_BYTES: u64 = 64 * 1024;

/// Who logs in, and where.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Logging in at a registry")]
pub(crate) struct LoginArgs {
    /// Let the client in at this registry, instead of pointing it at Forebay
    #[arg(long, value_enum, value_name = "REGISTRY", conflicts_with_all = ["address", "upstreams", "fall_back", "check"])]
    pub(crate) registry: Option<RegistryWord>,

    /// The registry's host: for ECR ACCOUNT.dkr.ecr.REGION.amazonaws.com
    #[arg(long, value_name = "HOST", requires = "registry")]
    host: Option<String>,

    /// The account that logs in
    #[arg(long, value_name = "NAME", requires = "registry")]
    username: Option<String>,

    /// Read the password from standard input; a token that may only read is better
    #[arg(long, requires = "registry")]
    password_stdin: bool,

    /// The name of the secret in Kubernetes or AWS; without it such as dockerhub-credentials
    #[arg(long, value_name = "NAME", requires = "registry")]
    secret: Option<String>,

    /// The namespace in Kubernetes
    #[arg(
        long,
        value_name = "NAME",
        default_value = "default",
        requires = "registry"
    )]
    namespace: String,

    /// The image that a workflow builds and pushes, without the registry: team/app:latest
    #[arg(long, value_name = "IMAGE", requires = "registry")]
    image: Option<String>,

    /// The folder that it is built from
    #[arg(long, value_name = "DIR", default_value = ".", requires = "image")]
    context: String,
}

impl LoginArgs {
    /// The texts that were given, with the flags by which.
    pub(crate) fn texts(&self) -> Vec<(&'static str, &str)> {
        let given = [
            ("--host", self.host.as_deref()),
            ("--username", self.username.as_deref()),
            ("--secret", self.secret.as_deref()),
            ("--namespace", Some(self.namespace.as_str())),
            ("--image", self.image.as_deref()),
            ("--context", Some(self.context.as_str())),
        ];
        let texts = given.into_iter();
        texts
            .filter_map(|(flag, text)| Some((flag, text?)))
            .collect()
    }
}

/// A registry by its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum RegistryWord {
    /// Amazon ECR
    Ecr,
    /// GitHub's container registry
    Ghcr,
    /// Docker Hub
    Hub,
    /// Quay.io
    Quay,
}

/// The plan of a login.
///
/// # Errors
/// What is missing, or what stands in the file.
pub(crate) fn plan(args: &Args, registry: RegistryWord, disk: &Disk) -> Result<Plan, Failure> {
    let login = &args.login;
    let access = Access {
        client: args.client,
        registry: registry.into(),
        host: login.host.clone(),
        username: login.username.clone(),
        password: login.password_stdin.then(read_password).transpose()?,
        secret: login.secret.clone(),
        namespace: login.namespace.clone(),
        image: login.image.clone(),
        context: login.context.clone(),
        file: args.file.clone(),
    };
    plan_access(&access, disk).map_err(failure)
}

/// Whether a login that commands would do is asked for without the password.
pub(crate) fn lacks_password(args: &Args) -> bool {
    let registry = args.login.registry.map(Registry::from);
    let takes = registry.is_some_and(|registry| args.client.takes_password(registry));
    takes && !args.login.password_stdin
}

fn read_password() -> Result<Password, Failure> {
    let mut text = String::new();
    let read = std::io::stdin()
        .take(MAX_PASSWORD_BYTES + 1)
        .read_to_string(&mut text);
    read.map_err(|error| Failure::failed("cannot read a password from standard input", error))?;
    if text.len() as u64 > MAX_PASSWORD_BYTES {
        return Err(Failure::plain(format!(
            "what is on standard input is longer than a password: {MAX_PASSWORD_BYTES} bytes"
        )));
    }
    if text.trim().is_empty() {
        return Err(Failure::plain("there is no password on standard input")
            .with_hint("give it as in: forebay setup … --password-stdin <token"));
    }
    Ok(Password::new(&text))
}

impl From<RegistryWord> for Registry {
    fn from(word: RegistryWord) -> Self {
        match word {
            RegistryWord::Ecr => Self::Ecr,
            RegistryWord::Ghcr => Self::Ghcr,
            RegistryWord::Hub => Self::Hub,
            RegistryWord::Quay => Self::Quay,
        }
    }
}

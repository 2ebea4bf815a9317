//! One file a client: what it reads, and how Forebay gets into it.

mod apart;
mod buildkit;
mod containerd;
mod docker;
mod ecs;
mod hosts;
mod kaniko;
mod kind;
mod kubernetes;
mod others;
mod pipelines;
mod rancher;
mod registries_conf;
mod swarm;
mod toml;

pub(crate) use containerd::{CERTS_D as CONTAINERD_CERTS_D, named_certs_d};
pub(crate) use kind::certs_d as kind_certs_d;
pub(crate) use swarm::TRAP as SWARM_TRAP;

use forebay_setup_files::{SetupError, with_line_ends};

use forebay_oci::DOCKER_HUB;

use crate::client::Client;
use crate::plan::{FileChange, Files, Order, Plan, made_once};

/// What is to be done so that a client pulls through Forebay.
///
/// # Errors
/// What stands in a file of the client's, or why it cannot be pointed here.
pub fn plan(order: &Order, files: &dyn Files) -> Result<Plan, SetupError> {
    made_once(files, |files| plan_of_client(order, files))
}

impl Client {
    /// The files of its own that it is set up in, the first of which `--file` takes the place of.
    pub(crate) const fn usual_files(self) -> &'static [&'static str] {
        match self {
            Self::Docker | Self::Swarm => &[docker::DAEMON_JSON],
            Self::Containerd => &[containerd::CONFIG_TOML],
            Self::K3s => const { &rancher::K3S.files() },
            Self::Rke2 => const { &rancher::RKE2.files() },
            Self::Podman | Self::CriO => &[registries_conf::DROP_IN],
            Self::Buildkit => &[buildkit::BUILDKITD_TOML],
            Self::Kind => &[kind::KIND_YAML],
            Self::Kubernetes | Self::Kaniko | Self::Ecs | Self::GithubActions | Self::GitlabCi => {
                &[]
            }
        }
    }
}

fn plan_of_client(order: &Order, files: &dyn Files) -> Result<Plan, SetupError> {
    refuse_another_root(order)?;
    apart::refuse(order)?;
    match order.client {
        Client::Docker => docker::plan(order, files),
        Client::Containerd => containerd::plan(order, files),
        Client::Kubernetes => kubernetes::plan(order),
        Client::K3s => rancher::plan(order, &rancher::K3S, files),
        Client::Rke2 => rancher::plan(order, &rancher::RKE2, files),
        Client::Podman | Client::CriO => registries_conf::plan(order, files),
        Client::Buildkit => buildkit::plan(order, files),
        Client::Kaniko => kaniko::plan(order),
        Client::Kind => kind::plan(order, files),
        Client::Ecs => ecs::plan(order),
        Client::Swarm => swarm::plan(order, files),
        Client::GithubActions => pipelines::github(order, files),
        Client::GitlabCi => pipelines::gitlab(order, files),
    }
}

/// dockerd tells its mirror no registry: it sends bare paths, and means Docker Hub.
fn refuse_another_root(order: &Order) -> Result<(), SetupError> {
    let is_mirrored = order.upstreams.iter().any(|name| !order.is_apart(name));
    let is_root = order.paths.get(DOCKER_HUB).is_some_and(String::is_empty) || !is_mirrored;
    if is_root || !order.client.is_for_docker_hub_only() {
        return Ok(());
    }
    let what = "dockerd tells a mirror no registry, and Forebay's configuration takes that for another one than Docker Hub";
    let hint = format!("set root = \"{DOCKER_HUB}\" there");
    Err(SetupError::impossible(what, hint))
}

/// The change of one file: `change` sees its text with plain line ends, or an empty one.
fn changed(
    path: &str,
    files: &dyn Files,
    change: impl FnOnce(&str) -> Result<String, SetupError>,
) -> Result<FileChange, SetupError> {
    let before = files.read(path)?;
    let after = with_line_ends(before.as_deref().unwrap_or_default(), change)?;
    Ok(FileChange {
        path: path.to_owned(),
        before,
        after,
    })
}

/// The file that was named, or the usual one.
fn path_of<'a>(order: &'a Order, usual: &'a str) -> &'a str {
    order.file.as_deref().unwrap_or(usual)
}

//! The clients that can be set up.

use std::fmt;

use crate::access::Registry;

/// A program, or a place, that pulls images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Client {
    /// dockerd
    Docker,
    /// containerd, with and without Kubernetes
    Containerd,
    /// The nodes of a Kubernetes cluster
    Kubernetes,
    /// k3s
    K3s,
    /// RKE2
    Rke2,
    /// podman, buildah and skopeo
    Podman,
    /// CRI-O
    CriO,
    /// `BuildKit` on its own, and docker buildx's builders
    Buildkit,
    /// kaniko
    Kaniko,
    /// Kubernetes in Docker
    Kind,
    /// Amazon ECS
    Ecs,
    /// Docker Swarm
    Swarm,
    /// Workflows of GitHub Actions
    GithubActions,
    /// Pipelines of GitLab CI
    GitlabCi,
}

impl Client {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Docker,
        Self::Containerd,
        Self::Kubernetes,
        Self::K3s,
        Self::Rke2,
        Self::Podman,
        Self::CriO,
        Self::Buildkit,
        Self::Kaniko,
        Self::Kind,
        Self::Ecs,
        Self::Swarm,
        Self::GithubActions,
        Self::GitlabCi,
    ];

    /// Its name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Containerd => "containerd",
            Self::Kubernetes => "kubernetes",
            Self::K3s => "k3s",
            Self::Rke2 => "rke2",
            Self::Podman => "podman",
            Self::CriO => "cri-o",
            Self::Buildkit => "buildkit",
            Self::Kaniko => "kaniko",
            Self::Kind => "kind",
            Self::Ecs => "ecs",
            Self::Swarm => "swarm",
            Self::GithubActions => "github-actions",
            Self::GitlabCi => "gitlab-ci",
        }
    }

    /// Whether its mirrors are for Docker Hub and no other registry.
    pub const fn is_for_docker_hub_only(self) -> bool {
        matches!(
            self,
            Self::Docker | Self::Swarm | Self::Ecs | Self::GithubActions | Self::GitlabCi
        )
    }

    /// Whether it can be led to a registry that stands apart, at a host of its own.
    pub const fn reaches_apart(self) -> bool {
        matches!(
            self,
            Self::Docker | Self::Containerd | Self::Podman | Self::CriO
        )
    }

    /// Whether it is pointed here by commands that are run, and not by files.
    pub const fn is_pointed_by_commands(self) -> bool {
        matches!(self, Self::Kubernetes)
    }

    /// Whether it takes a file to change, where it is pointed here or, with `is_login`, let in at a registry.
    pub const fn takes_file(self, is_login: bool) -> bool {
        match self {
            Self::GithubActions | Self::GitlabCi => true,
            Self::Ecs => is_login,
            Self::Kubernetes | Self::Kaniko => false,
            _ => !is_login,
        }
    }

    /// Whether letting it in at a registry is a matter of commands that take a password, and not of pieces of its files
    /// alone.
    pub const fn takes_password(self, registry: Registry) -> bool {
        match self {
            Self::Kaniko | Self::GithubActions | Self::GitlabCi => false,
            Self::Ecs => !matches!(registry, Registry::Ecr),
            _ => true,
        }
    }

    /// Where Forebay's own record of what it wrote for this client lies: beside the file that was named, or in the
    /// folder of the client's own files.
    pub fn record(self, file: Option<&str>) -> String {
        let folder = match self {
            Self::Docker | Self::Swarm => "/etc/docker",
            Self::Containerd => "/etc/containerd",
            Self::K3s => "/etc/rancher/k3s",
            Self::Rke2 => "/etc/rancher/rke2",
            Self::Podman | Self::CriO => "/etc/containers",
            Self::Buildkit => "/etc/buildkit",
            _ => ".",
        };
        match file.map(|file| file.rsplit_once('/').unwrap_or((".", file))) {
            Some((folder, name)) => format!("{folder}/.{name}.forebay-setup.json"),
            None => format!("{folder}/.forebay-setup.json"),
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

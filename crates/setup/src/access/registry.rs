//! The registries that a client can be let in at, and what each calls things.

use forebay_oci::{DOCKER_HUB, ImageName};

/// A registry with a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registry {
    /// Amazon ECR, private
    Ecr,
    /// GitHub's container registry
    Ghcr,
    /// Docker Hub
    Hub,
    /// Quay.io
    Quay,
}

/// What a continuous integration calls a login's halves.
#[derive(Clone, Copy)]
pub(super) struct Names {
    /// How the step is called.
    pub(super) step: &'static str,
    /// The name in a workflow of GitHub Actions.
    pub(super) github_user: &'static str,
    /// The password there.
    pub(super) github_password: &'static str,
    /// The name in a pipeline of GitLab CI: a variable.
    pub(super) gitlab_user: &'static str,
    /// The password there: a masked variable.
    pub(super) gitlab_password: &'static str,
}

impl Registry {
    /// Its only host, if it has one.
    pub(super) const fn host(self) -> Option<&'static str> {
        match self {
            Self::Ecr => None,
            Self::Ghcr => Some("ghcr.io"),
            Self::Hub => Some(DOCKER_HUB),
            Self::Quay => Some("quay.io"),
        }
    }

    /// Whether it is the only host of one of them.
    pub(super) fn is_host_of_any(host: &str) -> bool {
        let mut all = [Self::Ecr, Self::Ghcr, Self::Hub, Self::Quay].into_iter();
        all.any(|registry| registry.host() == Some(host))
    }

    /// The usual name of a secret with its login.
    pub(super) const fn secret(self) -> &'static str {
        match self {
            Self::Ecr => "ecr-credentials",
            Self::Ghcr => "ghcr-credentials",
            Self::Hub => "dockerhub-credentials",
            Self::Quay => "quay-credentials",
        }
    }

    /// The beginning of a construct's name.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Ecr => "Ecr",
            Self::Ghcr => "Ghcr",
            Self::Hub => "DockerHub",
            Self::Quay => "Quay",
        }
    }

    pub(super) const fn names(self) -> Names {
        match self {
            Self::Ecr => Names {
                step: "Log in to Amazon ECR",
                github_user: "AWS",
                github_password: "",
                gitlab_user: "AWS",
                gitlab_password: "",
            },
            Self::Ghcr => Names {
                step: "Log in to GitHub's container registry",
                github_user: "${{ github.actor }}",
                github_password: "${{ secrets.GITHUB_TOKEN }}",
                gitlab_user: "$GHCR_USERNAME",
                gitlab_password: "GHCR_TOKEN",
            },
            Self::Hub => Names {
                step: "Log in to Docker Hub",
                github_user: "${{ vars.DOCKERHUB_USERNAME }}",
                github_password: "${{ secrets.DOCKERHUB_TOKEN }}",
                gitlab_user: "$DOCKERHUB_USERNAME",
                gitlab_password: "DOCKERHUB_TOKEN",
            },
            Self::Quay => Names {
                step: "Log in to Quay",
                github_user: "${{ vars.QUAY_USERNAME }}",
                github_password: "${{ secrets.QUAY_TOKEN }}",
                gitlab_user: "$QUAY_USERNAME",
                gitlab_password: "QUAY_TOKEN",
            },
        }
    }
}

/// Whether an image lies at the registry of this host; `None` if its name does not say so by itself.
pub(super) fn is_held(host: &str, image: &str) -> Option<bool> {
    if image.contains(['$', '{', '<']) {
        // How a host ends shows behind a variable, too.
        let (first, _) = image.split_once('/')?;
        let (_, end) = first.rsplit_once('}')?;
        return (end.contains('.') && !host.ends_with(end)).then_some(false);
    }
    let image: ImageName = image.parse().ok()?;
    Some(image.registry == host)
}

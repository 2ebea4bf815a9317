//! Programs that pull, copy, build or look at images by the words of their command lines: who uses an image by one of them has
//! its name as kind.

/// Their names, none of which is also a word of another kind of owner.
pub const TOOLS: [&str; 14] = [
    "buildah", "crane", "crictl", "ctr", "docker", "finch", "gcrane", "kind", "minikube",
    "nerdctl", "podman", "regctl", "skopeo", "trivy",
];

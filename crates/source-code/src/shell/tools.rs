//! Tools whose words are images, as data: docker and its kin, and those that copy, run and look at images.

use forebay_references::TOOLS;

/// Which arguments of a subcommand are images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    First,
    Second,
    Both,
    /// Two, of which the second is where the first is copied to.
    FromTo,
    All,
    /// All, of which the first is made of the others.
    ToFrom,
    /// The first; what follows is a command.
    FirstThenCommand,
    /// None but what options say: `-t`, `--build-arg`.
    Build,
    /// None but what `--image` says.
    Option,
    /// All with a tag: others may be containers.
    Tagged,
    /// None but what a filter by image says.
    Filter,
}

/// A subcommand.
pub(super) struct Subcommand {
    pub(super) name: &'static [&'static str],
    pub(super) takes: Takes,
    /// Its short options that take no value.
    pub(super) switches: &'static str,
}

const fn sub(name: &'static [&'static str], takes: Takes, switches: &'static str) -> Subcommand {
    Subcommand {
        name,
        takes,
        switches,
    }
}

/// What is in the names of subcommands that work on what the machine has, or give it away.
pub(super) const LOCAL: [&str; 11] = [
    "push", "tag", "rmi", "rm", "save", "history", "commit", "import", "images", "load", "ps",
];

/// Those of them that make an image of something else than images.
pub(super) const MAKING: [&str; 2] = ["commit", "import"];

/// Subcommands that look at what the machine has; others of the same last word ask a registry.
pub(super) const LOCAL_WHOLE: [&[&str]; 2] = [&["image", "inspect"], &["inspect"]];

/// Docker's, podman's, nerdctl's and buildah's. `compose` is not among them: its arguments are services.
pub(super) const CONTAINER_TOOLS: [Subcommand; 36] = [
    sub(&["pull"], Takes::First, "aq"),
    sub(&["push"], Takes::First, "aq"),
    sub(&["run"], Takes::FirstThenCommand, "ditPq"),
    sub(&["create"], Takes::FirstThenCommand, "ditPq"),
    sub(&["tag"], Takes::Both, ""),
    sub(&["rmi"], Takes::All, "f"),
    sub(&["save"], Takes::All, ""),
    sub(&["history"], Takes::First, "qH"),
    sub(&["commit"], Takes::Second, "p"),
    sub(&["import"], Takes::Second, ""),
    sub(&["inspect"], Takes::Tagged, "s"),
    sub(&["images"], Takes::Tagged, "aq"),
    sub(&["ps"], Takes::Filter, "aqls"),
    sub(&["build"], Takes::Build, "q"),
    sub(&["bud"], Takes::Build, "q"),
    sub(&["from"], Takes::First, "q"),
    sub(&["image", "pull"], Takes::First, "aq"),
    sub(&["image", "push"], Takes::First, "aq"),
    sub(&["image", "tag"], Takes::Both, ""),
    sub(&["image", "rm"], Takes::All, "f"),
    sub(&["image", "save"], Takes::All, ""),
    sub(&["image", "inspect"], Takes::All, ""),
    sub(&["image", "history"], Takes::First, "qH"),
    sub(&["image", "import"], Takes::Second, ""),
    sub(&["image", "build"], Takes::Build, "q"),
    sub(&["container", "run"], Takes::FirstThenCommand, "ditPq"),
    sub(&["container", "create"], Takes::FirstThenCommand, "ditPq"),
    sub(&["container", "commit"], Takes::Second, "p"),
    sub(&["service", "create"], Takes::FirstThenCommand, "dqt"),
    sub(&["service", "update"], Takes::Option, "dq"),
    sub(&["manifest", "inspect"], Takes::First, "v"),
    sub(&["manifest", "create"], Takes::ToFrom, "a"),
    sub(&["manifest", "push"], Takes::First, "p"),
    sub(&["buildx", "build"], Takes::Build, "q"),
    sub(&["buildx", "imagetools", "inspect"], Takes::First, ""),
    sub(&["buildx", "imagetools", "create"], Takes::All, ""),
];

/// crane's, regctl's, crictl's, ctr's and trivy's.
pub(super) const IMAGE_TOOLS: [Subcommand; 21] = [
    sub(&["pull"], Takes::First, ""),
    sub(&["push"], Takes::Second, ""),
    sub(&["digest"], Takes::First, ""),
    sub(&["manifest"], Takes::First, ""),
    sub(&["config"], Takes::First, ""),
    sub(&["export"], Takes::First, ""),
    sub(&["validate"], Takes::First, ""),
    sub(&["tag"], Takes::First, ""),
    sub(&["ls"], Takes::First, ""),
    sub(&["copy"], Takes::FromTo, ""),
    sub(&["cp"], Takes::FromTo, ""),
    sub(&["image", "copy"], Takes::FromTo, ""),
    sub(&["image", "digest"], Takes::First, ""),
    sub(&["image", "manifest"], Takes::First, ""),
    sub(&["manifest", "get"], Takes::First, ""),
    sub(&["manifest", "head"], Takes::First, ""),
    sub(&["images", "pull"], Takes::First, ""),
    sub(&["image", "pull"], Takes::First, ""),
    sub(&["run"], Takes::First, "dt"),
    sub(&["image"], Takes::First, "q"),
    sub(&["i", "pull"], Takes::First, ""),
];

/// Those that give what the machine has to a cluster on it.
pub(super) const LOADERS: [Subcommand; 2] = [
    sub(&["load", "docker-image"], Takes::Tagged, ""),
    sub(&["image", "load"], Takes::Tagged, ""),
];

/// How skopeo names places, one of which is a registry.
pub(super) const TRANSPORTS: [&str; 8] = [
    "docker://",
    "docker-archive:",
    "docker-daemon:",
    "containers-storage:",
    "dir:",
    "oci:",
    "oci-archive:",
    "ostree:",
];

/// Long options that take no value. All others do, unless they are written with `=`.
pub(super) const SWITCHES: [&str; 44] = [
    "all",
    "all-platforms",
    "all-tags",
    "amend",
    "append",
    "compress",
    "debug",
    "detach",
    "disable-content-trust",
    "dry-run",
    "force",
    "help",
    "init",
    "insecure",
    "interactive",
    "load",
    "no-cache",
    "no-healthcheck",
    "no-hosts",
    "no-prune",
    "no-resolve-image",
    "no-trunc",
    "oom-kill-disable",
    "plain-http",
    "privileged",
    "publish-all",
    "purge",
    "push",
    "quiet",
    "read-only",
    "read-only-tmpfs",
    "replace",
    "rm",
    "rmi",
    "sig-proxy",
    "squash",
    "systemd",
    "tls",
    "tls-verify",
    "tlsverify",
    "tty",
    "verbose",
    "version",
    "with-registry-auth",
];

/// Docker's options before the subcommand that take a value.
pub(super) const GLOBAL_VALUES: [&str; 12] = [
    "-H",
    "--host",
    "-c",
    "--context",
    "--config",
    "-l",
    "--log-level",
    "--root",
    "--url",
    "-n",
    "--namespace",
    "--address",
];

/// Words of the shell's own before a command.
pub(super) const KEYWORDS: [&str; 9] = [
    "if", "then", "else", "elif", "while", "until", "do", "!", "{",
];

/// Whether a program is one whose words are read.
pub(super) fn is_tool(program: &str) -> bool {
    TOOLS.contains(&program) || matches!(program, "kubectl" | "oc" | "helm")
}

/// A program's name without its folder.
pub(super) fn program_of(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

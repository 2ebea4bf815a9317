//! Finds the few lines of a log that may tell of a failed pull.
//!
//! By a sieve of their words first: most of a log is noise and is never looked at again. Each message that `rules` knows has
//! several of these marks, so that wrapping inside one does not hide it.

use std::sync::LazyLock;

use regex::bytes::{Regex, RegexBuilder};

use crate::Sieve;

/// The most memory that the automaton may take while it runs, in bytes.
const MAX_AUTOMATON_BYTES: usize = 4 << 20;

/// Words of which a message has at least one. Kept apart from the words of everyday logs as far as that can be.
const MARKS: &[&str] = &[
    // Limits.
    "too ?many",
    "hap429",
    "rate.?limit",
    "rate exceeded",
    "limit exceeded",
    "quota exceeded",
    "quota metric",
    "retry-after",
    "throttlingexception",
    "login attempts",
    "increase-rate",
    r"hub\.docker\.com",
    "qps",
    // Pulls.
    "errimage",
    "imagepull",
    "pull(?:ing|ed)? ?(?:the )?(?:image|manifest|access|container|from|qps|secrets|command)",
    "to pull",
    "pull failed",
    "docker pull",
    "error pulling",
    "cannotpull",
    "can.t pull",
    "be pulled",
    "failed commit",
    "manifest",
    "oci:",
    "docker:",
    r"docker\.io",
    r"ghcr\.io",
    r"quay\.io",
    r"gcr\.io",
    r"pkg\.dev",
    "azurecr",
    r"mcr\.microsoft",
    r"dkr\.ecr",
    r"public\.ecr",
    r"k8s\.io",
    "registry",
    "from daemon",
    "failed to solve",
    "failed to copy",
    "httpread",
    "to resolve ref",
    "resolve source",
    "oauth token",
    "anonymous token",
    "bear token",
    "initializing source",
    "container image",
    "docker image",
    "/v2/",
    "blob",
    "credential",
    "pull denied",
    "requested access",
    "unauthorized:",
    "denied:",
    "authentication required",
    "not authorized to perform",
    "registry auth",
    "image ?pull",
    "no such image",
    "invalid reference",
    "imagename",
    "nevere?pull",
    "image-?inspect",
    "platform",
    "layer",
    "tar file",
    "download failed",
    "short-name",
    "after error",
    // Disks.
    "no space left",
    "disk quota",
    "diskpressure",
    "disk-pressure",
    "ephemeral",
    "enospc",
    "freediskspace",
    "imagegc",
    "amount of images",
    "low on resource",
    "enough space",
    "disk space",
    // Containers.
    "oci runtime",
    "oci permission",
    "crun:",
    "runc (?:create|run|exec)",
    "subpath",
    "volumemount",
    "find volume",
    "container create",
    "cannotrun",
    "device information",
    "nvidia-container-cli",
    "seccomp profile",
    "apparmor profile",
    "unhealthy container",
    "oomkilling",
    "pool overlaps",
    "join failed",
    "shim task",
    "container process",
    "container init",
    "crashloop",
    "back-?off",
    "oomkilled",
    "oom-killed",
    "cgroup out of memory",
    "mount config",
    "mountvolume",
    "attachvolume",
    "unmounted volumes",
    "mount volumes",
    "failedmount",
    "failedattach",
    "mounting volume",
    "mount local",
    "bind source",
    "exec format",
    "exec user process",
    "already allocated",
    "userland proxy",
    "external connectivity",
    "containerconfig",
    "createcontainer",
    "runcontainer",
    "starterror",
    "starthook",
    "startcontainer",
    "inspectcontainer",
    "non-zero exit",
    "rejected (?:about|less|[0-9])",
    "dockerexec",
    "configmap",
    "couldn't find key",
    "runasnonroot",
    "run as root",
    "container name",
    "start container",
    "create container",
    "starting container",
    "in \\$path",
    "no command specified",
    "device driver",
    "from the host",
    "liveness",
    "readiness",
    "startup probe",
    "logger args",
    "logging driver",
    "efs",
    "podsandbox",
    "sandbox",
    "exited with",
    "exited \\(",
    "exit code",
    "due to memory",
    "dependency failed",
    "be found",
    "volume specification",
    "init:error",
    "timeouterror",
    // Consequences.
    "essential container",
    "place a task",
    "failed to start",
    "taskfailed",
    "circuit breaker",
    "health check",
    "healthcheck",
    "is unhealthy",
    "consistently start",
    "did not stabilize",
    "attempts to wait",
    "timed out waiting",
    "create_failed",
    "update_failed",
    "rollback",
    "rolled back",
    "servicesstable",
    "waiter (?:tasks|services|stack)",
    "progress ?deadline",
    "unready status",
    "notready",
    "minimum availability",
    "minimumreplicas",
    "underweighting",
    "paused due",
    "suitable node",
    "record its digest",
    "backofflimit",
    "waiting to start",
    "waiting: reason",
    "rollout to finish",
    "exceeded allowed",
    "no running tasks",
    "timeout waiting",
    "replicated +0/",
    // What is said without any of these only in a text of its own.
    "authorization status",
    r"policy\.json",
    "image policy",
    "admission webhook",
    "based image",
    "name_unknown",
    "docker-images-prod",
    "rootlessport",
    "statfs",
    r"client\.timeout",
    "response body",
    "unexpected http",
    "upgrade failed",
    "installation failed",
    "x509",
    "no such host",
    "lookup ",
];

static AUTOMATON: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = patterns().collect::<Vec<_>>().join("|");
    #[expect(
        clippy::expect_used,
        reason = "the marks are constants, and every test of a scanner builds them"
    )]
    RegexBuilder::new(&pattern)
        .case_insensitive(true)
        .unicode(false)
        .dfa_size_limit(MAX_AUTOMATON_BYTES)
        .build()
        .expect("the marks are a regular expression")
});

/// The words of the marks alone, for who looks for nothing else.
static SIEVE: LazyLock<Sieve> = LazyLock::new(|| sieve_with(&[]));

/// The marks as regular expressions, in small letters.
fn patterns() -> impl Iterator<Item = String> {
    MARKS.iter().map(|mark| mark.replace(' ', "[ \\t]"))
}

/// A sieve for the marks and for other patterns, by whose places a scanner may be led.
pub fn sieve_with(others: &[&str]) -> Sieve {
    let marks: Vec<String> = patterns().collect();
    Sieve::new(
        marks
            .iter()
            .map(String::as_str)
            .chain(others.iter().copied()),
    )
}

/// Where words of marks stand.
pub(crate) fn find_places(bytes: &[u8], places: &mut Vec<usize>) {
    SIEVE.find_all(bytes, places);
}

/// Where the next mark stands, from `at` on.
pub(crate) fn find_mark(bytes: &[u8], at: usize) -> Option<usize> {
    AUTOMATON.find_at(bytes, at).map(|mark| mark.start())
}

/// Whether a text has a mark: one line without any tells of nothing.
pub fn has_mark(text: &str) -> bool {
    AUTOMATON.is_match(text.as_bytes())
}

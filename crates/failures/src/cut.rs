//! Texts that were cut: what the rest of a limiter's words leaves open.
//!
//! Orchestrators cut reasons at 255 or 1,024 characters. A text that ends in the middle of a limiter's sentence names that
//! limiter as probable, if the words so far are no other's.

use crate::Class;

/// What limiters say behind the code, in the tight view.
const BODIES: [(&str, Class, &str); 14] = [
    (
        "youhavereachedyourpullratelimit",
        Class::PullLimit,
        "docker.io",
    ),
    (
        "youhavereachedyourunauthenticatedpullratelimit",
        Class::PullLimit,
        "docker.io",
    ),
    (
        "toomanyrequests.pleaseseehttps://docs.docker.com/docker-hub/download-rate-limit/",
        Class::PullLimit,
        "docker.io",
    ),
    ("toomanyrequests(hap429)", Class::AbuseLimit, "docker.io"),
    (
        "toomanyfailedloginattempts",
        Class::LoginLockout,
        "docker.io",
    ),
    ("toomanyloginattempts", Class::LoginLockout, "docker.io"),
    ("rateexceeded", Class::OtherRegistryLimit, "public.ecr.aws"),
    (
        "datalimitexceeded",
        Class::OtherRegistryLimit,
        "public.ecr.aws",
    ),
    ("retry-after:", Class::OtherRegistryLimit, "ghcr.io"),
    (
        "quotaexceededforquotametric",
        Class::OtherRegistryLimit,
        "pkg.dev",
    ),
    ("quotaexceeded.", Class::OtherRegistryLimit, "gcr.io"),
    (
        "requestexceededpullratelimit",
        Class::OtherRegistryLimit,
        "wave.seqera.io",
    ),
    (
        "toomanyrequests.pleasevisithttps://aka.ms/acr/skus",
        Class::OtherRegistryLimit,
        "azurecr.io",
    ),
    ("<!doctypehtml>", Class::OtherRegistryLimit, ""),
];

/// What introduces a limiter's words.
const INTRODUCTIONS: [&str; 4] = [
    "toomanyrequests:",
    "errorfromregistry:",
    "servermessage:",
    "lookingforbeginningofvalue:",
];

/// Fewer characters than these are anybody's.
const MIN_BYTES: usize = 4;

/// The class of the one limiter whose words begin like the end of this text, and its registry.
pub(crate) fn find_begun(tight: &str) -> Option<(Class, Option<&'static str>)> {
    let tight = plain(tight);
    let tail = introduced(&tight)?.trim_end_matches(['.', '"', '\'']);
    if tail.len() < MIN_BYTES {
        return None;
    }
    let mut bodies = BODIES.iter().filter(|(body, ..)| body.starts_with(tail));
    let (_, class, registry) = *bodies.next()?;
    let agree = bodies.all(|(_, other, _)| *other == class);
    agree.then_some((class, (!registry.is_empty()).then_some(registry)))
}

/// The tight view with the reason phrase as in a body's own tight view.
pub(crate) fn plain(tight: &str) -> String {
    tight.replace("too_many_requests", "toomanyrequests")
}

/// Whether a limiter's words were cut before they told whose they are; of a text made `plain`.
pub(crate) fn is_anybodys(tight: &str) -> bool {
    introduced(tight).is_some_and(|tail| {
        let tail = tail.trim_end_matches(['.', '"', '\'']);
        BODIES.iter().any(|(body, ..)| body.starts_with(tail))
    })
}

/// What stands behind the last introduction.
fn introduced(tight: &str) -> Option<&str> {
    let ends = INTRODUCTIONS
        .iter()
        .filter_map(|words| Some(tight.rfind(words)? + words.len()));
    let tail = &tight[ends.max()?..];
    // A limiter's words have no double quote: one ends them, in JSON or in a log's field.
    let tail = tail.trim_start_matches(['"', '\'']);
    let tail = tail.split(['"', '}']).next()?;
    // Tools that draw a line for each image cut it to the terminal's width, and put the time behind it.
    tail.split("...").next()
}

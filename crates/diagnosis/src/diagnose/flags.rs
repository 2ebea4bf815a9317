//! Settings that turn a small fault into a flood.
//!
//! They are told whether or not they are the cause this time.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use forebay_evidence::{Evidence, Lines, Setting, SettingKind};
use forebay_oci::{ImageName, Reference};
use serde::Serialize;

use super::tally::{is_pinned, named};

/// The most flags.
pub const MAX_FLAGS: usize = 100;

/// A delay below this is none.
const MIN_DELAY: Duration = Duration::from_secs(10);

/// What Swarm waits between restarts if nothing is set (docs.docker.com, `docker service create --restart-delay`).
const SWARM_DELAY: Duration = Duration::from_secs(5);

/// How long a commit's name is, as a tag has it: from what git shortens it to, up to all of it.
const COMMIT_LENGTHS: RangeInclusive<usize> = 7..=64;

/// A setting that makes floods.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Flag {
    /// What it is.
    pub kind: FlagKind,
    /// Whose it is.
    pub name: String,
    /// In a sentence.
    pub text: String,
    /// The lines that say so.
    pub lines: Lines,
}

/// The kinds of flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlagKind {
    /// Restarts follow each other at once.
    NoRestartDelay,
    /// Restarts never end.
    NoMaxAttempts,
    /// `imagePullPolicy: Always` with a tag that moves.
    AlwaysOnMovingTag,
    /// `--with-registry-auth`.
    RegistryAuth,
    /// A deployment that cannot work goes on for ever.
    NoCircuitBreaker,
    /// A public image is pulled without credentials.
    NoCredentials,
}

/// All flags of the evidence's settings, as far as they are told.
pub(crate) fn flags(evidence: &Evidence) -> Vec<Flag> {
    let mut flags = all(evidence);
    flags.truncate(MAX_FLAGS);
    flags
}

/// How many more there are.
pub(crate) fn left_out(evidence: &Evidence) -> u64 {
    all(evidence).len().saturating_sub(MAX_FLAGS) as u64
}

/// Each once, however often it was read; settings are bounded.
fn all(evidence: &Evidence) -> Vec<Flag> {
    let mut told = HashSet::new();
    let judged = evidence.settings.iter().flat_map(|setting| {
        let flags = judge(setting).into_iter();
        flags.map(move |(kind, text)| Flag {
            kind,
            name: name(setting, evidence),
            text,
            lines: setting.lines,
        })
    });
    let is_new = |flag: &Flag| told.insert((flag.kind, flag.name.clone()));
    judged.filter(is_new).collect()
}

fn judge(setting: &Setting) -> Vec<(FlagKind, String)> {
    let image = setting.image.as_deref().unwrap_or("its image");
    match &setting.kind {
        SettingKind::Restarts {
            condition,
            delay,
            max_attempts,
        } if condition != "none" => {
            let mut flags = Vec::new();
            let delay = delay.unwrap_or(SWARM_DELAY);
            if delay < MIN_DELAY {
                let asks = if is_pinned(image) {
                    String::new()
                } else {
                    format!(", and each asks for {image}")
                };
                let text = format!(
                    "restarts (`{condition}`) follow each other after {} s{asks}",
                    delay.as_secs_f32()
                );
                flags.push((FlagKind::NoRestartDelay, text));
            }
            if max_attempts.is_none() {
                flags.push((FlagKind::NoMaxAttempts, format!("restarts (`{condition}`) have no `max_attempts`: a container that cannot run is started for ever")));
            }
            flags
        }
        SettingKind::PullPolicy(policy)
            if policy == "Always" && setting.image.as_deref().is_some_and(is_moving) =>
        {
            vec![(
                FlagKind::AlwaysOnMovingTag,
                format!(
                    "`imagePullPolicy: Always` with the moving tag of {image}: each start asks the registry"
                ),
            )]
        }
        SettingKind::RegistryAuthSent => {
            vec![(FlagKind::RegistryAuth, "`--with-registry-auth` gives each node the login, and each retry of a task asks the registry with it".to_owned())]
        }
        SettingKind::CircuitBreaker(false) => {
            vec![(
                FlagKind::NoCircuitBreaker,
                "without a deployment circuit breaker ECS starts tasks that cannot work for ever"
                    .to_owned(),
            )]
        }
        SettingKind::Credentials(false)
            if setting.image.as_deref().is_some_and(is_of_docker_hub) =>
        {
            vec![(
                FlagKind::NoCredentials,
                format!(
                    "{image} is pulled without `repositoryCredentials`: the address pays for it"
                ),
            )]
        }
        _ => Vec::new(),
    }
}

fn name(setting: &Setting, evidence: &Evidence) -> String {
    let owner = setting
        .place
        .owner
        .as_ref()
        .map(|owner| named(owner, evidence).to_string());
    let stack = || {
        setting
            .place
            .cluster
            .as_ref()
            .map(|stack| format!("stack {stack}"))
    };
    owner
        .or_else(stack)
        .unwrap_or_else(|| "somebody".to_owned())
}

/// Whether the tag is one that is moved: `latest`, `main`, `1`; not a version, not a commit's, not a digest.
fn is_moving(image: &str) -> bool {
    match image.parse::<ImageName>().map(|name| name.reference) {
        Ok(Reference::Tag(tag)) => {
            let is_version = tag.is_version_like() && tag.as_str().matches('.').count() >= 2;
            !is_version && !names_a_commit(tag.as_str())
        }
        _ => false,
    }
}

/// `3f2a9c1`, `sha-3f2a9c1`, `main-3f2a9c1`: a build of one commit.
fn names_a_commit(tag: &str) -> bool {
    let is_hex = |part: &str| part.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
    let mut parts = tag.split(['-', '_', '.']);
    parts.any(|part| {
        COMMIT_LENGTHS.contains(&part.len())
            && is_hex(part)
            && part.contains(|c: char| c.is_ascii_digit())
    })
}

fn is_of_docker_hub(image: &str) -> bool {
    image
        .parse::<ImageName>()
        .is_ok_and(|name| name.registry == forebay_oci::DOCKER_HUB)
}

#[cfg(test)]
mod tests {
    use forebay_evidence::{Owner, OwnerKind, Place};

    use super::*;

    #[test]
    fn a_tag_of_a_release_or_a_commit_does_not_move() {
        for tag in ["1.27.3", "3f2a9c1", "sha-3f2a9c1", "main-3f2a9c1", "v1.2.3"] {
            assert!(!is_moving(&format!("acme/api:{tag}")), "{tag}");
        }
        for tag in ["latest", "main", "1", "1.27", "defaced", "build-12"] {
            assert!(is_moving(&format!("acme/api:{tag}")), "{tag}");
        }
    }

    #[test]
    fn each_flag_is_told_once_and_how_many_are_not_told() {
        let mut evidence = Evidence::default();
        for number in 0..MAX_FLAGS + 5 {
            let owner = Owner::new(OwnerKind::Deployment, format!("web-{number}"));
            let setting = Setting {
                place: Place {
                    owner: Some(owner),
                    ..Place::default()
                },
                image: None,
                kind: SettingKind::RegistryAuthSent,
                lines: Lines::default(),
            };
            evidence.settings.extend([setting.clone(), setting]);
        }
        assert_eq!(flags(&evidence).len(), MAX_FLAGS);
        assert_eq!(left_out(&evidence), 5);
    }
}

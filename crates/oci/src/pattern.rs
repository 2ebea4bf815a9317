//! Patterns of repositories: those of one registry, and those of all that are reached here.
//!
//! `*` stands for any characters within one path part, `**` for any across them, `?`, `[ab]` and `{a,b}` as in a shell.
//! A pattern is matched in a time that is linear in the name, whatever it is.

use std::fmt;
use std::str::FromStr;

use globset::{Glob, GlobBuilder, GlobMatcher};

use crate::image::is_host;
use crate::{RepositoryName, Target};

/// The upstream's name of a repository that lives here. Reserved: no upstream is called so.
pub const LOCAL_UPSTREAM: &str = "local";

/// The longest pattern, in bytes: as long as the longest repository name.
const MAX_PATTERN_BYTES: usize = 255;

/// What stands for every repository, local or not.
const EVERYTHING: &str = "**";

/// A pattern of repositories of one registry, such as `library/*`.
#[derive(Clone, Debug)]
pub struct RepositoryPattern(GlobMatcher);

/// A pattern of repositories wherever they live.
///
/// Written `docker.io/library/*`: what looks like a host is one, and may hold `*` itself (`*.amazonaws.com/**`). Without a host,
/// `team/*`, it means local repositories. `**` alone means everything.
#[derive(Clone, Debug)]
pub struct TargetPattern {
    text: Box<str>,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    Everything,
    Local(RepositoryPattern),
    Upstream(GlobMatcher, RepositoryPattern),
}

/// Why a text is no pattern: a clause that goes on after it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// It is empty, or longer than a repository's name can be.
    #[error("is empty or too long")]
    Length,
    /// It has a tag or a digest.
    #[error("has a tag or digest, and patterns are of repositories")]
    TagOrDigest,
    /// It has a capital letter.
    #[error("matches nothing: repositories are lower case")]
    UpperCase,
    /// It has a character that no repository has, or begins or ends with a slash.
    #[error("can match no repository")]
    NoRepository,
    /// It names a registry and no repository there.
    #[error("names no repository: write {0}/** for all of that registry")]
    HostAlone(String),
    /// Its brackets or braces are not closed.
    #[error("is no pattern: {0}")]
    Glob(String),
}

// === impl RepositoryPattern ===

impl RepositoryPattern {
    /// True if it stands for this repository.
    pub fn matches(&self, name: &RepositoryName) -> bool {
        self.0.is_match(name.as_str())
    }

    /// The pattern as a glob, for a set of them.
    pub fn glob(&self) -> &Glob {
        self.0.glob()
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        self.0.glob().glob()
    }
}

impl FromStr for RepositoryPattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        let is_pattern_byte = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-/*?[]{},!^".contains(&byte)
        };
        if text.is_empty() || text.len() > MAX_PATTERN_BYTES {
            return Err(InvalidPattern::Length);
        }
        if text.contains([':', '@']) {
            return Err(InvalidPattern::TagOrDigest);
        }
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(InvalidPattern::UpperCase);
        }
        if !text.bytes().all(is_pattern_byte) || text.starts_with('/') || text.ends_with('/') {
            return Err(InvalidPattern::NoRepository);
        }
        glob(text).map(Self)
    }
}

impl fmt::Display for RepositoryPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialEq for RepositoryPattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for RepositoryPattern {}

// === impl TargetPattern ===

impl TargetPattern {
    /// True if it stands for this repository.
    pub fn matches(&self, target: &Target) -> bool {
        match &self.place {
            Place::Everything => true,
            Place::Local(pattern) => {
                &*target.upstream == LOCAL_UPSTREAM && pattern.matches(&target.repository)
            }
            Place::Upstream(host, pattern) => {
                &*target.upstream != LOCAL_UPSTREAM
                    && host.is_match(&*target.upstream)
                    && pattern.matches(&target.repository)
            }
        }
    }

    /// True if it stands for every repository there is or will be, local or not.
    pub fn is_everything(&self) -> bool {
        matches!(self.place, Place::Everything)
    }

    /// Which repositories that live here it stands for; `None` if all, or an upstream's.
    pub fn find_local(&self) -> Option<&RepositoryPattern> {
        match &self.place {
            Place::Local(pattern) => Some(pattern),
            Place::Everything | Place::Upstream(..) => None,
        }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for TargetPattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        if text.is_empty() || text.len() > MAX_PATTERN_BYTES {
            return Err(InvalidPattern::Length);
        }
        let place = match text.split_once('/') {
            _ if text == EVERYTHING => Place::Everything,
            Some((host, rest)) if is_host(host) => Place::Upstream(host_glob(host)?, rest.parse()?),
            // A tag is an error of its own.
            None if is_host(text) && !text.contains(':') => {
                return Err(InvalidPattern::HostAlone(text.to_owned()));
            }
            _ => Place::Local(text.parse()?),
        };
        Ok(Self {
            text: text.into(),
            place,
        })
    }
}

impl fmt::Display for TargetPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for TargetPattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for TargetPattern {}

fn host_glob(host: &str) -> Result<GlobMatcher, InvalidPattern> {
    let is_host_byte =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:*".contains(&byte);
    if host.bytes().all(is_host_byte) {
        glob(host)
    } else if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Err(InvalidPattern::UpperCase)
    } else {
        Err(InvalidPattern::NoRepository)
    }
}

fn glob(text: &str) -> Result<GlobMatcher, InvalidPattern> {
    let built = GlobBuilder::new(text).literal_separator(true).build();
    let built = built.map_err(|error| InvalidPattern::Glob(error.kind().to_string()))?;
    Ok(built.compile_matcher())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(upstream: &str, repository: &str) -> Target {
        Target {
            upstream: upstream.into(),
            repository: repository.parse().unwrap(),
        }
    }

    #[test]
    fn a_pattern_stays_within_a_path_part_unless_told_otherwise() {
        let matches = |pattern: &str, name: &str| {
            let pattern: RepositoryPattern = pattern.parse().unwrap();
            pattern.matches(&name.parse().unwrap())
        };
        assert!(matches("library/*", "library/nginx"));
        assert!(!matches("library/*", "library/a/b"));
        assert!(!matches("library/*", "library"));
        assert!(matches("org/**", "org/a/b"));
        assert!(matches("hashicorp/vault", "hashicorp/vault"));
        assert!(!matches("hashicorp/vault", "hashicorp/vault-k8s"));
        assert!(matches("{a,b}/c?", "b/cd"));
    }

    #[test]
    fn a_pattern_means_the_place_that_it_names() {
        let local = target(LOCAL_UPSTREAM, "team/app");
        let hub = target("docker.io", "team/app");
        let ecr = target("1.dkr.ecr.eu-west-1.amazonaws.com", "team/app");
        let port = target("localhost:5000", "team/app");
        for (pattern, meant) in [
            ("**", [true, true, true, true]),
            ("team/*", [true, false, false, false]),
            ("docker.io/team/*", [false, true, false, false]),
            ("*.amazonaws.com/**", [false, false, true, false]),
            ("*.*/**", [false, true, true, false]),
            ("localhost:5000/**", [false, false, false, true]),
            ("*/**", [true, false, false, false]),
            ("other/**", [false; 4]),
        ] {
            let found: TargetPattern = pattern.parse().unwrap();
            assert_eq!(found.to_string(), pattern);
            assert_eq!(found.is_everything(), pattern == "**");
            let found = [&local, &hub, &ecr, &port].map(|target| found.matches(target));
            assert_eq!(found, meant, "{pattern}");
        }
    }

    #[test]
    fn no_pattern_of_upstreams_means_what_is_local() {
        let local = target(LOCAL_UPSTREAM, "a/b");
        for pattern in ["*.*/**", "localhost/**", "l.*/**", "docker.io/**"] {
            let pattern: TargetPattern = pattern.parse().unwrap();
            assert!(!pattern.matches(&local), "{pattern}");
        }
    }

    #[test]
    fn what_can_match_nothing_is_refused() {
        use InvalidPattern::{HostAlone, Length, NoRepository, TagOrDigest, UpperCase};
        for (text, why) in [
            ("", Length),
            ("Team/*", UpperCase),
            ("Docker.io/*", UpperCase),
            ("nginx:1", TagOrDigest),
            ("docker.io/nginx:1", TagOrDigest),
            ("a@sha256", TagOrDigest),
            ("/nginx", NoRepository),
            ("nginx/", NoRepository),
            ("docker.io/", Length),
            ("docker.io", HostAlone("docker.io".into())),
            ("a b", NoRepository),
            ("a\0", NoRepository),
            ("[a].io/x", NoRepository),
        ] {
            assert_eq!(text.parse::<TargetPattern>(), Err(why), "{text:?}");
        }
        assert!(matches!(
            "a[".parse::<TargetPattern>(),
            Err(InvalidPattern::Glob(_))
        ));
        assert_eq!("a".repeat(256).parse::<RepositoryPattern>(), Err(Length));
    }
}

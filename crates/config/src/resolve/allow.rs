//! An upstream's allow-list: patterns that can match nothing there are mistakes, and would refuse what they name.

use forebay_oci::{DOCKER_HUB, is_docker_hub};
use url::Url;

use super::upstream::key;
use crate::error::{ConfigProblem, Problems};
use crate::file::UpstreamFile;

/// The pattern that matches everything, whatever its parts.
const EVERYTHING: &str = "**";

/// Checks the patterns of the upstream `name`, whose address is `url`.
pub(super) fn check(name: &str, written: &UpstreamFile, url: &Url, problems: &mut Problems) {
    let Some(patterns) = &written.allow.value else {
        return;
    };
    let key = key(name, "allow");
    let origin = &written.allow.origin;
    if patterns.is_empty() {
        let what = format!("`{key}` is empty, so nothing could be pulled");
        let problem = ConfigProblem::new(origin, what);
        problems.push(problem.hint("leave it out to allow everything, or write enabled = false"));
    }
    for pattern in patterns.iter().map(|pattern| pattern.0.glob()) {
        if let Some((why, meant)) = find_fault(name, url, pattern) {
            let what = format!("`{key}` holds {pattern:?}, which {why}");
            problems.push(ConfigProblem::new(origin, what).hint(format!("write \"{meant}\"")));
        }
    }
}

/// Why a pattern matches nothing of this upstream, and what was probably meant.
fn find_fault(name: &str, url: &Url, pattern: &str) -> Option<(&'static str, String)> {
    let is_own = |host: &str| {
        let is_alias = name == DOCKER_HUB && is_docker_hub(host);
        host == name || Some(host) == url.host_str() || is_alias
    };
    match pattern.split_once('/') {
        Some((host, rest)) if is_own(host) => Some((
            "begins with the upstream's own name: repositories are written without it",
            in_full(name, rest),
        )),
        None if name == DOCKER_HUB && pattern != EVERYTHING => Some((
            "matches nothing: every repository of docker.io has two parts",
            in_full(name, pattern),
        )),
        _ => None,
    }
}

/// The repository as it is matched: Docker Hub's official images are below `library`.
fn in_full(name: &str, repository: &str) -> String {
    if name == DOCKER_HUB && !repository.contains('/') && repository != EVERYTHING {
        format!("library/{repository}")
    } else {
        repository.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(name: &str, url: &str, pattern: &str) -> Option<String> {
        find_fault(name, &Url::parse(url).unwrap(), pattern).map(|(_, meant)| meant)
    }

    #[test]
    fn a_pattern_that_can_match_nothing_is_told_with_what_was_meant() {
        let hub = "https://registry-1.docker.io";
        for (pattern, right) in [
            ("nginx", "library/nginx"),
            ("*", "library/*"),
            ("docker.io/nginx", "library/nginx"),
            ("docker.io/library/nginx", "library/nginx"),
            ("index.docker.io/org/app", "org/app"),
            ("registry-1.docker.io/**", "**"),
        ] {
            assert_eq!(meant("docker.io", hub, pattern).as_deref(), Some(right));
        }
        assert_eq!(
            meant("r.example", "https://10.0.0.1", "10.0.0.1/app").as_deref(),
            Some("app")
        );
    }

    #[test]
    fn patterns_that_can_match_are_left_alone() {
        for pattern in [
            "library/nginx",
            "**",
            "{library/nginx,org/app}",
            "ghcr.io/app",
        ] {
            assert_eq!(meant("docker.io", "http://127.0.0.1:7000", pattern), None);
        }
        assert_eq!(meant("r.example", "https://r.example", "app"), None);
    }
}

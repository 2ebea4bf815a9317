//! Who else a client's own files have it ask for a registry: the registry itself, and other mirrors.
//!
//! Where fall-through is to be closed, the registry is taken out of them. Other mirrors stay, and then it is not closed.

use forebay_limits::shown;
use forebay_oci::{DOCKER_HUB, is_docker_hub};

use crate::plan::{FallThrough, Plan};

/// The longest address that is told, in bytes.
const MAX_TOLD_BYTES: usize = 300;

/// What else stands in a client's files.
#[derive(Debug, Default)]
pub(super) struct Others {
    notes: Vec<String>,
    is_past: bool,
}

impl Others {
    /// The registry itself does not stay in a file.
    pub(super) fn take_out(&mut self, path: &str, what: &str) {
        let what = shown(what, MAX_TOLD_BYTES);
        self.notes.push(format!(
            "{what} is taken out of {path}, for it goes past Forebay; --undo puts it back"
        ));
    }

    /// Something stays by which images come from elsewhere.
    pub(super) fn leave(&mut self, note: String) {
        self.is_past = true;
        self.notes.push(note);
    }

    /// A mirror stays, and is asked after Forebay.
    pub(super) fn leave_mirror(&mut self, path: &str, mirror: &str) {
        let mirror = shown(mirror, MAX_TOLD_BYTES);
        self.leave(format!(
            "{mirror} stays in {path}, and is asked where Forebay does not answer: take it out if it should not be"
        ));
    }

    /// What should be known, whether it leads past Forebay or not.
    pub(super) fn tell(&mut self, note: String) {
        self.notes.push(note);
    }

    /// The plan with what happens when Forebay does not answer: the one where nothing else is asked, or the other.
    pub(super) fn fall(self, plan: Plan, closed: FallThrough, past: FallThrough) -> Plan {
        let plan = plan.falls(if self.is_past { past } else { closed });
        self.notes.into_iter().fold(plan, Plan::note)
    }
}

/// Whether an address, or a place at one, is at the registry itself.
pub(super) fn is_registry(registry: &str, place: &str) -> bool {
    let rest = place.split_once("://").map_or(place, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    let host = host.strip_suffix(":443").unwrap_or(host);
    registry.eq_ignore_ascii_case(host)
        || registry == DOCKER_HUB && is_docker_hub(&host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_told_has_no_password() {
        let mut others = Others::default();
        others.leave_mirror("a.yaml", "https://u:HUNTER2@old:5000");
        others.take_out("a.yaml", "https://u:HUNTER2@registry-1.docker.io");
        assert!(others.notes[0].starts_with("https://***@old:5000 stays"));
        assert!(others.notes[1].starts_with("https://***@registry-1.docker.io is"));
    }

    #[test]
    fn a_registry_is_known_by_each_of_its_hosts() {
        for (registry, place, is) in [
            ("docker.io", "https://registry-1.docker.io", true),
            ("docker.io", "https://Registry-1.docker.io:443/v2/", true),
            ("docker.io", "index.docker.io", true),
            ("docker.io", "docker.io/library", true),
            ("docker.io", "https://mirror.gcr.io", false),
            ("docker.io", "https://docker.io.example", false),
            ("ghcr.io", "https://ghcr.io", true),
            ("ghcr.io", "https://registry-1.docker.io", false),
            ("a.lan:5000", "http://a.lan:5000", true),
            ("a.lan:5000", "http://a.lan", false),
        ] {
            assert_eq!(is_registry(registry, place), is, "{registry} {place}");
        }
    }
}

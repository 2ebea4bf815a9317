//! Which names an upstream can have: one text for one registry, and none that only looks like another.

use forebay_oci::{DOCKER_HUB, DOCKER_HUB_ALIASES};

use super::builtin::{BUILTINS, find_builtin};
use super::error::Wrong;
use super::value::{HostPort, TextValue};

/// Checks a name by itself: `host` or `host:port`, as image references have it.
pub(super) fn check_upstream_name(name: &str) -> Result<(), Wrong> {
    let host = HostPort::from_text(name)?;
    if host.is_ipv6() {
        let wrong = Wrong::new(format!("holds {name:?}, an IPv6 address"));
        return Err(wrong.hint("give it a name and write the address as its `url`"));
    }
    // The rule by which every client tells a registry from an account: distribution's reference grammar.
    let is_host = name.contains(['.', ':']) || name == "localhost";
    if !is_host {
        let wrong = Wrong::new(format!(
            "holds {name:?}, which no client takes for a registry"
        ));
        return Err(wrong.hint("a name has a dot or a port; for a path of your own write `prefix`"));
    }
    // As another upstream it would be asked beside docker.io, and without docker.io's credentials.
    if DOCKER_HUB_ALIASES.contains(&name) {
        let wrong = Wrong::new(format!("holds {name:?}, another name of {DOCKER_HUB}"));
        return Err(wrong.hint(format!("write [upstreams.\"{DOCKER_HUB}\"]")));
    }
    let bare = host.host();
    if name.ends_with(":443") || name.ends_with(":80") {
        let wrong = Wrong::new(format!(
            "holds {name:?}, with a port that need not be written"
        ));
        return Err(wrong.hint(format!("write \"{bare}\"; its port stands in `url`")));
    }
    Ok(())
}

/// The built-in upstream that `name` looks like without being it: one slip away, or letters that look alike.
///
/// A password meant for docker.io must not go to dokcer.io. Names that are near by right (gcr.io and ghcr.io) are
/// built in themselves; any other must say its `url`, which shows that it is meant.
pub(super) fn find_lookalike(name: &str) -> Option<&'static str> {
    if find_builtin(name).is_some() {
        return None;
    }
    let seen = as_seen(name);
    let builtins = BUILTINS.iter().map(|builtin| builtin.name);
    let mut near = builtins.filter(|builtin| {
        as_seen(builtin) == seen || strsim::damerau_levenshtein(name, builtin) <= 1
    });
    near.next()
}

/// The name with letters that look alike made one.
fn as_seen(name: &str) -> String {
    name.replace("rn", "m")
        .replace("vv", "w")
        .replace('0', "o")
        .replace(['1', 'i'], "l")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_hosts_as_image_references_have_them() {
        for name in [
            "docker.io",
            "localhost",
            "localhost:5000",
            "registry:5000",
            "10.0.0.1:5000",
        ] {
            assert!(check_upstream_name(name).is_ok(), "{name}");
        }
        for name in [
            "hub",
            "Docker.io",
            "docker.io.",
            ".docker.io",
            "dосker.io",
            "index.docker.io",
            "registry-1.docker.io",
            "docker.io:443",
            "a b.io",
        ] {
            assert!(check_upstream_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_name_one_slip_from_a_built_in_one_is_found() {
        for (name, meant) in [
            ("dokcer.io", "docker.io"),
            ("d0cker.io", "docker.io"),
            ("ghrc.io", "ghcr.io"),
            ("quay.lo", "quay.io"),
            ("rnirror.gcr.io", "mirror.gcr.io"),
        ] {
            assert_eq!(find_lookalike(name), Some(meant));
        }
        for name in [
            "gcr.io",
            "us.gcr.io",
            "registry.example.com",
            "eu-docker.pkg.dev",
        ] {
            assert_eq!(find_lookalike(name), None);
        }
    }
}

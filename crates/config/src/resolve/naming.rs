//! Rules between upstreams: no name, prefix or host means two of them.

use std::collections::BTreeMap;

use forebay_oci::{DOCKER_HUB, DOCKER_HUB_ALIASES};

use crate::error::{ConfigProblem, Problems};
use crate::file::{FileConfig, UpstreamFile};
use crate::names::find_lookalike;
use crate::nearest::find_nearest;
use crate::resolved::Authorize;
use crate::section::{Setting, dotted};

/// Checks all of them.
pub(super) fn check(file: &FileConfig, problems: &mut Problems) {
    let enabled: BTreeMap<&str, &UpstreamFile> = file
        .upstreams
        .iter()
        .filter(|(name, upstream)| {
            upstream.enabled.value && !problems.is_doubtful(&["upstreams", name, "enabled"])
        })
        .map(|(name, upstream)| (name.as_str(), upstream))
        .collect();
    check_root(file, &enabled, problems);
    check_lookalikes(&enabled, problems);
    let prefixes = enabled.iter().filter_map(|(name, upstream)| {
        let Setting { value, origin } = &upstream.prefix;
        let text = value.as_ref()?.0.clone();
        Some((*name, text, origin))
    });
    check_unique("prefix", prefixes, problems);
    let hosts = enabled.iter().flat_map(|(name, upstream)| {
        let Setting { value, origin } = &upstream.hosts;
        value
            .iter()
            .map(move |host| (*name, host.0.clone(), origin))
    });
    check_unique("hosts", hosts.clone(), problems);
    check_apart(file, &enabled, problems);
    for (name, host, origin) in hosts {
        // A request for ghcr.io answered from docker.io would be the wrong image under the right name.
        let is_hubs = DOCKER_HUB_ALIASES.contains(&&*host);
        let meant = if is_hubs { DOCKER_HUB } else { &*host };
        if meant != name && file.upstreams.contains_key(meant) {
            let key = dotted(&["upstreams", name, "hosts"]);
            let what = format!("`{key}` holds {host:?}, which is another upstream's name");
            problems.push(ConfigProblem::new(origin, what));
        }
    }
}

fn check_root(file: &FileConfig, enabled: &BTreeMap<&str, &UpstreamFile>, problems: &mut Problems) {
    let Setting { value, origin } = &file.top.root;
    let root = value.0.as_str();
    let is_doubtful = problems.is_doubtful(&["root"]) || problems.is_doubtful(&["upstreams", root]);
    if is_doubtful || enabled.contains_key(root) {
        return;
    }
    if let Some(upstream) = file.upstreams.get(root) {
        let place = &upstream.enabled.origin;
        let what = format!("`root` is {root:?}, an upstream that is not enabled ({place})");
        let problem = ConfigProblem::new(origin, what);
        problems.push(problem.hint("write the upstream that a bare path means, as `root`"));
        return;
    }
    let problem = ConfigProblem::new(origin, format!("`root` is {root:?}, which is no upstream"));
    problems.push(match find_nearest(root, enabled.keys().copied()) {
        Some(nearest) => problem.hint(format!("the nearest is \"{nearest}\"")),
        None => problem.hint(format!("add it: [upstreams.\"{root}\"]")),
    });
}

/// An upstream that is asked with its clients' own logins has a host of its own and is meant by nothing else: elsewhere clients
/// would show it logins that are not meant for it, or none.
fn check_apart(
    file: &FileConfig,
    enabled: &BTreeMap<&str, &UpstreamFile>,
    problems: &mut Problems,
) {
    for (name, upstream) in enabled {
        let is_apart = upstream.authorize.value == Authorize::Client;
        if !is_apart || problems.is_doubtful(&["upstreams", name]) {
            continue;
        }
        let key = dotted(&["upstreams", name, "authorize"]);
        let mut refuse = |what: &str, hint: String| {
            let what = format!("`{key}` is \"client\", {what}");
            problems.push(ConfigProblem::new(&upstream.authorize.origin, what).hint(hint));
        };
        if upstream.hosts.value.is_empty() {
            let hint = "write a host name that leads clients here and means nothing else: hosts = [\"private.forebay.example\"]";
            refuse("and it has no host of its own", hint.to_owned());
        }
        if upstream.prefix.value.is_some() {
            let hint = format!("take `{}` away", dotted(&["upstreams", name, "prefix"]));
            refuse("so only its own host leads to it, and no prefix does", hint);
        }
        if file.top.root.value.0 == *name {
            let hint = "write the upstream that a bare path means, as `root`".to_owned();
            refuse("so it cannot be the `root` as well", hint);
        }
    }
}

fn check_lookalikes(enabled: &BTreeMap<&str, &UpstreamFile>, problems: &mut Problems) {
    for (name, upstream) in enabled {
        if problems.is_doubtful(&["upstreams", name]) {
            continue;
        }
        let (Some(meant), None) = (find_lookalike(name), &upstream.url.value) else {
            continue;
        };
        // Whatever was written for it says where; something was, or it would not be here.
        let origin = upstream.written_at();
        let what = format!("the upstream {name:?} looks like {meant:?} and says no `url`");
        problems.push(
            ConfigProblem::new(&origin, what)
                .hint(format!("write [upstreams.\"{meant}\"]"))
                .hint(format!(
                    "or, if it is another registry, its address: url = \"https://{name}\""
                )),
        );
    }
}

fn check_unique<'a>(
    key: &str,
    texts: impl Iterator<Item = (&'a str, String, &'a crate::Origin)>,
    problems: &mut Problems,
) {
    let mut owners: BTreeMap<String, &str> = BTreeMap::new();
    for (name, text, origin) in texts {
        if let Some(owner) = owners.get(&text) {
            let path = dotted(&["upstreams", name, key]);
            let what = format!("`{path}` is {text:?}, which {owner:?} has already");
            problems.push(ConfigProblem::new(origin, what));
        }
        owners.insert(text, name);
    }
}

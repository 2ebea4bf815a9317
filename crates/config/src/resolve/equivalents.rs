//! Where the same images are: what is known, and what the operator adds.

use std::collections::BTreeMap;

use forebay_cache::Renaming;

use crate::builtin::find_builtin;
use crate::error::{ConfigProblem, Problems};
use crate::nearest::find_nearest;
use crate::resolved::{Config, EquivalentConfig, UpstreamConfig};
use crate::value::{EquivalentFile, ImagePattern};

/// Docker Hub's official images at registries that have them too: ECR Public's `docker` alias
/// (gallery.ecr.aws/docker) and Google's mirror (cloud.google.com/artifact-registry/docs/pull-cached-dockerhub-images).
const KNOWN: [(&str, &str, &str, &str); 2] = [
    (
        "docker.io",
        "library/*",
        "public.ecr.aws",
        "docker/library/*",
    ),
    ("docker.io", "library/*", "mirror.gcr.io", "library/*"),
];

/// Resolves them: the operator's own go before those that are known.
pub(super) fn resolve(
    written: &[EquivalentFile],
    upstreams: &BTreeMap<String, UpstreamConfig>,
    problems: &mut Problems,
) -> Vec<EquivalentConfig> {
    let mut equivalents = Vec::new();
    for one in written {
        for to in &one.to {
            equivalents.extend(read(one, to, upstreams, problems));
        }
    }
    let known = KNOWN
        .iter()
        .filter(|(from, _, to, _)| is_built_in(from, upstreams) && is_built_in(to, upstreams));
    equivalents.extend(known.filter_map(|(from, ours, to, theirs)| {
        Some(EquivalentConfig {
            from: (*from).to_owned(),
            to: (*to).to_owned(),
            renaming: Renaming::new(ours, theirs).ok()?,
        })
    }));
    equivalents
}

/// What is known and does not hold in `config`, a sentence for each: nobody knows what is at another `url`, unless the operator
/// says so.
pub(crate) fn unheld_equivalents(config: &Config) -> Vec<String> {
    let unheld = KNOWN.iter().filter(|(from, ours, to, theirs)| {
        let holds = |one: &EquivalentConfig| {
            one.from == *from
                && one.to == *to
                && Renaming::new(ours, theirs).as_ref() == Ok(&one.renaming)
        };
        let is_there = |name: &str| config.upstreams.contains_key(name);
        is_there(from) && is_there(to) && !config.equivalents.iter().any(holds)
    });
    let told = unheld.map(|(from, ours, to, theirs)| {
        let changed = [from, to].into_iter();
        let changed = changed.filter(|name| !is_built_in(name, &config.upstreams));
        let changed: Vec<_> = changed.copied().collect();
        format!(
            "{from}/{ours} is not looked for at {to}/{theirs}, because the url of {} is not the built-in one; [[equivalents]] says that it is the same",
            changed.join(" and of ")
        )
    });
    told.collect()
}

fn read(
    one: &EquivalentFile,
    to: &ImagePattern,
    upstreams: &BTreeMap<String, UpstreamConfig>,
    problems: &mut Problems,
) -> Option<EquivalentConfig> {
    for pattern in [&one.from, to] {
        if !upstreams.contains_key(&pattern.upstream) {
            // Its section was not read, or not under this name.
            if problems.is_doubtful(&["upstreams"]) {
                return None;
            }
            let what = format!(
                "`equivalents` names {}, which is no upstream",
                pattern.upstream
            );
            let problem = ConfigProblem::new(&one.place, what);
            let names = upstreams.keys().map(String::as_str);
            problems.push(match find_nearest(&pattern.upstream, names) {
                Some(nearest) => problem.hint(format!("the nearest is {nearest}")),
                None => problem.hint("add it as [upstreams.\"…\"]"),
            });
            return None;
        }
    }
    match Renaming::new(&one.from.repositories, &to.repositories) {
        Ok(renaming) => Some(EquivalentConfig {
            from: one.from.upstream.clone(),
            to: to.upstream.clone(),
            renaming,
        }),
        Err(error) => {
            let problem = ConfigProblem::new(&one.place, format!("`equivalents`: {error}"));
            problems.push(problem.hint(
                "such as from = \"docker.io/library/*\", to = [\"public.ecr.aws/docker/library/*\"]",
            ));
            None
        }
    }
}

/// Whether an upstream is there, and the registry that everybody means by its name: of another that the operator put in its
/// place nobody knows what it has.
fn is_built_in(name: &str, upstreams: &BTreeMap<String, UpstreamConfig>) -> bool {
    let builtin = find_builtin(name).map(|builtin| builtin.url.trim_end_matches('/'));
    upstreams
        .get(name)
        .is_some_and(|upstream| builtin == Some(upstream.url.as_str().trim_end_matches('/')))
}

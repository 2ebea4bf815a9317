//! Compose files and Swarm stacks: the images of services, with `${VAR:-default}`.

mod default_files;

use std::collections::BTreeSet;

use forebay_syntax::{At, Tree, read_yaml};

use crate::dockerfile::{self, Arguments, Use};
use crate::sink::{Scope, Sink};
use crate::variables::{Binding, Dialect};
use crate::{Note, Owner, PullPolicy, Restart, Settings, env};

pub use default_files::overrides;

/// `extends` of what extends.
const MAX_EXTENDS: u32 = 8;

/// The file of a project's variables.
const ENVIRONMENT: &str = ".env";

/// The most Dockerfiles that are read beside one file.
pub(super) const MAX_DOCKERFILES: usize = 100;

/// Keys that only a service has; a map of services has one with one of them.
const SERVICE_KEYS: [&str; 8] = [
    "image",
    "build",
    "command",
    "ports",
    "environment",
    "volumes",
    "extends",
    "deploy",
];

/// What has to be for a service to start that has profiles.
const WITH_PROFILE: &str = "only with its profile";

/// What has to be for an image to be pulled in whose place an override names another.
const WITHOUT_OVERRIDE: &str = "only without the override beside it";

/// What has to be for a file to be read where Compose takes another one of its folder.
const WHERE_NAMED: &str = "only where -f names the file: Compose takes the one beside it";

/// What the prefix is of an image among the contexts of a build.
const CONTEXT: &str = "docker-image://";

/// Whether a map is one of services.
pub(crate) fn is_services(at: At<'_>) -> bool {
    at.entries()
        .any(|(_, service)| SERVICE_KEYS.iter().any(|key| service.get(key).is_some()))
}

/// Finds the images of a Compose file's services.
pub(crate) fn find(root: At<'_>, sink: &mut Sink<'_>) {
    let environment = sink
        .settings
        .near
        .get(ENVIRONMENT)
        .map(|text| env::read(text))
        .unwrap_or_default();
    let settings = sink.settings;
    let lookup = |name: &str| {
        settings.set_value(name).or_else(|| {
            environment
                .get(name)
                .map(|value| Binding::from_file(value, ENVIRONMENT))
        })
    };
    let scope = Scope {
        dialect: Dialect::Compose,
        lookup: &lookup,
    };
    let Some(services) = root.get("services") else {
        return;
    };
    let name = sink.path.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_passed_over = default_files::is_passed_over(name, settings);
    let others = others(name, settings);
    let built = built_with_others((root, services), &others, sink.path);
    for (name, service) in services.entries() {
        let chain = extended(services, service);
        let mut owner = owner_of(name, &chain);
        if others.iter().any(|other| other.replaces(name)) {
            owner.condition = Some(WITHOUT_OVERRIDE);
        }
        let profiles = find_in(&chain, &["profiles"]);
        if profiles.is_some_and(|profiles| !is_active(profiles, scope)) {
            owner.condition = Some(WITH_PROFILE);
        }
        let image = find_in(&chain, &["image"]).and_then(At::text);
        if image.is_some_and(|image| built.contains(image)) {
            owner.is_built = true;
            owner.pull_policy = owner.pull_policy.or(Some(PullPolicy::Never));
        }
        if let Some(image) = find_in(&chain, &["image"]) {
            sink.scalar(image, scope, owner.clone());
        }
        let inline = service.path(&["build", "dockerfile_inline"]);
        if let Some((start, block)) = inline.and_then(|at| sink.block(at)) {
            let found = dockerfile::find(sink.path, block, settings);
            sink.found.absorb(found, start);
        }
        let contexts = service.path(&["build", "additional_contexts"]);
        for (before, context) in contexts.into_iter().flat_map(contexts_of) {
            let owner = Owner::named("Compose build context", name);
            sink.prefixed(&before, context, scope, owner);
        }
        if let Some(build) = service.get("build") {
            let owner = Owner::named("Compose build argument", name);
            build_arguments(build, sink, scope, &owner);
        }
    }
    if is_passed_over {
        for place in &mut sink.found.places {
            place.owner.condition = Some(WHERE_NAMED);
        }
    }
}

/// Whether a service with these profiles starts: without any it does, and with one that `COMPOSE_PROFILES` lists.
fn is_active(profiles: At<'_>, scope: Scope<'_>) -> bool {
    let active = (scope.lookup)("COMPOSE_PROFILES").map(|binding| binding.text);
    let is_one = |profile: &str| {
        let mut active = active.iter().flat_map(|list| list.split(','));
        active.any(|one| matches!(one.trim(), "*") || one.trim() == profile)
    };
    let mut named = profiles.items().filter_map(At::text).peekable();
    named.peek().is_none() || named.any(is_one)
}

/// The contexts of a build, each with what stands before an image there.
fn contexts_of(contexts: At<'_>) -> impl Iterator<Item = (String, At<'_>)> {
    let pairs = contexts.entries().map(|(_, at)| (CONTEXT.to_owned(), at));
    let items = contexts.items().filter_map(|item| {
        let (name, _) = item.text()?.split_once('=')?;
        Some((format!("{name}={CONTEXT}"), item))
    });
    pairs.chain(items)
}

/// A file that Compose merges with the one that is read.
struct Other<'a> {
    tree: Tree<'a>,
    /// It goes over the one that is read.
    is_over: bool,
}

/// The files beside the one of this name that Compose merges with it.
fn others<'a>(name: &str, settings: &'a Settings) -> Vec<Other<'a>> {
    let merged = default_files::merged(name, settings);
    let others = merged.filter_map(|(text, is_over)| {
        let tree = read_yaml(text).0.into_iter().next()?;
        Some(Other { tree, is_over })
    });
    others.collect()
}

impl Other<'_> {
    /// Whether it names another image for a service.
    fn replaces(&self, name: &str) -> bool {
        let services = At::root(&self.tree).get("services");
        let image = services.and_then(|services| {
            let chain = extended(services, services.get(name)?);
            find_in(&chain, &["image"])
        });
        self.is_over && image.is_some()
    }
}

/// The images that services build, here or by what the files beside this one say of them.
fn built_with_others(
    (root, services): (At<'_>, At<'_>),
    others: &[Other<'_>],
    path: &str,
) -> BTreeSet<String> {
    let mut all = built(root, services, path);
    for other in others {
        let root = At::root(&other.tree);
        let Some(others) = root.get("services") else {
            continue;
        };
        all.extend(built(root, others, path));
        for (name, service) in services.entries() {
            let other = others.get(name).map(|other| extended(others, other));
            if other.is_some_and(|chain| find_in(&chain, &["build"]).is_some()) {
                let image = find_in(&extended(services, service), &["image"]).and_then(At::text);
                all.extend(image.map(str::to_owned));
            }
        }
    }
    all
}

/// The images that services build, as they are written: another that names one takes what is built here.
fn built(root: At<'_>, services: At<'_>, path: &str) -> BTreeSet<String> {
    let mut built = BTreeSet::new();
    for (name, service) in services.entries() {
        let chain = extended(services, service);
        if find_in(&chain, &["build"]).is_none() {
            continue;
        }
        if let Some(image) = find_in(&chain, &["image"]).and_then(At::text) {
            built.insert(image.to_owned());
        } else if let Some(project) = project(root, path) {
            built.insert(format!("{project}-{name}"));
        }
    }
    built
}

/// What Compose calls the project: its `name`, or the folder's.
fn project(root: At<'_>, path: &str) -> Option<String> {
    if let Some(name) = root.text_of("name") {
        return Some(name.to_owned());
    }
    let folder = path.rsplit(['/', '\\']).nth(1)?.to_ascii_lowercase();
    let is_kept = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let name: String = folder.chars().filter(is_kept).collect();
    let name = name.trim_start_matches(['-', '_']);
    (!name.is_empty()).then(|| name.to_owned())
}

/// The files that tell of a Compose file's services, by their paths from its folder: its variables, those that Compose merges with
/// it, and the Dockerfiles that take arguments.
pub fn beside(text: &str) -> Vec<String> {
    let is_key = |behind: &str| behind.trim_start_matches(['"', '\'']).starts_with(':');
    let mut words = text.split("services").skip(1);
    if !words.any(is_key) {
        return Vec::new();
    }
    let files = default_files::names().chain([ENVIRONMENT]);
    let files = files.map(str::to_owned);
    files.chain(dockerfiles(text)).collect()
}

fn dockerfiles(text: &str) -> Vec<String> {
    if !(text.contains("build") && text.contains("args")) {
        return Vec::new();
    }
    let (trees, _) = read_yaml(text);
    let services = trees
        .first()
        .and_then(|tree| At::root(tree).get("services"));
    let services = services.into_iter().flat_map(At::entries);
    let builds = services.filter_map(|(_, service)| service.get("build"));
    let builds = builds.filter(|build| build.get("args").is_some());
    builds
        .filter_map(dockerfile_of)
        .take(MAX_DOCKERFILES)
        .collect()
}

/// Where a build's Dockerfile lies; `None` where it is not in a folder of that name.
fn dockerfile_of(build: At<'_>) -> Option<String> {
    let context = build
        .text()
        .or_else(|| build.text_of("context"))
        .unwrap_or(".");
    let name = build.text_of("dockerfile").unwrap_or("Dockerfile");
    plain_path(&format!("{context}/{name}"))
}

/// A path from here without what leads nowhere; `None` for one that only a run could tell, or from elsewhere.
pub(super) fn plain_path(path: &str) -> Option<String> {
    let parts = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".");
    let is_plain = !path.contains(['$', ':', '\\']) && !path.starts_with('/');
    is_plain.then(|| parts.collect::<Vec<_>>().join("/"))
}

/// The arguments of a build that are the images it begins with: they go before what the Dockerfile says.
fn build_arguments(build: At<'_>, sink: &mut Sink<'_>, scope: Scope<'_>, owner: &Owner) {
    let Some(arguments) = build.get("args") else {
        return;
    };
    let file = dockerfile_of(build).unwrap_or_default();
    let beside = || sink.settings.near.get(&file).map(String::as_str);
    let text = build.text_of("dockerfile_inline").or_else(beside);
    let dockerfile = text.map(Arguments::of).unwrap_or_default();
    let pairs = arguments
        .entries()
        .map(|(name, value)| (name, value.text(), value, false));
    let items = arguments.items().filter_map(|item| {
        let (name, value) = item.text()?.split_once('=')?;
        Some((name, Some(value), item, true))
    });
    for (name, value, at, is_pair) in pairs.chain(items) {
        match argument(&dockerfile, name, value.unwrap_or_default()) {
            Argument::Nothing => {}
            Argument::Part => sink.found.notes.push(part_of(name, at.span().start)),
            Argument::Image => {
                let before = if is_pair {
                    format!("{name}=")
                } else {
                    String::new()
                };
                sink.prefixed(&before, at, scope, owner.clone());
            }
        }
    }
}

/// What an argument of a build is.
pub(super) enum Argument {
    /// An image that it begins with.
    Image,
    /// By its name an image, but the Dockerfile makes one of it and of more text.
    Part,
    /// None, as far as is known.
    Nothing,
}

/// What an argument is to what is known of a Dockerfile: nothing is known of one that was not read.
pub(super) fn argument(dockerfile: &Arguments, name: &str, value: &str) -> Argument {
    match dockerfile.use_of(name, value) {
        Some(Use::Image) => Argument::Image,
        Some(Use::Part) if is_base(name, value) => Argument::Part,
        None if is_base(name, value) => Argument::Image,
        Some(Use::Part) | None => Argument::Nothing,
    }
}

/// That the image that an argument at this place is for has to be looked for in the Dockerfile.
pub(super) fn part_of(name: &str, at: usize) -> Note {
    let text = format!("`{name}` stands in more text in the Dockerfile, where the image is");
    Note::advice(at, text)
}

/// Whether an argument of a build is an image: its name says so, and it has a tag besides its variables.
fn is_base(name: &str, value: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let is_named_so = name.ends_with("IMAGE") || matches!(name.as_str(), "BASE" | "FROM");
    let mut literal = value.to_owned();
    while let Some((start, end)) = literal.find("${").zip(literal.find('}')) {
        if start >= end {
            return false;
        }
        literal.replace_range(start..=end, "");
    }
    let last = literal.rsplit('/').next().unwrap_or_default();
    is_named_so && last.contains(':') && !literal.contains("://")
}

/// A service and what it extends in this file, nearest first.
fn extended<'a>(services: At<'a>, service: At<'a>) -> Vec<At<'a>> {
    let mut chain = vec![service];
    for _ in 0..MAX_EXTENDS {
        let Some(extends) = chain.last().and_then(|at| at.get("extends")) else {
            break;
        };
        if extends.get("file").is_some() {
            break;
        }
        let name = extends.text().or_else(|| extends.text_of("service"));
        let Some(base) = name.and_then(|name| services.get(name)) else {
            break;
        };
        chain.push(base);
    }
    chain
}

fn find_in<'a>(chain: &[At<'a>], path: &[&str]) -> Option<At<'a>> {
    chain.iter().find_map(|at| at.path(path))
}

fn owner_of(name: &str, chain: &[At<'_>]) -> Owner {
    let text = |path: &[&str]| find_in(chain, path)?.text().map(str::to_owned);
    let number = |path: &[&str]| find_in(chain, path)?.text()?.parse().ok();
    let built = find_in(chain, &["build"]).is_some();
    let counts = [&["deploy", "replicas"] as &[&str], &["scale"]];
    let replicas = counts.iter().find_map(|path| number(path));
    Owner {
        replicas,
        is_count_unknown: replicas.is_none()
            && counts.iter().any(|path| find_in(chain, path).is_some()),
        is_built: built,
        per_node: text(&["deploy", "mode"]).is_some_and(|mode| mode.starts_with("global")),
        platform: text(&["platform"]),
        restart: restart(chain),
        pull_policy: match text(&["pull_policy"]) {
            Some(word) => pull_policy(&word),
            None => built.then_some(PullPolicy::Never),
        },
        ..Owner::named("Compose service", name)
    }
}

fn restart(chain: &[At<'_>]) -> Option<Restart> {
    if let Some(policy) = find_in(chain, &["deploy", "restart_policy"]) {
        return Some(Restart {
            condition: policy.text_of("condition").unwrap_or("any").to_owned(),
            delay: policy.text_of("delay").map(str::to_owned),
            max_attempts: policy.number_of("max_attempts"),
        });
    }
    let word = find_in(chain, &["restart"])?.text()?;
    let (condition, attempts) = word.split_once(':').unwrap_or((word, ""));
    Some(Restart {
        condition: condition.to_owned(),
        delay: None,
        max_attempts: attempts.parse().ok(),
    })
}

fn pull_policy(word: &str) -> Option<PullPolicy> {
    Some(match word {
        "always" | "daily" | "weekly" | "refresh" => PullPolicy::Always,
        "missing" | "if_not_present" => PullPolicy::IfAbsent,
        "never" | "build" => PullPolicy::Never,
        _ if word.starts_with("every_") => PullPolicy::Always,
        _ => return None,
    })
}

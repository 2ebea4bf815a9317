//! GitLab's pipelines: `image` and `services` of jobs, of `default`, and of the file.

mod services;

use std::collections::{BTreeMap, HashMap};

use forebay_syntax::{At, matrix};

use crate::embedded::{About, Setting};
use crate::sink::{Scope, Sink};
use crate::structured::kubernetes;
use crate::variables::{Binding, Dialect};
use crate::{Format, Owner, PullPolicy};
use services::Hosts;

/// Keys of the file that are no jobs. Source: GitLab CI/CD YAML syntax reference.
const KEYWORDS: [&str; 9] = [
    "variables",
    "stages",
    "include",
    "workflow",
    "cache",
    "before_script",
    "after_script",
    "image",
    "services",
];

/// A job's scripts.
const SCRIPTS: [&str; 3] = ["before_script", "script", "after_script"];

/// Lists of lines within lists, which GitLab flattens; it takes ten.
const MAX_LISTS: u32 = 10;

/// `extends` of what extends; GitLab itself takes eleven.
const MAX_EXTENDS: u32 = 11;

/// What has to be for something to run that no job here takes.
const OF_OTHERS: &str = "only if a job of another file takes it";

/// How an entry of `include` says where a file is.
const INCLUDES: [&str; 5] = ["local", "project", "remote", "template", "component"];

/// Whether a document is a pipeline by its shape, whatever its file is called: jobs with scripts, stages, GitLab's own `include`.
pub fn is_pipeline(root: At<'_>) -> bool {
    let is_script = |at: At<'_>| at.text().is_some() || at.is_list();
    let mut jobs = root
        .entries()
        .filter(|(name, at)| !KEYWORDS.contains(name) && at.is_map());
    let has_stages = root.get("stages").is_some_and(|stages| {
        stages.items().next().is_some() && stages.items().all(|stage| stage.text().is_some())
    });
    let include = root.get("include");
    let mut included = include
        .into_iter()
        .chain(include.into_iter().flat_map(At::items));
    has_stages
        || jobs.any(|(_, job)| job.get("script").is_some_and(is_script))
        || included.any(|one| INCLUDES.iter().any(|key| one.get(key).is_some()))
}

/// Finds the images of a pipeline.
pub(crate) fn find<'a>(root: At<'a>, sink: &mut Sink<'a>) {
    let pipeline = Pipeline::of(root, sink.text);
    pipeline.images(root, sink, "the pipeline");
    for (name, job) in root.entries() {
        if !KEYWORDS.contains(&name) && job.is_map() {
            pipeline.images(job, sink, name);
        }
    }
}

/// A file, and how many jobs run what is said in it.
struct Pipeline<'a> {
    root: At<'a>,
    /// By the template that says it, empty for what is said for all; `None` where a number is not known.
    image: HashMap<&'a str, Option<u32>>,
    services: HashMap<&'a str, Option<u32>>,
    hosts: Hosts<'a>,
}

impl<'a> Pipeline<'a> {
    fn of(root: At<'a>, text: &'a str) -> Self {
        let (mut image, mut services) = (HashMap::new(), HashMap::new());
        for (name, job) in root.entries().filter(|(name, job)| is_job(name, *job)) {
            // What triggers a pipeline runs nothing itself.
            if said_by(root, (name, job), "trigger").is_some() {
                continue;
            }
            for (key, users) in [("image", &mut image), ("services", &mut services)] {
                let said_by = match said_by(root, (name, job), key) {
                    Some((name, _)) => name,
                    None if inherits(root, (name, job), key) => "",
                    None => continue,
                };
                let users = users.entry(said_by).or_insert(Some(0_u32));
                let more = users.zip(count(root, (name, job)));
                *users = more.map(|(users, more)| users.saturating_add(more));
            }
        }
        Self {
            root,
            image,
            services,
            hosts: Hosts::of(text),
        }
    }

    /// How many jobs run what is said at `at`, `None` where that is not known; and what has to be for any to do so.
    fn runs(
        &self,
        (name, at): (&'a str, At<'a>),
        users: &HashMap<&str, Option<u32>>,
    ) -> (Option<u32>, Option<&'static str>) {
        let is_for_all = name == "default" || at.span() == self.root.span();
        if !is_for_all && !name.starts_with('.') {
            return (count(self.root, (name, at)), None);
        }
        let key = if is_for_all { "" } else { name };
        match users.get(key).copied().unwrap_or(Some(0)) {
            Some(0) => (Some(1), Some(OF_OTHERS)),
            users => (users, None),
        }
    }

    fn images(&self, at: At<'a>, sink: &mut Sink<'_>, name: &'a str) {
        let scopes = (self.root, at);
        let owner = |kind: &str, users| {
            let (runs, condition) = self.runs((name, at), users);
            Owner {
                condition,
                replicas: runs,
                is_count_unknown: runs.is_none(),
                ..Owner::named(kind, name)
            }
        };
        if let Some(image) = at.get("image") {
            put(image, scopes, sink, owner("GitLab job", &self.image));
        }
        let services = at.get("services");
        let is_in_flow = services
            .and_then(|list| sink.text.get(list.span()))
            .is_some_and(|list| list.starts_with('['));
        for service in services.into_iter().flat_map(At::items) {
            let owner = Owner {
                container: service.text_of("alias").map(str::to_owned),
                ..owner("GitLab service", &self.services)
            };
            let (places, unsure) = (sink.found.places.len(), sink.found.ambiguous.len());
            put(service, scopes, sink, owner);
            if service.get("alias").is_none() {
                self.hosts
                    .keep((service, is_in_flow), sink, (places, unsure));
            }
        }
        for script in SCRIPTS.iter().filter_map(|key| at.get(key)) {
            lines(script, scopes, sink, (name, MAX_LISTS));
        }
    }
}

/// Whether it is a job that runs, and neither a template nor what is said for all.
fn is_job(name: &str, at: At<'_>) -> bool {
    !KEYWORDS.contains(&name) && name != "default" && !name.starts_with('.') && at.is_map()
}

/// The job or template that says what a job has at `key`, itself or what it extends, and what it says.
fn said_by<'a>(
    root: At<'a>,
    (name, job): (&'a str, At<'a>),
    key: &str,
) -> Option<(&'a str, At<'a>)> {
    let (mut name, mut at) = (name, job);
    for _ in 0..MAX_EXTENDS {
        if let Some(said) = at.get(key) {
            if said.tag() != Some("reference") {
                return Some((name, said));
            }
            let path: Vec<&str> = said.items().filter_map(At::text).collect();
            return Some((path.first()?, root.path(&path).unwrap_or(said)));
        }
        let extends = at.get("extends")?;
        // Of several the last goes first.
        name = extends.text().or_else(|| extends.items().last()?.text())?;
        at = root.get(name)?;
    }
    None
}

/// Whether a job has what is said for all at `key`.
fn inherits<'a>(root: At<'a>, job: (&'a str, At<'a>), key: &str) -> bool {
    let inherit = said_by(root, job, "inherit");
    let Some(all) = inherit.and_then(|(_, inherit)| inherit.get("default")) else {
        return true;
    };
    match all.text() {
        Some(word) => word != "false",
        None => all.items().any(|one| one.text() == Some(key)),
    }
}

/// How often a job runs at a time.
fn count<'a>(root: At<'a>, job: (&'a str, At<'a>)) -> Option<u32> {
    said_by(root, job, "parallel").map_or(Some(1), |(_, parallel)| matrix::gitlab_count(parallel))
}

/// A script: a text, or a list of them.
fn lines(at: At<'_>, scopes: (At<'_>, At<'_>), sink: &mut Sink<'_>, (name, lists): (&str, u32)) {
    if at.is_list() {
        let Some(lists) = lists.checked_sub(1) else {
            return;
        };
        at.items()
            .for_each(|item| lines(item, scopes, sink, (name, lists)));
        return;
    }
    let (root, job) = scopes;
    let mut variables = BTreeMap::new();
    for at in [root, job] {
        for (key, value) in at.get("variables").into_iter().flat_map(At::entries) {
            let setting = setting(value.get("value").unwrap_or(value), scopes, sink);
            variables.extend(setting.map(|setting| (key.to_owned(), setting)));
        }
    }
    let about = About {
        format: Format::Shell,
        path: "",
        variables,
        expression: &|name, sink| sink.settings.set_value(name).map(Setting::of),
        name: Some(name),
    };
    sink.embed(at, about);
}

/// What a variable is set to, with the others that are in it.
fn setting(at: At<'_>, scopes: (At<'_>, At<'_>), sink: &Sink<'_>) -> Option<Setting> {
    let text = at.text()?;
    if !text.contains('$') {
        return sink.binding(at).map(Setting::of);
    }
    let lookup = |name: &str| {
        let set = sink.settings.set_value(name);
        set.or_else(|| plain(name, scopes, sink))
    };
    let scope = Scope {
        dialect: Dialect::GitLab,
        lookup: &lookup,
    };
    Setting::resolved(at, scope, sink)
}

/// A variable of a job or the file that has no others in it.
fn plain(name: &str, (root, job): (At<'_>, At<'_>), sink: &Sink<'_>) -> Option<Binding> {
    // A job's own go before the file's.
    let at = variable(job, name).or_else(|| variable(root, name))?;
    let binding = sink.binding(at)?;
    (!binding.text.contains('$')).then_some(binding)
}

fn put(at: At<'_>, scopes: (At<'_>, At<'_>), sink: &mut Sink<'_>, mut owner: Owner) {
    // What another job says: it is found there.
    if at.tag() == Some("reference") {
        return;
    }
    owner.pull_policy = at.get("pull_policy").and_then(pull_policy);
    let image = at.get("name").unwrap_or(at);
    let text = image.text().unwrap_or_default();
    let values: Vec<(&str, Binding)> = crate::variables::names(text)
        .filter_map(|name| {
            let binding = plain(name, scopes, sink)?;
            Some((name, binding))
        })
        .collect();
    let settings = sink.settings;
    let lookup = |name: &str| {
        settings.set_value(name).or_else(|| {
            let own = values.iter().find(|(known, _)| *known == name);
            own.map(|(_, binding)| binding.clone())
        })
    };
    let scope = Scope {
        dialect: Dialect::GitLab,
        lookup: &lookup,
    };
    sink.scalar(image, scope, owner);
}

/// A variable of a file or a job, plain or with a description.
fn variable<'a>(at: At<'a>, name: &str) -> Option<At<'a>> {
    let value = at.path(&["variables", name])?;
    Some(value.get("value").unwrap_or(value))
}

/// GitLab writes the runner's words, in one or in a list of which the first is tried first.
fn pull_policy(at: At<'_>) -> Option<PullPolicy> {
    let word = at.text().or_else(|| at.items().next()?.text())?;
    match word {
        "always" => Some(PullPolicy::Always),
        "if-not-present" => Some(PullPolicy::IfAbsent),
        "never" => Some(PullPolicy::Never),
        _ => kubernetes::pull_policy(word),
    }
}

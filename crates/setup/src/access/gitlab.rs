//! Pipelines of GitLab CI: the login before the first line of a script that needs it, build and push before the deployment.

use forebay_setup_files::{
    Edits, Node, SetupError, Usage, Yaml,
    workflow::{Job, after, before, gitlab_jobs, gitlab_odd_jobs, has_word, indented},
};

use super::building::{Building, scalar};
use super::task_definition::Changed;
use super::{Access, Registry};
use crate::plan::{Files, Plan, Snippet};

/// The key of a pipeline's variables, and of a job's.
const VARIABLES: &str = "variables";

/// Words in the names of images with docker's program, or one that is called so.
const WITH_DOCKER: [&str; 4] = ["docker", "dind", "podman", "buildah"];

pub(super) fn plan(access: &Access, files: &dyn Files) -> Result<Plan, SetupError> {
    let login = login(access)?;
    let build = Building::of(access)?.map(|building| build(&building));
    let plan = notes(access);
    let Some(path) = &access.file else {
        let text = format!(
            "script:\n{}",
            indented(&format!("{login}{}", build.unwrap_or_default()), 2)
        );
        return Ok(plan.snippet(Snippet {
            title: "lines of a job's script",
            text,
        }));
    };
    let changed = Changed::of(path, files, |text, notes| {
        let yaml = Yaml::parse(path, text)?;
        let jobs = gitlab_jobs(&yaml);
        let mut change = Change {
            access,
            yaml: &yaml,
            login: &login,
            edits: Edits::default(),
        };
        let builds = find_building(&yaml, &jobs);
        if build.is_some() && builds.is_none() {
            return Err(yaml.refuse(
                "no job of it builds, or deploys where docker runs",
                "put the lines in by hand: without --file they are printed",
            ));
        }
        let mut is_needed = false;
        for (number, job) in jobs.iter().enumerate() {
            let build = build.as_deref().filter(|_| builds == Some(number));
            is_needed |= change.job(job, build)?;
        }
        let odd = odd_jobs(access, &yaml)?;
        if !is_needed && odd.is_empty() {
            notes.push(format!(
                "no job of it pushes an image or names one at {}: nothing is to be changed",
                access.host()?
            ));
        }
        notes.extend(odd);
        Ok(change.edits.apply(text))
    })?;
    let plan = changed.notes.into_iter().fold(plan, Plan::note);
    Ok(plan.file(changed.file))
}

/// The job to build in: one that deploys, if docker runs there, or else one that builds.
fn find_building(yaml: &Yaml<'_>, jobs: &[Job<'_>]) -> Option<usize> {
    let deploys = |job: &Job<'_>| job.first_deploy(yaml).is_some() && may_run_docker(yaml, job);
    let builds = |job: &Job<'_>| job.first_image_step(yaml).is_some();
    let deploying = jobs.iter().position(deploys);
    deploying.or_else(|| jobs.iter().position(builds))
}

/// Whether docker runs in a job, or it does not show in which image it runs: a service has the daemon, the image the program.
fn may_run_docker(yaml: &Yaml<'_>, job: &Job<'_>) -> bool {
    let default = yaml.root.find("default");
    let own = job.node.find("image");
    let of_all = || {
        let is_extended = job.node.find("extends").is_some();
        let image = default.and_then(|all| all.find("image"));
        image.or(yaml.root.find("image")).filter(|_| !is_extended)
    };
    let image = own.or_else(of_all);
    let name = image.and_then(|image| image.find("name").unwrap_or(image).text());
    job.first_image_step(yaml).is_some() || name.is_none_or(may_have_docker)
}

/// Whether an image is one with docker, by its own name; what a variable holds does not show.
fn may_have_docker(image: &str) -> bool {
    let name = image.split('@').next().unwrap_or_default();
    let name = name.rsplit('/').next().unwrap_or_default();
    let name = name.split(':').next().unwrap_or_default();
    let mut words = name.split(['-', '_', '.']);
    name.contains('$') || words.any(|word| WITH_DOCKER.contains(&word))
}

/// What is to be known of jobs to whose script no line can be added.
fn odd_jobs(access: &Access, yaml: &Yaml<'_>) -> Result<Vec<String>, SetupError> {
    let (host, is_hub) = (access.host()?, access.registry == Registry::Hub);
    let mut jobs = gitlab_odd_jobs(yaml);
    jobs.retain(|job| {
        let usage = Usage::of(host, is_hub, (yaml, job, VARIABLES));
        // What an alias stands for does not show.
        let is_unknown = job.steps.iter().any(|script| script.text().is_none());
        (is_unknown || usage.is_of(yaml, job)) && !is_logged_in(yaml, job, &usage)
    });
    let told = |job: &Job<'_>| {
        format!(
            "{}: left as it is, for its script is no list of lines; make it one, or log in there by hand",
            job.name
        )
    };
    Ok(jobs.iter().map(told).collect())
}

fn notes(access: &Access) -> Plan {
    let names = access.registry.names();
    let needs_docker = "docker must run in the job that builds: with GitLab's own runners `image: docker` and the service \
                        `docker:dind`";
    let early = "images of `image:` and `services:` are pulled by the runner: their login goes into the variable \
                 DOCKER_AUTH_CONFIG";
    let plan = Plan::default();
    let plan = if access.registry == Registry::Ecr {
        plan.note("the job needs the aws program and credentials of AWS, best by an ID token")
    } else {
        let needs = format!(
            "set {} and, masked, ${} as variables of the project",
            names.gitlab_user, names.gitlab_password
        );
        plan.note(needs)
    };
    plan.note_if(access.image.is_some(), needs_docker)
        .note(early)
}

/// A pipeline that is changed job by job.
struct Change<'a> {
    access: &'a Access,
    yaml: &'a Yaml<'a>,
    login: &'a str,
    edits: Edits,
}

impl Change<'_> {
    /// Puts the login, and what builds, into the script of a job; whether it needs the login at all.
    fn job(&mut self, job: &Job<'_>, build: Option<&str>) -> Result<bool, SetupError> {
        let (access, yaml) = (self.access, self.yaml);
        let is_hub = access.registry == Registry::Hub;
        let usage = Usage::of(access.host()?, is_hub, (yaml, job, VARIABLES));
        let is_user = build.is_some() || usage.is_of(yaml, job);
        let deploys = job.first_deploy(yaml);
        let places = [
            job.first_image_step(yaml).filter(|_| is_user),
            deploys.filter(|_| build.is_some()),
        ];
        let Some(first) = places.into_iter().flatten().min() else {
            return Ok(false);
        };
        if !is_logged_in(yaml, job, &usage) {
            job.refuse_flow(yaml)?;
            let (at, lines) = before(yaml, &job.steps[first], self.login);
            self.edits.insert(at, lines);
        }
        let pushes = build.and_then(|build| build.lines().last());
        let is_pushed = pushes.is_some_and(|push| yaml.text[job.node.span.clone()].contains(push));
        if let (Some(build), false) = (build, is_pushed) {
            job.refuse_flow(yaml)?;
            let (at, lines) = match deploys {
                Some(deploy) => before(yaml, &job.steps[deploy], build),
                None => after(yaml, &job.steps[job.steps.len() - 1], build),
            };
            self.edits.insert(at, lines);
        }
        Ok(true)
    }
}

/// Whether a job logs in there already: by itself, by what it extends, or by what goes before each job.
fn is_logged_in(yaml: &Yaml<'_>, job: &Job<'_>, usage: &Usage) -> bool {
    let root = &yaml.root;
    let extended = job.node.find("extends").into_iter().flat_map(|extends| {
        let names = extends.items().iter().chain([extends]);
        names.filter_map(|name| root.find(name.text()?))
    });
    let first = [
        root.find("before_script"),
        root.find("default")
            .and_then(|all| all.find("before_script")),
    ];
    let places = first
        .into_iter()
        .flatten()
        .chain(extended)
        .chain([job.node]);
    let mut texts = places.map(|place: &Node| &yaml.text[place.span.clone()]);
    texts.any(|text| {
        let mut lines = text.lines();
        lines.any(|line| has_word(line, &["docker login", "podman login"]) && usage.is_named(line))
    })
}

fn login(access: &Access) -> Result<String, SetupError> {
    let (host, names) = (access.host()?, access.registry.names());
    if access.registry == Registry::Ecr {
        let region = access.region()?;
        return Ok(format!(
            "- aws ecr get-login-password --region {region} | docker login --username AWS --password-stdin {host}\n"
        ));
    }
    Ok(format!(
        "- printf '%s' \"${}\" | docker login --username \"{}\" --password-stdin {host}\n",
        names.gitlab_password, names.gitlab_user
    ))
}

fn build(building: &Building) -> String {
    let lines = building.commands();
    lines.map(|line| format!("- {}\n", scalar(&line))).concat()
}

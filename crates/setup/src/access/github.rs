//! Workflows of GitHub Actions: the login before the first step that needs it, build and push before the deployment.

use super::task_definition::Changed;
use super::{Access, Registry, containers};
use crate::edits::Edits;
use crate::error::SetupError;
use crate::plan::{Files, Plan, Snippet};
use crate::usage::Usage;
use crate::workflow::{
    Job, after, at_end, before, github_calls, github_jobs, github_shared_jobs, has_word,
};
use crate::yaml::{Node, Yaml};

/// The action that gives a job its credentials of AWS.
const AWS_CREDENTIALS: &str = "aws-actions/configure-aws-credentials";

/// The name of the step that builds.
const BUILD: &str = "Build and push the image";

const BLOCKS: &str = "write it as lines with indentation, without braces";

pub(super) fn plan(access: &Access, files: &dyn Files) -> Result<Plan, SetupError> {
    let login = login(access)?;
    let build = access
        .image
        .as_deref()
        .map(|image| build(access, image))
        .transpose()?;
    let plan = notes(access, Plan::default());
    let Some(path) = &access.file else {
        let text = format!("{login}{}", build.unwrap_or_default());
        return Ok(plan.snippet(Snippet {
            title: "steps: the login before the first that pulls or builds, the build before the deployment",
            text,
        }));
    };
    let changed = Changed::of(path, files, |text, notes| {
        let yaml = Yaml::parse(path, text)?;
        let mut edits = Edits::default();
        let jobs = github_jobs(&yaml)?;
        let building = build
            .as_deref()
            .map(|build| (build, building_job(&yaml, &jobs)));
        if let Some((_, None)) = building {
            return Err(yaml.refuse(
                "no job of it builds or deploys",
                "say by hand in which job to build",
            ));
        }
        let mut is_needed = false;
        for (number, job) in jobs.iter().enumerate() {
            let build = building.and_then(|(build, at)| (at == Some(number)).then_some(build));
            is_needed |= change_job(access, &yaml, job, (&login, build), &mut edits)?;
            let has_images = containers::let_in(access, &yaml, job, (&mut edits, notes))?;
            is_needed |= has_images;
            let is_writer = build.is_some() || job.is_writer(&yaml);
            if has_images && access.registry == Registry::Ghcr && !is_writer {
                permit(&yaml, job.node, false, &mut edits)?;
            }
        }
        notes.extend(calls(access, &yaml));
        notes.extend(github_shared_jobs(&yaml).into_iter().map(|job| {
            format!(
                "{job} has the steps of another job, by an alias: look whether all of them fit both"
            )
        }));
        if !is_needed {
            notes.push(format!(
                "no job of it pushes an image or names one at {}: nothing is to be changed",
                access.host()?
            ));
        } else if access.registry == Registry::Ecr && !has_word(text, &[AWS_CREDENTIALS]) {
            notes.push(format!(
                "no job has credentials of AWS: add {AWS_CREDENTIALS} before the login"
            ));
        }
        Ok(edits.apply(text))
    })?;
    let plan = changed.notes.into_iter().fold(plan, Plan::note);
    Ok(plan.file(changed.file))
}

fn notes(access: &Access, plan: Plan) -> Plan {
    let names = access.registry.names();
    let needs = format!(
        "the workflow needs {} and {}",
        names.github_user, names.github_password
    );
    let is_given = matches!(access.registry, Registry::Ecr | Registry::Ghcr);
    let plan = if is_given { plan } else { plan.note(needs) };
    let early = "images of `container:` and `services:` are pulled before any step, with `credentials:` of their own";
    plan.note_if(access.file.is_none(), early)
}

/// What is to be known of jobs that are other workflows.
fn calls(access: &Access, yaml: &Yaml<'_>) -> Vec<String> {
    let permission = if access.registry == Registry::Ghcr {
        ", and where it pushes, the job here needs `permissions: packages: write`"
    } else {
        ""
    };
    let told = |(job, file): (&str, &str)| match file.strip_prefix("./") {
        Some(own) => format!("{job} is the workflow {own}: name that with --file, too{permission}"),
        None => {
            format!("{job} is a workflow of others, which logs in by itself or not at all: {file}")
        }
    };
    github_calls(yaml).into_iter().map(told).collect()
}

/// The job that deploys, or else the first that has to do with images.
fn building_job(yaml: &Yaml<'_>, jobs: &[Job<'_>]) -> Option<usize> {
    let deploys = jobs.iter().position(|job| job.first_deploy(yaml).is_some());
    deploys.or_else(|| {
        jobs.iter()
            .position(|job| job.first_image_step(yaml).is_some())
    })
}

/// Changes one job; whether it needs the login at all.
fn change_job(
    access: &Access,
    yaml: &Yaml<'_>,
    job: &Job<'_>,
    (login, build): (&str, Option<&str>),
    edits: &mut Edits,
) -> Result<bool, SetupError> {
    let usage = Usage::of(
        access.host()?,
        access.registry == Registry::Hub,
        (yaml, job, "env"),
    );
    let is_user = build.is_some() || usage.is_of(yaml, job);
    let images = job.first_image_step(yaml).filter(|_| is_user);
    let deploys = job.first_deploy(yaml);
    // A job that only deploys needs the login where it builds first.
    let Some(first) = [images, deploys.filter(|_| build.is_some())]
        .into_iter()
        .flatten()
        .min()
    else {
        return Ok(false);
    };
    if !is_logged_in(access, yaml, job, &usage) {
        job.refuse_flow(yaml)?;
        let aws = job.position(yaml, &[AWS_CREDENTIALS]);
        let place = match aws.filter(|aws| *aws >= first && access.registry == Registry::Ecr) {
            Some(aws) => after(yaml, &job.steps[aws], login),
            None => before(yaml, &job.steps[first], login),
        };
        edits.insert(place.0, place.1);
        if access.registry == Registry::Ghcr {
            let is_writer = build.is_some() || job.is_writer(yaml);
            permit(yaml, job.node, is_writer, edits)?;
        }
    }
    if let (Some(build), None) = (build, job.position(yaml, &[BUILD])) {
        job.refuse_flow(yaml)?;
        let place = match deploys {
            Some(deploy) => before(yaml, &job.steps[deploy], build),
            None => after(yaml, &job.steps[job.steps.len() - 1], build),
        };
        edits.insert(place.0, place.1);
    }
    Ok(true)
}

/// Whether a step logs in there already: ours, or an action made for it.
fn is_logged_in(access: &Access, yaml: &Yaml<'_>, job: &Job<'_>, usage: &Usage) -> bool {
    let is_hub = access.registry == Registry::Hub;
    let is_login = |text: &str| {
        let by_action = has_word(text, &["docker/login-action"]);
        has_word(text, &[access.registry.names().step])
            || access.registry == Registry::Ecr && has_word(text, &["aws-actions/amazon-ecr-login"])
            || by_action && (usage.is_named(text) || is_hub && !has_word(text, &["registry:"]))
            || has_word(text, &["docker login", "podman login"]) && usage.is_named(text)
    };
    let mut steps = job.steps.iter();
    steps.any(|step| is_login(&yaml.text[step.span.clone()]))
}

/// The token of a workflow may write packages only if it says so; it may read them unless it says something else.
fn permit(
    yaml: &Yaml<'_>,
    job: &Node,
    is_writer: bool,
    edits: &mut Edits,
) -> Result<(), SetupError> {
    const KEY: &str = "packages";
    let wanted = if is_writer { "write" } else { "read" };
    let stated = job
        .find("permissions")
        .or_else(|| yaml.root.find("permissions"));
    let place = match stated {
        None if !is_writer => return Ok(()),
        None => at_end(
            yaml,
            job,
            "permissions:\n  contents: read\n  packages: write\n",
        ),
        Some(all) if all.text() == Some("write-all") => return Ok(()),
        Some(all) if all.text() == Some("read-all") && !is_writer => return Ok(()),
        Some(map) if map.entries().is_empty() || map.is_flow() => {
            let what = format!("permissions does not say packages: {wanted}");
            return Err(yaml.refuse(&what, BLOCKS));
        }
        Some(map) => match map.find(KEY) {
            Some(may) if may.text() == Some("write") || may.text() == Some(wanted) => {
                return Ok(());
            }
            Some(may) => {
                edits.replace(may.span.start, may.span.end, wanted);
                return Ok(());
            }
            None => at_end(yaml, map, &format!("{KEY}: {wanted}\n")),
        },
    };
    edits.insert(place.0, place.1);
    Ok(())
}

fn login(access: &Access) -> Result<String, SetupError> {
    let (host, names) = (access.host()?, access.registry.names());
    if access.registry == Registry::Ecr {
        return Ok(format!(
            "- name: {}\n  run: |\n    aws ecr get-login-password --region {} | \\\n      docker login --username AWS \
             --password-stdin {host}\n",
            names.step,
            access.region()?
        ));
    }
    Ok(format!(
        "- name: {}\n  env:\n    REGISTRY_USERNAME: {}\n    REGISTRY_PASSWORD: {}\n  run: printf '%s' \
         \"$REGISTRY_PASSWORD\" | docker login --username \"$REGISTRY_USERNAME\" --password-stdin {host}\n",
        names.step, names.github_user, names.github_password
    ))
}

fn build(access: &Access, image: &str) -> Result<String, SetupError> {
    let (host, context) = (access.host()?, &access.context);
    Ok(format!(
        "- name: {BUILD}\n  run: |\n    docker build --tag {host}/{image} {context}\n    docker push {host}/{image}\n"
    ))
}

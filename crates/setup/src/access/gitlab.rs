//! Pipelines of GitLab CI: the login before the first line of a script that needs it, build and push before the deployment.

use super::task_definition::Changed;
use super::{Access, Registry};
use crate::edits::Edits;
use crate::error::SetupError;
use crate::plan::{Files, Plan, Snippet};
use crate::workflow::{Job, before, gitlab_jobs};
use crate::yaml::Yaml;

pub(super) fn plan(access: &Access, files: &dyn Files) -> Result<Plan, SetupError> {
    let login = login(access)?;
    let build = access
        .image
        .as_deref()
        .map(|image| build(access, image))
        .transpose()?;
    let plan = notes(access);
    let Some(path) = &access.file else {
        let text = format!(
            "script:\n{}",
            crate::workflow::indented(&format!("{login}{}", build.unwrap_or_default()), 2)
        );
        return Ok(plan.snippet(Snippet {
            title: "lines of a job's script",
            text,
        }));
    };
    let changed = Changed::of(path, files, |text, _| {
        let yaml = Yaml::parse(path, text)?;
        let jobs = gitlab_jobs(&yaml)?;
        let mut edits = Edits::default();
        let builds = jobs
            .iter()
            .position(|job| job.first_deploy(&yaml).is_some());
        let builds = builds.or_else(|| {
            jobs.iter()
                .position(|job| job.first_image_step(&yaml).is_some())
        });
        if build.is_some() && builds.is_none() {
            return Err(yaml.refuse(
                "no job of it builds or deploys",
                "say by hand in which job to build",
            ));
        }
        for (number, job) in jobs.iter().enumerate() {
            let build = build.as_deref().filter(|_| builds == Some(number));
            change_job(access, &yaml, job, (&login, build), &mut edits)?;
        }
        Ok(edits.apply(text))
    })?;
    Ok(plan.file(changed.file))
}

fn notes(access: &Access) -> Plan {
    let names = access.registry.names();
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
    plan.note(early)
}

fn change_job(
    access: &Access,
    yaml: &Yaml<'_>,
    job: &Job<'_>,
    (login, build): (&str, Option<&str>),
    edits: &mut Edits,
) -> Result<(), SetupError> {
    let host = access.host()?;
    let deploys = job.first_deploy(yaml);
    let places = [
        job.first_image_step(yaml),
        deploys.filter(|_| build.is_some()),
    ];
    let Some(first) = places.into_iter().flatten().min() else {
        return Ok(());
    };
    let is_logged_in = |text: &str| text.contains("docker login") && text.contains(host);
    if !is_logged_in(&yaml.text[job.node.span.clone()]) {
        let (at, lines) = before(yaml, &job.steps[first], login);
        edits.insert(at, lines);
    }
    let pushes = build.and_then(|build| build.lines().last());
    let is_pushed = pushes.is_some_and(|push| yaml.text[job.node.span.clone()].contains(push));
    if let (Some(build), false) = (build, is_pushed) {
        let (at, lines) = match deploys {
            Some(deploy) => before(yaml, &job.steps[deploy], build),
            None => crate::workflow::after(yaml, &job.steps[job.steps.len() - 1], build),
        };
        edits.insert(at, lines);
    }
    Ok(())
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

fn build(access: &Access, image: &str) -> Result<String, SetupError> {
    let (host, context) = (access.host()?, &access.context);
    Ok(format!(
        "- docker build --tag {host}/{image} {context}\n- docker push {host}/{image}\n"
    ))
}

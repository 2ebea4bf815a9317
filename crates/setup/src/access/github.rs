//! Workflows of GitHub Actions: the login before the first step that needs it, build and push before the deployment.

use super::task_definition::Changed;
use super::{Access, Registry};
use crate::edits::Edits;
use crate::error::SetupError;
use crate::plan::{Files, Plan, Snippet};
use crate::workflow::{Job, after, at_end, before, github_jobs, has_word, is_push};
use crate::yaml::{Node, Yaml};

/// The action that gives a job its credentials of AWS.
const AWS_CREDENTIALS: &str = "aws-actions/configure-aws-credentials";

/// What names of images at other registries have in them: who pushes there needs no login here.
const REGISTRIES: [&str; 8] = [
    ".azurecr.io/",
    ".dkr.ecr.",
    "docker.io/",
    "gcr.io/",
    "ghcr.io/",
    "pkg.dev/",
    "quay.io/",
    "registry.gitlab.com/",
];

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
        }
        if !is_needed {
            notes.push(format!(
                "no job of it pushes an image or names one at {}: nothing is to be changed",
                access.host()?
            ));
        } else if access.registry == Registry::Ecr && !text.contains(AWS_CREDENTIALS) {
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
    let early = "images of `container:` and `services:` are pulled before any step: they take `credentials:` of their own";
    let needs = format!(
        "the workflow needs {} and {}",
        names.github_user, names.github_password
    );
    let is_given = matches!(access.registry, Registry::Ecr | Registry::Ghcr);
    let plan = if is_given { plan } else { plan.note(needs) };
    plan.note(early)
}

/// The job that deploys, or else the first that has to do with images.
fn building_job(yaml: &Yaml<'_>, jobs: &[Job<'_>]) -> Option<usize> {
    let deploys = jobs.iter().position(|job| job.first_deploy(yaml).is_some());
    deploys.or_else(|| {
        jobs.iter()
            .position(|job| job.first_image_step(yaml).is_some())
    })
}

/// Whether a job's images have to do with the registry: it names it, or pushes what it built to wherever it is not said.
///
/// Docker Hub is what each name means that says no registry, and each build takes its bases from it.
fn uses(access: &Access, yaml: &Yaml<'_>, job: &Job<'_>) -> Result<bool, SetupError> {
    if access.registry == Registry::Hub {
        return Ok(job.first_image_step(yaml).is_some());
    }
    let host = access.host()?;
    let variables = [&yaml.root, job.node].map(|node| node.find("env"));
    let entries = variables.into_iter().flatten().flat_map(Node::entries);
    let names_host = |value: &Node| value.text().is_some_and(|text| text.contains(host));
    let mut words = vec![host.to_owned()];
    for (name, _) in entries.filter(|(_, value)| names_host(value)) {
        let name = name.text().unwrap_or_default();
        words.extend(["env.", "$", "${"].map(|before| format!("{before}{name}")));
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let uses = |step: &str| has_word(step, &words) || is_push(step) && !has_word(step, &REGISTRIES);
    Ok(job.image_steps(yaml).any(uses))
}

/// Changes one job; whether it needs the login at all.
fn change_job(
    access: &Access,
    yaml: &Yaml<'_>,
    job: &Job<'_>,
    (login, build): (&str, Option<&str>),
    edits: &mut Edits,
) -> Result<bool, SetupError> {
    let is_user = build.is_some() || uses(access, yaml, job)?;
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
    if !is_logged_in(access, yaml, job)? {
        let aws = job.position(yaml, &[AWS_CREDENTIALS]);
        let place = match aws.filter(|aws| *aws >= first && access.registry == Registry::Ecr) {
            Some(aws) => after(yaml, &job.steps[aws], login),
            None => before(yaml, &job.steps[first], login),
        };
        edits.insert(place.0, place.1);
        if access.registry == Registry::Ghcr {
            permit(yaml, job.node, edits)?;
        }
    }
    if let (Some(build), None) = (build, job.position(yaml, &[BUILD])) {
        let place = match deploys {
            Some(deploy) => before(yaml, &job.steps[deploy], build),
            None => after(yaml, &job.steps[job.steps.len() - 1], build),
        };
        edits.insert(place.0, place.1);
    }
    Ok(true)
}

/// Whether a step logs in there already: ours, or an action made for it.
fn is_logged_in(access: &Access, yaml: &Yaml<'_>, job: &Job<'_>) -> Result<bool, SetupError> {
    let host = access.host()?;
    let is_login = |text: &str| {
        text.contains(access.registry.names().step)
            || (access.registry == Registry::Ecr && text.contains("aws-actions/amazon-ecr-login"))
            || (text.contains("docker/login-action") && text.contains(host))
            || (text.contains("docker/login-action")
                && access.registry == Registry::Hub
                && !text.contains("registry:"))
            || (text.contains("docker login") && text.contains(host))
    };
    Ok(job
        .steps
        .iter()
        .any(|step| is_login(&yaml.text[step.span.clone()])))
}

/// The token of a workflow may write packages only if it says so.
fn permit(yaml: &Yaml<'_>, job: &Node, edits: &mut Edits) -> Result<(), SetupError> {
    const KEY: &str = "packages";
    let stated = job
        .find("permissions")
        .or_else(|| yaml.root.find("permissions"));
    let place = match stated {
        None => at_end(
            yaml,
            job,
            "permissions:\n  contents: read\n  packages: write\n",
        ),
        Some(all) if all.text() == Some("write-all") => return Ok(()),
        Some(map) if map.entries().is_empty() || map.is_flow() => {
            return Err(yaml.refuse("permissions does not let packages be written", BLOCKS));
        }
        Some(map) => match map.find(KEY) {
            Some(may) if may.text() == Some("write") => return Ok(()),
            Some(may) => {
                edits.replace(may.span.start, may.span.end, "write");
                return Ok(());
            }
            None => at_end(yaml, map, "packages: write\n"),
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

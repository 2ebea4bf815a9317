//! Workflows of GitHub Actions: the login before the first step that needs it, build and push before the deployment.

use forebay_setup_files::{
    Edits, SetupError, Usage, Yaml,
    workflow::{Job, after, before, github_calls, github_jobs, github_shared_jobs, has_word},
};

use super::building::Building;
use super::permissions::Permissions;
use super::task_definition::Changed;
use super::{Access, Registry, containers};
use crate::plan::{Files, Plan, Snippet};

/// The action that gives a job its credentials of AWS.
const AWS_CREDENTIALS: &str = "aws-actions/configure-aws-credentials";

const NEEDS_AWS: &str = "the job needs credentials of AWS before the login: aws-actions/configure-aws-credentials, with `permissions: \
                         id-token: write`";

/// The variable by which a job can have them as well.
const AWS_KEY: &str = "AWS_ACCESS_KEY_ID";

/// The name of the step that builds.
const BUILD: &str = "Build and push the image";

pub(super) fn plan(access: &Access, files: &dyn Files) -> Result<Plan, SetupError> {
    let login = login(access)?;
    let build = Building::of(access)?
        .map(|building| build(&building))
        .transpose()?;
    let plan = notes(access, Plan::default());
    let Some(path) = &access.file else {
        let text = format!("{login}{}", build.unwrap_or_default());
        let plan = plan.snippet(Snippet {
            title: "steps: the login before the first that pulls or builds, the build before the deployment",
            text,
        });
        let plan = plan.note_if(access.registry == Registry::Ecr, NEEDS_AWS);
        return Ok(containers::early(access.registry, plan));
    };
    let changed = Changed::of(path, files, |text, notes| {
        let yaml = Yaml::parse(path, text)?;
        workflow(access, &yaml, (&login, build.as_deref()), notes)
    })?;
    let plan = changed.notes.into_iter().fold(plan, Plan::note);
    Ok(plan.file(changed.file))
}

/// A workflow with what is put into its jobs.
fn workflow(
    access: &Access,
    yaml: &Yaml<'_>,
    (login, build): (&str, Option<&str>),
    notes: &mut Vec<String>,
) -> Result<String, SetupError> {
    let jobs = github_jobs(yaml)?;
    let building = build.map(|build| (build, building_job(yaml, &jobs)));
    if let Some((_, None)) = building {
        return Err(yaml.refuse(
            "no job of it builds or deploys",
            "put the lines in by hand: without --file they are printed",
        ));
    }
    let mut change = Change {
        access,
        yaml,
        login,
        edits: Edits::default(),
        permissions: Permissions::default(),
        without_aws: Vec::new(),
        left: Vec::new(),
    };
    let mut is_needed = false;
    for (number, job) in jobs.iter().enumerate() {
        let build = building.and_then(|(build, at)| (at == Some(number)).then_some(build));
        is_needed |= change.steps(job, build)?;
        is_needed |= change.containers(job, build.is_some(), notes)?;
    }
    notes.extend(calls(access, yaml));
    let shared = github_shared_jobs(yaml);
    if !is_needed && change.left.is_empty() && shared.is_empty() {
        notes.push(format!(
            "no job of it pushes an image or names one at {}: nothing is to be changed",
            access.host()?
        ));
    }
    notes.extend(shared.into_iter().map(|job| {
        format!("{job} has steps that stand elsewhere, by an alias: look whether what is there, or is put there, fits both")
    }));
    if access.registry == Registry::Ecr {
        notes.extend(change.lacks_of_aws(is_needed));
    }
    change.text()
}

fn notes(access: &Access, plan: Plan) -> Plan {
    let names = access.registry.names();
    let needs = format!(
        "the workflow needs {} and {}",
        names.github_user, names.github_password
    );
    let is_given = matches!(access.registry, Registry::Ecr | Registry::Ghcr);
    if is_given { plan } else { plan.note(needs) }
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

/// A workflow that is changed job by job.
struct Change<'a> {
    access: &'a Access,
    yaml: &'a Yaml<'a>,
    login: &'a str,
    edits: Edits,
    permissions: Permissions<'a>,
    /// Jobs that get the login of ECR, and have no credentials of AWS for it.
    without_aws: Vec<&'a str>,
    /// Jobs that push to where the file does not say, and have none either: a login of ECR would only have them fail.
    left: Vec<&'a str>,
}

impl<'a> Change<'a> {
    /// Puts the login, and what builds, into the steps of a job; whether it needs the login at all.
    fn steps(&mut self, job: &Job<'a>, build: Option<&str>) -> Result<bool, SetupError> {
        let (access, yaml) = (self.access, self.yaml);
        let is_hub = access.registry == Registry::Hub;
        let usage = Usage::of(access.host()?, is_hub, (yaml, job, "env"));
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
            if build.is_none() && self.lacks_aws(job) && !usage.is_named_by(yaml, job) {
                self.left.push(job.name);
                return Ok(false);
            }
            job.refuse_flow(yaml)?;
            self.log_in(job, first, build.is_some());
        }
        if let (Some(build), None) = (build, job.position(yaml, &[BUILD])) {
            job.refuse_flow(yaml)?;
            let (at, lines) = match deploys {
                Some(deploy) => before(yaml, &job.steps[deploy], build),
                None => after(yaml, &job.steps[job.steps.len() - 1], build),
            };
            self.edits.insert(at, lines);
        }
        Ok(true)
    }

    /// Puts the login before a step, or after the one that gets credentials of AWS.
    fn log_in(&mut self, job: &Job<'a>, first: usize, is_builder: bool) {
        let (yaml, registry) = (self.yaml, self.access.registry);
        let aws = job.position(yaml, &[AWS_CREDENTIALS]);
        let is_ecr = registry == Registry::Ecr;
        let (at, lines) = match aws.filter(|aws| is_ecr && *aws >= first) {
            Some(aws) => after(yaml, &job.steps[aws], self.login),
            None => before(yaml, &job.steps[first], self.login),
        };
        self.edits.insert(at, lines);
        if self.lacks_aws(job) {
            self.without_aws.push(job.name);
        }
        if registry == Registry::Ghcr {
            let is_writer = is_builder || job.is_writer(yaml);
            self.permissions.need(yaml, job.node, is_writer);
        }
    }

    /// Whether a login at ECR would fail in a job.
    fn lacks_aws(&self, job: &Job<'_>) -> bool {
        let yaml = self.yaml;
        self.access.registry == Registry::Ecr
            && job.position(yaml, &[AWS_CREDENTIALS]).is_none()
            && !has_keys(yaml, job)
    }

    /// Gives credentials to what is pulled before any step of a job; whether any of it lies at the registry.
    fn containers(
        &mut self,
        job: &Job<'a>,
        is_builder: bool,
        notes: &mut Vec<String>,
    ) -> Result<bool, SetupError> {
        let has_actions = containers::tell_actions(self.access, job, notes)?;
        let found = (&mut self.edits, notes);
        let has_images = containers::let_in(self.access, self.yaml, job, found)?;
        let is_writer = is_builder || job.is_writer(self.yaml);
        if has_images && self.access.registry == Registry::Ghcr && !is_writer {
            self.permissions.need(self.yaml, job.node, false);
        }
        Ok(has_images || has_actions)
    }

    /// What logins of ECR lack, where any is needed, and where none was put for the lack of it.
    fn lacks_of_aws(&self, is_needed: bool) -> Vec<String> {
        let of_left = |job: &&str| {
            format!(
                "{job}: left as it is, for it does not say where it pushes and has no credentials of AWS; if that is ECR, \
                 write its host out and add {AWS_CREDENTIALS}"
            )
        };
        let of_job = |job: &&str| {
            format!(
                "{job} logs in without credentials of AWS, for another job's are not its own: add {AWS_CREDENTIALS} \
                 before the login"
            )
        };
        let mut lacks: Vec<String> = if !is_needed {
            Vec::new()
        } else if has_word(self.yaml.text, &[AWS_CREDENTIALS]) {
            self.without_aws.iter().map(of_job).collect()
        } else {
            vec![format!(
                "no job has credentials of AWS: add {AWS_CREDENTIALS} before the login"
            )]
        };
        lacks.extend(self.left.iter().map(of_left));
        lacks
    }

    /// The workflow with all changes.
    fn text(self) -> Result<String, SetupError> {
        let mut edits = self.edits;
        self.permissions.put(self.yaml, &mut edits)?;
        Ok(edits.apply(self.yaml.text))
    }
}

/// Whether a job has keys of AWS by its environment.
fn has_keys(yaml: &Yaml<'_>, job: &Job<'_>) -> bool {
    let places = [yaml.root.find("env"), Some(job.node)];
    let mut texts = places.into_iter().flatten();
    texts.any(|node| has_word(&yaml.text[node.span.clone()], &[AWS_KEY]))
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

fn build(building: &Building) -> Result<String, SetupError> {
    let (env, [build, push]) = building.github_commands()?;
    Ok(format!(
        "- name: {BUILD}\n{env}  run: |\n    {build}\n    {push}\n"
    ))
}

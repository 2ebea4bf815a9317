//! Workflows: the docker of a runner is pointed here before the first step that needs it.

use forebay_oci::DOCKER_HUB;
use forebay_setup_files::{
    Edits, Node, SetupError, Usage, Yaml,
    workflow::{Job, at_end, before, github_calls, github_jobs, has_word},
};

use super::changed;
use crate::plan::{FallThrough, Files, Order, Plan, Snippet, refuse_loopback};

const OPEN: FallThrough = FallThrough::Open(
    "the runner's dockerd goes on to Docker Hub whenever its mirror answers with an error or not at all, and has no \
     setting against it",
);

/// The name of our step, by which it is known again.
const STEP: &str = "Pull through Forebay";

const NOT_NEEDED: &str =
    "no step of it pulls an image of Docker Hub, or builds one: nothing is to be changed";

const IN_CONTAINER: &str = "it runs in a container, whose docker is the runner's: no step of it can point that here, so do it on \
                            the runner's machine";

const RUNNER: &str = "the machine of a runner";

pub(super) fn github(order: &Order, files: &dyn Files) -> Result<Plan, SetupError> {
    refuse_loopback(order, RUNNER)?;
    let step = github_step(order);
    let early = "images of `container:` and `services:` are pulled before any step: on runners of your own, point the \
                 machine's docker here (forebay setup docker)";
    let plan = Plan::default().falls(OPEN).note(early);
    let Some(path) = &order.file else {
        return Ok(plan.snippet(Snippet {
            title: "a step before the first one of a job that pulls or builds",
            text: step,
        }));
    };
    let mut notes = Vec::new();
    let mut is_needed = false;
    let file = changed(path, files, |text| {
        let yaml = Yaml::parse(path, text)?;
        let mut edits = Edits::default();
        for job in github_jobs(&yaml)? {
            let usage = Usage::of(DOCKER_HUB, true, (&yaml, &job, "env"));
            let Some(first) = job
                .first_image_step(&yaml)
                .filter(|_| usage.is_of(&yaml, &job))
            else {
                continue;
            };
            is_needed = true;
            if job.node.find("container").is_some() {
                notes.push(format!("{}: {IN_CONTAINER}", job.name));
            } else if find_step(&yaml, &job).is_none() {
                job.refuse_flow(&yaml)?;
                let (at, lines) = before(&yaml, &job.steps[first], &step);
                edits.insert(at, lines);
            }
        }
        for (job, file) in github_calls(&yaml) {
            notes.push(match file.strip_prefix("./") {
                Some(own) => format!("{job} is the workflow {own}: name that with --file, too"),
                None => format!(
                    "{job} is a workflow of others, which no file here points anywhere: {file}"
                ),
            });
        }
        Ok(edits.apply(text))
    })?;
    is_needed |= !notes.is_empty();
    let plan = plan.file(file).note_if(!is_needed, NOT_NEEDED);
    Ok(notes.into_iter().fold(plan, Plan::note))
}

fn find_step(yaml: &Yaml<'_>, job: &Job<'_>) -> Option<usize> {
    job.position(yaml, &[STEP])
}

/// A reload, since a restart would end the containers of the job's `services:`. A runner's daemon.json holds settings of its own, which stay.
fn github_step(order: &Order) -> String {
    let mirror = first("registry-mirrors", &order.address.to_string());
    let insecure = if order.address.is_plain() {
        let insecure = first("insecure-registries", &order.address.authority());
        format!(" | {insecure}")
    } else {
        String::new()
    };
    format!(
        "- name: {STEP}\n  run: |\n    file=/etc/docker/daemon.json\n    \
         {{ cat \"$file\" 2>/dev/null || echo '{{}}'; }} |\n      jq '{mirror}{insecure}' >\"$RUNNER_TEMP/daemon.json\"\n    \
         sudo install -D -m 644 \"$RUNNER_TEMP/daemon.json\" \"$file\"\n    sudo systemctl reload-or-restart docker\n"
    )
}

/// What has jq put a text first in a list that holds it once: a runner's own machine sees the step at each run.
fn first(list: &str, text: &str) -> String {
    format!(".\"{list}\" = [\"{text}\"] + ((.\"{list}\" // []) - [\"{text}\"])")
}

pub(super) fn gitlab(order: &Order, files: &dyn Files) -> Result<Plan, SetupError> {
    refuse_loopback(order, RUNNER)?;
    let early = "images of `image:` and `services:` are pulled by the runner's own docker or Kubernetes: point that \
                 machine here too (forebay setup docker, or containerd)";
    let plan = Plan::default().falls(OPEN).note(early);
    let Some(path) = &order.file else {
        return Ok(plan.snippet(Snippet {
            title: "the service of docker in docker",
            text: format!("services:\n  - name: docker:dind\n    {}\n", command(order)),
        }));
    };
    let file = changed(path, files, |text| {
        let yaml = Yaml::parse(path, text)?;
        let mut edits = Edits::default();
        for services in services(&yaml.root) {
            for service in services.items() {
                let is_flow = services.is_flow();
                point_service(&yaml, (service, is_flow), &command(order), &mut edits)?;
            }
        }
        Ok(edits.apply(text))
    })?;
    Ok(plan.file(file))
}

fn command(order: &Order) -> String {
    let mirror = format!("\"--registry-mirror={}\"", order.address);
    if order.address.is_plain() {
        return format!(
            "command: [{mirror}, \"--insecure-registry={}\"]",
            order.address.authority()
        );
    }
    format!("command: [{mirror}]")
}

/// The lists of services of a pipeline: its own, the default's, and each job's.
fn services(root: &Node) -> Vec<&Node> {
    let of_jobs = root
        .entries()
        .iter()
        .filter_map(|(_, job)| job.find("services"));
    root.find("services").into_iter().chain(of_jobs).collect()
}

fn point_service(
    yaml: &Yaml<'_>,
    (service, is_in_flow): (&Node, bool),
    command: &str,
    edits: &mut Edits,
) -> Result<(), SetupError> {
    let is_dind = |name: &str| name.contains("docker") && name.contains("dind");
    if service.text().is_some_and(is_dind) {
        let (start, end) = (service.span.start, service.span.end);
        if is_in_flow {
            let service = format!("{{name: {}, {command}}}", &yaml.text[start..end]);
            edits.replace(start, end, service);
            return Ok(());
        }
        let indent = " ".repeat(yaml.column(start));
        edits.replace(
            start,
            end,
            format!("name: {}\n{indent}{command}", &yaml.text[start..end]),
        );
        return Ok(());
    }
    if !service
        .find("name")
        .and_then(Node::text)
        .is_some_and(is_dind)
    {
        return Ok(());
    }
    match service.find_entry("command") {
        Some(_) if has_word(&yaml.text[service.span.clone()], &[command]) => Ok(()),
        Some(_) => Err(yaml.refuse(
            "the service of docker in docker has a command already",
            &format!("add to it what stands in: {command}"),
        )),
        None if service.is_flow() => {
            let hint = "write it as lines with indentation, without braces";
            Err(yaml.refuse("a service is written in braces", hint))
        }
        None => {
            let (at, lines) = at_end(yaml, service, command);
            edits.insert(at, lines);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_holds_the_mirror_first_and_once_however_often_the_step_runs() {
        assert_eq!(
            first("registry-mirrors", "http://a:1"),
            ".\"registry-mirrors\" = [\"http://a:1\"] + ((.\"registry-mirrors\" // []) - [\"http://a:1\"])"
        );
    }

    #[test]
    fn a_service_of_docker_in_docker_gets_its_command() {
        let text = "services:\n  - docker:27-dind # the daemon\n  - redis\nbuild:\n  services:\n    - name: docker:dind\n      alias: d\n  script: [x]\nflow: {services: [redis, 'docker:dind']}\n";
        let yaml = Yaml::parse("f", text).expect("YAML");
        let mut edits = Edits::default();
        for list in services(&yaml.root) {
            for service in list.items() {
                let service = (service, list.is_flow());
                point_service(&yaml, service, "command: [\"--m\"]", &mut edits).expect("it can");
            }
        }
        assert_eq!(
            edits.apply(text),
            "services:\n  - name: docker:27-dind\n    command: [\"--m\"] # the daemon\n  - redis\nbuild:\n  services:\n    - name: docker:dind\n      alias: d\n      command: [\"--m\"]\n  script: [x]\nflow: {services: [redis, {name: 'docker:dind', command: [\"--m\"]}]}\n"
        );
    }
}

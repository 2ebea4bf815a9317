//! What a CI job does: log in before it pulls, for service containers too, and the mirror of runners of one's own.
//!
//! A job of a hosted runner shares its address with strangers: an account is what it can bring along.

use forebay_diagnosis::facts::Facts;

use super::WayOut;
use super::commands::Aim;
use crate::CiSystem;
use crate::document::Code;

/// A job logs in at Docker Hub, before its first pull.
pub(super) fn authenticate(way: WayOut, facts: &Facts) -> WayOut {
    if is_by_runner(facts) {
        let way = variable_of_gitlab(way);
        return way
            .run(
                "Where a script pulls or builds as well: in the job, before its first pull.",
                login(facts.ci, "hub"),
            )
            .can_wait();
    }
    let way = way.run(
        "In the workflow, before the first pull.",
        login(facts.ci, "hub"),
    );
    match facts.ci {
        Some(CiSystem::GithubActions) | None => way.step(
            "Images of container: and services: are pulled before any step: they take credentials of their own, which the command puts there, too.",
            Some(Code::of(
                "yaml",
                "credentials:\n  username: ${{ vars.DOCKERHUB_USERNAME }}\n  password: ${{ secrets.DOCKERHUB_TOKEN }}",
            )),
        )
        .can_wait(),
        Some(CiSystem::GitlabCi) => variable_of_gitlab(way).can_wait(),
        Some(CiSystem::CircleCi) => way.step(
            "The executor's and the services' images, in each entry of docker: of .circleci/config.yml.",
            Some(Code::of(
                "yaml",
                "auth:\n  username: $DOCKERHUB_USERNAME\n  password: $DOCKERHUB_TOKEN",
            )),
        ),
        Some(CiSystem::Jenkins) => way.step(
            "Around what pulls or builds in a Jenkinsfile; an agent's image takes registryCredentialsId.",
            Some(Code::of(
                "groovy",
                "docker.withRegistry('https://index.docker.io/v1/', '<credentials-id>') {\n  // pulls and builds\n}",
            )),
        ),
    }
}

/// Whether GitLab's runner pulled what failed, before any script: a login in the script comes too late.
fn is_by_runner(facts: &Facts) -> bool {
    facts.ci == Some(CiSystem::GitlabCi) && facts.is_pulled_by_runner
}

/// The login of what GitLab's runner pulls.
fn variable_of_gitlab(way: WayOut) -> WayOut {
    way.run(
        "Images of image: and services: are pulled by the runner, before the script. Put account and token in base64, which stand for <auth>.",
        "printf '%s:%s' '<docker-id>' \"$(cat token.txt)\" | base64 | tr -d '\\n'",
    )
    .step(
        "Have it in the project's masked variable DOCKER_AUTH_CONFIG (Settings, CI/CD, Variables).",
        Some(Code::of(
            "json",
            "{\"auths\": {\"https://index.docker.io/v1/\": {\"auth\": \"<auth>\"}}}",
        )),
    )
}

/// Where a job's log shows that a login is used.
pub(super) fn says_login(facts: &Facts) -> &'static str {
    if is_by_runner(facts) {
        "the job's log says \u{201c}Authenticating with credentials from $DOCKER_AUTH_CONFIG\u{201d} before its image is pulled"
    } else {
        "the job's log says \u{201c}Login Succeeded\u{201d} before its first pull"
    }
}

/// The command that puts a login into a job, as its system has it.
pub(super) fn login(system: Option<CiSystem>, registry: &str) -> String {
    let setup = |client: &str, file: &str| {
        format!(
            "forebay setup {client} --registry {registry} --file {file} --diff\n\
             forebay setup {client} --registry {registry} --file {file} --write"
        )
    };
    match system {
        Some(CiSystem::GithubActions) => {
            setup("github-actions", ".github/workflows/<workflow.yml>")
        }
        Some(CiSystem::GitlabCi) => setup("gitlab-ci", ".gitlab-ci.yml"),
        Some(CiSystem::CircleCi | CiSystem::Jenkins) => {
            let host = match registry {
                "ghcr" => " ghcr.io",
                "quay" => " quay.io",
                _ => "",
            };
            login_by_hand(host)
        }
        None => format!(
            "forebay setup github-actions --registry {registry} --file <workflow.yml> --diff   # or gitlab-ci"
        ),
    }
}

/// A login in a script, by variables that the system keeps; the host with a space before it.
pub(super) fn login_by_hand(at: &str) -> String {
    format!(
        "printf '%s' \"$REGISTRY_TOKEN\" | docker login{at} --username \"$REGISTRY_USERNAME\" --password-stdin"
    )
}

/// The command that has a job log in at ECR.
pub(super) fn login_at_ecr(system: Option<CiSystem>, host: &str, by_hand: &str) -> String {
    match system {
        Some(CiSystem::GithubActions) => format!(
            "forebay setup github-actions --registry ecr --host {host} --file .github/workflows/<workflow.yml> --diff"
        ),
        Some(CiSystem::GitlabCi) => {
            format!(
                "forebay setup gitlab-ci --registry ecr --host {host} --file .gitlab-ci.yml --diff"
            )
        }
        _ => by_hand.to_owned(),
    }
}

/// Forebay in front of runners, and of the docker of a hosted one.
pub(super) fn mirror(way: WayOut, system: Option<CiSystem>) -> WayOut {
    let way = way.run(
        "On each runner of your own, which then pulls container:, image: and services: through it as well.",
        "sudo forebay setup docker --address http://<forebay-host>:5000 --write",
    );
    let client = match system {
        Some(CiSystem::GithubActions) => {
            "forebay setup github-actions --address http://<forebay-host>:5000"
        }
        Some(CiSystem::GitlabCi) => "forebay setup gitlab-ci --address http://<forebay-host>:5000",
        Some(CiSystem::CircleCi | CiSystem::Jenkins) => return way,
        None => {
            "forebay setup github-actions --address http://<forebay-host>:5000   # or gitlab-ci"
        }
    };
    way.run(
        "On hosted runners, in the workflow: where they can reach it.",
        client,
    )
}

/// Cancels runs, which can be run again, or runs them again.
pub(super) fn cancel(system: Option<CiSystem>, aim: Aim) -> Option<String> {
    let command = match (system?, aim) {
        (CiSystem::GithubActions, Aim::Stop) => {
            "gh run list --workflow <workflow> --status in_progress --limit 100 --json databaseId --jq '.[].databaseId' | xargs -r -n 1 gh run cancel"
        }
        (CiSystem::GithubActions, Aim::Start) => "gh run rerun <run>",
        (CiSystem::GitlabCi, Aim::Stop) => {
            "glab api --method POST projects/:id/pipelines/<pipeline>/cancel"
        }
        (CiSystem::GitlabCi, Aim::Start) => {
            "glab api --method POST projects/:id/pipelines/<pipeline>/retry"
        }
        (CiSystem::CircleCi, Aim::Stop) => {
            "curl --request POST --header \"Circle-Token: $CIRCLE_TOKEN\" https://circleci.com/api/v2/workflow/<workflow-id>/cancel"
        }
        (CiSystem::CircleCi, Aim::Start) => {
            "curl --request POST --header \"Circle-Token: $CIRCLE_TOKEN\" https://circleci.com/api/v2/workflow/<workflow-id>/rerun"
        }
        (CiSystem::Jenkins, Aim::Stop) => {
            "curl --request POST --user <user> https://<jenkins>/job/<job>/<build>/stop"
        }
        (CiSystem::Jenkins, Aim::Start) => {
            "curl --request POST --user <user> https://<jenkins>/job/<job>/build"
        }
    };
    Some(command.to_owned())
}

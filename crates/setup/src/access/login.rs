//! Programs that keep a login themselves: docker, podman, and docker's swarm.

use forebay_limits::shell_word;
use forebay_setup_files::SetupError;

use super::{Access, Registry};
use crate::client::Client;
use crate::clients::SWARM_TRAP;
use crate::plan::{Input, Plan, Snippet, Step};
use crate::shell::command_line;

const LOGIN: &str = "logs in; the password comes from standard input";

const TOKEN_FILE: &str = "token.txt holds the password or token and nothing else: make it where nobody else reads it, and delete it \
                          afterwards";

const HOURS: &str = "a login at ECR lasts twelve hours: have a timer repeat it, or use the helper docker-credential-ecr-login";

pub(super) fn plan(access: &Access) -> Result<Plan, SetupError> {
    let program = if access.client == Client::Podman {
        "podman"
    } else {
        "docker"
    };
    let host = access.host()?;
    let username = match access.password {
        Some(_) => access.username()?,
        None => access.shown_username(),
    };
    let command = [
        program,
        "login",
        "--username",
        username,
        "--password-stdin",
        host,
    ];
    let mut plan = Plan::default();
    if let Some(password) = &access.password {
        plan.steps.push(Step::run(
            LOGIN,
            &command,
            Input::Secret {
                text: password.reveal().to_owned(),
                password: password.clone(),
            },
        ));
    } else {
        plan = plan.snippet(Snippet {
            title: "the login, in a shell",
            text: format!("{} | {}\n", source(access)?, command_line(&command)),
        });
        plan = token_file(access, plan);
    }
    // A login does not say who made it.
    if access.registry != Registry::Ecr {
        plan.undo
            .push(Step::by_hand("logs out", &[program, "logout", host]));
    }
    let kept = "without a credential helper the login is kept readable in the user's own configuration: use a token that \
                may only read";
    Ok(plan
        .note_if(access.registry == Registry::Ecr, HOURS)
        .note(kept))
}

/// What prints the password.
pub(super) fn source(access: &Access) -> Result<String, SetupError> {
    Ok(match access.registry {
        Registry::Ecr => format!(
            "aws ecr get-login-password --region {}",
            shell_word(access.region()?)
        ),
        _ => "cat token.txt".to_owned(),
    })
}

/// What is to be known of the file that [`source`] reads.
pub(super) fn token_file(access: &Access, plan: Plan) -> Plan {
    plan.note_if(access.registry != Registry::Ecr, TOKEN_FILE)
}

/// A swarm gives its nodes the manager's login, once for each change of a service.
pub(super) fn swarm(access: &Access) -> Result<Plan, SetupError> {
    let plan = plan(access)?;
    Ok(plan
        .snippet(Snippet {
            title: "each service of the stack's file, so that one that dies does not ask for ever",
            text: "deploy:\n  restart_policy:\n    condition: on-failure\n    delay: 30s\n    max_attempts: 5\n    \
                   window: 120s\n"
                .to_owned(),
        })
        .then(
            "gives the nodes the login of this manager",
            &["docker", "stack", "deploy", "--with-registry-auth", "--compose-file", "STACK.yml", "STACK"],
        )
        .note(SWARM_TRAP))
}

/// kaniko reads docker's own file, which is a secret mounted beside it.
pub(super) fn kaniko(access: &Access) -> Result<Plan, SetupError> {
    let (host, secret) = (access.host()?, access.kubernetes_secret()?);
    let text = format!(
        "volumeMounts:\n  - name: {secret}\n    mountPath: /kaniko/.docker\n    readOnly: true\n---\nvolumes:\n  - name: \
         {secret}\n    secret:\n      secretName: {secret}\n      items:\n        - key: .dockerconfigjson\n          path: \
         config.json\n"
    );
    let hint = format!(
        "forebay setup kubernetes --registry … makes the secret {secret} with the login of {host}"
    );
    Ok(Plan::default()
        .snippet(Snippet {
            title: "kaniko's container, and its pod",
            text,
        })
        .note(hint))
}

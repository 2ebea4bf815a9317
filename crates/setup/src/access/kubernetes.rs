//! Kubernetes: a pull secret, and the service account whose pods use it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use forebay_limits::shell_word;
use forebay_setup_files::SetupError;
use serde_json::json;

use super::login::{source, token_file};
use super::pull_secrets::{LABEL, PullSecrets};
use super::{Access, Registry, is_dns_label};
use crate::password::Password;
use crate::plan::{Input, Plan, Snippet, Step};

/// What kubelets call Docker Hub in a pull secret.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// On the server's side, for kubectl's own way leaves a copy of the manifest in an annotation. What is there is ours by then.
const APPLY_COMMAND: [&str; 6] = [
    "kubectl",
    "apply",
    "--server-side",
    "--force-conflicts",
    "--filename",
    "-",
];

const LABELLED: &str = "the secret gets the label app.kubernetes.io/managed-by=forebay-setup: one of its name without that is \
                        somebody else's, and neither changed nor taken away";

const APPLY: &str = "makes the pull secret; the password goes by standard input";

const BY_HAND: &str = "then in a shell, so that pods use it: --write does this by itself";

const LISTED: &str = "the service account default gets it beside the pull secrets that it has; one of that name that was there \
                      before stays there on --undo";

const HOURS: &str = "a login at ECR lasts twelve hours: have a CronJob repeat this, or rather let the nodes in by their role \
                     (AmazonEC2ContainerRegistryReadOnly), which needs no secret";

const PODS: &str = "pods that run already go on without it, and pods that name imagePullSecrets of their own do not get this one";

pub(super) fn plan(access: &Access) -> Result<Plan, SetupError> {
    let secret = access.kubernetes_secret()?;
    refuse_no_label(access)?;
    let list = PullSecrets {
        namespace: access.namespace.clone(),
        secret: secret.to_owned(),
    };
    let mut plan = Plan::default();
    if let Some(password) = &access.password {
        let input = Input::Secret {
            text: manifest(access, password)?,
            password: password.clone(),
        };
        plan.steps.push(Step::run(APPLY, &APPLY_COMMAND, input));
        plan = plan.snippet(Snippet {
            title: BY_HAND,
            text: list.by_hand(),
        });
        plan = plan.note(
            "kept in the cluster as it is: whoever may read secrets of the namespace reads it",
        );
        plan = plan.note(LABELLED).note(LISTED);
    } else {
        plan = plan.snippet(Snippet {
            title: "in a shell",
            text: command(access)?,
        });
        plan = token_file(access, plan);
    }
    let delete = [
        "kubectl",
        "delete",
        "secret",
        secret,
        "--namespace",
        &access.namespace,
        "--ignore-not-found",
    ];
    plan.guard = Some(list.guard());
    plan.undo.push(Step::run(
        "takes the pull secret away",
        &delete,
        Input::Nothing,
    ));
    Ok(plan
        .note_if(access.registry == Registry::Ecr, HOURS)
        .note(PODS))
}

/// A namespace is a DNS label (RFC 1123), by <https://kubernetes.io/docs/concepts/overview/working-with-objects/names/>.
fn refuse_no_label(access: &Access) -> Result<(), SetupError> {
    if is_dns_label(&access.namespace) {
        return Ok(());
    }
    let what = format!("{:?} is no namespace of Kubernetes", access.namespace);
    let hint = "it has up to 63 lower-case letters, digits and dashes, and none of these at its ends but letters and digits";
    Err(SetupError::impossible(what, hint))
}

fn manifest(access: &Access, password: &Password) -> Result<String, SetupError> {
    let host = access.host()?;
    let key = if access.registry == Registry::Hub {
        DOCKER_HUB_KEY
    } else {
        host
    };
    let login =
        json!({"auths": {key: {"username": access.username()?, "password": password.reveal()}}});
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": access.secret(),
            "namespace": access.namespace,
            "labels": {LABEL.0: LABEL.1},
        },
        "type": "kubernetes.io/dockerconfigjson",
        // By <https://kubernetes.io/docs/concepts/configuration/secret/#restriction-names-data>, `stringData` does not go
        // with server-side apply.
        "data": {".dockerconfigjson": BASE64_STANDARD.encode(login.to_string())},
    });
    Ok(secret.to_string())
}

/// The same with the password from a file or from AWS.
fn command(access: &Access) -> Result<String, SetupError> {
    let login = match access.registry {
        Registry::Ecr => format!("ecr --host {}", shell_word(access.host()?)),
        Registry::Ghcr => format!("ghcr --username {}", shell_word(access.shown_username())),
        Registry::Hub => format!("hub --username {}", shell_word(access.shown_username())),
        Registry::Quay => format!("quay --username {}", shell_word(access.shown_username())),
    };
    Ok(format!(
        "{} |\n  forebay setup kubernetes --registry {login} --namespace {} --secret {} --password-stdin --write\n",
        source(access)?,
        access.namespace,
        access.secret()
    ))
}

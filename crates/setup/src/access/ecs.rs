//! Amazon ECS: the login in Secrets Manager, named in each container's `repositoryCredentials`.
//!
//! By <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/private-auth.html>.

use forebay_setup_files::SetupError;
use serde_json::json;

use super::{Access, Registry, cdk, task_definition};
use crate::plan::{Files, Input, Plan, Snippet, Step};

const CREATE: &str = "keeps the login in Secrets Manager; it goes by standard input";

const CREATE_BY_HAND: &str = "keeps the login in Secrets Manager";

const BY_HAND: &str = "login.json holds {\"username\": …, \"password\": …}, and is deleted afterwards; where aws has \
                       another region than the tasks, --region says theirs; where the secret is there already, \
                       put-secret-value --secret-id changes it; forebay setup ecs --username NAME --password-stdin \
                       --write does all of it";

/// What Secrets Manager says where a secret of the name is there already.
const IS_THERE: &str = "ResourceExistsException";

const STAYS: &str = "--undo leaves the secret in Secrets Manager, where others may use it: aws secretsmanager delete-secret takes it \
                     away";

const ROLE: &str = "the task's execution role must be allowed secretsmanager:GetSecretValue on the secret (and kms:Decrypt, where \
                    a key of yours encrypts it); CDK grants it by itself";

const BY_ROLE: &str = "ECS logs in at ECR by the task's execution role (AmazonECSTaskExecutionRolePolicy): no secret and no \
                       repositoryCredentials";

pub(super) fn plan(access: &Access, files: &dyn Files) -> Result<Plan, SetupError> {
    if access.registry == Registry::Ecr {
        return Ok(Plan::default().note(BY_ROLE));
    }
    access.aws_secret()?;
    let plan = with_secret(access, Plan::default())?.note(ROLE);
    let Some(path) = &access.file else {
        return Ok(snippets(access).into_iter().fold(plan, Plan::snippet));
    };
    let ending = path.rsplit_once('.').map(|(_, ending)| ending);
    let changed = match ending {
        Some("py") => cdk::python(access, path, files)?,
        Some("ts") => cdk::typescript(access, path, files)?,
        Some("json") => task_definition::json(access, path, files)?,
        Some("yml" | "yaml" | "template") => task_definition::yaml(access, path, files)?,
        _ => {
            let hint = "a task definition or template in JSON or YAML, or CDK in Python or TypeScript; without --file the \
                        pieces for each are printed, for Terraform too";
            return Err(SetupError::impossible(
                format!("{path} is of no kind that is known here"),
                hint,
            ));
        }
    };
    let plan = changed.notes.into_iter().fold(plan, Plan::note);
    Ok(plan.file(changed.file))
}

fn with_secret(access: &Access, mut plan: Plan) -> Result<Plan, SetupError> {
    let create = [
        "aws",
        "secretsmanager",
        "create-secret",
        "--name",
        access.secret(),
        "--secret-string",
        "file:///dev/stdin",
    ];
    let put = [
        "aws",
        "secretsmanager",
        "put-secret-value",
        "--secret-id",
        access.secret(),
        "--secret-string",
        "file:///dev/stdin",
    ];
    if let Some(password) = &access.password {
        let login = json!({"username": access.username()?, "password": password.reveal()});
        let input = Input::Secret {
            text: login.to_string(),
            password: password.clone(),
        };
        let step = Step::run(CREATE, &create, input);
        plan.steps.push(step.or_where_it_says(IS_THERE, &put));
        plan = plan.note(STAYS);
    } else {
        let by_hand = [&create[..5], &["--secret-string", "file://login.json"]];
        plan = plan.then(CREATE_BY_HAND, &by_hand.concat()).note(BY_HAND);
    }
    Ok(plan)
}

fn snippets(access: &Access) -> Vec<Snippet> {
    let (secret, title) = (access.secret(), access.registry.title());
    vec![
        Snippet {
            title: "CDK in Python",
            text: format!(
                "from aws_cdk import aws_secretsmanager as secretsmanager\n\nimage=ecs.ContainerImage.from_registry(\n    \
                 NAME,\n    credentials=secretsmanager.Secret.from_secret_name_v2(self, \"{title}PullSecret\", \
                 \"{secret}\"),\n)\n"
            ),
        },
        Snippet {
            title: "CDK in TypeScript",
            text: format!(
                "import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';\n\nimage: \
                 ecs.ContainerImage.fromRegistry(NAME, {{\n  credentials: secretsmanager.Secret.fromSecretNameV2(this, \
                 '{title}PullSecret', '{secret}'),\n}}),\n"
            ),
        },
        Snippet {
            title: "CloudFormation, each of ContainerDefinitions",
            text: format!("RepositoryCredentials:\n  CredentialsParameter: {secret}\n"),
        },
        Snippet {
            title: "a task definition, each of containerDefinitions",
            text: format!(
                "\"repositoryCredentials\": {{\"credentialsParameter\": \"{secret}\"}}\n"
            ),
        },
        Snippet {
            title: "Terraform, in jsonencode([…]) of container_definitions, and the role",
            text: format!(
                "data \"aws_secretsmanager_secret\" \"pull\" {{\n  name = \"{secret}\"\n}}\n\nrepositoryCredentials = {{\n  \
                 credentialsParameter = data.aws_secretsmanager_secret.pull.arn\n}}\n\ndata \"aws_iam_policy_document\" \
                 \"pull\" {{\n  statement {{\n    actions   = [\"secretsmanager:GetSecretValue\"]\n    resources = \
                 [data.aws_secretsmanager_secret.pull.arn]\n  }}\n}}\n"
            ),
        },
    ]
}

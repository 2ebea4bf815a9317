//! What people check by script before a deploy: as command lines of their own tools, and what the answers mean.
//!
//! Pure: who runs the command lines gives back what came of them. None of them changes anything or prints a secret.

mod ecr;
mod names;

use std::collections::HashSet;

use serde::Serialize;

pub use ecr::{ecr_image, ecr_repository};
pub use names::names;

/// The most bytes of a secret's name that are taken from a file.
const MAX_ARN_BYTES: usize = 600;

/// What AWS says where somebody has no credentials, or old ones.
const NO_CREDENTIALS: [&str; 5] = [
    "Unable to locate credentials",
    "ExpiredToken",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "could not be found, please run `aws configure`",
];

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What is looked at, in words.
    pub what: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Image,
    Repository,
    Secret,
    Stack,
    Name,
}

/// What came of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It ran to its end.
    Ended {
        /// Whether it says that it succeeded.
        is_ok: bool,
        /// Its standard output.
        out: String,
        /// Its standard error.
        err: String,
    },
    /// The program is not installed.
    NotInstalled,
    /// It could not be run, or took too long.
    Failed(String),
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at, in words.
    pub what: String,
    /// How it is.
    pub state: State,
    /// One clause on it.
    pub told: String,
    /// What to do about it.
    pub cure: Option<String>,
}

/// How something is that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// As a deploy needs it.
    Good,
    /// In the way of a deploy.
    Bad,
    /// Not known, as to see it costs a pull.
    Unknown,
    /// It could not be looked at.
    Failed,
}

/// The secrets of AWS Secrets Manager that a text names, each once.
pub fn secrets(text: &str) -> Vec<String> {
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    // Each partition of AWS has a name of its own behind it.
    for (at, _) in text.match_indices("arn:aws") {
        let rest = &text[at..];
        let is_of_arn = |c: char| c.is_ascii_alphanumeric() || "/_+=.@:-!".contains(c);
        let end = rest.find(|c| !is_of_arn(c)).unwrap_or(rest.len());
        let Some(arn) = whole_secret(&rest[..end]).filter(|arn| arn.len() <= MAX_ARN_BYTES) else {
            continue;
        };
        if seen.insert(arn) {
            found.push(arn.to_owned());
        }
    }
    found
}

/// A secret's ARN without the JSON key, stage and version that ECS lets stand behind it; `None` where a variable stands in it.
fn whole_secret(text: &str) -> Option<&str> {
    let mut colons = text.match_indices(':').map(|(at, _)| at);
    let end = colons.nth(6).unwrap_or(text.len());
    let arn = text[..end].trim_end_matches('.');
    let parts: Vec<&str> = arn.split(':').collect();
    let is_whole = parts.len() == 7 && parts[2] == "secretsmanager" && !parts.contains(&"");
    is_whole.then_some(arn)
}

/// Whether a secret can be read; it is read, and only its name is asked to be printed.
pub fn secret(arn: &str) -> Check {
    let region = arn.split(':').nth(3).unwrap_or_default();
    Check {
        what: format!("secret {arn}"),
        command: words(&[
            "aws",
            "secretsmanager",
            "get-secret-value",
            "--region",
            region,
            "--secret-id",
            arn,
            "--query",
            "ARN",
            "--output",
            "text",
        ]),
        kind: Kind::Secret,
    }
}

/// Whether a stack is free to be deployed.
pub fn stack(name: &str, region: Option<&str>) -> Check {
    let mut command = words(&[
        "aws",
        "cloudformation",
        "describe-stacks",
        "--stack-name",
        name,
    ]);
    if let Some(region) = region {
        command.extend(words(&["--region", region]));
    }
    command.extend(words(&[
        "--query",
        "Stacks[0].StackStatus",
        "--output",
        "text",
    ]));
    Check {
        what: format!("stack {name}"),
        command,
        kind: Kind::Stack,
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

impl Check {
    /// What the outcome of its command line means.
    pub fn read(&self, outcome: &Outcome) -> Finding {
        let (state, told, cure) = match outcome {
            Outcome::NotInstalled => {
                let told = format!("{} is not installed here", self.command[0]);
                (State::Failed, told, None)
            }
            Outcome::Failed(why) => (State::Failed, why.clone(), None),
            Outcome::Ended {
                is_ok: true, out, ..
            } => self.succeeded(out.trim()),
            Outcome::Ended { err, .. } => self.failed(err),
        };
        Finding {
            what: self.what.clone(),
            state,
            told,
            cure,
        }
    }

    fn succeeded(&self, out: &str) -> Told {
        // What was asked to be printed; a page of a login, or half an answer, is none.
        let is_answer = match self.kind {
            Kind::Image => out.starts_with("sha256:"),
            Kind::Repository => self.command.iter().any(|word| word == out),
            Kind::Secret => out.starts_with("arn:aws"),
            Kind::Stack | Kind::Name => true,
        };
        if !is_answer {
            let told = format!("{} did not answer what was asked", self.command[0]);
            return (State::Failed, told, None);
        }
        match self.kind {
            Kind::Image | Kind::Repository => (State::Good, "is there".to_owned(), None),
            Kind::Secret => (
                State::Good,
                "can be read with these credentials".to_owned(),
                None,
            ),
            Kind::Stack => self.stack_status(out),
            Kind::Name if out.is_empty() || out == "None" => {
                (State::Good, "is not taken".to_owned(), None)
            }
            Kind::Name => (
                State::Bad,
                "is taken, and not by this stack: it would fail with AlreadyExists".to_owned(),
                Some(
                    "another stack has it, or the last try left it: look before you delete it"
                        .to_owned(),
                ),
            ),
        }
    }

    fn stack_status(&self, status: &str) -> Told {
        let of = self
            .command
            .iter()
            .skip_while(|word| *word != "--stack-name");
        let of: Vec<&str> = of
            .take_while(|word| *word != "--query")
            .map(String::as_str)
            .collect();
        stack_status(status, &of.join(" "))
    }

    fn failed(&self, err: &str) -> Told {
        let has = |word: &str| err.contains(word);
        if NO_CREDENTIALS.into_iter().any(has) {
            let told = "AWS takes these credentials for none".to_owned();
            return (
                State::Failed,
                told,
                Some("log in: aws sts get-caller-identity tells as whom".to_owned()),
            );
        }
        match self.kind {
            Kind::Stack if has("does not exist") => (
                State::Good,
                "is not taken: there is no such stack yet".to_owned(),
                None,
            ),
            Kind::Image if has("RepositoryNotFoundException") => (
                State::Bad,
                "its repository does not exist".to_owned(),
                Some(self.creation()),
            ),
            Kind::Repository if has("RepositoryNotFoundException") => (
                State::Bad,
                "does not exist".to_owned(),
                Some(self.creation()),
            ),
            Kind::Image if has("ImageNotFoundException") => (
                State::Bad,
                "its repository exists, and has no such image".to_owned(),
                Some("push it before the deploy".to_owned()),
            ),
            Kind::Secret if has("ResourceNotFoundException") => {
                (State::Bad, "does not exist".to_owned(), None)
            }
            Kind::Name if has("NotFound") => (State::Good, "is not taken".to_owned(), None),
            _ if has("AccessDenied") => (
                State::Failed,
                "access is denied with these credentials".to_owned(),
                Some("look with others, or have the right given: aws sts get-caller-identity tells as whom".to_owned()),
            ),
            _ => (State::Failed, last_line(err), None),
        }
    }

    /// The command line that makes an image's repository, with scan and encryption.
    fn creation(&self) -> String {
        let after = |word: &str| {
            let at = self.command.iter().position(|one| one.starts_with(word));
            at.and_then(|at| self.command.get(at + 1))
                .map_or("", String::as_str)
        };
        format!(
            "aws ecr create-repository --region {} --repository-name {} --image-scanning-configuration scanOnPush=true \
             --encryption-configuration encryptionType=AES256",
            after("--region"),
            after("--repository-name")
        )
    }
}

type Told = (State, String, Option<String>);

/// What a stack's status means for another deploy (`CloudFormation`'s user guide, "Stack status codes"), and what to do
/// with the stack that is named `of`.
fn stack_status(status: &str, of: &str) -> Told {
    let bad = |told: &str, cure: String| (State::Bad, format!("{status}: {told}"), Some(cure));
    let delete = format!("aws cloudformation delete-stack {of}, which destroys what it made");
    let under_way = "another deploy is under way, or waits for tasks that never start";
    match status {
        "ROLLBACK_COMPLETE" => bad(
            "the first deploy failed, and it can only be deleted",
            format!("look at why it failed first (forebay doctor --ecs); then: {delete}"),
        ),
        "UPDATE_ROLLBACK_FAILED" => bad(
            "it is stuck until its rollback is finished",
            format!("aws cloudformation continue-update-rollback {of}"),
        ),
        "REVIEW_IN_PROGRESS" => {
            let told = format!("{status}: a change set was made, and never run");
            (State::Good, told, None)
        }
        "UPDATE_IN_PROGRESS" => bad(
            under_way,
            format!("wait for it, or: aws cloudformation cancel-update-stack {of}"),
        ),
        "CREATE_IN_PROGRESS" => bad(
            under_way,
            format!("wait for it, or, as there is none before it to go back to: {delete}"),
        ),
        _ if status.ends_with("_IN_PROGRESS") => bad(
            under_way,
            format!(
                "wait for it: aws cloudformation describe-stack-events {of} tells how far it is"
            ),
        ),
        _ if status.ends_with("_FAILED") => bad(
            "the last try left it so",
            format!(
                "aws cloudformation describe-stack-events {of} tells why; a stack that never came up can only be deleted"
            ),
        ),
        _ if status.ends_with("_COMPLETE") => (State::Good, status.to_owned(), None),
        _ => {
            let told = format!("aws names no status of a stack: {}", last_line(status));
            (State::Failed, told, None)
        }
    }
}

fn last_line(text: &str) -> String {
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    forebay_limits::shown(line.unwrap_or("it failed without a word"), 300)
}

#[cfg(test)]
mod tests;

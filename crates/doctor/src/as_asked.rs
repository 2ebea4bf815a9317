//! Commands that ask as the evidence was asked for: under the same profile of aws, in the same context of kubectl.
//!
//! Pure. Who names neither has what is set, and so have the commands.

use forebay_limits::shell_word;

use crate::{Diagnosis, WaysOut};

/// How the evidence was asked for, as far as it was said.
#[derive(Debug, Clone, Copy, Default)]
pub struct AsAsked<'a> {
    /// The profile of aws.
    pub profile: Option<&'a str>,
    /// The context of kubectl.
    pub context: Option<&'a str>,
}

/// A command that takes a flag: what the flag stands behind, and what follows there without it.
type Taker = (&'static str, &'static str);

/// What takes a profile: AWS' tools, and the doctor that asks these.
const OF_AWS: [Taker; 11] = [
    ("aws cloudformation", " "),
    ("aws ec2", " "),
    ("aws ecr", " "),
    ("aws ecs", " "),
    ("aws events", " "),
    ("aws iam", " "),
    ("aws logs", " "),
    ("aws secretsmanager", " "),
    ("aws sts", " "),
    ("cdk deploy", ""),
    ("forebay doctor", " --ecs "),
];

/// What takes a context.
const OF_KUBECTL: [Taker; 2] = [("kubectl", " "), ("forebay doctor", " --kube")];

/// Names both in all commands that take them: another cluster or account may have a service of the same name.
pub fn as_asked(diagnosis: &mut Diagnosis, ways: &mut WaysOut, asked: AsAsked<'_>) {
    if let Some(profile) = asked.profile {
        name_in_all(diagnosis, ways, (&OF_AWS, "--profile", profile));
    }
    if let Some(context) = asked.context {
        name_in_all(diagnosis, ways, (&OF_KUBECTL, "--context", context));
    }
}

fn name_in_all(
    diagnosis: &mut Diagnosis,
    ways: &mut WaysOut,
    (takers, flag, value): (&[Taker], &str, &str),
) {
    let said = format!(" {flag} {}", shell_word(value));
    let name_in = |text: &mut String| *text = named(text, takers, &said);
    for missing in &mut diagnosis.missing {
        name_in(&mut missing.command);
    }
    for also in &mut diagnosis.also {
        name_in(&mut also.next);
    }
    let steps = ways.ways.iter_mut().flat_map(|way| &mut way.steps);
    let codes = steps.filter_map(|step| step.code.as_mut());
    for code in codes.filter(|code| code.language == "sh") {
        name_in(&mut code.text);
    }
}

/// The text with this behind each command that takes it.
fn named(text: &str, takers: &[Taker], said: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = find_taker(rest, takers) {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        out.push_str(said);
        rest = after;
    }
    out + rest
}

/// Where the first command that takes a flag has it.
fn find_taker(text: &str, takers: &[Taker]) -> Option<usize> {
    let found = takers.iter().flat_map(|&(head, tail)| {
        let all = text.match_indices(head);
        let all = all.filter(|(at, _)| begins_a_word(text, *at));
        let ends = all.map(move |(at, _)| at + head.len());
        ends.filter(move |end| text[*end..].starts_with(tail))
    });
    found.min()
}

fn begins_a_word(text: &str, at: usize) -> bool {
    let before = text[..at].chars().next_back();
    before.is_none_or(|c| c.is_whitespace() || c == '(')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_of_aws_in_a_line_has_the_profile_and_nothing_else() {
        for (text, expected) in [
            (
                "aws ecs update-service --cluster c",
                "aws ecs --profile prod update-service --cluster c",
            ),
            (
                "aws ecs describe-tasks --tasks $(aws ecs list-tasks) | forebay doctor -",
                "aws ecs --profile prod describe-tasks --tasks $(aws ecs --profile prod list-tasks) | forebay doctor -",
            ),
            (
                "cdk deploy\nforebay doctor --ecs c --wait",
                "cdk deploy --profile prod\nforebay doctor --profile prod --ecs c --wait",
            ),
            ("kubectl get pods", "kubectl get pods"),
            ("arn:aws ecs ", "arn:aws ecs "),
        ] {
            assert_eq!(named(text, &OF_AWS, " --profile prod"), expected);
        }
    }

    #[test]
    fn each_command_of_kubectl_in_a_line_has_the_context_and_nothing_else() {
        for (text, expected) in [
            (
                "kubectl --namespace a get pod b -o yaml > b.yaml && kubectl --namespace a delete pod b",
                "kubectl --context prod --namespace a get pod b -o yaml > b.yaml && kubectl --context prod --namespace a delete pod b",
            ),
            (
                "kubectl apply -f .\nforebay doctor --kube --wait",
                "kubectl --context prod apply -f .\nforebay doctor --context prod --kube --wait",
            ),
            (
                "printf x | kubectl get pods",
                "printf x | kubectl --context prod get pods",
            ),
            ("aws ecs x", "aws ecs x"),
            ("my-kubectl get pods", "my-kubectl get pods"),
        ] {
            assert_eq!(named(text, &OF_KUBECTL, " --context prod"), expected);
        }
    }
}

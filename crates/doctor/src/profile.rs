//! Commands under a profile of aws: who asked with one, has to be helped with the same.
//!
//! Pure: only the commands of AWS' tools, and of the doctor that asks these, take it.

use forebay_diagnosis::facts::safe;

use crate::{Diagnosis, WaysOut};

/// What takes a profile, by how it begins.
const TAKERS: [&str; 11] = [
    "aws cloudformation ",
    "aws ec2 ",
    "aws ecr ",
    "aws ecs ",
    "aws events ",
    "aws iam ",
    "aws logs ",
    "aws secretsmanager ",
    "aws sts ",
    "cdk deploy",
    "forebay doctor --ecs ",
];

/// Names the profile in all commands of AWS; one that a shell would obey is left out.
pub fn under_profile(diagnosis: &mut Diagnosis, ways: &mut WaysOut, profile: &str) {
    let Some(profile) = safe(profile) else {
        return;
    };
    let name_in = |text: &mut String| *text = named(text, &profile);
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

/// The text with the profile behind each command's first two words.
fn named(text: &str, profile: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((at, taker)) = first_taker(rest) {
        let words = taker.split(' ').take(2).map(str::len).sum::<usize>() + 1;
        let (before, after) = rest.split_at(at + words);
        out.push_str(before);
        out.push_str(" --profile ");
        out.push_str(profile);
        rest = after;
    }
    out + rest
}

/// The first command that takes a profile: where it begins, and how.
fn first_taker(text: &str) -> Option<(usize, &'static str)> {
    let found = TAKERS.iter().flat_map(|taker| {
        let all = text.match_indices(taker);
        all.map(|(at, _)| (at, *taker))
    });
    found
        .filter(|(at, _)| begins_a_word(text, *at))
        .min_by_key(|(at, _)| *at)
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
            assert_eq!(named(text, "prod"), expected);
        }
    }
}

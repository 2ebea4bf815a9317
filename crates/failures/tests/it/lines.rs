//! The corpora: texts with what they mean.

use forebay_failures::{Class, Verdict, classify};
use serde::Deserialize;

/// One text of a corpus.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Line {
    pub(crate) text: String,
    /// In the reported lines one of the coarser classes.
    #[serde(default)]
    pub(crate) class: String,
    #[serde(default)]
    pub(crate) subclass: String,
    #[serde(default)]
    pub(crate) accept: Vec<String>,
    pub(crate) registry: Option<String>,
    pub(crate) identity: Option<String>,
    #[serde(default)]
    pub(crate) truncated: bool,
}

pub(crate) fn read(corpus: &str) -> Vec<Line> {
    let lines = corpus.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect()
}

/// Lines that people reported, with where they did.
pub(crate) fn reported() -> Vec<Line> {
    read(include_str!("corpus/reported.jsonl"))
}

/// Texts that were labelled before anybody had seen what the rules say of them; "nothing" is a class here.
pub(crate) fn heldout() -> Vec<Line> {
    read(include_str!("corpus/heldout.jsonl"))
}

/// Texts of all classes by somebody else who had not seen the rules, in the same form; `why` says what else may be answered.
pub(crate) fn unseen() -> Vec<Line> {
    read(include_str!("corpus/unseen.jsonl"))
}

/// Texts of something else, or of success.
pub(crate) fn none() -> Vec<Line> {
    read(include_str!("corpus/none.jsonl"))
}

/// Lines in the wordings of many clients.
pub(crate) fn written() -> Vec<Line> {
    const FILES: [&str; 16] = [
        include_str!("corpus/written/pull-limit.jsonl"),
        include_str!("corpus/written/abuse-limit.jsonl"),
        include_str!("corpus/written/login-lockout.jsonl"),
        include_str!("corpus/written/hub-api-limit.jsonl"),
        include_str!("corpus/written/other-registry-limit.jsonl"),
        include_str!("corpus/written/auth.jsonl"),
        include_str!("corpus/written/not-found.jsonl"),
        include_str!("corpus/written/dns.jsonl"),
        include_str!("corpus/written/tls.jsonl"),
        include_str!("corpus/written/timeout.jsonl"),
        include_str!("corpus/written/network.jsonl"),
        include_str!("corpus/written/no-space.jsonl"),
        include_str!("corpus/written/kubelet-throttle.jsonl"),
        include_str!("corpus/written/start-failure.jsonl"),
        include_str!("corpus/written/symptom-only.jsonl"),
        include_str!("corpus/written/other.jsonl"),
    ];
    FILES.into_iter().flat_map(read).collect()
}

pub(crate) fn class_of(text: &str) -> Option<Class> {
    classify(text).map(|verdict| verdict.class)
}

/// What is wrong with a verdict's registry or identity, as a line says them.
pub(crate) fn differences(line: &Line, verdict: &Verdict) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Some(expected) = &line.registry {
        let told = verdict.registry.as_deref().unwrap_or("-");
        let is_of_family =
            told.ends_with(expected) || (expected == "ecr" && told.contains(".ecr."));
        if !is_of_family {
            wrong.push(format!("registry {told}, not {expected}"));
        }
    }
    if let Some(expected) = &line.identity {
        let told = verdict
            .identity
            .as_ref()
            .map_or("-".to_owned(), ToString::to_string);
        if !told.starts_with(expected.as_str()) {
            wrong.push(format!("identity {told}, not {expected}"));
        }
    }
    wrong
}

//! A lifecycle policy as it is written.

use serde::Deserialize;

/// A policy.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyText {
    pub(super) rules: Vec<RuleText>,
}

/// A rule.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RuleText {
    pub(super) rule_priority: u32,
    /// For people; not looked at.
    #[serde(default, rename = "description")]
    _description: Option<String>,
    pub(super) selection: SelectionText,
    pub(super) action: ActionText,
}

/// Which images a rule is about.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SelectionText {
    pub(super) tag_status: String,
    #[serde(default)]
    pub(super) tag_pattern_list: Option<Vec<String>>,
    #[serde(default)]
    pub(super) tag_prefix_list: Option<Vec<String>>,
    #[serde(default)]
    pub(super) storage_class: Option<String>,
    pub(super) count_type: String,
    pub(super) count_number: u64,
    #[serde(default)]
    pub(super) count_unit: Option<String>,
}

/// What becomes of them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ActionText {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) target_storage_class: Option<String>,
}

/// What `aws ecr get-lifecycle-policy` prints: the policy as a text within.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnswerText {
    lifecycle_policy_text: String,
}

/// Reads a policy, or an answer that has one in it.
pub(super) fn read(text: &str) -> Result<PolicyText, serde_json::Error> {
    match serde_json::from_str::<AnswerText>(text) {
        Ok(answer) => serde_json::from_str(&answer.lifecycle_policy_text),
        Err(_) => serde_json::from_str(text),
    }
}

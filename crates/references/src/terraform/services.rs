//! How many tasks a file's ECS services run of each task definition, and between which bounds they are scaled.
//!
//! Source: the AWS provider's reference, `aws_ecs_service` and `aws_appautoscaling_target`, whose `resource_id` is
//! `service/CLUSTER/SERVICE`.

use std::collections::{HashMap, HashSet};

use hcl_edit::expr::TraversalOperator;
use hcl_edit::structure::{Block, BlockLabel, Body};

use super::Reading;
use super::evaluate::span_of;
use crate::scaled::{Running, Scaled};

/// What an expression names a task definition by.
const DEFINITION: &str = "aws_ecs_task_definition";
/// What an expression names a service by.
const SERVICE: &str = "aws_ecs_service.";

impl<'a> Reading<'a> {
    /// The tasks that the file's services run of each task definition, by its label.
    pub(super) fn desired_counts(&self, body: &'a Body) -> HashMap<String, Running> {
        let scalers = self.scalers(body);
        let mut counts: HashMap<String, Running> = HashMap::new();
        let mut unknown = HashSet::new();
        for service in resources(body, "aws_ecs_service") {
            let Some(label) = definition_of(&service.body) else {
                continue;
            };
            let scaled = self.scaler_of(service, &scalers);
            let count = self.number(&service.body, "desired_count");
            let copies = self.evaluator.copies(&service.body);
            let copies = copies.unwrap_or(Scaled::exactly(1));
            if count.is_some() || scaled.is_some() || copies == Scaled::exactly(0) {
                let more = Running::of(count, scaled).times(copies);
                let running = counts.entry(label).or_default();
                *running = running.plus(more);
            } else {
                unknown.insert(label);
            }
        }
        // Beside what is known runs what is not; alone that is left open, for `--replicas` to say.
        for (label, running) in &mut counts {
            if unknown.contains(label) {
                *running = running.plus(Running::of(None, Some(Scaled::UNKNOWN)));
            }
        }
        counts
    }

    /// Between which bounds something is scaled, by its `resource_id` as that is written.
    fn scalers(&self, body: &'a Body) -> Vec<(&'a str, Scaled)> {
        let targets = resources(body, "aws_appautoscaling_target");
        let scalers = targets.filter_map(|target| {
            let id = &target.body.get_attribute("resource_id")?.value;
            let written = self.sink.text.get(span_of(id, Some(self.base))?)?;
            let bound = |key| self.number(&target.body, key);
            let scaled = Scaled::between(bound("min_capacity"), bound("max_capacity"));
            Some((written, scaled))
        });
        scalers.collect()
    }

    /// The one that names a service: by a reference to it, or by its own name at the end.
    fn scaler_of(&self, service: &'a Block, scalers: &[(&str, Scaled)]) -> Option<Scaled> {
        let label = service.labels.last().map(BlockLabel::as_str)?;
        let name = self.literal(&service.body, "name");
        let is_word = |c: char| c.is_alphanumeric() || "_-".contains(c);
        let is_of = |written: &str| {
            let mut references = written.split(SERVICE).skip(1);
            let end = written.trim_matches('"').rsplit('/').next();
            references.any(|rest| rest.split(|c| !is_word(c)).next() == Some(label))
                || name.is_some() && end == name.as_deref()
        };
        let mut found = scalers.iter().filter(|(written, _)| is_of(written));
        found.next().map(|(_, scaled)| *scaled)
    }

    fn number(&self, body: &'a Body, key: &str) -> Option<u32> {
        self.literal(body, key)?.parse().ok()
    }
}

/// The label of the task definition that a service runs, whichever of several it is: `definition.label[each.key].arn`.
fn definition_of(service: &Body) -> Option<String> {
    let definition = &service.get_attribute("task_definition")?.value;
    let traversal = definition.as_traversal()?;
    let kind = traversal.expr.as_variable()?;
    let TraversalOperator::GetAttr(label) = &**traversal.operators.first()? else {
        return None;
    };
    (kind.as_str() == DEFINITION).then(|| label.as_str().to_owned())
}

fn resources<'a>(body: &'a Body, kind: &'static str) -> impl Iterator<Item = &'a Block> {
    body.blocks()
        .filter(move |block| block.labels.first().map(BlockLabel::as_str) == Some(kind))
}

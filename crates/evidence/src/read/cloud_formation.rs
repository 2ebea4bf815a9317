//! Stacks of `CloudFormation` and their events.
//!
//! A stack tells of tasks that never start only by waiting.

use forebay_logs::{member, parse_json};
use serde_json::Value;

use crate::Context;
use crate::event::{Event, Format, Owner, OwnerKind, Place, What};

/// The service that an event is about, and its cluster, by its ARN: `arn:aws:ecs:us-east-1:123456789012:service/prod/shop-web-x`.
fn service_at(physical: &str) -> Option<Place> {
    let (_, path) = physical.split_once(":service/")?;
    // Those of services that were made long ago have no cluster.
    let (cluster, name) = path.split_once('/')?;
    Some(Place {
        owner: Some(Owner::new(OwnerKind::EcsService, name)),
        cluster: Some(cluster.to_owned()),
        ..Place::default()
    })
}

/// An event of a stack, or a stack itself.
pub(crate) fn read(item: &Value, context: &Context) -> Option<Event> {
    let status = member(item, "ResourceStatus").or_else(|| member(item, "StackStatus"))?;
    let kind = member(item, "ResourceType").unwrap_or("AWS::CloudFormation::Stack");
    let what = if status.ends_with("_FAILED") || status.contains("ROLLBACK") {
        What::GaveUp
    } else if status.ends_with("_IN_PROGRESS")
        && matches!(kind, "AWS::ECS::Service" | "AWS::CloudFormation::Stack")
    {
        What::Waits
    } else {
        return None;
    };
    let moment = |key: &str| item.get(key).and_then(|value| parse_json(value, context));
    let service = member(item, "PhysicalResourceId").and_then(service_at);
    let place = service.unwrap_or_else(|| Place {
        task: member(item, "LogicalResourceId").map(str::to_owned),
        cluster: member(item, "StackName").map(str::to_owned),
        ..Place::default()
    });
    let reason = member(item, "ResourceStatusReason").or_else(|| member(item, "StackStatusReason"));
    let message = format!("{kind} {status} {}", reason.unwrap_or(""));
    let at = moment("Timestamp")
        .or_else(|| moment("LastUpdatedTime"))
        .or_else(|| moment("CreationTime"));
    Some(
        Event::new(what, Format::CloudFormation)
            .at(at)
            .within(place)
            .saying(message.trim_end()),
    )
}

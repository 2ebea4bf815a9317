//! AWS' view: stopped tasks, services with their events, and the stack that waits.

use serde_json::{Value, json};

use super::{Actor, Say, World, iso, letters};

const HEX: &str = "0123456789abcdef";

fn task(actor: &Actor, run: usize, at: i64, end: &Say) -> Value {
    let id = letters(&format!("{}{run}", actor.name), 32, HEX);
    let mut container = json!({"name": "app", "image": actor.image, "lastStatus": "STOPPED"});
    let reason = match end {
        Say::Failed(why) => {
            let reason = format!(
                "CannotPullContainerError: pull image manifest has been retried 7 time(s): failed to resolve ref {}: {why}",
                actor.image
            );
            container["reason"] = json!(reason);
            reason
        }
        Say::Died(137, _) => {
            container["exitCode"] = json!(137);
            container["reason"] = json!("OutOfMemoryError: Container killed due to memory usage");
            "Essential container in task exited".to_owned()
        }
        Say::Died(code, _) => {
            container["exitCode"] = json!(code);
            "Essential container in task exited".to_owned()
        }
        _ => "Task failed ELB health checks in (target-group x)".to_owned(),
    };
    json!({
        "taskArn": format!("arn:aws:ecs:us-east-1:730335557645:task/prod/{id}"),
        "clusterArn": "arn:aws:ecs:us-east-1:730335557645:cluster/prod",
        "taskDefinitionArn": format!("arn:aws:ecs:us-east-1:730335557645:task-definition/{}:77", actor.name),
        "group": format!("service:{}", actor.name), "launchType": "FARGATE", "lastStatus": "STOPPED", "stopCode": "TaskFailedToStart",
        "createdAt": iso(at - 30), "pullStartedAt": iso(at - 20), "stoppedAt": iso(at), "stoppedReason": reason, "containers": [container],
    })
}

/// `aws ecs describe-tasks` of the stopped tasks.
pub(crate) fn describe_tasks(world: &World) -> String {
    let ends = world
        .in_order()
        .into_iter()
        .filter(|(tick, _)| matches!(tick.say, Say::Failed(_) | Say::Died(..)));
    let tasks: Vec<Value> = ends
        .map(|(tick, actor)| task(actor, tick.run, tick.at, &tick.say))
        .collect();
    serde_json::to_string_pretty(&json!({"tasks": tasks, "failures": []})).unwrap()
}

/// `aws ecs describe-services`.
pub(crate) fn describe_services(world: &World) -> String {
    let services: Vec<Value> = world
        .actors
        .iter()
        .enumerate()
        .map(|(at, actor)| {
            let begun = world.in_order().into_iter().filter(|(tick, _)| tick.actor == at && tick.say == Say::Pulling);
            let events: Vec<Value> = begun
                .map(|(tick, actor)| json!({"id": "1", "createdAt": iso(tick.at), "message": format!("(service {}) has started 1 tasks: (task 0f).", actor.name)}))
                .collect();
            json!({
                "serviceArn": format!("arn:aws:ecs:us-east-1:730335557645:service/prod/{}", actor.name), "serviceName": actor.name,
                "clusterArn": "arn:aws:ecs:us-east-1:730335557645:cluster/prod", "desiredCount": 2, "runningCount": 0,
                "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": false, "rollback": false}},
                "deployments": [{"rolloutState": "IN_PROGRESS", "rolloutStateReason": "ECS deployment ecs-svc/1 in progress.", "updatedAt": iso(60)}],
                "events": events,
            })
        })
        .collect();
    json!({"services": services, "failures": []}).to_string()
}

/// `aws ecs describe-task-definition` without credentials for the registry.
pub(crate) fn task_definition(actor: &Actor) -> String {
    json!({"taskDefinition": {"family": actor.name, "containerDefinitions": [{"name": "app", "image": actor.image, "essential": true}]}}).to_string()
}

/// `aws cloudformation describe-stack-events` of a stack that waits for its service.
pub(crate) fn stack_events() -> String {
    let event = |id: &str, kind: &str, status: &str, at: i64| {
        json!({
            "StackId": "arn:aws:cloudformation:us-east-1:730335557645:stack/CourtCaseStack/1", "EventId": id, "StackName": "CourtCaseStack",
            "LogicalResourceId": id, "PhysicalResourceId": "", "ResourceType": kind, "ResourceStatus": status, "Timestamp": iso(at),
        })
    };
    let events = [
        event(
            "BackendService",
            "AWS::ECS::Service",
            "CREATE_IN_PROGRESS",
            120,
        ),
        event("Cluster", "AWS::ECS::Cluster", "CREATE_COMPLETE", 60),
        event(
            "CourtCaseStack",
            "AWS::CloudFormation::Stack",
            "CREATE_IN_PROGRESS",
            0,
        ),
    ];
    serde_json::to_string_pretty(&json!({"StackEvents": events})).unwrap()
}

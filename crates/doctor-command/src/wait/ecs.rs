//! Whether services and tasks of ECS run and their stack has completed, by what `aws` says of them.
//!
//! Pure. A rollout that ECS calls completed has passed its load balancer's health checks; a task's own show in its health.

use serde_json::Value;

use super::standing::Standing;

/// The longest reason of a rollout that is told, in bytes.
const MAX_WHY_BYTES: usize = 1024;

/// Whose services and tasks are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// All of a cluster's.
    Cluster,
    /// The same, and a stack, of which no service is known.
    ClusterAndStack,
    /// A stack's alone: other stacks are others' concern.
    Stack,
}

/// How all of the answers stand together.
pub(super) fn judge(answers: &[Value], scope: Scope) -> Standing {
    let each = |key: &str| list(answers, key);
    let stacks = each("Stacks");
    let services = each("services");
    let mut tasks = each("tasks");
    tasks.retain(|task| !has_ended(task));
    if scope == Scope::Stack {
        tasks.retain(|task| services.iter().any(|service| is_of(task, service)));
    }
    let mut all: Vec<Standing> = Vec::new();
    all.extend(stacks.iter().map(|stack| judge_stack(stack)));
    if scope != Scope::Cluster && stacks.is_empty() {
        all.push(Standing::Waits("there is no such stack yet".to_owned()));
    }
    all.extend(services.iter().map(|service| judge_service(service)));
    all.extend(tasks.iter().filter_map(|task| judge_task(task)));
    let running: u64 = services
        .iter()
        .map(|service| number(service, "runningCount"))
        .sum();
    if services.is_empty() && tasks.is_empty() || !services.is_empty() && running == 0 {
        all.push(Standing::Waits("no task runs".to_owned()));
    } else if services.is_empty() {
        all.push(Standing::Runs(format!("tasks: {}", tasks.len())));
    }
    Standing::of_all(all)
}

fn has_ended(task: &Value) -> bool {
    text(task, "desiredStatus") == "STOPPED" || text(task, "lastStatus") == "STOPPED"
}

/// Whether a service has started a task: it names its group after itself (API reference, `Task`).
fn is_of(task: &Value, service: &Value) -> bool {
    let name = text(task, "group").strip_prefix("service:");
    name == Some(text(service, "serviceName"))
}

fn judge_stack(stack: &Value) -> Standing {
    let (name, status) = (text(stack, "StackName"), text(stack, "StackStatus"));
    let told = format!("stack {name} is {status}");
    let is_bad =
        status.ends_with("_FAILED") || status.contains("ROLLBACK") || status.starts_with("DELETE_");
    if is_bad {
        return Standing::Failed(told);
    }
    if status.ends_with("_COMPLETE") {
        Standing::Runs(told)
    } else {
        Standing::Waits(told)
    }
}

fn judge_service(service: &Value) -> Standing {
    let name = format!("service {}", text(service, "serviceName"));
    let (desired, running) = (
        number(service, "desiredCount"),
        number(service, "runningCount"),
    );
    let rollouts = service.get("deployments").and_then(Value::as_array);
    let primary = rollouts
        .into_iter()
        .flatten()
        .find(|rollout| text(rollout, "status") == "PRIMARY");
    let state = primary.map_or("", |rollout| text(rollout, "rolloutState"));
    match state {
        "FAILED" => {
            let why = primary.map_or("", |rollout| text(rollout, "rolloutStateReason"));
            let why = forebay_limits::shown(why, MAX_WHY_BYTES);
            Standing::Failed(format!("{name}: its rollout failed: {why}"))
        }
        _ if running < desired => Standing::Waits(format!("{name}: {running} of {desired} run")),
        "IN_PROGRESS" => Standing::Waits(format!("{name}: its rollout is in progress")),
        _ => Standing::Runs(format!("{name}: {running} of {desired} run")),
    }
}

/// How a task that should run stands; `None` if there is nothing to say against it.
fn judge_task(task: &Value) -> Option<Standing> {
    let name = text(task, "taskArn").rsplit('/').next().unwrap_or_default();
    let status = text(task, "lastStatus");
    if status != "RUNNING" {
        return Some(Standing::Waits(format!("task {name} is {status}")));
    }
    let is_sick = text(task, "healthStatus") == "UNHEALTHY";
    is_sick.then(|| Standing::Waits(format!("task {name} is UNHEALTHY")))
}

fn list<'a>(answers: &'a [Value], key: &str) -> Vec<&'a Value> {
    let lists = answers
        .iter()
        .filter_map(|answer| answer.get(key)?.as_array());
    lists.flatten().collect()
}

fn text<'a>(item: &'a Value, key: &str) -> &'a str {
    item.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn number(item: &Value, key: &str) -> u64 {
    item.get(key).and_then(Value::as_u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tools::read_answer;

    fn service(desired: u64, running: u64, rollout: &str) -> Value {
        json!({ "services": [{
            "serviceName": "backend", "desiredCount": desired, "runningCount": running,
            "deployments": [{ "status": "PRIMARY", "rolloutState": rollout, "rolloutStateReason": "it breaks" }],
        }] })
    }

    fn stack(status: &str) -> Value {
        json!({ "Stacks": [{ "StackName": "shop", "StackStatus": status }] })
    }

    fn task(status: &str, health: &str) -> Value {
        json!({ "tasks": [{ "taskArn": "arn:aws:ecs:r:1:task/c/42", "desiredStatus": "RUNNING",
            "lastStatus": status, "healthStatus": health }] })
    }

    fn stands(answers: &[Value]) -> String {
        stands_in(Scope::Cluster, answers)
    }

    fn stands_in(scope: Scope, answers: &[Value]) -> String {
        let read = |answer: &Value| read_answer(answer.to_string().as_bytes()).unwrap();
        let answers: Vec<Value> = answers.iter().map(read).collect();
        match judge(&answers, scope) {
            Standing::Runs(what) => format!("runs: {what}"),
            Standing::Waits(why) => format!("waits: {why}"),
            Standing::Failed(why) => format!("failed: {why}"),
        }
    }

    #[test]
    fn it_runs_only_when_tasks_run_healthily_and_the_stack_is_complete() {
        let good = || service(2, 2, "COMPLETED");
        let table = [
            (vec![], "waits: no task runs"),
            (vec![good()], "runs: service backend: 2 of 2 run"),
            (
                vec![stack("CREATE_COMPLETE"), good()],
                "runs: stack shop is CREATE_COMPLETE, service backend: 2 of 2 run",
            ),
            (
                vec![stack("CREATE_IN_PROGRESS"), good()],
                "waits: stack shop is CREATE_IN_PROGRESS",
            ),
            (
                vec![stack("ROLLBACK_IN_PROGRESS"), service(2, 0, "IN_PROGRESS")],
                "failed: stack shop is ROLLBACK_IN_PROGRESS",
            ),
            (
                vec![service(2, 1, "IN_PROGRESS")],
                "waits: service backend: 1 of 2 run",
            ),
            (
                vec![service(2, 2, "IN_PROGRESS")],
                "waits: service backend: its rollout is in progress",
            ),
            (
                vec![service(2, 0, "FAILED")],
                "failed: service backend: its rollout failed: it breaks",
            ),
            (vec![service(0, 0, "COMPLETED")], "waits: no task runs"),
            (
                vec![good(), task("RUNNING", "UNHEALTHY")],
                "waits: task 42 is UNHEALTHY",
            ),
            (vec![task("RUNNING", "UNKNOWN")], "runs: tasks: 1"),
            (
                vec![task("PENDING", "UNKNOWN")],
                "waits: task 42 is PENDING",
            ),
        ];
        for (answers, expected) in table {
            assert_eq!(stands(&answers), expected);
        }
    }

    #[test]
    fn of_a_stack_its_own_services_tasks_are_judged_and_no_others() {
        let of = |service: &str| {
            let mut task = task("RUNNING", "UNHEALTHY");
            task["tasks"][0]["group"] = format!("service:{service}").into();
            task
        };
        let stands = |scope, of| {
            let all = [stack("CREATE_COMPLETE"), service(2, 2, "COMPLETED"), of];
            stands_in(scope, &all)
        };
        let runs = "runs: stack shop is CREATE_COMPLETE, service backend: 2 of 2 run";
        let waits = "waits: task 42 is UNHEALTHY";
        assert_eq!(stands(Scope::Stack, of("another")), runs);
        assert_eq!(stands(Scope::Stack, of("backend")), waits);
        assert_eq!(stands(Scope::ClusterAndStack, of("another")), waits);
    }
}

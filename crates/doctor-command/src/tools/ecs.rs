//! `--ecs`: what the `aws` command tells of a cluster's tasks and services, and of a stack.
//!
//! Credentials are the `aws` command's own affair: they come from where it finds them; so does the region, unless it is named.

use serde_json::Value;

use super::program::{Call, Tools, Trouble};

/// The most services that are described: in a hundred calls, which take a minute or two of the five that `aws` has.
const MAX_SERVICES: usize = 1_000;

/// The most tasks, of each status, that are described.
const MAX_TASKS: usize = 500;

/// The most events of a stack that are read; the newest come first.
const MAX_STACK_EVENTS: usize = 500;

/// How many services one call describes (API reference, `DescribeServices`).
const SERVICES_A_CALL: usize = 10;

/// How many tasks one call describes (API reference, `DescribeTasks`).
const TASKS_A_CALL: usize = 100;

/// How many names one page of a list holds at most (API reference, `ListServices`); `aws` turns pages itself, of ten without it.
const NAMES_A_PAGE: usize = 100;

/// The most bytes that are read of a list of names, of at most [`MAX_SERVICES`].
const MAX_LIST_BYTES: u64 = 1 << 20;

/// The most bytes that are read of a stack's resources, of which there are at most 500 (`CloudFormation` quotas).
const MAX_RESOURCES_BYTES: u64 = 2 << 20;

/// What stands before the arguments: answers in JSON, and no wait without an end.
const ALWAYS: [&str; 3] = [
    "--output=json",
    "--cli-connect-timeout=10",
    "--cli-read-timeout=30",
];

/// A cluster, and perhaps the stack that its services belong to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deployment {
    pub(crate) cluster: String,
    pub(crate) stack: Option<String>,
    /// Without it, as `aws` is set up.
    pub(crate) region: Option<String>,
    /// Without it, the default one.
    pub(crate) profile: Option<String>,
}

/// Who hears what is answered, as it comes.
pub(crate) trait Ear {
    /// A call is made.
    fn begin(&mut self, call: &Call);
    /// A part of its answer.
    fn hear(&mut self, part: &[u8]);
    /// A bound has left something out.
    fn left_out(&mut self, told: String);
    /// How it ended; one that only tells what to ask next is told if it failed.
    fn end_of(&mut self, call: &Call, ended: Result<(), Trouble>);
}

impl Deployment {
    /// Asks all of it; what is refused is a trouble, and the rest is asked on.
    pub(crate) async fn ask(&self, tools: &impl Tools, ear: &mut impl Ear) {
        let mut asking = Asking { tools, ear };
        if let Some(stack) = &self.stack {
            asking.tell(self.of_stack("describe-stacks", stack)).await;
            let events = self.of_stack("describe-stack-events", stack);
            asking.tell(up_to(events, MAX_STACK_EVENTS)).await;
        }
        self.ask_services(&mut asking).await;
        for status in ["RUNNING", "STOPPED"] {
            self.ask_tasks(&mut asking, status).await;
        }
    }

    /// Asks how it stands: not what a stack has been through, nor for tasks that have ended. Whether the services are the stack's.
    pub(crate) async fn ask_standing(&self, tools: &impl Tools, ear: &mut impl Ear) -> bool {
        let mut asking = Asking { tools, ear };
        if let Some(stack) = &self.stack {
            asking.tell(self.of_stack("describe-stacks", stack)).await;
        }
        let are_of_stack = self.ask_services(&mut asking).await;
        self.ask_tasks(&mut asking, "RUNNING").await;
        are_of_stack
    }

    /// Those of the stack, as far as it tells of any, or else those of the cluster.
    async fn ask_services<T: Tools, E: Ear>(&self, asking: &mut Asking<'_, T, E>) -> bool {
        let mut services = Vec::new();
        if let Some(stack) = &self.stack {
            let resources = self.of_stack("list-stack-resources", stack);
            let resources = asking.ask(resources.at_most(MAX_RESOURCES_BYTES)).await;
            services = resources.as_ref().map(services_of).unwrap_or_default();
        }
        let are_of_stack = !services.is_empty();
        if !are_of_stack {
            let list = up_to(self.of_cluster("list-services"), MAX_SERVICES);
            let list = list.with([format!("--page-size={NAMES_A_PAGE}")]);
            services = asking.list(list, ("serviceArns", MAX_SERVICES)).await;
        }
        if services.len() > MAX_SERVICES {
            asking.tell_cut("serviceArns", MAX_SERVICES);
        }
        for some in at_most(&services, MAX_SERVICES).chunks(SERVICES_A_CALL) {
            let call = self.of_cluster("describe-services").with(["--services"]);
            asking.tell(call.with(some.iter().cloned())).await;
        }
        are_of_stack
    }

    async fn ask_tasks<T: Tools, E: Ear>(&self, asking: &mut Asking<'_, T, E>, status: &str) {
        let list = self.of_cluster("list-tasks");
        let list = list.with([format!("--desired-status={status}")]);
        let list = up_to(list, MAX_TASKS);
        let tasks = asking.list(list, ("taskArns", MAX_TASKS)).await;
        for some in at_most(&tasks, MAX_TASKS).chunks(TASKS_A_CALL) {
            let call = self.of_cluster("describe-tasks").with(["--tasks"]);
            asking.tell(call.with(some.iter().cloned())).await;
        }
    }

    fn of_stack(&self, act: &str, stack: &str) -> Call {
        self.aws("cloudformation", act)
            .with([format!("--stack-name={stack}")])
    }

    fn of_cluster(&self, act: &str) -> Call {
        self.aws("ecs", act)
            .with([format!("--cluster={}", self.cluster)])
    }

    /// Much can be denied: what the reader makes of the rest says whether that tells anything.
    fn aws(&self, service: &str, act: &str) -> Call {
        let region = self.region.iter().map(|name| format!("--region={name}"));
        let profile = self.profile.iter().map(|name| format!("--profile={name}"));
        Call::new("aws", &[service, act])
            .with(ALWAYS)
            .with(region)
            .with(profile)
            .beside()
    }
}

struct Asking<'a, T, E> {
    tools: &'a T,
    ear: &'a mut E,
}

impl<T: Tools, E: Ear> Asking<'_, T, E> {
    /// Has the answer heard.
    async fn tell(&mut self, call: Call) {
        self.ear.begin(&call);
        let ear = &mut *self.ear;
        let ended = self.tools.run(&call, &mut |part| ear.hear(part)).await;
        self.ear.end_of(&call, ended);
    }

    /// Answers what to ask next.
    async fn ask(&mut self, call: Call) -> Option<Value> {
        match self.tools.ask(&call).await {
            Ok(answer) => Some(answer),
            Err(trouble) => {
                self.ear.end_of(&call, Err(trouble));
                None
            }
        }
    }

    /// Tells that a list is longer than what is looked at.
    fn tell_cut(&mut self, key: &str, most: usize) {
        let what = key.trim_end_matches("Arns");
        self.ear.left_out(format!(
            "aws lists more {what}s than the {most} that are looked at: --stack looks at one stack's services, and forebay doctor reads what aws ecs describe-services and describe-tasks print of the others"
        ));
    }

    /// The names that a list holds; that it goes on is told.
    async fn list(&mut self, call: Call, (key, most): (&str, usize)) -> Vec<String> {
        let Some(answer) = self.ask(call.at_most(MAX_LIST_BYTES)).await else {
            return Vec::new();
        };
        // What `--max-items` leaves out, it names a token for.
        if answer.get("NextToken").is_some_and(Value::is_string) {
            self.tell_cut(key, most);
        }
        let names = answer.get(key).and_then(Value::as_array);
        let names = names.into_iter().flatten().filter_map(Value::as_str);
        names.map(str::to_owned).collect()
    }
}

/// No more items than this, however many pages they come in.
fn up_to(call: Call, items: usize) -> Call {
    call.with([format!("--max-items={items}")])
}

/// The services of ECS among a stack's resources.
fn services_of(resources: &Value) -> Vec<String> {
    let all = resources.get("StackResourceSummaries");
    let all = all.and_then(Value::as_array).into_iter().flatten();
    let is_service =
        |one: &&Value| one.get("ResourceType").and_then(Value::as_str) == Some("AWS::ECS::Service");
    all.filter(is_service)
        .filter_map(|one| one.get("PhysicalResourceId")?.as_str())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

fn at_most(names: &[String], most: usize) -> &[String] {
    &names[..names.len().min(most)]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Answers like `aws`, with more services than it was asked for.
    struct Aws;

    impl Tools for Aws {
        async fn run(&self, call: &Call, take: &mut dyn FnMut(&[u8])) -> Result<(), Trouble> {
            let answer = match call.to_string() {
                call if call.contains("list-services") => {
                    let names: Vec<String> = (0..MAX_SERVICES).map(|at| format!("s{at}")).collect();
                    json!({ "serviceArns": names, "NextToken": "more" })
                }
                call if call.contains("list-tasks") => json!({ "taskArns": ["1"] }),
                _ => json!({}),
            };
            take(answer.to_string().as_bytes());
            Ok(())
        }
    }

    #[derive(Default)]
    struct Heard {
        told: Vec<String>,
        described: Vec<String>,
    }

    impl Ear for Heard {
        fn begin(&mut self, call: &Call) {
            if call.args[1] == "describe-services" {
                let names = call.args.iter().skip_while(|arg| *arg != "--services");
                self.described.extend(names.skip(1).cloned());
            }
        }
        fn hear(&mut self, _: &[u8]) {}
        fn left_out(&mut self, told: String) {
            self.told.push(told);
        }
        fn end_of(&mut self, _: &Call, _: Result<(), Trouble>) {}
    }

    #[tokio::test]
    async fn services_are_described_up_to_a_bound_and_that_a_list_goes_on_is_told() {
        let mut heard = Heard::default();
        Deployment::default().ask(&Aws, &mut heard).await;
        assert_eq!(heard.described.len(), MAX_SERVICES);
        assert_eq!(heard.described[MAX_SERVICES - 1], "s999");
        let told = heard.told.as_slice();
        assert_eq!(told.len(), 1, "{told:?}");
        let begin = "aws lists more services than the 1000 that are looked at: ";
        assert!(told[0].starts_with(begin), "{told:?}");
    }
}

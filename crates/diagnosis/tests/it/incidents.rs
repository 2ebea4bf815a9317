//! Twenty generated incidents: who, why and since when are known, and have to be found in every form.
//!
//! Each is told with several seeds: names, numbers and times differ, the story is the same.

use forebay_diagnosis::{Diagnosis, Egress, Trigger};
use forebay_evidence::Class;

use crate::world::{
    BAD_LOGIN, BAD_MOUNT, Dice, GATHERED, GHCR, HAP, HUB_ACCOUNT, HUB_ANONYMOUS, LOCKOUT, NO_DNS,
    NO_SPACE, START, World, aws, ci, docker, kube,
};

/// Each incident is told so many times.
pub(crate) const SEEDS: u64 = 4;

/// What is known of an incident.
pub(crate) struct Truth {
    pub(crate) sources: Vec<(String, String)>,
    class: Class,
    /// The culprit's name; none if there is none to be found.
    culprit: Option<String>,
    trigger: &'static str,
    /// Since when, in seconds; none if the form does not tell.
    since: Option<i64>,
    victims: usize,
    pub(crate) egress: Egress,
}

const NAMES: [&str; 8] = [
    "web",
    "billing",
    "report",
    "search",
    "mailer",
    "cart",
    "ledger-sync",
    "thumbs",
];
const IMAGES: [&str; 5] = [
    "nginx:1.27",
    "redis:7",
    "library/postgres:16.3",
    "acme/api:2.1.0",
    "docker.io/grafana/grafana:11.0.0",
];

fn told(name: &str, text: String) -> (String, String) {
    (name.to_owned(), text)
}

/// Others that meet a limit a few times each.
fn add_victims(
    world: &mut World,
    dice: &mut Dice,
    kind: &'static str,
    from: i64,
    message: &str,
) -> usize {
    let count = usize::try_from(dice.between(3, 7)).unwrap();
    for at in 0..count {
        let node = format!("node-{}", at % 3);
        let actor = world.actor(
            kind,
            &format!("victim{}", ["a", "b", "c", "d", "e", "f", "g"][at]),
            IMAGES[at % 5],
            &node,
        );
        world.fails(
            actor,
            from + dice.between(5, 300),
            300,
            usize::try_from(dice.between(1, 4)).unwrap(),
            message,
        );
    }
    count
}

fn crash_loop(seed: u64, form: usize) -> Truth {
    let mut dice = Dice::new(seed);
    let mut world = World::default();
    let name = dice.pick(&NAMES);
    let culprit = world.actor("Deployment", name, "acme/worker:latest", "node-1");
    let from = dice.between(300, 1_500);
    world.crash_loop(culprit, from, dice.between(10, 20), (1, "boom"));
    let victims = add_victims(
        &mut world,
        &mut dice,
        "Deployment",
        from + 1_800,
        HUB_ANONYMOUS,
    );
    let sources = match form {
        0 => vec![told("events", kube::events_table(&world))],
        1 => vec![
            told("events.json", kube::events_json(&world)),
            told("pods.json", kube::pods_json(&world)),
        ],
        _ => vec![
            told("kubelet", kube::kubelet_log(&world)),
            told("containerd", kube::containerd_log(&world)),
        ],
    };
    Truth {
        sources,
        class: Class::PullLimit,
        culprit: Some(format!("Deployment {name} in shop")),
        trigger: "crash-loop",
        since: Some(from),
        victims,
        egress: Egress::Unknown,
    }
}

fn wrong_tag(seed: u64, form: usize) -> Truth {
    let mut dice = Dice::new(seed);
    let mut world = World::default();
    let name = dice.pick(&NAMES);
    let from = dice.between(300, 1_500);
    let missing = "docker.io/acme/report:v2.O: not found";
    let culprit = world.actor("CronJob", name, "acme/report:v2.O", "node-2");
    world.fails(culprit, from, 20, 250, missing);
    let victims = add_victims(&mut world, &mut dice, "Deployment", from + 900, HAP);
    let sources = match form {
        0 => vec![told("events.json", kube::events_json(&world))],
        1 => vec![told("wide", kube::events_wide(&world))],
        _ => vec![
            told("describe", kube::describe(&world)),
            told("pods", kube::pods_table(&world)),
        ],
    };
    Truth {
        sources,
        class: Class::AbuseLimit,
        culprit: Some(format!("CronJob {name} in shop")),
        trigger: "wrong-image",
        since: Some(from),
        victims,
        egress: Egress::Unknown,
    }
}

fn many_victims(seed: u64, form: usize) -> Truth {
    let mut dice = Dice::new(seed);
    let mut world = World::default();
    let from = dice.between(600, 1_200);
    for at in 0..dice.between(8, 14) {
        let actor = world.actor(
            "Deployment",
            &format!(
                "app{}",
                ["k", "l", "m", "n", "p", "q"][at as usize % 6].repeat(1 + at as usize / 6)
            ),
            IMAGES[at as usize % 5],
            &format!("node-{}", at % 4),
        );
        world.fails(
            actor,
            from + dice.between(0, 120),
            300,
            usize::try_from(dice.between(2, 4)).unwrap(),
            HUB_ANONYMOUS,
        );
    }
    let victims = world.actors.len();
    let sources = match form {
        0 => vec![told("describe", kube::describe(&world))],
        1 => vec![told("kubelet", kube::kubelet_log(&world))],
        _ => vec![told("tasks.json", aws::describe_tasks(&world))],
    };
    let egress = if form == 2 {
        Egress::Unknown
    } else {
        Egress::Shared
    };
    Truth {
        sources,
        class: Class::PullLimit,
        culprit: None,
        trigger: "many-pullers",
        since: Some(from),
        victims,
        egress,
    }
}

fn ci_matrix(seed: u64, form: usize) -> Truth {
    let mut dice = Dice::new(seed);
    let mut world = World::default();
    let name = dice.pick(&["test", "integration", "unit"]);
    let from = dice.between(300, 900);
    let matrix = world.actor("matrix", name, "node:18-alpine", "runner-1");
    let good = dice.between(40, 60);
    world.pulls(matrix, from, 3, usize::try_from(good).unwrap());
    for run in 0..dice.between(30, 40) {
        let at = from + good * 3 + run;
        world.ticks.push(crate::world::Tick {
            at,
            actor: matrix,
            run: 100 + run as usize,
            say: crate::world::Say::Pulling,
        });
        world.ticks.push(crate::world::Tick {
            at: at + 1,
            actor: matrix,
            run: 100 + run as usize,
            say: crate::world::Say::Failed(HUB_ANONYMOUS.to_owned()),
        });
    }
    for job in ["lint", "docs"] {
        let actor = world.actor("job", job, "alpine:3.20", "runner-2");
        world.fails(actor, from + good * 3 + 5, 30, 1, HUB_ANONYMOUS);
    }
    let sources = if form == 0 {
        vec![told("run", ci::github(&world))]
    } else {
        ci::gitlab(&world)
    };
    Truth {
        sources,
        class: Class::PullLimit,
        culprit: Some(format!("CI job {name}")),
        trigger: "ci-burst",
        since: Some(from),
        victims: 2,
        egress: Egress::Unknown,
    }
}

fn expired_password(seed: u64, form: usize) -> Truth {
    let mut dice = Dice::new(seed);
    let mut world = World::default();
    let name = dice.pick(&NAMES);
    let from = dice.between(300, 1_500);
    let culprit = world.actor("Deployment", name, "acme/private:1.4.2", "node-1");
    world.fails(culprit, from, dice.between(15, 40), 120, BAD_LOGIN);
    let victims = add_victims(&mut world, &mut dice, "Deployment", from + 600, LOCKOUT);
    let sources = match form {
        0 => vec![told("kubelet", kube::kubelet_log(&world))],
        _ => vec![told("events", kube::events_table(&world))],
    };
    Truth {
        sources,
        class: Class::LoginLockout,
        culprit: Some(format!("Deployment {name} in shop")),
        trigger: "wrong-credentials",
        since: Some(from),
        victims,
        egress: Egress::Unknown,
    }
}

fn swarm_mount(seed: u64, form: usize) -> Truth {
    let mut dice = Dice::new(seed);
    let mut world = World::default();
    let from = dice.between(300, 900);
    let every = dice.between(4, 8);
    let image = "acme/tenant:stable";
    for at in 0..dice.between(6, 30) {
        let actor = world.actor("service", &format!("tenant-{at}"), image, "swarm-1");
        // The first is the most eager.
        world.die_unpulled(actor, from + at, every + at.min(1) * 2, (0, BAD_MOUNT));
    }
    let victims = add_victims(&mut world, &mut dice, "service", from + 1_200, HAP);
    let ls = told("services", docker::service_ls(&world));
    let since = if form == 2 { None } else { Some(from) };
    let sources = match form {
        0 => vec![ls, told("/var/log/messages", docker::messages(&world))],
        1 => vec![
            told("journal.json", docker::journal_json(&world)),
            told("inspect.json", docker::service_inspect(&world)),
        ],
        _ => vec![
            told("ps", docker::service_ps(&world, true)),
            told("messages", docker::messages(&world)),
            told("events", docker::events_json(&world)),
            ls,
        ],
    };
    Truth {
        sources,
        class: Class::AbuseLimit,
        culprit: Some("Swarm service tenant-0".to_owned()),
        trigger: "crash-loop",
        since,
        victims,
        egress: Egress::Unknown,
    }
}

fn ecs_anonymous(seed: u64, form: usize) -> Truth {
    let mut dice = Dice::new(seed);
    let mut world = World::default();
    let name = dice.pick(&NAMES);
    let from = dice.between(60, 600);
    let service = world.actor(
        "service",
        name,
        "iseepatterns/court-case-backend:latest",
        "fargate",
    );
    world.fails(
        service,
        from,
        120,
        usize::try_from(dice.between(12, 30)).unwrap(),
        HUB_ANONYMOUS,
    );
    let tasks = told("tasks.json", aws::describe_tasks(&world));
    let sources = match form {
        0 => vec![tasks, told("stack.json", aws::stack_events())],
        _ => vec![
            tasks,
            told("services.json", aws::describe_services(&world)),
            told(
                "definition.json",
                aws::task_definition(&world.actors[service]),
            ),
        ],
    };
    Truth {
        sources,
        class: Class::PullLimit,
        culprit: Some(format!("ECS service {name}")),
        trigger: "no-credentials",
        since: Some(from),
        victims: 0,
        egress: Egress::Unknown,
    }
}

fn ecs_crash(seed: u64) -> Truth {
    let mut dice = Dice::new(seed);
    let mut world = World::default();
    let name = dice.pick(&NAMES);
    let from = dice.between(60, 600);
    let service = world.actor("service", name, "acme/api:latest", "fargate");
    world.die_unpulled(service, from, dice.between(40, 70), (137, "oom"));
    let other = world.actor("service", "other", "redis:7", "fargate");
    world.fails(other, from + 3_000, 200, 4, HUB_ACCOUNT);
    let sources = vec![told("tasks.json", aws::describe_tasks(&world))];
    Truth {
        sources,
        class: Class::PullLimit,
        culprit: Some(format!("ECS service {name}")),
        trigger: "crash-loop",
        since: Some(from),
        victims: 1,
        egress: Egress::Unknown,
    }
}

fn one_node(seed: u64) -> Truth {
    let mut dice = Dice::new(seed);
    let mut world = World::default();
    let name = dice.pick(&NAMES);
    let from = dice.between(300, 900);
    let busy = world.actor("DaemonSet", name, "acme/agent:edge", "node-3");
    world.pulls(busy, from, 10, 100);
    world.fails(busy, from + 1_000, 12, 200, HUB_ANONYMOUS);
    let unlucky = world.actor("StatefulSet", "queue", "rabbitmq:3.13.1", "node-3");
    world.fails(unlucky, from + 1_300, 300, 3, HUB_ANONYMOUS);
    for node in ["node-1", "node-2"] {
        let fine = world.actor(
            "Deployment",
            &format!("fine{}", &node[5..].replace(['1', '2'], "x")),
            "nginx:1.27",
            node,
        );
        world.pulls(fine, from + 1_500, 600, 4);
    }
    let sources = vec![told("events.json", kube::events_json(&world))];
    Truth {
        sources,
        class: Class::PullLimit,
        culprit: Some(format!("workload {name} in shop")),
        trigger: "no-credentials",
        since: Some(from),
        victims: 1,
        egress: Egress::PerNode,
    }
}

fn ghcr(seed: u64) -> Truth {
    let mut dice = Dice::new(seed);
    let mut world = World::default();
    let from = dice.between(300, 900);
    for (at, name) in NAMES.iter().enumerate() {
        let actor = world.actor(
            "Deployment",
            name,
            "ghcr.io/acme/app:1.2.3",
            &format!("node-{at}"),
        );
        world.fails(actor, from + dice.between(0, 20), 20, 3, GHCR);
    }
    let sources = vec![told("events", kube::events_table(&world))];
    Truth {
        sources,
        class: Class::OtherRegistryLimit,
        culprit: None,
        trigger: "many-pullers",
        since: Some(from),
        victims: NAMES.len(),
        egress: Egress::Unknown,
    }
}

fn dns(seed: u64, form: usize) -> Truth {
    let mut dice = Dice::new(seed);
    let mut world = World::default();
    let from = dice.between(1_200, 2_400);
    for (at, name) in NAMES.iter().enumerate() {
        let actor = world.actor(
            "Deployment",
            name,
            IMAGES[at % 5],
            &format!("node-{}", at % 3),
        );
        world.fails(actor, from + dice.between(0, 30), 200, 10, NO_DNS);
    }
    // One was really limited, before, and misleads.
    let misled = world.actor("Deployment", "old", "nginx:1.25", "node-1");
    world.fails(misled, dice.between(10, 200), 60, 2, HUB_ANONYMOUS);
    let sources = match form {
        0 => vec![
            told("events.json", kube::events_json(&world)),
            told("pods", kube::pods_table(&world)),
        ],
        _ => vec![told("journal", docker::host_journal(&world))],
    };
    let victims = if form == 0 { NAMES.len() } else { 5 };
    Truth {
        sources,
        class: Class::Dns,
        culprit: None,
        trigger: "",
        since: Some(from),
        victims,
        egress: Egress::Unknown,
    }
}

fn disk_full(seed: u64) -> Truth {
    let mut dice = Dice::new(seed);
    let mut world = World::default();
    let from = dice.between(1_200, 2_400);
    for name in &NAMES[..5] {
        let actor = world.actor("Deployment", name, "acme/big:1.0.0", "node-2");
        world.fails(actor, from + dice.between(0, 30), 120, 8, NO_SPACE);
    }
    let fine = world.actor("Deployment", "fine", "nginx:1.27", "node-1");
    world.pulls(fine, from, 600, 5);
    let sources = vec![told("events.json", kube::events_json(&world))];
    Truth {
        sources,
        class: Class::NoSpace,
        culprit: None,
        trigger: "",
        since: Some(from),
        victims: 5,
        egress: Egress::Unknown,
    }
}

fn wrong_tag_alone(seed: u64) -> Truth {
    let mut dice = Dice::new(seed);
    let mut world = World::default();
    let name = dice.pick(&NAMES);
    let from = dice.between(300, 900);
    let culprit = world.actor("Deployment", name, "acme/shop:1.O", "node-1");
    world.fails(culprit, from, 300, 10, "docker.io/acme/shop:1.O: not found");
    let fine = world.actor("Deployment", "fine", "nginx:1.27", "node-1");
    world.pulls(fine, from, 900, 3);
    let sources = vec![told("events", kube::events_table(&world))];
    Truth {
        sources,
        class: Class::NotFound,
        culprit: Some(format!("Deployment {name} in shop")),
        trigger: "wrong-image",
        since: Some(from),
        victims: 0,
        egress: Egress::Unknown,
    }
}

fn jenkins_account(seed: u64) -> Truth {
    let mut dice = Dice::new(seed);
    let mut world = World::default();
    let name = dice.pick(&["nightly", "rebuild-all"]);
    let from = dice.between(300, 900);
    let culprit = world.actor("job", name, "acme/builder:latest", "agent-3");
    world.pulls(culprit, from, 20, 90);
    world.fails(culprit, from + 1_800, 10, 60, HUB_ACCOUNT);
    for job in ["site", "api"] {
        let actor = world.actor("job", job, "alpine:3.20", "agent-1");
        world.fails(actor, from + 2_000, 60, 2, HUB_ACCOUNT);
    }
    let sources = ci::jenkins(&world);
    Truth {
        sources,
        class: Class::PullLimit,
        culprit: Some(format!("CI job {name}")),
        trigger: "ci-burst",
        since: Some(from),
        victims: 2,
        egress: Egress::Unknown,
    }
}

/// An incident's name, and how it goes with a seed.
type Told = (&'static str, Box<dyn Fn(u64) -> Truth>);

/// All incidents.
pub(crate) fn incidents() -> Vec<Told> {
    vec![
        ("crash loop, table", Box::new(|seed| crash_loop(seed, 0))),
        ("crash loop, JSON", Box::new(|seed| crash_loop(seed, 1))),
        (
            "crash loop, kubelet and containerd",
            Box::new(|seed| crash_loop(seed, 2)),
        ),
        (
            "wrong tag in a CronJob, JSON",
            Box::new(|seed| wrong_tag(seed, 0)),
        ),
        (
            "wrong tag in a CronJob, wide",
            Box::new(|seed| wrong_tag(seed, 1)),
        ),
        (
            "wrong tag in a CronJob, describe",
            Box::new(|seed| wrong_tag(seed, 2)),
        ),
        (
            "shared NAT, describe",
            Box::new(|seed| many_victims(seed, 0)),
        ),
        (
            "shared NAT, kubelets",
            Box::new(|seed| many_victims(seed, 1)),
        ),
        ("shared NAT, ECS", Box::new(|seed| many_victims(seed, 2))),
        ("CI matrix, GitHub", Box::new(|seed| ci_matrix(seed, 0))),
        ("CI matrix, GitLab", Box::new(|seed| ci_matrix(seed, 1))),
        (
            "expired password, kubelet",
            Box::new(|seed| expired_password(seed, 0)),
        ),
        (
            "expired password, table",
            Box::new(|seed| expired_password(seed, 1)),
        ),
        ("bad mount, messages", Box::new(|seed| swarm_mount(seed, 0))),
        ("bad mount, journal", Box::new(|seed| swarm_mount(seed, 1))),
        (
            "bad mount, all of Swarm",
            Box::new(|seed| swarm_mount(seed, 2)),
        ),
        (
            "ECS without an account, stack",
            Box::new(|seed| ecs_anonymous(seed, 0)),
        ),
        (
            "ECS without an account, services",
            Box::new(|seed| ecs_anonymous(seed, 1)),
        ),
        ("ECS out of memory", Box::new(ecs_crash)),
        ("one node only", Box::new(one_node)),
        ("GHCR", Box::new(ghcr)),
        ("DNS outage", Box::new(|seed| dns(seed, 0))),
        ("DNS outage, journal", Box::new(|seed| dns(seed, 1))),
        ("disk full", Box::new(disk_full)),
        ("wrong tag alone", Box::new(wrong_tag_alone)),
        ("Jenkins with an account", Box::new(jenkins_account)),
    ]
}

#[test]
fn cause_culprit_and_beginning_of_every_incident_are_found() {
    let mut wrong = Vec::new();
    for (name, make) in incidents() {
        for seed in 0..SEEDS {
            let truth = make(seed);
            let found = find(&truth.sources, Egress::Unknown);
            wrong.extend(
                faults(&truth, &found)
                    .into_iter()
                    .map(|fault| format!("{name} #{seed}: {fault}")),
            );
        }
    }
    assert!(
        wrong.is_empty(),
        "{} faults\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn no_account_and_no_session_shows_in_a_diagnosis() {
    for (name, make) in incidents() {
        let truth = make(1);
        let text = serde_json::to_string(&find(&truth.sources, Egress::Unknown)).unwrap();
        assert!(
            !text.contains("planetcorp") && !text.contains("dckr_jti_Ab"),
            "{name}"
        );
    }
}

/// Reads and diagnoses.
pub(crate) fn find(sources: &[(String, String)], egress: Egress) -> Diagnosis {
    crate::found::find(sources, START + GATHERED, egress)
}

pub(crate) fn faults(truth: &Truth, found: &Diagnosis) -> Vec<String> {
    let mut faults = Vec::new();
    let Some(cause) = &found.cause else {
        return vec!["no cause".to_owned()];
    };
    let mut expect = |what: &str, expected: String, found: String| {
        if expected != found {
            faults.push(format!("{what} should be {expected}, is {found}"));
        }
    };
    expect("class", truth.class.to_string(), cause.class.to_string());
    let culprit = found.culprits.first().map(|culprit| culprit.name.clone());
    expect(
        "culprit",
        format!("{:?}", truth.culprit),
        format!("{culprit:?}"),
    );
    expect(
        "trigger",
        truth.trigger.to_owned(),
        trigger(cause.trigger.as_ref()).to_owned(),
    );
    expect(
        "victims",
        truth.victims.to_string(),
        found.victims.len().to_string(),
    );
    if truth.egress != Egress::Unknown {
        expect(
            "egress",
            format!("{:?}", truth.egress),
            format!("{:?}", found.scope.egress),
        );
    }
    if let Some(since) = truth.since {
        // Ages are rounded to the minute.
        let told = found.since.map(|moment| moment.unix_ms() / 1_000 - START);
        let is_near = told.is_some_and(|told| (told - since).abs() <= 90);
        expect(
            "since",
            "true".to_owned(),
            format!("{is_near}").replace("false", &format!("{told:?} instead of {since}")),
        );
    }
    faults
}

fn trigger(trigger: Option<&Trigger>) -> &'static str {
    match trigger {
        Some(Trigger::CrashLoop { .. }) => "crash-loop",
        Some(Trigger::WrongImage) => "wrong-image",
        Some(Trigger::WrongCredentials) => "wrong-credentials",
        Some(Trigger::CiBurst) => "ci-burst",
        Some(Trigger::NoCredentials) => "no-credentials",
        Some(Trigger::ManyPulls) => "many-pulls",
        Some(Trigger::ManyPullers) => "many-pullers",
        None => "",
    }
}

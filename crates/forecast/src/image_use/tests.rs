//! What owners come to in a fleet.

use forebay_references::Scaled;

use super::*;

fn used(owner: &Owner, image: &str, nodes: Option<u64>) -> ImageUse {
    let fleet = Fleet {
        nodes,
        ..Fleet::default()
    };
    let image = image.parse().expect("an image");
    ImageUse::of((owner, None), "a:1".to_owned(), &image, &fleet)
}

fn replicas(kind: &str, replicas: Option<u32>) -> Owner {
    Owner {
        replicas,
        ..Owner::named(kind, "web")
    }
}

#[test]
fn replicas_spread_over_one_node_to_all_of_them() {
    for (count, nodes, starts, machines) in [
        (Some(5), Some(3), "5", "1 to 3"),
        (Some(5), Some(9), "5", "1 to 5"),
        (Some(5), None, "5", "1 to 5"),
        (Some(0), Some(3), "0", "0"),
        (None, Some(3), "1", "1"),
    ] {
        let found = used(&replicas("Deployment", count), "nginx:1", nodes);
        assert_eq!(found.starts.to_string(), starts, "{count:?} on {nodes:?}");
        assert_eq!(
            found.machines.to_string(),
            machines,
            "{count:?} on {nodes:?}"
        );
    }
}

#[test]
fn what_is_scaled_starts_as_often_as_its_bounds_say() {
    for (most, starts) in [(Some(40), "2 to 40"), (None, "at least 2")] {
        let owner = Owner {
            scaled: Some(Scaled { least: 2, most }),
            ..replicas("ECS task definition", Some(0))
        };
        assert_eq!(used(&owner, "nginx:1", None).starts.to_string(), starts);
    }
}

#[test]
fn what_runs_on_every_node_needs_their_number() {
    let owner = Owner {
        per_node: true,
        ..replicas("DaemonSet", None)
    };
    assert_eq!(
        used(&owner, "nginx:1", Some(7)).machines,
        Interval::exactly(7)
    );
    assert_eq!(
        used(&owner, "nginx:1", None).machines,
        Interval::at_least(1)
    );
}

#[test]
fn what_does_not_say_how_many_run_is_not_guessed() {
    let owner = replicas("ECS task definition", None);
    assert_eq!(
        used(&owner, "nginx:1", Some(3)).starts,
        Interval::at_least(1)
    );
    // Fargate's machines are nobody's nodes.
    let four = replicas("ECS task definition", Some(4));
    assert_eq!(used(&four, "nginx:1", Some(3)).machines, (1..=4).into());
}

#[test]
fn replicas_that_a_file_does_not_tell_are_at_least_one() {
    let unknown = Owner {
        is_count_unknown: true,
        ..replicas("Deployment", None)
    };
    assert_eq!(used(&unknown, "a:1", Some(3)).starts, Interval::at_least(1));
    assert_eq!(used(&unknown, "a:1", Some(3)).machines, (1..=3).into());
}

#[test]
fn an_autoscaler_runs_between_its_bounds_and_what_the_file_says() {
    let image = "a:1".parse().expect("an image");
    for (said, starts, machines) in [
        (None, "3 to 40", "1 to 12"),
        (Some(50), "3 to 50", "1 to 12"),
        (Some(1), "1 to 40", "1 to 12"),
        (Some(0), "0", "0"),
    ] {
        let owner = replicas("Deployment", said);
        let fleet = Fleet {
            nodes: Some(12),
            ..Fleet::default()
        };
        let scaled = Some((3..=40).into());
        let found = ImageUse::of((&owner, scaled), String::new(), &image, &fleet);
        assert_eq!(found.starts.to_string(), starts, "{said:?}");
        assert_eq!(found.machines.to_string(), machines, "{said:?}");
    }
}

#[test]
fn a_timetable_tells_how_often_it_starts_and_the_nodes_how_often_it_is_fetched() {
    for (schedule, parallelism, starts, machines) in [
        ("* * * * *", None, "1 to 360", "1 to 3"),
        ("*/15 * * * *", Some(2), "2 to 48", "1 to 3"),
        ("0 3 * * *", None, "1", "1"),
        ("{{ .Values.when }}", None, "at least 1", "1 to 3"),
    ] {
        let owner = Owner {
            schedule: Some(schedule.to_owned()),
            parallelism,
            ..replicas("CronJob", None)
        };
        let found = used(&owner, "a:1", Some(3));
        assert_eq!(found.starts.to_string(), starts, "{schedule}");
        assert_eq!(found.machines.to_string(), machines, "{schedule}");
    }
    let suspended = Owner {
        parallelism: Some(5),
        ..replicas("CronJob", Some(0))
    };
    assert_eq!(used(&suspended, "a:1", Some(3)).starts, Interval::ZERO);
}

#[test]
fn a_job_starts_all_the_pods_that_it_takes_to_be_done() {
    for (completions, parallelism, starts) in [
        (Some(10), Some(4), "10"),
        (Some(10), None, "10"),
        (None, Some(4), "4"),
        (None, None, "1"),
        (Some(10), Some(0), "0"),
    ] {
        let owner = Owner {
            completions,
            parallelism,
            ..replicas("Job", None)
        };
        let found = used(&owner, "a:1", Some(3));
        assert_eq!(
            found.starts.to_string(),
            starts,
            "{completions:?} {parallelism:?}"
        );
    }
}

#[test]
fn what_runs_in_a_cloud_or_by_a_script_is_not_bounded_by_the_nodes() {
    for kind in [
        "Lambda function",
        "Batch job",
        "docker",
        "crictl",
        "docker.pull",
        "ctr",
        "AWS::Lambda::Function",
        "ECS task definition",
    ] {
        let found = used(&replicas(kind, Some(40)), "nginx", Some(3));
        assert_eq!(found.machines, (1..=40).into(), "{kind}");
        assert_eq!(found.policy, PullPolicy::IfAbsent, "{kind}");
    }
    for kind in [
        "Swarm service",
        "Docker container",
        "Deployment",
        "AzureMachinePool",
        "BatchRunner",
        "DockerMachinePool",
        "FlyteWorkflow",
    ] {
        let found = used(&replicas(kind, Some(40)), "nginx", Some(3));
        assert_eq!(found.machines, (1..=3).into(), "{kind}");
    }
}

#[test]
fn latest_is_always_pulled_by_kubernetes_alone() {
    for (kind, image, expected) in [
        ("Deployment", "nginx", PullPolicy::Always),
        ("Deployment", "nginx:latest", PullPolicy::Always),
        ("Deployment", "nginx:1", PullPolicy::IfAbsent),
        ("Compose service", "nginx", PullPolicy::IfAbsent),
        ("GitHub job", "nginx", PullPolicy::IfAbsent),
        ("docker", "nginx", PullPolicy::IfAbsent),
        ("DockerMachinePool", "nginx", PullPolicy::Always),
    ] {
        let found = used(&replicas(kind, None), image, None);
        assert_eq!(found.policy, expected, "{kind} {image}");
    }
}

#[test]
fn what_there_are_several_of_starts_as_often_and_may_start_not_at_all() {
    let copies = |least, most| Some(Scaled { least, most });
    let only = Some("only with its profile");
    for (per_node, copies, condition, starts, machines) in [
        (false, copies(3, Some(3)), None, "6", "1 to 4"),
        (false, copies(0, Some(0)), None, "0", "0"),
        (false, copies(0, Some(1)), None, "0 to 2", "0 to 2"),
        (false, copies(1, None), None, "at least 2", "1 to 4"),
        (false, None, only, "0 to 2", "0 to 2"),
        (true, copies(3, Some(3)), None, "12", "4"),
        (true, copies(0, Some(0)), None, "0", "0"),
        (true, None, only, "0 to 4", "0 to 4"),
    ] {
        let owner = Owner {
            per_node,
            copies,
            condition,
            ..replicas("Deployment", Some(2))
        };
        let found = used(&owner, "a:1", Some(4));
        let told = format!("{per_node} {copies:?} {condition:?}");
        assert_eq!(found.starts.to_string(), starts, "{told}");
        assert_eq!(found.machines.to_string(), machines, "{told}");
    }
}

//! Registries that say themselves who may pull: each client is led to the host of its own, and told what login it shows there.

use std::collections::BTreeMap;

use forebay_setup::{Client, FallThrough, Order, Plan, plan};

use crate::disk::{Disk, order, set_up};

const PRIVATE: &str = "registry.example";

/// The order of that registry beside Docker Hub, or alone.
fn of(client: Client, upstreams: &[&str], door: &str) -> Order {
    Order {
        upstreams: upstreams.iter().map(|&name| name.to_owned()).collect(),
        doors: BTreeMap::from([(PRIVATE.to_owned(), door.parse().expect("an address"))]),
        ..order(client)
    }
}

fn notes(plan: &Plan) -> String {
    plan.notes.join("\n")
}

#[test]
fn containerd_asks_the_host_of_its_own_and_takes_the_secret_of_the_name() {
    let order = of(
        Client::Containerd,
        &["docker.io", PRIVATE],
        "https://private.example",
    );
    let after = set_up(&order, &Disk::default());
    assert_eq!(
        after.text("/etc/containerd/certs.d/registry.example/hosts.toml"),
        "server = \"https://private.example\"\ncapabilities = [\"pull\", \"resolve\"]\n\n[host]\n"
    );
    let hub = after.text("/etc/containerd/certs.d/docker.io/hosts.toml");
    assert!(
        hub.starts_with("server = \"http://10.0.0.5:5000\"\n"),
        "{hub}"
    );
    let plan = plan(&order, &Disk::default()).expect("a plan");
    let told = notes(&plan);
    assert!(
        told.contains("at private.example the client shows"),
        "{told}"
    );
    assert!(told.contains("pull secret for registry.example"), "{told}");
    assert!(!told.contains("plain http"), "{told}");
}

#[test]
fn podman_and_cri_o_go_to_the_host_without_the_registrys_name() {
    for client in [Client::Podman, Client::CriO] {
        let order = of(client, &[PRIVATE], "http://private.example:5000");
        let after = set_up(&order, &Disk::default());
        assert_eq!(
            after.text("/etc/containers/registries.conf.d/50-forebay.conf"),
            "[[registry]]\nprefix = \"registry.example\"\nlocation = \"private.example:5000\"\ninsecure = true\n"
        );
        let plan = plan(&order, &Disk::default()).expect("a plan");
        assert!(matches!(plan.fall_through, Some(FallThrough::Closed(_))));
        let told = notes(&plan);
        assert!(told.contains("podman login private.example:5000"), "{told}");
        assert!(told.contains("plain http"), "{told}");
        // What was set up without it is replaced, not doubled.
        let shared = Order {
            doors: BTreeMap::new(),
            ..order.clone()
        };
        let before = set_up(&shared, &Disk::default());
        let after = set_up(&order, &before);
        let text = after.text("/etc/containers/registries.conf.d/50-forebay.conf");
        assert_eq!(text.matches("location").count(), 1, "{text}");
    }
}

#[test]
fn docker_names_the_host_and_logs_in_there() {
    let plain = of(Client::Docker, &[PRIVATE], "http://private.example:5000");
    let after = set_up(&plain, &Disk::default());
    let text = after.text("/etc/docker/daemon.json");
    assert!(text.contains("\"insecure-registries\""), "{text}");
    assert!(text.contains("\"private.example:5000\""), "{text}");
    assert!(!text.contains("registry-mirrors"), "{text}");
    let planned = plan(&plain, &Disk::default()).expect("a plan");
    assert!(matches!(planned.fall_through, Some(FallThrough::Closed(_))));
    assert!(notes(&planned).contains("docker pull private.example:5000/NAME"));
    let login = planned.steps.last().expect("a step");
    assert_eq!(
        login.command,
        [
            "docker",
            "login",
            "--username",
            "NAME",
            "private.example:5000"
        ]
    );
    assert!(!login.is_run, "whoever has the password does it");
    // By TLS there is nothing to write.
    let secure = of(Client::Docker, &[PRIVATE], "https://private.example");
    let planned = plan(&secure, &Disk::default()).expect("a plan");
    assert!(planned.files.is_empty(), "{:?}", planned.files);
    // Beside Docker Hub, whose mirror it stays.
    let both = of(
        Client::Docker,
        &["docker.io", PRIVATE],
        "https://private.example",
    );
    let after = set_up(&both, &Disk::default());
    let text = after.text("/etc/docker/daemon.json");
    assert!(text.contains("registry-mirrors"), "{text}");
    assert!(!text.contains("private.example"), "{text}");
}

#[test]
fn a_client_that_cannot_be_led_there_is_told_so() {
    for client in Client::ALL {
        let order = of(client, &[PRIVATE], "https://private.example");
        let planned = plan(&order, &Disk::default());
        assert_eq!(planned.is_ok(), client.reaches_apart(), "{client}");
        if let Err(error) = planned {
            let told = format!("{error} {}", error.hint().unwrap_or_default());
            assert!(
                told.contains("private.example/NAME") || client.is_for_docker_hub_only(),
                "{client}: {told}"
            );
        }
    }
}

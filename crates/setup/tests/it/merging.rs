//! Files that are nasty: comments, other mirrors, odd line ends, broken ones.

use forebay_setup::{Client, FallThrough, Order, SetupError, plan};

use crate::disk::{Disk, order, set_up};

const DAEMON: &str = "/etc/docker/daemon.json";
const CONFIG: &str = "/etc/containerd/config.toml";
const BUILDKITD: &str = "/etc/buildkit/buildkitd.toml";
const K3S: &str = "/etc/rancher/k3s/registries.yaml";
const DROP_IN: &str = "/etc/containers/registries.conf.d/50-forebay.conf";

#[test]
fn every_client_is_set_up_where_there_is_nothing() {
    for client in Client::ALL {
        let plan = plan(&order(client), &Disk::default()).expect("it can be set up");
        assert!(
            plan.fall_through.is_some(),
            "{client} says what happens without Forebay"
        );
        set_up(&order(client), &Disk::default());
    }
}

#[test]
fn what_cannot_be_closed_is_told_as_open() {
    for (client, is_closed) in [
        (Client::Docker, false),
        (Client::Containerd, true),
        (Client::K3s, true),
        (Client::Podman, true),
        (Client::CriO, true),
        (Client::Buildkit, false),
        (Client::Kaniko, true),
    ] {
        let plan = plan(&order(client), &Disk::default()).expect("it can be set up");
        let is_told = matches!(plan.fall_through, Some(FallThrough::Closed(_)));
        assert_eq!(is_told, is_closed, "{client}");
    }
}

#[test]
fn line_ends_of_the_file_stay() {
    let text = "{\r\n    \"debug\": true,\r\n    \"registry-mirrors\": [\r\n        \"https://a\"\r\n    ]\r\n}\r\n";
    let after = set_up(&order(Client::Docker), &Disk::with(DAEMON, text));
    assert_eq!(
        after.text(DAEMON),
        "{\r\n    \"debug\": true,\r\n    \"registry-mirrors\": [\r\n        \"http://10.0.0.5:5000\",\r\n        \
         \"https://a\"\r\n    ],\r\n    \"insecure-registries\": [\"10.0.0.5:5000\"]\r\n}\r\n"
    );
}

#[test]
fn comments_and_other_mirrors_of_buildkit_stay() {
    let text = "# the builder\ndebug = true\n\n[worker.oci] # ours\n  enabled = true\n\n[registry.\"docker.io\"]\n  # near\n  mirrors = [\"mirror.gcr.io\"] # Google's\n";
    let after = set_up(&order(Client::Buildkit), &Disk::with(BUILDKITD, text));
    let merged = after.text(BUILDKITD);
    for line in [
        "# the builder\n",
        "[worker.oci] # ours\n",
        "  # near\n  mirrors = [\"10.0.0.5:5000\", \"mirror.gcr.io\"] # Google's\n",
        "[registry.\"10.0.0.5:5000\"]\nhttp = true\n",
    ] {
        assert!(merged.contains(line), "{line:?} is not in:\n{merged}");
    }
}

#[test]
fn a_default_configuration_of_containerd_changes_in_one_line() {
    let text = "disabled_plugins = []\nversion = 2\n\n[plugins]\n\n  [plugins.\"io.containerd.grpc.v1.cri\"]\n    sandbox_image = \"registry.k8s.io/pause:3.6\"\n\n    [plugins.\"io.containerd.grpc.v1.cri\".registry]\n      config_path = \"\"\n\n      [plugins.\"io.containerd.grpc.v1.cri\".registry.auths]\n\n      [plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors]\n\n[timeouts]\n  \"io.containerd.timeout.shim.load\" = \"5s\"\n";
    let after = set_up(&order(Client::Containerd), &Disk::with(CONFIG, text));
    let wanted = text.replace(
        "config_path = \"\"",
        "config_path = \"/etc/containerd/certs.d\"",
    );
    assert_eq!(after.text(CONFIG), wanted);
}

#[test]
fn the_folder_that_containerd_has_is_used() {
    let text = "version = 3\n[plugins.\"io.containerd.cri.v1.images\".registry]\n  config_path = \"/opt/certs:/etc/docker/certs.d\"\n";
    let after = set_up(&order(Client::Containerd), &Disk::with(CONFIG, text));
    assert_eq!(after.text(CONFIG), text);
    assert!(
        after
            .text("/opt/certs/ghcr.io/hosts.toml")
            .starts_with("server = \"http://10.0.0.5:5000\"\n")
    );
}

#[test]
fn a_containerd_without_kubernetes_keeps_its_configuration() {
    let text = "disabled_plugins = [\"cri\"]\n";
    let after = set_up(&order(Client::Containerd), &Disk::with(CONFIG, text));
    assert_eq!(after.text(CONFIG), text);
}

#[test]
fn other_registries_of_a_drop_in_stay() {
    let text = "# ours\n[[registry]]\nlocation = \"old.example\"\nblocked = true\n\n[[registry]]\nprefix = \"docker.io\"\nlocation = \"mirror.example\"\n";
    let after = set_up(&order(Client::Podman), &Disk::with(DROP_IN, text));
    let merged = after.text(DROP_IN);
    assert!(
        merged.starts_with("# ours\n[[registry]]\nlocation = \"old.example\"\nblocked = true\n"),
        "{merged}"
    );
    assert!(!merged.contains("mirror.example"), "{merged}");
    assert_eq!(merged.matches("prefix = \"docker.io\"").count(), 1);
}

#[test]
fn what_an_administrator_has_blocked_stays_blocked() {
    let main = "/etc/containers/registries.conf";
    let later = "/etc/containers/registries.conf.d/99-site.conf";
    let blocked = "[[registry]]\nprefix = \"ghcr.io\"\nlocation = \"ghcr.io\"\nblocked = true\n";
    let inline = "registry = [{location = \"ghcr.io\", blocked = true}]\n";
    for (path, text) in [
        (DROP_IN, blocked),
        (main, blocked),
        (later, blocked),
        (main, inline),
    ] {
        let disk = Disk::with(path, text);
        let (_, notes) = told_of(Client::Podman, path, text);
        let told = format!("ghcr.io stays blocked, as {path} has it");
        assert!(notes.contains(&told), "{notes}");
        let after = set_up(&order(Client::Podman), &disk);
        let ours = after.text(DROP_IN);
        assert!(ours.contains("prefix = \"docker.io\""), "{ours}");
        assert_eq!(
            ours.matches("ghcr.io").count(),
            if path == DROP_IN { 2 } else { 0 }
        );
        assert!(after.text(path).contains(text), "{}", after.text(path));
        let alone = Order {
            upstreams: vec!["ghcr.io".to_owned()],
            ..order(Client::Podman)
        };
        let refused = plan(&alone, &disk).expect_err("all is blocked");
        assert!(refused.to_string().contains(path), "{refused}");
    }
    // One that is read later lets it in again.
    let mut disk = Disk::with(main, blocked);
    disk.0
        .insert(later.to_owned(), blocked.replace("true", "false"));
    assert!(
        set_up(&order(Client::Podman), &disk)
            .text(DROP_IN)
            .contains("ghcr.io")
    );
}

#[test]
fn a_file_that_is_read_after_ours_is_told() {
    let later = "/etc/containers/registries.conf.d/99-site.conf";
    let disk = Disk::with(
        later,
        "[[registry]]\nprefix = \"ghcr.io\"\nlocation = \"x\"\n",
    );
    let plan = plan(&order(Client::CriO), &disk).expect("it can be set up");
    assert!(
        plan.notes
            .iter()
            .any(|note| note.contains(later) && note.contains("ghcr.io")),
        "{:?}",
        plan.notes
    );
}

/// What a plan says of a client whose file holds this: whether it is closed, and the notes.
fn told_of(client: Client, path: &str, text: &str) -> (bool, String) {
    let plan = plan(&order(client), &Disk::with(path, text)).expect("it can be set up");
    let is_closed = matches!(plan.fall_through, Some(FallThrough::Closed(_)));
    (is_closed, plan.notes.join("\n"))
}

const HOSTS: &str = "/etc/containerd/certs.d/docker.io/hosts.toml";

#[test]
fn the_registry_itself_is_taken_out_where_fall_through_is_closed() {
    for (client, path, text, gone) in [
        (
            Client::Containerd,
            HOSTS,
            "server = \"https://registry-1.docker.io\"\n[host.\"https://registry-1.docker.io\"]\n",
            "registry-1.docker.io",
        ),
        (
            Client::K3s,
            K3S,
            "mirrors:\n  docker.io:\n    endpoint:\n      - https://registry-1.docker.io\n",
            "registry-1.docker.io",
        ),
        (
            Client::Podman,
            DROP_IN,
            "[[registry]]\nprefix = \"docker.io/library\"\nlocation = \"docker.io/library\"\n",
            "\"docker.io/library\"",
        ),
    ] {
        let (is_closed, notes) = told_of(client, path, text);
        assert!(is_closed, "{client}: {notes}");
        assert!(notes.contains(&format!("taken out of {path}")), "{notes}");
        let after = set_up(&order(client), &Disk::with(path, text));
        assert!(!after.text(path).contains(gone), "{}", after.text(path));
        let mut open = order(client);
        open.fall_back = true;
        set_up(&open, &Disk::with(path, text));
    }
}

#[test]
fn what_stays_and_leads_past_forebay_is_told_as_open() {
    let main = "/etc/containers/registries.conf";
    let other = "/etc/containers/registries.conf.d/10-site.conf";
    let later = "/etc/containers/registries.conf.d/99-site.conf";
    let entry = |prefix: &str, location: &str| {
        format!("[[registry]]\nprefix = \"{prefix}\"\nlocation = \"{location}\"\n")
    };
    let mirror = "server = \"x\"\n[host.\"https://mirror.gcr.io\"]\n".to_owned();
    let library = entry("docker.io/library", "docker.io/library");
    let here = entry("docker.io/library", "10.0.0.5:5000/docker.io/library");
    for (client, path, text, is_closed) in [
        (Client::Containerd, HOSTS, mirror, false),
        (
            Client::K3s,
            K3S,
            "mirrors:\n  docker.io:\n    endpoint: [https://mirror.gcr.io]\n".to_owned(),
            false,
        ),
        (Client::Podman, main, library.clone(), false),
        (Client::Podman, other, library.clone(), false),
        (Client::CriO, later, library, false),
        (
            Client::Podman,
            DROP_IN,
            entry("docker.io/acme", "corp.lan/acme"),
            false,
        ),
        (Client::Podman, other, entry("*.io", "corp.lan"), false),
        (Client::Podman, later, entry("docker.io", "corp.lan"), false),
        (Client::Podman, other, entry("docker.io", "corp.lan"), true),
        (
            Client::Podman,
            other,
            entry("docker.iox/library", "corp.lan"),
            true,
        ),
        (Client::Podman, other, here, true),
        (
            Client::Podman,
            other,
            entry("docker.io/bad", "docker.io/bad") + "blocked = true\n",
            true,
        ),
    ] {
        let (closed, notes) = told_of(client, path, &text);
        assert_eq!(closed, is_closed, "{path}:\n{text}{notes}");
        assert_eq!(!notes.contains(path), is_closed, "{path}:\n{text}{notes}");
        set_up(&order(client), &Disk::with(path, &text));
    }
}

#[test]
fn what_is_broken_or_would_work_against_it_is_refused() {
    let old = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors.\"docker.io\"]\n  endpoint = [\"https://a\"]\n";
    for (client, path, text) in [
        (Client::Docker, DAEMON, "{\"debug\": true,}"),
        (
            Client::Docker,
            DAEMON,
            "{\"registry-mirrors\": \"https://a\"}",
        ),
        (Client::Docker, DAEMON, "# no JSON\n{}"),
        (Client::Containerd, CONFIG, "version = 2\n[plugins"),
        (Client::Containerd, CONFIG, old),
        (Client::Buildkit, BUILDKITD, "registry = 1\n"),
        (Client::Podman, DROP_IN, "[[registry]\n"),
        (
            Client::Podman,
            "/etc/containers/registries.conf",
            "[registries.search]\nregistries = ['docker.io']\n",
        ),
        (Client::K3s, K3S, "mirrors: {docker.io: {endpoint: [x]}}\n"),
        (Client::K3s, K3S, "mirrors:\n  docker.io:\n - x"),
    ] {
        let error = plan(&order(client), &Disk::with(path, text)).expect_err(text);
        assert!(error.hint().is_some(), "{error}");
        assert!(error.to_string().contains(path), "{error}");
    }
}

#[test]
fn what_a_client_cannot_do_is_told_with_what_it_can() {
    let mut ghcr = order(Client::Docker);
    ghcr.upstreams = vec!["ghcr.io".to_owned()];
    let mut loopback = order(Client::Kind);
    loopback.address = "http://127.0.0.1:5000".parse().expect("an address");
    for order in [ghcr, loopback] {
        let error = plan(&order, &Disk::default()).expect_err("it cannot");
        assert!(matches!(error, SetupError::Impossible { .. }), "{error}");
    }
}

#[test]
fn a_root_that_is_not_docker_hub_is_told_before_dockerd_is_pointed_at_it() {
    for client in [Client::Docker, Client::Swarm, Client::Ecs, Client::GitlabCi] {
        let mut order = order(client);
        order.paths = [("ghcr.io".to_owned(), String::new())].into();
        let error = plan(&order, &Disk::default()).expect_err("it cannot");
        assert_eq!(error.hint(), Some("set root = \"docker.io\" there"));
    }
}

/// kaniko would ask `ghcr.io` itself if it were sent to `FOREBAY/ghcr.io`.
#[test]
fn kaniko_is_given_no_path_that_begins_with_a_registry() {
    let mut order = order(Client::Kaniko);
    order.upstreams.push("quay.io".to_owned());
    order.paths.insert("ghcr.io".to_owned(), "gh".to_owned());
    order.paths.insert("quay.io".to_owned(), "q.uay".to_owned());
    let made = plan(&order, &Disk::default()).expect("it can");
    assert_eq!(
        made.snippets[0].text,
        "- '--registry-map=index.docker.io=10.0.0.5:5000;ghcr.io=10.0.0.5:5000/gh'\n- \
         '--insecure-registry=10.0.0.5:5000'\n- '--skip-default-registry-fallback'\n"
    );
    assert!(
        made.notes[0].starts_with("left out: quay.io."),
        "{:?}",
        made.notes
    );
    order.upstreams.retain(|name| name == "quay.io");
    let error = plan(&order, &Disk::default()).expect_err("it cannot");
    assert!(
        error.hint().is_some_and(|hint| hint.contains("a prefix")),
        "{error}"
    );
}

#[test]
fn a_rewrite_that_k3s_applies_to_forebay_too_is_told() {
    for (rewrite, is_told) in [
        ("    rewrite:\n      \"^library/(.*)\": \"hub/$1\"\n", true),
        ("", false),
    ] {
        let text = format!(
            "mirrors:\n  docker.io:\n    endpoint:\n      - https://u:HUNTER2@old:5000\n{rewrite}"
        );
        let plan = plan(&order(Client::K3s), &Disk::with(K3S, &text)).expect("it can be set up");
        let told = plan.notes.join("\n");
        assert_eq!(told.contains("`rewrite` of docker.io"), is_told, "{told}");
        assert!(told.contains("https://***@old:5000 stays"), "{told}");
        assert!(!told.contains("HUNTER2"), "{told}");
    }
}

#[test]
fn what_wins_over_containerds_own_file_is_not_passed_over() {
    let main = "version = 2\nimports = [\"conf.d/*.toml\", \"/etc/other.toml\"]\n";
    let table = "version = 3\n[plugins.'io.containerd.cri.v1.images'.registry";
    let disk = |path: &str, text: &str| {
        let mut disk = Disk::with("/etc/containerd/config.toml", main);
        disk.0.insert(path.to_owned(), text.to_owned());
        disk
    };
    let order = order(Client::Containerd);
    for (path, setting) in [
        (
            "/etc/containerd/conf.d/99-x.toml",
            "]\nconfig_path = '/opt/certs.d'\n",
        ),
        (
            "/etc/other.toml",
            ".mirrors.'docker.io']\nendpoint = ['https://m']\n",
        ),
    ] {
        let error = plan(&order, &disk(path, &format!("{table}{setting}"))).expect_err(setting);
        assert!(error.to_string().starts_with(path), "{error}");
    }
    for setting in [
        "]\nconfig_path = '/etc/containerd/certs.d'\n",
        ".headers]\n",
    ] {
        set_up(
            &order,
            &disk("/etc/other.toml", &format!("{table}{setting}")),
        );
    }
    set_up(&order, &disk("/etc/containerd/conf.d/x.json", "no TOML"));
}

#[test]
fn an_import_by_a_pattern_that_is_not_read_is_refused() {
    let table =
        "version = 3\n[plugins.'io.containerd.cri.v1.images'.registry]\nconfig_path = '/opt/c'\n";
    for import in [
        "/etc/containerd/conf.d/9?-x.toml",
        "/etc/containerd/conf.d/9[0-9]-x.toml",
        "conf.d/*-*.toml",
        "/etc/*/x.toml",
        "/etc/containerd/c*/*.toml",
    ] {
        let main = format!("version = 3\nimports = [{import:?}]\n");
        let mut disk = Disk::with("/etc/containerd/config.toml", &main);
        let path = "/etc/containerd/conf.d/99-x.toml".to_owned();
        disk.0.insert(path, table.to_owned());
        let error = plan(&order(Client::Containerd), &disk).expect_err(import);
        assert!(error.to_string().contains(import), "{error}");
    }
}

#[test]
fn hosts_whose_order_cannot_be_told_are_refused() {
    for text in [
        "host.\"https://a\".capabilities = [\"pull\"]\n",
        "host = { \"https://a\" = { capabilities = [\"pull\"] } }\n",
        "[host]\n\"https://a\" = { capabilities = [\"pull\"] }\n",
    ] {
        for fall_back in [false, true] {
            let order = Order {
                fall_back,
                ..order(Client::Containerd)
            };
            let disk = Disk::with("/etc/containerd/certs.d/docker.io/hosts.toml", text);
            plan(&order, &disk).expect_err(text);
        }
    }
}

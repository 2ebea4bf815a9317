//! `setup`: what it prints of each client, and what it writes below a root.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Mutex;

use insta::assert_snapshot;

use crate::program::Program;

const ADDRESS: [&str; 2] = ["--address", "http://10.0.0.5:5000"];

pub(crate) fn setup(program: &Program, args: &[&str]) -> String {
    program.run(&[&["setup"], args, &["--root", "."]].concat())
}

/// One run at a time has the lock of /.
pub(crate) static HERE: Mutex<()> = Mutex::new(());

/// On this machine: what runs other programs is for no other root.
pub(crate) fn setup_here(program: &Program, args: &[&str]) -> String {
    let _one = HERE.lock();
    program.run(&[&["setup"], args].concat())
}

pub(crate) fn read(program: &Program, path: &str) -> String {
    fs::read_to_string(program.path(path)).expect("a file")
}

/// The names of all files below the program's folder.
fn files(program: &Program) -> Vec<String> {
    fn walk(folder: &std::path::Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, found);
            } else {
                found.push(path.display().to_string());
            }
        }
    }
    let mut found = Vec::new();
    walk(&program.path(""), &mut found);
    found.sort();
    found
}

#[test]
fn each_client_is_printed_with_what_happens_without_forebay() {
    for client in [
        "docker",
        "containerd",
        "kubernetes",
        "k3s",
        "rke2",
        "podman",
        "cri-o",
        "buildkit",
        "kaniko",
        "kind",
        "ecs",
        "swarm",
        "github-actions",
        "gitlab-ci",
    ] {
        let told = setup(
            &Program::new(),
            &[&[client, "--upstream", "docker.io"], &ADDRESS[..]].concat(),
        );
        assert_snapshot!(client, told);
    }
}

#[test]
fn falling_back_is_said_plainly() {
    for client in ["containerd", "podman", "k3s"] {
        let args = [client, "--upstream", "ghcr.io", "--fall-back"];
        assert_snapshot!(
            format!("{client}-fall-back"),
            setup(&Program::new(), &[&args, &ADDRESS[..]].concat())
        );
    }
}

#[test]
fn a_registry_that_says_itself_who_may_pull_is_reached_by_its_own_host() {
    let config = "[upstreams.\"registry.example\"]\nhosts = [\"private.forebay.example\"]\nauthorize = \"client\"\n";
    let asked = |args: &[&str]| {
        let program = Program::with_config(config);
        let config = ["--config", "forebay.toml"];
        setup(
            &program,
            &[args, &config, &["--address", "https://forebay.example"]].concat(),
        )
    };
    for client in ["docker", "containerd", "podman", "k3s"] {
        assert_snapshot!(
            format!("{client}-apart"),
            asked(&[client, "--upstream", "registry.example"])
        );
    }
    // Among all that there are, it is left out where the client cannot be led to it.
    let all = asked(&["k3s"]);
    assert!(all.contains("registry.example is left out"), "{all}");
    assert!(!all.contains("private.forebay.example"), "{all}");
    let all = asked(&["containerd"]);
    assert!(
        all.contains("server = \"https://private.forebay.example\""),
        "{all}"
    );
}

#[test]
fn the_address_is_the_one_that_forebay_listens_on() {
    for (listen, address) in [
        ("0.0.0.0:5001", "http://127.0.0.1:5001"),
        ("[::1]:5002", "http://[::1]:5002"),
        ("10.1.2.3:5003", "http://10.1.2.3:5003"),
    ] {
        let config = format!("listen = \"{listen}\"\n[clients]\nallow = [\"10.0.0.0/8\"]\n");
        let program = Program::with_config(&config);
        let told = setup(&program, &["docker", "--config", "forebay.toml"]);
        assert!(told.contains(&format!("\"{address}\"")), "{told}");
    }
}

#[test]
fn a_file_is_merged_shown_undone_and_kept_with_its_mode() {
    let text = "{\n  \"debug\": true,\n  \"registry-mirrors\": [\"https://mirror.gcr.io\"]\n}\n";
    let program = Program::new().file_with_mode("etc/docker/daemon.json", text, 0o640);
    assert_snapshot!("docker-diff", setup(&program, &["docker", "--diff"]));
    assert_eq!(
        read(&program, "etc/docker/daemon.json"),
        text,
        "--diff writes nothing"
    );

    assert_snapshot!("docker-write", setup(&program, &["docker", "--write"]));
    let written = read(&program, "etc/docker/daemon.json");
    assert!(
        written.contains("[\"http://127.0.0.1:5000\", \"https://mirror.gcr.io\"]"),
        "{written}"
    );
    let mode = |path: &str| {
        fs::metadata(program.path(path))
            .expect("a file")
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode("etc/docker/daemon.json"), 0o640);
    assert_eq!(mode("etc/docker/.forebay-setup.json"), 0o600);

    assert_snapshot!(
        "docker-write-again",
        setup(&program, &["docker", "--write"])
    );
    assert_eq!(read(&program, "etc/docker/daemon.json"), written);

    assert_snapshot!("docker-undo", setup(&program, &["docker", "--undo"]));
    assert_eq!(read(&program, "etc/docker/daemon.json"), text);
    assert_eq!(mode("etc/docker/daemon.json"), 0o640);
    assert_eq!(files(&program).len(), 1, "{:?}", files(&program));
    assert_snapshot!("docker-undo-again", setup(&program, &["docker", "--undo"]));
}

#[test]
fn a_second_set_up_takes_the_place_of_the_first() {
    let program = Program::new();
    setup(&program, &["containerd", "--write"]);
    let told = setup(
        &program,
        &[
            &[
                "containerd",
                "--write",
                "--fall-back",
                "--upstream",
                "ghcr.io",
            ],
            &ADDRESS[..],
        ]
        .concat(),
    );
    assert!(
        told.contains("removed /etc/containerd/certs.d/docker.io/hosts.toml"),
        "{told}"
    );
    let hosts = read(&program, "etc/containerd/certs.d/ghcr.io/hosts.toml");
    assert!(!hosts.contains("127.0.0.1"), "{hosts}");
    setup(&program, &["containerd", "--undo"]);
    assert_eq!(files(&program), Vec::<String>::new());
    assert!(
        !program.path("etc").exists(),
        "folders that were made are gone"
    );
}

#[test]
fn a_file_that_was_changed_since_is_not_undone() {
    let program = Program::new().file("etc/docker/daemon.json", "{\n  \"debug\": true\n}\n");
    setup(&program, &["docker", "--write"]);
    let changed = read(&program, "etc/docker/daemon.json").replace("true", "false");
    fs::write(program.path("etc/docker/daemon.json"), &changed).expect("a file");
    assert_snapshot!(
        "docker-undo-changed",
        setup(&program, &["docker", "--undo"])
    );
    assert_eq!(read(&program, "etc/docker/daemon.json"), changed);
}

/// Who has the clients' files under control runs `--write` again and again.
#[test]
fn a_second_set_up_keeps_the_way_back_from_what_was_changed_since() {
    let program = Program::new();
    let write = |args: &[&str]| setup(&program, &[&["containerd", "--write"], args].concat());
    write(&["--upstream", "docker.io"]);
    let path = "etc/containerd/certs.d/docker.io/hosts.toml";
    let changed = format!("# a remark\n{}", read(&program, path));
    fs::write(program.path(path), &changed).expect("a file");
    for upstreams in [
        &["--upstream", "docker.io", "--upstream", "ghcr.io"][..],
        &["--upstream", "ghcr.io"],
    ] {
        let told = write(upstreams);
        assert!(told.starts_with("exit: 0"), "{told}");
        let told = setup(&program, &["containerd", "--undo"]);
        assert!(told.starts_with("exit: 3"), "{told}");
        assert!(told.contains("docker.io/hosts.toml was changed"), "{told}");
        assert_eq!(read(&program, path), changed);
    }
    fs::write(program.path(path), &changed["# a remark\n".len()..]).expect("a file");
    let told = setup(&program, &["containerd", "--undo"]);
    assert!(told.starts_with("exit: 0"), "{told}");
    assert_eq!(files(&program), Vec::<String>::new());
}

#[test]
fn a_file_that_was_changed_since_is_not_set_up_anew() {
    let text = "{\n  \"debug\": true\n}\n";
    let program = Program::new().file("etc/docker/daemon.json", text);
    setup(&program, &["docker", "--write"]);
    let written = read(&program, "etc/docker/daemon.json");
    let changed = written.replace("true", "false");
    fs::write(program.path("etc/docker/daemon.json"), &changed).expect("a file");
    let told = setup(&program, &[&["docker", "--write"], &ADDRESS[..]].concat());
    assert!(told.starts_with("exit: 3"), "{told}");
    assert!(told.contains("-  \"debug\": true"), "{told}");
    assert!(told.contains("nothing was written"), "{told}");
    assert_eq!(read(&program, "etc/docker/daemon.json"), changed);
    // What it says already is no reason to refuse it.
    let told = setup(&program, &["docker", "--write"]);
    assert!(told.starts_with("exit: 0"), "{told}");
    fs::write(program.path("etc/docker/daemon.json"), &written).expect("a file");
    setup(&program, &["docker", "--undo"]);
    assert_eq!(read(&program, "etc/docker/daemon.json"), text);
}

#[test]
fn a_broken_file_is_left_as_it_is() {
    let program = Program::new().file("etc/docker/daemon.json", "{\"debug\": true,}\n");
    assert_snapshot!("docker-broken", setup(&program, &["docker", "--write"]));
    assert_eq!(
        read(&program, "etc/docker/daemon.json"),
        "{\"debug\": true,}\n"
    );
    assert_eq!(files(&program).len(), 1);
}

#[test]
fn all_files_are_written_or_none() {
    // The second file cannot be staged.
    let program = Program::new().file("etc/rancher/k3s/.config.yaml.forebay-new/in-the-way", "");
    let told = setup(&program, &[&["k3s", "--write"], &ADDRESS[..]].concat());
    assert!(
        told.starts_with("exit: 3") && told.contains("cannot write /etc/rancher/k3s/config.yaml"),
        "{told}"
    );
    assert_eq!(files(&program).len(), 1, "{:?}", files(&program));
}

#[test]
fn no_link_leads_out_of_the_root() {
    let outside = Program::new().file("daemon.json", "{}\n");
    let program = Program::new().file("etc/docker/other", "");
    std::os::unix::fs::symlink(
        outside.path("daemon.json"),
        program.path("etc/docker/daemon.json"),
    )
    .expect("a link");
    let told = setup(&program, &["docker", "--write"]);
    assert!(
        told.starts_with("exit: 3") && told.contains("leads out of ."),
        "{told}"
    );
    assert_eq!(read(&outside, "daemon.json"), "{}\n");
    // What a link within a mounted image names is not looked for on this machine, and not made there.
    let program = Program::new();
    std::os::unix::fs::symlink("/nowhere/etc", program.path("etc")).expect("a link");
    for client in ["docker", "containerd", "podman"] {
        let told = setup(&program, &[client, "--write"]);
        assert!(told.starts_with("exit: 3"), "{told}");
        assert!(
            told.contains("is a link to /nowhere/etc, and nothing is there"),
            "{told}"
        );
        assert!(
            told.contains("hint: links are followed on this machine"),
            "{told}"
        );
    }
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let program = Program::new();
    assert_snapshot!("no-such-client", setup(&program, &["dockr"]));
    assert_snapshot!(
        "no-such-upstream",
        setup(&program, &["containerd", "--upstream", "example.com"])
    );
    assert_snapshot!(
        "docker-hub-only",
        setup(&program, &["docker", "--upstream", "ghcr.io"])
    );
    assert_snapshot!(
        "kaniko-has-no-file",
        setup(&program, &[&["kaniko", "--write"], &ADDRESS[..]].concat())
    );
    let pipeline = setup(
        &program,
        &[&["gitlab-ci", "--write"], &ADDRESS[..]].concat(),
    );
    assert!(
        pipeline.contains("name the workflow's file with --file"),
        "{pipeline}"
    );
    assert_snapshot!("loopback-of-a-node", setup(&program, &["kind"]));
    for client in ["ecs", "kind"] {
        let told = setup(&program, &[client, "--undo"]);
        assert!(told.contains("there is nothing to undo"), "{told}");
    }
    let login = ["kubernetes", "--registry", "hub", "--username", "me"];
    let told = setup_here(&program, &[&login[..], &["--write"]].concat());
    assert!(
        told.contains("kubernetes has no password to log in with"),
        "{told}"
    );
}

#[test]
fn a_check_needs_the_client_and_the_server() {
    let without = Program::new().env("PATH", "/nowhere");
    assert_snapshot!(
        "check-without-docker",
        setup(&without, &["docker", "--check"])
    );
    let with = recording(Program::new(), "docker");
    assert_snapshot!("check-without-server", setup(&with, &["docker", "--check"]));
    assert_snapshot!(
        "check-of-kaniko",
        setup(&with, &[&["kaniko", "--check"], &ADDRESS[..]].concat())
    );
}

/// A program of this name that writes down its arguments and its input.
pub(crate) fn recording(program: Program, name: &str) -> Program {
    let script = format!(
        "#!/bin/sh\necho \"{name} $*\" >>calls\nread -r line || :\necho \"$line\" >>input\n"
    );
    let bin = program.path("bin");
    program
        .file_with_mode(&format!("bin/{name}"), &script, 0o755)
        .env("PATH", &format!("{}:/usr/bin:/bin", bin.display()))
}

#[test]
fn a_cluster_is_set_up_and_undone_through_kubectl() {
    let program = recording(Program::new(), "kubectl");
    assert_snapshot!(
        "kubernetes-write",
        setup_here(&program, &["kubernetes", "--write"])
    );
    assert_snapshot!(
        "kubernetes-undo",
        setup_here(&program, &["kubernetes", "--undo"])
    );
    assert_eq!(
        read(&program, "calls"),
        "kubectl apply --filename -\nkubectl delete --ignore-not-found --filename -\n"
    );
}

const ECR: &str = "730335557645.dkr.ecr.us-east-1.amazonaws.com";

#[test]
fn logins_are_printed_for_each_client() {
    for (name, args) in [
        (
            "login-docker",
            &["docker", "--registry", "ecr", "--host", ECR][..],
        ),
        (
            "login-podman",
            &["podman", "--registry", "quay", "--username", "bob"],
        ),
        (
            "login-swarm",
            &["swarm", "--registry", "hub", "--username", "bob"],
        ),
        (
            "login-kaniko",
            &["kaniko", "--registry", "ghcr", "--username", "bob"],
        ),
        (
            "login-kubernetes",
            &["kubernetes", "--registry", "ghcr", "--username", "bob"],
        ),
        ("login-ecs", &["ecs", "--registry", "hub"]),
        (
            "login-ecs-ecr",
            &["ecs", "--registry", "ecr", "--host", ECR],
        ),
        (
            "login-github",
            &[
                "github-actions",
                "--registry",
                "quay",
                "--image",
                "team/app:1",
            ],
        ),
        (
            "login-gitlab",
            &[
                "gitlab-ci",
                "--registry",
                "ecr",
                "--host",
                ECR,
                "--image",
                "app:1",
            ],
        ),
        ("login-ecr-without-host", &["docker", "--registry", "ecr"]),
    ] {
        assert_snapshot!(name, setup(&Program::new(), args));
    }
}

/// The deployment of an incident: nothing built the image, and CDK named it by an f-string.
#[test]
fn steps_come_into_a_workflow_in_their_right_place() {
    let workflow = include_str!("fixtures/ci-cd.yml");
    let stack = include_str!("fixtures/app.py");
    let path = ".github/workflows/ci-cd.yml";
    let program = Program::new().file(path, workflow).file("app.py", stack);
    let args = [
        "github-actions",
        "--registry",
        "ecr",
        "--host",
        ECR,
        "--image",
        "court-case-backend:latest",
        "--context",
        "caseapp",
        "--file",
        path,
    ];
    assert_snapshot!(
        "workflow-ecr-diff",
        setup(&program, &[&args, &["--diff"][..]].concat())
    );
    setup(&program, &[&args, &["--write"][..]].concat());
    let again = setup(&program, &[&args, &["--write"][..]].concat());
    assert!(again.contains("nothing was written"), "{again}");
    setup(&program, &["github-actions", "--file", path, "--undo"]);
    assert_eq!(read(&program, path), workflow);
    assert_snapshot!(
        "cdk-hub-diff",
        setup(
            &program,
            &["ecs", "--registry", "hub", "--file", "app.py", "--diff"]
        )
    );
    let point = [&["github-actions", "--file", path, "--diff"], &ADDRESS[..]].concat();
    assert_snapshot!("workflow-forebay-diff", setup(&program, &point));
}

#[test]
fn a_record_is_believed_for_the_clients_own_files_alone() {
    let args = [
        &[
            "kind",
            "--file",
            "repo/kind.yaml",
            "--upstream",
            "docker.io",
        ],
        &ADDRESS[..],
    ]
    .concat();
    for (path, folder) in [
        ("repo/../victim", "repo"),
        ("victim", "repo"),
        ("/victim", "repo"),
        ("repo/forebay-certs.d/docker.io/../../../victim", "repo"),
        ("repo/linked.d/hosts.toml", "repo"),
        ("repo/kind.yaml", "other"),
    ] {
        let record = serde_json::json!({"form": 1, "folders": [folder], "files": [
            {"path": path, "before": "evil\n", "after": "mine\n"},
        ]});
        let program = Program::new()
            .file("victim", "mine\n")
            .file("repo/.kind.yaml.forebay-setup.json", &record.to_string());
        fs::create_dir(program.path("other")).expect("a folder");
        for act in ["--write", "--undo"] {
            let told = setup(&program, &[&args[..], &[act]].concat());
            assert!(told.starts_with("exit: 3"), "{path}: {told}");
            assert!(told.contains("does not write"), "{path}: {told}");
            assert_eq!(read(&program, "victim"), "mine\n", "{path}");
            assert!(program.path("other").is_dir());
        }
    }
    let program = Program::new().file("repo/x", "");
    let told = setup(&program, &[&args[..], &["--write"]].concat());
    assert!(told.starts_with("exit: 0"), "{told}");
    let told = setup(&program, &["kind", "--file", "./repo/kind.yaml", "--undo"]);
    assert!(told.starts_with("exit: 0"), "{told}");
    assert!(!program.path("repo/forebay-certs.d").exists());
}

#[test]
fn what_would_run_on_this_machine_is_refused_below_another_root() {
    let program = recording(Program::new(), "docker");
    let login = ["docker", "--registry", "hub", "--username", "bob"];
    let write = [
        &["setup"],
        &login[..],
        &["--password-stdin", "--write", "--root", "."],
    ]
    .concat();
    let told = program.run_with_input(&write, "token\n");
    assert!(told.starts_with("exit: 2"), "{told}");
    assert!(told.contains("would run on this machine"), "{told}");
    let program = recording(program, "kubectl");
    let told = setup(&program, &["kubernetes", "--registry", "hub", "--undo"]);
    assert!(told.starts_with("exit: 2"), "{told}");
    assert!(!program.path("calls").exists());
}

#[test]
fn a_printed_command_is_quoted_and_a_name_that_kubernetes_refuses_is_refused() {
    let program = Program::new();
    let login = ["kubernetes", "--registry", "hub", "--username", "a;touch x"];
    let told = setup(&program, &login);
    assert!(told.contains("--username 'a;touch x'"), "{told}");
    for name in [
        ["--namespace", "a;b"],
        ["--namespace", "A"],
        ["--secret", "$(id)"],
        ["--secret", "-a"],
    ] {
        let given = format!("{}={}", name[0], name[1]);
        let told = setup(&program, &[&login[..], &[given.as_str()]].concat());
        assert!(told.starts_with("exit: 3"), "{told}");
    }
}

//! `setup` and files that are no plain ones: pipes, devices, links, shared YAML, and what a terminal would obey.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::process::Command;

use insta::assert_snapshot;

use crate::program::Program;

const ADDRESS: [&str; 2] = ["--address", "http://10.0.0.5:5000"];

fn setup(program: &Program, args: &[&str]) -> String {
    program.run(&[&["setup"], args, &["--root", "."]].concat())
}

fn read(program: &Program, path: &str) -> String {
    fs::read_to_string(program.path(path)).expect("a file")
}

#[test]
fn nobody_waits_for_a_pipe_or_reads_a_device_to_its_end() {
    for (client, path) in [
        ("docker", "etc/docker/daemon.json"),
        ("docker", "etc/docker/.forebay-setup.json"),
        ("containerd", "etc/containerd/config.toml"),
        ("containerd", "etc/containerd/certs.d/docker.io/hosts.toml"),
        ("k3s", "etc/rancher/k3s/registries.yaml"),
        ("k3s", "etc/rancher/k3s/config.yaml"),
        ("podman", "etc/containers/registries.conf.d/50-forebay.conf"),
        ("podman", "etc/containers/registries.conf.d/99-other.conf"),
        ("buildkit", "etc/buildkit/buildkitd.toml"),
    ] {
        let program = Program::new().file(&format!("{path}.beside"), "");
        let made = Command::new("mkfifo").arg(program.path(path)).status();
        assert!(made.expect("mkfifo runs").success());
        for act in ["--diff", "--write", "--undo"] {
            let told = setup(&program, &[&[client, act], &ADDRESS[..]].concat());
            assert!(told.starts_with("exit: 3"), "{path} {act}: {told}");
            // Without a record nothing is read, for nothing is undone.
            let is_unread = act == "--undo" && told.contains("there is nothing to undo");
            let is_told = told.contains("it is a pipe or a device, and no file");
            assert!(is_told || is_unread, "{path} {act}: {told}");
        }
    }
    let program = Program::new().file("etc/docker/daemon.json", &" ".repeat((4 << 20) + 1));
    let told = setup(&program, &[&["docker"], &ADDRESS[..]].concat());
    assert!(told.contains("it is longer than 4194304 bytes"), "{told}");
    let made = Command::new("mkfifo").arg(program.path("pipe")).status();
    assert!(made.expect("mkfifo runs").success());
    let told = program.run(&["setup", "docker", "--write", "--root", "pipe"]);
    assert!(told.contains("there is no folder pipe"), "{told}");
}

#[test]
fn what_a_terminal_would_obey_or_a_file_would_take_for_more_is_refused() {
    let program = Program::new();
    for (flag, text) in [
        ("--file", "a\nb.yml"),
        ("--image", "app:1\n    evil: true"),
        ("--context", ".\u{1b}[2J"),
        ("--host", "ghcr.io\nx"),
        ("--host", "ghcr.io; id"),
        ("--username", "bob\n"),
    ] {
        let mut args = vec!["github-actions", "--registry", "ghcr", "--image", "app:1"];
        let is_image = flag == "--image";
        args.truncate(if is_image { 3 } else { 5 });
        args.extend([flag, text]);
        let told = setup(&program, &args);
        let is_refused = told.starts_with("exit: 2") || told.starts_with("exit: 3");
        assert!(is_refused, "{flag}: {told}");
        assert!(
            !told.contains('\u{1b}') && !told.contains("evil: true\n"),
            "{told}"
        );
    }
    for address in [
        "http://a\nb",
        "http://a\tb",
        "http://a\";x",
        "http://a b",
        "http://$(id)",
    ] {
        let told = setup(&program, &["docker", "--address", address]);
        assert!(told.starts_with("exit: 2"), "{address:?}: {told}");
        assert!(told.contains("an address is http://host:port"), "{told}");
    }
    let secret = ["ecs", "--registry", "hub", "--secret", "a\"b"];
    let told = setup(&program, &secret);
    assert!(told.contains("is no name of a secret in AWS"), "{told}");
}

#[test]
fn a_file_that_would_be_passed_over_is_refused() {
    let program = Program::new().file("x", "");
    for (args, is_refused) in [
        (&["swarm", "--registry", "hub"][..], true),
        (&["docker", "--registry", "hub", "--write"], true),
        (&["ecs"], true),
        (&["kaniko"], true),
        (&["kubernetes"], true),
        (&["ecs", "--undo"], false),
        (&["swarm"], false),
    ] {
        let file = [args, &["--file", "x"]].concat();
        let told = setup(&program, &file);
        assert_eq!(told.starts_with("exit: 2"), is_refused, "{args:?}: {told}");
        assert_eq!(told.contains("leave --file away"), is_refused, "{told}");
    }
}

#[test]
fn a_mirror_that_is_shared_by_an_alias_is_refused_with_the_lines_to_put_in() {
    let text = "mirrors:\n  quay.io: &near\n    endpoint: [\"https://near.example\"]\n  docker.io: *near\n";
    let program = Program::new().file("etc/rancher/k3s/registries.yaml", text);
    let upstreams = ["--upstream", "docker.io", "--upstream", "ghcr.io"];
    let args = [&["k3s", "--write"], &upstreams[..], &ADDRESS[..]].concat();
    assert_snapshot!(setup(&program, &args));
    assert_eq!(read(&program, "etc/rancher/k3s/registries.yaml"), text);
}

#[test]
fn a_link_that_took_a_new_files_place_is_not_followed_by_undo() {
    let program = Program::new().file("srv/x", "").file("etc/docker/x", "");
    setup(&program, &[&["docker", "--write"], &ADDRESS[..]].concat());
    fs::rename(
        program.path("etc/docker/daemon.json"),
        program.path("srv/daemon.json"),
    )
    .expect("moved");
    symlink(
        "../../srv/daemon.json",
        program.path("etc/docker/daemon.json"),
    )
    .expect("a link");
    let told = setup(&program, &["docker", "--undo"]);
    assert!(told.starts_with("exit: 3"), "{told}");
    assert!(told.contains("it is a link now"), "{told}");
    assert!(program.path("srv/daemon.json").exists());
    assert!(program.path("etc/docker/daemon.json").is_symlink());
}

#[test]
fn a_link_that_was_there_stays_one_and_other_names_are_told() {
    let program = Program::new()
        .file("srv/daemon.json", "{\"debug\": true}\n")
        .file("etc/docker/x", "");
    symlink(
        "../../srv/daemon.json",
        program.path("etc/docker/daemon.json"),
    )
    .expect("a link");
    fs::hard_link(program.path("srv/daemon.json"), program.path("srv/other")).expect("a link");
    let told = setup(&program, &[&["docker", "--write"], &ADDRESS[..]].concat());
    assert!(
        told.contains("was one file with another name (a hard link)"),
        "{told}"
    );
    assert!(
        told.find("hard link") < told.find("wrote"),
        "a name is told where the file is written: {told}"
    );
    assert!(read(&program, "srv/daemon.json").contains("10.0.0.5"));
    assert_eq!(read(&program, "srv/other"), "{\"debug\": true}\n");
    let told = setup(&program, &["docker", "--undo"]);
    assert!(told.starts_with("exit: 0"), "{told}");
    assert!(program.path("etc/docker/daemon.json").is_symlink());
    assert_eq!(read(&program, "srv/daemon.json"), "{\"debug\": true}\n");
    assert_eq!(
        fs::metadata(program.path("srv/other"))
            .expect("a file")
            .nlink(),
        1
    );
}

#[test]
fn other_names_are_counted_and_told_only_once_the_file_is_written() {
    let program = Program::new().file("etc/rancher/k3s/registries.yaml", "# none\n");
    for name in ["one", "two", "three"] {
        let file = program.path("etc/rancher/k3s/registries.yaml");
        fs::hard_link(file, program.path(name)).expect("a link");
    }
    // The second file cannot be staged.
    let in_the_way = program.path("etc/rancher/k3s/.config.yaml.forebay-new/in-the-way");
    fs::create_dir_all(&in_the_way).expect("a folder");
    let write = [&["k3s", "--write"], &ADDRESS[..]].concat();
    let told = setup(&program, &write);
    assert!(told.starts_with("exit: 3"), "{told}");
    assert!(!told.contains("hard link"), "{told}");
    fs::remove_dir_all(in_the_way.parent().expect("a folder")).expect("removed");
    // What was put back is a file of its own already.
    fs::remove_file(program.path("one")).expect("removed");
    let file = program.path("etc/rancher/k3s/registries.yaml");
    fs::hard_link(&file, program.path("one")).expect("a link");
    fs::hard_link(&file, program.path("four")).expect("a link");
    let told = setup(&program, &write);
    assert!(
        told.contains("was one file with 2 other names (hard links)"),
        "{told}"
    );
}

#[test]
fn neighbouring_secrets_are_not_shown_and_stay_as_they_are() {
    let k3s = "configs:\n  r.lan:\n    auth:\n      username: me\n      password: hunter2\n";
    let docker =
        "{\n  \"http-proxy\": \"http://me:hunter2@proxy.lan:3128\",\n  \"debug\": true\n}\n";
    for (client, path, text) in [
        ("k3s", "etc/rancher/k3s/registries.yaml", k3s),
        ("docker", "etc/docker/daemon.json", docker),
    ] {
        let program = Program::new().file(path, text);
        for act in [&[][..], &["--diff"], &["--write"]] {
            let told = setup(&program, &[&[client], act, &ADDRESS[..]].concat());
            assert!(told.starts_with("exit: 0"), "{told}");
            assert!(!told.contains("hunter2"), "{told}");
            let is_told = told.contains("secrets that stand there are shown as ***");
            assert_eq!(is_told, act != ["--write"], "{told}");
        }
        assert!(read(&program, path).contains("hunter2"));
        let changed = read(&program, path).replace("hunter2", "hunter23");
        fs::write(program.path(path), changed).expect("a file");
        let told = setup(&program, &[client, "--undo"]);
        assert!(told.starts_with("exit: 3"), "{told}");
        assert!(told.contains("a secret, which is not shown"), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
    let broken = "[plugins.x.auth]\npassword = hunter2\n";
    let program = Program::new().file("etc/containerd/config.toml", broken);
    let told = setup(&program, &[&["containerd"], &ADDRESS[..]].concat());
    assert!(told.contains("cannot be read as TOML"), "{told}");
    assert!(told.contains("caused by: line 2: "), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn what_is_blocked_stays_blocked_and_is_told() {
    let blocked = "[[registry]]\nprefix = \"docker.io\"\nblocked = true\n";
    let program = Program::new().file("etc/containers/registries.conf", blocked);
    let args = ["podman", "--write", "--upstream", "docker.io"];
    let told = setup(&program, &[&args, &ADDRESS[..]].concat());
    assert!(told.starts_with("exit: 3"), "{told}");
    assert!(
        told.contains("docker.io is blocked there (`blocked = true`)"),
        "{told}"
    );
    let more = ["--upstream", "ghcr.io"];
    let told = setup(&program, &[&args, &more[..], &ADDRESS[..]].concat());
    assert!(told.starts_with("exit: 0"), "{told}");
    assert!(told.contains("docker.io stays blocked"), "{told}");
    let ours = read(&program, "etc/containers/registries.conf.d/50-forebay.conf");
    assert!(
        ours.contains("ghcr.io") && !ours.contains("docker.io"),
        "{ours}"
    );
}

#[test]
fn where_a_second_set_up_fails_the_first_stands_as_it_did_and_can_be_undone() {
    let (old, before) = ("mirrors:\n  mine.example:\n", "debug: true\n");
    let program = Program::new()
        .file("etc/rancher/k3s/registries.yaml", old)
        .file("etc/rancher/k3s/config.yaml", before);
    let paths = [
        "etc/rancher/k3s/registries.yaml",
        "etc/rancher/k3s/config.yaml",
        "etc/rancher/k3s/.forebay-setup.json",
    ];
    let address = ["--address", "http://10.0.0.9:5000"];
    let told = setup(&program, &[&["k3s", "--write"], &address[..]].concat());
    assert!(told.starts_with("exit: 0"), "{told}");
    let first = paths.map(|path| read(&program, path));
    // The second file cannot be staged.
    let in_the_way = program.path("etc/rancher/k3s/.config.yaml.forebay-new");
    fs::create_dir_all(in_the_way.join("x")).expect("a folder");
    let again = ["k3s", "--write", "--fall-back"];
    let told = setup(&program, &[&again[..], &address[..]].concat());
    assert!(
        told.contains("cannot write /etc/rancher/k3s/config.yaml"),
        "{told}"
    );
    assert_eq!(paths.map(|path| read(&program, path)), first);
    fs::remove_dir_all(in_the_way).expect("the folder goes");
    let told = setup(&program, &["k3s", "--undo"]);
    assert!(told.starts_with("exit: 0"), "{told}");
    let [registries, config, _] = paths;
    assert_eq!(
        [registries, config].map(|path| read(&program, path)),
        [old, before]
    );
}

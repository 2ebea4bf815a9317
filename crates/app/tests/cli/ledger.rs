//! Commands of the budget and the ledger without a server.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use crate::program::Program;

#[test]
fn where_nothing_is_each_says_so_and_makes_nothing() {
    for command in [
        ["budget"].as_slice(),
        &["top", "--once"],
        &["ledger", "export"],
    ] {
        let program = Program::new();
        let told = program.run(command);
        assert!(told.starts_with("exit: 3"), "{told}");
        assert!(told.contains("there is no data directory"), "{told}");
        assert!(!program.path("forebay-data").exists());
    }
}

/// Root may see everything, so it is played by nobody.
#[test]
fn what_may_not_be_seen_is_not_told_to_be_missing() {
    const NOBODY: u32 = 65_534;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    fs::create_dir(&data).expect("a folder");
    fs::write(data.join("format"), "1\n").expect("a file");
    let set_mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
    };
    let is_root = rustix::process::geteuid().is_root();
    set_mode(folder.path(), 0o755);
    set_mode(&data, if is_root { 0o700 } else { 0 });
    for command in [
        ["budget"].as_slice(),
        &["budget", "docker.io", "--probe", "--floor", "20%"],
        &["top", "--once"],
        &["ledger", "export"],
        &["alerts", "test"],
    ] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_forebay"));
        let program = program.args(command).arg("--data").arg(&data);
        let program = program.env_clear().current_dir("/");
        if is_root {
            program.uid(NOBODY).gid(NOBODY);
        }
        let Ok(ran) = program.output() else {
            println!("SKIPPED: the program may not be run by others");
            return;
        };
        let told = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(3), "{command:?}: {told}");
        assert!(told.contains("permission denied"), "{command:?}: {told}");
        assert!(told.contains("as root"), "{command:?}: {told}");
        assert!(!told.contains("no server runs"), "{command:?}: {told}");
    }
    set_mode(&data, 0o700);
}

/// Nobody knows whether it is wrong: that is another thing than a mistake in it.
#[test]
fn a_configuration_that_may_not_be_read_is_a_failure_and_no_usage_error() {
    const NOBODY: u32 = 65_534;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let secret = folder.path().join("hub.token");
    let config = folder.path().join("forebay.toml");
    let is_root = rustix::process::geteuid().is_root();
    let set_mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
    };
    set_mode(folder.path(), 0o755);
    fs::write(&secret, "canary\n").expect("a file");
    let barred_mode = if is_root { 0o600 } else { 0 };
    set_mode(&secret, barred_mode);
    let by_file = "[upstreams.\"docker.io\"]\nusername = \"ci\"\npassword_file = \"hub.token\"\n";
    let mistaken = format!("{by_file}[cache]\nmax_size = \"red\"\n");
    for (text, is_barred, code) in [
        (by_file, false, 3),
        (&mistaken, false, 2),
        (by_file, true, 3),
    ] {
        fs::write(&config, text).expect("a file");
        set_mode(&config, if is_barred { barred_mode } else { 0o644 });
        let mut program = Command::new(env!("CARGO_BIN_EXE_forebay"));
        let program = program.args(["config", "check", "--config"]).arg(&config);
        let program = program.env_clear().current_dir("/");
        if is_root {
            program.uid(NOBODY).gid(NOBODY);
        }
        let Ok(ran) = program.output() else {
            println!("SKIPPED: the program may not be run by others");
            return;
        };
        let told = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(code), "{told}");
        assert!(told.contains("Permission denied"), "{told}");
        set_mode(&config, 0o600);
    }
}

#[test]
fn a_budget_of_no_upstream_is_a_wrong_command_line_and_monitoring_hears_why() {
    let program = Program::new();
    let told = program.run(&["budget", "nonexist.io"]);
    assert!(told.starts_with("exit: 2"), "{told}");
    let unknown = "exit: 2\n----- stdout -----\nUNKNOWN no upstream is called nonexist.io\n";
    let told = program.run(&["budget", "nonexist.io", "--floor", "20%"]);
    assert!(told.starts_with(unknown), "{told}");
    let unknown = "exit: 3\n----- stdout -----\nUNKNOWN no server runs";
    let told = program.run(&["budget", "docker.io", "--floor", "20%"]);
    assert!(told.starts_with(unknown), "{told}");
}

#[test]
fn a_test_alert_needs_a_webhook() {
    insta::assert_snapshot!(Program::new().run(&["alerts", "test"]));
}

#[test]
fn a_test_alert_says_what_came_of_it_and_not_where() {
    let config = "[[alerts.webhooks]]\nurl = \"http://127.0.0.1:1/T0/s3cret\"\nform = \"slack\"";
    let program = Program::with_config(config);
    let told = program.run(&["alerts", "test", "--config", "forebay.toml"]);
    insta::assert_snapshot!(told);
}

#[test]
fn a_webhook_has_one_address_and_it_is_never_shown() {
    let address = "https://hooks.example/T0/s3cret";
    for (webhook, is_right) in [
        (format!("url = \"{address}\""), true),
        (
            "url_file = \"hook.url\"\nform = \"slack\"\nprivate = true".to_owned(),
            true,
        ),
        ("form = \"slack\"".to_owned(), false),
        (
            format!("url = \"{address}\"\nurl_file = \"hook.url\""),
            false,
        ),
        ("url = \"ftp://hooks.example/s3cret\"".to_owned(), false),
        (
            "url = \"https://user:s3cret@hooks.example/\"".to_owned(),
            false,
        ),
        (format!("url = \"{address}\"\nfrom = \"slack\""), false),
        (format!("url = \"{address}\"\nform = \"s3cret\""), false),
    ] {
        let program = Program::with_config(&format!("[[alerts.webhooks]]\n{webhook}"));
        let program = program.file("hook.url", &format!("{address}\n"));
        let told = program.check();
        assert_eq!(told.starts_with("exit: 0"), is_right, "{webhook}: {told}");
        let shown = program.run(&["config", "show", "--config", "forebay.toml"]);
        assert!(!is_right || shown.contains("webhooks = ["), "{shown}");
        if !webhook.contains("form = \"s3cret\"") {
            assert!(!(told + &shown).contains("s3cret"), "{webhook}: {shown}");
        }
    }
}

#[test]
fn amounts_of_alerts_and_of_the_ledger_have_bounds() {
    insta::assert_snapshot!(
        Program::with_config(
            "[alerts]\nfloor = \"101%\"\nquiet = \"1s\"\ndisk_floor = \"5\"\n[ledger]\nkeep = \"1h\"\nstorm_threshold = 1"
        )
        .check()
    );
}

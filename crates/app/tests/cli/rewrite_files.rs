//! `rewrite` and files that are no plain ones: links, pipes, devices, names that a terminal would obey.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::process::Command;

use insta::assert_snapshot;

use crate::program::Program;

const TO: [&str; 3] = ["--to", "mirror.gcr.io", "--write"];

const BEFORE: &str = "FROM nginx:1\n";

const AFTER: &str = "FROM mirror.gcr.io/library/nginx:1\n";

fn write(program: &Program, path: &str) -> String {
    program.run(&[&["rewrite", path], &TO[..]].concat())
}

fn read(program: &Program, path: &str) -> String {
    fs::read_to_string(program.path(path)).expect("a file")
}

fn pipe(program: &Program, name: &str) {
    let made = Command::new("mkfifo").arg(program.path(name)).status();
    assert!(made.expect("mkfifo runs").success());
}

#[test]
fn a_link_that_took_a_files_place_is_neither_followed_nor_replaced() {
    for outside in [false, true] {
        let program = Program::new()
            .file("repo/Dockerfile", BEFORE)
            .file("repo/sub/Dockerfile", BEFORE)
            .file("home/Dockerfile", AFTER)
            .file("repo/other/Dockerfile", AFTER);
        let record = ["--record", "repo/.forebay-rewrite.json"];
        let told = program.run(&[&["rewrite", "repo"], &TO[..], &record[..]].concat());
        assert!(told.starts_with("exit: 0"), "{told}");
        let there = if outside { "../home" } else { "other" };
        fs::remove_file(program.path("repo/Dockerfile")).expect("gone");
        symlink(
            format!("{there}/Dockerfile"),
            program.path("repo/Dockerfile"),
        )
        .expect("a link");
        let undo = [&["rewrite", "--undo"], &record[..]].concat();
        let named = [&undo[..], &["repo", "home"]].concat();
        for words in [&undo, &named] {
            let told = program.run(words);
            assert!(told.starts_with("exit: 3"), "{told}");
            assert!(told.contains("nothing was taken back"), "{told}");
        }
        assert!(program.path("repo/Dockerfile").is_symlink());
        for file in [
            "home/Dockerfile",
            "repo/other/Dockerfile",
            "repo/sub/Dockerfile",
        ] {
            assert_eq!(read(&program, file), AFTER, "{file}");
        }
    }
}

#[test]
fn a_folder_that_a_link_took_the_place_of_is_not_written_through() {
    let program = Program::new()
        .file("repo/sub/Dockerfile", BEFORE)
        .file("repo/real/Dockerfile", AFTER);
    let record = ["--record", "repo/.forebay-rewrite.json"];
    program.run(&[&["rewrite", "repo/sub"], &TO[..], &record[..]].concat());
    fs::rename(program.path("repo/sub"), program.path("moved")).expect("moved");
    symlink("real", program.path("repo/sub")).expect("a link");
    let told = program.run(&[&["rewrite", "--undo"], &record[..]].concat());
    assert!(
        told.contains("sub/Dockerfile is a link now, or lies behind one"),
        "{told}"
    );
    assert_eq!(read(&program, "repo/real/Dockerfile"), AFTER);
}

#[test]
fn a_file_with_several_names_is_told() {
    let program = Program::new().file("Dockerfile", BEFORE);
    fs::hard_link(program.path("Dockerfile"), program.path("kept")).expect("a link");
    assert_snapshot!(write(&program, "Dockerfile"));
    assert_eq!(read(&program, "kept"), BEFORE);
    let told = program.run(&["rewrite", "--undo"]);
    assert!(!told.contains("hard links"), "{told}");
    assert_eq!(read(&program, "Dockerfile"), BEFORE);
}

#[test]
fn names_of_one_file_that_are_all_written_change_together() {
    let program = Program::new().file("a/Dockerfile", BEFORE).file("b/x", "");
    fs::hard_link(program.path("a/Dockerfile"), program.path("b/Dockerfile")).expect("a link");
    let told = write(&program, ".");
    assert!(!told.contains("hard links"), "{told}");
    for now in [AFTER, BEFORE] {
        for file in ["a/Dockerfile", "b/Dockerfile"] {
            assert_eq!(read(&program, file), now, "{file}");
        }
        let told = program.run(&["rewrite", "--undo"]);
        // Once: what was taken back is not on the record any more.
        let (exit, what) = match now {
            AFTER => ("exit: 0", "as it was"),
            _ => ("exit: 3", "there is no record of a rewrite"),
        };
        assert!(told.starts_with(exit) && told.contains(what), "{told}");
    }
}

#[test]
fn json_tells_what_was_not_written() {
    use std::os::unix::ffi::OsStrExt as _;

    let program = Program::new().file("Dockerfile", BEFORE);
    let name = std::ffi::OsStr::from_bytes(b"Dockerfile.\xff");
    fs::write(program.path("").join(name), BEFORE).expect("a file");
    let told = program.run(&[&["rewrite", ".", "--json"], &TO[..]].concat());
    assert!(told.starts_with("exit: 3"), "{told}");
    assert!(
        told.contains("not written: its name is not UTF-8"),
        "{told}"
    );
    assert!(told.contains("\"files_failed\": 1"), "{told}");
}

#[test]
fn mode_and_owner_outlive_writing_and_taking_back() {
    let program = Program::new().file_with_mode("Dockerfile", BEFORE, 0o2640);
    let owned = std::os::unix::fs::chown(program.path("Dockerfile"), Some(12_345), Some(54_321));
    let about = || {
        let about = fs::metadata(program.path("Dockerfile")).expect("a file");
        (
            about.uid(),
            about.gid(),
            about.permissions().mode() & 0o7777,
        )
    };
    if owned.is_ok() {
        // A change of owner takes the bit away.
        fs::set_permissions(
            program.path("Dockerfile"),
            fs::Permissions::from_mode(0o2640),
        )
        .expect("a mode");
    }
    let before = about();
    write(&program, "Dockerfile");
    assert_eq!(
        (about(), read(&program, "Dockerfile")),
        (before, AFTER.to_owned())
    );
    program.run(&["rewrite", "--undo"]);
    assert_eq!(
        (about(), read(&program, "Dockerfile")),
        (before, BEFORE.to_owned())
    );
}

#[test]
fn nobody_waits_for_a_pipe_or_reads_a_device_to_its_end() {
    let program = Program::new()
        .file("Dockerfile", BEFORE)
        .file("large.toml", &"#".repeat((1 << 20) + 1));
    pipe(&program, "pipe");
    for rules in ["pipe", "/dev/zero", "large.toml", "."] {
        let told = program.run(&["rewrite", "Dockerfile", "--to", rules]);
        assert!(told.starts_with("exit: 2"), "{rules}: {told}");
        let cause = match rules {
            "large.toml" => "it is longer than 1048576 bytes",
            "." => "it is a folder, and no file",
            _ => "it is a pipe or a device, and no file",
        };
        assert!(told.contains(cause), "{rules}: {told}");
    }
    for record in ["pipe", "/dev/zero", "."] {
        let told = program.run(&[&["rewrite", "Dockerfile", "--record", record], &TO[..]].concat());
        assert!(told.starts_with("exit: 3"), "{record}: {told}");
        let told = program.run(&["rewrite", "--undo", "--record", record]);
        assert!(told.starts_with("exit: 3"), "{record}: {told}");
    }
    assert_eq!(read(&program, "Dockerfile"), BEFORE);
    let told = program.run(&[&["rewrite", "Dockerfile", "--record", "pipe/x"], &TO[..]].concat());
    assert!(told.starts_with("exit: 3"), "{told}");
}

#[test]
fn a_file_that_became_a_pipe_is_not_waited_for() {
    let program = Program::new().file("Dockerfile", BEFORE);
    write(&program, "Dockerfile");
    fs::remove_file(program.path("Dockerfile")).expect("gone");
    pipe(&program, "Dockerfile");
    let told = program.run(&["rewrite", "--undo"]);
    assert!(told.starts_with("exit: 3"), "{told}");
    assert!(
        told.contains("it is a pipe or a device, and no file"),
        "{told}"
    );
}

#[test]
fn what_a_terminal_would_obey_is_refused_in_a_goal_and_a_setting() {
    let program = Program::new().file("Dockerfile", BEFORE).file(
        "rules.toml",
        "[[rule]]\nto = \"h.example\\u001b[2J/{name}\"\n",
    );
    for goal in [
        "forebay:h.example\nFROM x",
        "forebay:h.example\u{1b}[2J",
        "ghcr:o\nx",
        "rules.toml",
        "no\u{1b}[2Jfile",
    ] {
        let told = program.run(&["rewrite", "Dockerfile", "--to", goal]);
        assert!(told.starts_with("exit: 2"), "{told}");
        assert!(
            !told.contains('\u{1b}') && !told.contains("\nFROM x"),
            "{told}"
        );
    }
    let told = program.run(&["rewrite", ".", "--to", "quay:me", "--set", "user=a\nb"]);
    assert!(told.starts_with("exit: 2"), "{told}");
    assert!(
        told.contains("a line end or another control character"),
        "{told}"
    );
}

#[test]
fn names_are_quoted_in_a_diff_as_git_does() {
    let program = Program::new()
        .file("Dockerfile.a\tb", BEFORE)
        .file("Dockerfile.c d", BEFORE)
        .file("Dockerfile.\u{1b}[2J", BEFORE)
        .file("Dockerfile.\"q\"", BEFORE);
    assert_snapshot!(program.run(&["rewrite", ".", "--to", "mirror.gcr.io"]));
    assert_snapshot!(program.run(&["rewrite", ".", "--to", "mirror.gcr.io", "--check"]));
}

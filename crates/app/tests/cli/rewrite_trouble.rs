//! `rewrite` where something is in the way: other runs, a full disk, a kill, files that are odd.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use insta::assert_snapshot;

use crate::program::Program;

const TO: [&str; 3] = ["--to", "mirror.gcr.io", "--write"];

fn rewrite(program: &Program, paths: &[&str]) -> String {
    program.run(&[&["rewrite"], paths, &TO[..]].concat())
}

/// Files `0`, `1`, … of one image each.
fn dockerfiles(count: usize) -> Program {
    (0..count).fold(Program::new(), |program, number| {
        program.file(&format!("{number}.dockerfile"), &text(number))
    })
}

fn text(number: usize) -> String {
    format!("FROM nginx:{number}\n")
}

/// Which of them have been written.
fn written(program: &Program, count: usize) -> Vec<bool> {
    let is_written = |number: usize| {
        let now =
            fs::read_to_string(program.path(&format!("{number}.dockerfile"))).expect("a file");
        let after = format!("FROM mirror.gcr.io/library/nginx:{number}\n");
        assert!(now == after || now == text(number), "{now}");
        now == after
    };
    (0..count).map(is_written).collect()
}

fn names(program: &Program) -> Vec<String> {
    let entries = fs::read_dir(program.path("")).expect("a folder");
    let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("a name");
    let mut names: Vec<String> = entries
        .map(|entry| name(entry.expect("an entry")))
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_that_is_named_twice_is_written_once_and_taken_back() {
    let program = Program::new().file("a/Dockerfile", "FROM nginx:1\n");
    std::os::unix::fs::symlink(
        program.path("a/Dockerfile"),
        program.path("link.dockerfile"),
    )
    .expect("a link");
    assert_snapshot!(rewrite(&program, &[".", "a", "link.dockerfile"]));
    let undone = program.run(&["rewrite", "--undo"]);
    assert!(undone.starts_with("exit: 0"), "{undone}");
    let now = fs::read_to_string(program.path("a/Dockerfile")).expect("a file");
    assert_eq!(now, "FROM nginx:1\n");
}

#[test]
fn a_run_does_not_write_while_another_does() {
    let program = dockerfiles(1);
    let other = File::open(program.path("")).expect("a folder");
    other.lock().expect("a lock");
    assert_snapshot!(rewrite(&program, &["."]));
    assert_eq!(written(&program, 1), [false]);
    let undo = program.run(&["rewrite", "--undo"]);
    assert!(undo.contains("another forebay writes"), "{undo}");
    drop(other);
    assert!(rewrite(&program, &["."]).starts_with("exit: 0"));
}

/// Runs it below strace, which does this to one of its calls; `None` where strace cannot be used.
#[expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test that cannot run says so, and fails where it must be able to"
)]
fn run_struck(program: &Program, inject: &str) -> Option<()> {
    let traced = |words: &[&str]| {
        let mut strace = Command::new("strace");
        strace
            .args(["-f", "-qq", "-o", "/dev/null", "-e", inject])
            .args(words);
        strace
            .current_dir(program.path(""))
            .env_clear()
            .env("PATH", "/usr/bin:/bin");
        strace.output().ok()
    };
    // Where tracing is forbidden, nothing at all runs below it.
    let tried = traced(&["true"]);
    if !tried.is_some_and(|output| output.status.success()) {
        let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(!is_ci, "strace is needed");
        eprintln!("SKIPPED: rewrite below strace, which is not installed or may not trace");
        return None;
    }
    let forebay = env!("CARGO_BIN_EXE_forebay");
    traced(&[&[forebay, "rewrite", "."], &TO[..]].concat()).map(|_| ())
}

#[test]
fn a_run_that_is_killed_between_files_is_taken_back_whole() {
    let program = dockerfiles(6);
    // The first rename is the record's.
    if run_struck(
        &program,
        "inject=rename,renameat,renameat2:signal=SIGKILL:when=4",
    )
    .is_none()
    {
        return;
    }
    let written = written(&program, 6);
    let count = written.iter().filter(|written| **written).count();
    assert!((1..6).contains(&count), "{written:?}");
    // What it was about to put in a file's place is not taken for a file of the tree.
    let check = program.run(&["rewrite", ".", "--to", "quay:me", "--check"]);
    assert!(!check.contains(".forebay-"), "{check}");
    let undone = program.run(&["rewrite", "--undo"]);
    assert!(undone.starts_with("exit: 0"), "{undone}");
    assert_eq!(super::rewrite_trouble::written(&program, 6), [false; 6]);
    assert_eq!(names(&program).len(), 6, "{:?}", names(&program));
}

#[test]
fn what_a_killed_run_left_is_gone_after_the_next_and_what_another_writes_is_not() {
    let left = ".0.dockerfile.forebay-17";
    let of_record = "..forebay-rewrite.json.forebay-17";
    for undo in [false, true] {
        let program = dockerfiles(1);
        if undo {
            rewrite(&program, &["."]);
        }
        let program = program
            .file(left, "")
            .file(of_record, "")
            .file("1.dockerfile", "");
        let held = File::open(program.path(of_record)).expect("a file");
        held.lock().expect("a lock");
        let run = || {
            if undo {
                program.run(&["rewrite", "--undo"])
            } else {
                rewrite(&program, &["."])
            }
        };
        assert!(run().starts_with("exit: 0"));
        assert!(!program.path(left).exists());
        assert!(program.path(of_record).exists(), "another run has it");
    }
}

#[test]
fn a_file_that_finds_no_room_stays_whole_and_the_others_are_on_record() {
    let program = dockerfiles(4);
    // The record's is the first; the second file's has no room.
    if run_struck(&program, "inject=fsync:error=ENOSPC:when=5").is_none() {
        return;
    }
    let written = written(&program, 4);
    assert_eq!(
        written.iter().filter(|written| !**written).count(),
        1,
        "{written:?}"
    );
    assert_eq!(names(&program).len(), 5, "{:?}", names(&program));
    let undone = program.run(&["rewrite", "--undo"]);
    assert!(undone.starts_with("exit: 0"), "{undone}");
    assert_eq!(super::rewrite_trouble::written(&program, 4), [false; 4]);
}

#[test]
fn odd_files_are_told_and_left_and_a_byte_order_mark_stays() {
    let pod = "apiVersion: v1\r\nkind: Pod\r\nspec:\r\n  containers:\r\n  - image: nginx:1.27";
    let program = Program::new()
        .file("bom.yaml", &format!("\u{feff}{pod}"))
        .file("deep.yaml", &format!("image: {}", "[".repeat(100_000)))
        .file(
            "deep.json",
            &format!("{{\"image\": {}", "[".repeat(100_000)),
        )
        .file(
            "line.yaml",
            &format!("{pod}\r\nx: {}\r\n", "y".repeat(1 << 20)),
        )
        .file("large.yaml", &"image: nginx:1\n".repeat(3 << 20));
    fs::write(
        program.path("latin.yaml"),
        [pod.as_bytes(), b" # caf\xe9"].concat(),
    )
    .expect("a file");
    fs::write(program.path("wide.yaml"), b"\xff\xfei\0m\0a\0g\0e\0").expect("a file");
    fs::set_permissions(program.path("line.yaml"), fs::Permissions::from_mode(0o444))
        .expect("a mode");
    assert_snapshot!(rewrite(&program, &["."]));
    let bom = fs::read_to_string(program.path("bom.yaml")).expect("a file");
    assert_eq!(
        bom,
        format!("\u{feff}{pod}").replace("nginx", "mirror.gcr.io/library/nginx")
    );
    let mode = fs::metadata(program.path("line.yaml"))
        .expect("a file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o444);
}

#[test]
fn a_folder_that_may_not_be_read_is_told_and_the_others_are_rewritten() {
    let program = Program::new()
        .file("compose.yaml", "services: {web: {image: nginx:1}}\n")
        .file("data/pg/x.yaml", "image: nginx:1\n");
    let shut = program.path("data/pg");
    fs::set_permissions(&shut, fs::Permissions::from_mode(0o000)).expect("a mode");
    // Root reads everything, unless it gives that right away.
    let mut command = if fs::read_dir(&shut).is_ok() {
        let mut command = Command::new("setpriv");
        command.arg("--bounding-set=-dac_override,-dac_read_search");
        command.arg(env!("CARGO_BIN_EXE_forebay"));
        command
    } else {
        Command::new(env!("CARGO_BIN_EXE_forebay"))
    };
    command.args(["rewrite", ".", "--to", "mirror.gcr.io", "--write"]);
    let output = command.current_dir(program.path("")).output();
    let output = output.expect("the program runs");
    let told = String::from_utf8_lossy(&output.stderr);
    fs::set_permissions(&shut, fs::Permissions::from_mode(0o700)).expect("a mode");
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(told.contains("data/pg"), "{told}");
    let compose = fs::read_to_string(program.path("compose.yaml")).expect("a file");
    assert!(
        compose.contains("mirror.gcr.io/library/nginx:1"),
        "{compose}"
    );
}

#[test]
fn copies_of_others_work_are_left_out_unless_they_are_named() {
    let copies = [
        ".terraform/modules/x",
        "node_modules/x",
        "env/lib/python3/site-packages/x",
        "env/share",
        "go/vendor/x",
        "php/vendor/x",
    ];
    let program = copies.into_iter().fold(Program::new(), |program, folder| {
        program.file(&format!("{folder}/Dockerfile"), "FROM nginx:1\n")
    });
    let program = program
        .file("env/pyvenv.cfg", "")
        .file("go/vendor/modules.txt", "")
        .file("php/vendor/autoload.php", "")
        .file("vendor/Dockerfile", "FROM redis:7\n")
        .file("modules.txt", "");
    let check = ["--to", "mirror.gcr.io", "--check"];
    assert_snapshot!(program.run(&[&["rewrite", "."], &check[..]].concat()));
    let named = program.run(&[&["rewrite", ".terraform"], &check[..]].concat());
    assert!(named.starts_with("exit: 1"), "{named}");
}

#[test]
fn values_of_any_key_are_rewritten_where_the_charts_templates_print_them_as_images() {
    let program = Program::new()
        .file("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n")
        .file(
            "chart/values.yaml",
            "sidecar: \"redis:7\" # kept\nq: {img: 'busybox:1'}\nnote: nginx:1\nhost: quay.io\npart: redis:7\n",
        )
        .file(
            "chart/templates/web/d.yaml",
            "kind: Pod\nspec:\n  containers:\n  - image: {{ .Values.sidecar }}\n  - image: \"{{ .Values.q.img }}\"\n  \
             - image: {{ .Values.host }}/{{ .Values.part }}\n",
        );
    let told = program.run(&["rewrite", "chart", "--to", "mirror.gcr.io"]);
    for line in [
        "+sidecar: \"mirror.gcr.io/library/redis:7\" # kept\n+q: {img: 'mirror.gcr.io/library/busybox:1'}\n note: nginx:1\n",
        "chart/templates/web/d.yaml:6: left as it is: {{ .Values.host }}/{{ .Values.part }}: ",
        "2 images in 1 file would change, 1 place left as is",
    ] {
        assert!(told.contains(line), "{line} is not in:\n{told}");
    }
}

#[test]
fn what_compose_builds_keeps_its_name() {
    let program = Program::new().file(
        "compose.yaml",
        "services:\n  own:\n    build: .\n    image: redis:dev\n  other:\n    image: redis:7\n",
    );
    let told = program.run(&["rewrite", "compose.yaml", "--to", "mirror.gcr.io"]);
    for line in [
        "+    image: mirror.gcr.io/library/redis:7\n",
        "compose.yaml:4: left as it is: redis:dev: it is built here",
        "1 image in 1 file would change, 1 place left as is",
    ] {
        assert!(told.contains(line), "{line} is not in:\n{told}");
    }
}

#[test]
fn a_chart_is_rewritten_in_its_values_and_its_templates_need_nobody() {
    let program = Program::new()
        .file("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\nappVersion: \"1.27\"\n")
        .file(
            "chart/values.yaml",
            "image:\n  repository: nginx\n  tag: \"\"\nside:\n  image: busybox:1.36\n",
        )
        .file(
            "chart/templates/web.yaml",
            "kind: Pod\nspec:\n  containers:\n  - image: \"{{ .Values.image.repository }}:{{ .Values.image.tag | default \
             .Chart.AppVersion }}\"\n  - image: {{ .Values.side.image }}\n  - image: redis:7\n  - image: {{ .Values.unknown }}\n",
        );
    assert_snapshot!(program.run(&["rewrite", "chart", "--to", "mirror.gcr.io"]));
}

#[test]
fn what_a_record_says_of_files_elsewhere_is_taken_back_only_where_they_are_named() {
    let program = Program::new()
        .file("home/Dockerfile", "FROM nginx:1\n")
        .file("repo/Dockerfile", "FROM nginx:1\n")
        .file("repo/.git/config", "FROM nginx:1\n");
    std::os::unix::fs::symlink("../home", program.path("repo/link")).expect("a link");
    let record = ["--record", "repo/.forebay-rewrite.json"];
    let told = rewrite(&program, &[&["repo"], &record[..]].concat());
    assert!(told.starts_with("exit: 0"), "{told}");
    let written = fs::read_to_string(program.path("repo/Dockerfile")).expect("a file");
    for path in [
        "../home/Dockerfile",
        "link/Dockerfile",
        ".git/config",
        "sub/../Dockerfile",
    ] {
        let kept = fs::read_to_string(program.path(record[1])).expect("a record");
        let forged = kept.replace("\"Dockerfile\"", &format!("\"{path}\""));
        assert_ne!(kept, forged);
        fs::create_dir_all(program.path("repo/sub")).expect("a folder");
        for file in ["home/Dockerfile", "repo/.git/config", "repo/Dockerfile"] {
            fs::write(program.path(file), &written).expect("a file");
        }
        fs::write(program.path(record[1]), forged).expect("a record");
        let undo = [&["rewrite", "--undo"], &record[..]].concat();
        let told = program.run(&undo);
        assert!(told.starts_with("exit: 3"), "{path}: {told}");
        assert!(
            told.contains("is not one of the files below"),
            "{path}: {told}"
        );
        for file in ["home/Dockerfile", "repo/.git/config", "repo/Dockerfile"] {
            assert_eq!(
                fs::read_to_string(program.path(file)).expect("a file"),
                written
            );
        }
        fs::write(program.path(record[1]), kept).expect("a record");
    }
    let elsewhere = rewrite(
        &program,
        &["repo/Dockerfile", "--record", "home/record.json"],
    );
    assert!(elsewhere.starts_with("exit: 0"), "{elsewhere}");
}

#[test]
fn a_file_elsewhere_is_taken_back_where_it_is_named_again() {
    let program = Program::new()
        .file("a/Dockerfile", "FROM nginx:1\n")
        .file("b/x", "");
    let record = ["--record", "b/record.json"];
    rewrite(&program, &[&["a"], &record[..]].concat());
    let told = program.run(&[&["rewrite", "--undo"], &record[..]].concat());
    assert!(told.starts_with("exit: 3"), "{told}");
    let told = program.run(&[&["rewrite", "--undo", "a"], &record[..]].concat());
    assert!(told.starts_with("exit: 0"), "{told}");
    let now = fs::read_to_string(program.path("a/Dockerfile")).expect("a file");
    assert_eq!(now, "FROM nginx:1\n");
}

#[test]
fn a_name_that_no_record_can_hold_is_not_written() {
    use std::os::unix::ffi::OsStrExt as _;

    let program = Program::new().file("x", "");
    let name = std::ffi::OsStr::from_bytes(b"Dockerfile.\xff");
    let path = program.path("").join(name);
    fs::write(&path, "FROM nginx:1\n").expect("a file");
    let told = rewrite(&program, &["."]);
    assert!(told.starts_with("exit: 3"), "{told}");
    assert!(told.contains("its name is not UTF-8"), "{told}");
    assert_eq!(fs::read_to_string(&path).expect("a file"), "FROM nginx:1\n");
}

#[test]
fn a_check_fails_where_a_file_is_not_what_it_says_it_is() {
    let program = Program::new().file("a.yaml", "kind: Pod\nspec: {image: [\n");
    let told = program.run(&["rewrite", ".", "--to", "mirror.gcr.io", "--check"]);
    assert!(told.starts_with("exit: 3"), "{told}");
    assert!(told.contains("not YAML"), "{told}");
}

#[test]
fn a_pipe_is_no_file_and_nobody_waits_for_it() {
    let program = Program::new();
    let made = Command::new("mkfifo")
        .arg(program.path("Dockerfile"))
        .status();
    assert!(made.expect("mkfifo runs").success());
    let told = rewrite(&program, &["Dockerfile"]);
    assert!(told.starts_with("exit: 3"), "{told}");
    assert!(told.contains("it is a pipe or a device"), "{told}");
}

//! `setup --registry`: what kubectl and docker are had to do with a password, and what is left alone.

use insta::assert_snapshot;

use crate::program::Program;
use crate::setup::{HERE, read, recording, setup_here};

const PASSWORD: &str = "dckr_pat_0123456789-\"x";

const SECRET: [&str; 3] = ["kubernetes", "--registry", "hub"];

/// A kubectl that tells of a secret and a service account, writes down how it was called, and fails at what this says.
fn kubectl(secret: &str, account: &str, fails: &str) -> Program {
    let program = Program::new();
    let script = format!(
        "#!/bin/sh\necho \"kubectl $*\" >>calls\n[ \"$1\" = get ] && echo 'Warning: a thing is old' >&2 && \
         case $* in *serviceaccount*) echo '{account}';; *) echo '{secret}';; esac\n[ \"$1\" = '{fails}' ] || exit 0\n\
         manifest=$(cat)\nprintf 'Error: when applying patch:\\n%s\\nto: %s %s\\n' \"$manifest\" \"$(printf %s \"$manifest\" | base64 \
         --wrap=0)\" '{PASSWORD}' >&2\nexit 1\n"
    );
    let bin = program.path("bin");
    program
        .file_with_mode("bin/kubectl", &script, 0o755)
        .env("PATH", &format!("{}:/usr/bin:/bin", bin.display()))
}

fn write(program: &Program) -> String {
    let _one = HERE.lock();
    let login = ["--username", "bob", "--password-stdin", "--write"];
    let args = [&["setup"], &SECRET[..], &login[..]].concat();
    program.run_with_input(&args, &format!("{PASSWORD}\n"))
}

#[test]
fn a_password_goes_by_standard_input() {
    let program = recording(Program::new(), "kubectl");
    assert_snapshot!("pull-secret", write(&program));
    assert!(!read(&program, "calls").contains("dckr_pat"));
    let input = read(&program, "input");
    assert!(
        input.contains("\"kubernetes.io/dockerconfigjson\""),
        "{input}"
    );
}

#[test]
fn what_is_printed_has_pods_use_the_secret_beside_those_that_they_have() {
    let printed = |program: &Program| {
        let login = ["--username", "bob", "--password-stdin"];
        let args = [&["setup"], &SECRET[..], &login[..]].concat();
        program.run_with_input(&args, &format!("{PASSWORD}\n"))
    };
    let program = kubectl("", "THE-LIST", "");
    let told = printed(&program);
    assert_snapshot!("pull-secret-printed", told);
    let (_, script) = told.split_once("\nlist=").expect("a list");
    let (script, _) = script.split_once("-----").expect("an end");
    let calls = |fails: &str| {
        let program = kubectl("", "THE-LIST", fails);
        let path = format!("{}:/usr/bin:/bin", program.path("bin").display());
        let mut shell = std::process::Command::new("/bin/sh");
        let shell = shell
            .args(["-c", &format!("list={script}")])
            .env("PATH", path);
        let shell = shell.stdin(std::process::Stdio::null());
        shell
            .current_dir(program.path(""))
            .output()
            .expect("a shell");
        read(&program, "calls")
    };
    let patch =
        "kubectl patch --namespace default serviceaccount default --type merge --patch THE-LIST\n";
    assert!(calls("").ends_with(patch), "{}", calls(""));
    assert!(!calls("get").contains("patch"), "{}", calls("get"));
}

#[test]
fn a_program_that_fails_does_not_tell_the_password() {
    let program = kubectl("", "7", "apply");
    let told = write(&program);
    assert!(told.contains("failed"), "{told}");
    assert!(told.contains("Error: when applying patch:; "), "{told}");
    for form in ["dckr_pat", "ZGNrcl9wYXRf", "Ry5fcGF0", "eyJhdXRocy"] {
        assert!(!told.contains(form), "{told}");
    }
}

#[test]
fn a_secret_of_somebody_elses_is_neither_changed_nor_taken_away() {
    for secret in ["dockerhub-credentials", "dockerhub-credentials Helm"] {
        let program = kubectl(secret, "7", "");
        for told in [
            write(&program),
            setup_here(&program, &[&SECRET[..], &["--undo"]].concat()),
        ] {
            assert!(told.starts_with("exit: 3"), "{told}");
            assert!(told.contains("was not made by forebay setup"), "{told}");
            assert!(told.contains("kubectl label secret"), "{told}");
        }
        let calls = read(&program, "calls");
        assert!(
            calls.lines().all(|call| call.starts_with("kubectl get ")),
            "{calls}"
        );
    }
}

#[test]
fn a_secret_of_our_own_is_changed_and_taken_away() {
    let program = kubectl(
        "dockerhub-credentials forebay-setup",
        "7 theirs dockerhub-credentials",
        "",
    );
    let told = write(&program);
    assert!(told.starts_with("exit: 0"), "{told}");
    assert_snapshot!(
        "pull-secret-undo",
        setup_here(&program, &[&SECRET[..], &["--undo"]].concat())
    );
    let none = kubectl("", "7", "");
    let told = setup_here(&none, &[&SECRET[..], &["--undo"]].concat());
    assert!(told.contains("there is nothing to undo"), "{told}");
}

#[test]
fn other_pull_secrets_of_the_service_account_stay_and_one_that_it_named_before_stays_named() {
    let patches = |program: &Program| {
        let calls = read(program, "calls");
        let lines = calls.lines().filter(|line| !line.contains(" get "));
        lines.map(str::to_owned).collect::<Vec<_>>().join("\n")
    };
    let program = kubectl("", "7 theirs", "");
    write(&program);
    let both = r#"{"imagePullSecrets":[{"name":"theirs"},{"name":"dockerhub-credentials"}],"metadata":{"resourceVersion":"7"}}"#;
    assert!(patches(&program).ends_with(both), "{}", patches(&program));
    let program = kubectl("", "7 dockerhub-credentials theirs", "");
    write(&program);
    let kept = "label --namespace default secret dockerhub-credentials --overwrite forebay-setup/service-account=kept";
    assert!(patches(&program).ends_with(kept), "{}", patches(&program));
    let program = kubectl(
        "dockerhub-credentials forebay-setup kept",
        "7 dockerhub-credentials theirs",
        "",
    );
    write(&program);
    setup_here(&program, &[&SECRET[..], &["--undo"]].concat());
    let patches = patches(&program);
    assert!(!patches.contains("serviceaccount"), "{patches}");
    assert!(patches.contains("delete secret"), "{patches}");
}

#[test]
fn a_login_that_docker_keeps_is_left_to_who_made_it() {
    let program = recording(Program::new(), "docker");
    let told = setup_here(&program, &["docker", "--registry", "hub", "--undo"]);
    assert!(told.starts_with("exit: 3"), "{told}");
    assert!(told.contains("docker logout docker.io"), "{told}");
    assert!(!program.path("calls").exists());
}

//! Printed commands are pasted into a shell: they end, they send logins nowhere else, and no name that was read is obeyed.

#![expect(
    clippy::unwrap_used,
    reason = "what a test sets up has to work, or the test has failed"
)]

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use forebay_doctor::explain;

use crate::found::find;
use crate::sayings::{LIMIT, commands, ecs, events, limited, sources, told};

/// What makes a service account's new list of its old one, in the version that was read; kubectl was had to carry it out.
const TEMPLATE: &str = r#"{"metadata":{"resourceVersion":"{{.metadata.resourceVersion}}"},"imagePullSecrets":[{{range .imagePullSecrets}}{{if ne .name "dockerhub-credentials"}}{"name":"{{.name}}"},{{end}}{{end}}{"name":"dockerhub-credentials"}]}"#;

/// A placeholder as somebody fills it in: `<` and `>` are obeyed.
pub(crate) fn filled(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('<') {
        out.push_str(before);
        let name = behind.split_once('>').filter(|(name, _)| {
            !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-.".contains(c))
        });
        if let Some((name, after)) = name {
            out.push_str(name);
            rest = after;
        } else {
            out.push('<');
            rest = behind;
        }
    }
    out + rest
}

pub(crate) fn sh(script: &str, arguments: &[&str], folder: &Path) -> std::process::Output {
    let path = format!("{}:/usr/bin:/bin", folder.display());
    let mut child = Command::new("/bin/sh")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(script.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

/// A folder with programs that only tell what they were asked, and what came in.
pub(crate) fn fakes(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("forebay-pasted-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("token.txt"), "t0ken").unwrap();
    for tool in ["aws", "kubectl", "docker", "forebay"] {
        let path = folder.join(tool);
        let script = "#!/bin/sh\necho \"$0 $*\" >> asked\ncase \"$*\" in *stdin*) cat >> asked; echo >> asked;; esac\n";
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

/// The commands of a text, as they are selected with the mouse: without the prompt, indented.
fn selected(text: &str) -> String {
    let lines = text.lines().filter(|line| line.starts_with("      "));
    let lines: Vec<&str> = lines
        .map(|line| line.trim_start().strip_prefix("$ ").unwrap_or(line))
        .collect();
    lines.join("\n")
}

#[test]
fn each_command_is_one_for_a_shell_as_it_is_printed() {
    let folder = fakes("parse");
    for source in sources() {
        let (_, ways) = find(&[&source]);
        for command in commands(&ways) {
            for text in [command.clone(), selected(&shown(&command))] {
                let out = sh(&filled(&text), &["-n"], &folder);
                let said = String::from_utf8_lossy(&out.stderr).into_owned();
                assert!(out.status.success() && said.is_empty(), "{text}: {said}");
                assert!(!text.contains("<<"), "{text}");
            }
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_service_account_gets_a_pull_secret_beside_its_own_or_is_left_as_it_is() {
    let (_, ways) = find(&[&limited(&["redis:7"])]);
    let commands = commands(&ways);
    let command = commands.iter().find(|one| one.contains("serviceaccount"));
    let folder = fakes("listed");
    let asked = |script: &str| {
        std::fs::write(folder.join("kubectl"), script).unwrap();
        let _ = std::fs::remove_file(folder.join("asked"));
        sh(&filled(command.unwrap()), &[], &folder);
        std::fs::read_to_string(folder.join("asked")).unwrap()
    };
    let tells =
        "#!/bin/sh\ncase \"$*\" in *' get '*) echo THE-LIST; exit;; esac\necho \"$*\" >>asked\n";
    let patch = "--namespace shop patch serviceaccount default --type merge --patch THE-LIST\n";
    assert!(asked(tells).ends_with(patch), "{}", asked(tells));
    let fails =
        "#!/bin/sh\ncase \"$*\" in *' get '*) echo '{'; exit 1;; esac\necho \"$*\" >>asked\n";
    assert!(!asked(fails).contains("patch"), "{}", asked(fails));
    let refuses = "#!/bin/sh\necho \"$*\" >>asked\ncase \"$*\" in *patch*) exit 1;; esac\n";
    assert_eq!(asked(refuses).matches(" patch ").count(), 1);
    let template = command
        .unwrap()
        .split('\'')
        .find_map(|word| word.strip_prefix("go-template="));
    assert_eq!(template.unwrap(), TEMPLATE);
    std::fs::remove_dir_all(&folder).unwrap();
}

/// What stands in a shell's single quotes, and is JSON by its first letters.
fn json_in(command: &str) -> Vec<String> {
    let words = command.split('\'').skip(1).step_by(2);
    let is_json = |word: &&str| {
        let mut letters = word.chars().filter(|c| !c.is_whitespace());
        letters.next() == Some('{') && letters.next() == Some('"')
    };
    words.filter(is_json).map(str::to_owned).collect()
}

#[test]
fn each_json_is_one_as_it_is_printed() {
    let mut kinds = std::collections::BTreeSet::new();
    for source in sources() {
        let (found, ways) = find(&[&source]);
        let steps = ways.ways.iter().flat_map(|way| &way.steps);
        let codes = steps.filter_map(|step| step.code.as_ref());
        let mut texts: Vec<String> = Vec::new();
        for code in codes {
            match code.language {
                "json" if code.text.starts_with('"') => texts.push(format!("{{{}}}", code.text)),
                "json" => texts.push(code.text.clone()),
                _ => texts.extend(json_in(&code.text)),
            }
        }
        let questions = found.missing.iter().map(|missing| missing.command.as_str());
        let next = found.also.iter().map(|also| also.next.as_str());
        texts.extend(questions.chain(next).flat_map(json_in));
        for text in texts {
            let read: Result<serde_json::Value, _> = serde_json::from_str(&text);
            kinds.extend(
                read.as_ref()
                    .ok()
                    .and_then(|json| Some(json.as_object()?.keys().next()?.clone())),
            );
            assert!(read.is_ok(), "{text}: {read:?}");
        }
    }
    let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
    for kind in ["auths", "password", "spec", "Statement"] {
        assert!(kinds.contains(&kind), "{kind}: {kinds:?}");
    }
}

fn shown(command: &str) -> String {
    let section = forebay_doctor::Section::new("x").code(forebay_doctor::Code::shell(command));
    forebay_doctor::Document::new("x", [section]).to_text()
}

#[test]
fn a_login_that_is_kept_comes_whole_by_a_pipe_and_no_token_is_on_a_command_line() {
    let folder = fakes("run");
    for (text, wanted) in [
        (
            ecs("acme/api:9", LIMIT),
            r#"{"username":"docker-id","password":"t0ken"}"#,
        ),
        (
            ecs("acme/api:9", LIMIT),
            r#"{"username":"docker-id","accessToken":"t0ken"}"#,
        ),
        (
            limited(&["redis:7"]),
            r#"{"auths":{"https://index.docker.io/v1/":{"username":"docker-id","password":"t0ken"}}}"#,
        ),
    ] {
        let (_, ways) = find(&[&text]);
        let all = commands(&ways);
        let piped: Vec<&String> = all
            .iter()
            .filter(|text| text.starts_with("printf '{"))
            .collect();
        assert!(!piped.is_empty());
        for command in &all {
            assert!(
                !command.contains("access-token") && !command.contains("--docker-password"),
                "{command}"
            );
        }
        let asked = folder.join("asked");
        let _ = std::fs::remove_file(&asked);
        for command in piped {
            let out = sh(&filled(command), &[], &folder);
            assert!(out.status.success(), "{command}: {out:?}");
        }
        let told = std::fs::read_to_string(&asked).unwrap();
        assert!(told.lines().any(|line| line == wanted), "{wanted}: {told}");
        let typed = told.lines().filter(|line| line.starts_with('/'));
        assert!(typed.clone().all(|line| !line.contains("t0ken")), "{told}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Each place of an image or message, from which a command takes something, with what a shell or AWS' tools would obey.
#[test]
fn nothing_that_was_read_is_obeyed_and_no_login_goes_elsewhere() {
    let hosts = [
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com$(id)",
        "123456789012.dkr.ecr.$(id).amazonaws.com",
        "$(id).dkr.ecr.eu-west-1.amazonaws.com",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com:9",
        "evil.example",
    ];
    let good = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
    let mut images: Vec<String> = hosts
        .iter()
        .map(|host| format!("{host}/docker-hub/library/nginx:1.27"))
        .collect();
    for path in [
        "$(id)/library/nginx:1",
        "docker-hub/$(id):1",
        "docker-hub/nginx:$(id)",
        "docker-hub/`id`:1",
        "--x/nginx:1",
        "docker-hub/nginx:1;id",
        "docker-hub/nginx:1'id'",
    ] {
        images.push(format!("{good}/{path}"));
    }
    let said = |image: &str| {
        [
            events(&[(
                "pod/web-7d4b9c6f8d-x2x7k",
                &format!(
                    "Failed to pull image \"{image}\": failed to resolve reference \"{image}\": {image}: not found"
                ),
            )]),
            events(&[(
                "pod/web-7d4b9c6f8d-x2x7k",
                &format!("Failed to pull image \"{image}\": no basic auth credentials"),
            )]),
            ecs(
                image,
                &format!("failed to resolve ref {image}: {image}: not found"),
            ),
            ecs(
                image,
                &format!(
                    "{image}: 403 Forbidden: User: arn:aws:sts::123456789012:assumed-role/$(id)/s is not authorized to perform: ecr:BatchImportUpstreamImage on resource: arn:aws:ecr:$(id):123456789012:repository/$(id)/nginx"
                ),
            ),
            limited(&[image]),
        ]
    };
    for text in images.iter().flat_map(|image| said(image)) {
        let (found, ways) = find(&[&text]);
        let told = commands(&ways).join("\n");
        for bad in ["$(id)", "`id`", ";id", "'id'", "/--x", " --x/"] {
            assert!(!told.contains(bad), "{bad}: {text}\n{told}");
        }
        let rule = found
            .cause
            .as_ref()
            .and_then(|cause| cause.pull_through.as_ref());
        assert!(rule.is_none_or(|rule| rule.host == good), "{rule:?}");
        let logins = told
            .lines()
            .filter(|line| line.contains("get-login-password"));
        for line in logins {
            let host = line
                .rsplit(' ')
                .find(|word| word.contains(".dkr.ecr."))
                .unwrap_or("");
            assert!(
                host.is_empty() || host.ends_with(".amazonaws.com"),
                "{line}"
            );
        }
    }
}

#[test]
fn what_is_no_name_of_kubernetes_gets_no_command() {
    for name in ["../x", "a:--x", "team/--x", "."] {
        let text = format!(
            r#"{{"kind": "Pod", "metadata": {{"name": "{name}", "namespace": "{name}"}}, "spec": {{"containers": [{{"name": "{name}", "image": "acme/api:1", "imagePullPolicy": "Always"}}]}}, "status": {{"containerStatuses": [{{"name": "{name}", "image": "acme/api:1", "restartCount": 9, "lastState": {{"terminated": {{"exitCode": 1, "reason": "Error", "finishedAt": "2026-01-15T14:39:00Z"}}}}}}]}}}}
{}"#,
            limited(&["acme/api:1"])
        );
        let told = told(&text);
        for place in [
            "--namespace ",
            "pod ",
            "--container ",
            "logs ",
            "deployment/",
        ] {
            assert!(!told.contains(&format!("{place}{name} ")), "{name}: {told}");
        }
        assert!(
            !told.contains("--x") && !told.contains(".."),
            "{name}: {told}"
        );
    }
}

#[test]
fn each_blank_in_a_command_is_told_what_to_fill_in() {
    let is_name = |c: char| c.is_ascii_lowercase() || c == '-' || c == '.';
    for source in sources() {
        let (found, ways) = find(&[&source]);
        let long = explain(&found, &ways).to_text();
        for command in commands(&ways) {
            for rest in command.split('<').skip(1) {
                let Some((name, _)) = rest.split_once('>') else {
                    continue;
                };
                if !name.is_empty() && name.chars().all(is_name) {
                    assert!(long.contains(&format!("<{name}>: ")), "<{name}>: {command}");
                }
            }
        }
    }
}

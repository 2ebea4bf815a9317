//! Whatever stood there: what is set up is set up once, and undoing gives back every byte.

use std::fmt::Write as _;

use forebay_setup::{Client, Record, Undo, plan};
use proptest::prelude::*;

use crate::disk::{Disk, order, set_up};

/// Undoes what the record of a plan says.
fn undone(before: &Disk, client: Client) -> Disk {
    let made = plan(&order(client), before).expect("it can be set up");
    let mut after = before.after(&made);
    let mut record = Record::new();
    for change in &made.files {
        record
            .note(change, change.before.as_deref())
            .expect("nobody changed it");
    }
    let record = Record::parse(&record.to_text()).expect("a record");
    for written in &record.files {
        match written.undo(after.0.get(&written.path).map(String::as_str)) {
            Undo::Restore(text) => drop(after.0.insert(written.path.clone(), text)),
            Undo::Remove => drop(after.0.remove(&written.path)),
            Undo::Done | Undo::Refuse => panic!("{} is not as it was written", written.path),
        }
    }
    after
}

/// JSON as people indent it: with spaces, tabs, in one line, with either line end.
fn daemon_json() -> impl Strategy<Value = String> {
    let mirrors = prop::option::of(prop::collection::vec(
        "https://[a-z]{1,5}(\\.example)?/?",
        0..4,
    ));
    let others = prop::collection::btree_map("[a-z\"\\\\é]{1,6}", "[ -~]{0,8}", 0..4);
    let style = (
        prop::sample::select(vec!["  ", "\t", ""]),
        any::<bool>(),
        any::<bool>(),
    );
    (mirrors, others, style).prop_map(|(mirrors, others, (indent, has_crlf, is_last))| {
        let mut members: Vec<String> = others
            .iter()
            .map(|(key, value)| format!("{}: {}", quoted(key), quoted(value)))
            .collect();
        if let Some(mirrors) = mirrors {
            let items: Vec<String> = mirrors.iter().map(|mirror| quoted(mirror)).collect();
            let member = format!("\"registry-mirrors\": [{}]", items.join(", "));
            let at = if is_last { members.len() } else { 0 };
            members.insert(at, member);
        }
        let (end, last) = if indent.is_empty() {
            ("", "")
        } else {
            ("\n", "\n")
        };
        let lines: Vec<String> = members
            .iter()
            .map(|member| format!("{indent}{member}"))
            .collect();
        let text = format!("{{{end}{}{end}}}{last}", lines.join(&format!(",{end}")));
        if has_crlf {
            text.replace('\n', "\r\n")
        } else {
            text
        }
    })
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn registries_yaml() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["docker.io", "ghcr.io", "\"*\"", "quay.io"]);
    let endpoints = prop::collection::vec("https://[a-z]{1,6}", 0..3);
    let mirror = (name, endpoints, any::<bool>());
    let indent = prop::sample::select(vec![1_usize, 2, 4]);
    (
        prop::collection::btree_map(0..4_u8, mirror, 0..4),
        indent,
        any::<bool>(),
    )
        .prop_map(|(mirrors, indent, has_comment)| {
            let mut text = String::from("# registries\nmirrors:\n");
            let mut seen = Vec::new();
            let pad = |depth: usize| " ".repeat(indent * depth);
            for (name, endpoints, is_flow) in mirrors.into_values() {
                if seen.contains(&name) {
                    continue;
                }
                seen.push(name);
                let _ = writeln!(text, "{}{name}: # of {}", pad(1), seen.len());
                if is_flow {
                    let _ = writeln!(text, "{}endpoint: [{}]", pad(2), endpoints.join(", "));
                } else {
                    let _ = writeln!(text, "{}endpoint:", pad(2));
                    for endpoint in endpoints {
                        let _ = writeln!(text, "{}- {endpoint}", pad(2));
                    }
                }
            }
            if has_comment {
                text.push_str("\n# the end\nconfigs:\n  a:\n    auth: {}");
            }
            text
        })
}

proptest! {
    #[test]
    fn daemon_json_is_merged_once_and_undone_whole(text in daemon_json()) {
        let before = Disk::with("/etc/docker/daemon.json", &text);
        let after = set_up(&order(Client::Docker), &before);
        let value: serde_json::Value = serde_json::from_str(after.text("/etc/docker/daemon.json")).expect("JSON");
        let old: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        prop_assert_eq!(&value["registry-mirrors"][0], "http://10.0.0.5:5000");
        for (key, kept) in old.as_object().expect("an object") {
            if key != "registry-mirrors" {
                prop_assert_eq!(&value[key], kept);
            }
        }
        prop_assert_eq!(undone(&before, Client::Docker), before);
    }

    #[test]
    fn registries_yaml_is_merged_once_and_undone_whole(text in registries_yaml()) {
        let path = "/etc/rancher/k3s/registries.yaml";
        let before = Disk::with(path, &text);
        let after = set_up(&order(Client::K3s), &before);
        // Only lines are added, or a line in brackets grows: what stood there stands there in its order.
        let mut rest = after.text(path);
        for word in text.split_whitespace().filter(|word| !word.contains(['[', ']'])) {
            let at = rest.find(word);
            prop_assert!(at.is_some(), "{word} is lost in:\n{}", after.text(path));
            rest = &rest[at.unwrap_or(0) + word.len()..];
        }
        prop_assert_eq!(undone(&before, Client::K3s), before);
    }
}

#[test]
fn every_client_is_undone_whole() {
    for client in Client::ALL {
        assert_eq!(
            undone(&Disk::default(), client),
            Disk::default(),
            "{client}"
        );
    }
}

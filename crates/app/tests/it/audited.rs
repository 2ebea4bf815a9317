//! What changes a registry from beside its clients is in the audit log: reloads, and what `forebay fsck` mends.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::program::Forebay;
use crate::repositories::{by_socket, digest, is_pushed, run};

const PUSHED: &str = "[clients]\nloopback_push = true\n";

/// By whom, what came of it, and what is told beside, of each line of the audit log with this act.
fn told(setup: &Forebay, act: &str) -> Vec<[String; 3]> {
    let text = fs::read_to_string(setup.data().join("audit.jsonl")).expect("an audit log");
    let lines = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"));
    let word = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
    let found = lines.filter(|line: &Value| line["act"] == act);
    found
        .map(|line| ["who", "outcome", "detail"].map(|key| word(&line, key)))
        .collect()
}

fn mends(setup: &Forebay) -> Vec<[String; 3]> {
    told(setup, "mend-repositories")
}

fn words(who: &str, outcome: &str, detail: &str) -> [String; 3] {
    [who, outcome, detail].map(str::to_owned)
}

/// The server's setup with this at the top of its configuration.
fn configured(setup: &Forebay, top: &str, sections: &str) -> Forebay {
    setup
        .clone()
        .anew()
        .with(&format!("{top}{PUSHED}{sections}"))
}

/// The file with the bytes of what was pushed as `name`.
fn at_rest(setup: &Forebay, name: &str) -> PathBuf {
    let digest = digest(name);
    let hex = digest.strip_prefix("sha256:").expect("its algorithm");
    let blobs = setup.data().join("registry/blobs/sha256");
    blobs.join(&hex[..2]).join(hex)
}

#[tokio::test]
async fn a_reload_is_told_with_the_sections_that_changed_and_none_of_their_values() {
    let setup = configured(&Forebay::new(), "local = [\"team/*\"]\n", "");
    let program = setup.start().await;
    is_pushed(&program, "team/app:1", "one").await;
    let after = |top: &str, sections: &str| configured(&setup, top, sections).write_config();

    after(
        "local = [\"team/**\", \"more/*\"]\n",
        "[cache]\nmax_size = \"1GB\"\n",
    );
    assert!(program.reload().await);
    after(
        "local = [\"team/**\", \"more/*\"]\n",
        "[server]\ndrain = \"5s\"\n",
    );
    assert!(program.reload().await);
    let upstream = "[upstreams.\"quay.io\"]\nusername = \"bot\"\npassword = \"hunter2hunter2\"\n";
    after("local = [\"team/**\", \"more/*\"]\n", upstream);
    assert!(program.reload().await);
    assert!(program.reload().await);
    after("", upstream);
    assert!(
        !program.reload().await,
        "it takes the names of what is held"
    );
    after(
        "local = [\"team/**\"]\nno_such_key = \"hunter3\"\n",
        upstream,
    );
    assert!(!program.reload().await);

    assert_eq!(
        told(&setup, "reload-configuration"),
        [
            words("operator", "done", "local +more/* +team/** -team/*, cache"),
            words("operator", "done", "cache, server (with the next start)"),
            words(
                "operator",
                "done",
                "upstreams.quay.io, server (with the next start)"
            ),
            words("operator", "done", "no section"),
            words("operator", "refused", "local -more/* -team/**"),
            words("operator", "invalid", ""),
        ]
    );
    let log = fs::read_to_string(setup.data().join("audit.jsonl")).expect("an audit log");
    assert!(!log.contains("hunter"), "{log}");
}

#[tokio::test]
async fn what_fsck_mends_is_told_with_and_without_a_server() {
    let setup = configured(&Forebay::new(), "local = [\"team/*\"]\n", "");
    let program = setup.start().await;
    is_pushed(&program, "team/app:1", "one").await;
    is_pushed(&program, "team/app:2", "two").await;

    // Who only looks changes nothing.
    run(&setup, &["fsck", "--dry-run"]).await;
    assert!(mends(&setup).is_empty());
    run(&setup, &["fsck"]).await;
    fs::write(at_rest(&setup, "one"), "other bytes").expect("a file of ours");
    assert_eq!(setup.run(&["fsck"]).await.status.code(), Some(1));
    let lost = digest("one");
    let by_server = [
        words(&by_socket(), "done", "nothing to mend"),
        words(
            &by_socket(),
            "done",
            &format!("1 damaged and put aside; {lost} of team/app:1"),
        ),
    ];
    assert_eq!(mends(&setup), by_server);

    // Rows that are gone are made anew.
    program.stop().await;
    for name in [
        "registry.sqlite",
        "registry.sqlite-wal",
        "registry.sqlite-shm",
    ] {
        let _ = fs::remove_file(setup.data().join(name));
    }
    assert_eq!(setup.run(&["fsck"]).await.status.code(), Some(1));
    let mended = mends(&setup).split_off(by_server.len());
    let made = "made rows anew: 1 repository, 1 manifest, 1 tag, 0 accounts; 1 manifest lost";
    assert_eq!(mended.len(), 1);
    assert_eq!(mended[0][..2], ["command line", "done"]);
    assert!(mended[0][2].starts_with(made), "{}", mended[0][2]);

    // A directory with nothing in it may be a volume that is not mounted: only who says so takes it for lost.
    fs::remove_dir_all(setup.data().join("registry")).expect("a folder of ours");
    setup.run(&["fsck"]).await;
    setup.run(&["fsck", "--accept-loss"]).await;
    let mended = mends(&setup).split_off(by_server.len() + 1);
    let refused = "nothing of what rows tell lies beside them";
    assert_eq!(mended[0], words("command line", "refused", refused));
    assert_eq!(mended[1][..2], ["command line", "done"]);
    let accepted = &mended[1][2];
    assert!(accepted.starts_with("losses accepted; "), "{accepted}");
    assert!(accepted.contains(&digest("two")), "{accepted}");
    assert_eq!(mended.len(), 2);
}

#[tokio::test]
async fn changes_that_cannot_be_written_down_are_told_at_readiness_until_one_is() {
    let setup = configured(&Forebay::new(), "local = [\"team/*\"]\n", "");
    let program = setup.start().await;
    let log = setup.data().join("audit.jsonl");
    fs::create_dir(&log).expect("a folder in its place");
    is_pushed(&program, "team/app:1", "one").await;
    let ready = program.get("/readyz").await.text();
    assert!(ready.starts_with(r#"{"status":"degraded""#), "{ready}");
    assert!(
        ready.contains("changes are made and not written down"),
        "{ready}"
    );
    fs::remove_dir(&log).expect("an empty folder");
    is_pushed(&program, "team/app:2", "two").await;
    let ready = program.get("/readyz").await.text();
    assert_eq!(ready, r#"{"status":"ready","problems":[]}"#);
}

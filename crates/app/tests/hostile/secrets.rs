//! Secrets that are nobody's to read: canaries in every place that a secret comes from, looked for in every place that
//! anything is written to.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use hub_sim::{Arming, Fault, Hub, HubSim, Image, On};
use tempfile::TempDir;

use crate::program::{Setup, upstream};
use crate::pull::{Pulled, pull};
use crate::wire::ask;

const IMAGE: &str = "library/image:1";
const PASSWORD: &str = "canary-password-7f3a";
/// `alice:` and the password, as Basic has it.
const BASIC: &str = "YWxpY2U6Y2FuYXJ5LXBhc3N3b3JkLTdmM2E=";
const TOKEN: &str = "canary-token-91bc";
const CLIENT: &str = "canary-of-a-client-55d0";
const PROXY: &str = "canary-proxy-2e8d";
const ENVIRONMENT: &str = "canary-environment-c4f1";
const WRONG: &str = "canary-wrong-0a6b";

const CANARIES: [&str; 7] = [PASSWORD, BASIC, TOKEN, CLIENT, PROXY, ENVIRONMENT, WRONG];

/// Everything that a run wrote or answered, by where.
#[derive(Default)]
pub(crate) struct Written(Vec<(String, String)>);

impl Written {
    pub(crate) fn add(&mut self, place: impl Into<String>, text: impl Into<String>) {
        self.0.push((place.into(), text.into()));
    }

    /// Everything below a folder, as it lies there.
    pub(crate) fn add_folder(&mut self, folder: &Path) {
        let found = Command::new("find")
            .arg(folder)
            .args(["-type", "f"])
            .output()
            .unwrap();
        for file in String::from_utf8(found.stdout).unwrap().lines() {
            let bytes = fs::read(file).unwrap();
            self.add(file, String::from_utf8_lossy(&bytes));
        }
    }

    pub(crate) fn holds_none_of(&self, canaries: &[String]) {
        for (place, text) in &self.0 {
            for canary in canaries {
                let found = text.lines().find(|line| line.contains(canary));
                assert!(found.is_none(), "{canary} in {place}: {found:?}");
            }
        }
    }
}

async fn hub() -> Hub {
    HubSim::new()
        .image(IMAGE, Image::small())
        .image("library/private:1", Image::small())
        .private("library/private", &["alice"])
        .account("alice", PASSWORD, None)
        .start()
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_written_or_told_at_any_level() {
    for format in ["text", "json"] {
        for source in ["key", "file", "variable"] {
            let hub = hub().await;
            let folder = TempDir::new().unwrap();
            let setup = with_password(setup(&hub, folder.path(), format), source);
            let mut written = Written::default();
            let signed = run_through(&hub, &setup, &mut written).await;
            for words in [
                &["config", "show"][..],
                &["config", "show", "--json"],
                &["config", "check"],
            ] {
                let (_, said) = setup.run(words);
                written.add(words.join(" "), said.out.text() + &said.log.text());
            }
            written.add_folder(&setup.data());
            let canaries = CANARIES.iter().map(|&canary| canary.to_owned());
            let canaries: Vec<_> = canaries.chain(signed).collect();
            assert!(canaries.len() > CANARIES.len(), "signatures were seen");
            // What was said is there to be searched: of each of the two outputs, the answers and the catalog.
            let places = written
                .0
                .iter()
                .filter(|(_, text)| text.contains("library/private"))
                .count();
            assert!(places >= 3, "{places} places");
            written.holds_none_of(&canaries);
        }
    }
}

fn setup(hub: &Hub, folder: &Path, format: &str) -> Setup {
    let proxied = upstream("proxied.test", hub)
        .replace("\"none\"", &format!("\"http://bob:{PROXY}@127.0.0.1:1\""));
    let wrong = upstream("wrong.test", hub);
    Setup::before(hub, folder)
        .with("username = \"alice\"\n#PASSWORD")
        .with(&format!("[log]\nlevel = \"trace\"\nformat = \"{format}\""))
        .with(&format!(
            "{proxied}\nusername = \"carol\"\npassword = \"{WRONG}\""
        ))
        .with(&format!(
            "{wrong}\nusername = \"dave\"\npassword = \"{WRONG}\""
        ))
        .env(
            "HTTPS_PROXY",
            &format!("http://eve:{ENVIRONMENT}@127.0.0.1:1"),
        )
        .env(
            "HTTP_PROXY",
            &format!("http://eve:{ENVIRONMENT}@127.0.0.1:1"),
        )
        .env("AWS_SECRET_ACCESS_KEY", ENVIRONMENT)
        .env("AWS_SESSION_TOKEN", ENVIRONMENT)
}

/// The password of docker.io, written where `source` says.
fn with_password(setup: Setup, source: &str) -> Setup {
    match source {
        "key" => setup.replace("#PASSWORD", &format!("password = \"{PASSWORD}\"")),
        "file" => {
            let file = setup.folder().join("hub.token");
            fs::write(&file, format!("{PASSWORD}\n")).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
            setup.replace("#PASSWORD", "password_file = \"hub.token\"")
        }
        _ => setup.env("FOREBAY_UPSTREAMS__DOCKER_IO__PASSWORD", PASSWORD),
    }
}

/// Pulls that work and pulls that fail in each way in which something is said about it. Gives the signatures that were seen.
async fn run_through(hub: &Hub, setup: &Setup, written: &mut Written) -> Vec<String> {
    let program = setup.start();
    for image in [IMAGE, "library/private:1"] {
        assert_eq!(pull(program.address, hub, image).await, Pulled::Whole);
    }
    let signatures = signatures(hub);
    let client = format!(
        "Authorization: Bearer {CLIENT}\r\nCookie: {CLIENT}\r\nX-Registry-Auth: {CLIENT}\r\n"
    );
    let answer = ask(
        program.address,
        "GET",
        "/v2/library/image/manifests/1",
        &client,
    )
    .await;
    assert_eq!(answer.status, 200);
    for (number, fault) in faults(hub).into_iter().enumerate() {
        let armed = fault.always();
        hub.revoke_tokens();
        for ns in ["docker.io", "wrong.test", "proxied.test"] {
            let path = format!("/v2/library/fault-{number}/manifests/1?ns={ns}");
            let answer = ask(program.address, "GET", &path, &client).await;
            assert!(answer.status >= 400, "{path}: {}", answer.head);
            written.add(path, answer.head.clone() + &answer.text());
        }
        hub.lift(&armed);
    }
    written.add("metrics", program.get("/metrics").await.text());
    written.add("readyz", program.readiness().await);
    let (_, said) = setup.run(&["refresh", "library/absent:1"]);
    written.add("refresh", said.out.text() + &said.log.text());
    program.signal(rustix::process::Signal::HUP);
    let (status, said) = program.stop();
    assert!(status.success());
    assert!(
        said.log.text().contains("TRACE") || said.log.text().contains("DEBUG"),
        "{}",
        said.log.text()
    );
    libraries_say_only_what_is_wrong(&said.log.text());
    written.add("standard output", said.out.text());
    written.add("standard error", said.log.text());
    // What a client sent is not handed on.
    let handed_on = |record: &hub_sim::Record| {
        record
            .headers
            .iter()
            .any(|(_, value)| value.contains(CLIENT))
            || record.target.contains(CLIENT)
    };
    assert_eq!(hub.count(handed_on), 0);
    assert_eq!(
        hub.count(|record| format!("{:?}", record.authorization).contains(CLIENT)),
        0
    );
    signatures
}

/// The libraries below us know secrets too, and tell them at levels of theirs: TLS and HTTP their bytes, SQL its values.
fn libraries_say_only_what_is_wrong(log: &str) {
    for line in log.lines() {
        let (level, target) = level_and_target(line);
        let is_ours = target.starts_with("forebay");
        assert!(
            is_ours || ["WARN", "ERROR"].contains(&level.as_str()),
            "{line}"
        );
    }
}

fn level_and_target(line: &str) -> (String, String) {
    if let Ok(record) = serde_json::from_str::<serde_json::Value>(line) {
        let word = |key: &str| record[key].as_str().unwrap_or_default().to_owned();
        return (word("level"), word("target"));
    }
    let mut words = line.split_whitespace().skip(1);
    let level = words.next().unwrap_or_default().to_owned();
    // Behind the spans that it is in.
    let target = words.find(|word| word.ends_with(':') && !word.contains('}'));
    (level, target.unwrap_or_default().to_owned())
}

/// The ways in which an upstream makes secrets part of what is said about it.
fn faults(hub: &Hub) -> [Arming<'_>; 7] {
    let echo =
        format!("bad credentials: Basic {BASIC}, password={PASSWORD} token={TOKEN} Bearer {TOKEN}");
    let echo = format!(
        "{{\"errors\":[{{\"code\":\"DENIED\",\"message\":\"{echo}\"}}],\"token\":\"{TOKEN}\"}}"
    );
    let token = Bytes::from(format!(
        "{{\"token\":\"{TOKEN}\",\"access_token\":\"{TOKEN}\",\"refresh_token\":\"{TOKEN}\"}}"
    ));
    let realm = hub
        .token_url()
        .replace("http://", &format!("http://alice:{PASSWORD}@"));
    let location =
        format!("http://10.0.0.1/blob?X-Amz-Signature={TOKEN}&sig={TOKEN}&token={TOKEN}");
    [
        hub.fault(Fault::Reply(403, Vec::new(), echo.clone().into()))
            .on(On::Manifest),
        hub.fault(Fault::Reply(500, Vec::new(), echo.clone().into()))
            .on(On::Manifest),
        hub.fault(Fault::Reply(200, Vec::new(), token))
            .on(On::Token),
        hub.fault(Fault::Realm(realm)).on(On::Registry),
        hub.fault(Fault::Redirect(location)).on(On::Manifest),
        hub.fault(Fault::Raw(Bytes::from(format!(
            "no HTTP: {BASIC} Bearer {TOKEN}\n\n"
        ))))
        .on(On::Manifest),
        // Last: a login that was refused rests for a while.
        hub.fault(Fault::Reply(401, Vec::new(), echo.into()))
            .on(On::Token),
    ]
}

/// The signatures of the blobs' addresses.
fn signatures(hub: &Hub) -> Vec<String> {
    let requests = hub.requests_where(|record| record.target.contains("signature="));
    let signature = |record: &hub_sim::Record| {
        let (_, rest) = record.target.split_once("signature=")?;
        rest.split('&').next().map(str::to_owned)
    };
    requests.iter().filter_map(signature).collect()
}

//! `doctor --ledger`: who pulls what through Forebay is told of a running server and of a stopped one, and only looked at.

use std::collections::BTreeMap;
use std::path::Path;

use forebay_blobs_fs::DataLock;
use hub_sim::{HubSim, Image, hours};
use serde_json::Value;

use crate::client::Ask;
use crate::image::Pull;
use crate::program::{Forebay, Program, files_below};

const NGINX: &str = "library/nginx:1.27";

const REDIS: &str = "library/redis:7";

/// How often the culprit pulls its good image, because its container dies.
const PULLS: u64 = 12;

/// What the victim's machine says, which was refused by the registry: without it nothing is wrong, and nobody is sought.
const REFUSED: &str = "Failed to pull image \"redis:7\": toomanyrequests: You have reached your unauthenticated pull rate limit. \
    https://www.docker.com/increase-rate-limit\n";

/// Pulls all of an image, as a workload that says its name; the bytes of it.
async fn pull(program: &Program, image: &Pull, workload: &str) -> u64 {
    let mut bytes = 0;
    for part in std::iter::once(&image.by_tag).chain(&image.blobs) {
        let ask = Ask::get(&part.path).header("forebay-workload", workload);
        part.expect(&program.ask(ask).await);
        bytes += part.bytes.len() as u64;
    }
    bytes
}

async fn diagnose(setup: &Forebay) -> Value {
    let ended = setup
        .run(&["doctor", "--ledger", "refused.log", "--json"])
        .await;
    assert_eq!(ended.status.code(), Some(1), "{}", ended.transcript());
    serde_json::from_str(&ended.out).expect("JSON")
}

/// Who makes most requests, and how many.
fn spender(told: &Value) -> (&str, u64) {
    let culprit = &told["diagnosis"]["culprits"][0];
    let attempts = culprit["requests"]["attempts"].as_u64();
    (
        culprit["name"].as_str().expect("a name"),
        attempts.expect("a number"),
    )
}

/// The files of a data directory, and what is in them.
fn content(data: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = files_below(data).into_iter();
    files
        .map(|name| {
            let bytes = std::fs::read(data.join(&name)).unwrap_or_default();
            (name, bytes)
        })
        .collect()
}

/// The names of those who only suffer.
fn victims(told: &Value) -> Vec<&str> {
    let victims = told["diagnosis"]["victims"].as_array().expect("a list");
    victims
        .iter()
        .filter_map(|victim| victim["name"].as_str())
        .collect()
}

#[tokio::test]
async fn the_ledger_names_who_pulls_a_good_image_again_and_again_with_a_server_and_without() {
    let hub = HubSim::new()
        .image(NGINX, Image::small())
        .image(REDIS, Image::small())
        .anonymous_limit(1, hours(6))
        .start()
        .await;
    let program = Forebay::before(&hub).start().await;
    let setup = program.setup.clone();
    std::fs::write(setup.file("refused.log"), REFUSED).expect("a file");
    let image = Pull::of(&hub, NGINX);
    let mut bytes = 0;
    for _ in 0..PULLS {
        bytes = pull(&program, &image, "web").await;
    }
    // All of the budget went to the first of these.
    let tag = Pull::of(&hub, REDIS).by_tag.path;
    let ask = Ask::get(&tag).header("forebay-workload", "batch");
    let refused = program.ask(ask).await;
    assert!(refused.status >= 400, "{refused:?}");
    hub.clear_requests();

    let running = diagnose(&setup).await;
    assert_eq!(spender(&running), ("client web", PULLS), "{running:#}");
    let victims_told = victims(&running);
    assert!(!victims_told.is_empty(), "{running:#}");
    assert!(!victims_told.contains(&"client web"), "{victims_told:?}");
    let images = running["cost_basis"]["images"].as_array().expect("images");
    let sized = images
        .iter()
        .find(|sized| sized["image"] == "docker.io/library/nginx:1.27");
    let sized = sized.expect("what the culprit pulls");
    assert_eq!(sized["from"]["source"], "ledger");
    assert_eq!(sized["bytes"], bytes);
    // It serves on, and has counted nobody's looking.
    let top = setup.run(&["top", "--once", "--json"]).await;
    let top: Value = serde_json::from_str(&top.out).expect("JSON");
    assert_eq!(top["spent"].as_array().map(Vec::len), Some(2), "{top}");
    program.stop().await;

    let before = content(&setup.data());
    let held = DataLock::acquire(&setup.data()).expect("a lock that nobody holds");
    let stopped = diagnose(&setup).await;
    drop(held);
    assert_eq!(spender(&stopped), spender(&running));
    assert_eq!(victims(&stopped), victims_told);
    assert_eq!(stopped["cost_basis"], running["cost_basis"]);
    let mut after = content(&setup.data());
    // Whoever takes the lock, as we did, writes its number there.
    after.insert("lock".to_owned(), before["lock"].clone());
    assert!(
        after == before,
        "{:?} were {:?}",
        after.keys(),
        before.keys()
    );
    assert_eq!(hub.count(|_| true), 0);
}

#[tokio::test]
async fn where_there_is_no_ledger_it_says_so_and_makes_nothing() {
    let setup = Forebay::new();
    let ended = setup.run(&["doctor", "--ledger"]).await;
    assert_eq!(ended.status.code(), Some(3), "{}", ended.transcript());
    assert!(
        ended.log.contains("there is no data directory"),
        "{}",
        ended.log
    );
    assert!(!setup.data().exists());
}

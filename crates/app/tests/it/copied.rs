//! A data directory that was copied while the program was stopped: the same registry and the same cache, byte for byte, and each a
//! registry of its own from then on.

use std::path::Path;
use std::process::Command;

use hub_sim::{Hub, HubSim, Image, Role};
use registry_conformance::life::{Client, Life};
use registry_conformance::registry::Registry;
use serde_json::Value;

use crate::image::Pull;
use crate::program::{Forebay, Program};

/// Clients that push, pull and delete before the copy is made.
const CLIENTS: u64 = 2;

/// What they do, all together.
const ACTS: u64 = 40;

const MAX_LAYER_BYTES: u64 = 64 * 1024;

const IMAGE: &str = "library/nginx:1";

/// What is configured, wherever the data is. Clients remember where their registry is, so each program in its turn is at the same
/// address, which is no other test's.
fn setup(hub: &Hub) -> Forebay {
    let id = std::process::id();
    let address = format!("127.77.{}.{}:5000", id / 250 % 250, 1 + id % 250);
    Forebay::new()
        .with("local = [\"life/**\"]\n[clients]\nloopback_push = true")
        .upstream("docker.io", hub)
        .listening(&address)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_directory_copied_while_stopped_is_the_same_registry_and_the_same_cache() {
    let image = Image::with_layers(&[200_001, 7]);
    let hub = HubSim::new().image(IMAGE, image).start().await;
    let program = setup(&hub).start().await;
    let pull = Pull::of(&hub, IMAGE);
    pull.succeeds(&program).await;
    let kept = "forebay_fills_ended_total{upstream=\"docker.io\",end=\"kept\"}";
    program.until_metric(kept, 3.0).await;
    let base = format!("http://{}", program.address);
    let registry = Registry::new(&base, "life", None, true).expect("an address");
    let life = Life::new(registry, 1, MAX_LAYER_BYTES);
    let living = life.begin(CLIENTS);
    life.until_done(ACTS).await;
    life.end();
    let mut clients = Vec::new();
    for (client, lived) in living.join_all().await {
        assert_eq!(lived, Ok(()), "{}", program.log.text());
        clients.push(client);
    }
    let original = program.stop().await.setup;
    let listed = original.run(&["repo", "list", "--json"]).await;
    let repositories: Value = serde_json::from_str(&listed.out).expect("JSON");
    let some = repositories[0]["name"].as_str().expect("a repository");

    let copy = setup(&hub);
    copy_all(&original.data(), &copy.data());
    hub.clear_requests();
    let program = copy.start().await;
    // Before somebody pulls, which it tells.
    assert_eq!(copy.run(&["repo", "list", "--json"]).await.out, listed.out);
    has_all(&program, &mut clients, &pull).await;
    let downloads = hub.count(|request| request.role != Role::Token && request.is_get());
    assert_eq!(downloads, 0, "{}", hub.requests());
    let emptied = copy.run(&["repo", "delete", some, "--force"]).await;
    assert!(emptied.status.success(), "{}", emptied.log);
    let checked = program.stop().await.setup.run(&["fsck"]).await;
    assert!(checked.status.success(), "{}", checked.transcript());

    // What becomes of the copy is nothing to the original.
    let program = original.start().await;
    has_all(&program, &mut clients, &pull).await;
    let checked = program.stop().await.setup.run(&["fsck"]).await;
    assert!(checked.status.success(), "{}", checked.transcript());
}

/// All that was acknowledged is there, and all that was kept.
async fn has_all(program: &Program, clients: &mut [Client], pull: &Pull) {
    for client in clients {
        assert_eq!(client.check_all().await, Ok(()), "{}", program.log.text());
    }
    pull.succeeds(program).await;
}

fn copy_all(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(copied.expect("cp").success());
}

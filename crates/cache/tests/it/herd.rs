//! Many clients on several threads, at the moment when something is missing or due: one question each, never two.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::bench::{Bench, content};

const ROUNDS: usize = 20;
const CLIENTS: usize = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_tag_that_is_due_costs_a_herd_one_head() {
    let bench = Arc::new(Bench::new().await);
    bench.hub.push("a/b", "latest", "manifest");
    bench.manifest("a/b", "latest").await.unwrap();
    for round in 0..ROUNDS {
        bench.clock.advance(Duration::from_mins(5));
        bench.hub.asked();
        let mut herd = JoinSet::new();
        for _ in 0..CLIENTS {
            let bench = Arc::clone(&bench);
            herd.spawn(async move { bench.manifest("a/b", "latest").await.unwrap().bytes });
        }
        for bytes in herd.join_all().await {
            assert_eq!(bytes, "manifest");
        }
        assert_eq!(bench.hub.asked(), ["HEAD a/b:latest"], "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_missing_costs_a_herd_one_get_and_what_is_absent_one_head() {
    let bench = Arc::new(Bench::new().await);
    for round in 0..ROUNDS {
        let bytes = content(3000 + round);
        let blob = bench.hub.put("a/b", bytes.clone());
        let manifest = bench.hub.put("a/b", format!("manifest {round}"));
        bench.hub.asked();
        let mut herd = JoinSet::new();
        for _ in 0..CLIENTS {
            let (bench, blob, bytes) = (Arc::clone(&bench), blob.clone(), bytes.clone());
            let manifest = manifest.to_string();
            herd.spawn(async move {
                assert_eq!(bench.bytes("a/b", &blob).await.unwrap(), bytes);
                bench.manifest("a/b", &manifest).await.unwrap();
                assert!(
                    bench
                        .manifest("a/b", &format!("gone-{round}"))
                        .await
                        .is_err()
                );
            });
        }
        herd.join_all().await;
        let asked = bench.hub.asked();
        assert_eq!(asked.len(), 3, "round {round}: {asked:?}");
    }
}
